"""Representations that are Cartesian tensors, or lie in one: V, V*, det, products, Sym^k, Λ^k."""

from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from mackey.groups import AbstractMatrixGroup
from mackey.reps.abstract import AbstractRep
from mackey.reps.powers import ExteriorPower, SymmetricPower
from mackey.reps.restriction import Restricted
from mackey.reps.tensors import Determinant, Dual, Scalar, TensorProduct, Vector


@dataclass(frozen=True, eq=False)
class Cartesian:
    """An isometry (n^m, d) that intertwines ρ with det^volumes ⊗ V^±⊗ … ⊗ V^±; up says which slots are V.

    embedding: the isometry; None is the identity.
    """

    n: int
    up: tuple[bool, ...] = ()
    volumes: int = 0
    embedding: np.ndarray | None = None

    @property
    def dual(self) -> "Cartesian":
        return Cartesian(self.n, tuple(not slot for slot in self.up), -self.volumes, self.embedding)

    @property
    def ambient(self) -> int:
        """n^m."""
        return self.n ** len(self.up)

    @property
    def dim(self) -> int:
        return self.ambient if self.embedding is None else self.embedding.shape[1]


def cartesian(rep: AbstractRep) -> Cartesian | None:
    """ρ as Cartesian tensors, or None where it is made of anything else."""
    group = rep.group
    if not isinstance(group, AbstractMatrixGroup):
        return None
    if isinstance(rep, Restricted):
        return cartesian(rep.rep)
    if isinstance(rep, Vector):
        return Cartesian(group.size, (True,))
    if isinstance(rep, Scalar):
        return Cartesian(group.size)
    if isinstance(rep, Determinant):
        return Cartesian(group.size, volumes=1) if isinstance(rep.rep, Vector) else None
    if isinstance(rep, Dual):
        inner = cartesian(rep.rep)
        return inner.dual if inner else None
    if isinstance(rep, TensorProduct):
        first, second = cartesian(rep.first), cartesian(rep.second)
        return _product(first, second) if first and second else None
    if isinstance(rep, SymmetricPower | ExteriorPower):
        inner = cartesian(rep.rep)
        return _inside(reduce(_product, [inner] * rep.degree), rep.embedding) if inner else None
    return None


def _product(first: Cartesian, second: Cartesian) -> Cartesian:
    embedding = None
    if first.embedding is not None or second.embedding is not None:
        embedding = np.kron(_isometry(first), _isometry(second))
    return Cartesian(first.n, first.up + second.up, first.volumes + second.volumes, embedding)


def _isometry(part: Cartesian) -> np.ndarray:
    return np.eye(part.ambient) if part.embedding is None else part.embedding


def _inside(whole: Cartesian, embedding: np.ndarray) -> Cartesian:
    inner = embedding if whole.embedding is None else whole.embedding @ embedding
    return replace(whole, embedding=inner)
