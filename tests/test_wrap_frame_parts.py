"""Frames of parts: every part moves by its own motion; APEN on given and found bodies."""

import pytest
import torch
from torch import Tensor, nn

from mackey.groups import named
from mackey.wrap.part_frames import PartFrames, part_frames
from mackey.zoo.points.apen import Model, bodies, example
from test_wrap_frame_groups import Net, cloud

IN, OUT = ("positions", "vectors", "tokens", "tokens"), ("positions", "vectors", "tokens")


class PerPoint(nn.Module):
    """Mixes all the points that it is shown; ignores the mask, which must not matter for equivariance."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Net(3)
        self.last = nn.Linear(6, 3).double()

    def forward(self, x: Tensor, v: Tensor, h: Tensor, there: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, w, _ = self.net(x, v, h)
        return y, w, self.last(torch.cat([y, w], -1))


def wrapped(count: int = 2) -> PartFrames:
    return part_frames(PerPoint(), "E(3)", IN, OUT, parts=3, count=count)


LABELS = torch.tensor([0, 1, 0, 1, 1, 0, 0])


def motions(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    g = named("E(3)").sample(count, generator).double()
    return g[:, :3, :3], g[:, :3, 3]


def each(x: Tensor, turn: Tensor, shift: Tensor | None = None) -> Tensor:
    """Point i by its own A_i and t_i."""
    x = torch.einsum("nij,bnj->bni", turn, x)
    return x if shift is None else x + shift


def test_every_part_on_its_own(generator: torch.Generator) -> None:
    """A hundred pairs of motions, mirrors among them; and no motion of the other part has any say."""
    x, v, h = cloud(3, generator)
    parts, model = LABELS.expand(4, -1), wrapped()
    model.check(x, v, h, parts)
    with torch.no_grad():
        y = model(x, v, h, parts)
        for _ in range(100):
            turn, shift = (part[LABELS] for part in motions(2, generator))
            found = model(each(x, turn, shift), each(v, turn), h, parts)
            wanted = (each(y[0], turn, shift), each(y[1], turn), y[2])
            torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-10)
    assert model.guarantee.kind == "exact" and "each part" in model.guarantee.note


def test_finer_partitions_hold_and_coarser_ones_do_not(generator: torch.Generator) -> None:
    x, v, h = cloud(3, generator)
    x, v, h = (torch.cat([part, part.roll(1, 0) + 0.1], 1) for part in (x, v, h))
    true = torch.arange(2).repeat_interleave(7)
    turn, shift = (part[true] for part in motions(2, generator))
    with torch.no_grad():
        for labels, holds in ((2 * true + (torch.arange(14) % 2), True), (0 * true, False)):
            parts, model = labels.expand(4, -1), wrapped(4)
            y, z = model(x, v, h, parts), model(each(x, turn, shift), each(v, turn), h, parts)
            assert (float((z[0] - each(y[0], turn, shift)).abs().max()) < 1e-10) is holds


def test_numbers_of_parts_mean_nothing(generator: torch.Generator) -> None:
    """Renumbered parts, absent ones, and points of no part, whose outputs are 0."""
    x, v, h = cloud(3, generator)
    two = wrapped()
    five = part_frames(two.network, "E(3)", IN, OUT, parts=3, count=5)
    y = two(x, v, h, LABELS.expand(4, -1))
    torch.testing.assert_close(five(x, v, h, (4 - LABELS).expand(4, -1)), y)
    labels = torch.where(torch.arange(7) < 6, LABELS, -1).expand(4, -1)
    z, short = wrapped()(x, v, h, labels), wrapped()(x[:, :6], v[:, :6], h[:, :6], labels[:, :6])
    assert all(float(part[:, 6].detach().abs().max()) == 0 for part in z)
    assert [part.shape for part in short] == [part[:, :6].shape for part in z]


@pytest.mark.parametrize("x", [torch.ones(7, 3), torch.arange(21.0).view(7, 3), torch.eye(3)[LABELS]])
def test_gradients_are_finite(x: Tensor, generator: torch.Generator) -> None:
    """One place, a line, and coincident points."""
    x = x.double()[None].requires_grad_()
    v, h = (part[:1] for part in cloud(3, generator)[1:])
    sum(y.sum() for y in wrapped(3)(x, v, h, LABELS[None])).backward()
    assert bool(torch.isfinite(x.grad).all())


def test_refusals(generator: torch.Generator) -> None:
    x, v, h = cloud(3, generator)
    with pytest.raises(ValueError, match='the number of an input that is "tokens"'):
        part_frames(PerPoint(), "E(3)", IN, OUT, parts=0, count=2)
    with pytest.raises(ValueError, match="wanted an output for each point"):
        part_frames(PerPoint(), "E(3)", IN, ("positions", "invariant"), parts=3, count=2)
    with pytest.raises(ValueError, match="wanted count ≥ 1"):
        part_frames(PerPoint(), "E(3)", IN, OUT, parts=3, count=0)
    with pytest.raises(ValueError, match="4 inputs, as declared"):
        wrapped()(x, v, h)
    with pytest.raises(ValueError, match="the part of each point, whole numbers"):
        wrapped()(x, v, h, h)
    with pytest.raises(ValueError, match=r"gap of .* in part 1 of sample \d"):
        wrapped()(x, v, h, LABELS.expand(4, -1))
        wrapped().check(x, v, h, torch.tensor([0, 0, 0, 0, 0, 1, 1]).expand(4, -1))


def test_apen(generator: torch.Generator) -> None:
    """Three bodies, each moved on its own a hundred times, far apart: given partition and found one."""
    model, (x, parts) = example()
    model, x = model.double(), 0.2 * torch.randn(2, 12, 3, generator=generator, dtype=torch.float64)
    far = 10 * torch.eye(3).double()[parts[0]]
    x = x + far
    assert torch.equal(bodies(x, 2.0), parts)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.6 * torch.randn(parameter.shape, generator=generator))
        model.reach = 2.0
        y = model(x, parts)
        torch.testing.assert_close(model(x), y, rtol=0, atol=0)
        for _ in range(100):
            turn, shift = (part[parts[0]] for part in motions(3, generator))
            moved = each(x - far, turn) + far + 0.5 * shift.clamp(-1, 1)
            p = torch.randperm(12, generator=generator)
            for found in (model(moved[:, p], parts[:, p]), model(moved[:, p])):
                torch.testing.assert_close(found[0], each(y[0], turn)[:, p], rtol=1e-10, atol=1e-10)
                torch.testing.assert_close(found[1], y[1][:, p], rtol=1e-10, atol=1e-10)
    assert float(y[0].abs().max()) > 0.1


def test_bodies_against_a_walk(generator: torch.Generator) -> None:
    """Connected components by walking, on clouds with chains."""
    x = torch.rand(5, 20, 3, generator=generator, dtype=torch.float64)
    for reach in (0.1, 0.2, 0.3, 0.5):
        found = bodies(x, reach)
        for cloud_, labels in zip(x, found, strict=True):
            left, wanted, number = set(range(20)), torch.zeros(20, dtype=torch.long), 0
            while left:
                walk = [min(left)]
                left -= set(walk)
                while walk:
                    i = walk.pop()
                    wanted[i] = number
                    near = {j for j in left if float((cloud_[i] - cloud_[j]).norm()) <= reach}
                    left -= near
                    walk += near
                number += 1
            assert torch.equal(labels, wanted)


@pytest.mark.unchecked
@pytest.mark.filterwarnings("ignore:.*should not be instantiated")  # the compiler's own reading of a Function
def test_compiled_and_exported() -> None:
    model, inputs = example()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*inputs), model(*inputs), rtol=1e-4, atol=1e-4)
    batch = {0: torch.export.Dim("b", min=2)}
    program = torch.export.export(
        model, inputs, dynamic_shapes={"points": batch, "parts": batch}, strict=False
    )
    again = tuple(torch.cat([part, part[:1]]) for part in inputs)
    torch.testing.assert_close(program.module()(*again), model(*again), rtol=1e-4, atol=1e-4)
    twin = Model(3, 3, hidden=8, vectors=2, depth=2)
    twin.load_state_dict(model.state_dict())
    torch.testing.assert_close(twin(*inputs), model(*inputs), rtol=0, atol=0)
