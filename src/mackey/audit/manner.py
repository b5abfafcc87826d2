"""How a group moves what a layer takes, as far as the numbers tell."""

from collections.abc import Sequence
from enum import Enum

import torch
from torch import Tensor

from mackey.audit.experiment import relative_error
from mackey.audit.explanations import Residual
from mackey.audit.placements import permuted
from mackey.audit.scene import Scene

_SAME = 1e-8


class Manner(Enum):
    """STILL: samples and points move, and their numbers do not change. VECTORS: turned along the last axis;
    CHANNELS_OF_VECTORS: along another. MIXED: channels change by some matrix.
    """

    STILL = "still"
    VECTORS = "vectors"
    CHANNELS_OF_VECTORS = "channels of vectors"
    POSITIONS = "positions"
    MIXED = "mixed"
    UNKNOWN = "unknown"


def manner_of(
    before: Sequence[Tensor], after: Sequence[Tensor], residual: Residual | None, scene: Scene
) -> Manner:
    """residual: how well g explains it."""
    axis = _turned_axis(before, after, scene) if scene.sizes is None else None
    if axis is not None:
        shift = scene.element.motion.translation
        if shift is not None and bool(shift.any()):
            return Manner.POSITIONS
        return Manner.VECTORS if axis == before[0].ndim - 1 else Manner.CHANNELS_OF_VECTORS
    if residual is not None and residual.plain <= _SAME:
        return Manner.STILL
    known = residual is not None and residual.sure and residual.best <= _SAME
    return Manner.MIXED if known else Manner.UNKNOWN


def _turned_axis(before: Sequence[Tensor], after: Sequence[Tensor], scene: Scene) -> int | None:
    """The axis along which there are vectors (or positions, if g shifts)."""
    motion = scene.element.motion
    y = before[0]
    if motion.linear is None or not y.is_floating_point() or y.shape != after[0].shape:
        return None
    matrix = motion.linear.to(y)
    shift = torch.zeros(len(matrix)).to(y) if motion.translation is None else motion.translation.to(y)
    if torch.equal(matrix, torch.eye(len(matrix)).to(matrix)) and not bool(shift.any()):
        return None
    wanted = torch.cat(list(after))
    for axis in range(y.ndim - 1, 0, -1):
        if y.shape[axis] != len(matrix):
            continue
        for values in permuted(before, scene):
            turned = torch.cat(values).movedim(axis, -1) @ matrix.mT + shift
            if relative_error(turned.movedim(-1, axis), wanted) <= _SAME:
                return axis
    return None
