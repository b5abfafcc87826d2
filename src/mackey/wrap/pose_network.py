"""Where an image stands along a flow: a small network that commutes with shifts of canonical coordinates."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mackey.axes import Float
from mackey.errors import sentence
from mackey.wrap.planar_flows import PlanarFlow

_QUIET = 1e-6  # the mean square below which features count as those of an empty image


class PoseNetwork(nn.Module):
    """Images in canonical coordinates (b, c, t, s) to logits along s (and along t where that is a pose).

    depth times (convolution, division by the root mean square of the sample, SiLU), the maximum over the
    other coordinate, one more convolution. No bias anywhere: where there is nothing, logits are 0, so that
    the ends of a window that is not circular, padded with zeros, look like what lies outside.
    Source: Tai et al., ICML 2019, sect. 3.3; there strides of 2 and batch norm with a bias.
    """

    def __init__(
        self, flow: PlanarFlow, channels: int, *, hidden: int = 16, kernel_size: int = 5, depth: int = 2
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0 or depth < 1:
            got = f"kernel_size {kernel_size}, depth {depth}"
            remedy = "an even kernel moves the image by half a sample"
            raise ValueError(
                sentence("PoseNetwork", wanted="an odd kernel, depth ≥ 1", got=got, remedy=remedy)
            )
        self.circular = (flow.circular, flow.section_circular)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(hidden if index else channels, hidden, kernel_size, bias=False)
            for index in range(depth)
        )
        self.heads = nn.ModuleList(
            nn.Conv1d(hidden, 1, kernel_size, bias=False) for _ in range(1 + int(flow.both))
        )
        self.margin = (depth + 1) * (kernel_size // 2)
        self.reach = kernel_size // 2

    def forward(self, x: Float[Tensor, "b c t s"]) -> tuple[Float[Tensor, "b n"], ...]:
        """Each axis that is a pose is longer by `margin` at both ends, unless it is circular."""
        margins = [
            0 if circular or not wanted else self.margin
            for circular, wanted in zip(self.circular, (True, len(self.heads) > 1), strict=True)
        ]
        x = F.pad(x, (margins[0], margins[0], margins[1], margins[1]))
        for convolution in self.convolutions:
            y = convolution(_padded(x, self.reach, self.circular))
            x = F.silu(y * (y.square().mean((1, 2, 3), keepdim=True) + _QUIET).rsqrt())
        found = []
        for axis, (head, circular) in enumerate(zip(self.heads, self.circular, strict=False)):
            line = x.amax(2 + axis)
            mode = "circular" if circular else "constant"
            found.append(head(F.pad(line, (self.reach, self.reach), mode=mode))[:, 0])
        return tuple(found)


def _padded(x: Tensor, reach: int, circular: tuple[bool, bool]) -> Tensor:
    along, across = ("circular" if one else "constant" for one in circular)
    return F.pad(F.pad(x, (reach, reach, 0, 0), mode=along), (0, 0, reach, reach), mode=across)


def heat(logits: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]:
    """2(cosh y − 1) over its largest value, about: like a softmax of |y| where y is large, and 0 at y = 0.

    A softmax gives the empty part of a window a weight, which pulls the centroid to the middle of it.
    """
    size = logits.abs()
    most = size.detach().amax(1, keepdim=True)
    return (((size - most) / 2).exp() * -torch.expm1(-size)).square()


def centroid(weights: Float[Tensor, "b n"], positions: Float[Tensor, " n"]) -> Float[Tensor, " b"]:
    """Σ w s / Σ w; 0 without any weight."""
    total = weights.sum(1)
    return (weights @ positions) / torch.where(total > 0, total, 1)


def circular_centroid(
    weights: Float[Tensor, "b n"], positions: Float[Tensor, " n"], span: tuple[float, float]
) -> Float[Tensor, " b"]:
    """The argument of Σ w e^{is}, for s of a circle of this span, as s; 0 where the sum vanishes."""
    turn = 2 * math.pi / (span[1] - span[0])
    east, north = weights @ (turn * positions).cos(), weights @ (turn * positions).sin()
    there = (east.detach() ** 2 + north.detach() ** 2) > (1e-12 * weights.detach().sum(1)) ** 2
    return torch.atan2(torch.where(there, north, 0), torch.where(there, east, 1)) / turn
