"""Scalings and rotations about a point, and with translations: T(n), SE(n), E(n), SIM(n), Aff(n)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Float
from mackey.groups.lie import (
    AbstractLinearGroup,
    gaussian,
    no_quadrature,
    off_identity,
    refuse_no_points,
    refuse_size,
    relative,
)
from mackey.groups.linear import GeneralLinear
from mackey.groups.logarithms import average_exp
from mackey.groups.matrix import Quadrature
from mackey.groups.products import SemidirectProduct
from mackey.groups.rotation_maps import rotation_basis, rotation_exp, rotation_log
from mackey.groups.rotations import Orthogonal, SpecialOrthogonal


@dataclass(frozen=True, repr=False)
class Fixing(AbstractLinearGroup):
    """{1} on R^n: T(n) = R^n ⋊ {1}."""

    n: int

    is_compact = True
    is_unimodular = True
    has_irreps = False
    generators = ()
    law = "Haar"

    @property
    def name(self) -> str:  # type: ignore[override]
        return "1" if self.n == 1 else f"1 on R^{self.n}"

    @property
    def size(self) -> int:  # type: ignore[override]
        return self.n

    @property
    def lie_algebra(self) -> np.ndarray:  # type: ignore[override]
        return np.zeros((0, self.n, self.n))

    def inverse(self, a: Tensor) -> Tensor:
        return a

    def exp(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        one = torch.eye(self.n, dtype=coordinates.dtype, device=coordinates.device)
        return one.expand(*coordinates.shape[:-1], self.n, self.n)

    def log(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b k"]:
        return a.flatten(-2)[..., :0]

    def average(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return self.exp(coordinates)

    def average_inverse(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return self.exp(coordinates)

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "m n n"]:  # type: ignore[override]
        return self.identity.to(generator.device).repeat(count, 1, 1)

    def quadrature(self, count: int) -> Quadrature:
        """The identity `count` times."""
        refuse_no_points(self.name, count)
        ones = self.identity.repeat(count, 1, 1)
        return Quadrature(ones, ones.new_full((count,), 1 / count))

    def length(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        return torch.zeros_like(a[..., 0, 0])

    def violation(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        return off_identity(a)


@dataclass(frozen=True, repr=False)
class ScaledRotations(AbstractLinearGroup):
    """R₊ × SO(n) on R^n, a = e^s R (for n = 1: R₊). Coordinates: s, then the rotation; |a|² = s² + θ²."""

    n: int

    is_compact = False
    is_unimodular = True
    has_irreps = False
    generators = ()

    @property
    def name(self) -> str:  # type: ignore[override]
        return "R+" if self.n == 1 else f"R+×SO({self.n})"

    @property
    def size(self) -> int:  # type: ignore[override]
        return self.n

    @property
    def law(self) -> str:  # type: ignore[override]
        return "logarithm of the scale standard normal" + ("" if self.n == 1 else "; rotation Haar")

    @cached_property
    def lie_algebra(self) -> np.ndarray:  # type: ignore[override]
        return np.concatenate([np.eye(self.n)[None], rotation_basis(self.n)])

    def inverse(self, a: Tensor) -> Tensor:
        """aᵀ/e^2s."""
        return a.mT / _squared_scale(a)[..., None, None]

    def exp(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return coordinates[..., :1, None].exp() * rotation_exp(coordinates[..., 1:])

    def log(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b k"]:
        square = _squared_scale(a)
        turn = rotation_log(a / square.sqrt()[..., None, None])
        return torch.cat([square.log()[..., None] / 2, turn], -1)

    def average(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return average_exp(self.hat(coordinates))

    def average_inverse(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return torch.linalg.inv(average_exp(self.hat(coordinates)))

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "m n n"]:  # type: ignore[override]
        scale = gaussian((count, 1, 1), generator).exp()
        return scale * SpecialOrthogonal(self.n).sample(count, generator)

    def quadrature(self, count: int) -> Quadrature:
        raise no_quadrature(self.name, "which is not compact: its Haar measure is infinite")

    def length(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        return torch.linalg.vector_norm(self.log(a), dim=-1)

    def violation(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        one = torch.eye(self.n, dtype=a.dtype, device=a.device)
        defect = relative(a.mT @ a - _squared_scale(a)[..., None, None] * one, a)
        return torch.where(torch.linalg.det(a) > 0, defect, defect.clamp_min(1))


@dataclass(frozen=True, repr=False)
class Scalings(AbstractLinearGroup):
    """R₊ on R^n, a = e^s; |a| = |s|."""

    n: int

    is_compact = False
    is_unimodular = True
    has_irreps = False
    generators = ()
    law = "logarithm of the scale standard normal"

    @property
    def name(self) -> str:  # type: ignore[override]
        return "R+" if self.n == 1 else f"R+ on R^{self.n}"

    @property
    def size(self) -> int:  # type: ignore[override]
        return self.n

    @property
    def lie_algebra(self) -> np.ndarray:  # type: ignore[override]
        return np.eye(self.n)[None]

    def inverse(self, a: Tensor) -> Tensor:
        return a / _squared_scale(a)[..., None, None]

    def exp(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return self._times_one(coordinates[..., 0].exp())

    def log(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b k"]:
        return _squared_scale(a).log()[..., None] / 2

    def average(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return self._times_one(average_exp(coordinates[..., None])[..., 0, 0])

    def average_inverse(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return self._times_one(1 / average_exp(coordinates[..., None])[..., 0, 0])

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "m n n"]:  # type: ignore[override]
        return self.exp(gaussian((count, 1), generator))

    def quadrature(self, count: int) -> Quadrature:
        raise no_quadrature(self.name, "which is not compact: its Haar measure is infinite")

    def length(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        return self.log(a)[..., 0].abs()

    def violation(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        defect = relative(a - self._times_one(a[..., 0, 0]), a)
        return torch.where(a[..., 0, 0] > 0, defect, defect.clamp_min(1))

    def _times_one(self, scale: Tensor) -> Tensor:
        return scale[..., None, None] * torch.eye(self.n, dtype=scale.dtype, device=scale.device)


def _squared_scale(a: Tensor) -> Tensor:
    """e^2s: the mean square of the columns' lengths."""
    return (a**2).sum((-2, -1)) / a.shape[-1]


