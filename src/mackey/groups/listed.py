"""What needs the elements one by one refuses a group that does not list them."""

from typing import Any

from mackey.errors import sentence
from mackey.groups.abstract import AbstractGroup
from mackey.groups.finite import FiniteGroup


def listed(group: AbstractGroup[Any], where: str) -> FiniteGroup:
    """The group, if its elements are listed; raises ValueError otherwise."""
    if isinstance(group, FiniteGroup):
        return group
    remedy = "call .enumerate() on it" if group.is_finite else "restrict to a finite subgroup"
    if group.has_irreps:
        remedy += "; irreps of this group by label: reps.irrep"
    raise ValueError(
        sentence(where, wanted="a FiniteGroup, whose elements are listed", got=str(group), remedy=remedy)
    )
