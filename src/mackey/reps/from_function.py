"""A user's own representation, given as a function from elements to matrices, and checked to be one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from mackey.errors import sentence
from mackey.groups import AbstractGroup, AbstractMatrixGroup
from mackey.reps.tensors import AbstractSolved, refuse_large

_ROUNDING = 1e-9
_SAMPLES = 8


@dataclass(frozen=True, repr=False)
class FunctionRep(AbstractSolved):
    """ρ(g) = function(g). Equal to another only if both are the same function of the same group."""

    group: AbstractGroup[Any]
    function: Callable[[Any], Tensor]
    name: str

    @cached_property
    def dim(self) -> int:
        return self.function(self.group.identity).shape[-1]

    def at(self, element: Any) -> Tensor:
        if not isinstance(self.group, AbstractMatrixGroup) or element.ndim == 2:
            return self.function(element)
        flat = torch.vmap(self.function)(element.flatten(0, -3))
        return flat.unflatten(0, element.shape[:-2])

    def tangent(self, direction: Tensor) -> Tensor:
        """The derivative of the function at the identity along X."""
        if not isinstance(self.group, AbstractMatrixGroup):
            return direction.new_zeros((*direction.shape[:-2], self.dim, self.dim))
        return torch.einsum("abij,...ij->...ab", self._derivative.to(direction), direction)

    @cached_property
    def _derivative(self) -> Tensor:
        """∂ρ_ab/∂g_ij at the identity."""
        return torch.func.jacrev(self.function)(self.group.identity).detach()


def from_function(group: AbstractGroup[Any], function: Callable[[Any], Tensor], name: str) -> FunctionRep:
    """The representation g → function(g), one element at a time, (d, d) float64 for float64 elements.

    For matrix groups the function must be differentiable at the identity, and is mapped over batches. Raises
    ValueError unless ρ(e) = 1 and ρ(a)ρ(b) = ρ(ab) for products of generators and of exponentials, for which
    it names the first pair that fails. A module-level function keeps the representation picklable.
    """
    rep = FunctionRep(group, function, name)
    _check_matrix(rep, function(group.identity))
    refuse_large(name, rep.dim)
    off = _off(rep.at(group.identity), torch.eye(rep.dim, dtype=torch.float64, device="cpu"))
    if not off < _ROUNDING:
        _refuse(rep, "ρ(e) = 1", f"a difference of {off:.2g}")
    elements = _elements(group)
    for a in elements:
        for b in elements:
            product = rep.at(a) @ rep.at(b)
            off = _off(product, rep.at(group.compose(a, b)))
            if not off < _ROUNDING * max(1.0, float(product.abs().max())):
                pair = f"a = {group.label(a)}, b = {group.label(b)}"
                _refuse(rep, "ρ(a)ρ(b) = ρ(ab)", f"a difference of {off:.2g} for {pair}")
    return rep


def _elements(group: AbstractGroup[Any]) -> list[Any]:
    """The generators, and for a matrix group exponentials along and across its Lie algebra."""
    found = list(group.generators)
    if isinstance(group, AbstractMatrixGroup) and len(group.lie_algebra):
        count = len(group.lie_algebra)
        source = torch.Generator().manual_seed(0)
        across = torch.randn(_SAMPLES, count, generator=source, dtype=torch.float64)
        along = torch.eye(count, dtype=torch.float64, device="cpu")[:_SAMPLES]
        found += list(group.exp(0.7 * torch.cat([along, across / count**0.5])))
    return found


def _off(one: Tensor, two: Tensor) -> float:
    return float((one - two).abs().max())


def _check_matrix(rep: FunctionRep, matrix: object) -> None:
    got = type(matrix).__name__
    if isinstance(matrix, Tensor):
        if matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1] and matrix.dtype == torch.float64:
            return
        got = f"{tuple(matrix.shape)} of {matrix.dtype}"
    _refuse(rep, "a square float64 tensor for one element", got)


def _refuse(rep: FunctionRep, wanted: str, got: str) -> None:
    raise ValueError(
        sentence(
            f"reps.from_function({rep.group}, {rep.name})",
            wanted=wanted,
            got=got,
            remedy="give a homomorphism g → matrix",
        )
    )
