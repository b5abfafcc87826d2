"""The equivariant product of features with themselves, channel by channel, for any group."""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mackey.axes import Float
from mackey.fields import FieldType
from mackey.nn.layer import AbstractLayer
from mackey.reps import Block, blocks_of, intertwiners, tensor


class Coupling(NamedTuple):
    """Hom_G(ρ_i ⊗ ρ_j, ρ_k) as maps (r, d_k, d_i·d_j), and where its weights (r, n, m_k) begin."""

    first: int
    second: int
    target: int
    maps: np.ndarray
    start: int
    shape: tuple[int, int, int]

    @property
    def end(self) -> int:
        return self.start + math.prod(self.shape)


class Bilinear(AbstractLayer):
    """y_k = Σ_{i≤j,r} C_r(x_i, x_j) w_{ijkr}, C_r a basis of Hom_G(ρ_i ⊗ ρ_j, ρ_k); exact for any G.

    Channel c of block i meets channel c + 1 of block j (modulo their numbers): n = max(m_i, m_j) products,
    which w (n, m_k) then mixes. Couplings of more than `largest` entries are left out: see `left_out`.
    Source: Finzi, Welling, Wilson 2021 (EMLP, section 6); Kondor 2018.
    """

    def __init__(self, in_type: FieldType, out_type: FieldType, *, largest: int = 4096) -> None:
        in_type.need_point("Bilinear")
        out_type.need_point("Bilinear")
        super().__init__(in_type, out_type)
        self._sources, self._targets = blocks_of(in_type.rep), blocks_of(out_type.rep)
        self.couplings, self.left_out = _couplings(self._sources, self._targets, largest)
        for number, coupling in enumerate(self.couplings):
            self.hold(f"_maps_{number}", coupling.maps)
        for i, j in {(c.first, c.second) for c in self.couplings}:
            channels = np.arange(max(self._sources[i].multiplicity, self._sources[j].multiplicity))
            self.hold(f"_first_{i}_{j}", channels % self._sources[i].multiplicity)
            self.hold(f"_second_{i}_{j}", (channels + 1) % self._sources[j].multiplicity)
        terms = [0] * len(self._targets)
        for coupling in self.couplings:
            terms[coupling.target] += coupling.shape[0] * coupling.shape[1]
        scales = [torch.randn(math.prod(c.shape)) / math.sqrt(terms[c.target]) for c in self.couplings]
        self.weight = nn.Parameter(torch.cat([torch.zeros(0), *scales]))

    def forward(self, x: Float[Tensor, "b d_in"]) -> Float[Tensor, "b d_out"]:
        self.in_type.check(x, "Bilinear")
        parts = [
            part.unflatten(-1, (block.rep.dim, block.multiplicity)).mT
            for part, block in zip(x.split([b.dim for b in self._sources], -1), self._sources, strict=True)
        ]
        products = {
            (i, j): self._product(parts, i, j)
            for i, j in dict.fromkeys((c.first, c.second) for c in self.couplings)
        }
        sums = [x.new_zeros(x.shape[0], b.rep.dim, b.multiplicity) for b in self._targets]
        for number, coupling in enumerate(self.couplings):
            maps = self.get_buffer(f"_maps_{number}")
            coupled = products[coupling.first, coupling.second] @ maps.flatten(0, 1).mT  # b n (r d_k)
            coupled = coupled.unflatten(-1, maps.shape[:2]).permute(0, 3, 2, 1).flatten(2)  # b d_k (r n)
            weight = self.weight[coupling.start : coupling.end].view(-1, coupling.shape[2])
            sums[coupling.target] = sums[coupling.target] + coupled @ weight
        return torch.cat([total.flatten(1) for total in sums], -1)

    def _product(self, parts: list[Tensor], i: int, j: int) -> Float[Tensor, "b n p"]:
        """x_i ⊗ x_j, channel by channel."""
        a = parts[i].index_select(1, self.get_buffer(f"_first_{i}_{j}"))
        b = parts[j].index_select(1, self.get_buffer(f"_second_{i}_{j}"))
        return (a[..., :, None] * b[..., None, :]).flatten(2)

    def flops(self, batch: int) -> int:
        """Multiply–adds times two: C_r on each product, then the mixing of channels."""
        total = 0
        for coupling in self.couplings:
            maps, n, m = coupling.shape
            d_out, d_in = coupling.maps.shape[1:]
            total += n * maps * d_out * (d_in + m)
        return 2 * batch * total

    def extra_repr(self) -> str:
        skipped = f", {len(self.left_out)} couplings left out as too large" if self.left_out else ""
        return f"{self.in_type} → {self.out_type}, {len(self.couplings)} couplings{skipped}"


def _couplings(
    sources: tuple[Block, ...], targets: tuple[Block, ...], largest: int
) -> tuple[tuple[Coupling, ...], tuple[str, ...]]:
    """All couplings i ≤ j → k, each output coordinate of unit energy; and the names of those left out."""
    found: list[Coupling] = []
    left_out: list[str] = []
    start = 0
    for k, target in enumerate(targets):
        for i, first in enumerate(sources):
            for j, second in enumerate(sources[i:], i):
                a, b, c = first.rep, second.rep, target.rep
                if a.dim * b.dim * c.dim > largest:
                    left_out.append(f"{a} ⊗ {b} → {c}")
                    continue
                maps = intertwiners(tensor(a, b), c) * math.sqrt(c.dim)
                if len(maps):
                    width = max(first.multiplicity, second.multiplicity)
                    shape = (len(maps), width, target.multiplicity)
                    found.append(Coupling(i, j, k, maps, start, shape))
                    start = found[-1].end
    return tuple(found), tuple(left_out)
