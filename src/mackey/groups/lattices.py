"""Z^d ⋊ H: translations of the plane or the torus, together with a point group."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product

import numpy as np
import torch

from mackey.errors import sentence
from mackey.groups.abstract import AbstractGroup
from mackey.groups.finite import FiniteGroup, cyclic, dihedral, mirror, octahedral

Motion = tuple[tuple[int, ...], int]


@dataclass(frozen=True, repr=False)
class LatticeGroup(AbstractGroup[Motion]):
    """Z^d ⋊ H, elements (t, h) acting as x → h·x + t; with `periods` the torus Z^d/(periods) instead of Z^d.

    When H does not map the lattice to itself (C8 on pixels) the group still acts on the plane R^d ⊃ Z^d:
    `is_exact` is then False and layers promise exact_on_grid only.
    """

    name: str = field(compare=False)
    point_group: FiniteGroup
    periods: tuple[int, ...] | None = None

    is_unimodular = True
    has_irreps = False

    def __post_init__(self) -> None:
        if self.periods is None:
            return
        if len(self.periods) != self.dimension or min(self.periods) < 1:
            raise ValueError(
                sentence(
                    f"groups.{self.name}",
                    wanted=f"{self.dimension} periods of at least 1",
                    got=str(self.periods),
                    remedy="give the number of samples along each axis",
                )
            )
        allowed = {
            tuple(np.abs(np.rint(m) @ np.array(self.periods)).astype(int)) for m in self.point_group.matrices
        }
        if not self.is_exact or allowed != {self.periods}:
            raise ValueError(
                sentence(
                    f"groups.{self.name}",
                    wanted=f"a torus that {self.point_group} maps to itself",
                    got=f"periods {self.periods}",
                    remedy="use equal periods or a smaller H",
                )
            )

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
        return self.point_group.is_integral

    @property
    def identity(self) -> Motion:
        return (0,) * self.dimension, 0

    @property
    def generators(self) -> tuple[Motion, ...]:  # type: ignore[override]
        steps = tuple(
            (tuple(int(i == axis) for i in range(self.dimension)), 0) for axis in range(self.dimension)
        )
        return (*steps, *((self.identity[0], h) for h in self.point_group.generators))

    def compose(self, a: Motion, b: Motion) -> Motion:
        """(t, h)(s, k) = (t + h·s, hk)."""
        return self._reduce(np.array(a[0]) + self._turn(a[1], b[0])), self.point_group.compose(a[1], b[1])

    def inverse(self, a: Motion) -> Motion:
        """(t, h)⁻¹ = (−h⁻¹t, h⁻¹)."""
        back = self.point_group.inverse(a[1])
        return self._reduce(-self._turn(back, a[0])), back

    def act(self, a: Motion, points: np.ndarray) -> np.ndarray:
        """h·x + t for points of shape (…, d)."""
        moved = self.point_group.act(a[1], points) + np.array(a[0])
        return moved if self.periods is None else np.mod(moved, self.periods)

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
        steps = [[int(torch.randint(low, high, (), generator=generator)) for high in highs] for _ in turns]
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
        return np.rint(self.point_group.matrices[h]).astype(int) @ np.array(t)

    def _reduce(self, t: np.ndarray) -> tuple[int, ...]:
        return tuple(int(i) for i in (t if self.periods is None else np.mod(t, self.periods)))


def lattice(point_group: FiniteGroup, periods: Sequence[int] | None = None) -> LatticeGroup:
    """Z^d ⋊ H for any point group H of R^d."""
    dimension = point_group.dimension
    space = "Z" if dimension == 1 else f"Z^{dimension}"
    name = _planar_name(point_group) or (space if point_group.order == 1 else f"{space}⋊{point_group}")
    return LatticeGroup(name, point_group, None if periods is None else tuple(periods))


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
