"""Restriction to a subgroup and induction from a subgroup of finite index, for groups of matrices."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Float
from mackey.errors import sentence
from mackey.groups import AbstractMatrixGroup, FiniteGroup
from mackey.groups.logarithms import matrix_exp
from mackey.reps.abstract import AbstractRep
from mackey.reps.finite import Rep
from mackey.reps.tensors import AbstractSolved
from mackey.reps.wigner import in_full_precision

_MEMBER = 1e-6  # an element violates the conditions of its group by less, in float32 too


@dataclass(frozen=True, repr=False)
class Restricted(AbstractSolved):
    """ρ on the elements of a subgroup only, written as the same matrices."""

    rep: AbstractRep
    group: AbstractMatrixGroup

    def __post_init__(self) -> None:
        outer = self.rep.group
        assert isinstance(outer, AbstractMatrixGroup)
        reached = torch.cat([torch.stack([self.group.identity, *self.group.generators]), _moved(self.group)])
        _check_members(f"reps.restrict({self.rep})", outer, self.group.name, reached)

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"({self.rep})|{self.group}"

    @property
    def dim(self) -> int:
        return self.rep.dim

    def at(self, element: Tensor) -> Tensor:
        return self.rep.at(element)

    def tangent(self, direction: Tensor) -> Tensor:
        return self.rep.tangent(direction)


def _moved(group: AbstractMatrixGroup) -> Tensor:
    """One element along each direction of the Lie algebra."""
    return matrix_exp(0.3 * torch.as_tensor(group.lie_algebra, device="cpu"))


def _check_members(where: str, outer: AbstractMatrixGroup, name: str, elements: Tensor) -> None:
    same = elements.shape[-1] == outer.size
    off = float(outer.violation(elements).max()) if same else float("inf")
    if not off < _MEMBER:
        raise ValueError(
            sentence(
                where,
                wanted=f"a subgroup of {outer}, by the same {outer.size}×{outer.size} matrices",
                got=f"{name}, " + (f"which is off by {off:.2g}" if same else f"of size {elements.shape[-1]}"),
                remedy="write its elements as elements of the larger group",
            )
        )


def restricted(rep: AbstractRep, group: AbstractMatrixGroup | FiniteGroup) -> AbstractRep:
    """ρ|_K for a subgroup K given by the same matrices: a table if K is finite (O in SO(3))."""
    outer = rep.group
    if not isinstance(outer, AbstractMatrixGroup):
        raise ValueError(
            sentence(
                "reps.restrict",
                wanted="a representation of a group of matrices",
                got=f"{rep} of {outer}",
                remedy="of a finite group, give a groups.Subgroup",
            )
        )
    if isinstance(group, AbstractMatrixGroup):
        return Restricted(rep, group)
    elements = torch.as_tensor(group.matrices, device="cpu")
    _check_members(f"reps.restrict({rep})", outer, group.name, elements)
    return Rep(group, rep.at(elements).numpy(), f"({rep})|{group}")


@dataclass(frozen=True, eq=False, repr=False)
class Induced(AbstractSolved):
    """Ind_K^G ρ: blocks over cosets g_iK; g sends block i to block j where g g_i = g_j k, by ρ(k).

    transversal (m, n, n): one element g_i of each coset, the identity first; K must have finite index in G.
    """

    rep: AbstractRep
    group: AbstractMatrixGroup
    transversal: Float[Tensor, "m n n"]

    def __post_init__(self) -> None:
        inner = self.rep.group
        assert isinstance(inner, AbstractMatrixGroup)
        elements = torch.cat([torch.stack([self.group.identity, *self.group.generators]), _moved(self.group)])
        _check_members("reps.induce", self.group, inner.name, torch.cat([_moved(inner), self.transversal]))
        meets = self._meets(elements)
        if not (bool((meets.sum(-2) == 1).all()) and bool((meets.sum(-1) == 1).all())):
            raise ValueError(
                sentence(
                    "reps.induce",
                    wanted=f"one element of {self.group} from each coset of {inner}",
                    got=f"{len(self.transversal)} elements that {self.group} does not permute",
                    remedy="give every coset once, and a subgroup of finite index",
                )
            )

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"Ind({self.rep})"

    @property
    def dim(self) -> int:
        return len(self.transversal) * self.rep.dim

    def _carried(self, element: Tensor) -> Tensor:
        """g_j⁻¹ g g_i, (…, j, i, n, n)."""
        g = self.transversal.to(element)
        return self.group.inverse(g)[:, None] @ element[..., None, None, :, :] @ g

    def _meets(self, element: Tensor) -> Tensor:
        """Whether g g_i lies in g_jK, (…, j, i)."""
        inner: Any = self.rep.group
        return inner.violation(self._carried(element)) < max(_MEMBER, 1e3 * torch.finfo(element.dtype).eps)

    def at(self, element: Tensor) -> Tensor:
        with in_full_precision(element):  # rounded, g g_i would lie in no coset
            carried, meets = self._carried(element), self._meets(element)[..., None, None]
            one = torch.eye(self.group.size, dtype=element.dtype, device=element.device)
            blocks = self.rep.at(torch.where(meets, carried, one)) * meets
        return blocks.transpose(-3, -2).flatten(-4, -3).flatten(-2, -1)

    def tangent(self, direction: Tensor) -> Tensor:
        """ρ's tangent at g_i⁻¹ X g_i on block i."""
        g = self.transversal.to(direction)
        with in_full_precision(direction):
            blocks = self.rep.tangent(self.group.inverse(g) @ direction[..., None, :, :] @ g)
        mask = torch.eye(len(g), dtype=blocks.dtype, device=blocks.device)[:, None, :, None]
        return (blocks[..., :, :, None, :] * mask).flatten(-2, -1).flatten(-3, -2)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Induced) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[AbstractRep, AbstractMatrixGroup, bytes]:
        return self.rep, self.group, (np.round(self.transversal.numpy(), 6) + 0.0).tobytes()
