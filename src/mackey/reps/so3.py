"""Irreps of SO(3), O(3) and SU(2), in the basis of `spherical_harmonics`: l = 1 is (x, y, z)."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Float
from mackey.errors import sentence
from mackey.groups import Orthogonal, SpecialOrthogonal, SpecialUnitary, quaternion_rotation, spin_quaternion
from mackey.groups.determinant import determinant
from mackey.reps.coupling import complex_clebsch_gordan
from mackey.reps.schur import AbstractIrrep, units
from mackey.reps.traced import constant
from mackey.reps.wigner import in_full_precision, refuse_degree, rotation_generators, wigner_d


@dataclass(frozen=True, repr=False)
class SO3Irrep(AbstractIrrep):
    """D_l, dimension 2l+1."""

    degree: int

    def __post_init__(self) -> None:
        refuse_degree("irrep of SO(3)", self.degree)

    @property
    def group(self) -> SpecialOrthogonal:  # type: ignore[override]
        return SpecialOrthogonal(3)

    @property
    def name(self) -> str:  # type: ignore[override]
        return str(self.degree)

    @property
    def dim(self) -> int:
        return 2 * self.degree + 1

    def at(self, element: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b d d"]:
        return wigner_d(self.degree, element)

    def tangent(self, direction: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b d d"]:
        return _combine(_velocity(direction), rotation_generators(self.degree))

    @property
    def irrep_type(self) -> str:
        return "real"

    @property
    def commutant(self) -> np.ndarray:
        return units(np.eye(self.dim))


@dataclass(frozen=True, repr=False)
class O3Irrep(AbstractIrrep):
    """D_l with ρ(−1) = parity: "1o" vectors, "1e" axial vectors, "0e" scalars, "0o" pseudoscalars."""

    degree: int
    parity: int

    def __post_init__(self) -> None:
        refuse_degree("irrep of O(3)", self.degree)
        if self.parity not in (1, -1):
            raise ValueError(
                sentence(
                    "irrep of O(3)",
                    wanted="parity 1 or −1",
                    got=str(self.parity),
                    remedy="1 is even, −1 is odd",
                )
            )

    @property
    def group(self) -> Orthogonal:  # type: ignore[override]
        return Orthogonal(3)

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"{self.degree}{'e' if self.parity == 1 else 'o'}"

    @property
    def dim(self) -> int:
        return 2 * self.degree + 1

    def at(self, element: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b d d"]:
        """D_l is homogeneous of degree l, so D_l(−1) = (−1)^l; the sign of det makes up for the rest."""
        found = wigner_d(self.degree, element)
        if self.parity == (-1) ** self.degree:
            return found
        return found * determinant(element).sign()[..., None, None]

    def tangent(self, direction: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b d d"]:
        return _combine(_velocity(direction), rotation_generators(self.degree))

    @property
    def irrep_type(self) -> str:
        return "real"

    @property
    def commutant(self) -> np.ndarray:
        return units(np.eye(self.dim))


@dataclass(frozen=True, repr=False)
class SU2Irrep(AbstractIrrep):
    """Spin j. Integer j: D_j of the rotation that U covers, real. Half-integer j: C^(2j+1) as
    (Re ψ, Im ψ), m = j, j−1, …, −j about z, quaternionic of real dimension 2(2j+1); j = 1/2 is U itself.
    """

    twice_spin: int

    def __post_init__(self) -> None:
        refuse_degree("irrep of SU(2)", self.twice_spin)

    @property
    def group(self) -> SpecialUnitary:  # type: ignore[override]
        return SpecialUnitary(2)

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"{self.twice_spin}/2" if self.is_spinor else str(self.twice_spin // 2)

    @property
    def is_spinor(self) -> bool:
        """Whether −1 acts as −1: j is half-integer."""
        return self.twice_spin % 2 == 1

    @property
    def dim(self) -> int:
        return (self.twice_spin + 1) * (2 if self.is_spinor else 1)

    def at(self, element: Float[Tensor, "*b 4 4"]) -> Float[Tensor, "*b d d"]:
        if not self.is_spinor:
            return wigner_d(self.twice_spin // 2, quaternion_rotation(spin_quaternion(element)))
        with in_full_precision(element):
            spin = found = torch.complex(element[..., :2, :2], element[..., 2:, :2])
            for twice in range(2, self.twice_spin + 1):
                step = torch.as_tensor(spin_step(twice)).to(found)
                found = torch.einsum("abm,...ac,...bd,cdn->...mn", step, found, spin, step)
        return torch.cat(
            [torch.cat([found.real, -found.imag], -1), torch.cat([found.imag, found.real], -1)], -2
        )

    def tangent(self, direction: Float[Tensor, "*b 4 4"]) -> Float[Tensor, "*b d d"]:
        velocity = 2 * spin_quaternion(direction)[..., 1:]
        generators = (
            spin_generators(self.twice_spin) if self.is_spinor else rotation_generators(self.twice_spin // 2)
        )
        return _combine(velocity, generators)

    @property
    def irrep_type(self) -> str:
        return "quaternionic" if self.is_spinor else "real"

    @property
    def commutant(self) -> np.ndarray:
        """1, i (times the imaginary unit), j (ψ ↦ Jψ, antilinear) and ij."""
        if not self.is_spinor:
            return units(np.eye(self.dim))
        one, zero, J = (
            np.eye(self.twice_spin + 1),
            np.zeros((self.twice_spin + 1,) * 2),
            conjugation(self.twice_spin),
        )
        i = np.block([[zero, -one], [one, zero]])
        j = np.block([[J, zero], [zero, -J]])
        return units(np.eye(self.dim), i, j, i @ j)


def conjugation(twice_spin: int) -> np.ndarray:
    """(Jψ)_m = (−1)^(j−m) ψ̄_{−m} commutes with SU(2); this is its matrix in front of ψ̄."""
    return np.diag((-1.0) ** np.arange(twice_spin + 1))[:, ::-1]


@constant
def spin_step(twice_spin: int) -> np.ndarray:
    """The isometry (2j, 2, 2j+1) from j into (j−1/2)⊗1/2, weights in descending order."""
    return complex_clebsch_gordan(twice_spin - 1, 1, twice_spin)[::-1, ::-1, ::-1].copy()


@lru_cache(maxsize=64)
def spin_generators(twice_spin: int) -> np.ndarray:
    """Real forms of −iJ_x, −iJ_y, −iJ_z, (3, 2(2j+1), 2(2j+1)), read-only."""
    m = twice_spin / 2 - np.arange(twice_spin + 1)
    raising = np.diag(np.sqrt(np.maximum(twice_spin / 2 * (twice_spin / 2 + 1) - m[1:] * (m[1:] + 1), 0)), 1)
    i_x, i_y, i_z = (
        (raising + raising.T) / 2,
        (raising - raising.T) / 2,
        np.diag(m),
    )  # J_x, iJ_y, J_z are real
    zero = np.zeros_like(i_x)
    return units(*(np.block([[re, -im], [im, re]]) for re, im in ((zero, -i_x), (-i_y, zero), (zero, -i_z))))


def _velocity(direction: Tensor) -> Tensor:
    """The vector ω with X v = ω × v."""
    i, j = [2, 0, 1], [1, 2, 0]
    return (direction[..., i, j] - direction[..., j, i]) / 2


def _combine(velocity: Tensor, generators: np.ndarray) -> Tensor:
    """Σ ω_i L_i."""
    table = torch.tensor(generators, dtype=velocity.dtype, device=velocity.device)
    with in_full_precision(velocity):
        return torch.einsum("...i,imn->...mn", velocity, table)
