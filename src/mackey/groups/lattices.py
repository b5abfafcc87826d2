"""Λ ⋊ H: translations of a lattice, or of a torus, together with a point group."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import product

import numpy as np
import torch

from mackey.errors import sentence
from mackey.groups.abstract import AbstractGroup
from mackey.groups.arrays import as_numbers
from mackey.groups.finite import FiniteGroup, cyclic, dihedral, mirror, octahedral
from mackey.groups.glides import (
    check_basis,
    check_glides,
    check_periods,
    completed_glides,
    in_lattice_coordinates,
)

Motion = tuple[tuple[int, ...], int]
Rows = Sequence[Sequence[float | int]]


@dataclass(frozen=True, repr=False)
class LatticeGroup(AbstractGroup[Motion]):
    """Λ ⋊ H, elements (t, h) acting as x → h·x + t; with `periods` the torus Λ/(periods) instead of Λ.

    Λ = Z^d, or the lattice of the columns of `basis`; t counts lattice vectors. glides: τ(h) for each element
    of H, in lattice coordinates, if (t, h) acts as x → h·x + t + τ(h): the non-symmorphic groups, in which
    H itself is no subgroup. When H does not map Z^d to itself (C8 on pixels) the group still acts on the
    plane R^d ⊃ Z^d: `is_exact` is then False and layers promise exact_on_grid only.
    """

    name: str = field(compare=False)
    point_group: FiniteGroup
    periods: tuple[int, ...] | None = None
    basis: tuple[tuple[float, ...], ...] | None = None
    glides: tuple[tuple[float, ...], ...] | None = None

    is_unimodular = True
    has_irreps = False

    def __post_init__(self) -> None:
        where = f"groups.{self.name}"
        if self.basis is not None:
            check_basis(where, self.point_group, np.array(self.basis))
        if self.glides is not None:
            check_glides(where, self.point_group, self.lattice_matrices, np.array(self.glides))
        if self.periods is not None:
            check_periods(where, self.point_group, self.lattice_matrices, self.periods)

    @property
    def dimension(self) -> int:
        return self.point_group.dimension

    @property
    def is_finite(self) -> bool:  # type: ignore[override]
        return self.periods is not None

    @property
    def is_compact(self) -> bool:  # type: ignore[override]
        return self.is_finite

    @property
    def is_exact(self) -> bool:
        return self.basis is not None or self.point_group.is_integral

    @cached_property
    def lattice_matrices(self) -> np.ndarray:
        """H on lattice coordinates, B⁻¹hB: integers if `is_exact`."""
        return in_lattice_coordinates(self.point_group.matrices, self.basis)

    @property
    def identity(self) -> Motion:
        return (0,) * self.dimension, 0

    @property
    def generators(self) -> tuple[Motion, ...]:  # type: ignore[override]
        steps = tuple((self._reduce(step), 0) for step in np.eye(self.dimension, dtype=int))
        return (*steps, *((self.identity[0], h) for h in self.point_group.generators))

    def compose(self, a: Motion, b: Motion) -> Motion:
        """(t, h)(s, k) = (t + h·s + [τ(h) + h·τ(k) − τ(hk)], hk)."""
        moved = np.array(a[0]) + self._turn(a[1], b[0]) + self._excess(a[1], b[1])
        return self._reduce(moved), self.point_group.compose(a[1], b[1])

    def inverse(self, a: Motion) -> Motion:
        """(t, h)⁻¹ = (−h⁻¹t − [τ(h⁻¹) + h⁻¹τ(h)], h⁻¹)."""
        back = self.point_group.inverse(a[1])
        return self._reduce(-self._turn(back, a[0]) - self._excess(back, a[1])), back

    def act(self, a: Motion, points: np.ndarray) -> np.ndarray:
        """h·x + B(t + τ(h)) for points of shape (…, d), Cartesian also where the lattice has a basis B."""
        steps = np.array(a[0]) if self.glides is None else np.array(a[0]) + np.array(self.glides[a[1]])
        basis = np.eye(self.dimension) if self.basis is None else np.array(self.basis)
        moved = self.point_group.act(a[1], points) + basis @ steps
        if self.periods is None:
            return moved
        if self.basis is None:
            return np.mod(moved, self.periods)
        return np.mod(moved @ np.linalg.inv(basis).T, self.periods) @ basis.T

    def elements(self) -> list[Motion]:
        """All elements of the torus group."""
        if self.periods is None:
            raise ValueError(
                sentence(
                    f"groups.{self.name}",
                    wanted="a torus",
                    got="the infinite lattice",
                    remedy="give periods=(n, n) to list its elements",
                )
            )
        return [(t, h) for t in product(*map(range, self.periods)) for h in self.point_group.elements]

    def sample(self, count: int, generator: torch.Generator, radius: int = 4) -> list[Motion]:
        """h uniform; t uniform on the torus, or in |t| ≤ radius on the plane (no uniform law exists
        there).
        """
        turns = self.point_group.sample(count, generator)
        low, highs = (0, self.periods) if self.periods else (-radius, (radius + 1,) * self.dimension)
        device = generator.device
        steps = [
            [int(torch.randint(low, high, (), generator=generator, device=device)) for high in highs]
            for _ in turns
        ]
        return [(tuple(t), h) for t, h in zip(steps, turns, strict=True)]

    def label(self, a: Motion) -> str:
        turn = self.point_group.label(a[1])
        return turn if not any(a[0]) else f"t{a[0]}" if a[1] == 0 else f"t{a[0]}·{turn}"

    def __repr__(self) -> str:
        torus = "" if self.periods is None else f" on the {'×'.join(map(str, self.periods))} torus"
        return self.name + torus

    def _turn(self, h: int, t: tuple[int, ...]) -> np.ndarray:
        if not self.is_exact:
            raise ValueError(
                sentence(
                    f"groups.{self.name}",
                    wanted="an H that keeps the lattice",
                    got=str(self.point_group),
                    remedy="only its point group can be composed",
                )
            )
        return np.rint(self.lattice_matrices[h]).astype(int) @ np.array(t)

    def _excess(self, h: int, k: int) -> np.ndarray | int:
        """τ(h) + h·τ(k) − τ(hk), a lattice vector."""
        if self.glides is None:
            return 0
        first, second, both = (np.array(self.glides[g]) for g in (h, k, self.point_group.compose(h, k)))
        return np.rint(first + self.lattice_matrices[h] @ second - both).astype(int)

    def _reduce(self, t: np.ndarray) -> tuple[int, ...]:
        return tuple(int(i) for i in (t if self.periods is None else np.mod(t, self.periods)))


def lattice(
    point_group: FiniteGroup,
    periods: Sequence[int] | None = None,
    *,
    basis: np.ndarray | Rows | None = None,
    glides: Mapping[int, Sequence[float | int]] | Rows | None = None,
    name: str | None = None,
) -> LatticeGroup:
    """Λ ⋊ H for any point group H of R^d; Λ = Z^d, or the lattice of the columns of `basis`.

    glides: the translation τ(h), in lattice coordinates, that goes with each element of H; or a mapping that
    gives it for generators of H, from which the others follow, 0 where it says nothing. Raises ValueError if
    they do not fit together.
    """
    dimension = point_group.dimension
    where = f"groups.lattice({point_group})"
    columns = None if basis is None else _as_rows(as_numbers(where, basis))
    if columns == _as_rows(np.eye(dimension)):
        columns = None
    if isinstance(glides, Mapping):
        steps = completed_glides(point_group, in_lattice_coordinates(point_group.matrices, columns), glides)
    else:
        steps = np.zeros((point_group.order, dimension)) if glides is None else as_numbers(where, glides)
    if name is None:
        space = "Z" if dimension == 1 else f"Z^{dimension}"
        plain = _planar_name(point_group) or (space if point_group.order == 1 else f"{space}⋊{point_group}")
        name = plain if columns is None and not steps.any() else f"Λ⋊{point_group}"
    return LatticeGroup(
        name,
        point_group,
        None if periods is None else tuple(periods),
        columns,
        _as_rows(steps) if steps.any() else None,
    )


def _as_rows(array: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in array.tolist()) if array.ndim == 2 else ((float("nan"),),)


def _planar_name(point_group: FiniteGroup) -> str | None:
    order = point_group.order
    if point_group.dimension != 2:
        return None
    if point_group == cyclic(order):
        return f"p{order}"
    if order % 2 == 0 and point_group == dihedral(order // 2):
        return "pm" if order == 2 else f"p{order // 2}m"
    return None


def translations(dimension: int, periods: Sequence[int] | None = None) -> LatticeGroup:
    """Z^d, or the torus with these periods."""
    return lattice(cyclic(1, dimension), periods)


def p1() -> LatticeGroup:
    """Translations of the plane."""
    return lattice(cyclic(1))


def p2() -> LatticeGroup:
    """Translations and half turns."""
    return lattice(cyclic(2))


def p4() -> LatticeGroup:
    """Translations and quarter turns."""
    return lattice(cyclic(4))


def pm() -> LatticeGroup:
    """Translations and the left–right mirror."""
    return lattice(dihedral(1))


def p4m() -> LatticeGroup:
    """Translations, quarter turns and mirrors."""
    return lattice(dihedral(4))


@lru_cache
def lattice_named(name: str) -> LatticeGroup:
    """The group people write as p1, p2, p4, p8, pm, p2m, p4m, "Z", "Z⋊±1", "Z^3" or "Z^3⋊O" (also Oh)."""
    spatial = {
        "Z": cyclic(1, 1),
        "Z⋊±1": mirror(),
        "Z^3": cyclic(1, 3),
        "Z^3⋊O": octahedral(),
        "Z^3⋊Oh": octahedral(True),
        "pm": dihedral(1),
    }
    if name in spatial:
        return lattice(spatial[name])
    planar = re.fullmatch(r"p([1-9]\d*)(m?)", name)
    if planar is None:
        raise ValueError(
            sentence(
                "groups.lattice_named",
                wanted="p1, p2, p4, p8, pm, p2m, p4m, Z, Z⋊±1, Z^3, Z^3⋊O or Z^3⋊Oh",
                got=repr(name),
                remedy="or build one: groups.lattice(groups.generated(...))",
            )
        )
    n = int(planar[1])
    return lattice(dihedral(n) if planar[2] else cyclic(n))
