"""Steerable convolution against escnn and a plain conv2d: a training step, a block, and construction."""

import shutil
import subprocess
import sys
from pathlib import Path

import escnn
import torch
from escnn import gspaces
from escnn import nn as enn
from torch import Tensor, nn

import mackey as mk
from benchmarks.measure import Comparison, compare, inference, training_step

FIELDS, KERNEL, BATCH, SIZE = 16, 5, 32, 28
GROUPS = {"C8": gspaces.rot2dOnR2(8), "D4": gspaces.flipRot2dOnR2(4)}


class OnTensors(nn.Module):
    """An escnn module on plain tensors."""

    def __init__(self, module: nn.Module, field: enn.FieldType) -> None:
        super().__init__()
        self.module, self.field = module, field

    def forward(self, x: Tensor) -> Tensor:
        return self.module(enn.GeometricTensor(x, self.field)).tensor


def run(peak: float) -> tuple[list[Comparison], dict[str, object]]:
    """Everything, for C8 and D4; peak: FLOP/s of the machine."""
    found = [c for name in GROUPS for c in (*convolution(name, peak), *block(name, peak))]
    return found, {"construction_ms_cold": {name: construction(name) for name in GROUPS}}


def convolution(name: str, peak: float) -> list[Comparison]:
    """16 → 16 regular fields, the same weights in both (through mackey.interop, outputs compared first)."""
    theirs = OnTensors(*_convolution_and_field(name))
    config = {"gspace": name, "in_type": str(FIELDS), "out_type": str(FIELDS), "kernel_size": KERNEL}
    config |= {"padding": KERNEL // 2, "bias": True}
    ours = mk.interop.from_official("escnn R2Conv", config, theirs.module.state_dict())
    assert isinstance(ours, mk.nn.Conv)
    x = torch.randn(BATCH, ours.in_type.channels, SIZE, SIZE)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-4)
    plain = nn.Conv2d(x.shape[1], x.shape[1], KERNEL, padding=KERNEL // 2)
    flops = ours.lowering.flops(ours.integrand, x)
    found = []
    for kind, step, cost in (("forward", inference, flops), ("forward+backward", training_step, 3 * flops)):
        x = x.requires_grad_(step is training_step)
        training = step is training_step
        peers = {
            "escnn": (step(theirs, x), 1.0 if training else None),
            "conv2d": (step(plain, x), 1.08 if training else None),
        }
        title = f"Conv {name}, {FIELDS} regular fields, k={KERNEL}, {BATCH}×{SIZE}×{SIZE}, {kind}"
        seconds = 30.0 if training else 10.0
        found += compare(title, step(ours, x), peers, seconds=seconds, floor_ms=1e3 * cost / peak)
    return found


def block(name: str, peak: float) -> list[Comparison]:
    """Conv–BatchNorm–ReLU–GroupPool, training step."""
    convolution, field = _convolution_and_field(name)
    theirs = OnTensors(
        nn.Sequential(convolution, enn.InnerBatchNorm(field), enn.ReLU(field), enn.GroupPooling(field)), field
    )
    fields = _field(name)
    conv = mk.nn.Conv(fields, fields, KERNEL)
    ours = mk.nn.Sequential(conv, mk.nn.BatchNorm(fields), mk.nn.Pointwise(fields), mk.nn.GroupMax(fields))
    x = torch.randn(BATCH, fields.channels, SIZE, SIZE, requires_grad=True)
    floor = 3e3 * conv.lowering.flops(conv.integrand, x) / peak
    title = f"Conv–BatchNorm–ReLU–GroupPool {name}, forward+backward"
    peers = {"escnn": (training_step(theirs, x), 0.85)}
    return compare(title, training_step(ours, x), peers, seconds=30.0, floor_ms=floor)


def _field(name: str) -> mk.FieldType:
    grid = mk.spaces.Grid(mk.groups.named({"C8": "p8", "D4": "p4m"}[name]))
    return mk.FieldType(grid, mk.reps.regular(grid.stabiliser), FIELDS)


def _convolution_and_field(name: str) -> tuple[enn.R2Conv, enn.FieldType]:
    space = GROUPS[name]
    field = enn.FieldType(space, FIELDS * [space.regular_repr])
    return enn.R2Conv(field, field, KERNEL, padding=KERNEL // 2), field


def construction(name: str) -> dict[str, float]:
    """Milliseconds to build the first layer of a fresh process; escnn's cache on disk is emptied before."""
    shutil.rmtree(Path(escnn.__file__).parent / "group" / "_cache", ignore_errors=True)
    ours = f"import benchmarks.convolution as b; f = b._field({name!r}); mk = b.mk"
    theirs = f"import benchmarks.convolution as b; name = {name!r}"
    costs = {
        "mackey": _seconds(ours, "mk.nn.Conv(f, f, b.KERNEL)"),
        "escnn": _seconds(theirs, "b._convolution_and_field(name)"),
    }
    print(f"construct Conv {name}, cold: {costs['mackey']:.0f} ms, escnn {costs['escnn']:.0f} ms", flush=True)
    return costs


def _seconds(setup: str, statement: str) -> float:
    program = f"{setup}\nimport time; s = time.perf_counter(); {statement}; print(time.perf_counter() - s)"
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    return 1e3 * float(done.stdout.splitlines()[-1])
