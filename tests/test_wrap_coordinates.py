"""Canonical coordinates: every flow is a shift in them; poses move with it, and the error falls as n⁻²."""

import copy
import math
import pickle

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from mackey import audit_rate
from mackey.wrap import (
    FLOWS,
    CanonicalCoordinates,
    PlanarFlow,
    PoseNetwork,
    canonical_coordinates,
    centroid,
    circular_centroid,
    planar_flow,
    resampled,
)
from mackey.wrap.canonical_coordinates import pixels
from mackey.wrap.planar_flows import centres


def move(name: str, a: float, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """T_a of a point, written out for each group."""
    c, s, e = math.cos(a), math.sin(a), math.exp(a)
    return {
        "translation": (x + a, y),
        "rotation": (c * x - s * y, s * x + c * y),
        "rotation-scale": (c * x - s * y, s * x + c * y),
        "scale": (e * x, e * y),
        "shear-x": (x + a * y, y),
        "shear-y": (x, y + a * x),
        "scale-x": (e * x, y),
        "scale-y": (x, e * y),
        "hyperbolic": (e * x, y / e),
        "perspective-x": (x / (1 + a * x), y / (1 + a * x)),
        "perspective-y": (x / (1 + a * y), y / (1 + a * y)),
    }[name]


def coordinate(name: str, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The paper's canonical coordinate of a point, and what names its orbit."""
    r = (x**2 + y**2).sqrt()
    return {
        "translation": (x, y),
        "rotation": (torch.atan2(y, x), r),
        "rotation-scale": (torch.atan2(y, x), r),
        "scale": (r.log(), torch.atan2(y, x)),
        "shear-x": (x / y, y),
        "shear-y": (y / x, x),
        "scale-x": (x.abs().log(), y),
        "scale-y": (y.abs().log(), x),
        "hyperbolic": ((x / y).abs().log() / 2, x * y),
        "perspective-x": (1 / x, y / x),
        "perspective-y": (1 / y, x / y),
    }[name]


def flat(points: Tensor) -> tuple[Tensor, Tensor]:
    return points[..., 0] / points[..., 2], points[..., 1] / points[..., 2]


@pytest.mark.parametrize("name", FLOWS)
@settings(max_examples=10, deadline=None, derandomize=True)
@given(shift=st.floats(-0.8, 0.8), start=st.floats(0.05, 0.95), across=st.floats(0.03, 0.97))
def test_a_flow_is_a_shift(name: str, shift: float, start: float, across: float) -> None:
    """T_a at (s, t) is (s + a, t), on every sheet; along s the paper's coordinate grows as s does."""
    flow = FLOWS[name]
    s = torch.tensor([start * flow.span[1] + (1 - start) * flow.span[0]], dtype=torch.float64)
    t = flow.section_span[0] + across * (flow.section_span[1] - flow.section_span[0])
    assume(abs(t) > 0.01)  # shears leave the axis where it is
    t = torch.tensor([t], dtype=torch.float64)
    here, there = flat(flow.points(s, t)), flat(flow.points(s + shift, t))
    for found, wanted in zip(there, move(name, shift, *here), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)
    before, after = coordinate(name, *here), coordinate(name, *there)
    off = after[0] - before[0] - shift
    off = torch.remainder(off + math.pi, 2 * math.pi) - math.pi if flow.circular else off
    assert float(off.abs().max()) < 1e-9
    torch.testing.assert_close(after[1], before[1], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("flow", FLOWS.values(), ids=lambda flow: flow.name)
def test_listed_flows_are_what_they_say(flow: PlanarFlow) -> None:
    """Checked here and not at import, since they do not change."""
    flow.check()


def test_any_generator_has_canonical_coordinates() -> None:
    """A spiral that nobody listed: turn and growth together, with its own curve across."""
    spiral = ((0.3, -1.0, 0.0), (1.0, 0.3, 0.0), (0.0, 0.0, 0.0))
    out = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 0.0))
    flow = PlanarFlow("spiral", spiral, out, (1.0, 0.0, 1.0), (-4.0, 0.0), (-0.9, 0.9))
    s, t = torch.tensor([-1.0, -0.6], dtype=torch.float64), torch.tensor([0.2], dtype=torch.float64)
    (x, y), a = flat(flow.points(s, t)), 0.4
    turned = move("rotation", a, x[:, 0], y[:, 0])
    for axis, value in enumerate((x, y)):
        torch.testing.assert_close(value[:, 1], math.exp(0.3 * a) * turned[axis], rtol=1e-12, atol=1e-12)
    pose = canonical_coordinates(nn.Identity(), flow, samples=16).double()
    assert pose.poses(torch.rand(2, 1, 8, 8, dtype=torch.float64))[0].shape == (2, 1)
    assert {flow: 1}[copy.deepcopy(flow)] == 1 and pickle.loads(pickle.dumps(flow)) == flow


SPOTS = torch.tensor([[0.45, 0.35], [-0.35, 0.45], [0.4, -0.35], [-0.5, -0.3]], dtype=torch.float64)
HEIGHTS = torch.tensor([1.0, 0.6, -0.7, 0.4], dtype=torch.float64)
STEP = dict.fromkeys(FLOWS, (0.15,)) | {
    "translation": (0.11, -0.07),
    "rotation": (0.7,),
    "rotation-scale": (0.7, 0.15),
    "perspective-x": (0.3,),
    "perspective-y": (0.3,),
}


def picture(n: int, motion: Tensor) -> Tensor:
    """Four smooth spots, away from the centre and the border, seen at the pixels of T x."""
    x = torch.zeros(1, 1, n, n, dtype=torch.float64)
    points = torch.stack(flat(pixels(x) @ torch.linalg.inv(motion).mT), -1)
    near = ((points[..., None, :] - SPOTS) ** 2).sum(-1) / 0.2**2
    return ((1 - near).clamp_min(0) ** 4 @ HEIGHTS)[None, None]


def amplified(module: nn.Module, seed: int = 0) -> nn.Module:
    module, draw = module.double(), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=draw, dtype=torch.float64))
    return module


