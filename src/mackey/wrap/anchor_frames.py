"""Weighted frames from pairs of points: continuous in the cloud, symmetric clouds included."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from mackey.axes import Float

# A cloud whose extent across an axis is less than this part of its size counts, by degrees, as turning freely
# about that axis. Rounding is then amplified by at most about its inverse.
NARROW = 1e-2


class WeightedPoses(NamedTuple):
    """Frames with their weights, and how sure the frame about its first axis is: 1, or less near a line."""

    frames: Float[Tensor, "b m d d"]
    weights: Float[Tensor, "b m"]
    sure: Float[Tensor, "b m"]


def anchor_frames(anchors: Float[Tensor, "b k d"], *, proper: bool) -> WeightedPoses:
    """μ(X) = Σ_i p_i δ(a_i) in R², Σ_ij p_i q_ij δ(a_i, a_j) in R³: a frame for each anchor, or ordered pair.

    p_i = |a_i|²/Σ|a|²: the first axis is along a_i. q_ij = |a_j⊥|²/Σ_j|a_j⊥|²: the second one along the part
    a_j⊥ across it. The last axis by handedness, both ways where mirrors act. Weights vanish where their frame
    loses its meaning, so that μ is continuous, and μ(gX) = gμ(X) to rounding for every cloud. Source: robust
    weighted frames, Dym, Lawrence & Siegel, ICML 2024.
    """
    squared = anchors.square().sum(-1)
    total = squared.sum(-1, keepdim=True)
    share = _shares(squared, total)
    first = _unit(anchors, squared)
    if anchors.shape[-1] == 2:
        frames = _mirrored([first, torch.stack([-first[..., 1], first[..., 0]], -1)], proper=proper)
        weights = share.repeat_interleave(frames.shape[1] // share.shape[1], 1)
        return WeightedPoses(frames, weights / weights.sum(1, keepdim=True), torch.ones_like(weights))
    k = anchors.shape[1]
    along = first[:, :, None].expand(-1, -1, k, -1)
    across = anchors[:, None].expand(-1, k, -1, -1)
    for _ in range(2):  # once leaves a remainder along the first axis where next to nothing is across
        across = across - (across * along).sum(-1, keepdim=True) * along
    area = across.square().sum(-1)
    areas = area.sum(-1, keepdim=True)
    weights = (share[..., None] * _shares(area, areas)).flatten(1)
    second = torch.where((area > _tiny(area))[..., None], _unit(across, area), _beside(along))
    axes = [along.flatten(1, 2), second.flatten(1, 2)]
    frames = _mirrored([*axes, torch.linalg.cross(*axes)], proper=proper)
    times = frames.shape[1] // weights.shape[1]
    sure = areas / (NARROW**2 * torch.where(total > _tiny(total), total, 1.0))[..., None]
    sure = sure.clamp(max=1).expand(-1, -1, k).flatten(1).repeat_interleave(times, 1)
    weights = weights.repeat_interleave(times, 1)
    return WeightedPoses(frames, weights / weights.sum(1, keepdim=True), sure)


def axial_turns(count: int, like: Tensor) -> Float[Tensor, "count 3 3"]:
    """Rotations about the first axis by 2πk/count: their mean keeps what no rotation about it changes, in
    representations of degree less than count.
    """
    angle = torch.arange(count, dtype=like.dtype, device=like.device) * (2 * torch.pi / count)
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    rows = [one, zero, zero, zero, angle.cos(), -angle.sin(), zero, angle.sin(), angle.cos()]
    return torch.stack(rows, -1).unflatten(-1, (3, 3))


def _tiny(x: Tensor) -> float:
    """The least square that counts."""
    return 16 * torch.finfo(x.dtype).tiny


def _shares(part: Float[Tensor, "*b k"], total: Float[Tensor, "*b 1"]) -> Float[Tensor, "*b k"]:
    """part/total; equal shares where all is 0."""
    some = total > _tiny(total)
    return torch.where(some, part / torch.where(some, total, 1.0), 1 / part.shape[-1])


def _unit(x: Float[Tensor, "*b d"], squared: Float[Tensor, " *b"]) -> Float[Tensor, "*b d"]:
    """x/|x|; e₁ for 0."""
    some = squared > _tiny(squared)
    x = x / torch.where(some, squared, 1.0).sqrt()[..., None]
    pole = F.one_hot(torch.zeros_like(squared, dtype=torch.long), x.shape[-1]).to(x)
    return torch.where(some[..., None], x, pole)


def _beside(first: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3"]:
    """Some unit vector across each."""
    pole = F.one_hot(first.abs().argmin(-1), 3).to(first)
    return F.normalize(torch.linalg.cross(first, pole), dim=-1)


def _mirrored(axes: list[Tensor], *, proper: bool) -> Float[Tensor, "b m d d"]:
    """Frames of these columns; with the last one both ways unless proper."""
    frames = torch.stack(axes, -1)
    if proper:
        return frames
    other = torch.stack([*axes[:-1], -axes[-1]], -1)
    return torch.stack([frames, other], 2).flatten(1, 2)
