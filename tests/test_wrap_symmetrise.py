"""Averages over groups: all elements and quadratures; their memory, and the rate of their error."""

import pytest
import torch
from torch import Tensor, nn

import mackey as mk
from amplified import drawn, error, noise
from mackey.actions import Motion
from mackey.wrap import average

EXACT = 1e-10


class Images(nn.Module):
    """A network that knows up from down."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 2, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x) * torch.linspace(0, 1, x.shape[-1], dtype=x.dtype)


class Clouds(nn.Module):
    """Any function of points (b, n, 3) and charges (b, n, 2) to one vector and one number for each point."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(5, width), nn.Linear(2 * width, 4)
        self.calls: list[int] = []

    def forward(self, x: Tensor, charges: Tensor) -> tuple[Tensor, Tensor]:
        self.calls.append(len(x))
        hidden = self.first(torch.cat([x, charges], -1)).tanh()
        out = self.second(torch.cat([hidden, hidden.mean(1, keepdim=True).expand_as(hidden)], -1))
        return out[..., :3], out[..., 3:]


@pytest.mark.parametrize("size", [6, 7])
@pytest.mark.parametrize("group", ["p4m", "D4", "p4", "C8"])
def test_images(group: str, size: int) -> None:
    """Also equal to the sum written out with torch.rot90."""
    network = drawn(Images())
    wrapped, x = average(network, group, "image", "image", chunk=3), noise(2, 2, size, size)
    assert error(torch.rot90(network(x), 1, (-2, -1)), network(torch.rot90(x, 1, (-2, -1)))) > 1e-2
    for k in range(4):
        assert error(wrapped(torch.rot90(x, k, (-2, -1))), torch.rot90(wrapped(x), k, (-2, -1))) < EXACT
    if group == "p4":
        poses = [torch.rot90(network(torch.rot90(x, -k, (-2, -1))), k, (-2, -1)) for k in range(4)]
        torch.testing.assert_close(wrapped(x), torch.stack(poses).mean(0))
        assert average(network, "p4", "image", "image").guarantee.kind == "exact"
    assert average(network, "C8", "image", "image").guarantee.kind == "exact_on_grid"


@pytest.mark.parametrize("group", ["O", "Oh", "I", "Td"])
def test_points_under_finite_groups(group: str) -> None:
    network = drawn(Clouds())
    wrapped = average(network, group, ("vectors", "tokens"), ("vectors", "tokens"), chunk=7)
    assert wrapped.guarantee.kind == "exact"
    x, charges = noise(2, 5, 3), noise(2, 5, 2, seed=2)
    vectors, scalars = wrapped(x, charges)
    H = mk.groups.named(group)
    assert isinstance(H, mk.groups.FiniteGroup)
    for h in H.sample(8, torch.Generator().manual_seed(0)):
        matrix = torch.as_tensor(H.matrices[h])
        moved = wrapped(x @ matrix.T, charges)
        assert error(moved[0], vectors @ matrix.T) < EXACT and error(moved[1], scalars) < EXACT
    assert error(network(x @ torch.as_tensor(H.matrices[1]).T, charges)[1], network(x, charges)[1]) > 1e-2


def test_permutations() -> None:
    """Tokens of 4 points, with an output for each, under Sym(4) and Alt(4)."""

    class Ordered(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(12, 12)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x.flatten(1)).tanh().view(x.shape)

    network, x = drawn(Ordered()), noise(2, 4, 3)
    for group, order in (("Sym(4)", [2, 0, 3, 1]), ("A4", [1, 2, 0, 3])):
        wrapped = average(network, group, "tokens", "tokens", chunk=5)
        assert error(wrapped(x[:, order]), wrapped(x)[:, order]) < EXACT
        assert error(network(x[:, order]), network(x)[:, order]) > 1e-2


def test_the_error_falls_with_the_points_of_a_quadrature() -> None:
    """SO(3): faster than any power for a smooth network; each doubling of the degree squares the error."""
    network = drawn(Clouds(), 0.4)
    x, charges = noise(2, 4, 3), noise(2, 4, 2, seed=2)
    rotation = mk.groups.special_orthogonal(3).sample(1, torch.Generator().manual_seed(3))[0]
    errors = []
    for points in (1, 30, 250):
        wrapped = average(
            network, "SO(3)", ("vectors", "tokens"), ("vectors", "tokens"), points=points, chunk=256
        )
        assert wrapped.guarantee.kind == "continuum"
        with torch.no_grad():
            errors.append(error(wrapped(x @ rotation.T, charges)[0], wrapped(x, charges)[0] @ rotation.T))
    print(errors)
    assert errors[0] > 0.1 and errors[1] < errors[0] / 3
    assert errors[2] < errors[1] / 30


