"""Hom_G(ρ, σ): the linear maps B with σ(g)B = Bρ(g), for any two representations of any group.

Exact where a formula exists: sums block by block, tables of finite groups by characters, irreps by Schur's
lemma, Cartesian tensors of the classical groups by diagrams, permutations by the orbits of pairs. Otherwise
from the generators.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mackey.errors import sentence
from mackey.groups import FiniteGroup, apart
from mackey.reps.abstract import AbstractRep
from mackey.reps.finite import Rep, tabulated
from mackey.reps.formulas import (
    Found,
    by_couplings,
    by_diagrams,
    by_orbits,
    by_schur,
    count_by_formula,
    refuse_dense,
)
from mackey.reps.nullspace import TOLERANCE, Gap
from mackey.reps.numeric import solve_numerically
from mackey.reps.solution import Solution
from mackey.reps.sums import Block, DirectSum
from mackey.reps.table_intertwiners import table_intertwiners

_TABLE_NUMBERS = 2**24  # what a table of a derived representation may hold: 128 MB


@dataclass(frozen=True, eq=False)
class IntertwinerBlock:
    """Hom(m ρ, n σ) = Hom(ρ, σ) ⊗ R^{n×m} for one block of columns and one of rows.

    basis (count, d_σ, d_ρ) of one copy. In coordinates the copy stands innermost: entry (o·n + p, i·m + q) of
    the map of weights W (count, n, m) is Σ_k basis[k, o, i] W[k, p, q].
    """

    rows: slice
    columns: slice
    copies_out: int
    copies_in: int
    basis: np.ndarray

    @property
    def count(self) -> int:
        return len(self.basis) * self.copies_out * self.copies_in

    def dense(self) -> np.ndarray:
        """The maps (count, d_σ·n, d_ρ·m), of weights one at a time: k slowest, then p, then q."""
        kept, a, d = self.basis.shape
        n, m = self.copies_out, self.copies_in
        whole = np.einsum("koi,pr,qs->kpqoris", self.basis, np.eye(n), np.eye(m))
        return whole.reshape(kept * n * m, a * n, d * m)


def intertwiners(rho: AbstractRep, sigma: AbstractRep) -> np.ndarray:
    """A basis of Hom_G(ρ, σ), shape (count, d_σ, d_ρ), float64, each of Frobenius norm 1.

    Orthonormal, and a function of the space alone. For tables of a finite group the natural maps, which need
    not be orthogonal: indicators of orbits, Frobenius reciprocity.
    """
    _check_groups("reps.intertwiners", rho, sigma)
    if isinstance(rho, Rep) and isinstance(sigma, Rep):
        return table_intertwiners(rho, sigma).copy()
    return solve(rho, sigma).basis.copy()


def intertwiner_count(rho: AbstractRep, sigma: AbstractRep) -> int:
    """dim Hom_G(ρ, σ): by characters and formulas where there are any, else by building the basis."""
    _check_groups("reps.intertwiner_count", rho, sigma)
    known = _count_by_formula(rho, sigma)
    return sum(block.count for block in intertwiner_blocks(rho, sigma)) if known is None else known


def intertwiner_blocks(rho: AbstractRep, sigma: AbstractRep) -> tuple[IntertwinerBlock, ...]:
    """Hom_G(ρ, σ) by pairs of parts that have maps, rows slowest, without the dense basis."""
    _check_groups("reps.intertwiner_blocks", rho, sigma)
    return tuple(block for block, _ in _parts(rho, sigma, TOLERANCE) if block.count)


def solve(rho: AbstractRep, sigma: AbstractRep, *, tolerance: float = TOLERANCE) -> Solution:
    """A basis of Hom_G(ρ, σ) with how it was found and why its dimension is right.

    tolerance: how much generators that are not exact, such as discovered ones, may violate σ(g)B = Bρ(g),
    relative to the norms of ρ(g) and σ(g). Formulas need exact generators; a larger tolerance reads numbers.
    """
    _check_groups("reps.solve", rho, sigma)
    _check_tolerance(tolerance)
    parts = _parts(rho, sigma, tolerance)
    count = sum(block.count for block, _ in parts)
    refuse_dense(rho, sigma, count)
    whole = np.zeros((count, sigma.dim, rho.dim))
    start = 0
    for block, _ in parts:
        whole[start : start + block.count, block.rows, block.columns] = block.dense()
        start += block.count
    whole.setflags(write=False)
    gaps = [found.gap for _, found in parts if found.gap is not None]
    gap = Gap(max(g.zero for g in gaps), min(g.nonzero for g in gaps), tolerance) if gaps else None
    methods = dict.fromkeys(found.method for _, found in parts)
    return Solution(rho, sigma, whole, " + ".join(methods), gap, _count_by_formula(rho, sigma))


def _parts(rho: AbstractRep, sigma: AbstractRep, tolerance: float) -> list[tuple[IntertwinerBlock, Found]]:
    """Each pair of parts with its own basis; also those without maps, for their certificates."""
    return [
        (IntertwinerBlock(rows, columns, out.multiplicity, into.multiplicity, found.basis), found)
        for rows, out in _blocks(sigma)
        for columns, into in _blocks(rho)
        for found in (_solve(into.rep, out.rep, tolerance),)
    ]


def _blocks(rep: AbstractRep) -> list[tuple[slice, Block]]:
    if isinstance(rep, DirectSum):
        return list(zip(rep.slices, rep.blocks, strict=True))
    return [(slice(0, rep.dim), Block(1, rep))]


def _count_by_formula(rho: AbstractRep, sigma: AbstractRep) -> int | None:
    """Block by block; None unless every pair of parts has a formula."""
    total = 0
    for _, out in _blocks(sigma):
        for _, into in _blocks(rho):
            known = count_by_formula(into.rep, out.rep)
            if known is None:
                return None
            total += known * into.multiplicity * out.multiplicity
    return total


@lru_cache(maxsize=1024)
def _solve(rho: AbstractRep, sigma: AbstractRep, tolerance: float) -> Found:
    """A read-only basis for two representations, by the first way that applies."""
    if isinstance(rho, DirectSum) or isinstance(sigma, DirectSum):  # a part that is a sum itself
        whole = solve(rho, sigma, tolerance=tolerance)
        return Found(whole.basis, whole.method, whole.gap)
    found = None
    for way in (_by_table, by_schur, by_couplings, by_diagrams, by_orbits):
        found = found or way(rho, sigma)
    if found is None:
        found = Found(*solve_numerically(rho, sigma, tolerance=tolerance))
    expected = count_by_formula(rho, sigma)
    assert expected in (None, len(found.basis)), f"Hom({rho}, {sigma}): {len(found.basis)}, not {expected}"
    found.basis.setflags(write=False)
    return found


def _by_table(rho: AbstractRep, sigma: AbstractRep) -> Found | None:
    """Representations of a finite group, written as tables where they are not."""
    group = rho.group
    if not isinstance(group, FiniteGroup) or group.order * max(rho.dim, sigma.dim) ** 2 > _TABLE_NUMBERS:
        return None
    return Found(table_intertwiners(tabulated(rho), tabulated(sigma)), "table")


def _check_groups(where: str, rho: AbstractRep, sigma: AbstractRep) -> None:
    if rho.group != sigma.group:
        one, two = apart(rho.group, sigma.group)
        raise ValueError(
            sentence(
                where,
                wanted="representations of one group",
                got=f"{rho} of {one} and {sigma} of {two}",
                remedy="restrict them to a common subgroup",
            )
        )


def _check_tolerance(tolerance: float) -> None:
    if not 0 < tolerance < 0.1:
        raise ValueError(
            sentence(
                "reps.solve",
                wanted="a tolerance between 0 and 0.1, relative to the norm of the constraints",
                got=str(tolerance),
                remedy=f"leave it at {TOLERANCE} for exact generators",
            )
        )
