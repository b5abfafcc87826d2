"""How numbers change: real representations of finite groups, as one matrix for each element."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mackey.errors import sentence
from mackey.groups import FiniteGroup, Subgroup, cosets


@dataclass(frozen=True, eq=False, repr=False)
class Rep:
    """ρ: H → GL(d), matrices[h] = ρ(h), float64. Two representations are equal when their matrices are."""

    group: FiniteGroup
    matrices: np.ndarray
    name: str

    def __post_init__(self) -> None:
        wanted = self.matrices[self.group.table]
        products = np.einsum("aij,bjk->abik", self.matrices, self.matrices) if self.dim <= 8 else None
        if products is None:
            steps = np.array(self.group.generators, dtype=int)
            wanted = self.matrices[self.group.table[steps]]
            products = np.einsum("aij,bjk->abik", self.matrices[steps], self.matrices)
        error = np.abs(products - wanted).max(initial=0)
        if error > 1e-9:
            raise ValueError(
                sentence(
                    f"Rep {self.name}",
                    wanted="ρ(a)ρ(b) = ρ(ab)",
                    got=f"a difference of {error:.2g}",
                    remedy=f"give matrices in the order of {self.group}.labels",
                )
            )

    @property
    def dim(self) -> int:
        return self.matrices.shape[-1]

    @cached_property
    def character(self) -> np.ndarray:
        """χ(h) = tr ρ(h)."""
        return np.trace(self.matrices, axis1=1, axis2=2)

    @cached_property
    def is_signed_permutation(self) -> bool:
        size = np.abs(self.matrices)
        return bool(np.all((size < 1e-9) | (np.abs(size - 1) < 1e-9)) and np.allclose(size.sum(-1), 1))

    @cached_property
    def is_permutation(self) -> bool:
        return self.is_signed_permutation and bool(self.matrices.min() > -0.5)

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
    def is_orthogonal(self) -> bool:
        gram = np.einsum("hij,hik->hjk", self.matrices, self.matrices)
        return bool(np.abs(gram - np.eye(self.dim)).max() < 1e-9)

    @cached_property
    def is_regular(self) -> bool:
        """Whether this is exactly the regular representation in its standard basis."""
        return self == regular(self.group) if self.dim == self.group.order else False

    @cached_property
    def is_trivial(self) -> bool:
        return bool(np.abs(self.matrices - np.eye(self.dim)).max() < 1e-9)

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
        left, values, _ = np.linalg.svd(average)
        return left[:, values > 0.5].T

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

    def __repr__(self) -> str:
        return self.name


def trivial(group: FiniteGroup) -> Rep:
    """ρ(h) = 1."""
    return Rep(group, np.ones((group.order, 1, 1)), "trivial")


def sign(group: FiniteGroup) -> Rep:
    """ρ(h) = det h: −1 on reflections and on odd permutations."""
    return Rep(group, np.rint(np.linalg.det(group.matrices))[:, None, None], "sign")


def standard(group: FiniteGroup) -> Rep:
    """ρ(h) = the matrix that moves points: vectors (x, y) or (x, y, z)."""
    return Rep(group, group.matrices, "vector")


def regular(group: FiniteGroup) -> Rep:
    """ρ(h) e_k = e_{hk}: one channel for each element."""
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


def direct_sum(parts: Sequence[Rep]) -> Rep:
    """ρ₁ ⊕ ρ₂ ⊕ …, block diagonal."""
    if len({part.group for part in parts}) != 1:
        raise ValueError(
            sentence(
                "reps.direct_sum",
                wanted="representations of one group",
                got=", ".join(f"{part} of {part.group}" for part in parts) or "none",
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
                got=f"{first} of {first.group} and {second} of {second.group}",
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
        raise ValueError(
            sentence(
                "reps.restrict",
                wanted=f"a subgroup of {rep.group}",
                got=f"a subgroup of {subgroup.parent}",
                remedy="build it with groups.subgroup",
            )
        )
    return Rep(subgroup.group, rep.matrices[list(subgroup.members)], f"{rep}|{subgroup.group}")


def induce(rep: Rep, subgroup: Subgroup) -> Rep:
    """Ind_K^H ρ: blocks over cosets gK; h sends block i to block j where h g_i = g_j k, by ρ(k)."""
    group, parts = subgroup.parent, cosets(subgroup)
    if rep.group != subgroup.group:
        raise ValueError(
            sentence(
                "reps.induce",
                wanted=f"a representation of {subgroup.group}",
                got=f"one of {rep.group}",
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
