"""Hom_H(ρ, σ): the linear maps B with σ(h) B = B ρ(h), counted by characters and built exactly where a
formula exists.
"""

from functools import lru_cache

import numpy as np

from mackey.errors import sentence
from mackey.reps.finite import Rep


def intertwiner_count(rho: Rep, sigma: Rep) -> int:
    """dim Hom_H(ρ, σ) = (1/|H|) Σ_h χ_ρ(h⁻¹) χ_σ(h)."""
    return int(np.rint((rho.character[rho.group.inverses] * sigma.character).mean()))


@lru_cache(maxsize=512)
def intertwiners(rho: Rep, sigma: Rep) -> np.ndarray:
    """A basis of Hom_H(ρ, σ), shape (count, d_σ, d_ρ), float64, each of Frobenius norm 1.

    Permutations: indicators of the orbits of H on pairs. σ regular: Frobenius reciprocity, B_φ[h, ·] = φ
    ρ(h)⁻¹. Otherwise the image of the averaging projector. The number found is checked against
    `intertwiner_count`.
    """
    if rho.group != sigma.group:
        raise ValueError(
            sentence(
                "reps.intertwiners",
                wanted="representations of one group",
                got=f"{rho} of {rho.group} and {sigma} of {sigma.group}",
                remedy="restrict them to a common subgroup",
            )
        )
    if rho.is_permutation and sigma.is_permutation:
        basis = _orbit_indicators(rho, sigma)
    elif sigma.is_regular:
        basis = _from_reciprocity(rho)
    elif rho.is_regular and sigma.is_orthogonal:
        basis = np.swapaxes(_from_reciprocity(sigma), 1, 2)
    else:
        basis = _from_projector(rho, sigma)
    wanted = intertwiner_count(rho, sigma)
    assert len(basis) == wanted, f"Hom({rho}, {sigma}): found {len(basis)}, characters say {wanted}"
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


def _from_projector(rho: Rep, sigma: Rep) -> np.ndarray:
    back = rho.matrices[rho.group.inverses]
    projector = np.einsum("hab,hcd->acbd", sigma.matrices, np.swapaxes(back, 1, 2)) / rho.group.order
    size = sigma.dim * rho.dim
    left, values, _ = np.linalg.svd(projector.reshape(size, size))
    return left[:, values > 0.5].T.reshape(-1, sigma.dim, rho.dim)
