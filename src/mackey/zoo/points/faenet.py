"""FAENet: messages that are free to see directions, in one random frame of each cloud (Duval et al.).

Equivariance comes from the frames alone: on average over draws, or exactly from `Model.averaged`. Departs
from the paper: atoms differ by their number only, edges fade out at the cutoff, all pairs are computed.
"""

from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mackey import wrap
from mackey.axes import Bool, Float, Int
from mackey.fields import Guarantee

PAPER = "Duval et al., FAENet: Frame Averaging Equivariant GNN for Materials Modeling, ICML 2023, 2305.05577"


class GraphNorm(nn.Module):
    """γ (h − α m)/s + β, m and s² the mean of h and of (h − α m)² over the atoms of one cloud."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        one = torch.ones(hidden)
        self.share, self.gain, self.bias = nn.Parameter(one), nn.Parameter(one.clone()), nn.Parameter(0 * one)

    def forward(self, h: Float[Tensor, "b n c"], there: Float[Tensor, "b n 1"]) -> Float[Tensor, "b n c"]:
        count = there.sum(1, keepdim=True).clamp(min=1)
        h = h - self.share * (h * there).sum(1, keepdim=True) / count
        variance = (h.square() * there).sum(1, keepdim=True) / count
        return self.gain * h * (variance + 1e-5).rsqrt() + self.bias


class Interaction(nn.Module):
    """h_i ← h_i + MLP(GraphNorm(Σ_j f_ij ⊙ W h_j)), f_ij = σ(W[e_ij, h_i, h_j])."""

    def __init__(self, hidden: int, filters: int) -> None:
        super().__init__()
        self.geometry = nn.Linear(filters + 2 * hidden, filters)
        self.down, self.norm = nn.Linear(hidden, filters), GraphNorm(filters)
        self.up = nn.Sequential(nn.SiLU(), nn.Linear(filters, hidden), nn.SiLU(), nn.Linear(hidden, hidden))

    def forward(
        self,
        h: Float[Tensor, "b n c"],
        edges: Float[Tensor, "b n n s f"],
        near: Float[Tensor, "b n n s 1"],
        there: Float[Tensor, "b n 1"],
    ) -> Float[Tensor, "b n c"]:
        shape = (*edges.shape[:-1], h.shape[-1])
        ends = h[:, :, None, None].expand(shape), h[:, None, :, None].expand(shape)
        filters = F.silu(self.geometry(torch.cat([edges, *ends], -1))) * near
        messages = torch.einsum("bijsf,bjf->bif", filters, self.down(h))
        return h + self.up(self.norm(messages, there))


class Backbone(nn.Module):
    """Energies and forces in a fixed frame: symmetric under permutations and translations only."""

    centres: Tensor
    images: Tensor

    def __init__(self, hidden: int, filters: int, depth: int, radial: int, cutoff: float) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.atoms = nn.Embedding(119, hidden)
        self.relative, self.radial = nn.Linear(3, filters // 2), nn.Linear(radial, filters - filters // 2)
        self.mix = nn.Linear(filters, filters)
        self.layers = nn.ModuleList(Interaction(hidden, filters) for _ in range(depth))
        self.share = nn.Linear(hidden, 1)
        self.energy = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 1))
        self.force = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 3))
        self.register_buffer("centres", torch.linspace(0, cutoff, radial, device="cpu"), persistent=False)
        images = list(product((0.0, 1.0, -1.0), repeat=3))
        self.register_buffer("images", torch.tensor(images, device="cpu"), persistent=False)

    def forward(
        self,
        positions: Float[Tensor, "b n 3"],
        atoms: Int[Tensor, "b n"],
        present: Bool[Tensor, "b n"],
        cell: Float[Tensor, "b 3 3"] | None = None,
    ) -> tuple[Float[Tensor, "b 1"], Float[Tensor, "b n 3"]]:
        shifts = positions[:, :1] * 0 if cell is None else self.images.to(cell) @ cell  # b s 3
        r = (positions[:, None] - positions[:, :, None])[..., None, :] + shifts[:, None, None]
        distance = (r.square().sum(-1, keepdim=True) + 1e-12).sqrt()
        there = present[..., None].to(positions)
        n, images = positions.shape[1], r.shape[3]
        same = torch.eye(n, dtype=r.dtype, device=r.device)[..., None] * (torch.arange(images).to(r) == 0)
        near = (1 + torch.cos(torch.pi * (distance / self.cutoff).clamp(max=1))) / 2 * (1 - same)[..., None]
        near = near * (there[:, :, None] * there[:, None])[..., None, :]
        bumps = torch.exp(-(((distance - self.centres.to(r)) * len(self.centres) / self.cutoff) ** 2) / 2)
        edges = F.silu(torch.cat([self.relative(r), self.radial(bumps)], -1))
        edges, h = F.silu(self.mix(edges)), self.atoms(atoms)
        for layer in self.layers:
            h = layer(h, edges, near, there)
        return (self.share(h) * self.energy(h) * there).sum(1), self.force(h) * there


class Model(nn.Module):
    """Positions (b, n, 3) in Å and atomic numbers (b, n), 0 for padding, to energies (b, 1) and forces.

    periodic: crystals, with a third input, the rows of the cell; every atom meets the nearest 27 images of
    each, so the cutoff is at most the least height of the cell and atoms lie in one cell. samples: frames
    drawn for each cloud. E(3) in expectation; for crystals about the mean of the atoms as given.
    """

    def __init__(
        self,
        hidden: int = 64,
        filters: int = 64,
        depth: int = 4,
        *,
        radial: int = 32,
        cutoff: float = 6.0,
        periodic: bool = False,
        samples: int = 1,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        backbone = Backbone(hidden, filters, depth, radial, cutoff)
        inputs = ("positions", "tokens", "tokens", *(("cell",) if periodic else ()))
        self.network = wrap.stochastic_frames(
            backbone, "E(3)", inputs, ("invariant", "vectors"), mask=2, samples=samples, generator=generator
        )

    @property
    def guarantee(self) -> Guarantee:
        return self.network.guarantee

    @property
    def averaged(self) -> wrap.FrameAveraged:
        """The exact average over all 8 frames, of positions, atoms, which atoms are there, and the cell."""
        return self.network.averaged

    def forward(
        self,
        positions: Float[Tensor, "b n 3"],
        atoms: Int[Tensor, "b n"],
        cell: Float[Tensor, "b 3 3"] | None = None,
    ) -> tuple[Float[Tensor, "b 1"], Float[Tensor, "b n 3"]]:
        return self.network(positions, atoms, atoms > 0, *(() if cell is None else (cell,)))


def example() -> tuple[Model, tuple[Tensor, ...]]:
    """A small model of crystals and inputs for it: five atoms, and four with one place left empty."""
    atoms = torch.tensor([[6, 1, 1, 8, 1], [14, 8, 8, 1, 0]])
    cell = 5 * torch.eye(3).expand(2, 3, 3) + 0.3 * torch.randn(2, 3, 3)
    return Model(16, 16, 2, radial=8, cutoff=4.0, periodic=True), (5 * torch.rand(2, 5, 3), atoms, cell)
