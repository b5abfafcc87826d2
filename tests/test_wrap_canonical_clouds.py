"""Canonical poses of clouds: Gram–Schmidt of predicted vectors, for SO(d), O(d), SE(d) and E(d), d = 2, 3."""

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mackey as mk
from amplified import drawn, error, noise
from mackey.actions import Motion, acting, declare
from mackey.wrap import (
    CloudCanonicalised,
    CloudReader,
    CloudVectors,
    VectorNeurons,
    canonicaliser,
    gram_schmidt,
)

EXACT = 1e-10
N = 5
# group, types in and their widths, types out and their widths; None: one for the sample
CASES = [
    ("SO(2)", ("vectors",), (2,), ("vectors", "invariant"), (2, None)),
    ("E(2)", ("positions", "vectors"), (2, 2), ("positions", "pseudoscalars"), (2, 1)),
    ("SE(2)", ("positions",), (2,), ("1x1 + 1x3", "matrices"), (4, 4)),
    ("SO(3)", ("vectors", "2x0 + 1x1 + 1x2"), (3, 10), ("1x0 + 1x1 + 1x3", "vectors"), (11, 3)),
    ("O(3)", ("vectors", "1x0e + 1x1o + 1x1e"), (3, 7), ("1x0o + 1x1e + 1x2e", "pseudovectors"), (9, 3)),
    ("SE(3)", ("positions", "tokens"), (3, 2), ("positions", "invariant"), (3, None)),
    ("SE(3)", ("positions",), (3,), ("vector", "matrix"), (3, 9)),
    (
        "E(3)",
        ("positions", "vectors", "tokens"),
        (3, 3, 2),
        ("positions", "matrices", "pseudoscalars"),
        (3, 9, 1),
    ),
]  # fmt: skip
IDS = [f"{case[0]} {' '.join(case[1])}" for case in CASES]


class Mixing(nn.Module):
    """Respects nothing: an MLP of all coordinates of all points, one output for each type."""

    def __init__(self, case: tuple) -> None:
        super().__init__()
        _, _, sources, types, targets = case
        self.shapes = [_shape(one, width) for one, width in zip(types, targets, strict=True)]
        sizes = [torch.Size(shape).numel() for shape in self.shapes]
        self.sizes = sizes
        self.net = nn.Sequential(nn.Linear(N * sum(sources), 24), nn.Tanh(), nn.Linear(24, sum(sizes)))

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        joined = torch.cat([x.flatten(1) for x in inputs], -1)
        outputs = self.net(joined).split(self.sizes, -1)
        found = tuple(y.unflatten(1, shape) for y, shape in zip(outputs, self.shapes, strict=True))
        return found[0] if len(found) == 1 else found


def _shape(one: str, width: int | None) -> tuple[int, ...]:
    square = (int(width**0.5),) * 2 if width and one.startswith("matri") else (width or 3,)
    single = one in ("vector", "matrix", "invariant")
    return square if single else (N, *square)


def inputs_of(case: tuple, batch: int = 1) -> tuple[Tensor, ...]:
    return tuple(noise(batch, N, width, seed=10 + i) for i, width in enumerate(case[2]))


def motion(group: str, count: int = 100) -> Motion:
    """Random elements, mirrors and translations by up to 100 among them."""
    acts = acting(group)
    linear = acts.linear.sample(count, torch.Generator().manual_seed(3))
    assert group[0] == "S" or bool((torch.linalg.det(linear) < 0).any())
    shifts = isinstance(acts.space, mk.groups.SemidirectProduct)
    return Motion(linear, 100 * noise(count, linear.shape[-1], seed=5) if shifts else None)


def moved(types: tuple[str, ...], tensors: tuple[Tensor, ...], group: str, by: Motion) -> tuple[Tensor, ...]:
    space = acting(group).space
    return tuple(declare(one, space, "test").act(x, by) for one, x in zip(types, tensors, strict=True))


def as_tuple(out: Any) -> tuple[Tensor, ...]:
    return (out,) if isinstance(out, Tensor) else out


