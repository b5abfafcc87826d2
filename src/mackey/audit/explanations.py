"""Whether a group element explains how the tensor of some layer changed: samples moved, and the channels by
some matrix, the same at all samples.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor

from mackey.actions import POINTS, AbstractTensorType, Image, Motion
from mackey.audit.element import Element
from mackey.audit.experiment import relative_error

_FITTED = 1e-8  # an error that is none
_ROWS = 4096  # samples used in a fit
_CHANNELS = 512  # a wider matrix is not fitted


class Residual(NamedTuple):
    """How badly g explains a tensor. best: with the best channel matrix; plain: with none; sure: whether
    there were more samples than unknowns.
    """

    best: float
    plain: float
    sure: bool


class Scene(NamedTuple):
    """What is known of the inputs: the sizes of their pixels, if they have any, and of their points."""

    element: Element
    sizes: tuple[int, ...] | None
    batch: int
    points: int | None
    translates: bool

    @classmethod
    def of(cls, types: Sequence[AbstractTensorType], tensors: Sequence[Tensor], element: Element) -> "Scene":
        moving = [(t, x) for t, x in zip(types, tensors, strict=True) if t.moves]
        sizes = next((tuple(x.shape[-(t.dimension(x) or 0) :]) for t, x in moving if t.is_sampled), None)
        counts = [x.shape[axis] for t, x in moving for name, axis in t.axes(x).items() if name == POINTS]
        shift = element.motion.translation
        translates = shift is not None and bool(shift.any())
        return cls(element, sizes, moving[0][1].shape[0], counts[0] if counts else None, translates)


def explained(before: Sequence[Tensor], after: Sequence[Tensor], scene: Scene) -> Residual | None:
    """The best explanation over all ways in which samples and channels may lie in the tensor; None if nobody
    can tell.
    """
    if any(a.shape != b.shape for a, b in zip(before, after, strict=True)):
        return _turned(before, after, scene)
    found: Residual | None = None
    for moved in _moved(before, scene):
        for plain, rows in _views(moved, after):
            residual = _fit(plain, rows, scene.translates)
            found = residual if found is None else _better(found, residual)
            if found.best <= _FITTED:
                return found
    return found


def _better(a: Residual, b: Residual) -> Residual:
    return Residual(min(a.best, b.best), min(a.plain, b.plain), a.sure or b.sure)


def _turned(before: Sequence[Tensor], after: Sequence[Tensor], scene: Scene) -> Residual | None:
    """Sizes that a turn exchanges are no error; what changes its size otherwise is."""
    if sorted(before[0].shape) == sorted(after[0].shape):
        moved = [y for y in _moved(before, scene) if y[0].shape == after[0].shape]
        if moved:
            return explained(moved[0], after, scene._replace(element=_nothing(scene.element)))
    return Residual(float("inf"), float("inf"), True)


def _nothing(element: Element) -> Element:
    return Element(element.label, element.aspect, Motion())


def _moved(values: Sequence[Tensor], scene: Scene) -> Iterator[list[Tensor]]:
    """The tensor with its samples moved, in every way that its shape allows."""
    yield from _images(values, scene)
    y = values[0]
    p = scene.element.motion.permutations.get(POINTS)
    if p is None:
        yield list(values)
        return
    n = len(p)
    axes = [axis for axis in range(y.ndim) if y.shape[axis] == n]
    order = torch.argsort(p)
    for count in (len(axes), *range(1, len(axes))):
        for chosen in combinations(axes, count):
            if chosen != (0,) or y.ndim == 1 or scene.batch == n:
                yield [_permuted(v, chosen, order) for v in values]
    if y.shape[0] == scene.batch * n and scene.batch != y.shape[0]:
        yield [v.unflatten(0, (-1, n)).index_select(1, order).flatten(0, 1) for v in values]
    if (
        not y.is_floating_point()
        and y.dtype != torch.bool
        and y.numel()
        and int(y.max()) < n
        and int(y.min()) >= 0
    ):
        yield [p[v.long()].to(v) for v in values]  # numbers of points, in their order
        for axis in axes:
            yield [p[v.long()].to(v).index_select(axis, order) for v in values]
    yield list(values)


def _permuted(v: Tensor, axes: tuple[int, ...], order: Tensor) -> Tensor:
    for axis in axes:
        v = v.index_select(axis, order)
    return v


def _images(values: Sequence[Tensor], scene: Scene) -> Iterator[list[Tensor]]:
    if scene.sizes is None:
        return
    d, y, motion, image = len(scene.sizes), values[0], scene.element.motion, Image()
    if y.ndim == d + 2 and image.exact(y, motion):
        yield [image.act(v, motion) for v in values]
    if y.ndim == d + 3 and image.exact(y.flatten(1, 2), motion):  # a group axis beside the channels
        yield [image.act(v.flatten(1, 2), motion).view(v.shape) for v in values]
    if y.ndim == 3:
        side = round(y.shape[1] ** (1 / d))
        if side**d == y.shape[1]:  # tokens of a square image
            pictures = [v.transpose(1, 2).unflatten(2, (side,) * d) for v in values]
            if image.exact(pictures[0], motion):
                yield [image.act(v, motion).flatten(2).transpose(1, 2) for v in pictures]


def _views(moved: Sequence[Tensor], after: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """(samples, channels): one channel; the last axis; the axis after the batch; the last two axes."""
    a, b = torch.cat(list(moved)), torch.cat(list(after))
    if a.ndim > 1:
        yield a.flatten(0, -2), b.flatten(0, -2)
    else:
        yield a[:, None], b[:, None]
    if a.ndim > 2:
        yield a.movedim(1, -1).flatten(0, -2), b.movedim(1, -1).flatten(0, -2)
        yield a.flatten(-2).flatten(0, -2), b.flatten(-2).flatten(0, -2)


def _fit(moved: Tensor, rows: Tensor, translates: bool) -> Residual:
    """rows = moved, or rows = moved·M (+ c) with the best channel matrix M, if it is determined."""
    plain = relative_error(moved, rows)
    if plain <= _FITTED or not moved.is_floating_point():
        return Residual(plain, plain, True)
    if not moved.isfinite().all() or not rows.isfinite().all():
        return Residual(plain, plain, False)
    channels = moved.shape[-1]
    enough = len(moved) > 2 * channels + 2 and channels <= _CHANNELS
    if not enough:
        return Residual(plain, plain, False)
    if translates:  # coordinates move by a constant
        constant = rows - moved - (rows - moved).mean(0)
        return Residual(relative_error(moved, moved + constant), plain, True)
    moved, rows = _thinned(moved, channels), _thinned(rows, channels)
    half = len(moved) // 2  # fitted on one half, judged on the other: a fit to noise does not pass
    matrix = torch.linalg.lstsq(moved[:half], rows[:half], driver="gelsd").solution
    return Residual(min(plain, relative_error(moved[half:] @ matrix, rows[half:])), plain, True)


def _thinned(rows: Tensor, channels: int) -> Tensor:
    most = max(_ROWS, 4 * channels)
    return rows if len(rows) <= most else rows[:: -(-len(rows) // most)]
