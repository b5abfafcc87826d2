"""Groups of matrices given by generators and a Lie algebra alone: all that the solver may read of a group."""

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Float
from mackey.groups import AbstractMatrixGroup, Quadrature
from mackey.reps import AbstractRep, dual, power, standard, tensor


class Closed(AbstractMatrixGroup):
    """The closed group that the generators and the Lie algebra generate; nothing else is known of it."""

    is_compact = False
    is_unimodular = False
    has_irreps = False
    law = "none"

    def __init__(self, name: str, lie_algebra: np.ndarray, generators: tuple[Tensor, ...] = ()) -> None:
        self.name = name
        self.lie_algebra = lie_algebra
        self.generators = generators
        self.size = self.dimension = lie_algebra.shape[-1]

    def inverse(self, a: Tensor) -> Tensor:
        return torch.linalg.inv(a)

    def act(self, a: Tensor, points: Tensor) -> Tensor:  # type: ignore[override]
        return (a @ points[..., None])[..., 0]

    def exp(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return torch.linalg.matrix_exp(self.hat(coordinates))

    def log(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b k"]:
        raise NotImplementedError

    def sample(  # type: ignore[override]
        self, count: int, generator: torch.Generator
    ) -> Float[Tensor, "m n n"]:
        coordinates = torch.randn(count, len(self.lie_algebra), generator=generator, dtype=torch.float64)
        return self.exp(coordinates)

    def quadrature(self, count: int) -> Quadrature:
        raise NotImplementedError

    def distance(self, a: Float[Tensor, "*b n n"], b: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        raise NotImplementedError

    def violation(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        raise NotImplementedError


def preserving(form: np.ndarray) -> np.ndarray:
    """The Lie algebra {X : XᵀJ + JX = 0} of a symmetric or an antisymmetric form J: X = J⁻¹S with S of the
    other symmetry.
    """
    n, symmetric = len(form), bool(np.allclose(form, form.T))
    found = []
    for i in range(n):
        for j in range(i if symmetric else i + 1):
            S = np.zeros((n, n))
            S[i, j] = 1
            S[j, i] = -1 if symmetric else 1
            found.append(np.linalg.inv(form) @ S)
    return np.stack(found) if found else np.zeros((0, n, n))


def flip(n: int) -> Tensor:
    """diag(−1, 1, …, 1)."""
    return torch.diag(torch.tensor([-1.0] + [1.0] * (n - 1), dtype=torch.float64))


def special_orthogonal(n: int) -> Closed:
    return Closed(f"SO({n})", preserving(np.eye(n)))


def orthogonal(n: int) -> Closed:
    return Closed(f"O({n})", preserving(np.eye(n)), (flip(n),))


MINKOWSKI = np.diag([1.0, -1.0, -1.0, -1.0])


def lorentz(*, full: bool) -> Closed:
    """O(1, 3), or SO⁺(1, 3)."""
    name = "O(1,3)" if full else "SO⁺(1,3)"
    return Closed(name, preserving(MINKOWSKI), (flip(4), -flip(4)) if full else ())


def symplectic(n: int) -> Closed:
    form = np.kron([[0.0, 1.0], [-1.0, 0.0]], np.eye(n // 2))
    return Closed(f"Sp({n})", preserving(form))


def general_linear(n: int) -> Closed:
    units = np.eye(n * n).reshape(n * n, n, n)
    return Closed(f"GL({n})", units, (flip(n),))


def special_linear(n: int) -> Closed:
    units = np.eye(n * n).reshape(n * n, n, n)
    traces = np.trace(units, axis1=1, axis2=2)[:, None, None]
    return Closed(f"SL({n})", (units - traces * np.eye(n) / n)[:-1])


def tensors(group: AbstractMatrixGroup, up: int, down: int = 0) -> AbstractRep:
    """V^⊗up ⊗ V*^⊗down."""
    V = standard(group)
    if not down:
        return power(V, up)
    low = power(dual(V), down)
    return tensor(power(V, up), low) if up else low
