"""Systems of particles whose later positions are to be predicted, in three splits."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mackey.axes import Float, Int
from mackey.groups import named
from mackey.tasks.abstract import AbstractSplit, AbstractTask
from mackey.tasks.metric import AbstractMetric, MeanSquareError


@dataclass(frozen=True)
class Systems(AbstractSplit):
    """Positions, velocities and charges before; positions after."""

    positions: Float[Tensor, "n points d"]
    velocities: Float[Tensor, "n points d"]
    charges: Float[Tensor, "n points c"]
    after: Float[Tensor, "n points d"]

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self.positions, self.velocities, self.charges

    @property
    def targets(self) -> Tensor:
        return self.after

    def part(self, index: Int[Tensor, " k"]) -> "Systems":
        given = (self.positions, self.velocities, self.charges, self.after)
        return Systems(*(tensor[index] for tensor in given))

    def turned(self, generator: torch.Generator) -> "Systems":
        """By random elements of O(d) about the origin: rotations and reflections, uniform."""
        drawn = named(f"O({self.positions.shape[-1]})").sample(len(self), generator)
        g = torch.as_tensor(drawn).to(self.positions)
        return Systems(self.positions @ g, self.velocities @ g, self.charges, self.after @ g)


@dataclass(frozen=True)
class PointTask(AbstractTask):
    """A regression task. turned: training systems are turned and mirrored at random; metric: mean square
    error.
    """

    name: str
    train: Systems
    validation: Systems
    test: Systems
    group: str
    turned: bool

    @property
    def splits(self) -> tuple[Systems, Systems, Systems]:
        return self.train, self.validation, self.test

    @property
    def metric(self) -> AbstractMetric:
        return MeanSquareError()

    @property
    def arguments(self) -> dict[str, int]:
        return {}

    @property
    def input_names(self) -> tuple[str, ...]:
        return ("positions", "velocities", "charges")
