"""X = G/H for a finite group G: points, section, cocycle, orbits of H, and the count of linear maps between
fields.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mackey.errors import sentence
from mackey.groups import FiniteGroup, Subgroup, conjugate, cosets, double_cosets, intersection
from mackey.reps import Rep


@dataclass(frozen=True)
class HomogeneousSpace:
    """G/H with the section s(x) = the smallest element of the coset x; H is the stabiliser of point 0."""

    stabiliser: Subgroup

    # A finite group is unimodular, and so is H: the invariant measure on G/H is the counting measure.
    has_invariant_measure = True

    @property
    def group(self) -> FiniteGroup:
        return self.stabiliser.parent

    @cached_property
    def _points(self) -> list[tuple[int, ...]]:
        return cosets(self.stabiliser)

    @cached_property
    def _owner(self) -> np.ndarray:
        owner = np.empty(self.group.order, dtype=int)
        for point, coset in enumerate(self._points):
            owner[list(coset)] = point
        return owner

    @cached_property
    def orbits(self) -> list[tuple[int, ...]]:
        """The orbits of H on X, by smallest point: the double cosets H\\G/H. The first is {0}."""
        doubles = double_cosets(self.stabiliser, self.stabiliser)
        return sorted(tuple(np.unique(self._owner[list(double)]).tolist()) for double in doubles)

    def __len__(self) -> int:
        return len(self._points)

    def section(self, point: int) -> int:
        """s(x) ∈ G with s(x)·0 = x."""
        return self._points[point][0]

    def project(self, g: int) -> int:
        """gH, the point that g moves 0 to."""
        return int(self._owner[g])

    def act(self, g: int, point: int) -> int:
        """g·x."""
        return self.project(self.group.compose(g, self.section(point)))

    def cocycle(self, g: int, point: int) -> int:
        """c(g, x) = s(gx)⁻¹ g s(x) ∈ H, as an element of `stabiliser.group`."""
        G = self.group
        moved = G.compose(g, self.section(point))
        return self.stabiliser.members.index(G.compose(G.inverse(self.section(self.project(moved))), moved))


def linear_map_count(space_in: HomogeneousSpace, rho: Rep, space_out: HomogeneousSpace, sigma: Rep) -> int:
    """dim Hom_G(Ind ρ, Ind σ) = Σ_x dim Hom_{H_out ∩ x H_in x⁻¹}(ρ^x, σ), x over the double cosets
    H_out\\G/H_in.

    ρ^x(h) = ρ(x⁻¹ h x). Source: Mackey's formula; Nyholm et al. 2025 for its use as a layer.
    """
    for name, space, rep in (("ρ", space_in, rho), ("σ", space_out, sigma)):
        if rep.group != space.stabiliser.group:
            raise ValueError(
                sentence(
                    "spaces.linear_map_count",
                    wanted=f"{name} of {space.stabiliser.group}",
                    got=f"{rep} of {rep.group}",
                    remedy="restrict it to the stabiliser",
                )
            )
    G, into, out = space_in.group, space_in.stabiliser, space_out.stabiliser
    total = 0.0
    for coset in double_cosets(out, into):
        x = coset[0]
        common = intersection(out, conjugate(into, x)).members
        back = [into.members.index(G.compose(G.compose(G.inverse(x), G.inverse(h)), x)) for h in common]
        there = [out.members.index(h) for h in common]
        total += (rho.character[back] * sigma.character[there]).mean()
    return int(np.rint(total))
