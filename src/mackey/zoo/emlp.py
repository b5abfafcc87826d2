"""EMLP: a multilayer perceptron that is equivariant under any matrix group, between any representations.

Finzi, Welling & Wilson, ICML 2021. Departs from the paper: bilinear products pair channels in a fixed order,
not at random, and use every coupling of a pair of parts; weights start by formula.
"""

from itertools import pairwise

import torch
from torch import Tensor

from mackey import groups, nn, reps
from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import FieldType, Guarantee

PAPER = (
    "Finzi, Welling & Wilson, A Practical Method for Constructing Equivariant Multilayer Perceptrons for "
    "Arbitrary Matrix Groups, ICML 2021, arXiv:2104.09459"
)


def uniform(group: groups.AbstractGroup, channels: int) -> reps.DirectSum:
    """About `channels` dimensions shared evenly among the tensor powers of V that fit, scalars first.

    Powers V^p ⊗ V*^q with p + q = r, or V^r alone where V and V* are the same (an invariant form exists).
    """
    V = reps.standard(group)
    self_dual = _is_self_dual(V)
    rank = 0
    while (rank + 2) * V.dim ** (rank + 1) <= channels and rank < 3:
        rank += 1
    blocks = []
    for r in range(rank + 1):
        kinds = [(r, 0)] if self_dual else [(r - q, q) for q in range(r + 1)]
        count = max(1, channels // ((rank + 1) * len(kinds) * V.dim**r))
        blocks += [reps.Block(count, _mixed(V, p, q)) for p, q in kinds]
    return reps.DirectSum(tuple(blocks))


def _is_self_dual(V: reps.AbstractRep) -> bool:
    """Whether some map V → V* is invertible; then almost all are, and one drawn at random tells."""
    maps = torch.as_tensor(reps.intertwiners(V, reps.dual(V)), device="cpu")
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(len(maps), generator=generator, dtype=torch.float64, device="cpu")
    return int(torch.linalg.matrix_rank(torch.tensordot(drawn, maps, 1), atol=1e-6)) == V.dim


def _mixed(V: reps.AbstractRep, p: int, q: int) -> reps.AbstractRep:
    """V^p ⊗ V*^q."""
    if not q:
        return reps.power(V, p)
    duals = reps.power(reps.dual(V), q)
    return reps.tensor(reps.power(V, p), duals) if p else duals


class EMLPBlock(nn.AbstractLayer):
    """Gate(z + Bilinear(z)/10), z = W x + b."""

    def __init__(self, in_type: FieldType, out_type: FieldType) -> None:
        super().__init__(in_type, out_type)
        self.gate = nn.Gate(out_type)
        self.linear = nn.Linear(in_type, self.gate.in_type)
        self.bilinear = nn.Bilinear(self.gate.in_type, self.gate.in_type)

    def forward(self, x: Float[Tensor, "b d_in"]) -> Float[Tensor, "b d_out"]:
        z = self.linear(x)
        return self.gate(z + 0.1 * self.bilinear(z))


def _check_reached(last: reps.AbstractRep, out: reps.AbstractRep) -> None:
    """Raise if no linear map leads to some part of the output, which would stay zero."""
    sources = [block.rep for block in reps.blocks_of(last)]
    for block in reps.blocks_of(out):
        if not any(reps.intertwiner_count(source, block.rep) for source in sources):
            raise ValueError(
                sentence(
                    "zoo.emlp",
                    wanted=f"features before the output that a linear map takes to {block.rep}",
                    got=f"{last}, none of which has one",
                    remedy="raise channels, so that higher powers of V fit, or choose another out_rep",
                )
            )


class Model(torch.nn.Module):
    """Vectors of `in_rep` (b, d_in) to vectors of `out_rep` (b, d_out), such as "2xV" to "trivial" of O(5).

    group: a group or its name. channels: the width of each hidden layer. Channels of a part are innermost:
    "2xV" reads (x₁, x′₁, x₂, x′₂, …).
    """

    def __init__(
        self,
        group: groups.AbstractGroup | str = "O(5)",
        in_rep: str = "2xV",
        out_rep: str = "trivial",
        *,
        channels: int = 384,
        depth: int = 3,
    ) -> None:
        super().__init__()
        if channels < 1 or depth < 0:
            got = f"channels={channels}, depth={depth}"
            raise ValueError(
                sentence("zoo.emlp", wanted="channels ≥ 1 and depth ≥ 0", got=got, remedy="raise them")
            )
        G = groups.named(group) if isinstance(group, str) else group
        self.in_type, self.out_type = (FieldType.at_point(reps.parse(G, text)) for text in (in_rep, out_rep))
        hidden = FieldType.at_point(uniform(G, channels))
        types = [self.in_type, *[hidden] * depth]
        _check_reached(types[-1].rep, self.out_type.rep)
        blocks = [EMLPBlock(a, b) for a, b in pairwise(types)]
        self.layers = nn.Sequential(*blocks, nn.Linear(types[-1], self.out_type))

    @property
    def guarantee(self) -> Guarantee:
        return self.layers.guarantee

    def forward(self, x: Float[Tensor, "b d_in"]) -> Float[Tensor, "b d_out"]:
        return self.layers(x)


def example() -> tuple[Model, tuple[Tensor, ...]]:
    """A small model and inputs for it."""
    return Model("O(3)", "2xV", "V", channels=32, depth=2), (torch.randn(3, 6),)