def test_translations_are_taken_out() -> None:
    """E(3) by the mean of the positions and a quadrature of O(3)."""
    network = drawn(Clouds(), 0.2)
    wrapped = average(
        network, "E(3)", ("positions", "tokens"), ("positions", "tokens"), points=500, chunk=250
    )
    x, charges = noise(1, 4, 3), noise(1, 4, 2, seed=2)
    rotation = -mk.groups.special_orthogonal(3).sample(1, torch.Generator().manual_seed(3))[0]
    shift = torch.tensor([3.0, -2.0, 9.0], dtype=torch.float64)
    with torch.no_grad():
        first, second = wrapped(x, charges)[0], wrapped(x @ rotation.T + shift, charges)[0]
    assert error(second, first @ rotation.T + shift) < 1e-5
    only = average(network, "E(3)", ("positions", "tokens"), ("vectors", "tokens"), points=20)
    with torch.no_grad():
        torch.testing.assert_close(only(x + shift, charges), only(x, charges), rtol=0, atol=1e-12)


def test_one_chunk_at_a_time() -> None:
    """The network never sees more than chunk·b samples, forwards or in the backward pass; results agree."""
    x, charges = noise(2, 5, 3), noise(2, 5, 2, seed=2)
    gradients = []
    for chunk in (1, 7, 24):
        network = drawn(Clouds())
        wrapped = average(network, "O", ("vectors", "tokens"), ("vectors", "tokens"), chunk=chunk)
        sum(y.square().sum() for y in wrapped(x, charges)).backward()
        calls = -(-24 // chunk)
        assert max(network.calls) == 2 * chunk
        assert len(network.calls) == (calls if calls == 1 else 2 * calls), "computed again, not kept"
        gradients.append(network.first.weight.grad)
    torch.testing.assert_close(gradients[0], gradients[2])
    torch.testing.assert_close(gradients[1], gradients[2])


def test_features_and_fields_of_finite_groups() -> None:
    """Irreps of O for the sample, by name, and a field at a point."""
    H = mk.groups.octahedral()

    class Numbers(nn.Module):
        def __init__(self, out: int) -> None:
            super().__init__()
            self.linear = nn.Linear(12, out)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x.flatten(1)).tanh()

    x = noise(2, 4, 3)
    rep = mk.reps.direct_sum(mk.reps.irreps(H))
    field = mk.FieldType(mk.spaces.Point(H), mk.reps.standard(H), 2)
    for out, dim in ((mk.actions.Features(rep, None), rep.dim), (field, 6), ("matrix", 9)):
        network = drawn(
            nn.Sequential(Numbers(dim), nn.Unflatten(1, (3, 3)) if out == "matrix" else nn.Identity())
        )
        wrapped = average(network, H, "vectors", out)
        declared = mk.actions.declare(out, H, "test")
        for h in (1, 5, 17):
            motion = Motion(torch.as_tensor(H.matrices[h]))
            assert (
                error(wrapped(x @ torch.as_tensor(H.matrices[h]).T), declared.act(wrapped(x), motion)) < EXACT
            )


def test_tensors_without_a_batch() -> None:
    """A graph network: positions (n, d) and edge_index, one element at a time."""

    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 3)

        def forward(self, x: Tensor, edges: Tensor) -> Tensor:
            return torch.zeros_like(x).index_add(0, edges[0], self.linear(x[edges[1]] - x[edges[0]]).tanh())

    wrapped = average(drawn(Graph()), "O", ("positions@0", "edge_index"), "vectors@0", chunk=8)
    x, edges = noise(4, 3), torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]])
    quarter = torch.as_tensor(mk.groups.octahedral().matrices[1])
    assert error(wrapped(x @ quarter.T, edges), wrapped(x, edges) @ quarter.T) < EXACT


@pytest.mark.unchecked
def test_averages_compile_and_export() -> None:
    dim = torch.export.Dim("batch", min=1, max=64)
    wrapped, x = average(drawn(Images()), "p4m", "image", "image"), noise(2, 2, 6, 6)
    clouds = average(drawn(Clouds()), "O", ("vectors", "tokens"), ("vectors", "tokens"), chunk=6)
    pair = (noise(2, 5, 3), noise(2, 5, 2, seed=2))
    clouds.network.calls = []
    torch._dynamo.reset()
    compiled = torch.compile(wrapped, fullgraph=True, backend="aot_eager")
    assert error(compiled(x), wrapped(x)) < 1e-12
    program = torch.export.export(wrapped, (x,), dynamic_shapes=({0: dim},))
    more = torch.cat([x, x[:1]])
    assert error(program.module()(more), wrapped(more)) < 1e-12
    assert len(clouds(*pair)) == 2


def test_messages() -> None:
    network = Clouds()
    with pytest.raises(ValueError, match="chunk ≥ 1, got 0"):
        average(network, "O", "vectors", "vectors", chunk=0)
    with pytest.raises(ValueError, match=r"a compact group, got SO\+\(1,3\)"):
        average(network, "SO+(1,3)", "vectors", "vectors", points=10)
    with pytest.raises(ValueError, match=r"points of a quadrature of SO\(3\), got points=None"):
        average(network, "SO(3)", "vectors", "vectors")
    with pytest.raises(ValueError, match="a number of points, such as Sym"):
        average(network, "Sym", "tokens", "tokens")
    with pytest.raises(ValueError, match="got O×Sym"):
        average(network, "O×Sym", "vectors", "vectors")
    with pytest.raises(ValueError, match="positions among the inputs"):
        average(network, "E(3)", "vectors", "positions", points=10)
