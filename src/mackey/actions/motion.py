"""What an element of a group does to data: x → A x + t, and permutations of named axes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mackey.groups import (
    AbstractGroup,
    AbstractMatrixGroup,
    AbstractPermutations,
    Alternating,
    FiniteGroup,
    LatticeGroup,
    PermutationGroup,
)

_SAME = 1e-6  # matrices nearer than this are the same element

POINTS = "n"  # the name of the axis of points, tokens or nodes


@dataclass(frozen=True, eq=False)
class Motion:
    """x → A x + t, and for each named axis a permutation: what is at place i goes to place p[i].

    linear: A, (d, d), or (b, d, d), one for each sample (axis 0 of the data). translation: t, (d,) or (b, d).
    permutations: p, (n,), by the name of the axis; points are "n". None and missing names: nothing happens.
    """

    linear: Tensor | None = None
    translation: Tensor | None = None
    permutations: Mapping[str, Tensor] = field(default_factory=dict)

    def to(self, like: Tensor) -> "Motion":
        """With the device of a tensor, and its dtype where that has a floating point."""
        matrix, shift = (
            part if part is None else part.to(like) if like.is_floating_point() else part.to(like.device)
            for part in (self.linear, self.translation)
        )
        return Motion(matrix, shift, {name: p.to(like.device) for name, p in self.permutations.items()})

    def inverse(self) -> "Motion":
        """x → A⁻¹(x − t), and every permutation backwards; A⁻¹ by elimination (give Aᵀ yourself where you
        know better).
        """
        inverse = None if self.linear is None else torch.linalg.inv(self.linear)
        shift = None if self.translation is None else -self.translation
        if shift is not None and inverse is not None:
            shift = (inverse @ shift[..., None])[..., 0]
        return Motion(inverse, shift, {name: torch.argsort(p) for name, p in self.permutations.items()})

    def within(self, group: AbstractGroup[Any]) -> Any | None:
        """The element of `group` that does the same; None if there is none. A group of matrices of R^d leaves
        the translation out.
        """
        if isinstance(group, AbstractPermutations):
            return self._within_permutations(group)
        if self.linear is None:
            return None
        matrix = self.linear.detach().double().cpu()
        if isinstance(group, AbstractMatrixGroup):
            return self._within_matrices(group, matrix)
        point = group.point_group if isinstance(group, LatticeGroup) else group
        if not isinstance(point, FiniteGroup) or tuple(matrix.shape) != point.matrices.shape[1:]:
            return None
        distance = np.abs(point.matrices - matrix.numpy()).max((1, 2))
        h = int(distance.argmin())
        if distance[h] > _SAME:
            return None
        return (self._shift(point.dimension), h) if isinstance(group, LatticeGroup) else h

    def _within_permutations(self, group: AbstractPermutations) -> tuple[int, ...] | None:
        p = self.permutations.get(POINTS)
        if p is None or len(p) != len(group.identity):
            return None
        found = tuple(p.tolist())
        known = not isinstance(group, Alternating | PermutationGroup) or group.contains(found)
        return found if known else None

    def _within_matrices(self, group: AbstractMatrixGroup, matrix: Tensor) -> Tensor | None:
        d = len(matrix)
        if group.size == d + 1 == group.dimension + 1:  # R^d ⋊ H, by matrices [[A, t], [0, 1]]
            whole = torch.eye(d + 1, dtype=matrix.dtype)
            whole[:d, :d] = matrix
            if self.translation is not None:
                whole[:d, d] = self.translation.detach().double().cpu()
            matrix = whole
        if matrix.shape != (group.size, group.size) or float(group.violation(matrix)) > _SAME:
            return None
        return matrix

    def _shift(self, dimension: int) -> tuple[int, ...]:
        if self.translation is None:
            return (0,) * dimension
        return tuple(int(t) for t in self.translation.round().tolist())
