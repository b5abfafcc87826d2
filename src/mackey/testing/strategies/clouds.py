"""Clouds of points: generic ones, and those on which frames, neighbours and normalisations fail."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

from mackey.axes import Float
from mackey.errors import sentence
from mackey.testing.strategies.numbers import Count, bounds, coordinates, directions, vectors

Array = np.ndarray
Arrays = st.SearchStrategy[np.ndarray]
_GAP = 1.02  # of two principal lengths of a generic cloud, at least


class Cloud(NamedTuple):
    """Positions, and what is special about them: a name of CLOUDS."""

    kind: str
    positions: Float[Tensor, "n d"]


class _Kind(NamedTuple):
    """How n points of R^d are drawn, and for which n and d the kind exists."""

    draw: Callable[[int, int], Arrays]
    least: int = 1
    most: int = 10**9
    dimension: int = 1

    def counts(self, low: int, high: int, d: int) -> tuple[int, int] | None:
        low, high = max(low, self.least), min(high, self.most)
        return (low, high) if low <= high and d >= self.dimension else None


def clouds(
    n: Count, d: int = 3, *, kinds: Sequence[str] | None = None, dtype: torch.dtype = torch.float64
) -> st.SearchStrategy[Cloud]:
    """Clouds of n points of R^d; n = (0, 8) draws n too, single points and empty clouds among them.

    kinds: all that exist for these n and d, unless given. "generic": points at least 0.6 apart that span as
    many dimensions as so many points can, with principal lengths at least 2 % apart · "coincident": some are
    equal, up to all · "collinear" (n ≥ 3) · "planar" (n ≥ 4, d ≥ 3) · "symmetric": a regular polygon, or the
    inversion through the centre permutes the points · "far": generic, 10³ or 10⁶ away · "one point" ·
    "empty". Clouds shrink to the first of the kinds, few points, and round numbers.
    """
    low, high = bounds("strategies.clouds n", n, 0)
    bounds("strategies.clouds d", d, 1)
    drawn = []
    for kind in CLOUDS if kinds is None else kinds:
        counts = _KINDS[kind].counts(low, high, d) if kind in _KINDS else None
        if counts is not None:
            drawn.append(_of_kind(kind, counts, d, dtype))
        elif kinds is not None:
            wanted = f"kinds among {', '.join(CLOUDS)} that exist for n = {n}, d = {d}"
            remedy = "collinear needs 3 points, planar 4 and d = 3; leave kinds out for all that exist"
            raise ValueError(sentence("strategies.clouds", wanted=wanted, got=repr(kind), remedy=remedy))
    if not drawn:
        wanted, remedy = "at least one kind", "leave kinds out for all that exist"
        raise ValueError(sentence("strategies.clouds", wanted=wanted, got=f"kinds = {kinds}", remedy=remedy))
    return st.one_of(drawn)


def _of_kind(kind: str, counts: tuple[int, int], d: int, dtype: torch.dtype) -> st.SearchStrategy[Cloud]:
    drawn = st.integers(*counts).flatmap(lambda n: _KINDS[kind].draw(n, d))
    return drawn.map(lambda x: Cloud(kind, torch.as_tensor(x, dtype=dtype, device="cpu")))


def _generic(n: int, d: int) -> Arrays:
    """Sites of a lattice with axes of different lengths, each a little off."""
    sites = sorted(
        product(range(n if d == 1 else 2 + round(n ** (1 / d))), repeat=d), key=lambda s: (sum(s), s)
    )
    base = np.array(sites[:n], dtype=np.float64)
    return vectors(n * d, min(0.2, 0.3 / d)).map(lambda off: _spread(base, off.reshape(n, d)))


def _spread(base: Array, off: Array) -> Array:
    """As far off the sites as leaves the principal lengths apart."""
    axes = 1 + 0.5 * np.arange(base.shape[1])
    while True:
        x = (base + off) * axes
        lengths = np.linalg.svd(x - x.mean(0), compute_uv=False)[: min(len(x) - 1, len(axes))]
        if (lengths[:-1] >= _GAP * lengths[1:]).all() or not off.any():
            return x
        off = np.where(np.abs(off) > 1e-3, off / 2, 0)


def _coincident(n: int, d: int) -> Arrays:
    equal = st.lists(st.integers(0, n - 1), min_size=n - 2, max_size=n - 2)
    return st.builds(lambda x, rest: x[[0, 0, *rest]], _generic(n, d), equal)


def _collinear(n: int, d: int) -> Arrays:
    return st.builds(lambda t, u, a: a + t * u, _generic(n, 1), directions(d), coordinates(d))


def _planar(n: int, d: int) -> Arrays:
    return st.builds(lambda t, plane, a: a + t @ plane, _generic(n, 2), _planes(d), coordinates(d))


def _planes(d: int) -> Arrays:
    """Two orthonormal vectors, (2, d)."""
    return st.builds(_plane, directions(d), directions(d))


def _plane(u: Array, v: Array) -> Array:
    """u and what is left of v, or of the axis that u is least along where nothing is."""
    rest = v - (v @ u) * u
    if rest @ rest < 1e-4:
        axis = np.eye(len(u))[np.abs(u).argmin()]
        rest = axis - (axis @ u) * u
    return np.stack([u, rest / np.sqrt(rest @ rest)])


def _symmetric(n: int, d: int) -> Arrays:
    half = _generic(n // 2, d).map(lambda x: np.concatenate([x + 1, -x - 1, np.zeros((n % 2, d))]))
    mirrored = st.builds(np.add, half, coordinates(d))
    if n < 3 or d < 2:
        return mirrored
    angles = 2 * np.pi * np.arange(n) / n
    polygon = np.stack([np.cos(angles), np.sin(angles)], -1)
    return mirrored | st.builds(lambda plane, a: a + polygon @ plane, _planes(d), coordinates(d))


def _far(n: int, d: int) -> Arrays:
    far = st.builds(np.multiply, directions(d), st.sampled_from((1e3, 1e6)))
    return st.builds(np.add, _generic(n, d), far)


_KINDS = {
    "generic": _Kind(_generic, least=2),
    "coincident": _Kind(_coincident, least=2),
    "collinear": _Kind(_collinear, least=3),
    "planar": _Kind(_planar, least=4, dimension=3),
    "symmetric": _Kind(_symmetric, least=2),
    "far": _Kind(_far),
    "one point": _Kind(lambda n, d: coordinates(d).map(lambda x: x[None]), most=1),
    "empty": _Kind(lambda n, d: st.just(np.zeros((0, d))), least=0, most=0),
}
CLOUDS = tuple(_KINDS)
