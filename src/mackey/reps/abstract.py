"""How numbers change: the interface of every representation, of any group."""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mackey.groups import AbstractGroup

_ROUNDING = 1e-9


class AbstractRep(ABC):
    """ρ: G → GL(d), real. All that is derived here follows from ρ on generators and dρ on the Lie algebra.

    The derived arrays are float64 and read-only. Two representations are equal when they are the same
    expression of the same group (tables: the same matrices).
    """

    group: AbstractGroup[Any]
    name: str

    @property
    @abstractmethod
    def dim(self) -> int:
        """d."""

    @abstractmethod
    def at(self, element: Any) -> Tensor:
        """ρ(g), (d, d) float64; for elements (…, n, n) of a matrix group (…, d, d), in their dtype."""

    @abstractmethod
    def tangent(self, direction: Tensor) -> Tensor:
        """dρ(X) = d/dt ρ(exp tX) at t = 0, for X (…, n, n) in the Lie algebra; (…, d, d)."""

    @property
    @abstractmethod
    def invariants(self) -> np.ndarray:
        """An orthonormal basis (k, d) of {v : ρ(g)v = v}."""

    @cached_property
    def generator_matrices(self) -> np.ndarray:
        """ρ on `group.generators`, (m, d, d)."""
        found = [self.at(g).detach().cpu().numpy() for g in self.group.generators]
        return _frozen(np.stack(found) if found else np.zeros((0, self.dim, self.dim)))

    @cached_property
    def algebra_matrices(self) -> np.ndarray:
        """dρ on the basis of `group.lie_algebra`, (k, d, d)."""
        basis = self.group.lie_algebra
        if not len(basis):
            return _frozen(np.zeros((0, self.dim, self.dim)))
        return _frozen(self.tangent(torch.as_tensor(basis, device="cpu")).detach().cpu().numpy())

    @cached_property
    def is_trivial(self) -> bool:
        moved = np.abs(self.generator_matrices - np.eye(self.dim)).max(initial=0)
        return bool(max(moved, np.abs(self.algebra_matrices).max(initial=0)) < _ROUNDING)

    @cached_property
    def is_orthogonal(self) -> bool:
        """ρ(g)ᵀρ(g) = 1: on generators, and dρ(X) antisymmetric."""
        finite, lie = self.generator_matrices, self.algebra_matrices
        gram = np.swapaxes(finite, 1, 2) @ finite - np.eye(self.dim)
        skew = lie + np.swapaxes(lie, 1, 2)
        return bool(max(np.abs(gram).max(initial=0), np.abs(skew).max(initial=0)) < _ROUNDING)

    @cached_property
    def is_signed_permutation(self) -> bool:
        """Every ρ(g) permutes coordinates up to sign; then the connected component acts trivially."""
        size = np.abs(self.generator_matrices)
        still = bool(np.abs(self.algebra_matrices).max(initial=0) < _ROUNDING)
        entries = bool(np.all((size < _ROUNDING) | (np.abs(size - 1) < _ROUNDING)))
        return still and entries and bool(np.allclose(size.sum(-1), 1))

    @cached_property
    def is_permutation(self) -> bool:
        return self.is_signed_permutation and bool(self.generator_matrices.min(initial=0) > -0.5)

    def __repr__(self) -> str:
        return self.name


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
