"""Hom_G(ρ, σ) from generators alone: the common kernel of σ(g)B − Bρ(g) and dσ(X)B − B dρ(X).

Dense while that is fast, by Krylov steps on the constraints beyond. The basis is canonical, so it depends
on the space alone; the rank has a gap as its certificate; what took long is kept on disk.
"""

import time
from typing import NamedTuple

import numpy as np

from mackey.errors import sentence
from mackey.reps.abstract import AbstractRep
from mackey.reps.actions import Constraints, constraints
from mackey.reps.basis_cache import key_of, load, store
from mackey.reps.krylov import krylov_kernel
from mackey.reps.nullspace import Gap, clear_from
from mackey.reps.projectors import canonical

_DENSE = 1024  # entries of B; an eigendecomposition of this size takes 0.2 s on one core
_LARGEST = 2**18
_MOST_WORK = 5e10  # multiplications and additions in one step of 16 vectors: some seconds on one core
_WORTH_KEEPING = 0.1  # seconds


class Numeric(NamedTuple):
    """An orthonormal basis (count, a, d), how it was found, and the certificate of its rank."""

    basis: np.ndarray
    method: str
    gap: Gap


def solve_numerically(rho: AbstractRep, sigma: AbstractRep, *, tolerance: float) -> Numeric:
    """The maps that violate no constraint by more than `tolerance`, relative to the norms of ρ and σ.

    Raises ValueError where the dimension is not clear, or where B has more than 2^18 entries.
    """
    where = f"reps.intertwiners({rho}, {sigma})"
    _refuse_large(where, rho.dim, sigma.dim)
    names = (str(rho.group), str(rho), str(sigma))
    arrays = (rho.generator_matrices, rho.algebra_matrices, sigma.generator_matrices, sigma.algebra_matrices)
    key = key_of(names, arrays, tolerance)
    operator = constraints(rho, sigma)
    _refuse_slow(where, operator)
    found = _read(key, operator, tolerance)
    if found is None:
        start = time.perf_counter()
        found = _solve(operator, tolerance)
        found.gap.refuse_unclear(where)
        if time.perf_counter() - start > _WORTH_KEEPING:
            edges = np.array([found.gap.zero, found.gap.nonzero])
            store(key, {"basis": found.basis, "edges": edges, "method": np.array(found.method)})
    return found


def _solve(operator: Constraints, tolerance: float) -> Numeric:
    limit = clear_from(tolerance)
    if operator.size <= _DENSE:
        method = "svd"
        values, vectors = operator.spectrum()
        near = int((values < max(limit, 1e-6)).sum())
        candidates = vectors[:, :near]
        beyond = float(values[near]) if near < len(values) else np.inf
    else:
        method = "krylov"
        candidates, beyond = krylov_kernel(operator, tolerance)
    values, kernel = operator.rotated(candidates)
    count = int((values <= tolerance).sum())
    others = [beyond, *values[count : count + 1].tolist()]
    zero = float(values[count - 1]) if count else 0.0
    basis = canonical(kernel[:, :count]).reshape(count, *operator.shape)
    return Numeric(basis, method, Gap(zero, min(others), tolerance))


def _read(key: str, operator: Constraints, tolerance: float) -> Numeric | None:
    """A stored basis that still satisfies the constraints; None otherwise."""
    stored = load(key)
    if stored is None or set(stored) != {"basis", "edges", "method"}:
        return None
    basis, edges = stored["basis"], stored["edges"]
    if basis.dtype != np.float64 or basis.shape[1:] != operator.shape or edges.shape != (2,):
        return None
    flat = basis.reshape(len(basis), operator.size)
    values, _ = operator.rotated(flat.T)
    orthonormal = np.abs(flat @ flat.T - np.eye(len(flat))).max(initial=0) < 1e-9
    if not orthonormal or not values.max(initial=0) <= 2 * tolerance:
        return None
    return Numeric(basis, str(stored["method"]), Gap(float(edges[0]), float(edges[1]), tolerance))


def _refuse_slow(where: str, operator: Constraints) -> None:
    a, d = operator.shape
    work = 8 * len(operator.left) * a * d * (a + d) * 16  # a step of 16 vectors
    if operator.size > _DENSE and work > _MOST_WORK:
        raise ValueError(
            sentence(
                where,
                wanted=f"constraints of at most {_MOST_WORK:.0e} operations a step",
                got=f"{work:.1e}, of {len(operator.left)} generators on maps of shape ({a}, {d})",
                remedy="give fewer generators, or split the representations into irreps",
            )
        )


def _refuse_large(where: str, d: int, a: int) -> None:
    if a * d > _LARGEST:
        raise ValueError(
            sentence(
                where,
                wanted=f"maps with at most {_LARGEST} entries",
                got=f"{a}×{d} = {a * d}",
                remedy="split the representations into sums of irreps, which are solved block by block",
            )
        )