def violation(module: nn.Module, case: tuple, inputs: tuple[Tensor, ...]) -> float:
    """max |φ(gx) − gφ(x)| over max |φ(x)|, for 100 elements and all outputs."""
    by = motion(case[0])
    many = tuple(x.expand(100, *x.shape[1:]) for x in inputs)
    with torch.no_grad():
        wanted = moved(case[3], as_tuple(module(*many)), case[0], by)
        found = as_tuple(module(*moved(case[1], many, case[0], by)))
    assert all(float(y.std()) > 1e-3 for y in wanted), "a constant would prove nothing"
    return max(error(y, z) for y, z in zip(found, wanted, strict=True))


def wrapped(case: tuple, **options: Any) -> CloudCanonicalised:
    return drawn(canonicaliser(Mixing(case).double(), case[0], case[1], case[3], **options), 0.7)


def neurons(case: tuple, **options: Any) -> VectorNeurons:
    acts = acting(case[0])
    types = tuple(declare(one, acts.space, "test") for one in case[1])
    return VectorNeurons(CloudReader("test", acts, types), channels=6, **options)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_hundred_elements(case: tuple) -> None:
    """Any declared output, both predictors; the network alone is far off."""
    module, inputs = wrapped(case), inputs_of(case)
    assert violation(module, case, inputs) < EXACT
    assert violation(module.network, case, inputs) > 1e-2
    assert violation(wrapped(case, predictor=neurons(case)), case, inputs) < EXACT
    assert violation(wrapped(case, predictor=neurons(case, neighbours=3)), case, inputs) < EXACT
    assert (module.guarantee.kind, module.guarantee.group) == ("exact", case[0])
    assert "measure zero" in module.guarantee.note


@pytest.mark.parametrize("group", ["SO(2)", "O(2)", "SO(3)", "O(3)"])
def test_frames_are_elements_of_the_group(group: str) -> None:
    """F(gv) = gF(v), orthonormal; of determinant 1 for SO(d), of the vectors' own handedness for O(d)."""
    d, proper = int(group[-2]), group[0] == "S"
    vectors, g = noise(100, d, d), motion(group).linear
    frames = gram_schmidt(vectors, proper=proper)
    again = gram_schmidt(vectors @ g.mT, proper=proper)
    assert error(again, g @ frames) < EXACT
    torch.testing.assert_close(
        frames.mT @ frames, torch.eye(d).double().expand(100, d, d), rtol=0, atol=1e-14
    )
    sides = torch.linalg.det(frames).sign()
    assert torch.equal(sides, torch.ones_like(sides) if proper else torch.linalg.det(vectors).sign())
    lower = vectors @ frames  # row k has no part along the later axes, and a positive one along its own
    assert float(lower.triu(1)[:, :1].abs().max()) < 1e-13
    assert bool((lower.diagonal(dim1=1, dim2=2)[:, : d - 1] > 0).all())


def test_mirror_images() -> None:
    """Handed molecules are told apart under SE(3), and are one under E(3)."""
    x, y = inputs_of(CASES[5])
    mirror = torch.tensor([-1.0, 1, 1], dtype=torch.float64)
    for group, same in (("SE(3)", False), ("E(3)", True)):
        case = (group, *CASES[5][1:])
        module = wrapped(case)
        apart = error(module(x * mirror, y)[1], module(x, y)[1])
        assert (apart < EXACT) is same and (apart > 1e-2) is not same


def test_the_canonical_cloud_is_one_for_all_of_an_orbit() -> None:
    case = CASES[7]
    module, inputs = wrapped(case), tuple(x.expand(100, *x.shape[1:]) for x in inputs_of(case))
    for one, other in zip(
        module.canonical(*inputs),
        module.canonical(*moved(case[1], inputs, case[0], motion(case[0]))),
        strict=True,
    ):
        assert error(other, one) < EXACT
    frame, centre = module.pose(*inputs)
    assert error((inputs[0] - centre[:, None]) @ frame, module.canonical(*inputs)[0]) < 1e-12


