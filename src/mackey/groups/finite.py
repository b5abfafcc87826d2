"""Finite groups, by multiplication table, from any matrix or permutation generators."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from mackey.errors import sentence
from mackey.groups.abstract import AbstractGroup
from mackey.groups.arrays import as_numbers

_LIMIT = 5000
_LARGEST = 1e30  # no finite group that float64 can tell has such entries
# Products of float64 generators agree to this; of float32 generators they do not.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class FiniteGroup(AbstractGroup[int]):
    """A finite group; its elements are 0 … order−1 and 0 is the identity.

    table[a, b] is a·b. matrices[a] is how a moves points of R^d: the faithful action the group was built
    from. Groups are equal when both agree; the name is for people.
    """

    name: str
    table: np.ndarray
    matrices: np.ndarray
    generators: tuple[int, ...]
    labels: tuple[str, ...]

    is_finite = True
    is_compact = True
    is_unimodular = True
    has_irreps = True

    @property
    def order(self) -> int:
        return len(self.table)

    @property
    def dimension(self) -> int:
        """d of the R^d that the group moves."""
        return self.matrices.shape[-1]

    @property
    def identity(self) -> int:
        return 0

    @property
    def elements(self) -> range:
        return range(self.order)

    @cached_property
    def inverses(self) -> np.ndarray:
        return np.argmax(self.table == 0, axis=1)

    def compose(self, a: int, b: int) -> int:
        return int(self.table[a, b])

    def inverse(self, a: int) -> int:
        return int(self.inverses[a])

    def act(self, a: int, points: np.ndarray) -> np.ndarray:
        """a·x for points x of shape (…, d)."""
        return points @ self.matrices[a].T

    def label(self, a: int) -> str:
        return self.labels[a]

    def sample(self, count: int, generator: torch.Generator) -> list[int]:
        """Elements drawn from the Haar (uniform) measure."""
        return torch.randint(self.order, (count,), generator=generator, device=generator.device).tolist()

    @cached_property
    def is_integral(self) -> bool:
        """Whether every element maps the lattice Z^d to itself."""
        return bool(np.abs(self.matrices - np.rint(self.matrices)).max(initial=0) < 1e-9)

    @cached_property
    def is_orthogonal(self) -> bool:
        """Whether every element preserves lengths."""
        gram = np.swapaxes(self.matrices, 1, 2) @ self.matrices
        return bool(np.abs(gram - np.eye(self.dimension)).max(initial=0) < _ROUNDING)

    @cached_property
    def class_index(self) -> np.ndarray:
        """Which of `conjugacy_classes` each element lies in."""
        moves = [self.table[self.table[s], self.inverses[s]] for s in self.generators]
        smallest = np.arange(self.order)
        while True:
            lower = smallest
            for move in moves:
                lower = np.minimum(lower, lower[move])
            if np.array_equal(lower, smallest):
                return np.unique(smallest, return_inverse=True)[1]
            smallest = lower

    @cached_property
    def conjugacy_classes(self) -> tuple[tuple[int, ...], ...]:
        """{b a b⁻¹}, by smallest member."""
        order = np.argsort(self.class_index, kind="stable")
        ends = np.cumsum(np.bincount(self.class_index))[:-1]
        return tuple(tuple(part.tolist()) for part in np.split(order, ends))

    @cached_property
    def _key(self) -> tuple[bytes, bytes]:
        """Digests, so that a table of 5000² products is not kept twice."""
        table = blake2b(np.ascontiguousarray(self.table).data).digest()
        return table, blake2b(_fingerprint(self.matrices)).digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FiniteGroup) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def apart(first: AbstractGroup[Any], second: AbstractGroup[Any]) -> tuple[str, str]:
    """The names of two groups, with what tells them apart where the names do not."""
    if not (isinstance(first, FiniteGroup) and isinstance(second, FiniteGroup) and first.name == second.name):
        return str(first), str(second)
    one, two = (f"{g} (order {g.order} on R^{g.dimension})" for g in (first, second))
    return (one, two) if one != two else (one, f"{two} with other elements or another order of them")


def from_matrices(
    name: str, matrices: np.ndarray, generators: Sequence[int], labels: Sequence[str]
) -> FiniteGroup:
    """The group whose elements are these matrices, the identity first.

    The rows g·b of the table are found by matching for each generator g; the others follow by (g·a)·b =
    g·(a·b).
    """
    position = {_fingerprint(matrix): index for index, matrix in enumerate(matrices)}
    table = np.full((len(matrices),) * 2, -1, dtype=np.int64)
    table[0] = np.arange(len(matrices))
    rows = []
    for generator in generators:
        products = matrices[generator] @ matrices
        row = np.array([position.get(_fingerprint(product), -1) for product in products])
        off = np.abs(matrices[row] - products).max(initial=0) if row.min() >= 0 else np.inf
        if not off <= _ROUNDING:
            raise ValueError(
                sentence(
                    f"groups.{name}",
                    wanted="matrices closed under products",
                    got="a product outside the set" if np.isinf(off) else f"products that miss by {off:.1g}",
                    remedy="use groups.generated to close the set, and compute the matrices in float64",
                )
            )
        rows.append(row)
    frontier = [0]
    while frontier:
        element = frontier.pop()
        for row in rows:
            if table[row[element], 0] < 0:
                table[row[element]] = row[table[element]]
                frontier.append(int(row[element]))
    assert table.min() >= 0, f"the generators of {name} do not reach every element"
    return FiniteGroup(name, table, matrices, tuple(generators), tuple(labels))


def generated(generators: Sequence[ArrayLike], name: str = "generated") -> FiniteGroup:
    """The group generated by matrices of shape (d, d), or by permutations p of shape (n,), which send
    position i to p[i].
    """
    matrices = [_as_matrix(as_numbers("groups.generated", g)) for g in generators]
    if len({len(matrix) for matrix in matrices}) != 1:
        raise ValueError(
            sentence(
                "groups.generated",
                wanted="generators of one size, at least one",
                got=f"sizes {', '.join(str(len(m)) for m in matrices) or 'none'}",
                remedy="give the identity to generate the trivial group",
            )
        )
    found = [np.eye(matrices[0].shape[0])]
    labels = ["e"]
    seen = {_fingerprint(found[0])}
    position = 0
    while position < len(found):
        for index, matrix in enumerate(matrices):
            product = matrix @ found[position]
            if _fingerprint(product) in seen:
                continue
            seen.add(_fingerprint(product))
            found.append(product)
            labels.append(f"g{index}" if position == 0 else f"g{index}·{labels[position]}")
        position += 1
        if len(found) > _LIMIT or np.abs(found[-1]).max() > _LARGEST:
            raise ValueError(
                sentence(
                    "groups.generated",
                    wanted=f"a finite group of at most {_LIMIT} elements",
                    got="more",
                    remedy="check that the generators have finite order, and compute them in float64",
                )
            )
    stack = np.stack(found)
    chosen = [int(np.argmin([np.abs(m - e).max() for e in stack])) for m in matrices]
    return from_matrices(name, stack, chosen, labels)


def _as_matrix(generator: np.ndarray) -> np.ndarray:
    """A square matrix as it is; a permutation p as the matrix with M e_i = e_{p[i]}."""
    if generator.ndim == 1 and generator.size and sorted(generator.tolist()) == list(range(len(generator))):
        return np.eye(len(generator))[:, generator.astype(int)]
    if generator.ndim != 2 or generator.shape[0] != generator.shape[1] or not generator.size:
        raise ValueError(
            sentence(
                "groups.generated",
                wanted="square matrices, or permutations of 0 … n−1",
                got=f"an array of shape {generator.shape}: {generator.tolist()}",
                remedy="give each generator as one of the two",
            )
        )
    # An element of finite order has determinant ±1.
    if not (np.isfinite(generator).all() and abs(abs(np.linalg.det(generator)) - 1) < 1e-3):
        raise ValueError(
            sentence(
                "groups.generated",
                wanted="finite matrices of determinant ±1",
                got=str(generator.tolist()),
                remedy="a finite group has no other elements",
            )
        )
    return generator


def _fingerprint(matrix: np.ndarray) -> bytes:
    return (np.rint(matrix * 1e6) + 0.0).tobytes()


@lru_cache
def cyclic(n: int, dimension: int = 2) -> FiniteGroup:
    """C_n: rotations of the plane by 2πk/n, counter-clockwise, element k. (C_1 also in other dimensions.)"""
    _refuse_unless(n >= 1, f"cyclic({n})", "n ≥ 1", str(n))
    turns = dimension == 2 or n == 1 <= dimension
    _refuse_unless(turns, f"cyclic({n}, {dimension})", "rotations of the plane", f"R^{dimension}")
    if n == 1:
        name = "C1" if dimension == 2 else f"C1 on R^{dimension}"
        return FiniteGroup(name, np.zeros((1, 1), dtype=np.int64), np.eye(dimension)[None], (), ("e",))
    return from_matrices(f"C{n}", _rotations(n), (1,), _rotation_labels(n))


@lru_cache
def dihedral(n: int) -> FiniteGroup:
    """D_n: r^k (element k) and r^k·m (element n + k), where m: (x, y) → (−x, y) is the left–right mirror."""
    _refuse_unless(n >= 1, f"dihedral({n})", "n ≥ 1", str(n))
    rotations = _rotations(n)
    mirrored = rotations @ np.diag([-1.0, 1.0])
    labels = [*_rotation_labels(n), "m", *(f"{label}·m" for label in _rotation_labels(n)[1:])]
    generators = (n,) if n == 1 else (1, n)
    return from_matrices(f"D{n}", np.concatenate([rotations, mirrored]), generators, labels)


def _refuse_unless(valid: bool, where: str, wanted: str, got: str) -> None:
    if not valid:
        raise ValueError(
            sentence(
                f"groups.{where}",
                wanted=wanted,
                got=got,
                remedy="for other groups use groups.generated with matrices of any size",
            )
        )


def _rotations(n: int) -> np.ndarray:
    angles = 2 * np.pi * np.arange(n) / n
    cosines, sines = np.cos(angles), np.sin(angles)
    exact = np.stack([np.stack([cosines, -sines], -1), np.stack([sines, cosines], -1)], -2)
    nearest = np.rint(exact * 2) / 2
    return np.where(np.abs(exact - nearest) < 1e-12, nearest, exact)


def _rotation_labels(n: int) -> tuple[str, ...]:
    return ("e", *(f"r{360 * k / n:g}°" for k in range(1, n)))


@lru_cache
def mirror() -> FiniteGroup:
    """{1, −1} on the line."""
    return from_matrices("±1", np.array([[[1.0]], [[-1.0]]]), (1,), ("e", "m"))


@lru_cache
def octahedral(reflections: bool = False) -> FiniteGroup:
    """O: the 24 rotations of the cube; with reflections O_h, 48 elements."""
    quarter_x = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    quarter_z = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    generators = [quarter_x, quarter_z, -np.eye(3)] if reflections else [quarter_x, quarter_z]
    return generated(generators, "Oh" if reflections else "O")
