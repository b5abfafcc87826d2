"""A few vectors that turn with a cloud: sums of its own vectors, weighted by what does not move."""

import torch
from torch import Tensor, nn

from mackey.axes import Float
from mackey.groups import SpecialOrthogonal
from mackey.wrap.clouds import CloudReader
from mackey.wrap.frame_prediction import PairWeights
from mackey.wrap.gram_schmidt import vectors_needed
from mackey.wrap.rotation_frames import ZERO

_LEAST = 1e-100  # keeps the square root of 0 from an infinite gradient


class CloudVectors(nn.Module):
    """The declared inputs to v_k = Σ_j Σ_a w_jka v_ja, w_j = Σ_i w_ij: MLPs of all pairs of points.

    The v_ja are the vectors of point j, and its position from the centre. Under SO(d) the vectors are mixed
    with one more, v₁×v₂ (d = 2: v₁ after a quarter turn), by constants that training may turn the frame with.
    Any order of the points. unit: the length in which invariants are measured. A sum below 10⁻⁷ of the size
    of its terms is 0.
    """

    def __init__(self, reader: CloudReader, *, hidden: int = 32, unit: float = 1.0) -> None:
        super().__init__()
        self.reader = reader
        self.vectors = vectors_needed(reader.acts.linear, reader.where)
        sources = reader.count + int(reader.position is not None)
        self.weights = PairWeights(reader, self.vectors * sources, hidden=hidden, unit=unit)
        proper = isinstance(reader.acts.linear, SpecialOrthogonal)
        self.mix = nn.Linear(self.vectors + 1, self.vectors, bias=False) if proper else None
        if self.mix is not None:
            nn.init.eye_(self.mix.weight)

    def forward(self, *inputs: Tensor) -> Float[Tensor, "b k d"]:
        cloud = self.reader.read(inputs)
        sources = [cloud.vectors] if cloud.positions is None else [cloud.vectors, cloud.positions[:, :, None]]
        v, weights = torch.cat(sources, 2), self.weights(cloud).double()
        if cloud.mask is not None:
            weights = weights * cloud.mask[:, None, :, None] * cloud.mask[:, :, None, None]
        w = weights.sum(1).unflatten(-1, (self.vectors, -1))  # b j k a
        total = torch.einsum("bjka,bjad->bkd", w, v)
        size = torch.einsum("bjka,bja->bk", w.detach().abs(), torch.linalg.vector_norm(v.detach(), dim=-1))
        vanishes = (total.detach() ** 2).sum(-1) <= (ZERO * size) ** 2
        found = total.masked_fill(vanishes[..., None], 0.0)
        return found if self.mix is None else self.mix.weight.double() @ _with_product(found)


def _with_product(v: Float[Tensor, "b k d"]) -> Float[Tensor, "b d d"]:
    """And v₁×v₂/√(|v₁|² + |v₂|²), or v₁ after a quarter turn."""
    if v.shape[-1] == 2:
        more = torch.stack([-v[:, 0, 1], v[:, 0, 0]], -1)
    else:
        size = (v * v).sum((1, 2)).clamp_min(_LEAST).sqrt()
        more = torch.linalg.cross(v[:, 0], v[:, 1]) / size[:, None]
    return torch.cat([v, more[:, None]], 1)
