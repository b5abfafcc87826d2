"""Smooth fields at any resolution, moved before they are sampled; outputs moved by accurate interpolation.

A field is f(x) = Σ_k a_k exp(−|x − p_k|²/2w²) in units of half the shorter side, so that it is the same
at all resolutions, and far from the border, where it should have vanished; gf is exact, with centres at
g·p_k.
"""

import itertools

import numpy as np
import torch
from torch import Tensor

from mackey.actions import AbstractTensorType, Motion, array_matrix

_BUMPS = 4
FAR = (0.15, 0.14)  # radius and width: 5.6 widths from the border at the nearest, where 1e-7 is left
_NODES = 10  # of the interpolation along each axis, so that its error falls like n^-10


def sampled_field(
    x: Tensor,
    declared: AbstractTensorType,
    motion: Motion | None,
    generator: torch.Generator,
    reach: tuple[float, float] = FAR,
) -> Tensor | None:
    """g·f of the shape of x, g = e where motion is None; g·x for x without samples. None: g does not act.

    reach: the largest |p_k| along an axis, and the width w, in half sides.
    """
    if not declared.is_sampled:
        return x if motion is None else declared.act(x, motion)
    d = declared.dimension(x)
    assert d is not None, "samples tell their space"
    sizes, half, (radius, width) = x.shape[-d:], min(x.shape[-d:]) / 2, reach
    centres = (
        radius
        * half
        * (2 * torch.rand(*x.shape[:2], _BUMPS, d, generator=generator, dtype=torch.float64) - 1)
    )
    heights = torch.randn(*x.shape[:2], _BUMPS, generator=generator, dtype=torch.float64)
    if motion is not None:
        if not declared.knows(motion):
            return None
        centres = centres @ torch.as_tensor(array_matrix(motion, d), device="cpu").T
    value = torch.zeros(*x.shape[:2], *sizes, dtype=torch.float64)
    for k in range(_BUMPS):
        bump = heights[:, :, k].reshape(*x.shape[:2], *(1,) * d)
        for axis, n in enumerate(sizes):  # a Gaussian is a product over axes
            away = torch.arange(n, dtype=torch.float64) - (n - 1) / 2 - centres[:, :, k, axis, None]
            factor = torch.exp(-away.square() / (2 * (width * half) ** 2))
            bump = bump * factor.view(*x.shape[:2], *(n if a == axis else 1 for a in range(d)))
        value = value + bump
    field = value.to(x.device)
    return field if motion is None else declared.turn(field, motion)


def interpolated(y: Tensor, declared: AbstractTensorType, motion: Motion) -> Tensor | None:
    """g·y by polynomials through the nearest samples where y has samples; None where g does not act on y."""
    if not declared.is_sampled:
        return declared.act(y, motion)
    d = declared.dimension(y)
    assert d is not None, "samples tell their space"
    if not declared.knows(motion) or not y.is_floating_point() or y.ndim != d + 2:
        return None
    if declared.exact(y, motion):
        return declared.act(y, motion)
    sizes = y.shape[-d:]
    axes = [torch.arange(n, dtype=torch.float64) - (n - 1) / 2 for n in sizes]
    targets = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
    back = torch.as_tensor(np.linalg.inv(array_matrix(motion, d)), device="cpu")
    sources = targets @ back.T
    taps = [_taps(sources[:, axis] + (n - 1) / 2, n) for axis, n in enumerate(sizes)]
    flat, moved = y.flatten(2), torch.zeros_like(y.flatten(2))
    for chosen in itertools.product(*(range(weights.shape[1]) for _, weights in taps)):
        index = torch.zeros(len(targets), dtype=torch.long)
        weight = torch.ones(len(targets), dtype=torch.float64)
        for (start, weights), k, n in zip(taps, chosen, sizes, strict=True):
            index, weight = index * n + start + k, weight * weights[:, k]
        moved += weight.to(y) * flat.index_select(2, index.to(y.device))
    return declared.turn(moved.view(y.shape), motion)


def _taps(places: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """The first sample that each place uses, and the Lagrange weights of it and the next ones."""
    nodes = min(_NODES, n)
    start = (places.floor().long() - nodes // 2 + 1).clamp(0, n - nodes)
    away = (places - start)[:, None].clamp(-1.0, float(nodes))  # far outside it is not used
    k = torch.arange(nodes, dtype=torch.float64)
    weights = torch.ones(len(places), nodes, dtype=torch.float64)
    for j in range(nodes):
        others = k != j
        weights[:, others] *= (away - j) / (k[others] - j)
    return start, weights


def resized(x: Tensor, declared: AbstractTensorType, n: int) -> Tensor:
    """A tensor like x with n samples along each axis of space; only its shape, dtype and device are used."""
    d = declared.dimension(x) if declared.is_sampled else None
    return x if d is None else torch.ones(*x.shape[:-d], *(n,) * d, dtype=x.dtype, device=x.device)
