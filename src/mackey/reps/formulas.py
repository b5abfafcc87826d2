"""Where Hom_G(ρ, σ), or its dimension, follows from a formula."""

from typing import NamedTuple

import numpy as np

from mackey.errors import sentence
from mackey.groups import AbstractMatrixGroup, Alternating, Symmetric
from mackey.reps.abstract import AbstractRep
from mackey.reps.cartesian import Cartesian, cartesian
from mackey.reps.classical import Classical, Family, classical
from mackey.reps.counting import alternating_invariants, symmetric_invariants
from mackey.reps.couplings import couplings
from mackey.reps.diagrams import diagram_basis, expected_count
from mackey.reps.finite import Rep
from mackey.reps.nullspace import Gap
from mackey.reps.orbits import monomial, orbit_basis, signed_orbits
from mackey.reps.permutation import Permuting
from mackey.reps.schur import AbstractIrrep
from mackey.reps.table_intertwiners import table_count
from mackey.reps.tensors import Dual, Scalar, TensorProduct

MOST_NUMBERS = 2**27  # of a dense basis: 1 GB


class Found(NamedTuple):
    """A basis (count, a, d), how it was found, and the certificate of its rank where numbers decided."""

    basis: np.ndarray
    method: str
    gap: Gap | None = None


def by_schur(rho: AbstractRep, sigma: AbstractRep) -> Found | None:
    """Irreps of one group: the commutant of ρ where they are the same, nothing where they differ."""
    if not isinstance(rho, AbstractIrrep) or not isinstance(sigma, AbstractIrrep):
        return None
    if rho != sigma:
        return Found(np.zeros((0, sigma.dim, rho.dim)), "schur")
    return Found(rho.commutant / np.sqrt(rho.dim), "schur")


def by_couplings(rho: AbstractRep, sigma: AbstractRep) -> Found | None:
    """Products of two irreps to one, or back: Hom(ρ₁⊗ρ₂, ρ₃) is what ρ₁⊗ρ₂⊗ρ₃ leaves fixed (ρ orthogonal)."""
    for product, single in ((rho, sigma), (sigma, rho)):
        if not isinstance(product, TensorProduct) or not isinstance(single, AbstractIrrep):
            continue
        first, second = product.first, product.second
        if isinstance(first, AbstractIrrep) and isinstance(second, AbstractIrrep):
            maps = couplings(first, second, single).reshape(-1, product.dim, single.dim)
            return Found(maps.mT if product is rho else maps.copy(), "couplings")
    return None


def by_diagrams(rho: AbstractRep, sigma: AbstractRep) -> Found | None:
    """Cartesian tensors of a classical group."""
    known = _tensors(rho, sigma)
    return Found(diagram_basis(*known), "diagrams") if known else None


def by_orbits(rho: AbstractRep, sigma: AbstractRep) -> Found | None:
    """Permutations of coordinates, up to signs."""
    refuse_dense(rho, sigma, count_by_formula(rho, sigma) or 1)
    moved_in = monomial(rho)
    moved_out = monomial(sigma) if moved_in else None
    if moved_in is None or moved_out is None:
        return None
    owner, value = signed_orbits(moved_in, moved_out)
    refuse_dense(rho, sigma, int(owner.max(initial=-1)) + 1)
    return Found(orbit_basis(owner, value), "orbits")


def count_by_formula(rho: AbstractRep, sigma: AbstractRep) -> int | None:
    """dim Hom_G(ρ, σ) where theory has it: characters of tables, Schur's lemma, Weyl's counts, set partitions
    for Sym(n) and Alt(n).
    """
    if isinstance(rho, Rep) and isinstance(sigma, Rep):
        return table_count(rho, sigma)
    if isinstance(rho, AbstractIrrep) and isinstance(sigma, AbstractIrrep):
        return {"real": 1, "complex": 2, "quaternionic": 4}[rho.irrep_type] if rho == sigma else 0
    if isinstance(rho.group, Symmetric | Alternating):
        one, two = _slots(rho), _slots(sigma)
        if one is None or two is None:
            return None
        count = symmetric_invariants if isinstance(rho.group, Symmetric) else alternating_invariants
        return count(one + two, rho.group.n)
    known = _tensors(rho, sigma)
    return expected_count(*known) if known else None


def _tensors(rho: AbstractRep, sigma: AbstractRep) -> tuple[Classical, Cartesian, Cartesian] | None:
    """The classical group and both sides as its tensors; None where diagrams do not apply."""
    if not isinstance(rho.group, AbstractMatrixGroup):
        return None
    source, target = cartesian(rho), cartesian(sigma)
    if source is None or target is None:
        return None
    group = classical(rho.group)
    if group is None or (group.family is Family.GENERAL_LINEAR and (source.volumes or target.volumes)):
        return None
    return group, source, target


def _slots(rep: AbstractRep) -> int | None:
    """m, if ρ is V^⊗m of a permutation group."""
    if isinstance(rep, Permuting):
        return 1
    if isinstance(rep, Scalar):
        return 0
    if isinstance(rep, Dual):
        return _slots(rep.rep)
    if isinstance(rep, TensorProduct):
        first, second = _slots(rep.first), _slots(rep.second)
        return None if first is None or second is None else first + second
    return None


def refuse_dense(rho: AbstractRep, sigma: AbstractRep, count: int) -> None:
    """Raise where a dense basis would not fit in memory."""
    if count * rho.dim * sigma.dim > MOST_NUMBERS:
        raise ValueError(
            sentence(
                f"reps.intertwiners({rho}, {sigma})",
                wanted=f"at most {MOST_NUMBERS} numbers in a dense basis",
                got=f"{count} maps of shape ({sigma.dim}, {rho.dim})",
                remedy="use reps.intertwiner_blocks for sums, or lower powers",
            )
        )
