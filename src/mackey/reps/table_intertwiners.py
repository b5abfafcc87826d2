"""Hom_H(ρ, σ) for tables of a finite group: counted by characters, built exactly where a formula exists."""

from functools import lru_cache

import numpy as np

from mackey.reps.finite import Rep
from mackey.reps.projectors import image


def table_count(rho: Rep, sigma: Rep) -> int:
    """dim Hom_H(ρ, σ) = (1/|H|) Σ_h χ_ρ(h⁻¹) χ_σ(h)."""
    return int(np.rint((rho.character[rho.group.inverses] * sigma.character).mean()))


@lru_cache(maxsize=2048)
def table_intertwiners(rho: Rep, sigma: Rep) -> np.ndarray:
    """A basis of Hom_H(ρ, σ), (count, d_σ, d_ρ), read-only.

    Permutations: indicators of the orbits of H on pairs. σ regular: Frobenius reciprocity, B_φ[h, ·] = φ
    ρ(h)⁻¹. Sums: block by block. Otherwise the image of the averaging projector. The number found is checked
    against `table_count`.
    """
    wanted = table_count(rho, sigma)
    if wanted == 0:
        basis = np.zeros((0, sigma.dim, rho.dim))
    elif rho.is_permutation and sigma.is_permutation:
        basis = _orbit_indicators(rho, sigma)
    elif sigma.is_regular:
        basis = _from_reciprocity(rho)
    elif rho.is_regular and sigma.is_orthogonal:
        basis = np.swapaxes(_from_reciprocity(sigma), 1, 2)
    elif len(rho.summands) * len(sigma.summands) > 1:
        basis = _by_summands(rho, sigma)
    else:
        basis = _from_projector(rho, sigma, wanted)
    assert len(basis) == wanted, f"Hom({rho}, {sigma}): found {len(basis)}, characters say {wanted}"
    basis.setflags(write=False)
    return basis


def pair_orbits(rho: Rep, sigma: Rep) -> np.ndarray:
    """owner[o, i]: which orbit of H the pair (o, i) lies in, for two permutation representations."""
    pairs = sigma.permutations[:, :, None] * rho.dim + rho.permutations[:, None, :]
    return np.unique(pairs.min(0), return_inverse=True)[1].reshape(sigma.dim, rho.dim)


def _orbit_indicators(rho: Rep, sigma: Rep) -> np.ndarray:
    owner = pair_orbits(rho, sigma)
    basis = (owner == np.arange(owner.max() + 1)[:, None, None]).astype(np.float64)
    return basis / np.sqrt(basis.sum((1, 2), keepdims=True))


def _from_reciprocity(rho: Rep) -> np.ndarray:
    """B_j[h, i] = ρ(h⁻¹)[j, i] / sqrt|H|, one map for each coordinate j of ρ."""
    rows = rho.matrices[rho.group.inverses]
    basis = np.transpose(rows, (1, 0, 2))
    return basis / np.sqrt((basis**2).sum((1, 2), keepdims=True))


def _by_summands(rho: Rep, sigma: Rep) -> np.ndarray:
    """Hom(⊕ρ_i, ⊕σ_j) = ⊕ Hom(ρ_i, σ_j)."""
    found = []
    for rows, part_out in sigma.summands:
        for columns, part_in in rho.summands:
            maps = table_intertwiners(part_in, part_out)
            whole = np.zeros((len(maps), sigma.dim, rho.dim))
            whole[:, rows[:, None], columns] = maps
            found.append(whole)
    return np.concatenate(found)


def _from_projector(rho: Rep, sigma: Rep, count: int) -> np.ndarray:
    """The image of B → (1/|H|) Σ_h σ(h) B ρ(h⁻¹)."""
    back = rho.matrices[rho.group.inverses]
    total = sigma.matrices.reshape(len(back), -1).T @ back.reshape(len(back), -1) / len(back)
    a, d = sigma.dim, rho.dim
    projector = total.reshape(a, a, d, d).transpose(0, 3, 1, 2).reshape(a * d, a * d)
    return image(projector, count).reshape(-1, a, d)
