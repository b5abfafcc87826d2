"""Elements off the grid: smooth images sampled before and after the motion; image outputs are interpolated.

The input is a formula, so that gf is exact; what remains is the aliasing of the network, and of the
interpolation where the output is an image.
"""

import numpy as np
import torch
from torch import Tensor

from mackey.actions import AbstractTensorType, Motion, array_matrix
from mackey.audit.resolution import sampled_field

_REACH = (0.3, 0.2)  # fills the image, and little touches the border


def smooth(
    x: Tensor, declared: AbstractTensorType, motion: Motion | None, generator: torch.Generator
) -> Tensor | None:
    """g·f for a smooth random f of the shape and dtype of x, g = e where motion is None; None if g does not
    act.
    """
    field = sampled_field(x, declared, motion, generator, _REACH)
    return None if field is None else field.to(x)


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