LINE = torch.linspace(-1, 2, N).double()[None, :, None] * torch.tensor([1.0, 2, 3]).double()
DEGENERATE = {
    "one point": torch.zeros(1, N, 3, dtype=torch.float64),
    "far away": torch.full((1, N, 3), 1e3, dtype=torch.float64),
    "a line": LINE,
    "two places": torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 0]]).double()[None],
    "a plane": noise(1, N, 3) * torch.tensor([1.0, 1, 0]).double(),
}


@pytest.mark.parametrize("cloud", DEGENERATE)
@pytest.mark.parametrize("group", ["SE(3)", "E(3)", "SO(3)"])
def test_degenerate_predictions_are_finite(cloud: str, group: str) -> None:
    """Values and all gradients, for both predictors; frames stay orthonormal."""
    kind = "positions" if "E" in group else "vectors"
    case = (group, (kind,), (3,), ("vectors", "invariant"), (3, None))
    for predictor in (None, neurons(case)):
        module, x = wrapped(case, predictor=predictor), DEGENERATE[cloud].clone().requires_grad_()
        outputs = module(x)
        sum(y.square().sum() for y in outputs).backward()
        module.prior_loss(x).backward()
        tensors = [*outputs, x.grad, *(p.grad for p in module.parameters())]
        assert all(t is not None and bool(t.isfinite().all()) for t in tensors)
        frame, _ = module.pose(x)
        assert error(frame @ frame.mT, torch.eye(3).double()[None]) < 1e-13


def test_degenerate_vectors_have_gradients() -> None:
    """Zero, parallel, opposite and nearly parallel vectors."""
    for rows in ([[0, 0, 0]] * 3, [[1, 2, 3], [2, 4, 6], [0, 0, 1]], [[1, 0, 0], [-1, 0, 0], [0, 0, 0]],
                 [[1, 0, 0], [1, 1e-9, 0], [0, 1, 1]], [[1, 0, 0], [0, 1, 0], [1, 1, 0]]):  # fmt: skip
        for proper in (True, False):
            v = torch.tensor(rows, dtype=torch.float64).requires_grad_()
            frame = gram_schmidt(v, proper=proper)
            (frame * noise(3, 3)).sum().backward()
            assert bool(v.grad.isfinite().all())
            assert error(frame.mT @ frame, torch.eye(3).double()) < 1e-13


@pytest.mark.parametrize("off", [1e-2, 1e-4])
def test_the_error_near_a_line_is_rounding_over_the_offset(off: float) -> None:
    """Clouds that leave a line by `off`: 1e-10 still holds under SO(3) at 1e-4; positions that are moved by
    100 lose as much more.
    """
    for group, kind, size in (("SO(3)", "vectors", 1.0), ("SE(3)", "positions", 100.0)):
        case = (group, (kind,), (3,), ("vectors", "invariant"), (3, None))
        x = noise(1, N, 1, seed=2) * torch.tensor([1.0, 2, 3]).double() + off * noise(1, N, 3)
        found = violation(wrapped(case), case, (x,))
        assert found < 3e-14 * size / off
        assert size > 1 or found < EXACT


def test_padding_has_no_say() -> None:
    kinds = ("positions", "vectors", "invariant")
    for predictor in (None, VectorNeurons(_reader("E(3)", kinds), channels=4, neighbours=3)):
        module = drawn(canonicaliser(Masked(), "E(3)", kinds, "vectors", mask=2, predictor=predictor), 0.7)
        x, v = noise(2, N, 3), noise(2, N, 3, seed=3)
        there = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 1, 0, 0]]).bool()
        y = module(x, v, there)
        far = torch.where(there[..., None], x, 1e3 * noise(2, N, 3, seed=4))
        assert error(module(far, torch.where(there[..., None], v, 7.0), there), y) < EXACT
        by = motion("E(3)", 2)
        assert error(module(by_point(x, by), v @ by.linear.mT, there), y @ by.linear.mT) < EXACT


