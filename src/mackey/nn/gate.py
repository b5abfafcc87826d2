"""Gated non-linearity for direct sums at a point: a function of scalars, a gate on everything else."""

from collections.abc import Callable

import torch
from torch import Tensor

from mackey.axes import Float
from mackey.fields import FieldType
from mackey.nn.layer import AbstractLayer
from mackey.reps import Block, DirectSum, blocks_of, trivial

Function = Callable[[Tensor], Tensor]


class Gate(AbstractLayer):
    """y = a(s) on invariant channels, y = sigmoid(γ)·x on each channel of every other block; exact for any G.

    in_type is out_type with one more block at its end: an invariant gate γ for each channel that is gated.
    Source: Weiler et al. 2018, "3D Steerable CNNs".
    """

    def __init__(
        self,
        out_type: FieldType,
        *,
        function: Function = torch.nn.functional.silu,
        gate: Function = torch.sigmoid,
    ) -> None:
        out_type.need_point("Gate")
        self_blocks = blocks_of(out_type.rep)
        gates = sum(block.multiplicity for block in self_blocks if not block.rep.is_trivial)
        extra = (Block(gates, trivial(out_type.rep.group)),) if gates else ()
        super().__init__(FieldType.at_point(DirectSum((*self_blocks, *extra))), out_type)
        self.function, self.gate = function, gate
        self._blocks = [(b.dim, b.rep.dim, b.multiplicity, b.rep.is_trivial) for b in self_blocks]

    def forward(self, x: Float[Tensor, "b d_in"]) -> Float[Tensor, "b d_out"]:
        self.in_type.check(x, "Gate")
        parts: list[Tensor] = []
        start, gate = 0, self.out_type.rep.dim
        gates = self.gate(x[..., gate:])
        used = 0
        for size, fibre, channels, is_scalar in self._blocks:
            block = x[..., start : start + size]
            start += size
            if is_scalar:
                parts.append(self.function(block))
                continue
            chosen = gates[..., None, used : used + channels]
            used += channels
            parts.append((block.unflatten(-1, (fibre, channels)) * chosen).flatten(-2))
        return torch.cat(parts, -1)
