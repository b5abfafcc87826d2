"""Poses of least energy: any network decides which pose is canonical."""

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn

import mackey as mk
from amplified import drawn, error, noise
from mackey.groups.determinant import determinant
from mackey.wrap import CloudCanonicalised, PoseSearch, optimised
from mackey.wrap.pose_search import start_poses
from test_wrap_canonical import ToImage, ToNumbers, turned
from test_wrap_canonical_clouds import CASES, IDS, Mixing, inputs_of, motion, moved, violation

EXACT = 1e-10


class Energy(nn.Module):
    """A number for each cloud, of an MLP of the coordinates of each point: respects no turn."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(width, 16), nn.Tanh(), nn.Linear(16, 1))

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.net(torch.cat([x.flatten(2) for x in inputs], -1)).mean((1, 2))


def wrapped(case: tuple) -> CloudCanonicalised:
    energy = Energy(sum(case[2]))
    return drawn(optimised(Mixing(case).double(), case[0], case[1], case[3], energy), 0.7)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_hundred_elements(case: tuple) -> None:
    """φ(gx) = gφ(x) for any declared output, though E respects nothing; also before Newton's method has
    converged, since its starts turn with the input.
    """
    module, inputs = wrapped(case), inputs_of(case)
    assert violation(module, case, inputs) < EXACT
    if case in (CASES[1], CASES[5]):
        module.finder.steps = 1
        assert violation(module, case, inputs) < EXACT
    assert (module.guarantee.kind, module.guarantee.group) == ("exact", case[0])
    assert "two poses of least energy" in module.guarantee.note
    by = motion(case[0], 3)
    many = tuple(x.expand(3, *x.shape[1:]) for x in inputs)
    energy = module.finder.energy
    assert error(energy(*moved(case[1], many, case[0], by)), energy(*many)) > 1e-2


@pytest.mark.parametrize(
    "case", [CASES[0], CASES[2], CASES[4], CASES[5]], ids=["SO(2)", "SE(2)", "O(3)", "SE(3)"]
)
def test_the_energy_is_the_least_of_all(case: tuple) -> None:
    """No element of 3000 has less energy than the canonical input, nor a small turn of it."""
    module, inputs = wrapped(case), inputs_of(case)
    with torch.no_grad():
        canonical = module.canonical(*inputs)
        least = float(module.finder.energy(*canonical))
        frame, _ = module.pose(*inputs)
        G = mk.actions.acting(case[0]).linear
        drawn_at = G.sample(3000, torch.Generator().manual_seed(1))
        near = mk.groups.special_orthogonal(G.n).exp(1e-3 * noise(100, len(G.lie_algebra)))
        for elements in (drawn_at, near):
            by = mk.actions.Motion(elements)
            kinds = tuple("vectors" if one == "positions" else one for one in case[1])
            many = tuple(x.expand(len(elements), *x.shape[1:]) for x in canonical)
            assert float(module.finder.energy(*moved(kinds, many, case[0], by)).min()) >= least - 1e-12
    assert float(G.violation(frame).max()) < 1e-13


def test_equal_moments() -> None:
    """The corners of an octahedron, told apart by labels: principal axes are arbitrary, the least energy is
    not. With frames of principal axes the error is of order 1.
    """
    corners = torch.cat([torch.eye(3), -torch.eye(3)]).double()[None]
    case = ("SE(3)", ("positions", "tokens"), (3, 2), ("vectors",), (3,))
    labels = noise(1, 6, 2)
    energy, network = Energy(5), PerPoint()
    module = drawn(optimised(network, *case[:2], case[3], energy), 0.7)
    framed = mk.wrap.frames(network, *case[:2], case[3])
    by = motion("SE(3)")
    many = (corners.expand(100, 6, 3), labels.expand(100, 6, 2))
    with torch.no_grad():
        wanted = moved(case[3], (module(*many),), "SE(3)", by)[0]
        assert error(module(*moved(case[1], many, "SE(3)", by)), wanted) < 1e-9
        wanted = moved(case[3], (framed(*many),), "SE(3)", by)[0]
        assert error(framed(*moved(case[1], many, "SE(3)", by)), wanted) > 1e-2


class PerPoint(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 3))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return self.net(torch.cat([x, labels], -1))


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("proper", [True, False])
def test_start_poses_are_a_group_with_all_signs(d: int, proper: bool) -> None:
    poses = start_poses(d, proper=proper, like=torch.zeros(1, dtype=torch.float64))
    assert len(poses) == {(2, True): 16, (2, False): 32, (3, True): 24, (3, False): 48}[d, proper]
    products = (poses[:, None] @ poses).flatten(0, 1)
    for some in (
        products,
        poses.mT,
        mk.wrap.pca_frames(noise(1, 4, d), proper=proper)[0][0, :1].mT
        @ mk.wrap.pca_frames(noise(1, 4, d), proper=proper)[0][0],
    ):
        nearest = (some[:, None] - poses).abs().amax((2, 3)).min(1).values
        assert float(nearest.max()) < 1e-12
    distinct = (poses[:, None] - poses).abs().amax((2, 3)) + torch.eye(len(poses))
    assert float(distinct.min()) > 0.1
    assert not proper or bool((torch.linalg.det(poses) > 0).all())


@pytest.mark.parametrize("group", ["SO(2)", "SE(3)"])
def test_the_implicit_gradient(group: str) -> None:
    """Derivatives of the whole along one direction of the input and of the weights of E, against differences:
    they agree to the error of the differences, where that of the network alone is far off.
    """
    d = int(group[-2])
    kind = "positions" if "E" in group else "vectors"
    module = drawn(optimised(Summed(d), group, kind, "vectors", Energy(d)), 0.7)
    x, name = noise(1, 4, d), "finder.energy.net.0.weight"
    weight = module.get_parameter(name).detach()

    def loss(y: Tensor, w: Tensor) -> Tensor:
        return (torch.func.functional_call(module, {name: w}, (y,)) * noise(1, 4, d, seed=8)).sum()

    along = noise(1, 4, d, seed=3), noise(*weight.shape, seed=4)
    inputs = x.clone().requires_grad_(), weight.clone().requires_grad_()
    grads = torch.autograd.grad(loss(*inputs), inputs)
    step = 1e-5
    for which in range(2):
        ahead, behind = (
            [
                v + sign * step * u * (i == which)
                for i, (v, u) in enumerate(zip((x, weight), along, strict=True))
            ]
            for sign in (1, -1)
        )
        with torch.no_grad():
            wanted = float(loss(*ahead) - loss(*behind)) / (2 * step)
        assert abs(float((grads[which] * along[which]).sum()) - wanted) < 1e-7 * abs(wanted)
        assert abs(wanted) > 1e-2


class Summed(nn.Module):
    def __init__(self, d: int) -> None:
        super().__init__()
        self.net = nn.Linear(d, d)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x).tanh() + x.square().mean(1, keepdim=True)


@pytest.mark.parametrize(
    "cloud", [torch.zeros(1, 5, 3), torch.ones(1, 5, 3), torch.eye(3)[None, [0, 0, 0, 0, 1]]]
)
def test_degenerate_clouds_are_finite(cloud: Tensor) -> None:
    for network, energy in ((Summed(3), Energy(3)), (Summed(3), Flat())):
        module = drawn(optimised(network, "SE(3)", "positions", "vectors", energy), 0.7)
        x = cloud.double().requires_grad_()
        module.finder.steps = 3
        y = module(x)
        (y.square().sum() + module.prior_loss(x)).backward()
        assert bool(y.isfinite().all()) and bool(x.grad.isfinite().all())
        assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in module.parameters())
        frame, _ = module.pose(x)
        assert error(frame @ frame.mT, torch.eye(3).double()[None]) < 1e-12


class Flat(nn.Module):
    """An energy that prefers nothing."""

    def forward(self, x: Tensor) -> Tensor:
        return x.square().sum((1, 2))


@pytest.mark.parametrize(("group", "mirrors"), [("p4", False), ("p4m", True), ("C8", False)])
def test_images(group: str, mirrors: bool) -> None:
    """Finite groups: the least of all |H| energies, found by turning images one by one."""
    energy = ToNumbers(1)
    module = drawn(optimised(ToImage(), group, "image", "image", energy))
    x = noise(4, 2, 8, 8)
    for k in range(4):
        for mirrored in (False, True)[: 1 + mirrors]:
            assert error(module(turned(x, k, mirrored)), turned(module(x), k, mirrored)) < EXACT
    assert module.guarantee.kind == ("exact_on_grid" if group == "C8" else "exact")
    if group != "C8":
        poses = [turned(x, k, m) for k in range(4) for m in (False, True)[: 1 + mirrors]]
        energies = torch.stack([energy(one)[:, 0] for one in poses], 1)
        _, (canonical,) = module.canonical(x)
        for i in range(4):
            assert torch.equal(canonical[i], poses[int(energies[i].argmin())][i])
    module(x).square().sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in energy.parameters())
    assert sum(float(p.grad.abs().max()) > 0 for p in energy.parameters()) >= 3


def test_symmetric_images_are_tied_and_exact() -> None:
    module = drawn(optimised(ToImage(), "p4m", "image", "image", ToNumbers(1)))
    x = noise(2, 2, 9, 9)
    mirror = x + x.flip(-1)
    assert error(module(mirror).flip(-1), module(mirror)) < EXACT
    assert error(module(turned(mirror, 1, False)), turned(module(mirror), 1, False)) < EXACT


def test_clouds_under_the_rotations_of_a_cube() -> None:
    """24 poses, outputs of any type of that group."""
    G = mk.groups.named("O")
    module = drawn(optimised(Summed(3), G, "vectors", "vectors", Energy(3)), 0.7)
    x = noise(3, 5, 3)
    for g in G.matrices:
        turn = torch.as_tensor(g)
        assert error(module(x @ turn.mT), module(x) @ turn.mT) < EXACT


def test_an_energy_learns_the_prior() -> None:
    """Flat clouds with a marked point on top: training by the prior loss makes upright canonical."""
    generator = torch.Generator().manual_seed(0)
    x = 0.2 * torch.randn(16, 4, 2, generator=generator)
    x[:, 0, 1] += 2
    marks = torch.eye(4)[None, :, :1].expand(16, 4, 1)
    module = optimised(nn.Identity(), "SE(2)", ("positions", "tokens"), "vectors", Energy(3))
    module.finder.steps = 3
    optimiser = torch.optim.Adam(module.finder.parameters(), 5e-2)
    losses = []
    for _ in range(12):
        optimiser.zero_grad()
        loss = module.prior_loss(x, marks)
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 < losses[0]


@pytest.mark.parametrize("case", [CASES[1], CASES[5]], ids=["E(2)", "SE(3)"])
def test_state_dtype_and_copies(case: tuple) -> None:
    module, inputs = wrapped(case).float(), tuple(x.float() for x in inputs_of(case, 2))
    module.finder.steps = 2
    outputs = module(*inputs)
    assert all(y.dtype == torch.float32 for y in outputs)
    other = optimised(Mixing(case), case[0], case[1], case[3], Energy(sum(case[2])))
    other.load_state_dict(module.state_dict())
    other.finder.steps = 2
    for twin in (other.eval(), copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert all(torch.equal(y, z) for y, z in zip(twin(*inputs), outputs, strict=True))
    half = copy.deepcopy(module).bfloat16()
    found = half(*(x.bfloat16() for x in inputs))
    assert all(y.dtype == torch.bfloat16 and bool(y.isfinite().all()) for y in found)
    with torch.device("meta"):
        optimised(Mixing(case), case[0], case[1], case[3], Energy(sum(case[2])))


@pytest.mark.unchecked
@pytest.mark.filterwarnings("ignore:.*should not be instantiated")  # the compiler's own reading of a Function
@pytest.mark.parametrize("case", [CASES[1], CASES[5]], ids=["E(2)", "SE(3)"])
def test_clouds_compile(case: tuple) -> None:
    """Compiled, not exported: torch.export has no torch.func.grad, as of 2.13."""
    module, inputs = wrapped(case), inputs_of(case, 2)
    module.finder.steps, module.finder.refined = 1, 2
    torch._dynamo.reset()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        assert all(error(y, z) < 1e-10 for y, z in zip(compiled(*inputs), module(*inputs), strict=True))


@pytest.mark.unchecked
def test_images_compile_and_export() -> None:
    module, x = drawn(optimised(ToImage(), "p4m", "image", "image", ToNumbers(1))), noise(2, 2, 8, 8)
    torch._dynamo.reset()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    assert error(compiled(x), module(x)) < 1e-12
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(module, (x,), dynamic_shapes=({0: batch},))
    more = noise(3, 2, 8, 8)
    assert error(program.module()(more), module(more)) < 1e-12


def test_second_derivatives_of_determinants() -> None:
    """Finite at rotations under torch.func; the value is that of torch.linalg.det."""
    for n in (1, 2, 3, 4):
        a = noise(20, n, n)
        torch.testing.assert_close(determinant(a), torch.linalg.det(a), rtol=1e-12, atol=1e-13)
        turns = mk.groups.orthogonal(n).sample(50, torch.Generator().manual_seed(0)) if n < 4 else a
        slope = torch.func.grad(lambda y: determinant(y).sin().sum())
        second = torch.func.grad(lambda y, slope=slope: (slope(y) * (y + 1)).sum())(turns)
        assert bool(second.isfinite().all())


def test_messages() -> None:
    net, energy = Summed(3), Energy(3)
    with pytest.raises(ValueError, match=r"wanted SO\(d\), O\(d\).*got SO\(4\)"):
        optimised(net, "SO(4)", "vectors", "vectors", energy)
    with pytest.raises(ValueError, match="no mask under a finite group"):
        optimised(net, "O", "vectors", "vectors", energy, mask=1)
    with pytest.raises(ValueError, match="one energy for each sample"):
        optimised(net, "SO(3)", "vectors", "vectors", Summed(3))(noise(2, 4, 3).float())
    with pytest.raises(ValueError, match="one energy for each sample"):
        optimised(net, "O", "vectors", "vectors", Summed(3))(noise(2, 4, 3).float())
    with pytest.raises(ValueError, match="steps ≥ 0 and refined ≥ 1"):
        PoseSearch(energy, refined=0)
