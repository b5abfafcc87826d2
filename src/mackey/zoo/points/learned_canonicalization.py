"""Learned canonicalisation for n-body dynamics: a plain network in a frame that another network predicts
(Kaba et al., ICML 2023).

Departs from the paper: vectors are sums of positions and velocities with weights of all pairs, not vector
neurons; the origin is the mean of the positions; one network of messages between all particles.
"""

import torch
from torch import Tensor, nn

from mackey import wrap
from mackey.axes import Float
from mackey.fields import Guarantee

PAPER = (
    "Kaba, Mondal, Zhang, Bengio & Ravanbakhsh, Equivariance with Learned Canonicalization Functions, "
    "ICML 2023, arXiv:2211.06489"
)


class Messages(nn.Module):
    """h_i ← h_i + φ_h(h_i, Σ_{j≠i} φ_e(h_i, h_j)/n): knows no symmetry but the order of the particles."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.here, self.there = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden, bias=False)
        self.edge = nn.Sequential(nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU())
        self.node = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden))

    def forward(self, h: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
        pairs = self.edge(self.here(h)[:, :, None] + self.there(h)[:, None])  # b i j c
        n = h.shape[1]
        others = 1 - torch.eye(n, dtype=h.dtype, device=h.device)
        received = torch.einsum("bijc,ij->bic", pairs, others) / n
        return h + self.node(torch.cat([h, received], -1))


class Plain(nn.Module):
    """Coordinates in, displacements out: the network that need not be equivariant."""

    def __init__(self, charges: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.first = nn.Linear(6 + charges, hidden)
        self.layers = nn.Sequential(*(Messages(hidden) for _ in range(layers)))
        self.last = nn.Linear(hidden, 3)

    def forward(
        self, x: Float[Tensor, "b n 3"], v: Float[Tensor, "b n 3"], q: Float[Tensor, "b n c"]
    ) -> Float[Tensor, "b n 3"]:
        return x + self.last(self.layers(self.first(torch.cat([x, v, q], -1))))


class Model(nn.Module):
    """Positions and velocities (b, n, 3), charges (b, n, c) to positions, equivariant under E(3).

    network: any network of these three; messages between all particles by default.
    """

    def __init__(
        self,
        hidden: int = 64,
        layers: int = 4,
        *,
        charges: int = 1,
        network: nn.Module | None = None,
        group: str = "E(3)",
    ) -> None:
        super().__init__()
        self.canonical = wrap.canonicaliser(
            Plain(charges, hidden, layers) if network is None else network,
            group,
            ("positions", "vectors", f"{charges}xtrivial"),
            "positions",
        )

    @property
    def guarantee(self) -> Guarantee:
        return self.canonical.guarantee

    def prior_loss(
        self,
        positions: Float[Tensor, "b n 3"],
        velocities: Float[Tensor, "b n 3"],
        charges: Float[Tensor, "b n c"],
    ) -> Float[Tensor, ""]:
        """How far the predicted frames are from 1."""
        return self.canonical.prior_loss(positions, velocities, charges)

    def forward(
        self,
        positions: Float[Tensor, "b n 3"],
        velocities: Float[Tensor, "b n 3"],
        charges: Float[Tensor, "b n c"],
    ) -> Float[Tensor, "b n 3"]:
        return self.canonical(positions, velocities, charges)


def example() -> tuple[Model, tuple[Tensor, ...]]:
    """A small model and inputs for it."""
    return Model(8, 2), (torch.randn(2, 5, 3), torch.randn(2, 5, 3), torch.randn(2, 5, 1))
