"""Spherical harmonics and Wigner D against e3nn, eager and compiled; escnn's basis checked on the way."""

import e3nn
import torch
from e3nn import o3
from escnn.group import so3_group
from torch import Tensor, nn

import mackey as mk
from benchmarks.measure import Comparison, Run, compare, inference, training_step

L_MAX, VECTORS = 3, 100_000
WIGNER = {3: 10_000, 8: 1_000}


class Harmonics(nn.Module):
    """`reps.spherical_harmonics` as a module."""

    def forward(self, x: Tensor) -> Tensor:
        return mk.reps.spherical_harmonics(L_MAX, x)


def run(peak: float) -> tuple[list[Comparison], dict[str, object]]:
    """Everything; `peak` is not used: none of this is bound by arithmetic."""
    found = [*harmonics(), *(c for l in WIGNER for c in wigner(l))]
    return found, {"escnn_basis_error": escnn_basis()}


def harmonics() -> list[Comparison]:
    """l ≤ 3 of 100 000 vectors, float32; ours compiled and eager, against both forms of e3nn's."""
    x = torch.randn(VECTORS, 3)
    eager, compiled = _e3nn(), torch.compile(_e3nn("eager"), fullgraph=True)
    ours = {"compiled": torch.compile(Harmonics(), fullgraph=True), "eager": Harmonics()}
    for module in (compiled, *ours.values()):
        torch.testing.assert_close(module(x), eager(x), rtol=1e-5, atol=1e-5)
    found = []
    for kind, step in (("forward", inference), ("forward+backward", training_step)):
        training = step is training_step
        x = x.detach().requires_grad_(training)
        for name, module in ours.items():
            peers = {
                "e3nn": (step(eager, x), 0.25 if training else 1.0),
                "e3nn compiled": (step(compiled, x), 0.45 if training else 1.0),
            }
            title = f"spherical harmonics l ≤ {L_MAX}, {VECTORS} vectors, {kind}, {name}"
            found += compare(title, step(module, x), peers, seconds=15.0)
    return found


def _e3nn(mode: str = "script") -> nn.Module:
    """e3nn's module as it comes (TorchScript), or plain for torch.compile."""
    before = e3nn.get_optimization_defaults()["jit_mode"]
    e3nn.set_optimization_defaults(jit_mode=mode)
    module = o3.SphericalHarmonics(list(range(L_MAX + 1)), True, "component")
    e3nn.set_optimization_defaults(jit_mode=before)
    return module


def wigner(l: int) -> list[Comparison]:
    """D_l in float32: ours from matrices, e3nn's from the angles of the same rotations."""
    angles = torch.rand(WIGNER[l], 3) * torch.tensor([6.28, 3.14, 6.28])
    rotation = mk.reps.rotation_from_angles(angles.double()).float()

    def ours() -> Tensor:
        return mk.reps.wigner_d(l, rotation)

    def theirs() -> Tensor:
        return o3.wigner_D(l, *angles.unbind(-1))

    torch.testing.assert_close(ours(), theirs(), rtol=0, atol=1e-4)
    peers: dict[str, tuple[Run, float | None]] = {"e3nn": (theirs, 0.06)}
    return compare(f"Wigner D, l = {l}, {WIGNER[l]} rotations", ours, peers, seconds=10.0)


def escnn_basis() -> float:
    """max |Q D_l(R) Qᵀ − escnn's irrep(l)(R)| for l ≤ 8, with the Q of reps.convert."""
    group = so3_group(8)
    error = 0.0
    for _ in range(4):
        element = group.sample()
        rotation = torch.tensor(element.to("MAT"))
        for l in range(9):
            D = mk.reps.wigner_d(l, rotation)
            half = mk.reps.convert(D.mT, "mackey", "escnn", irreps=str(l))
            whole = mk.reps.convert(half.mT, "mackey", "escnn", irreps=str(l))
            theirs = torch.tensor(group.irrep(l)(element))
            error = max(error, (whole - theirs).abs().max().item())
    return error
