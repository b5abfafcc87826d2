"""Elements off the grid: smooth images sampled before and after the motion; image outputs are interpolated.

The input is a formula, f(x) = Σ_k a_k exp(−|x − p_k|²/2w²), so that gf is exact, with centres at g·p_k;
what remains is the aliasing of the network, and of the interpolation where the output is an image.
"""

import numpy as np
import torch
from torch import Tensor

from mackey.audit.elements import Element
from mackey.audit.types import AbstractDeclared
from mackey.spaces import Grid

_BUMPS, _RADIUS, _WIDTH = 4, 0.3, 0.2  # in units of half the shorter side, so that little touches the border


def smooth(
    x: Tensor, declared: AbstractDeclared, element: Element | None, generator: torch.Generator
) -> Tensor | None:
    """g·f for a smooth random f of the shape of x, g = e where element is None; None if g does not act."""
    grid = declared.grid
    if grid is None:
        return x if element is None or not declared.moves else None
    sizes = grid.sizes(x)
    half = min(sizes) / 2
    centres = _RADIUS * half * (2 * torch.rand(*x.shape[:2], _BUMPS, len(sizes), generator=generator) - 1)
    heights = torch.randn(*x.shape[:2], _BUMPS, generator=generator)
    if element is not None:
        matrix = _array_matrix(grid, element)
        if matrix is None:
            return None
        centres = centres @ torch.as_tensor(matrix, dtype=centres.dtype).T
    axes = [torch.arange(n, dtype=centres.dtype) - (n - 1) / 2 for n in sizes]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
    value = torch.zeros(*x.shape[:2], len(points))
    for k in range(_BUMPS):
        distance = (points - centres[:, :, k, None]).square().sum(-1)
        value += heights[:, :, k, None] * torch.exp(-distance / (2 * (_WIDTH * half) ** 2))
    image = value.unflatten(-1, sizes).to(x)
    return image if element is None else declared.turn(image, element)


def resampled(y: Tensor, declared: AbstractDeclared, element: Element) -> Tensor | None:
    """g·y, by linear interpolation where y has pixels; None if g does not act on this type."""
    grid = declared.grid
    if grid is None:
        return declared.move(y, element) if not declared.moves else declared.turn(y, element)
    matrix = _array_matrix(grid, element)
    if matrix is None or not y.is_floating_point():
        return None
    sizes = torch.tensor(y.shape[:1:-1], dtype=torch.float64)  # affine_grid counts the axes from the last
    back = torch.as_tensor(np.linalg.inv(matrix)[::-1, ::-1].copy()) * sizes[None] / sizes[:, None]
    theta = torch.cat([back, torch.zeros(len(sizes), 1)], 1).to(y).expand(len(y), -1, -1)
    points = torch.nn.functional.affine_grid(theta, list(y.shape), align_corners=False)
    return declared.turn(torch.nn.functional.grid_sample(y, points, align_corners=False), element)


def inside(y: Tensor, declared: AbstractDeclared) -> Tensor:
    """y where no pixel comes from outside the array: in the middle disc, zero elsewhere."""
    grid = declared.grid
    if grid is None:
        return y
    sizes = grid.sizes(y)
    radius = torch.zeros(sizes, dtype=torch.float64)
    for axis, n in enumerate(sizes):
        shape = [-1 if other == axis else 1 for other in range(len(sizes))]
        radius = radius + (torch.arange(n, dtype=torch.float64) - (n - 1) / 2).square().view(shape)
    return y * (radius.sqrt() <= 0.7 * min(sizes) / 2).to(y)


def _array_matrix(grid: Grid, element: Element) -> np.ndarray | None:
    own = element.within(grid.group)
    return None if own is None else grid.array_matrices[own[1]]
