"""A linear integrand supported at the identity is one matrix product on the channels."""

import math

import torch
from torch import Tensor

from mackey.integrands import AbstractIntegrand, BlockLinear, Linear
from mackey.lowerings.abstract import AbstractLowering
from mackey.spaces import Grid


class Pointwise(AbstractLowering):
    """out(y) = K(e) f(y) + b."""

    name = "pointwise"

    def why_not(self, omega: AbstractIntegrand) -> str | None:
        if isinstance(omega, BlockLinear):
            return "BlockLinear keeps its matrix in blocks, which are cheaper than the whole"
        if not isinstance(omega, Linear):
            return f"{type(omega).__name__} is not linear in f"
        if omega.kernel_size * omega.stride > 1 or omega.padding:
            return f"the kernel reaches beyond the point (size {omega.kernel_size}, stride {omega.stride})"
        return None

    def __call__(self, omega: AbstractIntegrand, f: Tensor) -> Tensor:
        assert isinstance(omega, Linear)
        matrix = omega.filter().flatten(1)
        if not isinstance(omega.in_type.domain, Grid):
            return torch.nn.functional.linear(f, matrix, omega.expanded_bias())
        return torch.nn.functional.linear(f.movedim(1, -1), matrix, omega.expanded_bias()).movedim(-1, 1)

    def flops(self, omega: AbstractIntegrand, f: Tensor) -> int:
        points = math.prod(omega.in_type.domain.sizes(f))
        return 2 * len(f) * points * omega.in_type.channels * omega.out_type.channels
