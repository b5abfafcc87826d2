"""Every layer of a network watched on x and on gx, and how far what it takes and gives is from g acting."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mackey.actions import Field
from mackey.audit.element import Element
from mackey.audit.experiment import Experiment, relative_error
from mackey.audit.explanations import Residual, Scene, explained
from mackey.audit.networks import Tensors, redrawn
from mackey.audit.watching import Call, watch
from mackey.fields import FieldType

_DRAWS = 4  # inputs of the same kind, so that a fit has more samples than unknowns


@dataclass(frozen=True)
class Observed:
    """plain, turned: calls by name for each of some inputs x, and for gx. scene: g, and where it acts."""

    plain: tuple[dict[str, Call], ...]
    turned: tuple[dict[str, Call], ...]
    scene: Scene

    @classmethod
    def of(cls, experiment: Experiment, element: Element) -> "Observed":
        plain, turned = [], []
        for draw in range(_DRAWS):
            x = experiment.doubles if draw == 0 else _redrawn(experiment)
            pairs = list(zip(experiment.in_types, x, strict=True))
            plain.append(watch(experiment.exact, x))
            turned.append(watch(experiment.exact, tuple(t.act(v, element.motion) for t, v in pairs)))
        scene = Scene.of(experiment.in_types, experiment.doubles, element)
        return cls(tuple(plain), tuple(turned), scene)

    @property
    def calls(self) -> dict[str, Call]:
        """On the given input, of the layers that ran every time, in order of completion."""
        runs = (*self.plain, *self.turned)
        return {name: call for name, call in self.plain[0].items() if all(name in run for run in runs)}

    def out(self, name: str) -> Residual | None:
        """Of what the layer gives; None if nobody can tell."""
        declared = getattr(self.calls[name].layer, "out_type", None)
        before, after = ([run[name].out for run in runs] for runs in (self.plain, self.turned))
        return _residual(declared, before, after, self.scene)

    def given(self, name: str) -> Residual | None:
        """Of what the layer takes; None if nobody can tell."""
        declared = getattr(self.calls[name].layer, "in_type", None)
        before, after = ([run[name].given for run in runs] for runs in (self.plain, self.turned))
        return _residual(declared, before, after, self.scene)


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
        return Residual(error, error, True)
    return explained(before, after, scene)
