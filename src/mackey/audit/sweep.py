"""Moves the input along a path in the group, and records errors and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mackey.actions import AbstractTensorType
from mackey.audit import aliased
from mackey.audit.course import Step, course
from mackey.audit.element import Element
from mackey.audit.experiment import Experiment, Outputs, relative_error
from mackey.audit.networks import Tensors, numbers
from mackey.audit.orbit import Curve, Orbit, Panel
from mackey.audit.pictures import View, panel
from mackey.audit.watching import Call, watched_run

_LAYERS = 5  # feature maps shown

Named = dict[str, Tensor]


@dataclass
class Layers:
    """Some layers, evenly chosen, and their pictures so far: all that is kept, so that memory does not grow
    with the steps.
    """

    views: list[View]
    frames: dict[str, list[Tensor]]

    @classmethod
    def of(cls, calls: Mapping[str, Call]) -> "Layers":
        views = [view for name, call in _telling(calls) if (view := View.of(name, "layer", call.out, None))]
        last = len(views) - 1
        chosen = sorted({round(i * last / (_LAYERS - 1)) for i in range(_LAYERS)}) if views else []
        return cls([views[i] for i in chosen], {views[i].name: [] for i in chosen})

    def add(self, calls: Mapping[str, Call]) -> None:
        """The pictures of one step; a layer that did not run is left out of the panels."""
        for view in self.views:
            if view.name in calls and calls[view.name].out.ndim == view.ndim:
                self.frames[view.name].append(view.frame(calls[view.name].out))

    def panels(self, steps: int) -> list[Panel]:
        whole = [view for view in self.views if len(self.frames[view.name]) == steps]
        drawn = [panel(view, self.frames[view.name]) for view in whole]
        return [one for one in drawn if one is not None]


def sweep(experiment: Experiment, tested: Sequence[Element]) -> Orbit:
    """Errors and pictures at each step of the path, in float64; one forward pass a step. Images are smooth
    formulas, as off the grid, so that only the network and the interpolation of its output alias.
    """
    path = course(experiment, tested)
    moved = [(step, inputs) for step in path.steps if (inputs := _inputs(experiment, step)) is not None]
    steps = [step for step, _ in moved]
    start = next(i for i, step in enumerate(steps) if step.motion is None)
    plain, calls = watched_run(experiment.exact, moved[start][1])
    layers = Layers.of(calls)
    outputs = []
    for _, inputs in moved:
        out, calls = watched_run(experiment.exact, inputs)
        outputs.append(out)
        layers.add(calls)
    declared = experiment.out_types(Outputs(plain, plain))
    wanted = [{name: _wanted(plain[name], t, step) for name, t in declared.items()} for step in steps]
    floors = {name: float(numbers(y).abs().max()) * 1e-6 if y.numel() else 0.0 for name, y in plain.items()}
    curves = [
        Curve(
            name,
            tuple(
                _error(goal[name], out[name], t, step, floors[name])
                for goal, out, step in zip(wanted, outputs, steps, strict=True)
            ),
        )
        for name, t in declared.items()
    ]
    panels = [
        *_input_panels(experiment, [inputs for _, inputs in moved]),
        *layers.panels(len(moved)),
        *_output_panels(outputs, wanted, declared),
    ]
    return Orbit(
        path.parameter,
        tuple(step.label for step in steps),
        tuple(step.value for step in steps),
        tuple(step.counted for step in steps),
        tuple(curves),
        tuple(panels),
    )


def _inputs(experiment: Experiment, step: Step) -> Tensors | None:
    """g·x; None where g does not act on some input."""
    pairs = list(zip(experiment.in_types, experiment.doubles, strict=True))
    if not step.resampled:
        return tuple(x if step.motion is None else t.act(x, step.motion) for t, x in pairs)
    draw = torch.Generator().manual_seed(experiment.generator.initial_seed())  # the same f at each step
    images = [aliased.smooth(x, t, step.motion, draw) for t, x in pairs]
    found = tuple(image for image in images if image is not None)
    return found if len(found) == len(pairs) else None


def _wanted(y: Tensor, declared: AbstractTensorType, step: Step) -> Tensor | None:
    """g·f(x)."""
    if step.motion is None:
        return numbers(y)
    if step.resampled and not (declared.knows(step.motion) and declared.exact(y, step.motion)):
        return aliased.resampled(numbers(y), declared, step.motion)
    return declared.act(numbers(y), step.motion)


def _error(
    wanted: Tensor | None, found: Tensor, declared: AbstractTensorType, step: Step, floor: float
) -> float | None:
    if wanted is None:
        return None
    found = numbers(found)
    if step.resampled and not step.counted and wanted.shape == found.shape:
        wanted, found = aliased.inside(wanted, declared), aliased.inside(found, declared)
    error = relative_error(wanted, found, floor)
    return error if error < float("inf") else None


def _input_panels(experiment: Experiment, inputs: Sequence[Tensors]) -> list[Panel]:
    several = len(experiment.in_types) > 1
    found = []
    for i, declared in enumerate(experiment.in_types):
        name = f"input {i}: g·x" if several else "input: g·x"
        found.append(_panel(name, "input", [x[i] for x in inputs], declared))
    return [one for one in found if one is not None]


def _telling(calls: Mapping[str, Call]) -> list[tuple[str, Call]]:
    """The layers without those that give on what the layer before them gave: containers, dropout in eval."""
    found: list[tuple[str, Call]] = []
    for name, call in calls.items():
        if name and not (found and torch.equal(found[-1][1].out, call.out)):
            found.append((name, call))
    return found


def _output_panels(
    outputs: Sequence[Named],
    wanted: Sequence[Mapping[str, Tensor | None]],
    declared: Mapping[str, AbstractTensorType],
) -> list[Panel]:
    """f(g·x), and g·f(x) beside it where it is known at all steps."""
    found = []
    for name, t in declared.items():
        found.append(_panel(f"{name}: f(g·x)", "output", [out[name] for out in outputs], t))
        goals = [goal[name] for goal in wanted]
        known = [goal for goal in goals if goal is not None]
        if len(known) == len(goals):
            found.append(_panel(f"{name}: g·f(x)", "wanted", known, t))
    return [one for one in found if one is not None]


def _panel(name: str, role: str, values: Sequence[Tensor], declared: AbstractTensorType) -> Panel | None:
    view = View.of(name, role, values[0], declared)
    if view is None or any(x.ndim != view.ndim for x in values):
        return None
    return panel(view, [view.frame(x) for x in values])
