"""One point, G/G: what is left after pooling over space."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mackey.groups import AbstractGroup, FiniteGroup
from mackey.reps import AbstractRep
from mackey.spaces.domain import AbstractDomain, Pose

_SAMPLED = 6


@dataclass(frozen=True)
class Point(AbstractDomain):
    """A single point that the whole group fixes; any group. Values: (b, c·d), fibre index fastest."""

    group: AbstractGroup[Any]

    @property
    def stabiliser(self) -> AbstractGroup[Any]:
        return self.group

    @property
    def tensor_rank(self) -> int:
        return 2

    def sizes(self, x: Tensor) -> tuple[int, ...]:
        return ()

    def channels(self, x: Tensor) -> int:
        return x.shape[1]

    def to_tokens(self, x: Tensor, fibre: int) -> Tensor:
        return x.unflatten(1, (1, -1, fibre))

    def from_tokens(self, tokens: Tensor, sizes: tuple[int, ...]) -> Tensor:
        return tokens.flatten(1)

    def poses(
        self, sizes: tuple[int, ...], targets: tuple[int, ...], spacing: int, device: torch.device
    ) -> Pose:
        return Pose(torch.zeros(1, 1, 1, device=device), torch.zeros(1, 1, dtype=torch.long, device=device))

    def exact_symmetry(self, sizes: tuple[int, ...]) -> list[Any]:
        """Every element of a finite group; of others the generators and a fixed sample."""
        if isinstance(self.group, FiniteGroup):
            return list(self.group.elements)
        return [*self.group.generators, *self.group.sample(_SAMPLED, torch.Generator().manual_seed(0))]

    def transform(self, x: Tensor, element: Any, rep: AbstractRep) -> Tensor:
        matrix = rep.at(element).to(x)
        return (x.unflatten(1, (-1, rep.dim)) @ matrix.T).flatten(1)
