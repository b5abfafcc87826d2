"""GL⁺(n), SL(n), PGL(n): linear maps that keep orientation, volume, or straight lines."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Float
from mackey.groups.lie import (
    AbstractLieGroup,
    elementary,
    off_unit_determinant,
    refuse_size,
    refuse_unreached,
)
from mackey.groups.logarithms import matrix_exp, polar, polar_tangent
from mackey.groups.matrix import Quadrature
from mackey.groups.reductive import AbstractReductiveGroup, principal_coordinates
from mackey.groups.rotation_maps import rotation_exp, rotation_log
from mackey.groups.rotations import SpecialOrthogonal

_REACHED = "elements with a real logarithm: no eigenvalue ≤ 0, or a normal matrix"
_REMEDY = "groups.polar_coordinates exist for all of them"


@dataclass(frozen=True, repr=False)
class GeneralLinear(AbstractReductiveGroup):
    """GL⁺(n), matrices of positive determinant; the coordinates are the entries, row by row.

    log is the principal logarithm; of the matrices with negative eigenvalues only normal ones are reached.
    `polar_coordinates` are defined everywhere.
    """

    n: int

    generators = ()

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"GL+({self.n})"

    @property
    def size(self) -> int:  # type: ignore[override]
        return self.n

    @property
    def maximal_compact(self) -> SpecialOrthogonal:
        return SpecialOrthogonal(self.n)

    @cached_property
    def lie_algebra(self) -> np.ndarray:  # type: ignore[override]
        return np.eye(self.n**2).reshape(-1, self.n, self.n)

    def inverse(self, a: Tensor) -> Tensor:
        return torch.linalg.inv(a)

    def log(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b k"]:
        found, reached = principal_coordinates(self, a)
        refuse_unreached(self.name, reached, _REACHED, _REMEDY)
        return found

    def violation(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        """1 unless the determinant is positive."""
        return torch.where(torch.linalg.det(a) > 0, torch.zeros_like(a[..., 0, 0]), 1)


@dataclass(frozen=True, repr=False)
class SpecialLinear(AbstractReductiveGroup):
    """SL(n), matrices of determinant 1; coordinates: E_ij for i ≠ j row by row, then E_ii − E_(i+1)(i+1)."""

    n: int

    generators = ()

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"SL({self.n})"

    @property
    def size(self) -> int:  # type: ignore[override]
        return self.n

    @property
    def maximal_compact(self) -> SpecialOrthogonal:
        return SpecialOrthogonal(self.n)

    @cached_property
    def lie_algebra(self) -> np.ndarray:  # type: ignore[override]
        n = self.n
        shears = [elementary(n, ((i, j, 1),)) for i in range(n) for j in range(n) if i != j]
        squeezes = [elementary(n, ((i, i, 1), (i + 1, i + 1, -1))) for i in range(n - 1)]
        return np.array([*shears, *squeezes]).reshape(-1, n, n)

    def inverse(self, a: Tensor) -> Tensor:
        return torch.linalg.inv(a)

    def log(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b k"]:
        """Not onto: in SL(2) an element of trace below −2 has no logarithm."""
        found, reached = principal_coordinates(self, a)
        refuse_unreached(self.name, reached, _REACHED, _REMEDY)
        return found

    def violation(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        return off_unit_determinant(a)


@dataclass(frozen=True, repr=False)
class ProjectiveLinear(AbstractLieGroup):
    """PGL(n) for odd n: homographies of R^(n−1), x → (A x + t)/(c·x + d).

    Every class of matrices up to scale holds exactly one of determinant 1, so the elements are those of
    SL(n). A point that goes to infinity is no longer finite: some coordinate is infinite
    or NaN. There is no invariant measure on R^(n−1).
    """

    n: int

    is_compact = False
    is_unimodular = True
    has_irreps = False
    generators = ()
    law = SpecialLinear.law

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"PGL({self.n})"

    @property
    def size(self) -> int:  # type: ignore[override]
        return self.n

    @property
    def dimension(self) -> int:  # type: ignore[override]
        return self.n - 1

    @property
    def matrices(self) -> SpecialLinear:
        return SpecialLinear(self.n)

    @cached_property
    def lie_algebra(self) -> np.ndarray:  # type: ignore[override]
        return self.matrices.lie_algebra

    def normalise(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b n n"]:
        """The element that any invertible matrix stands for: a/det(a)^(1/n)."""
        size = torch.linalg.det(a)
        return a / (size.sign() * size.abs() ** (1 / self.n))[..., None, None]

    def inverse(self, a: Tensor) -> Tensor:
        return self.matrices.inverse(a)

    def act(self, a: Tensor, points: Tensor) -> Tensor:  # type: ignore[override]
        homogeneous = torch.cat([points, torch.ones_like(points[..., :1])], -1)
        moved = self.matrices.act(a, homogeneous)
        return moved[..., :-1] / moved[..., -1:]

    def exp(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return self.matrices.exp(coordinates)

    def log(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b k"]:
        found, reached = principal_coordinates(self.matrices, a)
        refuse_unreached(self.name, reached, _REACHED, _REMEDY)
        return found

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "m n n"]:  # type: ignore[override]
        return self.matrices.sample(count, generator)

    def quadrature(self, count: int) -> Quadrature:
        return self.matrices.quadrature(count)

    def length(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        return self.matrices.length(a)

    def violation(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        return self.matrices.violation(a)


def polar_coordinates(a: Float[Tensor, "*b n n"]) -> tuple[Float[Tensor, "*b n n"], Float[Tensor, "*b k"]]:
    """(S, v) with a = exp(S)·exp(v), S symmetric and v a rotation: on all of GL⁺(n), where log is not."""
    return polar_tangent(a), rotation_log(polar(a)[1])


def from_polar_coordinates(
    stretch: Float[Tensor, "*b n n"], turn: Float[Tensor, "*b k"]
) -> Float[Tensor, "*b n n"]:
    """exp(S)·exp(v), the inverse of `polar_coordinates`."""
    return matrix_exp(stretch) @ rotation_exp(turn)


def general_linear(n: int) -> GeneralLinear:
    """GL⁺(n), linear maps of R^n that keep orientation."""
    refuse_size(f"general_linear({n})", n >= 1, "n ≥ 1", str(n))
    return GeneralLinear(n)


def special_linear(n: int) -> SpecialLinear:
    """SL(n), linear maps of R^n that keep volume and orientation."""
    refuse_size(f"special_linear({n})", n >= 2, "n ≥ 2", str(n))
    return SpecialLinear(n)


def projective_linear(n: int) -> ProjectiveLinear:
    """PGL(n), n odd: homographies of R^(n−1)."""
    refuse_size(f"projective_linear({n})", n >= 3 and n % 2 == 1, "odd n ≥ 3", str(n))
    return ProjectiveLinear(n)
