"""Pixels and voxels: scalar channels that move with the samples."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mackey.actions.abstract import AbstractTensorType
from mackey.actions.motion import Motion
from mackey.errors import sentence
from mackey.spaces.grid import array_frame

_WHOLE = 1e-6  # a shift this near to whole pixels is whole; so with entries of a matrix


@dataclass(frozen=True)
class Image(AbstractTensorType):
    """Scalar channels (b, c, *spatial) of 1, 2 or 3 spatial axes: pixels move about the centre, values stay.

    Axes are right-handed (x right, y up), so that a counter-clockwise turn by 90° is torch.rot90 on the last
    two axes. periodic: opposite borders meet, and whole shifts roll. dimension None: as many as x has.
    """

    periodic: bool = False

    @property
    def is_sampled(self) -> bool:
        return True

    @property
    def rolls(self) -> bool:
        return self.periodic

    def check(self, x: Tensor, where: str) -> None:
        if not 3 <= x.ndim <= 5:
            got, remedy = f"shape {tuple(x.shape)}", 'give (b, c, *spatial), or declare it "invariant"'
            wanted = "an image with 1, 2 or 3 spatial axes"
            raise ValueError(sentence(where, wanted=wanted, got=got, remedy=remedy))

    def dimension(self, x: Tensor) -> int | None:
        return x.ndim - 2

    def exact(self, x: Tensor, motion: Motion) -> bool:
        """Whether A permutes the samples, and t is whole (on a torus) or zero."""
        matrix = array_matrix(motion, x.ndim - 2)
        whole = np.rint(matrix)
        sizes = np.array(x.shape[2:])
        turns = np.abs(matrix - whole).max() < _WHOLE and bool(np.all(np.abs(whole).sum(0) == 1))
        if not turns or not np.array_equal(np.abs(whole) @ sizes, sizes):
            return False
        shift = array_shift(motion, x.ndim - 2)
        return bool(np.abs(shift - np.rint(shift) if self.periodic else shift).max() < _WHOLE)

    def act(self, x: Tensor, motion: Motion) -> Tensor:
        if not self.exact(x, motion):
            raise ValueError(
                sentence(
                    "actions.Image",
                    wanted="a motion that permutes the samples",
                    got=f"{np.round(array_matrix(motion, x.ndim - 2), 3).tolist()} on {tuple(x.shape[2:])}",
                    remedy="turn by 90° on a square array; others need interpolation",
                )
            )
        matrix = np.rint(array_matrix(motion, x.ndim - 2)).astype(int)
        order = [int(np.flatnonzero(row)[0]) for row in matrix]
        mirrored = [2 + axis for axis, row in enumerate(matrix) if row.sum() < 0]
        x = x.permute(0, 1, *(2 + axis for axis in order)).flip(mirrored)
        shift = np.rint(array_shift(motion, len(order))).astype(int)
        return torch.roll(x, [int(t) for t in shift], list(range(2, x.ndim))) if shift.any() else x

    def turn(self, x: Tensor, motion: Motion) -> Tensor:
        return x


def array_matrix(motion: Motion, dimension: int) -> np.ndarray:
    """A on array indices (row, column, …) about the centre."""
    if motion.linear is None:
        return np.eye(dimension)
    matrix = motion.linear.detach().double().cpu().numpy()
    if matrix.shape != (dimension, dimension):
        raise ValueError(
            sentence(
                "actions.Image",
                wanted=f"a motion of R^{dimension}, one for all samples",
                got=f"a matrix of shape {matrix.shape}",
                remedy="declare the group of that space",
            )
        )
    frame = array_frame(dimension)
    return frame @ matrix @ frame.T


def array_shift(motion: Motion, dimension: int) -> np.ndarray:
    """t in steps of array indices."""
    if motion.translation is None:
        return np.zeros(dimension)
    return array_frame(dimension) @ motion.translation.detach().double().cpu().numpy()
