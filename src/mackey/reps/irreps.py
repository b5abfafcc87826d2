"""Real irreducible representations of finite groups, their types, and the change of basis to them."""

from functools import lru_cache

import numpy as np

from mackey.groups import FiniteGroup, cyclic, dihedral
from mackey.reps.finite import Rep, direct_sum, regular
from mackey.reps.intertwiners import intertwiners

TYPES = {1: "real", 2: "complex", 4: "quaternionic"}


def irrep_type(rep: Rep) -> str:
    """ "real", "complex" or "quaternionic", from ⟨χ, χ⟩ = dim End_H(ρ) = 1, 2 or 4."""
    norm = int(np.rint((rep.character**2).mean()))
    return TYPES[norm]


@lru_cache
def irreps(group: FiniteGroup) -> tuple[Rep, ...]:
    """All real irreps, the trivial one first; Σ dim² / dim End = |H|.

    C_n and D_n: plain rotation matrices by frequency k, (cos kθ, sin kθ). Any other group: from the
    eigenspaces of a generic symmetric element of the commutant of the regular representation, each of which
    is irreducible.
    """
    if group.dimension == 2 and group == cyclic(group.order):
        return _cyclic_irreps(group)
    if group.dimension == 2 and group.order % 2 == 0 and group == dihedral(group.order // 2):
        return _dihedral_irreps(group)
    return _numeric_irreps(group)


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


def _numeric_irreps(group: FiniteGroup) -> tuple[Rep, ...]:
    """Split the regular representation once; keep one copy of each character, smallest dimension first."""
    left = regular(group).matrices
    right = left[:, :, group.inverses][:, group.inverses, :]
    weights = np.random.default_rng(0).normal(size=group.order)
    generic = np.tensordot(weights + weights[group.inverses], right, 1)
    values, vectors = np.linalg.eigh(generic)
    breaks = np.flatnonzero(np.diff(values) > 1e-8 * max(1.0, np.abs(values).max())) + 1
    kept: dict[tuple[float, ...], np.ndarray] = {}
    for block in np.split(vectors.T, breaks):
        matrices = np.einsum("im,hmn,jn->hij", block, left, block)
        character = tuple(np.round(np.trace(matrices, axis1=1, axis2=2), 6) + 0.0)
        kept.setdefault(character, matrices)
    ordered = sorted(kept.items(), key=lambda item: (len(item[1][0]), [-value for value in item[0]]))
    found = tuple(Rep(group, matrices, f"ψ{index}") for index, (_, matrices) in enumerate(ordered))
    covered = sum(rep.dim**2 / (rep.character**2).mean() for rep in found)
    assert abs(covered - group.order) < 1e-6, f"irreps of {group} cover {covered} of {group.order}"
    return found


def multiplicities(rep: Rep) -> dict[Rep, int]:
    """How often each irrep occurs in ρ, from characters: ⟨χ_ψ, χ_ρ⟩ / ⟨χ_ψ, χ_ψ⟩."""
    return {
        psi: int(np.rint((psi.character * rep.character).mean() / (psi.character**2).mean()))
        for psi in irreps(rep.group)
    }


def to_irreps(rep: Rep) -> tuple[np.ndarray, Rep]:
    """Q and the sum of irreps Ψ with ρ(h) Q = Q Ψ(h); Q is orthogonal when ρ is."""
    columns: list[np.ndarray] = []
    parts: list[Rep] = []
    for psi, count in multiplicities(rep).items():
        taken: list[np.ndarray] = []
        for candidate in intertwiners(psi, rep):
            copy = candidate.copy()
            for previous in taken:
                copy -= previous @ (previous.T @ copy)
            size = np.sqrt((copy**2).sum() / psi.dim)
            if size > 1e-7 and len(taken) < count:
                taken.append(copy / size)
        assert len(taken) == count, f"{rep}: found {len(taken)} of {count} copies of {psi}"
        columns += taken
        parts += [psi] * count
    return np.concatenate(columns, axis=1), direct_sum(parts)
