"""Weighted frames: exact on every cloud, symmetric and nearly so too; principal frames beside them."""

import pytest
import torch
from torch import Tensor, nn

import mackey as mk
from mackey.actions import Motion, declare
from mackey.groups import named
from mackey.wrap.anchor_frames import anchor_frames, axial_turns
from mackey.wrap.frame_averaging import frames
from mackey.wrap.weighted_frames import WeightedFrames, degree, moment_frames, weighted_frames
from test_wrap_frame_groups import AROUND_0, IN, OUT, TETRAHEDRON, Net, cloud

SQUARE = torch.tensor([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]], dtype=torch.float64)
LINE = torch.tensor([[0.0, 0, 0], [1, 2, 3], [2, 4, 6], [4, 8, 12]], dtype=torch.float64)
SHAPES = {
    "tetrahedron": TETRAHEDRON,
    "square": SQUARE,
    "line": LINE,
    "dumbbell": LINE[[0, 1, 2, 0]] - LINE[1],
}
NOISES = (0.0, 1e-12, 1e-9, 1e-6, 1e-3)


def worst(wrapped: nn.Module, group: str, x: Tensor, v: Tensor, h: Tensor, count: int = 100) -> float:
    """The largest error over elements of the group, reflections and shifts among them."""
    d = x.shape[-1]
    largest = 0.0
    with torch.no_grad():
        y = wrapped(x, v, h)
        for g in named(group).sample(count, torch.Generator().manual_seed(1)).double():
            turn, shift = g[:d, :d], (g[:d, d] if len(g) > d else g.new_zeros(d))
            found = wrapped(x @ turn.mT + shift, v @ turn.mT, h)
            wanted = (y[0] @ turn.mT + shift, y[1] @ turn.mT, y[2])
            largest = max(largest, *(float((a - b).abs().max()) for a, b in zip(found, wanted, strict=True)))
    return largest


@pytest.mark.parametrize("group", ["E(2)", "SE(2)", "O(2)", "SO(2)", "E(3)", "SE(3)", "O(3)", "SO(3)"])
def test_a_hundred_elements(group: str, generator: torch.Generator) -> None:
    d = int(group[-2])
    wrapped = weighted_frames(Net(d), group, IN, OUT if "E" in group else AROUND_0, at_once=50)
    x, v, h = (part[:1, :4] for part in cloud(d, generator))
    assert wrapped.guarantee.kind == "exact" and wrapped.guarantee.group == group
    assert worst(wrapped, group, x, v, h) < 1e-12


def nearly_tied(gap: float, generator: torch.Generator) -> Tensor:
    """Seven points with extents ½, 1 − gap and 1 along some axes."""
    x = torch.randn(7, 3, generator=generator, dtype=torch.float64)
    axes = torch.linalg.qr(x - x.mean(0))[0]
    return (axes * torch.tensor([0.5, 1 - gap, 1.0], dtype=torch.float64))[None]


@pytest.mark.parametrize("gap", [1e-1, 1e-3, 1e-5, 1e-7, 1e-9, 1e-12, 1e-15])
def test_error_against_the_gap(gap: float, generator: torch.Generator) -> None:
    """Principal frames lose rounding/gap, and `check` refuses past 1e-10; weighted ones lose nothing."""
    x = nearly_tied(gap, generator)
    v, h = (part[:1] for part in cloud(3, generator)[1:])
    net = Net(3)
    principal = frames(net, "E(3)", IN, OUT)
    lost = worst(principal, "E(3)", x, v, h, 20)
    assert lost < 100 * 2.2e-16 / gap
    assert (lost < 1e-10) or gap < 1e-5
    if gap < 1e-5:
        with pytest.raises(ValueError, match=r"symmetric, or nearly so.*wrap.weighted_frames"):
            principal.check(x, v, h)
    if gap < 1e-7:
        assert lost > 1e-10, "principal frames cannot hold here"
    assert worst(weighted_frames(net, "E(3)", IN, OUT, anchors=(0,)), "E(3)", x, v, h, 20) < 1e-13


def test_long_clouds_keep_their_axes(generator: torch.Generator) -> None:
    """Extents 1, 1e-4 and 2e-5: moments differ by 1e-8, singular values by 8e-5. Held by those."""
    x = torch.linalg.qr(torch.randn(7, 3, generator=generator, dtype=torch.float64))[0]
    x = ((x - x.mean(0)) * torch.tensor([1.0, 1e-4, 2e-5], dtype=torch.float64))[None]
    v, h = (part[:1] for part in cloud(3, generator)[1:])
    principal = frames(Net(3), "O(3)", AROUND_0, AROUND_0)
    principal.check(x, v, h)
    assert worst(principal, "O(3)", x, v, h) < 1e-10


