"""Linear maps and gates between irreps of O(3) against e3nn: forward, backward, eager, compiled."""

import warnings

import torch
from e3nn import nn as e3nn_nn
from e3nn import o3
from torch import Tensor, nn

from benchmarks.measure import Comparison, Run, compare, inference, training_step
from mackey import groups, reps
from mackey.fields import FieldType
from mackey.nn import Gate, Linear

ROWS = 2000
IRREPS = "64x0e + 64x1o + 64x2e"


def features(text: str) -> FieldType:
    """Features of O(3) by name."""
    return FieldType.at_point(reps.parse(groups.named("O(3)"), text))


def _gate_of_peer() -> tuple[nn.Module, int]:
    gate = e3nn_nn.Gate(
        "64x0e", [torch.nn.functional.silu], "128x0e", [torch.sigmoid], o3.Irreps("64x1o + 64x2e")
    )
    return gate, gate.irreps_in.dim


def _pairs() -> dict[str, tuple[nn.Module, int, nn.Module, int, float]]:
    """Workload: ours, its width, the peer, its width, and the ratio we aim at."""
    layer = Linear(features(IRREPS), features(IRREPS))
    peer = o3.Linear(IRREPS, IRREPS, biases=True)
    gate = Gate(features(IRREPS))
    peer_gate, width = _gate_of_peer()
    return {
        f"Linear {IRREPS}, {ROWS} rows": (layer, layer.in_type.channels, peer, peer.irreps_in.dim, 0.5),
        f"Gate to {IRREPS}, {ROWS} rows": (gate, gate.in_type.channels, peer_gate, width, 0.3),
    }


def run(peak: float) -> tuple[list[Comparison], dict[str, object]]:
    """Every workload; same numbers in, same numbers of weights."""
    warnings.filterwarnings("ignore")
    found: list[Comparison] = []
    for name, (ours, width, peer, peer_width, target) in _pairs().items():
        x, y = torch.randn(ROWS, width), torch.randn(ROWS, peer_width)
        flops = 2 * ROWS * 64 * 64 * 9 if name.startswith("Linear") else 0
        floor = 1e3 * flops / peak or None
        compiled_ours, compiled_peer = torch.compile(ours), torch.compile(peer)
        for kind, step in (("forward", inference), ("forward+backward", _steps)):
            peers = {
                "e3nn": (step(peer, y), target if kind == "forward" else None),
                "e3nn compiled": (step(compiled_peer, y), target if kind == "forward" else None),
            }
            factor = 1 if kind == "forward" else 3
            found += compare(
                f"{name}, {kind}", step(ours, x), peers, floor_ms=floor and factor * floor, seconds=4
            )
            found += compare(
                f"{name}, {kind}, compiled",
                step(compiled_ours, x),
                peers,
                floor_ms=floor and factor * floor,
                seconds=4,
            )
    return found, {"rows": ROWS, "irreps": IRREPS}


def _steps(module: nn.Module, x: Tensor) -> Run:
    return training_step(module, x.clone().requires_grad_())
