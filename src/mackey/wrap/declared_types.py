"""The declared types of a wrapped network's inputs and outputs."""

from mackey.actions import AbstractTensorType, Acting, Declaration, declare


def types_of(declared: Declaration, acts: Acting, where: str) -> tuple[AbstractTensorType, ...]:
    """One type for each tensor."""
    given = declared if isinstance(declared, tuple) else (declared,)
    return tuple(declare(one, acts.space, where) for one in given)
