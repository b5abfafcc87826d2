"""Where weighted frames are read from: pairs of points, or principal axes of several moments."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from mackey.actions import AbstractTensorType, Vectors
from mackey.axes import Bool, Float
from mackey.wrap.anchor_frames import WeightedPoses, anchor_frames
from mackey.wrap.pca_frames import about, principal_axes, signed_frames
from mackey.wrap.posing import Posing

_ROUNDINGS = 64  # a cloud is one place where it extends less than this many roundings of its coordinates
_APART = {torch.float64: 1e-6}  # the least gap of moments that lets pass
_APART_ELSE = 1e-3


class AbstractWeightedPoses(ABC):
    """μ(X): frames and weights of each sample, μ(gX) = gμ(X)."""

    @property
    @abstractmethod
    def exceptions(self) -> str:
        """The inputs for which this does not hold."""

    @abstractmethod
    def poses(self, posing: Posing, centred: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> WeightedPoses:
        """μ of the inputs, given as they are and about their centre."""

    @abstractmethod
    def refused(
        self, posing: Posing, centred: tuple[Tensor, ...], inputs: tuple[Tensor, ...]
    ) -> tuple[Bool[Tensor, " b"], str]:
        """Which samples are exceptions, and why these are."""


@dataclass(frozen=True)
class AnchorPoses(AbstractWeightedPoses):
    """Frames of all anchors, or ordered pairs of them: the vectors of the inputs of these numbers."""

    anchors: tuple[int, ...]

    @property
    def exceptions(self) -> str:
        return "clouds of one place excepted, unless only invariants come out"

    def poses(self, posing: Posing, centred: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> WeightedPoses:
        return anchor_frames(self.vectors(posing, centred, inputs), proper=posing.proper)

    def refused(
        self, posing: Posing, centred: tuple[Tensor, ...], inputs: tuple[Tensor, ...]
    ) -> tuple[Bool[Tensor, " b"], str]:
        size = self.vectors(posing, centred, inputs).abs().amax((1, 2))
        largest = torch.stack([inputs[i].detach().double().flatten(1).abs().amax(1) for i in self.anchors])
        place = size <= _ROUNDINGS * torch.finfo(inputs[self.anchors[0]].dtype).eps * largest.amax(0)
        return place & any(one.moves for one in posing.out_types), "one place, which tells no directions"

    def vectors(
        self, posing: Posing, centred: tuple[Tensor, ...], inputs: tuple[Tensor, ...]
    ) -> Float[Tensor, "b k d"]:
        """All anchors of each sample."""
        mask = None if posing.mask is None else inputs[posing.mask]
        return torch.cat([_vectors(centred[i], posing.in_types[i], mask) for i in self.anchors], 1)


@dataclass(frozen=True)
class MomentPoses(AbstractWeightedPoses):
    """Principal frames, all signs, of T_k = Σ_i (|x_i|/R)^{4k} x_i x_iᵀ, k = 0 … count − 1, R² = Σ|x|²/n,
    weighted by the squared gaps of their moments: a tie of one of them leaves the others.
    """

    count: int

    @property
    def exceptions(self) -> str:
        return (
            f"inputs excepted on which each of {self.count} moments has two equal ones, as symmetric clouds"
        )

    def poses(self, posing: Posing, centred: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> WeightedPoses:
        axes, gaps = self._axes(posing, inputs)
        frames = signed_frames(axes.flatten(0, 1), proper=posing.proper).unflatten(0, gaps.shape)
        squares = gaps.square()
        total = squares.sum(1, keepdim=True)
        some = total > 0
        weights = torch.where(some, squares / torch.where(some, total, 1.0), 1 / self.count)
        times = frames.shape[2]
        weights = (weights / times).repeat_interleave(times, 1)
        return WeightedPoses(frames.flatten(1, 2), weights, torch.ones_like(weights))

    def refused(
        self, posing: Posing, centred: tuple[Tensor, ...], inputs: tuple[Tensor, ...]
    ) -> tuple[Bool[Tensor, " b"], str]:
        least = _APART.get(inputs[posing.source].dtype, _APART_ELSE)
        return self._axes(posing, inputs)[1].amax(1) < least, "symmetric, or nearly so, in every moment"

    def _axes(
        self, posing: Posing, inputs: tuple[Tensor, ...]
    ) -> tuple[Float[Tensor, "b k d d"], Float[Tensor, "b k"]]:
        """The axes of each moment, and the least gap of its values in parts of the largest one."""
        points, mask = posing.cloud(inputs)
        points = about(points, posing.centre(inputs), mask)
        squared = points.square().sum(-1, keepdim=True)
        mean = squared.mean(1, keepdim=True)
        relative = squared / torch.where(mean > 0, mean, 1.0)
        # T_k is the second moment of (|x|²/R²)^k x, which is smooth at 0.
        scaled = [points * relative**k for k in range(self.count)]
        values, axes = principal_axes(torch.stack(scaled, 1))
        largest = values[..., -1]
        gaps = values.diff(dim=-1).amin(-1) / torch.where(largest > 0, largest, 1.0)
        return axes, gaps


def _vectors(x: Tensor, one: AbstractTensorType, mask: Bool[Tensor, "b n"] | None) -> Float[Tensor, "b k d"]:
    """All vectors of a tensor, zero for points that are not there."""
    assert isinstance(one, Vectors), "chosen so"
    if mask is not None and one.axis == 1:
        there = mask.view(*mask.shape, *(1,) * (x.ndim - 2))
        x = torch.where(there, x, torch.zeros_like(x))
    return x.reshape(x.shape[0], -1, x.shape[-1]).double()
