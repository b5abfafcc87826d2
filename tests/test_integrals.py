"""What layers with an integral promise beside it: scale, padding, windows, checks, gradients, lowering."""

import numpy as np
import pytest
import torch
from torch import Tensor

import mackey as mk
from cases import field
from test_reference import assert_equal, drawn, noise


@pytest.mark.parametrize("fibre", ["regular", "irreps", "quotient"])
@pytest.mark.parametrize("gain", [1.0, 2.0])
@pytest.mark.parametrize("kernel", [1, 3])
def test_initial_variance(fibre: str, gain: float, kernel: int) -> None:
    """Output variance = gain × input variance, before any training. Fixed seeds; the spread is 5 %."""
    into, out = field("p4", fibre, 32), field("p4", "regular", 64)
    x = noise(16, into.channels, kernel, kernel)
    ratios = []
    with torch.random.fork_rng(devices=[]):
        for seed in range(4):
            torch.manual_seed(seed)
            conv = mk.nn.Conv(into, out, kernel, padding=0, gain=gain).double()
            ratios.append(float(conv(x).detach().var() / x.var()))
    assert abs(np.mean(ratios) / gain - 1) < 0.15, ratios
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        default = float(mk.nn.Linear(into, out).double()(x).detach().var() / x.var())
    assert abs(default - 1) < 0.25, "the default of Linear is gain 1"


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("size", [7, 8])
def test_default_padding(kernel: int, size: int) -> None:
    """(kernel_size − 1)//2 on every side: odd kernels keep the size, even ones lose one sample."""
    conv = mk.nn.Conv(field("p4", "regular", 1), field("p4", "trivial", 1), kernel).double()
    x, padding = noise(1, 4, size, size), (kernel - 1) // 2
    out = size if kernel % 2 else size - 1
    padded = np.pad(x.numpy(), [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), (2, 3))
    assert conv(x).shape == (1, 1, out, out)
    with torch.no_grad():
        wanted = np.einsum("bchwij,ocij->bohw", windows, conv.integrand.filter().numpy())
    assert_equal(conv(x), wanted)


