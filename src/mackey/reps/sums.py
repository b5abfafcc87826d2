"""Direct sums with multiplicities, for any group: "16x0e + 8x1o", "2xV + V⊗V"."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mackey.errors import sentence
from mackey.groups import AbstractGroup
from mackey.reps.abstract import AbstractRep
from mackey.reps.tensors import factor, kron, refuse_two_groups


class Block(NamedTuple):
    """`multiplicity` copies of ρ, component-major: coordinate i of copy c stands at i·multiplicity + c."""

    multiplicity: int
    rep: AbstractRep

    @property
    def dim(self) -> int:
        return self.multiplicity * self.rep.dim

    def __str__(self) -> str:
        single = self.multiplicity == 1 and not str(self.rep)[0].isdigit()
        return str(self.rep) if single else f"{self.multiplicity}x{factor(self.rep)}"


@dataclass(frozen=True, repr=False)
class DirectSum(AbstractRep):
    """⊕ m_i ρ_i: on each block ρ_i(g) ⊗ 1, the channel innermost."""

    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        if not self.blocks or any(block.multiplicity < 1 for block in self.blocks):
            raise ValueError(
                sentence(
                    "reps.DirectSum",
                    wanted="at least one part, each at least once",
                    got=str([tuple(block) for block in self.blocks]),
                    remedy="leave out what does not occur",
                )
            )
        refuse_two_groups("reps.DirectSum", tuple(block.rep for block in self.blocks))

    @property
    def group(self) -> AbstractGroup[Any]:  # type: ignore[override]
        return self.blocks[0].rep.group

    @property
    def name(self) -> str:  # type: ignore[override]
        return " + ".join(map(str, self.blocks))

    @property
    def dim(self) -> int:
        return sum(block.dim for block in self.blocks)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """Where each block stands among the coordinates."""
        ends = np.cumsum([block.dim for block in self.blocks]).tolist()
        return tuple(slice(end - block.dim, end) for end, block in zip(ends, self.blocks, strict=True))

    def at(self, element: Any) -> Tensor:
        return _diagonal([_copies(block.rep.at(element), block.multiplicity) for block in self.blocks])

    def tangent(self, direction: Tensor) -> Tensor:
        return _diagonal([_copies(block.rep.tangent(direction), block.multiplicity) for block in self.blocks])

    @cached_property
    def invariants(self) -> np.ndarray:
        """Block by block, channel by channel."""
        found = []
        for block, where in zip(self.blocks, self.slices, strict=True):
            rows = np.kron(block.rep.invariants, np.eye(block.multiplicity))
            whole = np.zeros((len(rows), self.dim))
            whole[:, where] = rows
            found.append(whole)
        return np.concatenate(found)


def blocks_of(rep: AbstractRep) -> tuple[Block, ...]:
    """The blocks of a direct sum; any other representation is one block."""
    return rep.blocks if isinstance(rep, DirectSum) else (Block(1, rep),)


def _copies(matrix: Tensor, multiplicity: int) -> Tensor:
    """ρ(g) ⊗ 1."""
    return kron(matrix, torch.eye(multiplicity, dtype=matrix.dtype, device=matrix.device))


def _diagonal(parts: Sequence[Tensor]) -> Tensor:
    """Block-diagonal on the last two axes."""
    size = sum(part.shape[-1] for part in parts)
    whole = parts[0].new_zeros((*parts[0].shape[:-2], size, size))
    start = 0
    for part in parts:
        end = start + part.shape[-1]
        whole[..., start:end, start:end] = part
        start = end
    return whole