@pytest.mark.parametrize("group", ["E(3)", "SE(3)"])
@pytest.mark.parametrize("shape", SHAPES)
def test_symmetric_clouds(shape: str, group: str, generator: torch.Generator) -> None:
    """Exactly symmetric, and nearly so, whatever the velocities tell of directions."""
    net = Net(3)
    v, h = (part[:1, :4] for part in cloud(3, generator)[1:])
    for noise in NOISES:
        x = SHAPES[shape] + noise * torch.randn(1, 4, 3, generator=generator, dtype=torch.float64)
        for velocities in (v, 0 * v):
            wrapped = weighted_frames(net, group, IN, OUT)
            wrapped.check(x, velocities, h)
            assert worst(wrapped, group, x, velocities, h, 10) < 1e-11


def test_the_measure_is_continuous(generator: torch.Generator) -> None:
    """A step of 1e-7 in any direction moves the result by about as much, at symmetric clouds too."""
    v, h = (part[:1, :4] for part in cloud(3, generator)[1:])
    wrapped = weighted_frames(Net(3), "E(3)", IN, OUT)
    for x in SHAPES.values():
        step = 1e-7 * torch.randn(x.shape, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            before, after = wrapped(x[None], 0 * v, h), wrapped((x + step)[None], 0 * v, h)
        assert all(float((a - b).abs().max()) < 3e-5 for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("gap", [1e-1, 1e-5, 1e-8, 1e-12, 1e-15])
@pytest.mark.parametrize("group", ["E(3)", "SE(3)"])
def test_several_moments(group: str, gap: float, generator: torch.Generator) -> None:
    """Equal second moments are no exception where higher ones differ; 24 or 12 frames for any cloud."""
    x = nearly_tied(gap, generator)
    v, h = (part[:1] for part in cloud(3, generator)[1:])
    wrapped = moment_frames(Net(3), group, IN, OUT)
    wrapped.check(x, v, h)
    assert worst(wrapped, group, x, v, h, 100) < 1e-12
    poses = wrapped.poses.poses(wrapped.posing, (x, v, h), (x, v, h))
    assert poses.frames.shape[1] == (24 if group == "E(3)" else 12)
    torch.testing.assert_close(poses.weights.sum(1), torch.ones(1).double())
    one = frames(wrapped.network, group, IN, OUT)
    alone = moment_frames(wrapped.network, group, IN, OUT, moments=1)
    torch.testing.assert_close(alone(x, v, h), one(x, v, h))


@pytest.mark.parametrize("group", ["SO(2)", "O(2)", "E(4)", "SE(4)"])
def test_several_moments_in_any_dimension(group: str, generator: torch.Generator) -> None:
    d = int(group[-2])
    x, v, h = (part[:1] for part in cloud(d, generator))
    wrapped = moment_frames(Net(d), group, IN, OUT if "E" in group else AROUND_0, at_once=5)
    assert worst(wrapped, group, x, v, h, 20) < 1e-11


@pytest.mark.parametrize("shape", ["tetrahedron", "square", "line", "one place"])
def test_several_moments_refuse_symmetric_clouds(shape: str, generator: torch.Generator) -> None:
    """Finite all the same, with finite gradients."""
    x = {**SHAPES, "one place": torch.ones(4, 3).double()}[shape][None].clone().requires_grad_()
    v, h = (part[:1, :4] for part in cloud(3, generator)[1:])
    wrapped = moment_frames(Net(3), "E(3)", IN, OUT)
    y = wrapped(x, v, h)
    found = torch.autograd.grad(sum(part.sum() for part in y), x)[0]
    assert all(bool(torch.isfinite(part).all()) for part in (*y, found))
    with pytest.raises(ValueError, match="got sample 0, symmetric, or nearly so, in every moment"):
        wrapped.check(x.detach(), v, h)
    with pytest.raises(ValueError, match="moments ≥ 1"):
        moment_frames(Net(3), "E(3)", IN, OUT, moments=0)


class Everything(nn.Module):
    """Positions to one of each kind of output."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Sequential(nn.Linear(12, 32), nn.Tanh(), nn.Linear(32, 3 + 9 + 14 + 1)).double()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        y = self.mix(x.flatten(1))
        return y[:, :3], y[:, 3:12].unflatten(1, (3, 3)), y[:, None, 12:26], y[:, 26:]


@pytest.mark.parametrize("noise", [0.0, 1e-9, 1e-4])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_type_comes_out(shape: str, noise: float, generator: torch.Generator) -> None:
    """Pseudovectors, matrices, features and pseudoscalars of O(3); the last are 0 on these shapes."""
    out = ("pseudovector", "matrix", "1x0e + 2x1o + 1x3o", "pseudoscalar")
    wrapped = weighted_frames(Everything(), "E(3)", "positions", out)
    x = SHAPES[shape] + noise * torch.randn(1, 4, 3, generator=generator, dtype=torch.float64)
    kinds = [declare(name, named("E(3)"), "") for name in out]
    with torch.no_grad():
        y = wrapped(x)
        for g in named("E(3)").sample(10, generator).double():
            found = wrapped(x @ g[:3, :3].mT + g[:3, 3])
            wanted = [one.act(part, Motion(g[:3, :3])) for one, part in zip(kinds, y, strict=True)]
            torch.testing.assert_close(list(found), wanted, rtol=0, atol=1e-11)


def test_degrees() -> None:
    """Means over so many turns keep what all turns keep."""
    group = named("O(3)")
    wanted = {"vector": 1, "matrix": 2, "tokens": 0, "2x0e + 3x2e + 1x1o": 2, "1x4e": 4}
    assert {name: degree(declare(name, group, "")) for name in wanted} == wanted
    for l in range(4):
        count = l + 1
        turns = axial_turns(count, torch.zeros(1, dtype=torch.float64))
        rep = mk.reps.parse(named("SO(3)"), f"1x{l}")
        mean = rep.at(turns).mean(0)
        torch.testing.assert_close(mean @ mean, mean, rtol=0, atol=1e-12)
        assert abs(float(mean.trace()) - 1) < 1e-12, "one vector of each degree is fixed"


@pytest.mark.parametrize("proper", [False, True])
def test_frames_are_orthonormal_and_weights_sum_to_one(proper: bool, generator: torch.Generator) -> None:
    for d in (2, 3):
        clouds = [torch.randn(5, d, generator=generator, dtype=torch.float64), torch.zeros(5, d).double()]
        clouds += [torch.eye(d).double()[[0, 0, 0, 0, 0]], 1e-170 * clouds[0], 1e150 * clouds[0]]
        poses = anchor_frames(torch.stack(clouds), proper=proper)
        eye = torch.eye(d, dtype=torch.float64).expand(poses.frames.shape)
        torch.testing.assert_close(poses.frames.mT @ poses.frames, eye, rtol=0, atol=1e-13)
        torch.testing.assert_close(poses.weights.sum(1), torch.ones(5).double(), rtol=0, atol=1e-13)
        signs = torch.linalg.det(poses.frames)
        assert bool((signs > 0).all()) is proper
        torch.testing.assert_close((signs * poses.weights).sum(1), torch.full((5,), float(proper)).double())


def test_padding_has_no_say(generator: torch.Generator) -> None:
    x, v, h = (part[:2] for part in cloud(3, generator))
    there = torch.tensor([True] * 4 + [False] * 3).expand(2, 7)
    net = Net(3)

    class Masked(nn.Module):
        def forward(self, x: Tensor, v: Tensor, h: Tensor, there: Tensor) -> Tensor:
            return net(x[:, :4], v[:, :4], h[:, :4])[2] + 0 * there.sum(1, keepdim=True)

    padded = weighted_frames(Masked(), "E(3)", (*IN, "tokens"), "invariant", mask=3)
    short = weighted_frames(net, "E(3)", IN, OUT)(x[:, :4], v[:, :4], h[:, :4])[2]
    noisy = [part.where(there[..., None], torch.nan) for part in (x, v)]
    torch.testing.assert_close(padded(*noisy, h, there), short)


@pytest.mark.parametrize("shape", [*SHAPES, "one place", "one point"])
def test_gradients(shape: str, generator: torch.Generator) -> None:
    """Finite on every cloud; those of differences on generic ones."""
    one_place = {"one place": torch.ones(4, 3).double(), "one point": torch.ones(1, 3).double()}
    x = {**SHAPES, **one_place}[shape][None].clone().requires_grad_()
    v, h = (part[:1, : x.shape[1]] for part in cloud(3, generator)[1:])
    wrapped = weighted_frames(Net(3), "E(3)", IN, OUT)
    for velocities in (v, 0 * v):
        for y in wrapped(x, velocities, h):
            assert bool(torch.isfinite(torch.autograd.grad(y.sum(), x, retain_graph=True)[0]).all())
    x = torch.randn(1, 3, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    v, h = (part[:1, :3] for part in cloud(3, generator)[1:])
    if shape == "square":
        assert torch.autograd.gradcheck(lambda z: wrapped(z, v, h), (x,))
        assert torch.autograd.gradgradcheck(lambda z: wrapped(z, v, h)[2].sum(), (x,))
        moments = moment_frames(wrapped.network, "E(3)", IN, OUT)
        assert torch.autograd.gradcheck(lambda z: moments(z, v, h), (x,))


def test_chunks_and_dtype(generator: torch.Generator) -> None:
    x, v, h = (part[:2, :4] for part in cloud(3, generator))
    net = Net(3)
    whole = weighted_frames(net, "SE(3)", IN, OUT)(x, v, h)
    torch.testing.assert_close(weighted_frames(net, "SE(3)", IN, OUT, at_once=7)(x, v, h), whole)
    single = weighted_frames(net.float(), "SE(3)", IN, OUT)(x.float(), v.float(), h.float())
    assert all(part.dtype == torch.float32 for part in single)
    torch.testing.assert_close(single, tuple(part.float() for part in whole), rtol=1e-4, atol=1e-4)


def test_refusals(generator: torch.Generator) -> None:
    x, v, h = (part[:2, :4] for part in cloud(3, generator))
    with pytest.raises(ValueError, match="wanted a group of R² or R³, got E"):
        weighted_frames(Net(4), "E(4)", IN, OUT)
    with pytest.raises(ValueError, match="numbers of inputs among"):
        weighted_frames(Net(3), "E(3)", IN, OUT, anchors=(2,))
    with pytest.raises(ValueError, match="at_once ≥ 1"):
        weighted_frames(Net(3), "E(3)", IN, OUT, at_once=0)
    x[1] = 1
    wrapped = weighted_frames(Net(3), "E(3)", IN, OUT)
    wrapped.check(x, v, h)
    v[1] = 0
    with pytest.raises(ValueError, match="got sample 1, one place"):
        wrapped.check(x, v, h)


@pytest.mark.parametrize("wrap", [frames, weighted_frames, moment_frames])
def test_products_with_permutations(wrap: type, generator: torch.Generator) -> None:
    """E(3)×Sym in one call: motions, mirrors and a permutation each, by the auditor too."""
    from_order = nn.Sequential(nn.Flatten(), nn.Linear(12, 12), nn.Tanh(), nn.Unflatten(1, (4, 3))).double()
    with torch.no_grad():
        from_order[1].weight.normal_(generator=generator)
    wrapped = wrap(from_order, "E(3)×Sym", "positions", "vectors")
    assert wrapped.guarantee.group == "E(3)×Sym"
    x = torch.randn(2, 4, 3, generator=generator, dtype=torch.float64)
    y = wrapped(x)
    for g in named("E(3)").sample(100, generator).double():
        p = torch.randperm(4, generator=generator)
        torch.testing.assert_close(
            wrapped((x @ g[:3, :3].mT + g[:3, 3])[:, p]), (y @ g[:3, :3].mT)[:, p], rtol=1e-10, atol=1e-10
        )
    report = mk.audit(wrapped, x, in_type="positions", out_type="vectors", group="E(3)×Sym")
    assert report.passed and report.promise.holds, str(report)
    wrapped.check(x)
    x[1, 2] = x[1, 0] * (1 + 1e-14)  # which of the two comes first, rounding would decide
    with pytest.raises(ValueError, match="equal up to rounding"):
        wrapped.check(x)


@pytest.mark.unchecked
@pytest.mark.parametrize("wrap", [frames, weighted_frames, moment_frames])
@pytest.mark.filterwarnings("ignore:.*should not be instantiated")  # the compiler's own reading of a Function
def test_compiled_and_exported(wrap: type, generator: torch.Generator) -> None:
    """Whole graphs, products with Sym too; strict=False with any number of samples; principal frames with any
    number of points too.
    """
    x, v, h = (part[:3, :4].clone() for part in cloud(3, generator))
    for group in ("SE(3)", "E(3)×Sym"):
        wrapped: WeightedFrames = wrap(Net(3), group, IN, OUT)
        compiled = torch.compile(wrapped, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(x, v, h), wrapped(x, v, h))
        sizes = {0: torch.export.Dim("b", min=2)}
        if wrap is frames:
            sizes[1] = torch.export.Dim("n", min=3)
        program = torch.export.export(
            wrapped, (x, v, h), dynamic_shapes={"inputs": (sizes, sizes, sizes)}, strict=False
        )
        for b, n in ((2, 4), (3, 6) if wrap is frames else (5, 4)):
            again = [torch.randn(b, n, c, generator=generator, dtype=torch.float64) for c in (3, 3, 2)]
            torch.testing.assert_close(program.module()(*again), wrapped(*again))
