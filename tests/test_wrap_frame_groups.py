"""Frame averages: the golden frames, every group on generic clouds, degenerate ones refused, forces."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import mackey as mk
from mackey.groups import named
from mackey.wrap.frame_averaging import FrameAveraged, frames
from mackey.wrap.pca_frames import pca_frames

IN, OUT = ("positions", "vectors", "tokens"), ("positions", "vectors", "invariant")
AROUND_0 = ("vectors", "vectors", "invariant")  # without translations positions are vectors
GROUPS = [
    "E(2)",
    "SE(2)",
    "O(2)",
    "SO(2)",
    "E(3)",
    "SE(3)",
    "O(3)",
    "SO(3)",
    "E(4)",
    "SE(4)",
    "O(4)",
    "SO(4)",
]


class Net(nn.Module):
    """Symmetric under nothing but permutations."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(nn.Linear(2 * d + 2, 16), nn.Tanh(), nn.Linear(16, 2 * d)).double()
        self.last = nn.Linear(2 * d, 3).double()

    def forward(self, x: Tensor, v: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y = self.mix(torch.cat([x, v, h], -1))
        y = y + y.mean(1, keepdim=True).square()
        d = x.shape[-1]
        return y[..., :d], y[..., d:], self.last(y.mean(1))


def cloud(d: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    x, v = torch.randn(2, 4, 7, d, generator=generator, dtype=torch.float64)
    return x, v, torch.randn(4, 7, 2, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("group", GROUPS)
def test_a_hundred_elements(group: str, generator: torch.Generator) -> None:
    """Reflections too where the group has them, and large shifts; the network alone is far off."""
    d = int(group[-2])
    net = Net(d)
    wrapped = frames(net, group, IN, OUT if "E" in group else AROUND_0)
    x, v, h = cloud(d, generator)
    wrapped.check(x, v, h)
    with torch.no_grad():
        y, plain = wrapped(x, v, h), net(x, v, h)
        for g in named(group).sample(100, generator).double():
            turn, shift = g[:d, :d], (g[:d, d] if len(g) > d else g.new_zeros(d))
            z = wrapped(x @ turn.mT + shift, v @ turn.mT, h)
            torch.testing.assert_close(
                z, (y[0] @ turn.mT + shift, y[1] @ turn.mT, y[2]), rtol=1e-10, atol=1e-10
            )
        assert float((net(x @ turn.mT + shift, v @ turn.mT, h)[1] - plain[1] @ turn.mT).abs().max()) > 0.05


@pytest.mark.parametrize("group", ["SO(2)", "SO(3)", "SE(4)"])
def test_proper_frames_see_handedness(group: str, generator: torch.Generator) -> None:
    """A mirror image is another input for SO(d), the same one for O(d)."""
    d = int(group[-2])
    net = Net(d)
    x, v, h = cloud(d, generator)
    mirror = torch.ones(d, dtype=torch.float64)
    mirror[0] = -1
    for name, same in ((group, False), (group.replace("S", ""), True)):
        wrapped = frames(net, name, IN, OUT if "E" in group else AROUND_0)
        change = (wrapped(x * mirror, v * mirror, h)[2] - wrapped(x, v, h)[2]).detach().abs().max()
        assert (float(change) < 1e-12) is same


@pytest.mark.parametrize("point", ["in", "in2"])
def test_golden_frames(parity_folder: Path, point: str) -> None:
    """The frames of the authors' code as a set, centre and framed points: signs are LAPACK's choice."""
    with np.load(parity_folder / "frame_averaging_frames.npz") as archive:
        out = "out" if point == "in" else "out2"
        h = torch.as_tensor(archive[f"{point}/h"]).view(2, 6, 6)
        wanted, centre = torch.as_tensor(archive[f"{out}/F"]), torch.as_tensor(archive[f"{out}/center"])
        framed = torch.as_tensor(archive[f"{out}/framed"]).view(8, 2, 6, 6)
    found, c = pca_frames(h[..., :3])
    torch.testing.assert_close(c, centre[..., 0], rtol=0, atol=1e-12)
    points = torch.einsum("bkij,bni->bknj", found, h[..., :3] - c[:, None])
    for b in range(2):
        for k in range(8):
            error, match = (found[b] - wanted[b, k]).abs().amax((1, 2)).min(0)
            assert float(error) < 1e-10
            torch.testing.assert_close(points[b, match], framed[k, b, :, :3], rtol=0, atol=1e-10)


def test_golden_frames_of_faenet(parity_folder: Path) -> None:
    """pos U and cell U: 8 frames, and the 4 of determinant 1; their columns are by descending moment."""
    with np.load(parity_folder / "faenet_frames.npz") as archive:
        golden = {key: torch.as_tensor(archive[key]) for key in archive.files if key != "meta"}
    for proper, name in ((False, "all"), (True, "se3-all")):
        found, c = pca_frames(golden["in/pos"][None], proper=proper)
        if proper:  # the last column takes the sign of the determinant: it is the first there
            assert bool((torch.linalg.det(found) > 0).all())
        found = found[0].flip(-1) if not proper else found[0].flip(-1) * torch.tensor([1.0, 1, -1]).double()
        rot = golden[f"out/rot_{name}"]
        assert len(found) == len(rot)
        for k, wanted in enumerate(rot):
            error, match = (found - wanted).abs().amax((1, 2)).min(0)
            assert float(error) < 1e-10
            at = (golden["in/pos"] - c[0]) @ found[match]
            torch.testing.assert_close(at, golden[f"out/pos_{name}"][k], rtol=0, atol=1e-10)
            cell = golden["in/cell"] @ found[match]
            torch.testing.assert_close(cell, golden[f"out/cell_{name}"][k], rtol=0, atol=1e-10)


def energy(wrapped: FrameAveraged, v: Tensor, h: Tensor, x: Tensor) -> Tensor:
    return wrapped(x, v, h)[2].sum()


def test_forces_are_the_gradient_of_the_energy(generator: torch.Generator) -> None:
    x, v, h = (t[:1, :4] for t in cloud(3, generator))
    wrapped = frames(Net(3), "SE(3)", IN, OUT)
    assert torch.autograd.gradcheck(lambda z: energy(wrapped, v, h, z), (x.clone().requires_grad_(),))
    assert torch.autograd.gradgradcheck(lambda z: energy(wrapped, v, h, z), (x.clone().requires_grad_(),))
    force = torch.func.grad(lambda z: energy(wrapped, v, h, z))(x)
    g = named("SE(3)").sample(1, generator).double()[0]
    moved = torch.func.grad(lambda z: energy(wrapped, v @ g[:3, :3].mT, h, z))(x @ g[:3, :3].mT + g[:3, 3])
    torch.testing.assert_close(moved, force @ g[:3, :3].mT, rtol=1e-9, atol=1e-9)


TETRAHEDRON = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=torch.float64)
DEGENERATE = {
    "tetrahedron": TETRAHEDRON,
    "square": torch.tensor([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]], dtype=torch.float64),
    "line": torch.tensor([[0.0, 0, 0], [1, 2, 3], [2, 4, 6], [4, 8, 12]], dtype=torch.float64),
    "one place": torch.ones(4, 3, dtype=torch.float64),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_clouds_are_refused_and_finite(name: str, generator: torch.Generator) -> None:
    x = DEGENERATE[name][None].clone().requires_grad_()
    v, h = (t[:1, :4] for t in cloud(3, generator)[1:])
    wrapped = frames(Net(3), "E(3)", IN, OUT)
    for y in (*wrapped(x, v, h), *torch.autograd.grad(energy(wrapped, v, h, x), x)):
        assert bool(torch.isfinite(y).all())
    with pytest.raises(ValueError, match="symmetric, or nearly so"):
        wrapped.check(x.detach(), v, h)


def test_frames_in_parts_and_padding(generator: torch.Generator) -> None:
    x, v, h = cloud(3, generator)
    net = Net(3)
    whole = frames(net, "E(3)", IN, OUT)(x, v, h)
    torch.testing.assert_close(frames(net, "E(3)", IN, OUT, at_once=3)(x, v, h), whole)
    there = torch.tensor([True] * 5 + [False] * 2).expand(4, 7)

    class Masked(nn.Module):
        def forward(self, x: Tensor, v: Tensor, h: Tensor, there: Tensor) -> Tensor:
            return net(x[:, :5], v[:, :5], h[:, :5])[2] + 0 * there.sum(1, keepdim=True)

    padded = frames(Masked(), "E(3)", (*IN, "tokens"), "invariant", mask=3)
    short = frames(net, "E(3)", IN, OUT)(x[:, :5], v[:, :5], h[:, :5])[2]
    torch.testing.assert_close(padded(x, v, h, there), short)


def test_refusals(generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match=r"wanted E\(n\), SE\(n\), O\(n\) or SO\(n\)"):
        frames(Net(3), "O(1,3)", IN, OUT)
    with pytest.raises(ValueError, match="positions or vectors among the inputs"):
        frames(Net(3), "E(3)", "tokens", "invariant")
    with pytest.raises(ValueError, match="positions among the inputs, to place the outputs"):
        frames(Net(3), "E(3)", "vectors", "positions")
    with pytest.raises(ValueError, match="which is sampled by pixels"):
        frames(Net(3), "E(3)", ("positions", "image"), "invariant")
    with pytest.raises(ValueError, match="a batch on axis 0"):
        frames(Net(3), "E(3)", "positions@0", "invariant")
    with pytest.raises(ValueError, match="at_once ≥ 1"):
        frames(Net(3), "E(3)", IN, OUT, at_once=0)
    x, v, h = cloud(3, generator)
    wrapped = frames(Net(3), "E(3)", IN, OUT)
    with pytest.raises(ValueError, match="wanted 3 inputs, as declared, got 2"):
        wrapped(x, v)
    with pytest.raises(ValueError, match="4 samples on axis 0 of every input"):
        wrapped(x, v[:2], h)
    with pytest.raises(ValueError, match="wanted 2 outputs, as declared, got 3"):
        frames(Net(3), "E(3)", IN, ("positions", "vectors"))(x, v, h)
    with pytest.raises(ValueError, match="32 samples on axis 0 of every output"):
        frames(Total(), "E(3)", IN, "invariant")(x, v, h)


class Total(nn.Module):
    def forward(self, x: Tensor, v: Tensor, h: Tensor) -> Tensor:
        return x.sum()


@pytest.mark.parametrize("group", ["O(2)", "O(3)", "SO(3)"])
def test_positions_about_the_origin_come_out_under_groups_without_shifts(group: str) -> None:
    class Drift(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + x.sin() * torch.arange(1.0, x.shape[-1] + 1).to(x)

    wrapped = mk.wrap.frames(Drift(), group, "positions", "positions").double()
    x = torch.randn(3, 6, int(group[-2]), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    report = mk.audit(wrapped, x, in_type="positions", out_type="positions", group=group)
    assert report.passed and report.promise.holds, str(report)
