"""The representation of a permutation group by which it permutes coordinates."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from mackey.groups import AbstractPermutations
from mackey.reps.abstract import AbstractRep

Permutation = tuple[int, ...]


@dataclass(frozen=True, repr=False)
class Permuting(AbstractRep):
    """V: ρ(p) e_i = e_{p[i]} on R^n, for a group whose elements are permutations of n things."""

    group: AbstractPermutations
    name = "V"

    @property
    def dim(self) -> int:
        return len(self.group.identity)

    def at(self, element: Permutation) -> Tensor:
        matrix = torch.zeros(self.dim, self.dim, dtype=torch.float64, device="cpu")
        matrix[list(element), range(self.dim)] = 1
        return matrix

    def tangent(self, direction: Tensor) -> Tensor:
        """A finite group has no direction to move in."""
        return direction.new_zeros((*direction.shape[:-2], self.dim, self.dim))

    @cached_property
    def invariants(self) -> np.ndarray:
        """The indicators of the orbits, each of length 1, by smallest member."""
        owner = np.arange(self.dim)
        changed = True
        while changed:
            before = owner
            for p in self.group.generators:
                owner = np.minimum(owner, owner[list(p)])
            changed = not np.array_equal(before, owner)
        rows = np.unique(owner)[:, None] == owner
        return rows / np.sqrt(rows.sum(-1, keepdims=True))
