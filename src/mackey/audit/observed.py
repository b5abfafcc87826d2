"""Every layer of a network watched on x and on gx, and how far what it takes and gives is from g acting."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mackey.actions import Field, Image
from mackey.audit.element import Element
from mackey.audit.experiment import Experiment, relative_error
from mackey.audit.explanations import Residual, Scene, explained
from mackey.audit.networks import Tensors, redrawn
from mackey.audit.watching import Call, watch
from mackey.fields import FieldType
from mackey.spaces import Set

_DRAWS, _MOST = 4, 10  # inputs of the same kind, so that a fit has more samples than unknowns
_RIGHT = Residual(0.0, 0.0, True)


@dataclass(frozen=True)
class Observed:
    """plain, turned: calls by name for each of some inputs x, and for gx. inputs: all x, then all gx.
    scene: g, and where it acts.
    """

    plain: tuple[dict[str, Call], ...]
    turned: tuple[dict[str, Call], ...]
    inputs: tuple[Tensors, ...]
    scene: Scene

    @classmethod
    def of(cls, experiment: Experiment, element: Element) -> "Observed":
        first = watch(experiment.exact, experiment.doubles)
        given = [experiment.doubles, *(_redrawn(experiment) for _ in range(_draws(first) - 1))]
        moved = [
            tuple(t.act(v, element.motion) for t, v in zip(experiment.in_types, x, strict=True))
            for x in given
        ]
        plain = (first, *(watch(experiment.exact, x) for x in given[1:]))
        turned = tuple(watch(experiment.exact, x) for x in moved)
        scene = Scene.of(experiment.in_types, experiment.doubles, element)
        return cls(plain, turned, (*given, *moved), scene)

    @property
    def calls(self) -> dict[str, Call]:
        """On the given input, of the layers that ran every time, in order of completion."""
        runs = (*self.plain, *self.turned)
        return {name: call for name, call in self.plain[0].items() if all(name in run for run in runs)}

    def out(self, name: str) -> Residual | None:
        """Of what the layer gives, by its out_type if it declares one; None if nobody can tell."""
        before, after = ([run[name].out for run in runs] for runs in (self.plain, self.turned))
        declared = getattr(self.plain[0][name].layer, "out_type", None)
        if not isinstance(declared, FieldType) and self._is_input([*before, *after]):
            return _RIGHT
        return _residual(declared, before, after, self.scene)

    def given(self, name: str) -> Residual | None:
        """Of what the layer takes; None if nobody can tell. What a layer with an out_type has given is judged
        by that.
        """
        before, after = ([run[name].given for run in runs] for runs in (self.plain, self.turned))
        if self._is_input([*before, *after]):
            return _RIGHT
        for source, call in self.calls.items():
            declared = getattr(call.layer, "out_type", None)
            if source != name and isinstance(declared, FieldType):
                given = [run[source].out for run in (*self.plain, *self.turned)]
                if _same([*before, *after], given):
                    return self.out(source)
        return _residual(getattr(self.plain[0][name].layer, "in_type", None), before, after, self.scene)

    def _is_input(self, values: list[Tensor]) -> bool:
        """Whether these are an input of the network, which the audit itself has moved."""
        return any(_same(values, [x[k] for x in self.inputs]) for k in range(len(self.inputs[0])))


def _draws(calls: Mapping[str, Call]) -> int:
    """So many that a matrix on the last axis is determined in every layer where _MOST draws are enough."""
    needed = _DRAWS
    for out in (call.out for call in calls.values() if call.out.ndim > 1 and call.out.numel()):
        channels = out.shape[-1]
        draws = -(-(2 * channels + 3) // (out.numel() // channels))
        needed = max(needed, draws if draws <= _MOST else 0)
    return needed


def _redrawn(experiment: Experiment) -> Tensors:
    """Integers stay, where something else moves: they index."""
    floating = any(
        t.moves and x.is_floating_point()
        for t, x in zip(experiment.in_types, experiment.tensors, strict=True)
    )
    return tuple(
        redrawn(x, experiment.generator) if t.moves and (x.is_floating_point() or not floating) else x
        for t, x in zip(experiment.in_types, experiment.doubles, strict=True)
    )


def _residual(declared: object, before: list[Tensor], after: list[Tensor], scene: Scene) -> Residual | None:
    """The best explanation of `after` as g acting on `before`."""
    field = Field(declared) if isinstance(declared, FieldType) else None
    motion = scene.element.motion
    if field is not None and field.knows(motion) and field.exact(before[0], motion):
        moved = torch.cat([field.act(y, motion) for y in before])
        error = relative_error(moved, torch.cat(after))
        plain = error
        if not isinstance(field.field.domain, Set):  # at the samples, and between them
            image, given = Image(field.rolls), torch.cat(before)
            plain = relative_error(image.act(given, motion) if field.is_sampled else given, torch.cat(after))
        return Residual(error, plain, True)
    return explained(before, after, scene)


def _same(first: list[Tensor], second: list[Tensor]) -> bool:
    return all(a.dtype == b.dtype and torch.equal(a, b) for a, b in zip(first, second, strict=True))
