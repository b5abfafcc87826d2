"""Probabilistic symmetrisation: exact for noise that moves along; the mean's error falls as 1/√k."""

import copy
import math
import pickle

import pytest
import torch
from torch import Tensor, nn

import mackey as mk
from mackey.actions import POINTS, Motion, declare
from mackey.wrap import ProbabilisticSymmetrised, orthogonal_frames, point_random_pose, probabilistic
from mackey.wrap.random_poses import sorted_by
from mackey.zoo.points.probabilistic_symmetrization import example

N = 5


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=draw(seed), dtype=torch.float64)


def amplified(module: nn.Module, scale: float = 0.5) -> nn.Module:
    module, source = module.double(), draw(7)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=source, dtype=torch.float64))
    return module


class Mixing(nn.Module):
    """An MLP of all numbers of all inputs, one output of each width; `each`: of every point."""

    def __init__(self, channels: int, out: tuple[int, ...], each: int = N) -> None:
        super().__init__()
        self.out, self.each = out, each
        self.net = nn.Sequential(nn.Linear(channels, 16), nn.Tanh(), nn.Linear(16, each * sum(out)))

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        y = self.net(torch.cat([x.flatten(1) for x in inputs], 1)).unflatten(1, (self.each, -1))
        parts = y.split(self.out, -1)
        return parts[0] if len(parts) == 1 else tuple(parts)


# group, types in and out, widths in and out
PLAIN = [
    ("O(3)", ("vectors",), ("vectors",), (3,), (3,)),
    ("SO(2)", ("vectors", "tokens"), ("vectors", "tokens"), (2, 2), (2, 1)),
    ("SE(3)", ("positions", "vectors"), ("positions",), (3, 3), (3,)),
    ("SO(4)", ("vectors",), ("vectors",), (4,), (4,)),
    ("O(3)", ("vectors", "1x0e + 1x1e"), ("1x0o + 1x1e",), (3, 4), (4,)),
    ("E(3)×Sym", ("positions", "tokens"), ("positions", "tokens"), (3, 2), (3, 1)),
    ("O(2)×Sym", ("vectors",), ("vectors",), (2,), (2,)),
    ("Sym", ("tokens",), ("tokens",), (3,), (2,)),
]
IDS = [f"{case[0]} {' '.join(case[1])}" for case in PLAIN]


def wrapped(case: tuple, samples: int = 3, generator: torch.Generator | None = None) -> nn.Module:
    group, kinds, outs, widths, out = case
    pose = point_random_pose(kinds, points=sum(widths), hidden=8) if group == "Sym" else None
    network = Mixing(N * sum(widths), out)
    return amplified(
        probabilistic(network, group, kinds, outs, samples=samples, pose=pose, generator=generator)
    )


def motion_of(group: str, seed: int) -> tuple[Motion, Tensor]:
    """One element, mirrors, shifts by tens and permutations among them; and the permutation as an order."""
    acts, permutation = mk.actions.acting(group), torch.randperm(N, generator=draw(seed))
    order = permutation if acts.permutes else torch.arange(N)
    if acts.space is None:
        return Motion(permutations={POINTS: order}), torch.argsort(order)
    linear = acts.linear.sample(1, draw(seed))[0].double()
    shift = (
        30 * randn(len(linear), seed=seed) if isinstance(acts.space, mk.groups.SemidirectProduct) else None
    )
    return Motion(linear, shift, {POINTS: order}), torch.argsort(order)


def moved_noise(noise: Tensor, motion: Motion, order: Tensor) -> Tensor:
    d = 0 if motion.linear is None else len(motion.linear)
    turned = noise if d == 0 else torch.cat([noise[..., :d] @ motion.linear.mT, noise[..., d:]], -1)
    return turned[:, :, order]


def types_of(group: str, kinds: tuple[str, ...]) -> list[mk.actions.AbstractTensorType]:
    return [declare(one, mk.actions.acting(group).space, "test") for one in kinds]


