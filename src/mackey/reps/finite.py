"""How numbers change: real representations of finite groups, as one matrix for each element."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mackey.errors import sentence
from mackey.groups import AbstractGroup, FiniteGroup, Subgroup, cosets, listed
from mackey.groups.finite import apart
from mackey.reps.abstract import AbstractRep
from mackey.reps.projectors import image

_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class Rep(AbstractRep):
    """ρ: H → GL(d), matrices[h] = ρ(h), a float64 copy. Representations are equal when matrices are."""

    group: FiniteGroup
    matrices: np.ndarray
    name: str

    def __post_init__(self) -> None:
        matrices = np.array(self.matrices, dtype=np.float64)
        object.__setattr__(self, "matrices", matrices)
        order = self.group.order
        if matrices.ndim != 3 or matrices.shape != (order, *matrices.shape[-1:] * 2):
            raise ValueError(
                sentence(
                    f"Rep {self.name}",
                    wanted=f"one square matrix for each of the {order} elements of {self.group}",
                    got=f"an array of shape {matrices.shape}",
                    remedy="give it the shape (order, d, d)",
                )
            )
        error = self._error()
        if not error <= _ROUNDING:
            raise ValueError(
                sentence(
                    f"Rep {self.name}",
                    wanted="ρ(e) = 1 and ρ(a)ρ(b) = ρ(ab)",
                    got=f"a difference of {error:.2g}",
                    remedy=f"give float64 matrices in the order of {self.group}.labels",
                )
            )

    def _error(self) -> float:
        """max |ρ(e) − 1|, |ρ(s)ρ(b) − ρ(sb)| over generators s, from which every product follows."""
        if not np.isfinite(self.matrices).all():
            return float("inf")
        errors = [np.abs(self.matrices[0] - np.eye(self.dim)).max(initial=0)]
        for step in self.group.generators:
            products = self.matrices[step] @ self.matrices
            errors.append(np.abs(products - self.matrices[self.group.table[step]]).max(initial=0))
        return float(max(errors))

    @property
    def dim(self) -> int:
        return self.matrices.shape[-1]

    def at(self, element: int) -> Tensor:
        return torch.as_tensor(self.matrices[element], device="cpu")

    def tangent(self, direction: Tensor) -> Tensor:
        """A finite group has no direction to move in."""
        return direction.new_zeros((*direction.shape[:-2], self.dim, self.dim))

    @cached_property
    def character(self) -> np.ndarray:
        """χ(h) = tr ρ(h)."""
        return np.trace(self.matrices, axis1=1, axis2=2)

    @staticmethod
    def is_permutation_matrix(matrix: np.ndarray) -> bool:
        """Whether a matrix only reorders coordinates."""
        return bool(
            np.all(np.abs(matrix - np.rint(matrix)) < 1e-9)
            and matrix.min() > -0.5
            and np.allclose(np.abs(matrix).sum(0), 1)
            and np.allclose(np.abs(matrix).sum(1), 1)
        )

    @cached_property
    def is_regular(self) -> bool:
        """Whether this is exactly the regular representation in its standard basis."""
        same_size = self.dim == self.group.order
        return same_size and self.is_permutation and np.array_equal(self.permutations, self.group.table)

    @cached_property
    def permutations(self) -> np.ndarray:
        """For a permutation representation: ρ(h) e_i = e_{permutations[h, i]}."""
        return np.argmax(self.matrices, axis=1)

    @cached_property
    def invariants(self) -> np.ndarray:
        """An orthonormal basis (k, d) of {v : ρ(h)v = v}; for a permutation representation, its orbits."""
        average = self.matrices.mean(0)
        if self.is_permutation:
            rows = np.unique(np.rint(average * 1e9), axis=0) > 0
            return rows / np.sqrt(rows.sum(-1, keepdims=True))
        return image(average, int(np.rint(np.trace(average))))

    @cached_property
    def summands(self) -> tuple[tuple[np.ndarray, "Rep"], ...]:
        """The coordinates that ρ mixes only among themselves, and ρ on each such set: the blocks of ρ as
        written.
        """
        linked = (np.abs(self.matrices) > _ROUNDING).any(0)
        reach = (linked | linked.T | np.eye(self.dim, dtype=bool)).astype(np.float64)
        while not np.array_equal(reach, wider := np.minimum(reach @ reach, 1)):
            reach = wider
        if reach.all():
            return ((np.arange(self.dim), self),)
        owner = np.argmax(reach > 0, axis=1)
        sets = [np.flatnonzero(owner == first) for first in np.unique(owner)]
        return tuple((s, Rep(self.group, self.matrices[:, s[:, None], s], f"{self}{s}")) for s in sets)

    @property
    def is_transitive(self) -> bool:
        """A permutation representation with one orbit: its normalised statistics have one mean."""
        return self.is_permutation and len(self.invariants) == 1

    def __add__(self, other: "Rep") -> "Rep":
        return direct_sum([self, other])

    def __mul__(self, other: "Rep") -> "Rep":
        return tensor(self, other)

    @cached_property
    def _key(self) -> tuple[FiniteGroup, bytes]:
        return self.group, (np.rint(self.matrices * 1e6) + 0.0).tobytes()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rep) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache
def tabulated(rep: AbstractRep) -> Rep:
    """ρ as a table, for a finite group; a table is returned as it is."""
    if isinstance(rep, Rep):
        return rep
    group = listed(rep.group, f"reps.tabulated({rep})")
    return Rep(group, np.stack([rep.at(h).numpy() for h in group.elements]), str(rep))


def trivial(group: FiniteGroup) -> Rep:
    """ρ(h) = 1."""
    return Rep(group, np.ones((group.order, 1, 1)), "trivial")


def sign(group: AbstractGroup[Any]) -> Rep:
    """ρ(h) = det h: −1 on reflections and on odd permutations."""
    group = listed(group, "reps.sign")
    return Rep(group, np.rint(np.linalg.det(group.matrices))[:, None, None], "sign")


def standard(group: FiniteGroup) -> Rep:
    """ρ(h) = the matrix that moves points: vectors (x, y) or (x, y, z)."""
    return Rep(group, group.matrices, "vector")


def regular(group: AbstractGroup[Any]) -> Rep:
    """ρ(h) e_k = e_{hk}: one channel for each element."""
    group = listed(group, "reps.regular")
    matrices = np.zeros((group.order,) * 3)
    rows = group.table
    for h in group.elements:
        matrices[h, rows[h], np.arange(group.order)] = 1
    return Rep(group, matrices, "regular")


def quotient(subgroup: Subgroup) -> Rep:
    """ρ(h) e_{gK} = e_{hgK}: one channel for each coset of K."""
    group, parts = subgroup.parent, cosets(subgroup)
    owner = np.empty(group.order, dtype=int)
    for index, part in enumerate(parts):
        owner[list(part)] = index
    matrices = np.zeros((group.order, len(parts), len(parts)))
    first = np.array([part[0] for part in parts])
    for h in group.elements:
        matrices[h, owner[group.table[h, first]], np.arange(len(parts))] = 1
    return Rep(group, matrices, f"quotient({group}/{subgroup.group})")


def _of_two_groups(parts: Sequence[Rep]) -> str:
    """The first two representations whose groups differ, with what tells the groups apart."""
    other = [part for part in parts if part.group != parts[0].group]
    if not other:
        return "none"
    one, two = apart(parts[0].group, other[0].group)
    return f"{parts[0]} of {one} and {other[0]} of {two}"


def direct_sum(parts: Sequence[Rep]) -> Rep:
    """ρ₁ ⊕ ρ₂ ⊕ …, block diagonal."""
    if len({part.group for part in parts}) != 1:
        raise ValueError(
            sentence(
                "reps.direct_sum",
                wanted="representations of one group",
                got=_of_two_groups(parts),
                remedy="restrict them to a common subgroup",
            )
        )
    size = sum(part.dim for part in parts)
    matrices = np.zeros((parts[0].group.order, size, size))
    start = 0
    for part in parts:
        matrices[:, start : start + part.dim, start : start + part.dim] = part.matrices
        start += part.dim
    return Rep(parts[0].group, matrices, " ⊕ ".join(part.name for part in parts))


def tensor(first: Rep, second: Rep) -> Rep:
    """ρ₁ ⊗ ρ₂, first factor slowest."""
    if first.group != second.group:
        raise ValueError(
            sentence(
                "reps.tensor",
                wanted="representations of one group",
                got=_of_two_groups((first, second)),
                remedy="restrict them to a common subgroup",
            )
        )
    size = first.dim * second.dim
    matrices = np.einsum("hij,hkl->hikjl", first.matrices, second.matrices).reshape(-1, size, size)
    return Rep(first.group, matrices, f"({first} ⊗ {second})")


def dual(rep: Rep) -> Rep:
    """ρ*(h) = ρ(h⁻¹)ᵀ."""
    return Rep(rep.group, np.swapaxes(rep.matrices[rep.group.inverses], 1, 2), f"{rep}*")


def restrict(rep: Rep, subgroup: Subgroup) -> Rep:
    """ρ on the elements of K only, as a representation of `subgroup.group`."""
    if subgroup.parent != rep.group:
        wanted, got = apart(rep.group, subgroup.parent)
        raise ValueError(
            sentence(
                "reps.restrict",
                wanted=f"a subgroup of {wanted}",
                got=f"a subgroup of {got}",
                remedy="build it with groups.subgroup",
            )
        )
    return Rep(subgroup.group, rep.matrices[list(subgroup.members)], f"{rep}|{subgroup.group}")


def induce(rep: Rep, subgroup: Subgroup) -> Rep:
    """Ind_K^H ρ: blocks over cosets gK; h sends block i to block j where h g_i = g_j k, by ρ(k)."""
    group, parts = subgroup.parent, cosets(subgroup)
    if rep.group != subgroup.group:
        wanted, got = apart(subgroup.group, rep.group)
        raise ValueError(
            sentence(
                "reps.induce",
                wanted=f"a representation of {wanted}",
                got=f"one of {got}",
                remedy="restrict it first",
            )
        )
    owner = {g: index for index, part in enumerate(parts) for g in part}
    position = {member: index for index, member in enumerate(subgroup.members)}
    d, count = rep.dim, len(parts)
    matrices = np.zeros((group.order, count, d, count, d))
    for h in group.elements:
        for i, part in enumerate(parts):
            moved = group.compose(h, part[0])
            j = owner[moved]
            k = group.compose(group.inverse(parts[j][0]), moved)
            matrices[h, j, :, i, :] = rep.matrices[position[k]]
    return Rep(group, matrices.reshape(group.order, count * d, count * d), f"Ind({rep})")
