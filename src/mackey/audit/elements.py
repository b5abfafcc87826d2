"""What is tested: elements of the audited group, by what they do and not by their number in some table."""

from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np
import torch

from mackey.errors import sentence
from mackey.groups import AbstractGroup, FiniteGroup, LatticeGroup, Symmetric, lattice, lattice_named
from mackey.groups.permutations import Permutation
from mackey.spaces import Grid

Group = str | LatticeGroup | FiniteGroup | Symmetric
_MOST = 16  # elements tested of a large point group


@dataclass(frozen=True, eq=False)
class Element:
    """A motion about the centre (a matrix of R^d), or a permutation of tokens."""

    label: str
    matrix: np.ndarray | None = None
    permutation: Permutation | None = None

    def within(self, group: AbstractGroup) -> Any | None:
        """The element of `group` that does the same; None if there is none."""
        if isinstance(group, Symmetric):
            p = self.permutation
            return p if p is not None and len(p) == group.n else None
        point = group.point_group if isinstance(group, LatticeGroup) else group
        if self.matrix is None or not isinstance(point, FiniteGroup):
            return None
        if self.matrix.shape != point.matrices.shape[1:]:
            return None
        distance = np.abs(point.matrices - self.matrix).max((1, 2))
        h = int(distance.argmin())
        if distance[h] > 1e-6:
            return None
        return ((0,) * point.dimension, h) if isinstance(group, LatticeGroup) else h


@dataclass(frozen=True)
class Tested:
    """The elements to test and those off the grid, which can only be measured with aliasing.

    total: the elements of the group, the identity apart. whole: what is tested generates the group.
    """

    group: str
    exact: list[Element]
    aliased: list[Element]
    total: int
    whole: bool
    notes: list[str]


def resolve_group(group: Group) -> LatticeGroup | Symmetric | None:
    """The group of a name or object; None for "Sym", whose n is read off the input."""
    if isinstance(group, LatticeGroup | Symmetric):
        return group
    if isinstance(group, FiniteGroup):
        return lattice(group)
    if not isinstance(group, str):
        raise ValueError(
            sentence(
                "audit group",
                wanted='a name such as "p4m" or "Sym", or a group',
                got=repr(group),
                remedy="see mackey list",
            )
        )
    return None if group in ("Sym", "S_n") else lattice_named(group)


def permutations(n: int, generator: torch.Generator) -> Tested:
    """The generators of Sym(n) and four random permutations."""
    if n < 2:
        raise ValueError(
            sentence(
                "audit",
                wanted="at least 2 tokens to permute",
                got=f"n = {n}",
                remedy="give inputs (b, n, c) with n ≥ 2",
            )
        )
    S = Symmetric(n)
    chosen = [p for p in dict.fromkeys([*S.generators, *S.sample(4, generator)]) if p != S.identity]
    elements = [
        Element(f"permutation {S.label(p)}" if n <= 8 else f"permutation {i}", permutation=p)
        for i, p in enumerate(chosen)
    ]
    return Tested(S.name, elements, [], factorial(n) - 1, True, [])


def motions(group: LatticeGroup, sizes: tuple[int, ...] | None, generator: torch.Generator) -> Tested:
    """The elements of the point group, apart those that do not permute samples of these sizes (None: no
    samples, all are exact).
    """
    H, grid = group.point_group, Grid(group)
    if H.order == 1:
        raise ValueError(
            sentence(
                "audit",
                wanted="a group with turns or mirrors",
                got=f"{group}, which has translations only",
                remedy="zero padding breaks those at the border; audit under p4, pm or p4m",
            )
        )
    moving = [h for h in H.elements if h != 0]
    exact = [h for h in moving if sizes is None or grid.keeps(h, sizes)]
    aliased = [h for h in moving if h not in exact]
    if not exact:
        raise ValueError(
            sentence(
                "audit",
                wanted=f"an input whose samples some element of {group} permutes",
                got=f"size {'×'.join(map(str, sizes or ()))}",
                remedy="give a square input",
            )
        )
    notes = ["translations were not tested: zero padding breaks them at the border"]
    if aliased:
        notes.append(
            f"{len(aliased)} elements of {group} do not permute the {'×'.join(map(str, sizes or ()))} samples"
        )
    whole = not aliased
    if len(exact) > _MOST:  # the generators decide; the rest is drawn
        first = [h for h in H.generators if h in exact]
        rest = [h for h in exact if h not in first]
        drawn = torch.randperm(len(rest), generator=generator).tolist()[: _MOST - len(first)]
        notes.append(f"{_MOST} of {len(exact)} elements were drawn, the generators among them")
        exact = sorted([*first, *(rest[i] for i in drawn)])
    exact_elements, aliased_elements = (
        [Element(H.label(h), matrix=H.matrices[h]) for h in some] for some in (exact, aliased[:_MOST])
    )
    return Tested(group.name, exact_elements, aliased_elements, H.order - 1, whole, notes)
