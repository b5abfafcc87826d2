"""Elements off the grid: smooth images sampled before and after the motion; image outputs are interpolated.

The input is a formula, f(x) = Σ_k a_k exp(−|x − p_k|²/2w²), so that gf is exact, with centres at g·p_k;
what remains is the aliasing of the network, and of the interpolation where the output is an image.
"""

import numpy as np
import torch
from torch import Tensor

from mackey.actions import AbstractTensorType, Motion, array_matrix

_BUMPS, _RADIUS, _WIDTH = 4, 0.3, 0.2  # in units of half the shorter side, so that little touches the border


def smooth(
    x: Tensor, declared: AbstractTensorType, motion: Motion | None, generator: torch.Generator
) -> Tensor | None:
    """g·f for a smooth random f of the shape of x, g = e where motion is None; None if g does not act."""
    if not declared.is_sampled:
        return x if motion is None or not declared.moves else None
    d = declared.dimension(x)
    assert d is not None, "samples tell their space"
    sizes = x.shape[-d:]
    half = min(sizes) / 2
    centres = _RADIUS * half * (2 * torch.rand(*x.shape[:2], _BUMPS, d, generator=generator) - 1)
    heights = torch.randn(*x.shape[:2], _BUMPS, generator=generator)
    if motion is not None:
        if not declared.knows(motion):
            return None
        centres = centres @ torch.as_tensor(array_matrix(motion, d), dtype=centres.dtype).T
    axes = [torch.arange(n, dtype=centres.dtype) - (n - 1) / 2 for n in sizes]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
    value = torch.zeros(*x.shape[:2], len(points))
    for k in range(_BUMPS):
        distance = (points - centres[:, :, k, None]).square().sum(-1)
        value += heights[:, :, k, None] * torch.exp(-distance / (2 * (_WIDTH * half) ** 2))
    image = value.unflatten(-1, sizes).to(x)
    return image if motion is None else declared.turn(image, motion)


def resampled(y: Tensor, declared: AbstractTensorType, motion: Motion) -> Tensor | None:
    """g·y, by linear interpolation where y has pixels; None if g does not act on this type."""
    if not declared.is_sampled:
        return declared.act(y, motion)
    d = declared.dimension(y)
    assert d is not None, "samples tell their space"
    if not declared.knows(motion) or not y.is_floating_point() or y.ndim != d + 2:
        return None
    sizes = torch.tensor(y.shape[:1:-1], dtype=torch.float64)  # affine_grid counts the axes from the last
    inverse = np.linalg.inv(array_matrix(motion, d))
    back = torch.as_tensor(inverse[::-1, ::-1].copy()) * sizes[None] / sizes[:, None]
    theta = torch.cat([back, torch.zeros(len(sizes), 1)], 1).to(y).expand(len(y), -1, -1)
    points = torch.nn.functional.affine_grid(theta, list(y.shape), align_corners=False)
    return declared.turn(torch.nn.functional.grid_sample(y, points, align_corners=False), motion)


def inside(y: Tensor, declared: AbstractTensorType) -> Tensor:
    """y where no pixel comes from outside the array: in the middle disc, zero elsewhere."""
    d = declared.dimension(y)
    if not declared.is_sampled or d is None:
        return y
    sizes = y.shape[-d:]
    radius = torch.zeros(sizes, dtype=torch.float64)
    for axis, n in enumerate(sizes):
        shape = [-1 if other == axis else 1 for other in range(len(sizes))]
        radius = radius + (torch.arange(n, dtype=torch.float64) - (n - 1) / 2).square().view(shape)
    return y * (radius.sqrt() <= 0.7 * min(sizes) / 2).to(y)
