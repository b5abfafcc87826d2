"""Whether a group element explains how the tensor of some layer changed: samples moved, and the channels by
some matrix, the same at all samples.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mackey.actions import Motion
from mackey.audit.element import Element
from mackey.audit.experiment import relative_error
from mackey.audit.placements import permuted, pictures, turned
from mackey.audit.scene import Scene

_FITTED = 1e-8  # an error that is none
_TWIST = 1e-3  # of a matrix that was fitted
_ROWS = 4096  # samples used in a fit
_CHANNELS = 512  # a wider matrix is not fitted


class Residual(NamedTuple):
    """How badly g explains a tensor. best: with the best channel matrix; plain: with none; sure: whether
    there were more samples than unknowns. twisted: whether no matrix that explains it keeps lengths.
    """

    best: float
    plain: float
    sure: bool
    twisted: bool = False


def explained(before: Sequence[Tensor], after: Sequence[Tensor], scene: Scene) -> Residual | None:
    """The best explanation over all ways in which samples and channels may lie in the tensor; None if nobody
    can tell.
    """
    if any(a.shape != b.shape for a, b in zip(before, after, strict=True)):
        return _turned(before, after, scene)
    found: Residual | None = None
    mixes = not scene.only_permutes or before[0].ndim < 3  # points that were flattened are channels
    for plain, rows in _readings(before, after, scene):
        residual = _fit(plain, rows, scene, mixes)
        found = residual if found is None else _better(found, residual)
        if found.best <= _FITTED and not found.twisted:
            return found
    return found


def _readings(
    before: Sequence[Tensor], after: Sequence[Tensor], scene: Scene
) -> Iterator[tuple[Tensor, Tensor]]:
    """(samples, channels) of g·before, and of after, in every way in which both may lie in the tensor. The
    rows of a map are no channels: some matrix mixes them as a shift or a sum along them does.
    """
    is_map = False
    for read in pictures(before[0], scene):
        images = turned([read(v) for v in before], scene)
        if images is not None:
            is_map = before[0].ndim > 3 or scene.sizes is None or len(scene.sizes) == 1
            a, b = torch.cat(images), torch.cat([read(v) for v in after])
            yield from ((_rows(a, axis), _rows(b, axis)) for axis in ((1, 2) if a.shape[2] > 1 else (1,)))
            yield _rows(a.flatten(1, 2), 1), _rows(b.flatten(1, 2), 1)
    for moved in () if is_map else permuted(before, scene):
        yield from _views(torch.cat(moved), torch.cat(list(after)))


def _views(a: Tensor, b: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """The channels are the last axis; the one after the batch; the next; the last two."""
    if a.ndim < 2:
        yield a[:, None], b[:, None]
        return
    for axis in (-1, 1, 2)[: max(1, min(a.ndim - 1, 3))]:
        yield _rows(a, axis), _rows(b, axis)
    if a.ndim > 2:
        yield _rows(a.flatten(-2), -1), _rows(b.flatten(-2), -1)


def _rows(x: Tensor, axis: int) -> Tensor:
    return x.movedim(axis, -1).flatten(0, -2)


def _better(a: Residual, b: Residual) -> Residual:
    twisted = all(r.twisted for r in (a, b) if r.best <= max(_FITTED, min(a.best, b.best)))
    return Residual(min(a.best, b.best), min(a.plain, b.plain), a.sure or b.sure, twisted)


def _turned(before: Sequence[Tensor], after: Sequence[Tensor], scene: Scene) -> Residual | None:
    """Sizes that a turn exchanges are no error; what changes its size otherwise is."""
    if sorted(before[0].shape) == sorted(after[0].shape):
        for read in pictures(before[0], scene):
            images, wanted = turned([read(v) for v in before], scene), [read(v) for v in after]
            if images is not None and images[0].shape == wanted[0].shape:
                return explained(images, wanted, scene._replace(element=_nothing(scene.element)))
    return Residual(float("inf"), float("inf"), True)


def _nothing(element: Element) -> Element:
    return Element(element.label, element.aspect, Motion())


def _fit(moved: Tensor, rows: Tensor, scene: Scene, mixes: bool) -> Residual:
    """rows = moved, or rows = moved·M with the best channel matrix M, if it is determined; or moved + c where
    g shifts points of so many components. Channels of another number that shift are no points: twisted.
    """
    plain = relative_error(moved, rows)
    if plain <= _FITTED or not moved.is_floating_point() or not mixes:
        return Residual(plain, plain, True)
    if not moved.isfinite().all() or not rows.isfinite().all():
        return Residual(plain, plain, False)
    channels = moved.shape[-1]
    enough = len(moved) > 2 * channels + 2 and channels <= _CHANNELS
    if not enough:
        return Residual(plain, plain, False)
    if scene.components:
        constant = rows - moved - (rows - moved).mean(0)
        return Residual(relative_error(moved, moved + constant), plain, True, channels != scene.components)
    moved, rows = _thinned(moved, channels), _thinned(rows, channels)
    half = len(moved) // 2  # fitted on one half, judged on the other: a fit to noise does not pass
    matrix = torch.linalg.lstsq(moved[:half], rows[:half], driver="gelsd").solution
    error = relative_error(moved[half:] @ matrix, rows[half:])
    return Residual(min(plain, error), plain, True, error < plain and _twists(matrix))


def _twists(matrix: Tensor) -> bool:
    """Whether some singular value is neither 0 nor 1: an orthogonal matrix, and a part of one, has none."""
    values = torch.linalg.svdvals(matrix)
    return bool((values * (values - 1)).abs().max() > _TWIST)


def _thinned(rows: Tensor, channels: int) -> Tensor:
    most = max(_ROWS, 4 * channels)
    return rows if len(rows) <= most else rows[:: -(-len(rows) // most)]
