"""Irreps of SO(2) and O(2): circular harmonics z^k = (Re z^k, Im z^k) of z = x + iy."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Float
from mackey.errors import sentence
from mackey.groups import Orthogonal, SpecialOrthogonal
from mackey.groups.determinant import determinant
from mackey.reps.schur import AbstractIrrep, units

QUARTER_TURN = ((0.0, -1.0), (1.0, 0.0))


@dataclass(frozen=True, repr=False)
class SO2Irrep(AbstractIrrep):
    """ρ_k(R_θ) = R_{kθ}, k ≥ 0: how (cos kφ, sin kφ) turns; one number for k = 0."""

    frequency: int

    def __post_init__(self) -> None:
        _refuse("SO(2)", self.frequency)

    @property
    def group(self) -> SpecialOrthogonal:  # type: ignore[override]
        return SpecialOrthogonal(2)

    @property
    def name(self) -> str:  # type: ignore[override]
        return str(self.frequency)

    @property
    def dim(self) -> int:
        return 2 if self.frequency else 1

    def at(self, element: Float[Tensor, "*b 2 2"]) -> Float[Tensor, "*b d d"]:
        return harmonic_matrix(self.frequency, element)

    def tangent(self, direction: Float[Tensor, "*b 2 2"]) -> Float[Tensor, "*b d d"]:
        return harmonic_tangent(self.frequency, direction)

    @property
    def irrep_type(self) -> str:
        return "complex" if self.frequency else "real"

    @property
    def commutant(self) -> np.ndarray:
        return units(np.eye(2), np.array(QUARTER_TURN)) if self.frequency else units(np.eye(1))


@dataclass(frozen=True, repr=False)
class O2Irrep(AbstractIrrep):
    """k ≥ 1: the same with the mirror z ↦ z̄ as diag(1, −1); "0e": 1; "0o": det."""

    frequency: int
    is_odd: bool = False

    def __post_init__(self) -> None:
        _refuse("O(2)", self.frequency)
        if self.is_odd and self.frequency:
            raise ValueError(
                sentence(
                    "reps.O2Irrep",
                    wanted="is_odd for frequency 0 only",
                    got=f"frequency {self.frequency}",
                    remedy="leave is_odd out: odd and even are the same irrep up to a quarter turn",
                )
            )

    @property
    def group(self) -> Orthogonal:  # type: ignore[override]
        return Orthogonal(2)

    @property
    def name(self) -> str:  # type: ignore[override]
        return str(self.frequency) if self.frequency else "0o" if self.is_odd else "0e"

    @property
    def dim(self) -> int:
        return 2 if self.frequency else 1

    def at(self, element: Float[Tensor, "*b 2 2"]) -> Float[Tensor, "*b d d"]:
        if self.is_odd:
            return determinant(element)[..., None, None]
        return harmonic_matrix(self.frequency, element)

    def tangent(self, direction: Float[Tensor, "*b 2 2"]) -> Float[Tensor, "*b d d"]:
        return harmonic_tangent(self.frequency, direction)

    @property
    def irrep_type(self) -> str:
        return "real"

    @property
    def commutant(self) -> np.ndarray:
        return units(np.eye(self.dim))


def harmonic_matrix(k: int, element: Float[Tensor, "*b 2 2"]) -> Float[Tensor, "*b d d"]:
    """g: z ↦ αz + βz̄, one of α, β being 0, takes z^k to α^k z^k + β^k z̄^k: polynomials in the entries."""
    (a, b), (c, d) = (row.unbind(-1) for row in element.unbind(-2))
    if k == 0:
        return torch.ones_like(a)[..., None, None]
    real, imaginary = _power((a + d) / 2, (c - b) / 2, k)
    mirrored, turned = _power((a - d) / 2, (c + b) / 2, k)
    upper = torch.stack([real + mirrored, turned - imaginary], -1)
    lower = torch.stack([imaginary + turned, real - mirrored], -1)
    return torch.stack([upper, lower], -2)


def harmonic_tangent(k: int, direction: Float[Tensor, "*b 2 2"]) -> Float[Tensor, "*b d d"]:
    """k times the quarter turn times the angular velocity."""
    speed = k * (direction[..., 1, 0] - direction[..., 0, 1])[..., None, None] / 2
    if k == 0:
        return torch.zeros_like(speed)
    return speed * torch.tensor(QUARTER_TURN, dtype=speed.dtype, device=speed.device)


def _power(real: Tensor, imaginary: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """(a + ib)^k by squaring."""
    if k == 1:
        return real, imaginary
    a, b = _power(real, imaginary, k // 2)
    a, b = a * a - b * b, 2 * a * b
    return (a * real - b * imaginary, a * imaginary + b * real) if k % 2 else (a, b)


def _refuse(group: str, frequency: int) -> None:
    if frequency < 0:
        raise ValueError(
            sentence(
                f"irrep of {group}",
                wanted="a frequency k ≥ 0",
                got=str(frequency),
                remedy=f"use {-frequency}: over the reals −k is the same irrep in another basis",
            )
        )
