"""U(n) and SU(n) as real 2n×2n matrices [[X, −Y], [Y, X]] of U = X + iY, moving C^n = (Re z, Im z)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Float
from mackey.groups.lie import (
    AbstractLinearGroup,
    elementary,
    haar_orthogonal,
    no_quadrature,
    off_unit_determinant,
    refuse_no_points,
    refuse_size,
    relative,
)
from mackey.groups.logarithms import average_exp, log_coordinates, matrix_exp
from mackey.groups.matrix import Quadrature
from mackey.groups.quadratures import circle_quadrature, spin_degree, spin_quadrature
from mackey.groups.rotation_maps import rotation_exp, rotation_log
from mackey.groups.rotations import off_orthogonal
from mackey.groups.spin import spin_exp, spin_log, spin_matrix

_DIRECTIONS = 64


@dataclass(frozen=True, repr=False)
class Unitary(AbstractLinearGroup):
    """U(n); U(1) is the circle, with the matrices and the angle of SO(2).

    Lie algebra: i E_jj (n of them), then E_jk − E_kj and i(E_jk + E_kj) for j < k. |a| = √Σθ² over the
    phases θ in (−π, π].
    """

    n: int

    is_compact = True
    is_unimodular = True
    has_irreps = False
    generators = ()
    law = "Haar"

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"U({self.n})"

    @property
    def size(self) -> int:  # type: ignore[override]
        return 2 * self.n

    @cached_property
    def lie_algebra(self) -> np.ndarray:  # type: ignore[override]
        phases = [1j * elementary(self.n, ((j, j, 1),)) for j in range(self.n)]
        return real_form(np.array([*phases, *_off_diagonal(self.n)]))

    def inverse(self, a: Tensor) -> Tensor:
        """aᵀ."""
        return a.mT

    def exp(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return rotation_exp(coordinates) if self.n == 1 else matrix_exp(self.hat(coordinates))

    def log(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b k"]:
        """Phases in (−π, π]."""
        if self.n == 1:
            return rotation_log(a)
        return log_coordinates(a, self.vee(_unitary_log(a, traceless=False)), self.lie_algebra)

    def average(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return average_exp(self.hat(coordinates))

    def average_inverse(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return torch.linalg.inv(average_exp(self.hat(coordinates)))

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "m n n"]:  # type: ignore[override]
        return _realified(haar_orthogonal(count, self.n, generator, torch.complex128))

    def quadrature(self, count: int) -> Quadrature:
        if self.n > 1:
            raise no_quadrature(self.name, "for which no rule is known here")
        refuse_no_points(self.name, count)
        return circle_quadrature(count)

    def length(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        tangent = self.hat(self.log(a))
        return torch.linalg.vector_norm(tangent.flatten(-2), dim=-1) / 2**0.5

    def violation(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        return torch.maximum(off_orthogonal(a), _off_complex(a))


@dataclass(frozen=True, repr=False)
class SpecialUnitary(AbstractLinearGroup):
    """SU(n). For SU(2): −iσ_x/2, −iσ_y/2, −iσ_z/2, so that v is the rotation vector of the rotation that
    exp(v) covers (`spin.spin_quaternion` tells it); |a| = |v| ≤ 2π.

    For n > 2: E_jk − E_kj and i(E_jk + E_kj) for j < k, then i(E_jj − E_(j+1)(j+1)); |a| is the Frobenius
    norm of the complex logarithm.
    """

    n: int

    is_compact = True
    is_unimodular = True
    generators = ()
    law = "Haar"

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"SU({self.n})"

    @property
    def size(self) -> int:  # type: ignore[override]
        return 2 * self.n

    @property
    def has_irreps(self) -> bool:  # type: ignore[override]
        return self.n == 2

    @cached_property
    def lie_algebra(self) -> np.ndarray:  # type: ignore[override]
        if self.n == 2:
            pauli = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
            return real_form(-0.5j * pauli)
        n = self.n
        phases = [1j * elementary(n, ((j, j, 1), (j + 1, j + 1, -1))) for j in range(n - 1)]
        return real_form(np.array([*_off_diagonal(n), *phases]))

    def inverse(self, a: Tensor) -> Tensor:
        """aᵀ."""
        return a.mT

    def exp(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return spin_exp(coordinates) if self.n == 2 else matrix_exp(self.hat(coordinates))

    def log(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b k"]:
        """SU(2): |v| ≤ 2π; at −1 along x. Otherwise phases of sum 0, in (−π, π] but for the largest."""
        if self.n == 2:
            return spin_log(a)
        return log_coordinates(a, self.vee(_unitary_log(a, traceless=True)), self.lie_algebra)

    def average(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return average_exp(self.hat(coordinates))

    def average_inverse(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return torch.linalg.inv(average_exp(self.hat(coordinates)))

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "m n n"]:  # type: ignore[override]
        found = haar_orthogonal(count, self.n, generator, torch.complex128)
        phase = torch.linalg.det(found)[:, None, None]
        return _realified(torch.cat([found[..., :1] / phase, found[..., 1:]], -1))

    def quadrature(self, count: int) -> Quadrature:
        """SU(2): exact for D^j up to 2j = `spin_degree(count)`, polynomials of that degree in the entries."""
        if self.n != 2:
            raise no_quadrature(self.name, "for which no rule is known here")
        refuse_no_points(self.name, count)
        turns, weights = spin_quadrature(spin_degree(count))
        return Quadrature(spin_matrix(turns), weights)

    def length(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        v = self.log(a)
        tangent = v if self.n == 2 else self.hat(v).flatten(-2) / 2**0.5
        return torch.linalg.vector_norm(tangent, dim=-1)

    def violation(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        off = torch.maximum(off_orthogonal(a), _off_complex(a))
        return torch.maximum(off, off_unit_determinant(_complex(a)))


def real_form(a: np.ndarray) -> np.ndarray:
    """[[X, −Y], [Y, X]] of X + iY."""
    return np.concatenate([np.concatenate([a.real, -a.imag], -1), np.concatenate([a.imag, a.real], -1)], -2)


def _realified(a: Tensor) -> Tensor:
    return torch.cat([torch.cat([a.real, -a.imag], -1), torch.cat([a.imag, a.real], -1)], -2)


def _complex(a: Tensor) -> Tensor:
    n = a.shape[-1] // 2
    return torch.complex(a[..., :n, :n], a[..., n:, :n])


def _off_complex(a: Tensor) -> Tensor:
    return relative(a - _realified(_complex(a)), a)


def _off_diagonal(n: int) -> list[np.ndarray]:
    pairs = [(j, k) for j in range(n) for k in range(j + 1, n)]
    turns = [elementary(n, ((j, k, 1), (k, j, -1))).astype(complex) for j, k in pairs]
    return turns + [1j * elementary(n, ((j, k, 1), (k, j, 1))) for j, k in pairs]


def _unitary_log(a: Tensor, traceless: bool) -> Tensor:
    """V diag(iθ) V†, float64, without gradients.

    V are the eigenvectors of the Hermitian part of e^{−iφ}U, for a φ that no two different phases are
    symmetric to: there every such part tells the eigenspaces of U apart.
    """
    u = _complex(a.detach().double())
    phases = torch.linalg.eigvals(u).angle()
    middle = (phases[..., :, None] + phases[..., None, :]) / 2
    grid = torch.pi * torch.arange(_DIRECTIONS, device=a.device, dtype=phases.dtype) / _DIRECTIONS
    clear = (middle[..., None] - grid).sin().abs()
    same = torch.eye(u.shape[-1], dtype=torch.bool, device=a.device)[..., None]
    best = grid[torch.where(same, 1, clear).amin((-3, -2)).argmax(-1)]
    turned = u * torch.polar(torch.ones_like(best), -best)[..., None, None]
    vectors = torch.linalg.eigh(turned + turned.mH).eigenvectors
    phases = (vectors.mH @ u @ vectors).diagonal(dim1=-2, dim2=-1).angle()
    if traceless:
        excess = (phases.sum(-1) / (2 * torch.pi)).round()
        rank = phases.argsort(-1).argsort(-1)
        n = phases.shape[-1]
        down = (rank >= n - excess[..., None]) & (excess[..., None] > 0)
        up = (rank < -excess[..., None]) & (excess[..., None] < 0)
        phases = phases - 2 * torch.pi * (down.to(phases) - up.to(phases))
    return _realified((vectors * (1j * phases)[..., None, :]) @ vectors.mH)


def unitary(n: int) -> Unitary:
    """U(n); U(1) is the circle."""
    refuse_size(f"unitary({n})", n >= 1, "n ≥ 1", str(n))
    return Unitary(n)


def special_unitary(n: int) -> SpecialUnitary:
    """SU(n); SU(2) covers the rotations of space twice."""
    refuse_size(f"special_unitary({n})", n >= 2, "n ≥ 2", str(n))
    return SpecialUnitary(n)
