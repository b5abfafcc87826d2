"""A plain graph network on particles, and the same averaged over principal frames: baselines for points."""

import torch
from torch import Tensor, nn

from mackey.axes import Float
from mackey.fields import Guarantee
from mackey.wrap import frames

# What the networks below, and their wrappers, are given and answer, in the words of mackey.actions.
IN_TYPES, OUT_TYPE = ("positions", "vectors", "tokens"), "positions"


class GraphNetwork(nn.Module):
    """y_i = x_i + W h_i, h from rounds of messages φ(h_i, h_j, x_j − x_i, q_i q_j) between all pairs.

    Sees coordinates as they are: shifts and permutations leave it, turns do not.
    """

    def __init__(self, width: int = 48, layers: int = 3, *, charges: int = 1) -> None:
        super().__init__()
        self.first = nn.Linear(6 + charges, width)
        self.messages = nn.ModuleList(_mlp(2 * width + 3 + charges, width) for _ in range(layers))
        self.updates = nn.ModuleList(_mlp(2 * width, width) for _ in range(layers))
        self.last = nn.Linear(width, 3)

    def forward(
        self,
        positions: Float[Tensor, "b n 3"],
        velocities: Float[Tensor, "b n 3"],
        charges: Float[Tensor, "b n c"],
    ) -> Float[Tensor, "b n 3"]:
        x, q, n = positions, charges, positions.shape[1]
        h = self.first(torch.cat([x - x.mean(1, keepdim=True), velocities, q], -1))
        pairs = torch.cat([x[:, None] - x[:, :, None], q[:, None] * q[:, :, None]], -1)
        for message, update in zip(self.messages, self.updates, strict=True):
            here, there = h[:, :, None].expand(-1, -1, n, -1), h[:, None].expand(-1, n, -1, -1)
            h = h + update(torch.cat([h, message(torch.cat([here, there, pairs], -1)).mean(2)], -1))
        return x + self.last(h)


def _mlp(size: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(size, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())


class FramedGraphNetwork(nn.Module):
    """⟨GraphNetwork⟩ over the 8 principal frames of each system: equivariant under E(3)."""

    def __init__(self, width: int = 48, layers: int = 3, *, charges: int = 1) -> None:
        super().__init__()
        network = GraphNetwork(width, layers, charges=charges)
        self.framed = frames(network, "E(3)", IN_TYPES, OUT_TYPE)

    @property
    def guarantee(self) -> Guarantee:
        return self.framed.guarantee

    def forward(
        self,
        positions: Float[Tensor, "b n 3"],
        velocities: Float[Tensor, "b n 3"],
        charges: Float[Tensor, "b n c"],
    ) -> Float[Tensor, "b n 3"]:
        after = self.framed(positions, velocities, charges)
        assert isinstance(after, Tensor), "one network, one output"
        return after