def around(name: str, difference: Tensor) -> Tensor:
    """Angles between −π and π."""
    if not FLOWS[name].circular:
        return difference
    first = torch.remainder(difference[:, :1] + math.pi, 2 * math.pi) - math.pi
    return torch.cat([first, difference[:, 1:]], 1)


def errors(name: str, n: int) -> tuple[float, float]:
    """Root mean square over 2 networks and 3 motions: p(T_θ x) − p(x) − θ, and T_{−p}x against itself."""
    poses, images = [], []
    for seed in range(2):
        module = amplified(
            canonical_coordinates(nn.Identity(), name, samples=n, hidden=4, kernel_size=3), seed
        )
        still = picture(n, torch.eye(3).double())
        with torch.no_grad():
            p, upright = module.poses(still)[0], module.canonical(still)
            for scale in (1.0, -0.7, 0.45):
                theta = scale * torch.tensor([STEP[name]], dtype=torch.float64)
                moved = picture(n, module.stages[0].matrices(theta)[0])
                poses.append(around(name, module.poses(moved)[0] - p - theta).norm())
                images.append((module.canonical(moved) - upright).norm() / upright.norm())
    return tuple(float(torch.stack(one).square().mean().sqrt()) for one in (poses, images))


@pytest.mark.parametrize("name", FLOWS)
def test_the_error_falls_with_resolution(name: str) -> None:
    """From 40² to 120² pixels, at least as n⁻² (measured: n^−2.1 to n^−4.6)."""
    coarse, fine = errors(name, 40), errors(name, 120)
    for before, after in zip(coarse, fine, strict=True):
        assert math.log(before / after) / math.log(3) > 1.8
    assert fine[0] < 1e-2 and fine[1] < 4e-2


