"""Equivariant Transformers (Tai et al., 2019): the authors' transformer of rotation and scale.

Theirs and ours differ, and this file follows them: y points down; both ends of a circle are samples, so one
ray counts twice; strides of 2 and a batch norm with a bias; a softmax, which gives empty parts of the window
a weight; positions centred on the strided samples. `wrap.canonical_coordinates` does none of this.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mackey.axes import Float
from mackey.errors import sentence
from mackey.groups.logarithms import matrix_exp
from mackey.wrap import FLOWS, centroid, circular_centroid, resampled

SYSTEM = "Equivariant Transformer RotationScale"
_DEFAULTS: dict[str, Any] = {"kernel_size": 5, "strides": [2, 2]}
_FLOW = FLOWS["rotation-scale"]


class RotationScale(nn.Module):
    """Images to the matrix of T_p, u = log of the scale, v = angle, and the heat maps of both."""

    def __init__(self, channels: int, features: int, kernel_size: int, strides: tuple[int, int]) -> None:
        super().__init__()
        self.reach, self.stride = kernel_size // 2, strides[0] * strides[1]
        self.conv1 = nn.Conv2d(channels, features, kernel_size, stride=strides[0], bias=False)
        self.conv2 = nn.Conv2d(features, features, kernel_size, stride=strides[1], bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(features), nn.BatchNorm2d(features)
        self.conv_u, self.conv_v = (nn.Conv1d(features, 1, kernel_size, bias=False) for _ in range(2))
        self.bias_u, self.bias_v = (nn.Parameter(torch.zeros(())) for _ in range(2))

    def forward(self, x: Float[Tensor, "b c h w"]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        height, width = x.shape[2:]
        angles, sizes = _with_ends(_FLOW.span, height), _with_ends(_FLOW.section_span, width)
        points = _FLOW.points(angles, sizes).to(x.device)
        y = resampled(x.flip(2), points[None]).mT  # b c angle size
        for convolution, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2)):
            y = F.pad(y, (self.reach, self.reach, 0, 0))
            y = F.pad(y, (0, 0, self.reach, self.reach), mode="circular")
            y = F.leaky_relu(norm(convolution(y)), 0.1)
        heat_u = self.conv_u(F.pad(y.amax(2), (self.reach, self.reach)))[:, 0].softmax(1)
        turned = F.pad(y.amax(3), (self.reach, self.reach), mode="circular")
        heat_v = self.conv_v(turned)[:, 0].softmax(1)
        u = centroid(heat_u, self._positions(heat_u, width)) + self.bias_u.tanh()
        v = circular_centroid(heat_v, self._positions(heat_v, height), (-1.0, 1.0)) + self.bias_v.tanh()
        u, v = u * (_FLOW.section_span[1] - _FLOW.section_span[0]) / 2, v * math.pi
        turn, grow = (torch.tensor(one, dtype=torch.float64, device=x.device) for one in _FLOW.generators)
        matrix = matrix_exp(v.double()[:, None, None] * turn + u.double()[:, None, None] * grow)
        return matrix.to(x.dtype), u, v, heat_u, heat_v

    def _positions(self, heat: Tensor, samples: int) -> Tensor:
        """−1 to 1 are the ends of the samples; those that the strides leave stand about 0."""
        index = torch.arange(heat.shape[1], dtype=heat.dtype, device=heat.device)
        return (index - index[-1] / 2) * (2 / (samples - 1) * self.stride)


def _with_ends(span: tuple[float, float], count: int) -> Tensor:
    return torch.linspace(*span, count, dtype=torch.float64)


def build(config: Mapping[str, Any], state_dict: Mapping[str, Tensor]) -> nn.Module:
    """The module of an official checkpoint, whose names start with `predictor.`."""
    given = {**_DEFAULTS, **config}
    wanted = {"in_channels", "nf", *_DEFAULTS}
    if set(given) != wanted:
        odd = sorted(set(given) ^ wanted)
        remedy = "no other setting is mapped yet"
        raise ValueError(
            sentence(
                f"interop {SYSTEM}", wanted=f"the settings {sorted(wanted)}", got=str(odd), remedy=remedy
            )
        )
    first, second = given["strides"]
    module = RotationScale(given["in_channels"], given["nf"], given["kernel_size"], (first, second))
    module.load_state_dict({key.removeprefix("predictor."): value for key, value in state_dict.items()})
    return module
