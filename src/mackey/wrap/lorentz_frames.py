"""One Lorentz transformation for each point: to the rest frame of a momentum, then a rotation there."""

import torch
from torch import Tensor

from mackey.axes import Float
from mackey.reps.wigner import in_full_precision
from mackey.wrap.rotation_frames import mirrored_frames, space_frames

# Of a vector nearer to the light cone, m < 10⁻⁶ E, the mass is taken to be 10⁻⁶ E.
LIGHT = 1e-6
# Of a sum of momenta that a boost brings to rest with digits left, m² is above this part of E².
_CLEAR = 1e-10
# Squarings until the part along time outgrows the rest: by e^{λ/c·2²⁰}, λ its eigenvalue, c the size of all.
_SQUARINGS = 20
_TINY = 1e-200


def rest_boost(momentum: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b 4 4"]:
    """The boost B with B p = (±m, 0, 0, 0) for a time-like p = (E, p⃗), metric (+, −, −, −).

    B = [[γ, −uᵀ], [−u, 1 + u uᵀ/(1 + γ)]] with u = ±p⃗/m and γ² = 1 + u², an element of SO⁺(1, 3) whatever u
    is. Light-like, space-like and zero vectors get the boost of mass 10⁻⁶|E|, |E| ≥ |p⃗|: finite, not
    equivariant. Rounding grows as γ².
    """
    energy, space = momentum[..., :1], momentum[..., 1:]
    square = (space**2).sum(-1, keepdim=True)
    mass = energy**2 - square
    least = LIGHT**2 * torch.maximum(energy**2, square).detach()
    floor = torch.where(least > 0, least, 1.0)  # of the zero vector the mass is taken to be 1
    root = torch.where(mass > floor, mass, floor).sqrt()
    u = space / root * torch.where(energy < 0, -1.0, 1.0).to(momentum)
    gamma = (1 + (u**2).sum(-1, keepdim=True)).sqrt()
    one = torch.eye(3, dtype=u.dtype, device=u.device)
    inner = one + u[..., :, None] * (u / (1 + gamma))[..., None, :]
    top = torch.cat([gamma, -u], -1)[..., None, :]
    return torch.cat([top, torch.cat([-u[..., :, None], inner], -1)], -2)


def clear_boost(momentum: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b 4 4"]:
    """`rest_boost` of what is clearly time-like, m > 10⁻⁵ E; else 1."""
    square = momentum[..., :1] ** 2 - (momentum[..., 1:] ** 2).sum(-1, keepdim=True)
    still = torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=momentum.dtype, device=momentum.device)
    return rest_boost(torch.where(square > _CLEAR * momentum[..., :1] ** 2, momentum, still))


def polar_frames(
    momentum: Float[Tensor, "*b 4"], references: Float[Tensor, "*b 2 4"]
) -> Float[Tensor, "*b 4 4"]:
    """L = R·B ∈ SO⁺(1, 3): the boost to the rest frame of p, then the rotation of `space_frames` for the
    spatial parts of the boosted references; L(gp, gv) = L(p, v)g⁻¹ for every g of SO⁺(1, 3).

    local = L global. Equivariant where p is time-like and p, v₁, v₂ are independent; finite everywhere.
    Source: Spinner, Favaro et al., Lorentz Local Canonicalization, 2025.
    """
    boost = rest_boost(momentum)
    seen = references @ boost.mT
    rotation = space_frames(seen[..., 1:], torch.linalg.vector_norm(seen.detach(), dim=-1))
    return torch.cat([boost[..., :1, :], rotation @ boost[..., 1:, :]], -2)


def reflecting_frames(
    momentum: Float[Tensor, "*b 4"], references: Float[Tensor, "*b 3 4"]
) -> Float[Tensor, "*b 4 4"]:
    """L ∈ O(1, 3) with L(gp, gv) = L(p, v)g⁻¹ for all of O(1, 3): Lp = (m, 0, 0, 0) also for p that runs
    backward, and the last row of L on the side of v₃.

    Equivariant where p is time-like and p, v₁, v₂, v₃ are independent; finite everywhere.
    """
    boost = rest_boost(momentum)
    seen = references @ boost.mT
    rotation = mirrored_frames(seen[..., 1:], torch.linalg.vector_norm(seen.detach(), dim=-1))
    forward = torch.where(momentum[..., :1, None] < 0, -1.0, 1.0)
    return torch.cat([forward * boost[..., :1, :], rotation @ boost[..., 1:, :]], -2)


def time_direction(
    vectors: Float[Tensor, "*b k 4"], reference: Float[Tensor, "*b 4"]
) -> Float[Tensor, "*b 4"]:
    """t = P r, P the projector on the time-like eigenvector of M = Σ v vᵀη; t(gv, gr) = g t(v, r).

    M has one positive eigenvalue where the vectors span R⁴, whatever vectors they are, since Σ v vᵀ is
    positive; all others are negative. P = lim (1 + M/c)^N / trace with c = √tr M², by squarings: no
    eigenvectors whose gradients have gaps. t vanishes where r is orthogonal to it.
    """
    form = torch.tensor([1.0, -1.0, -1.0, -1.0], dtype=vectors.dtype, device=vectors.device)
    one = torch.eye(4, dtype=vectors.dtype, device=vectors.device)
    with in_full_precision(vectors):
        M = vectors.mT @ (vectors * form)
        size = ((M @ M).diagonal(dim1=-2, dim2=-1).sum(-1).clamp_min(0) + _TINY).sqrt()
        P = one + M / size[..., None, None]
        for _ in range(_SQUARINGS):
            P = P @ P
            P = P / P.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None]
        return (P @ reference[..., None])[..., 0]
