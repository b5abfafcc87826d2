"""Translations taken out: every sample about the mean of its points, outputs put back."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from mackey.actions import AbstractTensorType, Acting, Motion
from mackey.axes import Float
from mackey.errors import sentence
from mackey.groups import SemidirectProduct
from mackey.wrap.declared_types import is_position
from mackey.wrap.pca_frames import centre_of


@dataclass(frozen=True)
class Centring:
    """Which input holds the positions (b, n, d); None where the group does not translate."""

    source: int | None

    def centre(self, inputs: Sequence[Tensor]) -> Float[Tensor, "b d"] | None:
        return None if self.source is None else centre_of(inputs[self.source].flatten(1, -2), None)

    def moved(
        self, types: Sequence[AbstractTensorType], tensors: Sequence[Tensor], shift: Tensor | None
    ) -> tuple[Tensor, ...]:
        """Positions x + t, the rest as it is."""
        if shift is None:
            return tuple(tensors)
        return tuple(
            one.act(x, Motion(translation=shift)) if is_position(one) else x
            for one, x in zip(types, tensors, strict=True)
        )


def centring(
    acts: Acting, in_types: Sequence[AbstractTensorType], out_types: Sequence[AbstractTensorType], where: str
) -> Centring:
    """Reads the first positions among the inputs. Raises ValueError where only outputs are positions."""
    places = [index for index, one in enumerate(in_types) if is_position(one)]
    if not isinstance(acts.space, SemidirectProduct):
        return Centring(None)
    if not places and any(is_position(one) for one in out_types):
        wanted, got = "positions among the inputs, to place the outputs", f"{tuple(in_types)}"
        raise ValueError(sentence(where, wanted=wanted, got=got, remedy='declare the outputs "vectors"'))
    return Centring(places[0] if places else None)
