"""Flat lists of clouds of any sizes: as each cloud alone in wrap.frames, each cloud by its own motion."""

import pytest
import torch
from torch import Tensor, nn

from mackey.groups import named
from mackey.wrap.flat_frames import FlatFrames, flat_frames
from mackey.wrap.frame_averaging import frames
from mackey.wrap.posing import Posing
from test_wrap_frame_groups import Net, cloud

SIZES = torch.tensor([4, 7, 5])
NUMBER = torch.arange(3).repeat_interleave(SIZES)
FLAT = ("positions@0", "vectors@0", "tokens@0", "tokens@0", "edge_index", "cell")


class Flat(nn.Module):
    """Messages along edges and a sum over clouds, in plain torch."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(11, 12).double()
        self.last = nn.Linear(12 + 9, 11).double()

    def forward(
        self, x: Tensor, v: Tensor, h: Tensor, number: Tensor, edges: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        messages = self.first(
            torch.cat([x[edges[0]] - x[edges[1]], v[edges[1]], x[edges[1]], h[edges[0]]], -1)
        )
        y = x.new_zeros(x.shape[0], 11 + 1).index_add(0, edges[1], messages.tanh())
        y = self.last(torch.cat([y, cell.flatten(1)[number]], -1))
        total = y.new_zeros(cell.shape[0], 11).index_add(0, number, y.sin())
        return y[:, :3], y[:, 3:6], total[:, :3], total[:, 6:8]


OUT = ("positions@0", "pseudovectors@0", "vector", "invariant")


def given(generator: torch.Generator) -> tuple[Tensor, ...]:
    n = len(NUMBER)
    x, v, h = (torch.randn(n, c, generator=generator, dtype=torch.float64) for c in (3, 3, 2))
    pairs = (NUMBER[:, None] == NUMBER).nonzero().T
    return x, v, h, NUMBER, pairs, torch.randn(3, 3, 3, generator=generator, dtype=torch.float64)


def wrapped(group: str = "E(3)") -> FlatFrames:
    return flat_frames(Flat(), group, FLAT, OUT, batch=3)


@pytest.mark.parametrize("group", ["E(3)", "SE(3)"])
def test_every_cloud_by_its_own_motion(group: str, generator: torch.Generator) -> None:
    """A hundred motions of each of three clouds, and a permutation of all points."""
    model, (x, v, h, number, edges, cell) = wrapped(group), given(generator)
    with torch.no_grad():
        y = model(x, v, h, number, edges, cell)
        for g in named(group).sample(300, generator).double().split(3):
            p = torch.randperm(len(x), generator=generator)
            turn, shift, sign = g[:, :3, :3], g[:, :3, 3], torch.linalg.det(g[:, :3, :3])
            by = turn[number]
            moved = torch.einsum("nij,nj->ni", by, x) + shift[number], torch.einsum("nij,nj->ni", by, v)
            back = torch.argsort(p)
            found = model(*(m[p] for m in moved), h[p], number[p], back[edges], cell @ turn.mT)
            wanted = (
                (torch.einsum("nij,nj->ni", by, y[0]) + shift[number])[p],
                (torch.einsum("nij,nj->ni", by, y[1]) * sign[number, None])[p],
                torch.einsum("bij,bj->bi", turn, y[2]),
                y[3],
            )
            torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-10)


def test_as_every_cloud_alone(generator: torch.Generator) -> None:
    """Against wrap.frames on one dense cloud at a time, and forces as well."""
    x, v, h, number, edges, cell = given(generator)
    model = wrapped()

    class Dense(nn.Module):
        def forward(self, x: Tensor, v: Tensor, h: Tensor, cell: Tensor) -> Tensor:
            n = x.shape[1]
            pairs = torch.ones(n, n).nonzero().T
            alone = [
                model.network(*part, torch.zeros(n, dtype=torch.long), pairs, axes[None])[3]
                for *part, axes in zip(x, v, h, cell, strict=True)
            ]
            return torch.cat(alone)

    dense = frames(Dense(), "E(3)", ("positions", "vectors", "tokens", "cell"), "invariant")
    x.requires_grad_()
    energies = model(x, v, h, number, edges, cell)[3]
    force = torch.autograd.grad(energies.sin().sum(), x)[0]
    for i in range(3):
        own = number == i
        at = x.detach()[own][None].requires_grad_()
        energy = dense(at, v[own][None], h[own][None], cell[i : i + 1])
        torch.testing.assert_close(energies[i : i + 1], energy, rtol=1e-10, atol=1e-10)
        alone = torch.autograd.grad(energy.sin().sum(), at)[0][0]
        torch.testing.assert_close(force[own], alone, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    "x", [torch.ones(16, 3), torch.arange(48.0).view(16, 3), torch.eye(3).repeat(6, 1)[:16]]
)
def test_gradients_and_dtype(x: Tensor, generator: torch.Generator) -> None:
    """One place, a line, equal moments."""
    _, *rest = given(generator)
    x = x.double().requires_grad_()
    sum(y.sum() for y in wrapped()(x, *rest)).backward()
    assert bool(torch.isfinite(x.grad).all())
    single = flat_frames(
        nn.Linear(3, 3), "E(3)", ("positions@0",) * 1 + ("tokens@0",), "positions@0", batch=1
    )
    single.network = Second()
    assert single(x.detach().float(), rest[2]).dtype == torch.float32


class Second(nn.Module):
    def forward(self, x: Tensor, number: Tensor) -> Tensor:
        return x.exp()


def test_refusals(generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match="wanted points on axis 0"):
        flat_frames(Flat(), "E(3)", ("positions", "tokens@0"), "invariant", batch=1)
    with pytest.raises(ValueError, match='the number of an input that is "tokens@0"'):
        flat_frames(Flat(), "E(3)", ("positions@0", "invariant"), "invariant", batch=1)
    with pytest.raises(ValueError, match='positions or vectors of points, as "positions@0"'):
        flat_frames(Flat(), "O(3)", ("cell", "tokens@0"), "invariant", batch=1)
    inputs = given(generator)
    with pytest.raises(ValueError, match="6 inputs, as declared, got 5"):
        wrapped()(*inputs[:5])
    with pytest.raises(ValueError, match="16 points on axis 0"):
        wrapped()(inputs[0], inputs[1][:4], *inputs[2:])
    with pytest.raises(ValueError, match="wanted 1 outputs, as declared, got 4"):
        flat_frames(Flat(), "E(3)", FLAT, "positions@0", batch=3)(*inputs)


@pytest.mark.unchecked
@pytest.mark.filterwarnings("ignore:.*should not be instantiated")  # the compiler's own reading of a Function
def test_compiled_and_exported(generator: torch.Generator) -> None:
    """Any number of points and edges."""
    model, inputs = wrapped(), given(generator)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*inputs), model(*inputs))
    points, edges = {0: torch.export.Dim("n", min=4)}, {1: torch.export.Dim("e", min=20)}
    program = torch.export.export(
        model, inputs, dynamic_shapes={"inputs": (points, points, points, points, edges, None)}, strict=False
    )
    keep = NUMBER < 2
    x, v, h, number, pairs, cell = inputs
    fewer = (x[keep], v[keep], h[keep], number[keep], pairs[:, (pairs < int(keep.sum())).all(0)], cell)
    torch.testing.assert_close(program.module()(*fewer), model(*fewer))


def test_flat_axes_are_free_for_vectors_of_the_cloud_alone(generator: torch.Generator) -> None:
    """On a line two axes have no extent: no matter to invariants and vectors of positions alone, and `check`
    knows. It is a matter to other outputs, and where velocities come in.
    """

    class Line(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return (x @ x.new_tensor([1.0, 2.0, 3.0])).sin().mean(1, keepdim=True), (
                x + x.flip(-1).cos()
            ).mean(1)

    x = torch.tensor([0.0, 1, 2, 4]).double()[:, None] * torch.tensor([1.0, 2, 3]).double()
    model = frames(Line(), "SE(3)", "positions", ("invariant", "vector"))
    y = model(x[None])
    for g in named("SE(3)").sample(100, generator).double():
        moved = (x @ g[:3, :3].mT + g[:3, 3])[None]
        model.check(moved)
        z = model(moved)
        torch.testing.assert_close(z, (y[0], y[1] @ g[:3, :3].mT), rtol=1e-11, atol=1e-11)
    free = {"vector": True, "position": True, "pseudovector": False, "matrix": False, "invariant": True}
    kinds = {name: frames(Line(), "SE(3)", "positions", name).posing for name in free}
    assert {name: posing._flat_is_free for name, posing in kinds.items()} == free
    assert not Posing(
        model.posing.acts, (*model.posing.in_types,) * 2, model.posing.out_types, None, ""
    )._flat_is_free
    for name, posing in kinds.items():
        assert (float(posing.gaps((x[None],))) > 0.5) is free[name]
    x[3] = torch.tensor([1.0, 0, 0]).double()
    assert float(model.gaps(x[None])) < 1, "points off the line count again"


def test_masks_come_along(generator: torch.Generator) -> None:
    """NaN in the padding reaches neither frames nor centre."""
    x, v, h = cloud(3, generator)
    there = torch.tensor([True] * 5 + [False] * 2).expand(4, 7)
    model = frames(Net(3), "E(3)", ("positions", "vectors", "tokens"), ("positions", "vectors", "invariant"))
    masked = Posing(model.posing.acts, (*model.posing.in_types, model.posing.in_types[2]), (), 3, "")
    hidden = x.masked_fill(~there[..., None], torch.nan)
    for found, wanted in zip(
        masked.poses((hidden, v, h, there)), model.posing.poses((x[:, :5], v, h)), strict=True
    ):
        torch.testing.assert_close(found.abs(), wanted.abs(), rtol=0, atol=1e-12)
