"""ω: integrands with their literal definitions."""

from mackey.integrands.abstract import (
    NORMALISE,
    AbstractIntegrand,
    AbstractNormalise,
    AbstractSupport,
    All,
    Identity,
    Mean,
    Softmax,
    Window,
)
from mackey.integrands.attention import POSITIONS, Attention, Position
from mackey.integrands.black_box import BlackBox
from mackey.integrands.blocks import BlockLinear
from mackey.integrands.linear import Linear
from mackey.integrands.policies import AXES
from mackey.integrands.steerable import KernelBasis, kernel_basis, kernel_count

__all__ = [
    "AXES",
    "NORMALISE",
    "POSITIONS",
    "AbstractIntegrand",
    "AbstractNormalise",
    "AbstractSupport",
    "All",
    "Attention",
    "BlackBox",
    "BlockLinear",
    "Identity",
    "KernelBasis",
    "Linear",
    "Mean",
    "Position",
    "Softmax",
    "Window",
    "kernel_basis",
    "kernel_count",
]
