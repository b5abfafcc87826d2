"""The symmetries of the tetrahedron and of the icosahedron."""

from functools import lru_cache

import numpy as np

from mackey.groups.finite import FiniteGroup, generated

_GOLDEN = (1 + 5**0.5) / 2
_HALF_TURN = np.diag([-1.0, -1.0, 1.0])
_CYCLE = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # x → y → z → x
_SWAP = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # the mirror x = y


@lru_cache
def tetrahedral(reflections: bool = False) -> FiniteGroup:
    """T: the 12 rotations of the tetrahedron (1,1,1), (1,−1,−1), (−1,1,−1), (−1,−1,1); with reflections T_d,
    all its 24 symmetries.

    The other group of 24 elements over T, with the inversion −1, is `pyritohedral`.
    """
    generators = [_HALF_TURN, _CYCLE]
    return generated([*generators, _SWAP], "Td") if reflections else generated(generators, "T")


@lru_cache
def pyritohedral() -> FiniteGroup:
    """T_h = T × {1, −1}, 24 elements: the rotations of the tetrahedron, and those times the inversion."""
    return generated([_HALF_TURN, _CYCLE, -np.eye(3)], "Th")


@lru_cache
def icosahedral(reflections: bool = False) -> FiniteGroup:
    """I: the 60 rotations of the icosahedron with vertices (0, ±1, ±φ) and their cyclic shifts, φ the golden
    ratio; with reflections I_h = I × {1, −1}, 120 elements. T is a subgroup with the same axes.
    """
    a, b = _GOLDEN / 2, (_GOLDEN - 1) / 2
    fifth = np.array([[b, -a, 0.5], [a, 0.5, b], [-0.5, b, a]])  # a turn by 2π/5 about (0, 1, φ)
    generators = [fifth, _CYCLE, -np.eye(3)] if reflections else [fifth, _CYCLE]
    rounded = generated(generators, "Ih" if reflections else "I")
    exact = np.array([0.0, 0.5, 1.0, a, b])
    exact = np.concatenate([exact, -exact[1:]])
    nearest = exact[np.argmin(np.abs(rounded.matrices[..., None] - exact), axis=-1)]
    assert np.abs(nearest - rounded.matrices).max() < 1e-12, "entries are 0, ±1/2, ±1, ±φ/2, ±(φ−1)/2"
    return FiniteGroup(rounded.name, rounded.table, nearest, rounded.generators, rounded.labels)
