"""Sym^k and Λ^k of any representation, each inside ρ^⊗k by an exact isometry."""

import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mackey.errors import sentence
from mackey.reps.abstract import AbstractRep
from mackey.reps.tensors import AbstractDerived, kron, refuse_large
from mackey.reps.wigner import in_full_precision


@dataclass(frozen=True, repr=False)
class SymmetricPower(AbstractDerived):
    """Sym^k ρ: the symmetric tensors in ρ^⊗k, in the orthonormal basis Σ_π e_π(i)⊗e_π(j)⊗…, i ≤ j ≤ …"""

    rep: AbstractRep
    degree: int

    def __post_init__(self) -> None:
        _check_power(self.name, self.rep, self.degree)

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"Sym^{self.degree}({self.rep})"

    @property
    def dim(self) -> int:
        return math.comb(self.rep.dim + self.degree - 1, self.degree)

    @cached_property
    def embedding(self) -> np.ndarray:
        """The isometry (d^k, dim) onto the symmetric tensors."""
        chosen = itertools.combinations_with_replacement(range(self.rep.dim), self.degree)
        return _symmetrised(self.rep.dim, self.degree, list(chosen), alternating=False)

    def at(self, element: Any) -> Tensor:
        return _compressed(self.rep.at(element), self.degree, self.embedding)

    def tangent(self, direction: Tensor) -> Tensor:
        return _compressed_tangent(self.rep.tangent(direction), self.degree, self.embedding)


@dataclass(frozen=True, repr=False)
class ExteriorPower(AbstractDerived):
    """Λ^k ρ: the alternating tensors in ρ^⊗k, in the orthonormal basis e_i ∧ e_j ∧ …, i < j < …"""

    rep: AbstractRep
    degree: int

    def __post_init__(self) -> None:
        _check_power(self.name, self.rep, self.degree)
        if self.degree > self.rep.dim:
            raise ValueError(
                sentence(
                    f"reps.{self.name}",
                    wanted=f"a degree of at most {self.rep.dim}, the dimension",
                    got=str(self.degree),
                    remedy="higher exterior powers are zero",
                )
            )

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"Λ^{self.degree}({self.rep})"

    @property
    def dim(self) -> int:
        return math.comb(self.rep.dim, self.degree)

    @cached_property
    def embedding(self) -> np.ndarray:
        """The isometry (d^k, dim) onto the alternating tensors."""
        chosen = itertools.combinations(range(self.rep.dim), self.degree)
        return _symmetrised(self.rep.dim, self.degree, list(chosen), alternating=True)

    def at(self, element: Any) -> Tensor:
        return _compressed(self.rep.at(element), self.degree, self.embedding)

    def tangent(self, direction: Tensor) -> Tensor:
        return _compressed_tangent(self.rep.tangent(direction), self.degree, self.embedding)


def _check_power(name: str, rep: AbstractRep, degree: int) -> None:
    if degree < 1:
        raise ValueError(
            sentence(f"reps.{name}", wanted="a degree of at least 1", got=str(degree), remedy="degree 0 is 1")
        )
    refuse_large(name, rep.dim**degree)


def _symmetrised(d: int, degree: int, chosen: list[tuple[int, ...]], *, alternating: bool) -> np.ndarray:
    """Orthonormal columns Σ_π (±1) e_{π(i₁)} ⊗ … over the distinct arrangements of each choice."""
    column = {indices: place for place, indices in enumerate(chosen)}
    columns = np.zeros((d**degree, len(chosen)))
    for row, indices in enumerate(itertools.product(range(d), repeat=degree)):
        place = column.get(tuple(sorted(indices)))
        if place is not None:
            inversions = sum(a > b for a, b in itertools.combinations(indices, 2)) if alternating else 0
            columns[row, place] = (-1.0) ** inversions
    return columns / np.linalg.norm(columns, axis=0)


def _compressed(matrix: Tensor, degree: int, embedding: np.ndarray) -> Tensor:
    """Qᵀ M^⊗k Q."""
    whole = matrix
    for _ in range(degree - 1):
        whole = kron(whole, matrix)
    Q = torch.as_tensor(embedding, device="cpu").to(matrix)
    with in_full_precision(matrix):
        return Q.mT @ whole @ Q


def _compressed_tangent(matrix: Tensor, degree: int, embedding: np.ndarray) -> Tensor:
    """Qᵀ (M⊗1⊗… + 1⊗M⊗… + …) Q."""
    d = matrix.shape[-1]
    total: Tensor | None = None
    for place in range(degree):
        powers = place, degree - place - 1
        before, after = (torch.eye(d**n, dtype=matrix.dtype, device=matrix.device) for n in powers)
        term = kron(kron(before, matrix), after)
        total = term if total is None else total + term
    assert total is not None
    Q = torch.as_tensor(embedding, device="cpu").to(matrix)
    with in_full_precision(matrix):
        return Q.mT @ total @ Q
