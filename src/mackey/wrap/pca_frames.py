"""The frames of a cloud from its second moments: principal axes with every choice of signs."""

from itertools import product
from typing import Any

import torch
from torch import Tensor

from mackey.axes import Bool, Float

# Extents nearer than this part of the largest one count as equal: no gradient flows through their axes.
EQUAL = 1e-10


class _PrincipalAxes(torch.autograd.Function):
    """λ ascending and U of XᵀX = U diag(λ) Uᵀ; dU = U (K ∘ UᵀdC U), K_ij = 1/(λ_j − λ_i), 0 between equals.

    By singular values of X: XᵀX itself would lose the axes of extents below √ε of the largest.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(points: Tensor) -> tuple[Tensor, Tensor]:
        d = points.shape[-1]  # as many zeros below, so that there is a d-th extent for any number of points
        points = torch.cat([points, points.new_zeros(*points.shape[:-2], d, d)], -2)
        extents, axes = torch.linalg.svd(torch.linalg.qr(points, mode="r")[1])[1:]
        return extents.flip(-1).square(), axes.mT.flip(-1).contiguous()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(*inputs, *output)

    @staticmethod
    def backward(ctx: Any, to_values: Tensor, to_axes: Tensor) -> Tensor:
        points, values, axes = ctx.saved_tensors
        gap = values[..., None, :] - values[..., :, None]
        extents = values.detach().clamp(min=0).sqrt()
        apart = (extents[..., None, :] - extents[..., :, None]).abs()
        equal = apart <= EQUAL * extents.amax(-1)[..., None, None]
        weight = torch.where(equal, 0.0, 1 / torch.where(equal, 1.0, gap))
        inner = weight * (axes.mT @ to_axes) + torch.diag_embed(to_values)
        found = axes @ inner @ axes.mT
        return points @ (found + found.mT)


def principal_axes(points: Float[Tensor, "*b n d"]) -> tuple[Float[Tensor, "*b d"], Float[Tensor, "*b d d"]]:
    """Second moments Σ (x·u)² about the origin, ascending, and the unit axes u (columns) that have them.

    Gradients of every order, finite everywhere: between extents √λ that agree to 10⁻¹⁰ of the largest the
    axes count as fixed.
    """
    found: tuple[Tensor, Tensor] = _PrincipalAxes.apply(points)
    return found


def centre_of(points: Float[Tensor, "b n d"], mask: Bool[Tensor, "b n"] | None) -> Float[Tensor, "b d"]:
    """The mean of the points that are there; 0 for a cloud without any."""
    if mask is None:
        return points.mean(1)
    there = mask[..., None]
    kept = torch.where(there, points, torch.zeros_like(points))
    return kept.sum(1) / there.sum(1).clamp(min=1)


def about(
    points: Float[Tensor, "b n d"], centre: Float[Tensor, "b d"], mask: Bool[Tensor, "b n"] | None
) -> Float[Tensor, "b n d"]:
    """x − c, zero for points that are not there."""
    points = points - centre[:, None]
    return points if mask is None else torch.where(mask[..., None], points, torch.zeros_like(points))


def signs(d: int, *, proper: bool) -> tuple[tuple[float, ...], ...]:
    """(+++), (++−), (+−+), …: all 2^d, or those with product +1."""
    listed = tuple(product((1.0, -1.0), repeat=d))
    return tuple(s for s in listed if s.count(-1.0) % 2 == 0) if proper else listed


def signed_frames(axes: Float[Tensor, "b d d"], *, proper: bool) -> Float[Tensor, "b m d d"]:
    """U diag(s) for every s; proper: those of determinant +1 only. Source: Puny et al. 2022, sect. 3.1."""
    d = axes.shape[-1]
    listed = torch.tensor(signs(d, proper=proper), dtype=axes.dtype, device=axes.device)
    if proper:
        side = torch.linalg.det(axes.detach()).sign()
        axes = torch.cat([axes[..., :-1], axes[..., -1:] * side[:, None, None]], -1)
    return axes[:, None] * listed[:, None, :]


def pca_frames(
    points: Float[Tensor, "b n d"],
    mask: Bool[Tensor, "b n"] | None = None,
    *,
    centred: bool = True,
    proper: bool = False,
) -> tuple[Float[Tensor, "b m d d"], Float[Tensor, "b d"]]:
    """F(X): frames, 2^d of O(d) or 2^{d−1} of SO(d), columns by ascending moment, and the centre, in float64.

    Framed points are Fᵀ(x − c). As a set F(gX) = gF(X), unless two moments are equal: then the axes are an
    arbitrary choice. Nearly so, they are off by about rounding/gap, gap = |√λ_i − √λ_j|/√λ_max. centred:
    moments about the mean; else about the origin, and c = 0. Source: Puny et al., ICLR 2022, sect. 3.1.
    """
    points = points.double()
    centre = centre_of(points, mask) if centred else torch.zeros_like(points[:, 0])
    _, axes = principal_axes(about(points, centre, mask))
    return signed_frames(axes, proper=proper), centre
