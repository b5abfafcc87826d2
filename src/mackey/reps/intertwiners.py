"""Hom_H(ρ, σ): the linear maps B with σ(h) B = B ρ(h), counted by characters and built exactly where a
formula exists.
"""

from functools import lru_cache

import numpy as np

from mackey.errors import sentence
from mackey.groups.finite import apart
from mackey.reps.finite import Rep
from mackey.reps.projectors import image


def intertwiner_count(rho: Rep, sigma: Rep) -> int:
    """dim Hom_H(ρ, σ) = (1/|H|) Σ_h χ_ρ(h⁻¹) χ_σ(h)."""
    _check_groups("reps.intertwiner_count", rho, sigma)
    return int(np.rint((rho.character[rho.group.inverses] * sigma.character).mean()))


def intertwiners(rho: Rep, sigma: Rep) -> np.ndarray:
    """A basis of Hom_H(ρ, σ), shape (count, d_σ, d_ρ), float64, each of Frobenius norm 1.

    Permutations: indicators of the orbits of H on pairs. σ regular: Frobenius reciprocity, B_φ[h, ·] = φ
    ρ(h)⁻¹. Sums: block by block. Otherwise the image of the averaging projector. The number found is checked
    against `intertwiner_count`.
    """
    _check_groups("reps.intertwiners", rho, sigma)
    return _intertwiners(rho, sigma).copy()


@lru_cache(maxsize=2048)
def _intertwiners(rho: Rep, sigma: Rep) -> np.ndarray:
    wanted = intertwiner_count(rho, sigma)
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


def _check_groups(where: str, rho: Rep, sigma: Rep) -> None:
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
            maps = _intertwiners(part_in, part_out)
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