def as_tuple(out: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (out,) if isinstance(out, Tensor) else out


def off(case: tuple, module: nn.Module, inputs: tuple[Tensor, ...], seed: int) -> float:
    """|φ(hx; hε) − h φ(x; ε)| over |φ|."""
    group, kinds, outs, *_ = case
    motion, order = motion_of(group, seed)
    noise = module.noise(*inputs)
    moved = [t.act(x, motion) for t, x in zip(types_of(group, kinds), inputs, strict=True)]
    found = as_tuple(module.given(moved_noise(noise, motion, order), *moved))
    wanted = as_tuple(module.given(noise, *inputs))
    return max(
        float((y - t.act(z, motion)).detach().abs().max() / t.act(z, motion).detach().abs().max())
        for t, y, z in zip(types_of(group, outs), found, wanted, strict=True)
    )


@pytest.mark.parametrize("case", PLAIN, ids=IDS)
def test_exact_for_noise_that_moves_along(case: tuple) -> None:
    """20 elements, to 1e-10; for other noise, and for the bare network, nothing of the kind."""
    module = wrapped(case)
    inputs = tuple(randn(2, N, width, seed=3 + i) for i, width in enumerate(case[3]))
    assert max(off(case, module, inputs, seed) for seed in range(20)) < 1e-10
    motion, _ = motion_of(case[0], 1)
    moved = [t.act(x, motion) for t, x in zip(types_of(*case[:2]), inputs, strict=True)]
    for call in (module, module.network):
        pairs = zip(types_of(case[0], case[2]), as_tuple(call(*moved)), as_tuple(call(*inputs)), strict=True)
        assert max(float((y - t.act(z, motion)).detach().abs().max()) for t, y, z in pairs) > 1e-2
    assert module.guarantee.kind == "in_expectation" and module.guarantee.group == case[0]


@pytest.mark.parametrize("case", [PLAIN[0], PLAIN[5], PLAIN[7]], ids=["O(3)", "E(3)×Sym", "Sym"])
def test_symmetric_inputs_are_no_exception(case: tuple) -> None:
    """All points in one place, all numbers equal: no function of x could choose a pose, noise does."""
    inputs = tuple(torch.ones(1, N, width, dtype=torch.float64) for width in case[3])
    assert max(off(case, wrapped(case), inputs, seed) for seed in range(5)) < 1e-10


def test_graphs() -> None:
    """Pairs (b, n, n, e) and tokens, under Sym: node outputs permuted, an invariant output left alone."""
    pose = point_random_pose(("tokens", "pairs"), points=1, pairs=2, hidden=8)
    network = Mixing(N + 2 * N * N, (2,))
    module = amplified(probabilistic(network, "Sym", ("tokens", "pairs"), "tokens", samples=3, pose=pose))
    x, a = randn(2, N, 1), randn(2, N, N, 2, seed=1)
    noise, order = module.noise(x, a), torch.tensor([3, 0, 4, 1, 2])
    found = module.given(noise[:, :, order], x[:, order], a[:, order][:, :, order])
    torch.testing.assert_close(found, module.given(noise, x, a)[:, order], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("case", [PLAIN[2], PLAIN[5], PLAIN[7]], ids=["SE(3)", "E(3)×Sym", "Sym"])
def test_the_error_falls_as_the_root_of_samples(case: tuple) -> None:
    """Root mean square of φ(hx) − hφ(x), fresh noise on both sides, from 4 to 1024 samples: the slope is
    −0.5 ± 0.1 (its own standard error is below 0.04; the seed is fixed).
    """
    module, (group, kinds, outs, widths, _) = wrapped(case, generator=draw(1)), case
    inputs = tuple(randn(1, N, width, seed=3 + i) for i, width in enumerate(widths))
    motion, _ = motion_of(group, 4)
    moved = [t.act(x, motion) for t, x in zip(types_of(group, kinds), inputs, strict=True)]
    kind, errors = types_of(group, outs)[0], []
    with torch.no_grad():
        for samples in (4, 1024):
            squares = []
            for _ in range(8):
                here, there = (module.estimate(*x, samples=samples)[0][0] for x in (inputs, moved))
                squares.append((there - kind.act(here, motion)).square().mean())
            errors.append(float(torch.stack(squares).mean().sqrt()))
    assert abs(math.log(errors[1] / errors[0]) / math.log(256) + 0.5) < 0.1


def test_the_standard_error_is_the_one_measured() -> None:
    """Of 64 means over 16 samples: their spread is what `estimate` says, within a fifth (seed fixed)."""
    module, x = wrapped(PLAIN[0], generator=draw(2)), randn(1, N, 3)
    with torch.no_grad():
        runs = [module.estimate(x, samples=16) for _ in range(64)]
    measured = torch.stack([mean for (mean,), _ in runs]).std(0)
    said = torch.stack([error for _, (error,) in runs]).square().mean(0).sqrt()
    assert float((measured / said).square().mean().sqrt() - 1) == pytest.approx(0, abs=0.2)


def test_randomness_is_that_of_the_generator() -> None:
    x = randn(2, N, 3)
    one, other = (wrapped(PLAIN[0], generator=draw(5)) for _ in range(2))
    before = torch.get_rng_state()
    assert torch.equal(one(x), other(x)) and not torch.equal(one(x), one(x))
    assert torch.equal(torch.get_rng_state(), before)
    plain = wrapped(PLAIN[0])
    torch.manual_seed(3)
    first = plain.eval()(x)
    torch.manual_seed(3)
    assert torch.equal(plain(x), first)


def test_gradients() -> None:
    """Right on generic inputs; finite at zeros; the laws of turns and of orders learn."""
    for case in (PLAIN[0], PLAIN[2]):
        module = wrapped(case, samples=1)
        inputs = tuple(randn(1, N, w, seed=3 + i).requires_grad_() for i, w in enumerate(case[3]))
        noise = module.noise(*inputs).detach()
        assert torch.autograd.gradcheck(lambda *x, m=module, e=noise: m.given(e, *x), inputs, fast_mode=True)
    for case in PLAIN:
        module = wrapped(case)
        inputs = tuple(torch.zeros(2, N, w, dtype=torch.float64, requires_grad=True) for w in case[3])
        sum(y.square().sum() for y in as_tuple(module(*inputs))).backward()
        assert all(bool(x.grad.isfinite().all()) for x in inputs)
        for p in module.parameters():
            assert p.grad is not None and bool(p.grad.isfinite().all())
        assert max(float(p.grad.abs().max()) for p in module.pose.parameters()) > 0


def test_soft_orders() -> None:
    """The values are those of the order, the gradient that of the softmax."""
    scores = randn(2, 4).requires_grad_()
    order, matrix = sorted_by(scores, 0.3)
    x = randn(2, 4, 1, seed=1)
    torch.testing.assert_close((matrix @ x)[..., 0], x[..., 0].gather(1, order), rtol=0, atol=0)
    weights = randn(2, 4, 4, seed=2)
    (found,) = torch.autograd.grad((matrix * weights).sum(), scores)
    soft = (-(scores.sort(1).values[:, :, None] - scores[:, None]).abs() / 0.3).softmax(2)
    (wanted,) = torch.autograd.grad((soft * weights).sum(), scores)
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_orthogonal_frames(d: int) -> None:
    """Q of a QR with a positive diagonal; SO(d) where proper; finite where vectors vanish or agree."""
    v = randn(6, d, d)
    q, r = torch.linalg.qr(v.mT)
    wanted = (q * r.diagonal(dim1=-2, dim2=-1).sign()[:, None]).mT
    torch.testing.assert_close(orthogonal_frames(v, proper=False), wanted, rtol=1e-9, atol=1e-10)
    turned = orthogonal_frames(v, proper=True)
    torch.testing.assert_close(torch.linalg.det(turned), torch.ones(6, dtype=torch.float64))
    torch.testing.assert_close(turned[:, :-1], wanted[:, :-1], rtol=1e-9, atol=1e-10)
    same = randn(1, d).expand(d, d).clone()
    for x in (torch.zeros(d, d, dtype=torch.float64), same):
        x = x.requires_grad_()
        frame = orthogonal_frames(x, proper=True)
        torch.testing.assert_close(frame @ frame.mT, torch.eye(d, dtype=torch.float64), rtol=0, atol=1e-12)
        frame.sum().backward()
        assert bool(x.grad.isfinite().all())


class Masked(nn.Module):
    """Weights by place, so that the order matters."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        place = torch.arange(x.shape[1], dtype=x.dtype)[:, None]
        return (torch.tanh(x + 0.3) * (1 + place) * mask[..., None]).sum(1)


def test_padding_has_no_say() -> None:
    module = amplified(
        probabilistic(Masked(), "O(3)×Sym", ("vectors", "tokens"), "vector", samples=2, mask=1)
    )
    x, there = randn(2, 4, 3), torch.ones(2, 4, dtype=torch.bool)
    longer, hidden = torch.cat([9 * x[:, :2], x], 1), (torch.arange(6) >= 2).expand(2, 6)
    noise = module.noise(longer, hidden)
    found = module.given(noise, longer, hidden)
    torch.testing.assert_close(found, module.given(noise[:, :, 2:], x, there), rtol=1e-10, atol=1e-10)


def test_what_cannot_be_is_refused() -> None:
    net = nn.Identity()
    for match, arguments in [
        (r"O\(n\), SO\(n\), E\(n\)", ("SO+(1,3)", "vectors", "vectors")),
        ("a law of the order", ("Sym", "tokens", "tokens")),
        ("samples ≥ 1", ("Sym", ("tokens", "edge_index"), "tokens")),
        ("positions or vectors among the inputs", ("O(3)", "tokens", "tokens")),
    ]:
        with pytest.raises(ValueError, match=match):
            probabilistic(net, *arguments)
    with pytest.raises(ValueError, match="samples=0"):
        probabilistic(net, "O(3)", "vectors", "vectors", samples=0)
    one = probabilistic(net, "O(3)", "vectors", ("vectors", "vectors"), samples=1)
    with pytest.raises(ValueError, match="2 outputs, as declared, got 1"):
        one(torch.randn(2, 3, 3))
    with pytest.raises(ValueError, match="two samples to compare, got one"):
        one.estimate(torch.randn(2, 3, 3))
    with pytest.raises(ValueError, match="1 inputs, as declared, got 2"):
        one.given(torch.randn(2, 1, 3, 4), torch.randn(2, 3, 3), torch.randn(2, 3, 3))


def test_the_zoo_model() -> None:
    """E(3)×Sym with the noise moved along; dtype, state, copies, pickle; the error bar shrinks."""
    model, inputs = example()
    twin, _ = example()
    twin.load_state_dict(model.state_dict())
    for other in (twin, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        torch.manual_seed(1)
        found = other(*inputs)
        torch.manual_seed(1)
        assert torch.equal(found, model(*inputs)) and found.dtype == torch.float32
    (_, few), (_, many) = (model.estimate(*inputs, samples=k) for k in (8, 512))
    assert float((many.mean() / few.mean()).detach()) == pytest.approx(1 / 8, rel=0.35)
    model, (x, v, q) = amplified(model, 0.3).train(), (t.double() for t in inputs)
    case = ("E(3)×Sym", ("positions", "vectors", "1x0e"), ("positions",))
    assert isinstance(model.symmetrised, ProbabilisticSymmetrised)
    assert max(off(case, model.symmetrised, (x, v, q), seed) for seed in range(5)) < 1e-10


class Core(nn.Module):
    """Noise is an input, so that both runs have the same."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, noise: Tensor, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        return self.module.given(noise, *inputs)


@pytest.mark.unchecked
@pytest.mark.parametrize("case", [PLAIN[0], PLAIN[5], PLAIN[7]], ids=["O(3)", "E(3)×Sym", "Sym"])
def test_compile_and_export(case: tuple) -> None:
    """One graph, also with torch's own randomness inside; a dynamic batch."""
    module = wrapped(case).eval()
    inputs = tuple(randn(3, N, width, seed=3 + i) for i, width in enumerate(case[3]))
    noise, core = module.noise(*inputs), Core(module)
    wanted = as_tuple(core(noise, *inputs))
    compiled = torch.compile(core, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(as_tuple(compiled(noise, *inputs)), wanted, rtol=1e-9, atol=1e-9)
    torch.compile(module, fullgraph=True, backend="aot_eager")(*inputs)
    batch = {0: torch.export.Dim("batch", min=2)}
    exported = torch.export.export(
        core, (noise, *inputs), dynamic_shapes=(batch, tuple(batch for _ in inputs))
    )
    found = as_tuple(exported.module()(noise[:2], *(x[:2] for x in inputs)))
    for y, z in zip(found, wanted, strict=True):
        torch.testing.assert_close(y, z[:2], rtol=1e-9, atol=1e-9)
