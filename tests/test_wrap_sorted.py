"""Frames of Sym(n): sorted points, against the average over all permutations and on equal points."""

import copy
import itertools

import pytest
import torch
from torch import Tensor, nn

import mackey as mk
from mackey.wrap.sorted_frames import SortedFrames, sorted_frames

N = 5


class Ordered(nn.Module):
    """Sees the order of its points: another weight for each place."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(N, 5, N, 4, dtype=torch.float64))
        self.score = nn.Parameter(torch.randn(N, 4, dtype=torch.float64))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y = torch.einsum("bnc,ncmd->bmd", torch.cat([x, h], -1), self.first.to(x)).tanh()
        return y[..., :3] + x, (y * self.score.to(x)).sum((1, 2)), y[:, :, None, 0] * y[:, None, :, 1]


IN, OUT = ("positions", "tokens"), ("positions", "invariant", "pairs")


@pytest.fixture
def wrapped() -> SortedFrames:
    return sorted_frames(Ordered(), IN, OUT)


def cloud(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    x = torch.randn(3, N, 3, generator=generator, dtype=torch.float64)
    return x, torch.randint(2, (3, N, 2), generator=generator).double()


def moved(p: Tensor, y: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    return y[0][:, p], y[1], y[2][:, p][:, :, p]


def test_every_permutation_of_points(wrapped: SortedFrames, generator: torch.Generator) -> None:
    x, h = cloud(generator)
    y = wrapped(x, h)
    assert wrapped.guarantee == mk.Guarantee("exact", "Sym", wrapped.guarantee.note)
    for p in map(torch.tensor, itertools.permutations(range(N))):
        torch.testing.assert_close(wrapped(x[:, p], h[:, p]), moved(p, y), rtol=1e-14, atol=1e-14)
    p = torch.tensor([1, 2, 3, 4, 0])
    assert float((wrapped.network(x[:, p], h[:, p])[1] - y[1]).detach().abs().max()) > 0.1, (
        "the network is ordered"
    )


def test_the_network_sees_a_permutation_of_the_input(generator: torch.Generator) -> None:
    """Of the tokens and positions alike: scalars sorted first, then √2 x + √3 y + √5 z."""
    x, h = cloud(generator)
    seen = sorted_frames(Echo(), IN, ("invariant", "invariant"))(x, h)
    for sample in range(3):

        def key(i: int, sample: int = sample) -> tuple[float, ...]:
            roots = torch.tensor([2.0, 3.0, 5.0], dtype=torch.float64).sqrt()
            return (*h[sample, i].tolist(), float(x[sample, i] @ roots))

        order = sorted(range(N), key=key)
        assert torch.equal(seen[0][sample], x[sample, order]) and torch.equal(
            seen[1][sample], h[sample, order]
        )


class Echo(nn.Module):
    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return inputs


def test_equal_points_average_over_every_way_to_sort_them(generator: torch.Generator) -> None:
    """The brute force frame: all sorting permutations, one by one."""
    x, h = cloud(generator)
    x[:, 3], h[:, 3] = x[:, 0], h[:, 0]
    x[:, 4], h[:, 4] = x[:, 0], h[:, 0]
    network = Ordered()
    wrapped = sorted_frames(network, IN, OUT)
    rows = torch.cat([wrapped.keys(x, h)], -1)
    for sample in range(3):
        listed = [rows[sample, i].tolist() for i in range(N)]
        ways = [p for p in itertools.permutations(range(N)) if [listed[i] for i in p] == sorted(listed)]
        assert len(ways) == 6
        total = torch.zeros(N, 3, dtype=torch.float64)
        for p in ways:
            out = network(x[sample : sample + 1, list(p)], h[sample : sample + 1, list(p)])[0][0]
            total = total + out[torch.argsort(torch.tensor(p))] / len(ways)
        torch.testing.assert_close(wrapped(x, h)[0][sample], total, rtol=1e-13, atol=1e-13)


def test_padding_comes_last_and_has_no_say(generator: torch.Generator) -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Ordered()

        def forward(self, x: Tensor, h: Tensor, there: Tensor) -> Tensor:
            keep = there[..., None]
            return self.inner(x.where(keep, 0.0), h.where(keep, 0.0))[0].where(keep, 0.0)

    x, h = cloud(generator)
    there = torch.tensor([[True, False, True, True, False]] * 3)
    wrapped = sorted_frames(Masked(), (*IN, "tokens"), "positions", mask=2)
    y = wrapped(x, h, there)
    noisy = x.where(there[..., None], torch.nan), h.where(there[..., None], 7.0)
    torch.testing.assert_close(wrapped(*noisy, there), y, rtol=0, atol=0)
    p = torch.tensor([4, 2, 0, 1, 3])
    torch.testing.assert_close(wrapped(x[:, p], h[:, p], there[:, p]), y[:, p], rtol=1e-14, atol=1e-14)


def test_gradients_and_dtype(generator: torch.Generator) -> None:
    x, h = cloud(generator)
    x[:, 3], h[:, 3] = x[:, 0], h[:, 0]
    wrapped = sorted_frames(Ordered(), IN, OUT)
    assert wrapped(x.float(), h.float())[0].dtype == torch.float32
    assert torch.isfinite(torch.func.grad(lambda z: wrapped(z, h)[1].sum())(x)).all()
    x, h = cloud(generator)
    assert torch.autograd.gradcheck(lambda z: wrapped(z, h), (x.requires_grad_(),))
    twin = copy.deepcopy(wrapped)
    assert twin.state_dict().keys() == wrapped.train().state_dict().keys()
    torch.testing.assert_close(twin(x, h), wrapped(x, h), rtol=0, atol=0)


@pytest.mark.unchecked
def test_compiled_and_exported(generator: torch.Generator) -> None:
    x, h = cloud(generator)
    wrapped = sorted_frames(Ordered(), IN, OUT)
    compiled = torch.compile(wrapped, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, h), wrapped(x, h))
    batch = torch.export.Dim("b")
    program = torch.export.export(wrapped, (x, h), dynamic_shapes={"inputs": ({0: batch}, {0: batch})})
    x, h = x[:2], h[:2]
    torch.testing.assert_close(program.module()(x, h), wrapped(x, h))


def test_what_cannot_be_sorted_is_refused(wrapped: SortedFrames, generator: torch.Generator) -> None:
    x, h = cloud(generator)
    with pytest.raises(ValueError, match="wanted tensors with axes of points, got edge_index"):
        sorted_frames(Ordered(), ("positions", "edge_index"), "invariant")
    with pytest.raises(ValueError, match="wanted tokens, positions or vectors of points on axis 1"):
        sorted_frames(Ordered(), "invariant", "invariant")
    with pytest.raises(ValueError, match="wanted 2 inputs, as declared, got 1"):
        wrapped(x)
    with pytest.raises(ValueError, match="wanted 2 outputs, as declared, got 3"):
        sorted_frames(Ordered(), IN, ("positions", "invariant"))(x, h)
    wrapped.check(x, h)
    x[:, 1], h[:, 1] = x[:, 0], h[:, 0]
    wrapped.check(x, h)
    x[1, 1] *= 1 + 1e-14
    with pytest.raises(ValueError, match="two of sample 1 that are equal up to rounding"):
        wrapped.check(x, h)
