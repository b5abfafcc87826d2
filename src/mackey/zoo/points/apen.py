"""APEN: a point network whose layers work part by part, each in its own frames (Atzmon et al., ICLR 2024).

Equivariant to parts that move on their own. Departs from the paper: the partition is given, or found as the
bodies that stand apart by more than `reach`, instead of being predicted layer by layer from votes.
"""

import torch
from torch import Tensor, nn

from mackey import wrap
from mackey.axes import Bool, Float, Int
from mackey.fields import Guarantee

PAPER = (
    "Atzmon, Huang, Williams & Litany, Approximately Piecewise E(3) Equivariant Point Networks, ICLR 2024, "
    "arXiv:2402.08529"
)


class PointNet(nn.Module):
    """(Δv_i, Δh_i) = MLP[u_i, mean_j u_j], u = MLP[x, v, h], over the points that are there."""

    def __init__(self, vectors: int, hidden: int) -> None:
        super().__init__()
        self.vectors = vectors
        self.each = nn.Sequential(
            nn.Linear(3 + 3 * vectors + hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU()
        )
        self.last = nn.Sequential(
            nn.Linear(2 * hidden, hidden), nn.SiLU(), nn.Linear(hidden, 3 * vectors + hidden)
        )

    def forward(
        self,
        x: Float[Tensor, "b n 3"],
        v: Float[Tensor, "b n v 3"],
        h: Float[Tensor, "b n c"],
        there: Bool[Tensor, "b n"],
    ) -> tuple[Float[Tensor, "b n v 3"], Float[Tensor, "b n c"]]:
        u = self.each(torch.cat([x, v.flatten(2), h], -1)) * there[..., None]
        mean = u.sum(1, keepdim=True) / there.sum(1).clamp(min=1)[:, None, None]
        y = self.last(torch.cat([u, mean.expand_as(u)], -1))
        return y[..., : 3 * self.vectors].unflatten(-1, (-1, 3)), y[..., 3 * self.vectors :]


class Model(nn.Module):
    """Points (b, n, 3), and the part of each, 0 … parts − 1, to vectors (b, n, 3) and scores (b, n, classes).

    Without a partition: bodies farther apart than `reach`, in the unit of the points; no more than `parts`
    of them. Equivariant to each part moving by an element of E(3) of its own, as long as they stay apart.
    """

    def __init__(
        self,
        classes: int = 4,
        parts: int = 4,
        *,
        hidden: int = 32,
        vectors: int = 8,
        depth: int = 3,
        reach: float = 1.0,
    ) -> None:
        super().__init__()
        self.parts, self.reach, self.widths = parts, reach, (vectors, hidden)
        types = ("positions", "vectors", "tokens", "tokens"), ("vectors", "tokens")
        self.layers = nn.ModuleList(
            wrap.part_frames(PointNet(vectors, hidden), "E(3)", *types, parts=3, count=parts)
            for _ in range(depth)
        )
        self.flow = nn.Linear(vectors, 1, bias=False)
        self.classify = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, classes))

    @property
    def guarantee(self) -> Guarantee:
        note = "each part on its own; where no two extents of a part along its axes are equal"
        return Guarantee("exact", "E(3)", note)

    def forward(
        self, points: Float[Tensor, "b n 3"], parts: Int[Tensor, "b n"] | None = None
    ) -> tuple[Float[Tensor, "b n 3"], Float[Tensor, "b n classes"]]:
        labels = bodies(points, self.reach) if parts is None else parts
        v, h = (points.new_zeros(*points.shape[:2], width) for width in self.widths)
        v = v[..., None].expand(*v.shape, 3)
        for layer in self.layers:
            dv, dh = layer(points, v, h, labels)
            v, h = v + dv, h + dh
        return self.flow(v.mT)[..., 0], self.classify(h)


def bodies(points: Float[Tensor, "b n 3"], reach: float) -> Int[Tensor, "b n"]:
    """Which connected body each point is of, points within `reach` of each other being connected: numbers
    from 0, in the order of the first point of each.
    """
    n = points.shape[1]
    near = (points[:, :, None] - points[:, None]).square().sum(-1) <= reach**2
    for _ in range(max(n - 1, 1).bit_length()):  # paths of twice the length each time
        near = (near.double() @ near.double()) > 0
    first = near.int().argmax(-1)  # b n
    leads = first == torch.arange(n, device=points.device)
    return (leads.long().cumsum(1) - 1).gather(1, first)


def example() -> tuple[Model, tuple[Tensor, ...]]:
    """A small model and inputs for it: two clouds of three bodies, of four points each."""
    parts = torch.arange(3).repeat_interleave(4).expand(2, -1)
    return Model(3, 3, hidden=8, vectors=2, depth=2), (torch.randn(2, 12, 3), parts)
