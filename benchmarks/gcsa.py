"""G-CSA against lifted self-attention with a relative-position table (G-SA), the whole network, 32×96×96.

The poster reports 91 ms against 144 ms (inference, RTX 3090). Both networks here are ours and share all but
the attention: lifting convolution of stride 5 to 20×20 positions, two blocks, 8 fields, p4.
"""

import torch
from torch import nn

import mackey as mk
from benchmarks.measure import Comparison, Run, compare, inference, peak_megabytes, training_step

BATCH, SIZE, FIELDS, DEPTH, STRIDE = 32, 96, 8, 2, 5
STEPS = {"forward": inference, "forward+backward": training_step}


def network(kind: str) -> nn.Module:
    """G-CSA in one of its readings (contract, lift); or G-SA: pointwise q, k, v and a table over (y, h)."""
    axis = "lift" if kind == "G-SA" else kind
    model = mk.zoo.images.gcsa("p4", 3, 2, fields=FIELDS, depth=DEPTH, axis=axis, downsample=STRIDE)
    if kind == "G-SA":
        extent = (SIZE - 1) // STRIDE + 1
        for block in model.blocks:
            norm, attention = block.attend.block.layers
            field, heads = attention.in_type, attention.integrand.heads
            table = mk.nn.Attention(field, heads=heads, axis="lift", position=("table", extent))
            block.attend = mk.nn.Residual(mk.nn.Sequential(norm, table))
    return model


def step_of(kind: str, step: str) -> Run:
    """One step of a network, ready to run."""
    x = torch.randn(BATCH, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    return STEPS[step](network(kind), x)


def run(peak: float) -> tuple[list[Comparison], dict[str, object]]:
    """Time of both readings of G-CSA against G-SA, and the peak memory of all three."""
    found: list[Comparison] = []
    memory: dict[str, dict[str, float]] = {}
    for step in STEPS:
        peers = {"G-SA with table": (step_of("G-SA", step), None)}
        for kind in ("contract", "lift"):
            title = f"G-CSA ({kind}), {BATCH}×{SIZE}×{SIZE}, {step}"
            found += compare(title, step_of(kind, step), peers, seconds=30.0)
        memory[step] = {kind: peak_megabytes(step_of, kind, step) for kind in ("contract", "lift", "G-SA")}
        print(f"peak memory, {step}: {memory[step]} MB", flush=True)
    return found, {"peak_memory_mb": memory}
