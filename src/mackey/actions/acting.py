"""Which group acts on a network: motions of space, permutations of points, or both."""

import re
from dataclasses import dataclass
from typing import Any

from mackey.errors import sentence
from mackey.groups import (
    AbstractGroup,
    AbstractMatrixGroup,
    AbstractPermutations,
    FiniteGroup,
    LatticeGroup,
    SemidirectProduct,
    named,
)

GroupLike = str | AbstractGroup[Any]
_ANY_SIZE = ("Sym", "S_n", "S(n)", "Sym(n)")


@dataclass(frozen=True)
class Acting:
    """space: what moves points, pixels and values; None for nothing. permutes: whether points are permuted,
    as many as there are; by the elements of `permutations` alone where that is given.
    """

    space: AbstractGroup[Any] | None
    permutes: bool = False
    permutations: AbstractPermutations | None = None

    @property
    def name(self) -> str:
        names = [self.space.name] if self.space is not None else []
        if self.permutes:
            names.append("Sym" if self.permutations is None else self.permutations.name)
        return "×".join(names)

    @property
    def linear(self) -> AbstractGroup[Any] | None:
        """What acts on vectors: the group without its translations."""
        return linear_part(self.space)


def linear_part(group: AbstractGroup[Any] | None) -> AbstractGroup[Any] | None:
    """H of R^d ⋊ H or Z^d ⋊ H; any other group is its own."""
    if isinstance(group, SemidirectProduct):
        return group.linear
    return group.point_group if isinstance(group, LatticeGroup) else group


def acting(group: GroupLike) -> Acting:
    """The group of a name or object: "SE(3)", "p4m", "O(1,3)", "D4", "A5", "Sym" (permutations of as many
    points as there are), or "E(3)×Sym". Raises ValueError with the nearest names for any other.
    """
    if isinstance(group, str):
        parts = re.split(r"\s*[x×]\s*", group.strip())
        loose = [part for part in parts if part in _ANY_SIZE]
        rest = "×".join(part for part in parts if part not in _ANY_SIZE)
        if loose:
            return Acting(named(rest) if rest else None, True)
        group = named(group)
    if isinstance(group, AbstractPermutations):
        return Acting(None, True, group)
    if isinstance(group, LatticeGroup | FiniteGroup | AbstractMatrixGroup):
        return Acting(group)
    wanted = 'a name such as "p4m", "SE(3)", "E(3)×Sym", or a group that moves R^d or permutes points'
    raise ValueError(sentence("group", wanted=wanted, got=repr(group), remedy="see mackey list"))
