"""Group attention against nn.MultiheadAttention of equal width and heads, for every axis policy."""

import torch
from torch import Tensor, nn

import mackey as mk
from benchmarks.measure import Comparison, compare, inference, training_step

FIELDS, BATCH, SIZE, HEADS = 16, 4, 14, (1, 2, 4, 8)
TARGETS = {"contract": 1.15, "frame": 2.3, "lift": 7.0}


class Tokens(nn.Module):
    """nn.MultiheadAttention as self-attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.attention(tokens, tokens, tokens, need_weights=False)[0]


def run(peak: float) -> tuple[list[Comparison], dict[str, object]]:
    """16 regular C4 fields on 14×14, batch 4, forward and training step; peak: FLOP/s of the machine."""
    found = []
    for heads in HEADS:
        for axis, target in TARGETS.items():
            found += _axis(axis, heads, "none", target, peak)
    for axis in ("contract", "frame"):
        found += _axis(axis, 2, "twist", None, peak)
    return found, {}


def _axis(axis: str, heads: int, position: str, target: float | None, peak: float) -> list[Comparison]:
    grid = mk.spaces.Grid(mk.groups.p4())
    field = mk.FieldType(grid, mk.reps.regular(grid.stabiliser), FIELDS)
    ours = mk.nn.Attention(field, heads=heads, axis=axis, position=position)
    theirs = Tokens(field.channels, heads)
    x, tokens = torch.randn(BATCH, field.channels, SIZE, SIZE), torch.randn(BATCH, SIZE**2, field.channels)
    flops = ours.lowering.flops(ours.integrand, x)
    found = []
    for kind, step, cost in (("forward", inference, flops), ("forward+backward", training_step, 3 * flops)):
        training = step is training_step
        x, tokens = x.requires_grad_(training), tokens.requires_grad_(training)
        title = f"Attention {axis}, position {position}, heads {heads}, {FIELDS} regular C4 fields, {kind}"
        peers = {"MultiheadAttention": (step(theirs, tokens), target)}
        found += compare(title, step(ours, x), peers, seconds=4.0, floor_ms=1e3 * cost / peak)
    return found
