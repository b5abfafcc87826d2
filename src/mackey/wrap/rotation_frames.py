"""One rotation for each point, from vectors that turn with it: Gram–Schmidt, finite where it is undefined."""

import torch
from torch import Tensor

from mackey.axes import Float

# Lengths below this part of `scale` count as zero: there the direction is rounding.
ZERO = 1e-7


def plane_frames(
    vectors: Float[Tensor, "*b 1 2"], scale: Float[Tensor, "*b 1"] | None = None
) -> Float[Tensor, "*b 2 2"]:
    """L ∈ SO(2) whose first row is v/|v|, so that L(gv) = L(v)g⁻¹; local = L global.

    scale: the size of what v was summed from; |v| itself if not given. Where |v| ≤ 10⁻⁷ scale, L is 1: finite
    with zero gradient, not equivariant.
    """
    x = _direction(vectors[..., 0, :], _floor(vectors, scale)[..., 0], _axis(vectors[..., 0, :]))
    return torch.stack([x, _quarter_turn(x)], -2)


def space_frames(
    vectors: Float[Tensor, "*b 2 3"], scale: Float[Tensor, "*b 2"] | None = None
) -> Float[Tensor, "*b 3 3"]:
    """L ∈ SO(3) with rows u₁ = v₁/|v₁|, u₂ ∝ v₂ − (v₂·u₁)u₁ and u₁×u₂; L(gv) = L(v)g⁻¹.

    Where v₁ vanishes, or v₂ off u₁, below 10⁻⁷ scale, a fixed axis takes its place: orthonormal, finite, not
    equivariant. The error of L is that of v over the length of v₂ off u₁.
    """
    first, second = vectors.unbind(-2)
    floor = _floor(vectors, scale)
    x = _direction(first, floor[..., 0], _axis(first))
    y = _direction(_off(second, x), floor[..., 1], _off(_least(x), x))
    y = _direction(_off(y, x), torch.zeros_like(floor[..., 1]), y)  # again: exact where v₂ is almost parallel
    return torch.stack([x, y, torch.linalg.cross(x, y)], -2)


def mirrored_frames(
    vectors: Float[Tensor, "*b d d"], scale: Float[Tensor, "*b d"] | None = None
) -> Float[Tensor, "*b d d"]:
    """L ∈ O(d), d = 2 or 3: the frame of the first d − 1 vectors, its last row on the side of the last one.

    Where the last vector lies within 10⁻⁷ scale of the others' span, L is a rotation: it misses mirrors.
    """
    floor = _floor(vectors, scale)
    proper = plane_frames if vectors.shape[-1] == 2 else space_frames
    turned = proper(vectors[..., :-1, :], None if scale is None else scale[..., :-1])
    height = (vectors[..., -1, :] * turned[..., -1, :]).sum(-1)
    side = torch.where(height < -floor[..., -1], -1.0, 1.0).to(vectors)
    return torch.cat([turned[..., :-1, :], turned[..., -1:, :] * side[..., None, None]], -2)


def orthogonal_frames(vectors: Float[Tensor, "*b d d"], *, proper: bool) -> Float[Tensor, "*b d d"]:
    """L ∈ O(d), for any d, with rows u_k ∝ v_k − Σ_{j<k} (v_k·u_j) u_j, so that L(gv) = L(v)g⁻¹.

    proper: the last row changes sign where the determinant is −1; then L ∈ SO(d), and the same for g ∈ SO(d).
    Where v_k lies within 10⁻⁷ |v_k| of the span of those before, an axis takes its place.
    """
    floor = _floor(vectors, None)
    rows: list[Tensor] = []
    for k, v in enumerate(vectors.unbind(-2)):
        before = torch.stack(rows, -2) if rows else vectors[..., :0, :]
        leaning = (before.detach() ** 2).sum(-2).argmin(-1, keepdim=True)
        spare = torch.zeros_like(v).scatter(-1, leaning, 1.0)
        u = _direction(_across(v, before), floor[..., k], _across(spare, before))
        rows.append(_direction(_across(u, before), torch.zeros_like(floor[..., k]), u))
    L = torch.stack(rows, -2)
    if not proper:
        return L
    side = torch.linalg.det(L.detach()).sign()[..., None, None]
    return torch.cat([L[..., :-1, :], L[..., -1:, :] * side], -2)


def _across(v: Tensor, before: Tensor) -> Tensor:
    """v − Σ_j (v·u_j) u_j."""
    return v - ((before @ v[..., None]) * before).sum(-2)


def _floor(vectors: Tensor, scale: Tensor | None) -> Tensor:
    return ZERO * (torch.linalg.vector_norm(vectors.detach(), dim=-1) if scale is None else scale.detach())


def _direction(v: Tensor, floor: Tensor, spare: Tensor) -> Tensor:
    """v/|v|; that of `spare` where |v| ≤ floor. Gradients are those of the branch taken, never 0·∞."""
    usable = (v.detach() ** 2).sum(-1, keepdim=True) > floor[..., None] ** 2
    chosen = torch.where(usable, v, spare)
    return chosen / (chosen**2).sum(-1, keepdim=True).sqrt()


def _off(v: Tensor, unit: Tensor) -> Tensor:
    return v - (v * unit).sum(-1, keepdim=True) * unit


def _axis(like: Tensor) -> Tensor:
    """e₁."""
    return torch.cat([torch.ones_like(like[..., :1]), torch.zeros_like(like[..., 1:])], -1)


def _least(unit: Tensor) -> Tensor:
    """The axis that leans least towards a unit vector."""
    chosen = unit.detach().abs().argmin(-1, keepdim=True)
    return torch.zeros_like(unit).scatter(-1, chosen, 1.0)


def _quarter_turn(v: Tensor) -> Tensor:
    x, y = v.unbind(-1)
    return torch.stack([-y, x], -1)
