"""The declared types of a wrapped network's inputs and outputs, and its outputs as a tuple."""

from collections.abc import Sequence

from torch import Tensor

from mackey.actions import AbstractTensorType, Acting, Declaration, Vectors, declare


def types_of(declared: Declaration, acts: Acting, where: str) -> tuple[AbstractTensorType, ...]:
    """One type for each tensor."""
    given = declared if isinstance(declared, tuple) else (declared,)
    return tuple(declare(one, acts.space, where) for one in given)


def is_position(one: AbstractTensorType) -> bool:
    """Whether translations move it."""
    return isinstance(one, Vectors) and one.shifts


def as_tuple(out: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The outputs of a network, one or several."""
    return (out,) if isinstance(out, Tensor) else tuple(out)
