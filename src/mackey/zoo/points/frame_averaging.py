"""Frame-averaged GNN for n-body dynamics (Puny et al., ICLR 2022).

Messages run in 8 principal frames of the cloud; between layers the hidden numbers, read as vectors, are
averaged back and framed anew by their own principal axes. Departs from the authors' code: any number of
particles (theirs is fixed to 5), and gradients flow through the frames (theirs are held constant).
"""

import torch
from torch import Tensor, nn

from mackey import wrap
from mackey.axes import Float
from mackey.fields import Guarantee

PAPER = (
    "Puny et al., Frame Averaging for Invariant and Equivariant Network Design, ICLR 2022, arXiv:2110.03336"
)


class Messages(nn.Module):
    """h_i ← φ_h(h_i, Σ_j φ_e(h_i, h_j, e_ij)) over all other particles j."""

    def __init__(self, hidden: int, edge_features: int) -> None:
        super().__init__()
        self.edge_mlp = nn.Sequential(
            nn.Linear(2 * hidden + edge_features, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU()
        )
        self.node_mlp = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden))

    def forward(
        self, h: Float[Tensor, "b m n hidden"], edges: Float[Tensor, "b n n e"]
    ) -> Float[Tensor, "b m n hidden"]:
        frames, n = h.shape[1], h.shape[2]
        pairs = (
            h[:, :, :, None].expand(-1, -1, -1, n, -1),
            h[:, :, None].expand(-1, -1, n, -1, -1),
            edges[:, None].expand(-1, frames, -1, -1, -1),
        )
        messages = self.edge_mlp(torch.cat(pairs, -1))
        others = 1 - torch.eye(n, dtype=h.dtype, device=h.device)
        return self.node_mlp(torch.cat([h, (messages * others[..., None]).sum(3)], -1))


class Model(nn.Module):
    """Positions and velocities (b, n, 3), charges (b, n, c) to positions, equivariant under E(3).

    hidden: a multiple of 3. edge_features: c products of charges and the squared distance, or as many as you
    give to `from_edges`.
    """

    def __init__(self, hidden: int = 60, layers: int = 4, *, edge_features: int = 2) -> None:
        super().__init__()
        self.embedding = nn.Linear(6, hidden)
        self.layers = nn.ModuleList(Messages(hidden, edge_features) for _ in range(layers))
        self.decoder = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 3))
        note = "where the principal moments of the cloud, and of the hidden vectors, differ"
        self.guarantee = Guarantee("exact", "E(3)", note)

    def forward(
        self,
        positions: Float[Tensor, "b n 3"],
        velocities: Float[Tensor, "b n 3"],
        charges: Float[Tensor, "b n c"],
    ) -> Float[Tensor, "b n 3"]:
        squared = (positions[:, :, None] - positions[:, None]).square().sum(-1, keepdim=True)
        edges = torch.cat([charges[:, :, None] * charges[:, None], squared], -1)
        return self.from_edges(positions, velocities, edges)

    def from_edges(
        self,
        positions: Float[Tensor, "b n 3"],
        velocities: Float[Tensor, "b n 3"],
        edges: Float[Tensor, "b n n e"],
    ) -> Float[Tensor, "b n 3"]:
        """With invariant edge features of your own; edges[i, j] is for the message from j to i."""
        frames, centre = (part.to(positions) for part in wrap.pca_frames(positions))
        framed = torch.stack([positions - centre[:, None], velocities], 2)  # b n 2 3
        h = self.embedding(torch.einsum("bmij,bnki->bmnkj", frames, framed).flatten(-2))
        for index, layer in enumerate(self.layers):
            if index:
                frames, h = _reframed(frames, h)
            h = layer(h, edges)
        return torch.einsum("bmij,bmnj->bni", frames, self.decoder(h)) / frames.shape[1] + centre[:, None]


def _reframed(
    frames: Float[Tensor, "b m 3 3"], h: Float[Tensor, "b m n hidden"]
) -> tuple[Float[Tensor, "b m 3 3"], Float[Tensor, "b m n hidden"]]:
    """Hidden vectors averaged back from their frames, and seen from their own principal axes."""
    vectors = torch.einsum("bmij,bmnkj->bnki", frames, h.unflatten(-1, (-1, 3))) / frames.shape[1]
    fresh, mean = (part.to(h) for part in wrap.pca_frames(vectors.flatten(1, 2)))
    vectors = vectors - mean[:, None, None]
    return fresh, torch.einsum("bmij,bnki->bmnkj", fresh, vectors).flatten(-2)


def example() -> tuple[Model, tuple[Tensor, ...]]:
    """A small model and inputs for it."""
    return Model(12, 2), (torch.randn(2, 5, 3), torch.randn(2, 5, 3), torch.randn(2, 5, 1))
