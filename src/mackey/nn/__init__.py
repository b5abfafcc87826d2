"""Layers with an in_type and an out_type, whose forward takes and returns plain tensors."""

from mackey.nn.activation import FourierActivation, Gated, NormActivation, Pointwise
from mackey.nn.attention import Attention
from mackey.nn.bilinear import Bilinear
from mackey.nn.containers import Residual, Sequential
from mackey.nn.conv import Conv, Lift, Linear
from mackey.nn.dropout import FieldDropout
from mackey.nn.gate import Gate
from mackey.nn.integral import Integral
from mackey.nn.layer import AbstractIntegralLayer, AbstractLayer
from mackey.nn.norm import BatchNorm, LayerNorm
from mackey.nn.pool import FibreNorm, GroupMax, GroupMean, SpaceMax, SpaceMean, WindowMax, WindowMean

__all__ = [
    "AbstractIntegralLayer",
    "AbstractLayer",
    "Attention",
    "BatchNorm",
    "Bilinear",
    "Conv",
    "FibreNorm",
    "FieldDropout",
    "FourierActivation",
    "Gated",
    "Gate",
    "GroupMax",
    "GroupMean",
    "Integral",
    "LayerNorm",
    "Lift",
    "Linear",
    "NormActivation",
    "Pointwise",
    "Residual",
    "Sequential",
    "SpaceMax",
    "SpaceMean",
    "WindowMax",
    "WindowMean",
]
