"""Representations made from others, for any group: V, trivial, det, duals, tensor products."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mackey.errors import sentence
from mackey.groups import AbstractGroup, AbstractMatrixGroup
from mackey.groups.determinant import determinant
from mackey.reps.abstract import AbstractRep
from mackey.reps.nullspace import fixed_vectors
from mackey.reps.wigner import in_full_precision

_LARGEST = 4096  # a dense ρ(g) of this dimension takes 128 MB in float64


class AbstractSolved(AbstractRep):
    """A representation whose invariants are found from its generators."""

    @cached_property
    def invariants(self) -> np.ndarray:
        return fixed_vectors(self.generator_matrices, self.algebra_matrices)


class AbstractDerived(AbstractSolved):
    """Made from one other representation of the same group."""

    rep: AbstractRep

    @property
    def group(self) -> AbstractGroup[Any]:  # type: ignore[override]
        return self.rep.group


@dataclass(frozen=True, repr=False)
class Vector(AbstractSolved):
    """V: ρ(g) = g, the matrix itself; for groups that translate, the homogeneous (d + 1)×(d + 1) matrix."""

    group: AbstractMatrixGroup
    name = "V"

    @property
    def dim(self) -> int:
        return self.group.size

    def at(self, element: Tensor) -> Tensor:
        return element

    def tangent(self, direction: Tensor) -> Tensor:
        return direction


@dataclass(frozen=True, repr=False)
class Scalar(AbstractRep):
    """ρ(g) = 1."""

    group: AbstractGroup[Any]
    name = "trivial"

    @property
    def dim(self) -> int:
        return 1

    def at(self, element: Any) -> Tensor:
        batch, like = _batch(self.group, element)
        return torch.ones((*batch, 1, 1), dtype=like.dtype, device=like.device)

    def tangent(self, direction: Tensor) -> Tensor:
        return direction.new_zeros((*direction.shape[:-2], 1, 1))

    @property
    def invariants(self) -> np.ndarray:
        return np.ones((1, 1))


def _batch(group: AbstractGroup[Any], element: Any) -> tuple[tuple[int, ...], Tensor]:
    """The batch axes of an element (of a batch of them, for matrix groups), and a tensor of its dtype."""
    if isinstance(group, AbstractMatrixGroup):
        return tuple(element.shape[:-2]), element
    return (), torch.zeros((), dtype=torch.float64, device="cpu")


@dataclass(frozen=True, repr=False)
class Determinant(AbstractDerived):
    """det: ρ(g) = det of another representation at g; of V the sign of an orientation."""

    rep: AbstractRep

    @property
    def name(self) -> str:  # type: ignore[override]
        return "det" if isinstance(self.rep, Vector) else f"det({self.rep})"

    @property
    def dim(self) -> int:
        return 1

    def at(self, element: Any) -> Tensor:
        return determinant(self.rep.at(element))[..., None, None]

    def tangent(self, direction: Tensor) -> Tensor:
        """d det = tr."""
        return self.rep.tangent(direction).diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None]


@dataclass(frozen=True, repr=False)
class Dual(AbstractDerived):
    """ρ*(g) = ρ(g⁻¹)ᵀ."""

    rep: AbstractRep

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"{factor(self.rep)}*"

    @property
    def dim(self) -> int:
        return self.rep.dim

    def at(self, element: Any) -> Tensor:
        with in_full_precision(_batch(self.group, element)[1]):
            return self.rep.at(self.group.inverse(element)).mT

    def tangent(self, direction: Tensor) -> Tensor:
        return -self.rep.tangent(direction).mT


@dataclass(frozen=True, repr=False)
class TensorProduct(AbstractSolved):
    """ρ₁ ⊗ ρ₂, the first factor slowest."""

    first: AbstractRep
    second: AbstractRep

    def __post_init__(self) -> None:
        refuse_two_groups("reps.tensor", (self.first, self.second))
        refuse_large(self.name, self.dim)

    @property
    def group(self) -> AbstractGroup[Any]:  # type: ignore[override]
        return self.first.group

    @property
    def name(self) -> str:  # type: ignore[override]
        right = self.second
        return f"{factor(self.first, True)}⊗{factor(right)}"

    @property
    def dim(self) -> int:
        return self.first.dim * self.second.dim

    def at(self, element: Any) -> Tensor:
        return kron(self.first.at(element), self.second.at(element))

    def tangent(self, direction: Tensor) -> Tensor:
        left, right = self.first.tangent(direction), self.second.tangent(direction)
        one, other = (
            torch.eye(r.dim, dtype=left.dtype, device=left.device) for r in (self.first, self.second)
        )
        return kron(left, other) + kron(one, right)


def kron(a: Tensor, b: Tensor) -> Tensor:
    """a ⊗ b on the last two axes."""
    product = a[..., :, None, :, None] * b[..., None, :, None, :]
    return product.flatten(-4, -3).flatten(-2, -1)


def refuse_large(name: str, dim: int) -> None:
    """Raise where a dense ρ(g) would not fit in memory."""
    if dim > _LARGEST:
        raise ValueError(
            sentence(
                f"reps.{name}",
                wanted=f"at most {_LARGEST} dimensions",
                got=f"{dim}",
                remedy="use a lower power, or its irreps",
            )
        )


def refuse_two_groups(where: str, parts: tuple[AbstractRep, ...]) -> None:
    """Raise unless all are representations of one group."""
    other = [part for part in parts if part.group != parts[0].group]
    if other:
        raise ValueError(
            sentence(
                where,
                wanted="representations of one group",
                got=f"{parts[0]} of {parts[0].group} and {other[0]} of {other[0].group}",
                remedy="restrict them to a common subgroup",
            )
        )


def factor(rep: AbstractRep, leading: bool = False) -> str:
    """The name of ρ as a factor of a product, in parentheses where it would be read otherwise."""
    name, outside = str(rep), ""
    depth = 0
    for character in str(rep):
        depth += (character == "(") - (character == ")")
        outside += character if depth == 0 else ""
    counted = outside[:1].isdigit() and "x" in outside
    open_product = "⊗" in outside and not leading
    return f"({name})" if "+" in outside or counted or open_product else name
