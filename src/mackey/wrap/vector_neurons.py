"""Vector neurons: layers whose channels are vectors, so that they turn with the cloud."""

import torch
from torch import Tensor, nn

from mackey.axes import Bool, Float
from mackey.errors import sentence
from mackey.groups import SpecialOrthogonal
from mackey.wrap.clouds import Cloud, CloudReader
from mackey.wrap.gram_schmidt import vectors_needed

_SMALL = 1e-6  # of the authors, beside lengths and their squares


class VectorNorm(nn.Module):
    """v → v/(|v| + ε) · BatchNorm(|v| + ε), one mean and variance for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lengths = nn.BatchNorm1d(channels)

    def forward(self, v: Float[Tensor, "*b d c"]) -> Float[Tensor, "*b d c"]:
        length = torch.linalg.vector_norm(v, dim=-2) + _SMALL
        wanted = self.lengths(length.flatten(0, -2)).view(length.shape)
        return v * (wanted / length)[..., None, :]


class VectorReLU(nn.Module):
    """p − min(p·q, 0) q/(|q|² + ε) with p = norm(Wv), q = Uv: the part of p against q is taken out.

    Source: Deng et al., Vector Neurons, ICCV 2021, eq. (3).
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.value = nn.Linear(channels_in, channels_out, bias=False)
        self.direction = nn.Linear(channels_in, channels_out, bias=False)
        self.norm = VectorNorm(channels_out)

    def forward(self, v: Float[Tensor, "*b d c"]) -> Float[Tensor, "*b d k"]:
        p, q = self.norm(self.value(v)), self.direction(v)
        against = (p * q).sum(-2, keepdim=True).clamp_max(0)
        return p - against / ((q * q).sum(-2, keepdim=True) + _SMALL) * q


class VectorNeurons(nn.Module):
    """The declared inputs to k vectors (b, k, d): a small vector neuron network on neighbourhoods.

    Edges (x_j − x_i, x_i, x_j × x_i, other vectors of j); the product under SO(3) alone, since mirrors turn
    it round. One layer, mean over neighbours, one layer, norm, one layer, mean over points. neighbours: the
    nearest so many, each point among its own; all if None. x: the positions, else the first vectors. Not
    equivariant where two distances to the last neighbour are equal. Source: VNSmall of Mondal et al. 2023.
    """

    def __init__(
        self,
        reader: CloudReader,
        *,
        vectors: int | None = None,
        channels: int = 21,
        neighbours: int | None = None,
    ) -> None:
        super().__init__()
        group, least = reader.acts.linear, vectors_needed(reader.acts.linear, reader.where)
        if vectors is not None and vectors < least:
            wanted, remedy = f"at least {least} vectors for a frame of {group}", "raise vectors"
            raise ValueError(sentence("wrap.VectorNeurons", wanted=wanted, got=str(vectors), remedy=remedy))
        self.reader, self.neighbours = reader, neighbours
        self.crosses = isinstance(group, SpecialOrthogonal) and group.n == 3
        others = reader.count - int(reader.position is None)
        self.edges = VectorReLU(2 + int(self.crosses) + others, channels)
        self.points = nn.Sequential(
            VectorReLU(channels, channels), VectorNorm(channels), VectorReLU(channels, vectors or least)
        )

    def forward(self, *inputs: Tensor) -> Float[Tensor, "b k d"]:
        x, others, there = self._points(self.reader.read(inputs))
        near, beside, kept = self._neighbours(x, others, there)  # b n m d, b n m a d, b n m
        here = x[:, :, None].expand_as(near)
        edges = [near - here, here]
        if self.crosses:
            edges.append(torch.linalg.cross(near, here))
        dtype = self.edges.value.weight.dtype
        v = torch.cat([torch.stack(edges, -1), beside.mT], -1).to(dtype)
        v = _mean(self.edges(v), kept)
        return _mean(self.points(v), there).mT

    def _points(self, cloud: Cloud) -> tuple[Tensor, Tensor, Tensor]:
        """x, the other vectors, and which points are there."""
        if cloud.positions is None:
            x, others = cloud.vectors[:, :, 0], cloud.vectors[:, :, 1:]
        else:
            x, others = cloud.positions, cloud.vectors
        return x, others, torch.ones_like(x[..., 0], dtype=torch.bool) if cloud.mask is None else cloud.mask

    def _neighbours(
        self, x: Float[Tensor, "b n d"], others: Float[Tensor, "b n a d"], there: Bool[Tensor, "b n"]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """x_j, the other vectors of j, and whether j is there, for the neighbours j of every point."""
        n = x.shape[1]
        pairs = there[:, None].expand(-1, n, -1)
        if self.neighbours is None or self.neighbours >= n:
            return x[:, None].expand(-1, n, -1, -1), others[:, None].expand(-1, n, -1, -1, -1), pairs
        squared = (x[:, :, None] - x[:, None]).detach().square().sum(-1)
        nearest = squared.masked_fill(~pairs, torch.inf).topk(self.neighbours, largest=False).indices
        sample = torch.arange(x.shape[0], device=x.device)[:, None, None]
        return x[sample, nearest], others[sample, nearest], there[sample, nearest]


def _mean(v: Float[Tensor, "*b n d c"], there: Bool[Tensor, "*b n"]) -> Float[Tensor, "*b d c"]:
    """Over the points that are there."""
    weight = there.to(v)
    return (v * weight[..., None, None]).sum(-3) / weight.sum(-1)[..., None, None].clamp_min(1)
