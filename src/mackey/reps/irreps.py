"""Real irreducible representations of finite groups, their types, and the change of basis to them."""

from functools import lru_cache
from typing import Any

import numpy as np

from mackey.errors import sentence
from mackey.groups import AbstractGroup, FiniteGroup, cyclic, dihedral, listed
from mackey.reps.abstract import AbstractRep
from mackey.reps.finite import Rep, direct_sum, tabulated
from mackey.reps.intertwiners import intertwiners
from mackey.reps.numeric_irreps import numeric_irreps
from mackey.reps.schur import AbstractIrrep

# (⟨χ, χ⟩, Frobenius–Schur indicator) of a real irreducible representation: dim End_H and Σ_h χ(h²)/|H|.
TYPES = {(1, 1): "real", (2, 0): "complex", (4, -2): "quaternionic"}


def irrep_type(rep: AbstractRep) -> str:
    """ "real", "complex" or "quaternionic", from ⟨χ, χ⟩ = dim End_H(ρ) = 1, 2 or 4; refuses a reducible ρ."""
    if isinstance(rep, AbstractIrrep):
        return rep.irrep_type
    rep = tabulated(rep)
    squares = rep.group.table.diagonal()
    key = int(np.rint((rep.character**2).mean())), int(np.rint(rep.character[squares].mean()))
    if key not in TYPES:
        raise ValueError(
            sentence(
                "reps.irrep_type",
                wanted="an irreducible representation",
                got=f"{rep} of {rep.group}, which is reducible",
                remedy="split it with reps.to_irreps",
            )
        )
    return TYPES[key]


def irreps(group: AbstractGroup[Any]) -> tuple[Rep, ...]:
    """All real irreps, the trivial one first; Σ dim² / dim End = |H|.

    C_n and D_n: plain rotation matrices by frequency k, (cos kθ, sin kθ). Any other group: ψ0, ψ1, … as in
    `numeric_irreps`, smallest dimension first.
    """
    return _irreps(listed(group, "reps.irreps"))


@lru_cache
def _irreps(group: FiniteGroup) -> tuple[Rep, ...]:
    if group.dimension == 2 and group == cyclic(group.order):
        return _cyclic_irreps(group)
    if group.dimension == 2 and group.order % 2 == 0 and group == dihedral(group.order // 2):
        return _dihedral_irreps(group)
    return tuple(Rep(group, matrices, f"ψ{index}") for index, matrices in enumerate(numeric_irreps(group)))


def _rotations(group: FiniteGroup, frequency: int, n: int) -> np.ndarray:
    angles = 2 * np.pi * frequency * np.arange(n) / n
    c, s = np.cos(angles), np.sin(angles)
    return np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)


def _cyclic_irreps(group: FiniteGroup) -> tuple[Rep, ...]:
    n = group.order
    found = [Rep(group, np.ones((n, 1, 1)), "A")]
    found += [Rep(group, _rotations(group, k, n), "E" if n <= 4 else f"E{k}") for k in range(1, (n + 1) // 2)]
    if n % 2 == 0:
        found.append(Rep(group, ((-1.0) ** np.arange(n))[:, None, None], "B"))
    return tuple(found)


def _dihedral_irreps(group: FiniteGroup) -> tuple[Rep, ...]:
    n = group.order // 2
    ones, alternating = np.ones(n), (-1.0) ** np.arange(n)
    lines: dict[str, tuple[np.ndarray, np.ndarray]] = {"A1": (ones, ones), "A2": (ones, -ones)}
    if n % 2 == 0:
        lines |= {"B1": (alternating, alternating), "B2": (alternating, -alternating)}
    found = [Rep(group, np.concatenate(pair)[:, None, None], name) for name, pair in lines.items()]
    for k in range(1, (n + 1) // 2):
        turns = _rotations(group, k, n)
        found.append(
            Rep(group, np.concatenate([turns, turns @ np.diag([-1.0, 1.0])]), "E" if n <= 4 else f"E{k}")
        )
    return tuple(found)


def multiplicities(rep: AbstractRep) -> dict[Rep, int]:
    """How often each irrep occurs in ρ, from characters: ⟨χ_ψ, χ_ρ⟩ / ⟨χ_ψ, χ_ψ⟩; of finite groups."""
    character = tabulated(rep).character
    return {
        psi: int(np.rint((psi.character * character).mean() / (psi.character**2).mean()))
        for psi in irreps(rep.group)
    }


def to_irreps(rep: AbstractRep) -> tuple[np.ndarray, Rep]:
    """Q and the sum of irreps Ψ with ρ(h) Q = Q Ψ(h); Q is orthogonal when ρ is.

    In general QᵀSQ = 1 for the invariant inner product S = (1/|H|) Σ_h ρ(h)ᵀρ(h). For maps A, B from ψ, AᵀSB
    commutes with ψ, and BᵀSB is a number, so Gram–Schmidt among copies of ψ stays among intertwiners.
    """
    rep = tabulated(rep)
    inner = (np.swapaxes(rep.matrices, 1, 2) @ rep.matrices).mean(0)
    columns: list[np.ndarray] = []
    parts: list[Rep] = []
    for psi, count in multiplicities(rep).items():
        candidates = intertwiners(psi, rep)
        for _ in range(count):
            sizes = np.sqrt(
                np.einsum("nij,ik,nkj->n", candidates, inner, candidates, optimize=True) / psi.dim
            )
            # the first that is not small: which one is largest may be decided by rounding
            chosen = int(np.argmax(sizes > sizes.max() / np.pi))
            copy = candidates[chosen] / sizes[chosen]
            columns.append(copy)
            candidates = candidates - copy @ (copy.T @ inner @ candidates)
        parts += [psi] * count
    Q, whole = np.concatenate(columns, axis=1), direct_sum(parts)
    error = np.abs(rep.matrices @ Q - Q @ whole.matrices).max() / np.abs(Q).max()
    assert error < 1e-8, f"to_irreps({rep}): ρQ differs from QΨ by {error}"
    return Q, whole
