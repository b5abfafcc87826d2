"""Hom of representations that permute coordinates up to sign: one map for each orbit of G on pairs.

The orbits are joined from the generators alone; the group is never listed.
"""

from typing import NamedTuple

import numpy as np

from mackey.reps.abstract import AbstractRep
from mackey.reps.permutation import Permuting
from mackey.reps.sums import DirectSum
from mackey.reps.tensors import Dual, Scalar, TensorProduct


class Monomial(NamedTuple):
    """ρ(g) e_i = signs[g, i] · e_{images[g, i]} for each generator g, both (m, d)."""

    images: np.ndarray
    signs: np.ndarray


def monomial(rep: AbstractRep) -> Monomial | None:
    """How the generators permute the coordinates; None where they, or the Lie algebra, do more than that."""
    count = len(rep.group.generators)
    if isinstance(rep, Permuting):
        images = np.array(rep.group.generators, dtype=np.int64).reshape(count, rep.dim)
        return Monomial(images, np.ones(images.shape))
    if isinstance(rep, Scalar):
        return Monomial(np.zeros((count, 1), dtype=np.int64), np.ones((count, 1)))
    if isinstance(rep, Dual):
        return monomial(rep.rep)  # (Mᵀ)⁻¹ = M
    if isinstance(rep, TensorProduct):
        return _product(monomial(rep.first), monomial(rep.second))
    if isinstance(rep, DirectSum):
        return _sum([(block.multiplicity, monomial(block.rep)) for block in rep.blocks])
    if not rep.is_signed_permutation:
        return None
    matrices = rep.generator_matrices
    images = np.argmax(np.abs(matrices), axis=1)
    return Monomial(images, np.sign(matrices.sum(1)))


def _product(first: Monomial | None, second: Monomial | None) -> Monomial | None:
    if first is None or second is None:
        return None
    count, width = len(first.images), second.images.shape[1]
    images = first.images[:, :, None] * width + second.images[:, None, :]
    signs = first.signs[:, :, None] * second.signs[:, None, :]
    size = first.images.shape[1] * width
    return Monomial(images.reshape(count, size), signs.reshape(count, size))


def _sum(parts: list[tuple[int, Monomial | None]]) -> Monomial | None:
    images, signs, start = [], [], 0
    for copies, part in parts:
        if part is None:
            return None
        moved = part.images[:, :, None] * copies + np.arange(copies) + start
        images.append(moved.reshape(len(moved), part.images.shape[1] * copies))
        signs.append(np.repeat(part.signs, copies, axis=1))
        start += images[-1].shape[1]
    return Monomial(np.concatenate(images, axis=1), np.concatenate(signs, axis=1))


def signed_orbits(rho: Monomial, sigma: Monomial) -> tuple[np.ndarray, np.ndarray]:
    """owner[o, i]: the orbit of the pair (o, i), −1 where its maps vanish; value[o, i]: ±1, its entry.

    Orbits are numbered by their smallest pair, whose value is +1. A pair that an element sends to itself with
    sign −1 has entry 0, and so has its orbit.
    """
    a, d, count = sigma.images.shape[1], rho.images.shape[1], len(rho.images)
    moves = (sigma.images[:, :, None] * d + rho.images[:, None, :]).reshape(count, a * d)
    flips = (sigma.signs[:, :, None] * rho.signs[:, None, :]).reshape(count, a * d) < 0
    size = a * d
    roots, value = _components(moves), np.ones(size)
    if flips.any():  # in the double cover (p, +) is p and (p, −) is p + size
        plus, minus = np.where(flips, moves + size, moves), np.where(flips, moves, moves + size)
        cover = _components(np.concatenate([plus, minus], axis=1))
        value = np.where(cover[:size] == roots, 1.0, -1.0)
        vanishing = cover[:size] == cover[size:]
        roots, value = np.where(vanishing, size, roots), np.where(vanishing, 0.0, value)
    kept, owner = np.unique(roots, return_inverse=True)
    owner = np.where(roots == size, -1, owner.reshape(-1)) if kept[-1] == size else owner.reshape(-1)
    return owner.reshape(a, d), value.reshape(a, d)


def _components(moves: np.ndarray) -> np.ndarray:
    """The smallest member of the orbit of each point under permutations (m, size): union-find for all points
    at once, each round hooking the larger root to the smaller and then flattening the trees.
    """
    roots = np.arange(moves.shape[1])
    while True:
        before = roots
        for move in moves:
            there = roots[move]
            smaller = np.minimum(roots, there)
            hooked = roots.copy()
            np.minimum.at(hooked, roots, smaller)
            np.minimum.at(hooked, there, smaller)
            roots = hooked
            while not np.array_equal(roots, flat := roots[roots]):
                roots = flat
        if np.array_equal(before, roots):
            return roots


def orbit_basis(owner: np.ndarray, value: np.ndarray) -> np.ndarray:
    """The maps (count, a, d) of the orbits, orthonormal."""
    count = int(owner.max(initial=-1)) + 1
    sizes = np.bincount(owner[owner >= 0], minlength=count)
    basis = np.zeros((count, *owner.shape))
    rows, columns = np.nonzero(owner >= 0)
    which = owner[rows, columns]
    basis[which, rows, columns] = value[rows, columns] / np.sqrt(sizes[which])
    return basis
