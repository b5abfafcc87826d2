"""Images: white and smooth ones, single pixels and flat ones."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from hypothesis import strategies as st
from torch import Tensor

from mackey.axes import Float
from mackey.errors import sentence
from mackey.testing.strategies.numbers import Count, bounds

IMAGES = ("flat", "pixel", "noise", "smooth")
_BLURS = 3


class Picture(NamedTuple):
    """Pixels, and their kind: a name of IMAGES."""

    kind: str
    pixels: Float[Tensor, "b c *spatial"]


def images(
    size: Count,
    channels: int = 1,
    *,
    d: int = 2,
    batch: int = 2,
    kinds: Sequence[str] = IMAGES,
    dtype: torch.dtype = torch.float64,
) -> st.SearchStrategy[Picture]:
    """(batch, channels, size, …, size), d axes of one length; size = (5, 9) draws it, odd and even.

    "flat": one number everywhere · "pixel": one pixel is 1 and all others 0 · "noise": standard normal ·
    "smooth": noise, blurred along every axis. Shrinks to the first kind and the smallest size.
    """
    sizes = bounds("strategies.images size", size, 1)
    for name, count in (("channels", channels), ("d", d), ("batch", batch)):
        bounds(f"strategies.images {name}", count, 1)
    unknown = [kind for kind in kinds if kind not in IMAGES]
    if unknown or not kinds:
        wanted, remedy = f"kinds among {', '.join(IMAGES)}", "leave kinds out for all of them"
        raise ValueError(
            sentence("strategies.images", wanted=wanted, got=str(unknown or kinds), remedy=remedy)
        )
    seeds = st.integers(0, 2**32 - 1)
    drawn = st.tuples(st.sampled_from(tuple(kinds)), st.integers(*sizes), seeds)
    return drawn.map(lambda one: Picture(one[0], _pixels(one, channels, d, batch).to(dtype)))


def _pixels(one: tuple[str, int, int], channels: int, d: int, batch: int) -> Tensor:
    kind, size, seed = one
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn((batch, channels, *[size] * d), generator=generator, dtype=torch.float64, device="cpu")
    if kind == "flat":
        return torch.full_like(x, round(float(x.flatten()[0]), 2))
    if kind == "pixel":
        return torch.zeros_like(x).flatten().index_fill(0, x.argmax()[None], 1).reshape(x.shape)
    for axis in range(2, 2 + d) if kind == "smooth" else ():
        for _ in range(_BLURS):
            x = (x.roll(1, axis) + 2 * x + x.roll(-1, axis)) / 4
    return x