class Masked(nn.Module):
    """A vector for each point that is there, of its position and the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(6, 3)

    def forward(self, x: Tensor, v: Tensor, there: Tensor) -> Tensor:
        kept = there[..., None].to(x)
        mean = (x * kept).sum(1, keepdim=True) / kept.sum(1, keepdim=True)
        return self.mix(torch.cat([x + mean, v], -1)).tanh() * kept


def _reader(group: str, kinds: tuple[str, ...]) -> CloudReader:
    acts = acting(group)
    return CloudReader("test", acts, tuple(declare(one, acts.space, "test") for one in kinds), 2)


def by_point(x: Tensor, by: Motion) -> Tensor:
    return x @ by.linear.mT + by.translation[:, None]


def test_products_with_permutations(generator: torch.Generator) -> None:
    """A network that minds the order of its points: sorted in the canonical pose, it does not."""
    case = CASES[7]
    module, inputs = wrapped(("E(3)×Sym", *case[1:])), inputs_of(case)
    y = module(*inputs)
    for i in range(20):
        g, p = motion("E(3)").linear[i], torch.randperm(N, generator=generator)
        by = Motion(g, noise(3, seed=i), {"n": p})
        found = module(*moved(case[1], inputs, case[0], by))
        for one, other in zip(found, moved(case[3], y, case[0], by), strict=True):
            assert error(one, other) < EXACT
    assert module.guarantee.group == "E(3)×Sym"


def test_any_equivariant_predictor() -> None:
    """A user's own: moments of the cloud."""
    case = ("SE(3)", ("positions",), (3,), ("vectors",), (3,))
    assert violation(wrapped(case, predictor=Moments()), case, inputs_of(case)) < EXACT


