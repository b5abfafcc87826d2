"""Elements of any group: near e, near half turns, in every component, and simpler ones when a test fails."""

import math
from functools import reduce
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

from mackey.errors import sentence
from mackey.groups import (
    AbstractGroup,
    AbstractMatrixGroup,
    Alternating,
    DirectProduct,
    FiniteGroup,
    LatticeGroup,
    PermutationGroup,
    SemidirectProduct,
    Symmetric,
    named,
)
from mackey.groups.permutations import Permutation
from mackey.testing.strategies.numbers import coordinates, directions, undisturbed

_TINY = (1e-3, 1e-5, 1e-8, 1e-12)
_ANGLES = (*_TINY, math.pi / 2, *(math.pi - tiny for tiny in _TINY), math.pi, *(math.pi + t for t in _TINY))
_STEPS = 4  # lattice vectors, at most, in each direction
_WORD = 4  # generators in a product, at most
_FAR = 1000.0  # length of a far translation


def elements(group: str | AbstractGroup[Any]) -> st.SearchStrategy[Any]:
    """Elements as the group itself has them: int, permutation, (t, h), or a float64 matrix (n, n).

    Every component is reached, and every element of a finite group; for a Lie group a = exp(S)·exp(K)·w, S
    symmetric with eigenvalues up to 1, K antisymmetric with angles up to π + 0.001, w a product of
    generators. Often an angle or S is 0, 1e-12 … 1e-3, or π less or plus that; translations are 0, about 1,
    or 1000. Examples shrink to the identity.
    """
    with undisturbed():
        return _elements(named(group) if isinstance(group, str) else group)


def _elements(known: AbstractGroup[Any]) -> st.SearchStrategy[Any]:
    if isinstance(known, FiniteGroup):
        return st.integers(0, known.order - 1)
    if isinstance(known, Symmetric | Alternating | PermutationGroup):
        return _permutations(known)
    if isinstance(known, LatticeGroup):
        return st.tuples(_lattice_vectors(known), st.integers(0, known.point_group.order - 1))
    if isinstance(known, AbstractMatrixGroup):
        return _matrices(known)
    wanted = "a group of mackey.groups, or its name: finite, of permutations, of a lattice, or of matrices"
    remedy = "draw its elements yourself"
    raise ValueError(sentence("strategies.elements", wanted=wanted, got=repr(known), remedy=remedy))


def _permutations(group: Symmetric | Alternating | PermutationGroup) -> st.SearchStrategy[Permutation]:
    if isinstance(group, PermutationGroup):
        choices = [st.sampled_from(_identity_first(level.reach)) for level in group.chain.levels]
        e = group.identity
        return st.tuples(*choices).map(lambda parts: reduce(lambda a, b: tuple(a[i] for i in b), parts, e))
    drawn = st.permutations(range(group.n)).map(tuple)
    if isinstance(group, Symmetric):
        return drawn
    return drawn.map(lambda p: p if np.linalg.det(np.eye(len(p))[list(p)]) > 0 else (p[1], p[0], *p[2:]))


def _identity_first(reach: dict[int, Permutation]) -> list[Permutation]:
    """What takes a base point to each of its orbit, by how many points it moves."""
    return sorted(reach.values(), key=lambda p: (sum(i != image for i, image in enumerate(p)), p))


def _lattice_vectors(group: LatticeGroup) -> st.SearchStrategy[tuple[int, ...]]:
    if group.periods is not None:
        return st.tuples(*(st.integers(0, period - 1) for period in group.periods))
    return st.tuples(*[st.integers(-_STEPS, _STEPS)] * group.dimension)


def _matrices(group: AbstractMatrixGroup) -> st.SearchStrategy[Tensor]:
    """Of products part by part, so that one part may be simple while another is not."""
    if isinstance(group, SemidirectProduct):
        return st.builds(group.element, _translations(group.dimension), _matrices(group.linear))
    if isinstance(group, DirectProduct):
        return st.builds(torch.block_diag, *map(_matrices, group.factors))
    generators, k = tuple(group.generators), len(group.lie_algebra)
    letters = st.lists(st.integers(0, max(0, len(generators) - 1)), max_size=_WORD if generators else 0)
    words = letters.map(lambda word: reduce(torch.matmul, (generators[i] for i in word), group.identity))
    if not k:
        return words
    sizes = st.just(0.0) | st.sampled_from(_TINY) | st.floats(0, 1)
    angles = st.just(0.0) | st.sampled_from(_ANGLES) | st.floats(0, math.pi)
    return st.builds(_Element(group), directions(k), sizes, directions(k), angles, words)


def _translations(d: int) -> st.SearchStrategy[Tensor]:
    lengths = st.sampled_from((0.0, 1e-8, 1.0, _FAR))
    return st.builds(lambda t, length: length * torch.as_tensor(t, device="cpu"), coordinates(d), lengths)


class _Element:
    """exp(S)·exp(K)·w; exp(v)·exp(v′)·w where the Lie algebra is not closed under transposition."""

    def __init__(self, group: AbstractMatrixGroup) -> None:
        self.group = group
        self.dual = np.linalg.pinv(group.lie_algebra.reshape(len(group.lie_algebra), -1))
        self.is_closed = self._holds(np.swapaxes(group.lie_algebra, 1, 2))
        self.__name__ = f"element of {group}"

    def __call__(
        self, first: np.ndarray, size: float, second: np.ndarray, angle: float, word: Tensor
    ) -> Tensor:
        one, two = (np.tensordot(v, self.group.lie_algebra, 1) for v in (first, second))
        if self.is_closed:
            one, two = (one + one.T) / 2, (two - two.T) / 2
        angle = angle if self.is_closed else min(angle, 1.0)
        with undisturbed():
            return self._exp(one, size) @ self._exp(two, angle) @ word

    def _exp(self, direction: np.ndarray, length: float) -> Tensor:
        """exp, with the largest singular value of the exponent equal to `length`."""
        largest = np.linalg.norm(direction, 2)
        scaled = direction * (length / largest) if largest > 1e-9 else np.zeros_like(direction)
        return self.group.exp(torch.as_tensor(scaled.ravel() @ self.dual, device="cpu"))

    def _holds(self, matrices: np.ndarray) -> bool:
        flat = matrices.reshape(len(matrices), -1)
        basis = self.group.lie_algebra.reshape(len(matrices), -1)
        return bool(np.abs(flat @ self.dual @ basis - flat).max(initial=0) < 1e-9)
