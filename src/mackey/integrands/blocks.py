"""ω(F, e) = κ F(e) at a point: the linear map between direct sums, a small basis for each pair of parts."""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.integrands.abstract import AbstractIntegrand
from mackey.reps import blocks_of, intertwiner_count, intertwiners
from mackey.spaces import Pose


class Pair(NamedTuple):
    """One pair of blocks with maps between them.

    source, target: which blocks. basis (r, d_σ, d_ρ): Hom_G(ρ, σ), each output coordinate of unit energy.
    start: where the weights (r, m_in, m_out) of the pair begin. is_scalar: the basis is the identity alone.
    """

    source: int
    target: int
    basis: np.ndarray
    start: int
    shape: tuple[int, int, int]
    is_scalar: bool

    @property
    def end(self) -> int:
        return self.start + math.prod(self.shape)


class BlockLinear(AbstractIntegrand):
    """κ = Σ_r B_r ⊗ w_r on each pair of blocks, B_r a basis of Hom_G(ρ, σ), w_r a matrix between channels.

    Plus an invariant bias. For any group with generators; equivariant: exact. The channel is innermost in
    each block (reps.DirectSum); the weights of all pairs stand one after another in `weight`.
    """

    def __init__(
        self, in_type: FieldType, out_type: FieldType, *, bias: bool = True, gain: float = 1.0
    ) -> None:
        super().__init__(in_type, out_type)
        self._check()
        self.sources, self.targets = blocks_of(in_type.rep), blocks_of(out_type.rep)
        self.pairs = self._pairs()
        for number, pair in enumerate(self.pairs):
            self.hold(f"_basis_{number}", pair.basis)
        self.weight = nn.Parameter(torch.cat([torch.zeros(0), *self._initial(gain)]))
        free = [len(block.rep.invariants) * block.multiplicity for block in self.targets]
        for number, block in enumerate(self.targets):
            self.hold(f"_invariants_{number}", block.rep.invariants)
        self._bias_ends = np.cumsum([0, *free]).tolist()
        self.bias = nn.Parameter(torch.zeros(sum(free))) if bias and any(free) else None

    def _check(self) -> None:
        for field in (self.in_type, self.out_type):
            field.need_point("BlockLinear")
        if self.in_type.domain != self.out_type.domain:
            raise ValueError(
                sentence(
                    "BlockLinear",
                    wanted=f"both fields on {self.in_type.domain}",
                    got=f"{self.out_type} as output",
                    remedy="restrict one of them",
                )
            )

    def _pairs(self) -> tuple[Pair, ...]:
        found: list[Pair] = []
        start = 0
        for target, outer in enumerate(self.targets):
            for source, inner in enumerate(self.sources):
                basis = intertwiners(inner.rep, outer.rep) * math.sqrt(outer.rep.dim)
                if not len(basis):
                    continue
                shape = (len(basis), inner.multiplicity, outer.multiplicity)
                scalar = len(basis) == 1 and inner.rep.dim == outer.rep.dim and _is_identity(basis[0])
                found.append(Pair(source, target, basis, start, shape, scalar))
                start = found[-1].end
        return tuple(found)

    def _initial(self, gain: float) -> list[Tensor]:
        """Weights with variance gain/fan-in: outputs of the size of the inputs, by formula."""
        fan_in = [0] * len(self.targets)
        for pair in self.pairs:
            fan_in[pair.target] += pair.shape[0] * pair.shape[1]
        return [
            torch.randn(math.prod(pair.shape)) * math.sqrt(gain / fan_in[pair.target]) for pair in self.pairs
        ]

    def basis(self, number: int) -> Tensor:
        """The basis of one pair, (r, d_σ, d_ρ), in the dtype of the module."""
        return self.get_buffer(f"_basis_{number}")

    def channel_maps(self, pair: Pair) -> Float[Tensor, "r m_in m_out"]:
        """w of one pair."""
        return self.weight[pair.start : pair.end].view(pair.shape)

    @property
    def theory_count(self) -> int:
        """Σ m_in m_out dim Hom_G(ρ, σ), and the invariants of σ."""
        maps = sum(
            i.multiplicity * o.multiplicity * intertwiner_count(i.rep, o.rep)
            for i in self.sources
            for o in self.targets
        )
        return maps + (0 if self.bias is None else self._bias_ends[-1])

    def block_offset(self, number: int) -> Float[Tensor, "d_out m_out"] | None:
        """The bias of one block of the output, Σ_k v_k b_k over invariant vectors v_k, if it has any."""
        start, end = self._bias_ends[number : number + 2]
        if self.bias is None or start == end:
            return None
        rows = self.get_buffer(f"_invariants_{number}")
        return rows.mT @ self.bias[start:end].view(len(rows), -1)

    def offset(self) -> Tensor | None:
        if self.bias is None:
            return None
        found = [self.block_offset(number) for number in range(len(self.targets))]
        blocks = zip(found, self.targets, strict=True)
        parts = [self.bias.new_zeros(b.dim) if part is None else part.flatten() for part, b in blocks]
        return torch.cat(parts)[None]

    def matrix(self) -> Float[Tensor, "d_out d_in"]:
        """κ, written out."""
        rows: list[Tensor] = []
        for target, outer in enumerate(self.targets):
            row = [self.weight.new_zeros(outer.dim, inner.dim) for inner in self.sources]
            for number, pair in enumerate(self.pairs):
                if pair.target == target:
                    whole = torch.einsum("roi,rcn->onic", self.basis(number), self.channel_maps(pair))
                    row[pair.source] = whole.reshape(outer.dim, -1)
            rows.append(torch.cat(row, 1))
        return torch.cat(rows)

    def message(self, here: Tensor, there: Tensor, pose: Pose) -> Tensor:
        """κ F(e)."""
        return there @ self.matrix().mT


def _is_identity(matrix: np.ndarray) -> bool:
    return bool(np.abs(matrix - np.eye(len(matrix))).max() < 1e-12)
