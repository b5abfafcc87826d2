"""Where the pixels and points of the inputs lie in the tensor of some layer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations

import torch
from torch import Tensor

from mackey.actions import POINTS, Image
from mackey.audit.scene import Scene
from mackey.spaces.grid import array_frame

_FIBRES = (1, 2, 3, 4, 6, 8, 12, 16)  # orders of groups whose axis may be flattened into the tokens

Reading = Callable[[Tensor], Tensor]


def permuted(values: Sequence[Tensor], scene: Scene) -> Iterator[list[Tensor]]:
    """The tensor with its points moved, in every way that its shape allows; last of all as it is."""
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
                yield [_along(v, chosen, order) for v in values]
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


def _along(v: Tensor, axes: tuple[int, ...], order: Tensor) -> Tensor:
    for axis in axes:
        v = v.index_select(axis, order)
    return v


def pictures(y: Tensor, scene: Scene) -> Iterator[Reading]:
    """Every way to read the tensor as images (b, c, k, *spatial) with k orientations: channels first or last,
    a group axis beside them, tokens of an image (also with orientations, or a class token), square windows.
    """
    d = 0 if scene.sizes is None else len(scene.sizes)
    if not d:
        return
    if y.ndim == d + 2 and _alike(y.shape[2:], scene):
        yield partial(torch.unsqueeze, dim=2)
    if y.ndim == d + 2 and _alike(y.shape[1:-1], scene):
        yield _channels_last
    if y.ndim == d + 3:
        yield torch.clone
    if y.ndim != 3:
        return
    for k in _FIBRES:
        if side := _side(y.shape[1] / k, d):
            yield partial(_of_tokens, sizes=(side,) * d, orientations=k)
            yield partial(_of_oriented_tokens, sizes=(side,) * d, orientations=k)
    if side := _side(y.shape[1] - 1, d):
        yield partial(_after_class_token, sizes=(side,) * d)
    tiles, side = _side(y.shape[0] / scene.batch, d), _side(y.shape[1], d)
    if d == 2 and tiles > 1 and side > 1:
        yield partial(_of_windows, tiles=tiles, side=side)


def _alike(sizes: tuple[int, ...], scene: Scene) -> bool:
    """Maps of a square image are square: a row and the channels are none."""
    return scene.sizes is None or len(set(scene.sizes)) > 1 or len(set(sizes)) == 1


def _channels_last(v: Tensor) -> Tensor:
    return v.movedim(-1, 1).unsqueeze(2)


def _of_tokens(v: Tensor, sizes: tuple[int, ...], orientations: int) -> Tensor:
    """(b, places·k, c): the orientations of a place stand together."""
    return v.unflatten(1, (*sizes, orientations)).movedim(-1, 1).movedim(-1, 2)


def _of_oriented_tokens(v: Tensor, sizes: tuple[int, ...], orientations: int) -> Tensor:
    """(b, k·places, c): the places of an orientation stand together."""
    return v.unflatten(1, (orientations, *sizes)).movedim(-1, 1)


def _after_class_token(v: Tensor, sizes: tuple[int, ...]) -> Tensor:
    return _of_tokens(v[:, 1:], sizes, 1)


def _side(count: float | int, d: int) -> int:
    """n with n^d = count; 0 if there is none."""
    side = round(max(count, 0) ** (1 / d))
    return side if side**d == count else 0


def _of_windows(v: Tensor, tiles: int, side: int) -> Tensor:
    """Windows (b·tiles², side², c), which tile an image."""
    parts = v.unflatten(1, (side, side)).unflatten(0, (-1, tiles, tiles))  # b i j y x c
    return parts.permute(0, 5, 1, 3, 2, 4).flatten(4).flatten(2, 3).unsqueeze(2)


def turned(images: Sequence[Tensor], scene: Scene) -> list[Tensor] | None:
    """g on images (b, c, k, *spatial); None where it does not permute their samples. Coarse maps of a torus
    roll by less.
    """
    motion, image, flat = scene.element.motion, Image(scene.periodic), [v.flatten(1, 2) for v in images]
    if motion.translation is not None and scene.periodic and scene.sizes is not None:
        coarse = torch.tensor([n / m for n, m in zip(flat[0].shape[2:], scene.sizes, strict=True)])
        frame = torch.as_tensor(array_frame(len(scene.sizes))).abs()
        motion = replace(motion, translation=(frame.T @ coarse.to(frame)) * motion.translation)
    if not image.exact(flat[0], motion):
        return None
    return [image.act(v, motion).unflatten(1, images[0].shape[1:3]) for v in flat]
