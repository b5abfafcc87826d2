"""A linear integrand on a grid is one conv1d, conv2d or conv3d with the expanded filter."""

import math

import torch
from torch import Tensor

from mackey.integrands import AbstractIntegrand, BlockLinear, Linear
from mackey.lowerings.abstract import AbstractLowering
from mackey.spaces import Grid

_CONVOLUTIONS = {1: torch.nn.functional.conv1d, 2: torch.nn.functional.conv2d, 3: torch.nn.functional.conv3d}


class GridConv(AbstractLowering):
    """out[y] = Σ_x K(x − y) f(x) + b, cross-correlation with zero (or circular) padding."""

    name = "grid_conv"

    def why_not(self, omega: AbstractIntegrand) -> str | None:
        if not isinstance(omega, Linear | BlockLinear):
            return f"{type(omega).__name__} is not linear in f, so it is no convolution"
        if isinstance(omega, BlockLinear) or not isinstance(omega.in_type.domain, Grid):
            return f"{omega.in_type.domain} is not a grid"
        return None

    def __call__(self, omega: AbstractIntegrand, f: Tensor) -> Tensor:
        assert isinstance(omega, Linear)
        return self.convolve(omega, f, omega.filter(), omega.expanded_bias())

    @staticmethod
    def convolve(omega: Linear, f: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The convolution that ω prescribes, with this filter (its rows perhaps in another order)."""
        domain, padding = omega.in_type.domain, omega.padding
        assert isinstance(domain, Grid)
        if domain.periodic or omega.stride > 1 or padding * 2 + 1 < omega.kernel_size:
            omega.output_sizes(domain.sizes(f))
        if domain.periodic and padding:
            f = torch.nn.functional.pad(f, (padding, padding) * domain.dimension, mode="circular")
            padding = 0
        return _CONVOLUTIONS[domain.dimension](f, weight, bias, omega.stride, padding)

    def flops(self, omega: AbstractIntegrand, f: Tensor) -> int:
        assert isinstance(omega, Linear)
        targets = math.prod(omega.output_sizes(omega.in_type.domain.sizes(f)))
        taps = len(omega.basis.points)
        return 2 * len(f) * targets * taps * omega.in_type.channels * omega.out_type.channels
