"""Groups of real matrices, Lie groups above all: what every one of them can do, for whole batches at once."""

from abc import abstractmethod
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Float
from mackey.groups.abstract import AbstractGroup


class Quadrature(NamedTuple):
    """Σ_i w_i f(g_i) stands for ∫f(g)dg with the normalised Haar measure; the weights sum to 1."""

    elements: Float[Tensor, "m n n"]
    weights: Float[Tensor, " m"]


class AbstractMatrixGroup(AbstractGroup[Tensor]):
    """A closed group of real n×n matrices that moves R^d; elements are tensors (…, n, n), a batch at once.

    Everything is differentiable and keeps dtype and device. lie_algebra (k, n, n): a basis A_i of the tangent
    space at e, float64. generators: elements that reach every connected component, none for a connected
    group. The two together generate G. law: what `sample` draws from; "Haar" where the group is compact.
    """

    size: int
    dimension: int
    law: str

    is_finite = False

    @property
    def identity(self) -> Tensor:
        return torch.eye(self.size, dtype=torch.float64, device="cpu")

    def compose(self, a: Tensor, b: Tensor) -> Tensor:
        return a @ b

    @abstractmethod
    def inverse(self, a: Tensor) -> Tensor:
        """a⁻¹, by a formula where there is one."""

    @abstractmethod
    def act(self, a: Tensor, points: Tensor) -> Tensor:  # type: ignore[override]
        """a·x for points (…, d); batch axes of a and x broadcast."""

    @abstractmethod
    def exp(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        """exp(Σ v_i A_i)."""

    @abstractmethod
    def log(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b k"]:
        """v with exp(v) = a, the shortest; finite values and gradients on all of the group where exp is onto.

        Raises ValueError for an element that no v reaches.
        """

    @abstractmethod
    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "m n n"]:  # type: ignore[override]
        """Elements drawn from `law`, float64."""

    @abstractmethod
    def quadrature(self, count: int) -> Quadrature:
        """At least `count` points, equispaced, for ∫f(g)dg. Raises ValueError if G is not compact."""

    @abstractmethod
    def distance(self, a: Float[Tensor, "*#b n n"], b: Float[Tensor, "*#b n n"]) -> Float[Tensor, "*#b"]:
        """d(a, b) = d(ga, gb) for every g; infinite between components that no path joins."""

    @abstractmethod
    def violation(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        """How far a matrix is from being an element: 0 to rounding for elements, else a relative defect."""

    def hat(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        """Σ v_i A_i."""
        return torch.einsum("...k,kij->...ij", coordinates, self._algebra(coordinates))

    def vee(self, matrix: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b k"]:
        """The coordinates of an element of the Lie algebra."""
        dual = torch.linalg.pinv(torch.as_tensor(self.lie_algebra, device="cpu").flatten(1)).to(matrix)
        return matrix.flatten(-2) @ dual

    def label(self, a: Tensor) -> str:
        return str(np.round(a.detach().double().cpu().numpy(), 3).tolist())

    def _algebra(self, like: Tensor) -> Tensor:
        return torch.as_tensor(self.lie_algebra, device="cpu").to(like)