class Moments(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        squared = x.square().sum(-1, keepdim=True)
        return torch.stack([(x * squared).sum(1), (x * squared**2).sum(1)], 1)


def test_the_predictor_learns_the_prior_and_from_the_task() -> None:
    """Upright clouds, with a marked point on top and one aside: the prior loss teaches the identity, and a
    network that was trained upright then works in every pose.
    """
    generator = torch.Generator().manual_seed(0)
    x = 0.2 * torch.randn(64, N, 3, generator=generator)
    x[:, 0, 2] += 2
    x[:, 1, 0] += 1.5
    marks = torch.zeros(64, N, 2)
    marks[:, 0, 0] = marks[:, 1, 1] = 1
    module = canonicaliser(Top(), "SE(3)", ("positions", "2xtrivial"), "invariant")
    optimiser = torch.optim.Adam(module.parameters(), 3e-2)
    before = float(module.prior_loss(x, marks).detach())
    for _ in range(60):
        optimiser.zero_grad()
        module.prior_loss(x, marks).backward()
        optimiser.step()
    after = float(module.prior_loss(x, marks).detach())
    assert before > 0.1 and after < 0.03
    turn = mk.groups.special_orthogonal(3).sample(64, generator).float()
    assert float((Top()(x, marks) - Top()(x @ turn.mT, marks)).abs().mean()) > 0.5
    upright, turned = module(x, marks), module(x @ turn.mT, marks)
    assert float((turned - upright).detach().abs().max()) < 1e-4
    assert float((upright - Top()(x - x.mean(1, keepdim=True), marks)).detach().abs().mean()) < 0.3
    optimiser.zero_grad()
    module(x, marks).square().mean().backward()
    grads = [p.grad for p in module.finder.predictor.parameters()]
    assert all(g is not None and bool(g.isfinite().all()) for g in grads)
    assert any(float(g.abs().max()) > 0 for g in grads)


class Top(nn.Module):
    """How high the marked point is: trained upright, so to speak."""

    def forward(self, x: Tensor, marks: Tensor) -> Tensor:
        return x[:, 0, 2:] + 0 * marks[:, 0, :1]


def test_forces() -> None:
    """Gradients flow through the frames: forces, the gradient of the energy, turn with the cloud."""
    case = ("SE(3)", ("positions",), (3,), ("invariant",), (None,))
    for predictor in (None, neurons(case)):
        module, x = wrapped(case, predictor=predictor), noise(1, N, 3)
        assert torch.autograd.gradcheck(module, (x.clone().requires_grad_(),))
        g = motion("SO(3)", 1).linear[0]
        force = torch.func.grad(lambda z, net=module: net(z).sum())
        assert error(force(x @ g.mT), force(x) @ g.mT) < 1e-9


@pytest.mark.parametrize("case", [CASES[5], CASES[7]], ids=["SE(3)", "E(3)"])
def test_state_dtype_and_copies(case: tuple) -> None:
    module, inputs = wrapped(case).float(), tuple(x.float() for x in inputs_of(case, 2))
    outputs = module(*inputs)
    assert all(y.dtype == torch.float32 for y in outputs)
    other = canonicaliser(Mixing(case), case[0], case[1], case[3])
    other.load_state_dict(module.state_dict())
    for twin in (other.eval(), copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert all(torch.equal(y, z) for y, z in zip(twin(*inputs), outputs, strict=True))
    assert sorted(module.train().state_dict()) == sorted(module.eval().state_dict())
    half = copy.deepcopy(module).bfloat16()
    found = half(*(x.bfloat16() for x in inputs))
    assert all(y.dtype == torch.bfloat16 and bool(y.isfinite().all()) for y in found)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert all(bool(y.isfinite().all()) for y in module(*inputs))
    with torch.device("meta"):
        canonicaliser(Mixing(case), case[0], case[1], case[3])


@pytest.mark.unchecked
@pytest.mark.parametrize("predictor", ["sums", "neurons"])
@pytest.mark.parametrize("case", [CASES[1], CASES[3], CASES[7]], ids=["E(2)", "SO(3)", "E(3)"])
def test_compile_and_export(case: tuple, predictor: str) -> None:
    module = wrapped(case, predictor=neurons(case, neighbours=3) if predictor == "neurons" else None)
    inputs = inputs_of(case, 2)
    torch._dynamo.reset()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    assert all(error(y, z) < 1e-12 for y, z in zip(compiled(*inputs), module(*inputs), strict=True))
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(module, inputs, dynamic_shapes=(({0: batch},) * len(inputs),))
    more = inputs_of(case, 3)
    assert all(error(y, z) < 1e-12 for y, z in zip(program.module()(*more), module(*more), strict=True))


def test_messages() -> None:
    case = CASES[5]
    net = Mixing(case)
    with pytest.raises(ValueError, match="wanted a predictor of vectors, got a scorer"):
        canonicaliser(net, "SE(3)", case[1], case[3], scorer=nn.Identity())
    with pytest.raises(ValueError, match="wanted a scorer, got a predictor of vectors"):
        canonicaliser(net, "p4", "image", "image", predictor=nn.Identity())
    with pytest.raises(ValueError, match="wanted no mask, got a mask"):
        canonicaliser(net, "p4", "image", "image", mask=1)
    with pytest.raises(ValueError, match=r"wanted SO\(d\), O\(d\).*got SO\(4\)"):
        canonicaliser(net, "SO(4)", "vectors", "invariant")
    with pytest.raises(ValueError, match="at least 2 vectors for a frame"):
        neurons(case, vectors=1)
    with pytest.raises(ValueError, match="at least 2 predicted vectors"):
        canonicaliser(net, "SE(3)", "positions", "invariant", predictor=Moments1())(noise(1, N, 3))
    with pytest.raises(ValueError, match="points, vectors and features"):
        canonicaliser(net, "SE(3)", "image", "invariant")
    reader = CloudReader("test", acting("SE(3)"), (declare("positions", acting("SE(3)").space, "test"),))
    assert CloudVectors(reader).vectors == 2


class Moments1(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sum(1, keepdim=True)
