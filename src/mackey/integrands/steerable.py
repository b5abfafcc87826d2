"""The steerable kernels K(hx) = σ(h) K(x) ρ(h)⁻¹ on a stencil: one basis for any fibres, from the double
cosets.

H acts on the stencil; the orbits are the double cosets H\\G/H that meet it. On the orbit of x a kernel is any
B ∈ Hom_{H_x}(ρ, σ), carried along by K(hx) = σ(h) B ρ(h)⁻¹, so the number of parameters is
Σ_x dim Hom_{H_x}(ρ, σ). Source: Nyholm et al. 2025; Weiler & Cesa 2019 for the ring basis.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch

from mackey.errors import sentence
from mackey.groups import FiniteGroup, orthogonal, stabiliser
from mackey.reps import Rep, intertwiners, irrep, restrict, tabulated, tensor
from mackey.spaces import Grid

# Rings of a kernel for rotations that leave the lattice: radial Gaussians one pixel apart; the width is
# that of the peers' filters (0.6), 0.4 on the outermost ring where the square cuts the circle.
_RING_WIDTH, _OUTER_WIDTH, _CENTRE_WIDTH = 0.6, 0.4, 0.005


@dataclass(frozen=True, eq=False)
class KernelBasis:
    """A basis of steerable kernels, in whichever of three forms is cheapest to expand.

    owner (d_σ, d_ρ, P): the basis element that each entry copies, for permutation fibres.
    blocks (P, n, d_σ, d_ρ) and index (P, n): the elements that live on each tap, for other fibres on exact
    lattices.
    dense (count, d_σ, d_ρ, P): everything, for kernels sampled from rings.
    energy: Σ_b ‖B_b‖², for the variance of the initial weights.
    """

    count: int
    energy: float
    points: np.ndarray
    owner: np.ndarray | None = None
    blocks: np.ndarray | None = None
    index: np.ndarray | None = None
    sampled: np.ndarray | None = None

    @cached_property
    def dense(self) -> np.ndarray:
        if self.sampled is not None:
            return self.sampled
        if self.owner is not None:
            return (self.owner == np.arange(self.count)[:, None, None, None]).astype(np.float64)
        assert self.blocks is not None and self.index is not None
        taps, _, d_out, d_in = self.blocks.shape
        dense = np.zeros((self.count, d_out, d_in, taps))
        for tap in range(taps):
            np.add.at(dense[..., tap], self.index[tap], self.blocks[tap])
        return dense


def kernel_count(points: np.ndarray, rho: Rep, sigma: Rep) -> int:
    """The parameters that theory predicts on an exact lattice: (1/|H|) Σ_h χ_σ(h) χ_ρ(h⁻¹) #{x : hx = x}."""
    H = rho.group
    moved = np.einsum("hij,pj->hpi", H.matrices, points)
    fixed = (np.abs(moved - points).max(-1) < 1e-6).sum(-1)
    return int(np.rint((sigma.character * rho.character[H.inverses] * fixed).mean()))


@lru_cache(maxsize=256)
def kernel_basis(grid: Grid, size: int, rho: Rep, sigma: Rep) -> KernelBasis:
    """All steerable kernels from ρ to σ on the size^d stencil of a grid."""
    points = grid.stencil(size)
    if not grid.group.is_exact:
        if grid.dimension != 2:
            raise ValueError(
                sentence(
                    f"kernel basis on {grid}",
                    wanted="a plane, or a group that keeps the lattice",
                    got=f"{grid.stabiliser} in {grid.dimension} dimensions",
                    remedy="use a subgroup of groups.octahedral(True)",
                )
            )
        return _ring_basis(points, size, rho, sigma)
    moves = _tap_permutations(grid, size, points)
    if rho.is_permutation and sigma.is_permutation:
        basis = _shared_weights(points, moves, rho, sigma)
    else:
        basis = _carried_along(points, moves, rho, sigma)
    wanted = kernel_count(points, rho, sigma)
    assert basis.count == wanted, f"kernel basis {rho} → {sigma}: found {basis.count}, theory says {wanted}"
    return basis


def _tap_permutations(grid: Grid, size: int, points: np.ndarray) -> np.ndarray:
    """moves[h, p] = the tap that h sends tap p to."""
    moved = np.einsum("hij,pj->hpi", grid.stabiliser.matrices, points)
    moves = grid.tap(torch.as_tensor(moved, device="cpu"), size).numpy()
    assert np.abs(points[moves] - moved).max() < 1e-6, "the stencil is not stable under H"
    return moves


