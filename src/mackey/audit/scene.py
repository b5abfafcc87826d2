"""Where a group element acts: the sizes of pixels, and the number of points, of the inputs."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mackey.actions import POINTS, AbstractTensorType
from mackey.audit.element import Element


class Scene(NamedTuple):
    """What is known of the inputs: the sizes of their pixels, if they have any, and of their points.

    components: of a shift of points, 0 for none. periodic: whether opposite borders of pixels meet.
    only_permutes: whether g moves points and no numbers at them, so that no channels mix.
    """

    element: Element
    sizes: tuple[int, ...] | None
    batch: int
    points: int | None
    components: int
    periodic: bool = False
    only_permutes: bool = False

    @classmethod
    def of(cls, types: Sequence[AbstractTensorType], tensors: Sequence[Tensor], element: Element) -> "Scene":
        moving = [(t, x) for t, x in zip(types, tensors, strict=True) if t.moves]
        sizes = next((tuple(x.shape[-(t.dimension(x) or 0) :]) for t, x in moving if t.is_sampled), None)
        counts = [x.shape[axis] for t, x in moving for name, axis in t.axes(x).items() if name == POINTS]
        shift = element.motion.translation
        components = len(shift) if sizes is None and shift is not None and bool(shift.any()) else 0
        rolls = any(t.rolls for t, _ in moving)
        linear = element.motion.linear
        still = linear is None or torch.equal(linear, torch.eye(len(linear)).to(linear))
        only = bool(counts) and still and not components and bool(element.motion.permutations)
        return cls(
            element, sizes, moving[0][1].shape[0], counts[0] if counts else None, components, rolls, only
        )
