"""What the non-compact groups closed under transposition share: a = p·r, p = exp(symmetric), r in K."""

from abc import abstractmethod

import torch
from torch import Tensor

from mackey.axes import Float
from mackey.groups.lie import AbstractLieGroup, AbstractLinearGroup, gaussian, joint_length, no_quadrature
from mackey.groups.logarithms import average_exp, log_coordinates, matrix_exp, matrix_log, polar_tangent
from mackey.groups.matrix import Quadrature

_SPREAD = 0.5


class AbstractReductiveGroup(AbstractLinearGroup):
    """A group with a Cartan decomposition; K = `maximal_compact`.

    law: exp(S)·k, S the symmetric part of a Gaussian in the Lie algebra (standard deviation ½ in an
    orthonormal basis), k Haar on K. |a|² = ½|S|² + |k|² in a = exp(S)·k.
    """

    is_compact = False
    is_unimodular = True
    has_irreps = False
    law = "exp(S)·k, S symmetric Gaussian in the Lie algebra (std ½), k Haar on the maximal compact subgroup"

    @property
    @abstractmethod
    def maximal_compact(self) -> AbstractLieGroup:
        """K, the orthogonal matrices of the group."""

    def exp(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return matrix_exp(self.hat(coordinates))

    def average(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return average_exp(self.hat(coordinates))

    def average_inverse(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return torch.linalg.inv(average_exp(self.hat(coordinates)))

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "m n n"]:  # type: ignore[override]
        noise = self.hat(self.vee(gaussian((count, self.size, self.size), generator)))
        stretch = matrix_exp(_SPREAD * (noise + noise.mT) / 2)
        return stretch @ self.maximal_compact.sample(count, generator)

    def quadrature(self, count: int) -> Quadrature:
        raise no_quadrature(self.name, "which is not compact: its Haar measure is infinite")

    def length(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        tangent = polar_tangent(a.double())
        turn = matrix_exp(-tangent) @ a.double()
        stretch = torch.linalg.vector_norm(tangent.flatten(-2), dim=-1) / 2**0.5
        both = torch.stack([stretch, self.maximal_compact.length(turn)], -1)
        return joint_length(both).to(a.dtype)


def principal_coordinates(group: AbstractLinearGroup, a: Tensor) -> tuple[Tensor, Tensor]:
    """The coordinates of a logarithm of each element, differentiable, and whether there is one."""
    found, reached = matrix_log(a)
    return log_coordinates(a, group.vee(found), group.lie_algebra), reached