def _shared_weights(points: np.ndarray, moves: np.ndarray, rho: Rep, sigma: Rep) -> KernelBasis:
    """Permutation fibres: one weight for each orbit of H on (o, i, x)."""
    taps = len(points)
    rows = sigma.permutations[:, :, None, None] * rho.dim + rho.permutations[:, None, :, None]
    owner = (rows * taps + moves[:, None, None, :]).min(0)
    labels, owner = np.unique(owner, return_inverse=True)
    owner = owner.reshape(sigma.dim, rho.dim, taps)
    return KernelBasis(len(labels), float(owner.size), points, owner=owner)


def _carried_along(points: np.ndarray, moves: np.ndarray, rho: Rep, sigma: Rep) -> KernelBasis:
    """Other fibres: B ∈ Hom_{H_x}(ρ, σ) at one tap of each orbit, carried to the rest."""
    H, taps = rho.group, len(points)
    per_tap: list[tuple[np.ndarray, np.ndarray]] = [(np.empty(0), np.empty(0, dtype=int))] * taps
    start, energy = 0, 0.0
    back = rho.matrices[H.inverses]
    for first in np.unique(moves.min(0)):
        fixing = stabiliser(H, points[first])
        maps = intertwiners(restrict(rho, fixing), restrict(sigma, fixing))
        labels = start + np.arange(len(maps))
        orbit, representatives = np.unique(moves[:, first], return_index=True)
        for tap, h in zip(orbit, representatives, strict=True):
            per_tap[tap] = (sigma.matrices[h] @ maps @ back[h], labels)
            energy += float((per_tap[tap][0] ** 2).sum())
        start += len(maps)
    width = max(len(labels) for _, labels in per_tap)
    blocks = np.zeros((taps, width, sigma.dim, rho.dim))
    index = np.zeros((taps, width), dtype=np.int64)
    for tap, (maps, labels) in enumerate(per_tap):
        blocks[tap, : len(labels)], index[tap, : len(labels)] = maps, labels
    return KernelBasis(start, energy, points, blocks=blocks, index=index)


def _ring_basis(points: np.ndarray, size: int, rho: Rep, sigma: Rep) -> KernelBasis:
    """Rotations off the lattice: circular harmonics on rings, K(x) = Σ_j a_j(x) A_j with A ∈ Hom_H(V_a ⊗ ρ,
    σ).

    Guarantee: exact for the elements of H that keep the lattice, aliased for the rest.
    """
    radius, angle = np.hypot(*points.T), np.arctan2(points[:, 1], points[:, 0])
    outermost = (size - 1) / 2
    found = []
    for ring in np.arange(outermost % 1, outermost + 0.5):
        width = _CENTRE_WIDTH if ring == 0 else _OUTER_WIDTH if ring == outermost else _RING_WIDTH
        profile = np.exp(-((radius - ring) ** 2) / (2 * width**2))
        highest = min(int(2 * ring), 2) if ring == outermost else int(2 * ring)
        for frequency in range(highest + 1):
            harmonics = profile * (
                np.stack([np.cos(frequency * angle), np.sin(frequency * angle)]) * (radius > 0)
                if frequency
                else np.ones((1, len(points)))
            )  # the centre has no direction
            maps = intertwiners(tensor(_harmonic(rho.group, frequency), rho), sigma)
            maps = maps.reshape(len(maps), sigma.dim, len(harmonics), rho.dim)
            found.append(np.einsum("nojr,jp->norp", maps, harmonics))
    sampled = np.concatenate(found)
    energy = (sampled**2).sum((1, 2, 3))
    sampled = sampled[energy > 1e-4 * energy.max()]
    sampled *= np.sqrt(
        len(points) * sigma.dim * rho.dim / len(sampled) / (sampled**2).sum((1, 2, 3), keepdims=True)
    )
    return KernelBasis(len(sampled), float((sampled**2).sum()), points, sampled=sampled)


def _harmonic(group: FiniteGroup, frequency: int) -> Rep:
    """How (cos mθ, sin mθ) changes, a(hx) = D(h) a(x): the irrep of O(2), for the elements of the group."""
    return tabulated(restrict(irrep(orthogonal(2), str(frequency) if frequency else "0e"), group))
