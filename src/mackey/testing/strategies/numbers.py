"""Numbers that every strategy here draws, and what keeps drawing reproducible."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from hypothesis import strategies as st

from mackey.errors import sentence

Count = int | tuple[int, int]


@contextmanager
def undisturbed() -> Iterator[None]:
    """Leaves `random` as it was. Beartype, where it checks mackey, picks list items with it, and hypothesis
    refuses strategies that move it.
    """
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


def coordinates(k: int) -> st.SearchStrategy[np.ndarray]:
    """k numbers in [−1, 1]: any, or a signed unit vector. Shrinks to zeros."""
    return vectors(k) | directions_of_axes(k) if k else vectors(k)


def directions(k: int) -> st.SearchStrategy[np.ndarray]:
    """Unit vectors, often along an axis; shrinks to the first axis."""
    return directions_of_axes(k) | vectors(k).map(_normalised)


def directions_of_axes(k: int) -> st.SearchStrategy[np.ndarray]:
    """±e_i."""
    return st.builds(lambda i, sign: sign * np.eye(k)[i], st.integers(0, k - 1), st.sampled_from((1, -1)))


def _normalised(v: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(v)
    return v / length if length > 1e-3 else np.eye(len(v))[0]


def vectors(k: int, size: float = 1.0) -> st.SearchStrategy[np.ndarray]:
    """k numbers in [−size, size]; shrinks to zeros."""
    numbers = st.lists(st.floats(-size, size, allow_subnormal=False), min_size=k, max_size=k)
    return numbers.map(lambda found: np.array(found, dtype=np.float64))


def bounds(where: str, count: Count, least: int) -> tuple[int, int]:
    """(lowest, highest) of a number or a pair."""
    low, high = (count, count) if isinstance(count, int) else count
    if not least <= low <= high:
        wanted = f"a number ≥ {least}, or the lowest and the highest"
        raise ValueError(sentence(where, wanted=wanted, got=str(count), remedy=f"give {least} or more"))
    return low, high
