"""One point, G/G: what is left after pooling over space."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mackey.groups import FiniteGroup
from mackey.reps import Rep
from mackey.spaces.domain import AbstractDomain, Pose


@dataclass(frozen=True)
class Point(AbstractDomain):
    """A single point that the whole (point) group fixes. Values: (b, c·d), fibre index fastest."""

    group: FiniteGroup

    @property
    def stabiliser(self) -> FiniteGroup:
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

    def exact_symmetry(self, sizes: tuple[int, ...]) -> list[int]:  # type: ignore[override]
        return list(self.group.elements)

    def transform(self, x: Tensor, element: int, rep: Rep) -> Tensor:  # type: ignore[override]
        matrix = torch.as_tensor(rep.matrices[element], dtype=x.dtype, device=x.device)
        return (x.unflatten(1, (-1, rep.dim)) @ matrix.T).flatten(1)