def test_windows_contain_what_they_say() -> None:
    """The cube |x|_∞ ≤ (size − 1)/2: 3 reaches one sample, 4 (between samples) one and a half."""
    steps = torch.tensor([[0, 0], [1, 0], [1, -1], [-1, 1], [0, 2], [2, 0], [-2, 1], [1.5, 0.5], [2.5, 0.5]])
    pose = mk.spaces.Pose(steps.double(), torch.zeros(len(steps), dtype=torch.long))
    contained = {size: mk.integrands.Window(size).contains(pose).int().tolist() for size in (1, 3, 4, 5)}
    assert contained[1] == [1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert contained[3] == [1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert contained[4] == [1, 1, 1, 1, 0, 0, 0, 1, 0]
    assert contained[5] == [1, 1, 1, 1, 1, 1, 1, 1, 0]
    assert mk.integrands.All().contains(pose).all()


@pytest.mark.parametrize("sizes", [(5, 5), (5, 7), (7, 3)])
def test_black_box_sees_the_field_from_each_target(sizes: tuple[int, int]) -> None:
    """λ reads the pixels below on the left and right of the centre, a pm-orbit that p4 would not keep."""
    grid = mk.spaces.Grid(mk.groups.pm(), periodic=True)
    kind = mk.FieldType(grid, mk.reps.trivial(grid.stabiliser), 2)

    def corners(f: Tensor) -> Tensor:
        row, column = f.shape[-2] // 2 + 1, f.shape[-1] // 2
        return f[..., row, column - 1] + f[..., row, column + 1]

    x = noise(2, 2, *sizes)
    wanted = np.zeros_like(x.numpy())
    for i, j in np.ndindex(*sizes):
        below = x.numpy()[:, :, (i + 1) % sizes[0]]
        wanted[:, :, i, j] = below[..., (j - 1) % sizes[1]] + below[..., (j + 1) % sizes[1]]
    assert_equal(mk.nn.Integral(mk.integrands.BlackBox(kind, kind, corners))(x), wanted)


@pytest.mark.parametrize("name", ["p4m", "p8"])
def test_gradients_in_eval_mode_are_those_of_train_mode(name: str) -> None:
    """Also after an evaluation without gradients, which keeps the expanded filter."""
    for fibre in ("regular", "irreps"):
        layer = drawn(mk.nn.Conv(field(name, fibre, 2), field(name, "regular", 2), 3))
        x, found = noise(2, layer.in_type.channels, 4, 4), []
        for training in (True, False):
            layer.train(training).zero_grad()
            with torch.no_grad():
                layer(x)
            layer(x).square().sum().backward()
            found.append([p.grad.clone() for p in layer.parameters()])
        torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
        assert all(float(gradient.abs().max()) > 0 for gradient in found[1])


@pytest.mark.parametrize("name", [lowering.name for lowering in mk.LOWERINGS])
def test_a_lowering_asked_for_by_name_is_the_one_used(name: str) -> None:
    """Also where another one comes first: all three can compute a 1×1 convolution, with equal values."""
    kind = field("p4", "regular", 2)
    H = kind.table.group
    alone = mk.FieldType.at_point(mk.reps.parse(H, "2xregular"))
    others = {
        "attention": mk.integrands.Attention(kind, kind),
        "blocks": mk.integrands.BlockLinear(alone, alone),
    }
    if name in others:
        assert mk.plan(others[name], name).name == name
        assert mk.plan(others[name], "literal").name == "literal"
        return
    layer, plain = (drawn(mk.nn.Conv(kind, kind, 1, lowering=given)) for given in (name, None))
    x = noise(2, 8, 3, 3)
    assert layer.lowering.name == name and plain.lowering.name == "pointwise"
    assert_equal(layer(x), plain(x).detach().numpy())


class Skewed(mk.Integrand):
    """Not quite equivariant under quarter turns: vectors, whose second coordinate is enlarged by `off`."""

    def __init__(self, field_type: mk.FieldType, value: float, score: float) -> None:
        super().__init__(field_type, field_type)
        self.value, self.weight = value, score

    def score(self, here, there, pose):
        product = (here * there).sum(-1) + self.weight * here[..., 0] * there[..., 0]
        return product.sum(-1)[..., None]

    def message(self, here, there, pose):
        return there * torch.tensor([1, 1 + self.value], dtype=there.dtype)


class RightHalf(mk.integrands.AbstractSupport):
    """Sources on the right: no turn leaves them in place."""

    def contains(self, pose):
        return pose.displacement[..., 0] >= 0


@pytest.mark.parametrize("off", [1e-4, 1e-6])
def test_small_violations_of_the_mackey_condition_are_refused(off: float) -> None:
    kind = field("p4", "vector", 2)
    mk.nn.Integral(Skewed(kind, 0.0, 0.0))
    with pytest.raises(ValueError, match=r"not equivariant: wanted ω\(hF, hg′\) = σ\(h\) ω\(F, g′\)"):
        mk.nn.Integral(Skewed(kind, off, 0.0))
    with pytest.raises(ValueError, match=r"not equivariant: wanted score\(hF, hg′\) = score\(F, g′\)"):
        mk.nn.Integral(Skewed(kind, 0.0, off))
    grid = mk.spaces.Grid(mk.groups.p4(), periodic=True)
    scalar = mk.FieldType(grid, mk.reps.trivial(grid.stabiliser), 1)

    def lopsided(f: Tensor) -> Tensor:
        return f.mean((-1, -2)) + off * f[..., 0, 1]

    with pytest.raises(ValueError, match="not equivariant: wanted ∫ω"):
        mk.nn.Integral(mk.integrands.BlackBox(scalar, scalar, lopsided))


def test_a_lopsided_support_is_refused() -> None:
    omega = Skewed(field("p4", "vector", 2), 0.0, 0.0)
    omega.support = RightHalf()
    with pytest.raises(ValueError, match="not equivariant: wanted a support S with hS = S for all h in C4"):
        mk.nn.Integral(omega)
