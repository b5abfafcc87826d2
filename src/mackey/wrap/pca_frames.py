"""The frames of a cloud from its second moments: principal axes with every choice of signs."""

from itertools import product
from typing import Any

import torch
from torch import Tensor

from mackey.axes import Bool, Float
from mackey.reps.wigner import in_full_precision

# Moments nearer than this part of the largest one count as equal: no gradient flows through their axes.
EQUAL = 1e-10


class _PrincipalAxes(torch.autograd.Function):
    """λ ascending and U of C = U diag(λ) Uᵀ; dU = U (K ∘ UᵀdC U), K_ij = 1/(λ_j − λ_i), 0 between equals."""

    generate_vmap_rule = True

    @staticmethod
    def forward(moments: Tensor) -> tuple[Tensor, Tensor]:
        values, axes = torch.linalg.eigh(moments)
        return values, axes

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(*output)

    @staticmethod
    def backward(ctx: Any, to_values: Tensor, to_axes: Tensor) -> Tensor:
        values, axes = ctx.saved_tensors
        gap = values[..., None, :] - values[..., :, None]
        equal = gap.abs() <= EQUAL * values.abs().amax(-1)[..., None, None]
        weight = torch.where(equal, 0.0, 1 / torch.where(equal, 1.0, gap))
        inner = weight * (axes.mT @ to_axes) + torch.diag_embed(to_values)
        found = axes @ inner @ axes.mT
        return (found + found.mT) / 2


def principal_axes(moments: Float[Tensor, "*b d d"]) -> tuple[Float[Tensor, "*b d"], Float[Tensor, "*b d d"]]:
    """Eigenvalues, ascending, and unit eigenvectors (columns) of symmetric matrices.

    Gradients of every order, finite everywhere: between eigenvalues that agree to 10⁻¹⁰ of the largest the
    axes count as fixed.
    """
    found: tuple[Tensor, Tensor] = _PrincipalAxes.apply(moments)
    return found


def centre_of(points: Float[Tensor, "b n d"], mask: Bool[Tensor, "b n"] | None) -> Float[Tensor, "b d"]:
    """The mean of the points that are there; 0 for a cloud without any."""
    if mask is None:
        return points.mean(1)
    there = mask[..., None].to(points)
    return (points * there).sum(1) / there.sum(1).clamp(min=1)


def second_moments(
    points: Float[Tensor, "b n d"], mask: Bool[Tensor, "b n"] | None
) -> Float[Tensor, "b d d"]:
    """Σ x xᵀ about the origin, over the points that are there."""
    if mask is not None:
        points = points * mask[..., None].to(points)
    with in_full_precision(points):
        return points.mT @ points


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
    arbitrary choice. Nearly so, they are off by about rounding/gap, gap = |λ_i − λ_j|/λ_max. centred: moments
    about the mean; else about the origin, and c = 0. Source: Puny et al., ICLR 2022, sect. 3.1.
    """
    points = points.double()
    centre = centre_of(points, mask) if centred else torch.zeros_like(points[:, 0])
    _, axes = principal_axes(second_moments(points - centre[:, None], mask))
    return signed_frames(axes, proper=proper), centre
