"""Random elements of a group with a law that moves with the input: p(hg | hx) = p(g | x)."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mackey.actions import AbstractTensorType
from mackey.axes import Float, Int
from mackey.groups import Orthogonal, SpecialOrthogonal
from mackey.wrap.clouds import CloudReader
from mackey.wrap.frame_prediction import PairWeights, moving_vectors
from mackey.wrap.rotation_frames import orthogonal_frames
from mackey.wrap.sorted_frames import point_axes

_ABSENT = 1e30  # points that are not there come last


class Drawn(NamedTuple):
    """g = (R, p) for each sample: frames R, whose columns turn with x, and the points in their new order.

    sorting: the matrix of the order with the gradient of a soft one.
    """

    frames: Float[Tensor, "b d d"] | None
    order: Int[Tensor, "b n"] | None = None
    sorting: Float[Tensor, "b n n"] | None = None


class AbstractRandomPose(nn.Module, ABC):
    """g = q(x, ε) with q(hx, hε) = h q(x, ε); ε ~ N(0, 1), whose law h does not change."""

    @abstractmethod
    def width(self) -> int:
        """The numbers of ε for each point; h moves the first d of them as a vector, and the points."""

    @abstractmethod
    def forward(self, noise: Float[Tensor, "b n c"], inputs: tuple[Tensor, ...]) -> Drawn:
        """One element for each sample."""


class CloudRandomPose(AbstractRandomPose):
    """O(d), SO(d), alone or ×Sym: Gram–Schmidt of d sums of the vectors of x and ε, with weights w_ij of the
    invariants of both; the points in the order of one more sum of weights. Float64.
    """

    def __init__(
        self,
        reader: CloudReader,
        *,
        sorts: bool = False,
        temperature: float = 0.1,
        hidden: int = 32,
        unit: float = 1.0,
    ) -> None:
        super().__init__()
        group = reader.acts.linear
        assert isinstance(group, Orthogonal | SpecialOrthogonal)
        self.reader, self.sorts, self.temperature, self.unit = reader, sorts, temperature, unit
        self.dimension, self.proper = group.dimension, isinstance(group, SpecialOrthogonal)
        sources = reader.count + 1 + int(reader.position is not None)
        out = self.dimension * sources + int(sorts)
        self.weights = PairWeights(reader, out, hidden=hidden, unit=unit, more=1)

    def width(self) -> int:
        return self.dimension + 1

    def forward(self, noise: Float[Tensor, "b n c"], inputs: tuple[Tensor, ...]) -> Drawn:
        d, cloud, eps = self.dimension, self.reader.read(inputs), noise.double()
        cloud = cloud._replace(
            vectors=torch.cat([cloud.vectors, self.unit * eps[:, :, None, :d]], 2),
            scalars=torch.cat([cloud.scalars, eps[..., d:]], -1),
        )
        weights = self.weights(cloud)
        turning = weights[..., :-1] if self.sorts else weights
        vectors, _ = moving_vectors(turning.unflatten(-1, (d, -1)), cloud)
        there = torch.ones_like(eps[..., 0]) if cloud.mask is None else cloud.mask.double()
        total = (vectors * there[..., None, None]).sum(1)
        frames = orthogonal_frames(total, proper=self.proper).mT
        if not self.sorts:
            return Drawn(frames)
        scores = (weights[..., -1].double() * there[:, None]).sum(2)
        return Drawn(frames, *sorted_by(scores + _ABSENT * (1 - there), self.temperature))


class PointRandomPose(AbstractRandomPose):
    """Sym alone: scores s_i = MLP(x_i, ε_i, a_ii, mean_j MLP(x_i, ε_i, x_j, ε_j, a_ij, a_ji)), in order.

    x_i: all numbers of point i, `points` of them; a_ij: all numbers of a pair, `pairs` of them.
    """

    def __init__(
        self,
        types: tuple[AbstractTensorType, ...],
        *,
        points: int,
        pairs: int,
        temperature: float,
        hidden: int = 32,
    ) -> None:
        super().__init__()
        self.types, self.temperature = types, temperature
        self.first = nn.Linear(2 * (points + 1 + pairs), hidden)
        self.second = nn.Linear(hidden, hidden)
        self.own = nn.Linear(points + 1 + pairs, hidden)
        self.last = nn.Linear(hidden, 1)

    def width(self) -> int:
        return 1

    def forward(self, noise: Float[Tensor, "b n c"], inputs: tuple[Tensor, ...]) -> Drawn:
        dtype, (b, n) = self.last.weight.dtype, noise.shape[:2]
        given = [
            (len(point_axes(x, one)), x)
            for one, x in zip(self.types, inputs, strict=True)
            if x.is_floating_point()
        ]
        single = [x.reshape(b, n, -1) for axes, x in given if axes == 1]
        double = [x.reshape(b, n, n, -1) for axes, x in given if axes == 2]
        h = torch.cat([*single, noise.to(dtype)], -1).to(dtype)
        a = torch.cat(double, -1).to(dtype) if double else h.new_zeros(b, n, n, 0)
        pairs = [h[:, :, None].expand(-1, -1, n, -1), h[:, None].expand(-1, n, -1, -1), a, a.transpose(1, 2)]
        message = self.second(F.silu(self.first(torch.cat(pairs, -1)))).mean(2)
        own = self.own(torch.cat([h, a.diagonal(dim1=1, dim2=2).mT], -1))
        scores = self.last(F.silu(own + message))[..., 0]
        return Drawn(None, *sorted_by(scores.double(), self.temperature))


def sorted_by(
    scores: Float[Tensor, "b n"], temperature: float
) -> tuple[Int[Tensor, "b n"], Float[Tensor, "b n n"]]:
    """Ascending order, and its matrix P, (Px)_k = x_{order k}, with the gradient of the softmax over j of
    −|sort(s)_k − s_j|/τ. Source: Prillo & Eisenschlos, SoftSort, ICML 2020.
    """
    order = torch.argsort(scores, 1)
    ranked = scores.gather(1, order)
    soft = (-(ranked[:, :, None] - scores[:, None]).abs() / temperature).softmax(2)
    hard = F.one_hot(order, scores.shape[1]).to(scores)
    return order, hard + (soft - soft.detach())


def with_points(x: Tensor, one: AbstractTensorType, matrix: Float[Tensor, "b n n"]) -> Tensor:
    """The matrix on every axis of points."""
    for axis in point_axes(x, one):
        moved = x.movedim(axis, 1)
        x = (matrix.to(x) @ moved.reshape(*matrix.shape[:2], -1)).view(moved.shape).movedim(1, axis)
    return x
