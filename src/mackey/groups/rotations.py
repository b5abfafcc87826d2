"""SO(n) and O(n): rotations and reflections of R^n."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Float
from mackey.groups.lie import (
    AbstractLinearGroup,
    haar_orthogonal,
    no_quadrature,
    off_identity,
    off_unit_determinant,
    refuse_no_points,
    refuse_size,
    refuse_unreached,
)
from mackey.groups.matrix import Quadrature
from mackey.groups.quadratures import circle_quadrature, rotation_degree, rotation_quadrature
from mackey.groups.rotation_maps import (
    rotation_average,
    rotation_average_inverse,
    rotation_basis,
    rotation_exp,
    rotation_log,
)


@dataclass(frozen=True, repr=False)
class SpecialOrthogonal(AbstractLinearGroup):
    """SO(n). exp and log as in `rotation_exp` and `rotation_log`; |a| is the length of the rotation vector
    (n ≤ 3), √Σθ² in general.
    """

    n: int

    is_compact = True
    is_unimodular = True
    generators = ()
    law = "Haar"

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"SO({self.n})"

    @property
    def size(self) -> int:  # type: ignore[override]
        return self.n

    @property
    def has_irreps(self) -> bool:  # type: ignore[override]
        return self.n in (2, 3)

    @cached_property
    def lie_algebra(self) -> np.ndarray:  # type: ignore[override]
        """The planes of `rotation_maps.rotation_planes`: counter-clockwise (n = 2), L_x, L_y, L_z (n = 3)."""
        return rotation_basis(self.n)

    def inverse(self, a: Tensor) -> Tensor:
        """aᵀ."""
        return a.mT

    def exp(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return rotation_exp(coordinates)

    def log(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b k"]:
        return rotation_log(a)

    def average(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return rotation_average(coordinates)

    def average_inverse(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return rotation_average_inverse(coordinates)

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "m n n"]:  # type: ignore[override]
        found = haar_orthogonal(count, self.n, generator)
        sign = torch.linalg.det(found).sign()[:, None, None]
        return torch.cat([found[..., :1] * sign, found[..., 1:]], -1)

    def quadrature(self, count: int) -> Quadrature:
        """n = 2: equispaced angles. n = 3: exact for Wigner D up to degree `rotation_degree(count)`."""
        refuse_no_points(self.name, count)
        if self.n == 1:
            one = self.identity.repeat(count, 1, 1)
            return Quadrature(one, one.new_full((count,), 1 / count))
        if self.n == 2:
            return circle_quadrature(count)
        if self.n == 3:
            return rotation_quadrature(rotation_degree(count))
        raise no_quadrature(self.name, "for which no rule is known here")

    def length(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        return torch.linalg.vector_norm(rotation_log(a), dim=-1)

    def violation(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        return torch.maximum(off_orthogonal(a), off_unit_determinant(a))


@dataclass(frozen=True, repr=False)
class Orthogonal(AbstractLinearGroup):
    """O(n): SO(n) and one more generator, the inversion −1 for odd n, diag(−1, 1, …, 1) for even n."""

    n: int

    is_compact = True
    is_unimodular = True
    law = "Haar"

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"O({self.n})"

    @property
    def size(self) -> int:  # type: ignore[override]
        return self.n

    @property
    def has_irreps(self) -> bool:  # type: ignore[override]
        return self.n in (2, 3)

    @property
    def generators(self) -> tuple[Tensor, ...]:  # type: ignore[override]
        return (mirror_matrix(self.n),)

    @cached_property
    def lie_algebra(self) -> np.ndarray:  # type: ignore[override]
        return rotation_basis(self.n)

    def inverse(self, a: Tensor) -> Tensor:
        """aᵀ."""
        return a.mT

    def exp(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return rotation_exp(coordinates)

    def log(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b k"]:
        """`rotation_log`; raises ValueError for reflections."""
        refuse_unreached(
            self.name,
            torch.linalg.det(a) > 0,
            "elements of determinant 1",
            f"multiply the others by the generator of {self} first",
        )
        return rotation_log(a)

    def average(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return rotation_average(coordinates)

    def average_inverse(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return rotation_average_inverse(coordinates)

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "m n n"]:  # type: ignore[override]
        return haar_orthogonal(count, self.n, generator)

    def quadrature(self, count: int) -> Quadrature:
        """The rule of SO(n) for half the count, on both components."""
        refuse_no_points(self.name, count)
        half = SpecialOrthogonal(self.n).quadrature(-(-count // 2))
        both = torch.cat([half.elements, half.elements @ self.generators[0]])
        return Quadrature(both, torch.cat([half.weights, half.weights]) / 2)

    def length(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        proper = torch.linalg.det(a) > 0
        one = torch.eye(self.n, dtype=a.dtype, device=a.device)
        turn = rotation_log(torch.where(proper[..., None, None], a, one))
        return torch.where(proper, torch.linalg.vector_norm(turn, dim=-1), torch.inf)

    def violation(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        return off_orthogonal(a)


def off_orthogonal(a: Tensor) -> Tensor:
    """max |aᵀa − 1|, relative."""
    return off_identity(a.mT @ a)


def mirror_matrix(n: int) -> Tensor:
    """An element of O(n) of determinant −1: −1 if n is odd, else the reflection of the first axis."""
    signs = [-1.0] * n if n % 2 else [-1.0, *[1.0] * (n - 1)]
    return torch.diag(torch.tensor(signs, dtype=torch.float64, device="cpu"))


def special_orthogonal(n: int) -> SpecialOrthogonal:
    """SO(n), rotations of R^n."""
    refuse_size(f"special_orthogonal({n})", n >= 1, "n ≥ 1", str(n))
    return SpecialOrthogonal(n)


def orthogonal(n: int) -> Orthogonal:
    """O(n), rotations and reflections of R^n."""
    refuse_size(f"orthogonal({n})", n >= 1, "n ≥ 1", str(n))
    return Orthogonal(n)
