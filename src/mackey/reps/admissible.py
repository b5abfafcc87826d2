"""Which pointwise activations a representation admits: f(ρ(g)x) = ρ(g)f(x), f applied to each coordinate.

Theorem. For continuous f, the matrices A with f(Ax) = A f(x) are

    all                                       if f is linear,
    those whose rows sum to 1                 if f is affine with f(0) ≠ 0,
    monomial with entries {a : f(at) = a f(t)}  if f is not affine and f(0) = 0,
    permutations                              if f is not affine and f(0) ≠ 0.

For two entries a, b in a row give f(as + bt) = f(as) + f(bt), so that f would be additive (linear actions of
the theorem of Pacini, Dong, Lepri & Santin 2024, derived anew). The entries are
{1} in general, {±1} for odd f, a > 0 for f(at) = a f(t), like ReLU. A connected group of monomial matrices is
diagonal and positive; if it is compact too, it is trivial.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Float
from mackey.errors import sentence
from mackey.groups import AbstractMatrixGroup
from mackey.reps.abstract import AbstractRep

Pointwise = Callable[[Float[Tensor, " n"]], Float[Tensor, " n"]]

_FAR = torch.tensor([7.3, 12.1, 20.7, 30.0], dtype=torch.float64, device="cpu")
_GRID = torch.cat([-_FAR, torch.linspace(-5, 5, 401, dtype=torch.float64, device="cpu"), _FAR])
_STEPS = (0.7, 0.7 * math.sqrt(2))  # both are whole periods of no one-parameter group but a trivial one
_SCALES = (0.1, 0.7, 2.3, 9.1)
_ROUNDING = 1e-9


@dataclass(frozen=True)
class ActivationClass:
    """What f is, measured on a grid on [−30, 30]: linear, affine, odd, positively homogeneous."""

    linear: bool
    affine: bool
    odd: bool
    homogeneous: bool
    at_zero: float

    def __str__(self) -> str:
        if self.linear:
            return "linear"
        if self.affine:
            return f"affine with f(0) = {self.at_zero:.3g}"
        claims = {
            "not affine": True,
            "odd": self.odd,
            "positively homogeneous": self.homogeneous,
            f"f(0) = {self.at_zero:.3g}": abs(self.at_zero) > _ROUNDING,
        }
        return ", ".join(words for words, holds in claims.items() if holds)


@dataclass(frozen=True, eq=False)
class Admissible:
    """True if the activation commutes with ρ; else element g and error = max |f(ρ(g)x) − ρ(g)f(x)| found."""

    admitted: bool
    reason: str
    activation: ActivationClass
    element: Any
    error: float

    def __bool__(self) -> bool:
        return self.admitted

    def __str__(self) -> str:
        return f"{'admissible' if self.admitted else 'not equivariant'}: {self.reason}"


def classify(activation: Pointwise) -> ActivationClass:
    """The class of an activation, from its values on a grid of [−30, 30] and at multiples of it."""
    f, t = _values(activation, _GRID), _GRID
    zero = float(_values(activation, torch.zeros(1, dtype=torch.float64, device="cpu"))[0])
    slope = _values(activation, torch.ones(1, dtype=torch.float64, device="cpu"))[0] - zero
    affine = _close(f, slope * t + zero)
    return ActivationClass(
        linear=affine and abs(zero) < _ROUNDING,
        affine=affine,
        odd=_close(_values(activation, -t), -f),
        homogeneous=all(_scales(activation, a) for a in _SCALES),
        at_zero=zero,
    )


def admissible(activation: Pointwise, rep: AbstractRep) -> Admissible:
    """Whether a pointwise activation is equivariant on ρ, by the theorem; with the element that breaks it.

    activation: any elementwise function of tensors, continuous. Checked on generators and on the Lie algebra,
    which is enough: the matrices that commute with f form a group.
    """
    kind = classify(activation)
    for element, matrix in _elements(rep):
        reason = _why_not(activation, kind, matrix)
        if reason is not None:
            error = _error(activation, matrix)
            reason = f"the activation is {kind}; {rep.group.label(element)} acts by {reason}"
            return Admissible(False, f"{reason}, which is off by {error:.2g}", kind, element, error)
    worst = max((_error(activation, matrix) for _, matrix in _elements(rep)), default=0.0)
    return Admissible(True, f"the activation is {kind}; {_why(kind, rep)}", kind, None, worst)


def _elements(rep: AbstractRep) -> list[tuple[Any, np.ndarray]]:
    """Generators; and exp(tX) along the Lie algebra, for two t whose ratio is irrational."""
    found = list(zip(rep.group.generators, rep.generator_matrices, strict=True))
    if isinstance(rep.group, AbstractMatrixGroup) and len(rep.group.lie_algebra):
        along = torch.eye(len(rep.group.lie_algebra), dtype=torch.float64, device="cpu")
        steps = rep.group.exp(torch.cat([step * along for step in _STEPS]))
        found += [(g, rep.at(g).numpy()) for g in steps]
    return found


def _why_not(activation: Pointwise, kind: ActivationClass, matrix: np.ndarray) -> str | None:
    """What about the matrix the activation does not allow; None where it does."""
    if kind.linear:
        return None
    if kind.affine:
        off = np.abs(matrix.sum(1) - 1).max()
        return f"rows that do not sum to 1 (off by {off:.2g})" if off > _ROUNDING else None
    size = np.abs(matrix)
    if (size > _ROUNDING).sum(1).max() > 1:
        return "a matrix that mixes coordinates"
    entries = np.unique(np.round(matrix[size > _ROUNDING], 12))
    if abs(kind.at_zero) > _ROUNDING:
        others = entries[np.abs(entries - 1) > _ROUNDING]
        return f"a factor {others[0]:.3g}, but f(0) is not 0" if len(others) else None
    for a in entries:
        if not _scales(activation, float(a)):
            return f"a factor a = {a:.3g} for which f(at) is not a·f(t)"
    return None


def _why(kind: ActivationClass, rep: AbstractRep) -> str:
    if kind.linear:
        return "it commutes with every matrix"
    if kind.affine:
        return "every row of every ρ(g) sums to 1"
    if rep.is_trivial:
        return "the group acts trivially"
    if rep.is_permutation:
        return "the group permutes coordinates, which every activation allows"
    if rep.is_signed_permutation:
        return "the group permutes coordinates up to sign, which odd activations allow"
    return "the group permutes and rescales coordinates by factors a with f(at) = a·f(t)"


def _scales(activation: Pointwise, a: float) -> bool:
    """f(at) = a f(t) on the grid."""
    return _close(_values(activation, a * _GRID), a * _values(activation, _GRID))


def _error(activation: Pointwise, matrix: np.ndarray) -> float:
    """max |f(Ax) − A f(x)| over fixed vectors x: random ones, and multiples of each axis."""
    d = len(matrix)
    source = torch.Generator().manual_seed(0)
    axes = torch.eye(d, dtype=torch.float64, device="cpu")
    x = torch.cat([2 * torch.randn(64, d, generator=source, dtype=torch.float64), -2 * axes, axes, 3 * axes])
    A = torch.tensor(matrix, device="cpu")
    moved = _values(activation, (x @ A.mT).flatten()).reshape(x.shape)
    return float((moved - _values(activation, x.flatten()).reshape(x.shape) @ A.mT).abs().max())


def _close(one: Tensor, two: Tensor) -> bool:
    return bool(torch.all((one - two).abs() < _ROUNDING * torch.clamp(one.abs() + two.abs(), min=1)))


def _values(activation: Pointwise, t: Tensor) -> Tensor:
    with torch.no_grad():
        found = activation(t)
    if not isinstance(found, Tensor) or found.shape != t.shape or not torch.isfinite(found).all():
        got = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(
            sentence(
                "reps.admissible",
                wanted="an activation that maps each number to a finite number",
                got=f"{got} for shape {tuple(t.shape)}",
                remedy="give an elementwise function, such as torch.relu",
            )
        )
    return found.to(torch.float64)
