"""Symmetrisation learnt by orbit distance minimisation: any network, any group that keeps a form, O(1,3) too.

Nguyen et al., 2023. Departs from the paper: q(x) is one function of x without noise, made of sums of the
vectors of a cloud; for groups without reflections the distance also asks for determinant 1; under O(1,3) and
SO⁺(1,3) q is built on the group, so that its distance is 0 from the start.
"""

import torch
from torch import Tensor

from mackey import wrap
from mackey.axes import Float
from mackey.fields import Guarantee

PAPER = (
    "Nguyen, Kim, Yang & Hong, Learning Symmetrization for Equivariance with Orbit Distance Minimization, "
    "NeurReps workshop 2023, arXiv:2311.07143"
)


class Model(torch.nn.Module):
    """Vectors (b, n, d), as many as `points`, to numbers (b, out), invariant under `group`; the base network
    is a plain MLP of all coordinates.

    `distance` is the loss that pushes q(x) onto the group: add it to the loss of the task. Of O(1,3) it is 0.
    """

    def __init__(
        self, group: str = "O(1,3)", points: int = 4, dimension: int = 4, out: int = 1, *, width: int = 64
    ) -> None:
        super().__init__()
        network = torch.nn.Sequential(
            torch.nn.Flatten(),
            torch.nn.Linear(points * dimension, width),
            torch.nn.SiLU(),
            torch.nn.Linear(width, width),
            torch.nn.SiLU(),
            torch.nn.Linear(width, out),
        )
        self.symmetrised = wrap.orbit_symmetrise(network, group, "vectors", "invariant")

    @property
    def guarantee(self) -> Guarantee:
        return self.symmetrised.guarantee

    def distance(self, vectors: Float[Tensor, "b n d"]) -> Float[Tensor, " b"]:
        """‖qᵀηq − η‖² of each sample."""
        return self.symmetrised.distance(vectors)

    def forward(self, vectors: Float[Tensor, "b n d"]) -> Float[Tensor, "b out"]:
        return self.symmetrised(vectors)


def example() -> tuple[Model, tuple[Tensor, ...]]:
    """A small model and inputs for it."""
    return Model(width=16), (torch.randn(2, 4, 4),)