class Averages(nn.Module):
    """Three weighted means of an image, the same functions of the plane at every resolution."""

    def forward(self, x: Tensor) -> Tensor:
        plane = pixels(x)[..., :2]
        places = torch.tensor([[0.2, 0.3], [-0.4, 0.1], [0.1, -0.5]], dtype=x.dtype)
        near = ((plane - places[:, None, None]) ** 2).sum(-1)
        return torch.einsum("bchw,khw->bk", x, (-near / 0.1).exp()) / x[0, 0].numel()


def turning(n: int) -> nn.Module:
    module = canonical_coordinates(Averages(), "rotation", samples=4 * (n // 2), hidden=4, kernel_size=3)
    return amplified(module, 1)


def test_the_auditor_finds_the_rate() -> None:
    """Random smooth images at generic angles (measured: n^−2.6 ± 0.4), and the promise of n⁻² holds.

    Kernels have a fixed number of samples, so that each n has a pose of its own; the error of single ones
    goes up and down by factors of 2, which steps of 2 in n outweigh.
    """
    found = audit_rate(turning, torch.zeros(1, 1, 33, 33), at=(33, 65, 129, 193), group="SO(2)")
    assert found.promise is not None and found.promise.holds, str(found)


@pytest.mark.parametrize("name", ["rotation", "rotation-scale"])
def test_quarter_turns_are_exact(name: str) -> None:
    """Noise, odd and even sizes: poses turn by π/2 to rounding, the rest does not change."""
    for n in (9, 12):
        module = amplified(canonical_coordinates(nn.Identity(), name, samples=16, hidden=4))
        x = torch.randn(2, 1, n, n, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        assert "quarter turns of squares are exact" in module.guarantee.note
        turned = torch.rot90(x, 1, (-2, -1))
        theta = torch.tensor([[math.pi / 2, 0.0]], dtype=torch.float64)[:, : len(STEP[name])]
        off = around(name, module.poses(turned)[0] - module.poses(x)[0] - theta)
        assert float(off.detach().abs().max()) < 1e-11
        torch.testing.assert_close(module.canonical(turned), module.canonical(x), rtol=0, atol=1e-10)


def test_whole_shifts_are_exact() -> None:
    """By pixels, for content that stays inside: translation at as many samples as pixels."""
    module = amplified(canonical_coordinates(nn.Identity(), "translation", samples=16, hidden=4))
    x = torch.zeros(2, 1, 16, 16, dtype=torch.float64)
    x[..., 4:11, 3:9] = torch.rand(2, 1, 7, 6, generator=torch.Generator().manual_seed(1)).double()
    moved = torch.roll(x, (-2, 5), (-2, -1))  # 5 to the right, 2 up
    theta = torch.tensor([5 / 8, 2 / 8], dtype=torch.float64)
    torch.testing.assert_close(module.poses(moved)[0], module.poses(x)[0] + theta, rtol=0, atol=1e-11)
    torch.testing.assert_close(module.canonical(moved), module.canonical(x), rtol=0, atol=1e-10)


def test_a_softmax_would_not_move_with_the_content() -> None:
    """Why `heat` gives empty places no weight: a tenth of the shift is lost otherwise."""
    module = amplified(canonical_coordinates(nn.Identity(), "translation", samples=16, hidden=4))
    stage = module.stages[0]
    x = torch.zeros(1, 1, 16, 16, dtype=torch.float64)
    x[..., 4:11, 3:9] = 1.0
    one = torch.eye(3, dtype=torch.float64)[None]
    found = []
    for image in (x, torch.roll(x, 5, -1)):
        logits = stage.network(resampled(image, stage.points @ one[:, None].mT))[0]
        found.append(centroid(logits.softmax(1), stage.positions0))
    assert float((found[1] - found[0] - 5 / 8).detach().abs()) > 0.02


def test_images_are_moved_back() -> None:
    """A network that blurs to the right only, with an image out: equivariant under quarter turns."""
    blur = nn.Conv2d(1, 1, 3, padding=1)
    module = amplified(canonical_coordinates(blur, "rotation", 1, ("invariant", "image"), samples=16))
    module.network = Both(blur)
    x = torch.randn(2, 1, 9, 9, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    turned = torch.rot90(x, 1, (-2, -1))
    (_, here), (_, there) = module(x), module(turned)
    torch.testing.assert_close(there, torch.rot90(here, 1, (-2, -1)), rtol=0, atol=1e-10)
    assert float((blur(turned) - torch.rot90(blur(x), 1, (-2, -1))).detach().abs().max()) > 1e-2


class Both(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.inner(x)
        return y.mean((1, 2, 3)), y


def test_images_come_back_through_every_group() -> None:
    """Out and back through three groups that do not commute: the picture, up to two interpolations. In the
    other order it would not be.
    """
    module = canonical_coordinates(nn.Identity(), "translation shear-x rotation", 1, "image").double()
    poses = tuple(torch.tensor([p], dtype=torch.float64) for p in ([0.1, -0.05], [0.3], [0.5]))
    x = picture(128, torch.eye(3, dtype=torch.float64))
    pulled = module._pulled(x, poses)
    back = module._pushed(pulled, poses)
    backwards = [stage.matrices(-p) for stage, p in zip(module.stages, poses, strict=True)]
    wrong = resampled(pulled, pixels(x) @ (backwards[0] @ backwards[1] @ backwards[2])[:, None].mT)
    assert float((back - x).norm() / x.norm()) < 0.02 < 0.2 < float((wrong - x).norm() / x.norm())


def test_groups_one_after_the_other() -> None:
    """The first group is taken out; of the second only what the first pose leaves; one resampling."""
    name = "translation rotation-scale"
    module = amplified(canonical_coordinates(nn.Identity(), name, samples=16, hidden=4))
    x = torch.zeros(2, 1, 16, 16, dtype=torch.float64)
    x[..., 4:11, 3:9] = torch.rand(2, 1, 7, 6, generator=torch.Generator().manual_seed(1)).double()
    moved = torch.roll(x, (-2, 4), (-2, -1))
    for one, other in zip(module.poses(x)[1:], module.poses(moved)[1:], strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)
    torch.testing.assert_close(module.canonical(moved), module.canonical(x), rtol=0, atol=1e-10)
    first, second = (
        stage.matrices(p)[:, None] for stage, p in zip(module.stages, module.poses(x), strict=True)
    )
    torch.testing.assert_close(module.canonical(x), resampled(x, pixels(x) @ (first @ second).mT))
    assert module.guarantee.group == "translation" and "rotation-scale, which" in module.guarantee.note
    assert module.guarantee.kind == "continuum" and module.guarantee.rate == 2.0


@pytest.mark.parametrize("name", FLOWS)
def test_gradients_are_finite(name: str) -> None:
    """Of zeros, of a constant, of a point at the centre (log r = −∞) and of noise; right on noise."""
    module = amplified(canonical_coordinates(nn.Identity(), name, samples=8, hidden=3, kernel_size=3))
    centre = torch.zeros(1, 1, 5, 5)
    centre[..., 2, 2] = 1.0
    noise = torch.randn(1, 1, 5, 5, generator=torch.Generator().manual_seed(2))
    for x in (torch.zeros(1, 1, 5, 5), torch.ones(1, 1, 5, 5), centre, noise):
        x = x.double().requires_grad_()
        module.zero_grad()
        (module(x).square().sum() + module.poses(x)[0].sum()).backward()
        assert bool(x.grad.isfinite().all())
        assert all(bool(p.grad.isfinite().all()) for p in module.parameters())
    x = noise.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda y: module.poses(y)[0], (x,), fast_mode=True)


def test_centroids() -> None:
    """Of one peak: its place, also across the seam of a circle; of nothing: 0."""
    s = centres((-math.pi, math.pi), 8)
    peak = torch.zeros(3, 8, dtype=torch.float64)
    peak[0, 6] = peak[1, 0] = peak[1, 7] = 1.0
    torch.testing.assert_close(centroid(peak[:1], s), s[6:7])
    assert float(centroid(peak[2:], s)) == float(circular_centroid(peak[2:], s, (-math.pi, math.pi))) == 0
    seam = circular_centroid(peak[1:2], s, (-math.pi, math.pi))
    assert float(seam.abs() - math.pi) == pytest.approx(0, abs=1e-12)


def test_what_cannot_be_is_refused() -> None:
    turn = FLOWS["rotation"].generator
    with pytest.raises(ValueError, match="one of translation"):
        planar_flow("SO(2)")
    with pytest.raises(ValueError, match="sheets that commute"):
        PlanarFlow(
            "bad", turn, turn, (1.0, 0.0, 1.0), (0.0, 1.0), (0.0, 1.0), sheets=(FLOWS["shear-x"].generator,)
        ).check()
    with pytest.raises(ValueError, match="generators that commute"):
        PlanarFlow(
            "bad", turn, FLOWS["shear-x"].generator, (1.0, 1.0, 1.0), (0.0, 1.0), (0.0, 1.0), both=True
        ).check()
    with pytest.raises(ValueError, match="a circular span of one period"):
        PlanarFlow(
            "bad", turn, FLOWS["scale"].generator, (1.0, 0.0, 1.0), (0.0, 1.0), (0.0, 1.0), circular=True
        ).check()
    with pytest.raises(ValueError, match="across the flow"):
        canonical_coordinates(
            nn.Identity(), PlanarFlow("bad", turn, turn, (1.0, 0.0, 1.0), (0.0, 1.0), (0.0, 1.0))
        )
    with pytest.raises(ValueError, match="an odd kernel"):
        PoseNetwork(FLOWS["rotation"], 1, kernel_size=4)
    with pytest.raises(ValueError, match="a group, and samples"):
        canonical_coordinates(nn.Identity(), (), samples=8)
    with pytest.raises(ValueError, match='"invariant" or "image"'):
        canonical_coordinates(nn.Identity(), "rotation", 1, "vectors")
    module = canonical_coordinates(nn.Identity(), "rotation", 1, ("image", "image"))
    with pytest.raises(ValueError, match="2 outputs, as declared, got 1"):
        module(torch.zeros(1, 1, 8, 8))


def test_state_copy_and_pickle() -> None:
    """Oblong images too; float32 stays float32; the meta device; half-built on meta and filled later."""
    module = canonical_coordinates(nn.Identity(), "scale-x hyperbolic", 2, samples=8)
    x = torch.rand(2, 2, 6, 10)
    twin = canonical_coordinates(nn.Identity(), "scale-x hyperbolic", 2, samples=8)
    twin.load_state_dict(module.state_dict())
    for other in (twin, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(other(x), module(x))
    assert module(x).dtype == torch.float32 and module(x).shape == x.shape
    with torch.device("meta"):
        empty = canonical_coordinates(nn.Identity(), "scale-x hyperbolic", 2, samples=8)
    assert empty(x.to("meta")).shape == x.shape
    empty.to_empty(device="cpu").load_state_dict(module.state_dict())
    assert torch.equal(empty(x), module(x)) and isinstance(empty, CanonicalCoordinates)


@pytest.mark.unchecked
def test_compile_and_export() -> None:
    name = "translation rotation-scale perspective-x"
    module = amplified(canonical_coordinates(nn.Flatten(), name, samples=8, hidden=3, kernel_size=3)).eval()
    x = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    wanted = module(x)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), wanted, rtol=1e-9, atol=1e-10)
    exported = torch.export.export(module, (x,), dynamic_shapes=({0: torch.export.Dim("batch", min=1)},))
    torch.testing.assert_close(exported.module()(x[:2]), wanted[:2], rtol=1e-9, atol=1e-10)
