"""Ratios of trigonometric functions as smooth functions of θ², with all their derivatives finite at 0."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from mackey.axes import Float

# Below this the Taylor polynomials are exact to rounding, above it the quotients do not cancel.
_SMALL = 1.0
_TERMS = 11

_SINE = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(_TERMS))
_VERSINE = tuple((-1) ** k / math.factorial(2 * k + 2) for k in range(_TERMS))
_REST = tuple((-1) ** k / math.factorial(2 * k + 3) for k in range(_TERMS))
# |B_2k|/(2k)!, Abramowitz and Stegun 4.3.70.
_COTANGENT = (
    1 / 12, 1 / 720, 1 / 30240, 1 / 1209600, 1 / 47900160, 691 / 1307674368000, 1 / 74724249600,
    3617 / 10670622842880000, 43867 / 5109094217170944000, 174611 / 802857662698291200000,
    77683 / 14101100039391805440000,
)  # fmt: skip
_ARCTANGENT = tuple((-1) ** k / (2 * k + 1) for k in range(9))


def sinc(x: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """sin θ/θ of x = θ²."""
    return _smooth(x, _SINE, lambda angle: angle.sin() / angle)


def versine(x: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """(1 − cos θ)/θ² of x = θ²."""
    return _smooth(x, _VERSINE, lambda angle: 2 * ((angle / 2).sin() / angle) ** 2)


def sine_rest(x: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """(θ − sin θ)/θ³ of x = θ²."""
    return _smooth(x, _REST, lambda angle: (angle - angle.sin()) / angle**3)


def half_cotangent(x: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """(1 − (θ/2)cot(θ/2))/θ² of x = θ²; finite for |θ| < 2π."""
    return _smooth(x, _COTANGENT, lambda angle: (1 - angle / 2 * _cotangent(angle / 2)) / angle**2)


def angle_ratio(sine: Float[Tensor, "*b"], cosine: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """φ/s for φ = atan2(√s², c) and s² = `sine`: smooth at s = 0 for c > 0, and finite at c ≤ 0."""
    small = (sine < 1e-2 * cosine**2) & (cosine > 0)
    below = torch.where(small, sine, 0) / torch.where(small, cosine, 1) ** 2
    above = torch.where(small, 1, sine).clamp_min(torch.finfo(sine.dtype).tiny).sqrt()
    ratio = torch.atan2(above, torch.where(small, 1, cosine)) / above
    return torch.where(small, _polynomial(below, _ARCTANGENT) / torch.where(small, cosine, 1), ratio)


def _cotangent(angle: Tensor) -> Tensor:
    return angle.cos() / angle.sin()


def _smooth(x: Tensor, series: tuple[float, ...], quotient: Callable[[Tensor], Tensor]) -> Tensor:
    """Both branches are fed safe numbers, so that no NaN leaks into a gradient."""
    small = x < _SMALL
    return torch.where(
        small, _polynomial(torch.where(small, x, 0), series), quotient(torch.where(small, 1, x).sqrt())
    )


def _polynomial(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    total = torch.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient
    return total
