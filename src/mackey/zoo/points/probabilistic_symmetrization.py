"""Probabilistic symmetrisation (Kim et al., NeurIPS 2023): a plain transformer for n-body dynamics, in random
poses.

A network with E(3)×Sym-invariant law draws a rotation, perhaps mirrored, and an order of the particles; the
transformer has coordinates for channels and a code for every place. Departs from the paper: the law is one
layer of messages over all pairs, not a vector-neuron network; the order is learnt through SoftSort.
"""

import torch
from torch import Tensor, nn

from mackey import wrap
from mackey.axes import Float
from mackey.fields import Guarantee

PAPER = (
    "Kim, Nguyen, Suleymanzade, An & Hong, Learning Probabilistic Symmetrization for Architecture Agnostic "
    "Equivariance, NeurIPS 2023, arXiv:2306.02866"
)


class Transformer(nn.Module):
    """Coordinates and charges of `points` particles, in order, to positions: x + f(x)."""

    def __init__(self, points: int, charges: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(6 + charges, width), nn.Linear(width, 3)
        self.place = nn.Parameter(0.02 * torch.randn(points, width))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(depth)
        )

    def forward(
        self, x: Float[Tensor, "b n 3"], v: Float[Tensor, "b n 3"], q: Float[Tensor, "b n c"]
    ) -> Float[Tensor, "b n 3"]:
        h = self.first(torch.cat([x, v, q], -1)) + self.place
        for block in self.blocks:
            h = block(h)
        return x + self.last(h)


class Model(nn.Module):
    """Positions and velocities (b, n, 3), charges (b, n, c) to positions, E(3)×Sym in expectation.

    samples: poses for each input, in training and after. estimate: the mean with its standard error.
    """

    def __init__(
        self,
        points: int = 5,
        charges: int = 1,
        *,
        width: int = 64,
        depth: int = 3,
        heads: int = 4,
        samples: int = 8,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        network = Transformer(points, charges, width, depth, heads)
        types = ("positions", "vectors", f"{charges}x0e")
        self.symmetrised = wrap.probabilistic(
            network, "E(3)×Sym", types, "positions", samples=samples, generator=generator
        )

    @property
    def guarantee(self) -> Guarantee:
        return self.symmetrised.guarantee

    def estimate(
        self,
        positions: Float[Tensor, "b n 3"],
        velocities: Float[Tensor, "b n 3"],
        charges: Float[Tensor, "b n c"],
        *,
        samples: int = 64,
    ) -> tuple[Float[Tensor, "b n 3"], Float[Tensor, "b n 3"]]:
        """The mean over samples and its standard error."""
        means, errors = self.symmetrised.estimate(positions, velocities, charges, samples=samples)
        return means[0], errors[0]

    def forward(
        self,
        positions: Float[Tensor, "b n 3"],
        velocities: Float[Tensor, "b n 3"],
        charges: Float[Tensor, "b n c"],
    ) -> Float[Tensor, "b n 3"]:
        return self.symmetrised(positions, velocities, charges)


def example() -> tuple[Model, tuple[Tensor, ...]]:
    """A small model and inputs for it."""
    return Model(width=16, depth=1, samples=4), (
        torch.randn(2, 5, 3),
        torch.randn(2, 5, 3),
        torch.randn(2, 5, 1).sign(),
    )
