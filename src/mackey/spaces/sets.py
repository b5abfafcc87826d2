"""Points without geometry (Set, symmetric group) and points on a line (Sequence, translations)."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mackey.errors import sentence
from mackey.groups import FiniteGroup, LatticeGroup, Symmetric, cyclic, symmetric, translations
from mackey.groups.lattices import Motion
from mackey.groups.permutations import Permutation
from mackey.reps import AbstractRep
from mackey.spaces.domain import AbstractDomain, Pose


class AbstractTokens(AbstractDomain):
    """Values (b, n, d·c), the channel innermost; fibres are scalars (d = 1)."""

    @property
    def stabiliser(self) -> FiniteGroup:
        return cyclic(1, 1)

    @property
    def tensor_rank(self) -> int:
        return 3

    def sizes(self, x: Tensor) -> tuple[int, ...]:
        return (x.shape[1],)

    def shape(self, batch: int, channels: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
        return (batch, *sizes, channels)

    def channels(self, x: Tensor) -> int:
        return x.shape[2]

    def to_tokens(self, x: Tensor, fibre: int) -> Tensor:
        return x.unflatten(-1, (fibre, -1)).transpose(-1, -2)

    def from_tokens(self, tokens: Tensor, sizes: tuple[int, ...]) -> Tensor:
        return tokens.transpose(-1, -2).flatten(2)

    @abstractmethod
    def separation(self, sources: Tensor, targets: Tensor) -> Tensor:
        """What the group leaves of the pair (target index, source index)."""

    def poses(
        self, sizes: tuple[int, ...], targets: tuple[int, ...], spacing: int, device: torch.device
    ) -> Pose:
        sources = torch.arange(sizes[0], dtype=torch.float64, device=device)
        here = spacing * torch.arange(targets[0], dtype=torch.float64, device=device)
        displacement = self.separation(sources[None], here[:, None])[..., None]
        return Pose(displacement, torch.zeros(displacement.shape[:-1], dtype=torch.long, device=device))


@dataclass(frozen=True)
class Set(AbstractTokens):
    """n points that Sym(n) permutes: G/H = Sym(n)/Sym(n−1). A pair is only "same" (0) or "different" (1)."""

    n: int

    def __post_init__(self) -> None:
        symmetric(self.n)  # refuses n < 1

    @property
    def group(self) -> Symmetric:  # type: ignore[override]
        return Symmetric(self.n)

    def sizes(self, x: Tensor) -> tuple[int, ...]:
        if x.shape[1] != self.n:
            raise ValueError(
                sentence(
                    f"{self}",
                    wanted=f"{self.n} points on the second axis",
                    got=f"shape {tuple(x.shape)}",
                    remedy="build a Set of that many points: Sym(n) depends on n",
                )
            )
        return (self.n,)

    def channels(self, x: Tensor) -> int:
        self.sizes(x)
        return x.shape[2]

    def separation(self, sources: Tensor, targets: Tensor) -> Tensor:
        return (sources != targets).to(torch.float64)

    def exact_symmetry(self, sizes: tuple[int, ...]) -> list[Permutation]:
        return [self.group.identity, *self.group.generators]

    def transform(self, x: Tensor, element: Permutation, rep: AbstractRep) -> Tensor:  # type: ignore[override]
        self.sizes(x)
        return x[:, torch.as_tensor(np.argsort(element), device=x.device)]


@dataclass(frozen=True)
class Sequence(AbstractTokens):
    """Points of Z in order; translations act. A pair is its signed distance."""

    @property
    def group(self) -> LatticeGroup:  # type: ignore[override]
        return translations(1)

    def separation(self, sources: Tensor, targets: Tensor) -> Tensor:
        return sources - targets

    def tap(self, displacement: Tensor, size: int) -> Tensor:
        return torch.round(displacement[..., 0] + (size - 1) / 2).long()

    def coordinates(self, sizes: tuple[int, ...], device: torch.device) -> Tensor:
        return torch.arange(sizes[0], dtype=torch.float64, device=device)[:, None]

    def exact_symmetry(self, sizes: tuple[int, ...]) -> list[Motion]:
        return [self.group.identity]

    def transform(self, x: Tensor, element: Motion, rep: AbstractRep) -> Tensor:  # type: ignore[override]
        """Shift along the sequence, zeros entering: exact away from the ends."""
        shift = element[0][0]
        moved = torch.zeros_like(x)
        n = x.shape[1]
        if abs(shift) < n:
            moved[:, max(shift, 0) : n + min(shift, 0)] = x[:, max(-shift, 0) : n - max(shift, 0)]
        return moved