def translation_group(n: int) -> SemidirectProduct:
    """T(n), translations of R^n."""
    refuse_size(f"translation_group({n})", n >= 1, "n ≥ 1", str(n))
    return SemidirectProduct(Fixing(n), f"T({n})")


def special_euclidean(n: int) -> SemidirectProduct:
    """SE(n), rotations and translations of R^n."""
    refuse_size(f"special_euclidean({n})", n >= 1, "n ≥ 1", str(n))
    return SemidirectProduct(SpecialOrthogonal(n), f"SE({n})")


def euclidean(n: int) -> SemidirectProduct:
    """E(n), all isometries of R^n."""
    refuse_size(f"euclidean({n})", n >= 1, "n ≥ 1", str(n))
    return SemidirectProduct(Orthogonal(n), f"E({n})")


def similarity(n: int) -> SemidirectProduct:
    """SIM(n), rotations, positive scalings and translations of R^n."""
    refuse_size(f"similarity({n})", n >= 1, "n ≥ 1", str(n))
    return SemidirectProduct(ScaledRotations(n), f"SIM({n})")


def affine(n: int) -> SemidirectProduct:
    """Aff(n), the affine maps of R^n that keep orientation."""
    refuse_size(f"affine({n})", n >= 1, "n ≥ 1", str(n))
    return SemidirectProduct(GeneralLinear(n), f"Aff({n})")


def scalings(n: int = 1) -> Scalings:
    """R₊ on R^n."""
    refuse_size(f"scalings({n})", n >= 1, "n ≥ 1", str(n))
    return Scalings(n)


def scaled_rotations(n: int) -> ScaledRotations:
    """R₊ × SO(n) on R^n."""
    refuse_size(f"scaled_rotations({n})", n >= 1, "n ≥ 1", str(n))
    return ScaledRotations(n)
