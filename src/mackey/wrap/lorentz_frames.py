"""One Lorentz transformation for each point: to the rest frame of a momentum, then a rotation there."""

import torch
from torch import Tensor

from mackey.axes import Float
from mackey.wrap.rotation_frames import space_frames

# Of a vector nearer to the light cone, m < 10⁻⁶ E, the mass is taken to be 10⁻⁶ E.
LIGHT = 1e-6


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
