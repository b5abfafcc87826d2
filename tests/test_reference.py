"""Every layer without an integral against its formula in numpy."""

import numpy as np
import pytest
import torch
from torch import Tensor

import mackey as mk
from cases import field

SIZES = ((4, 4), (5, 5), (3, 6))
FIBRES = ("trivial", "regular", "irreps", "vector", "quotient")


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def fibres(x: Tensor, in_type: mk.FieldType) -> np.ndarray:
    """(b, c, d, *spatial): the fibre index is fastest within the channel axis."""
    return x.detach().numpy().reshape(len(x), in_type.multiplicity, in_type.rep.dim, *x.shape[2:])


def assert_equal(value: Tensor, wanted: np.ndarray) -> None:
    wanted = torch.as_tensor(wanted).reshape(value.shape)
    torch.testing.assert_close(value.detach(), wanted, rtol=1e-12, atol=1e-12)


def drawn(layer: torch.nn.Module) -> torch.nn.Module:
    """The layer in float64, its parameters drawn at random."""
    generator = torch.Generator().manual_seed(1)
    layer = layer.double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return layer


@pytest.mark.parametrize("sizes", SIZES)
def test_pools_over_the_group_and_over_space(sizes: tuple[int, int]) -> None:
    for fibre in FIBRES:
        kind = field("p4m", fibre, 3)
        x = noise(2, kind.channels, *sizes)
        f = fibres(x, kind)
        assert_equal(mk.nn.FibreNorm(kind)(x), np.sqrt((f**2).sum(2)))
        assert_equal(mk.nn.SpaceMean(kind)(x), f.sum((3, 4)) / (sizes[0] * sizes[1]))
        if kind.rep.is_permutation:
            assert_equal(mk.nn.GroupMax(kind)(x), f.max(2))
            assert_equal(mk.nn.GroupMean(kind)(x), f.sum(2) / kind.rep.dim)
            assert_equal(mk.nn.SpaceMax(kind)(x), f.max((3, 4)))


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"),
    [(6, 2, 2, 0), (7, 3, 2, 0), (7, 3, 2, 1), (8, 4, 2, 1), (9, 3, 3, 0)],
)
def test_pools_over_windows(size: int, kernel: int, stride: int, padding: int) -> None:
    """Outside the array fields are zero for the mean, and absent for the maximum."""
    kind = field("p4m", "regular", 2)
    x = noise(2, kind.channels, size, size)
    edges = [(0, 0), (0, 0), (padding, padding), (padding, padding)]
    zeros = np.pad(x.numpy(), edges)
    absent = np.pad(x.numpy(), edges, constant_values=-np.inf)
    steps = range(0, size + 2 * padding - kernel + 1, stride)
    mean = [
        [zeros[..., i : i + kernel, j : j + kernel].sum((2, 3)) / kernel**2 for j in steps] for i in steps
    ]
    most = [[absent[..., i : i + kernel, j : j + kernel].max((2, 3)) for j in steps] for i in steps]
    options = {"stride": stride, "padding": padding}
    assert_equal(mk.nn.WindowMean(kind, kernel, **options)(x), np.moveaxis(np.array(mean), (0, 1), (2, 3)))
    assert_equal(mk.nn.WindowMax(kind, kernel, **options)(x), np.moveaxis(np.array(most), (0, 1), (2, 3)))


def test_pools_over_windows_in_one_and_three_dimensions() -> None:
    line, cube = field("Z⋊±1", "regular", 2), field("Z^3⋊O", "trivial", 2)
    x, y = noise(2, 4, 6), noise(2, 2, 4, 4, 4)
    pairs, boxes = x.numpy().reshape(2, 4, 3, 2), y.numpy().reshape(2, 2, 2, 2, 2, 2, 2, 2)
    assert_equal(mk.nn.WindowMean(line, 2)(x), pairs.mean(3))
    assert_equal(mk.nn.WindowMax(line, 2)(x), pairs.max(3))
    assert_equal(mk.nn.WindowMean(cube, 2)(y), boxes.mean((3, 5, 7)))
    assert_equal(mk.nn.WindowMax(cube, 2)(y), boxes.max((3, 5, 7)))


def mixed(count: int) -> mk.FieldType:
    """A permutation fibre with two orbits: two means, one variance."""
    grid = mk.spaces.Grid(mk.groups.p4())
    H = grid.stabiliser
    return mk.FieldType(grid, mk.reps.quotient(mk.groups.subgroup(H, [2])) + mk.reps.regular(H), count)


def norm_bias(layer: torch.nn.Module, kind: mk.FieldType) -> np.ndarray:
    """bias as invariant vectors (c, d): equal on orbits; the first coordinate of a sum of irreps."""
    bias = np.zeros((kind.multiplicity, kind.rep.dim))
    if kind.rep.is_permutation:
        with torch.no_grad():
            layer.bias.copy_(layer.bias[:, :1].expand_as(layer.bias))  # the order of orbits is not promised
        bias[:] = layer.bias.detach().numpy()[:, :1]
    elif layer.bias.numel():
        bias[:, :1] = layer.bias.detach().numpy()
    return bias[None, :, :, None, None]


KINDS = [*(field("p4m", fibre, 3) for fibre in FIBRES), mixed(3)]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_batch_norm(kind: mk.FieldType, sizes: tuple[int, int]) -> None:
    """(x − μ)/√(v + ε)·weight + bias; running values move by `momentum`, the variance without bias."""
    layer = drawn(mk.nn.BatchNorm(kind, eps=1e-3, momentum=0.2))
    weight, bias = layer.weight.detach().numpy()[None, :, None, None, None], norm_bias(layer, kind)
    invariant = kind.rep.matrices.mean(0)  # the projector onto invariant vectors
    running_mean, running_var = np.zeros((3, kind.rep.dim)), np.ones(3)
    for seed in (1, 2):
        x = 2 * noise(4, kind.channels, *sizes, seed=seed) + 3
        f = fibres(x, kind)
        mean = f.mean((0, 3, 4)) @ invariant.T
        centred = f - mean[None, :, :, None, None]
        variance = (centred**2).mean((0, 2, 3, 4))
        scale = 1 / np.sqrt(variance + 1e-3)[None, :, None, None, None]
        assert_equal(layer.train()(x), centred * scale * weight + bias)
        count = f.size / 3
        running_mean = 0.8 * running_mean + 0.2 * mean
        running_var = 0.8 * running_var + 0.2 * variance * count / (count - 1)
    x = noise(2, kind.channels, *sizes, seed=3)
    centred = fibres(x, kind) - running_mean[None, :, :, None, None]
    scale = 1 / np.sqrt(running_var + 1e-3)[None, :, None, None, None]
    for _ in range(2):  # in eval mode nothing moves
        assert_equal(layer.eval()(x), centred * scale * weight + bias)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_layer_norm(kind: mk.FieldType, sizes: tuple[int, int]) -> None:
    """At each point: μ the invariant part of the mean over fields, v over fields and fibre."""
    layer = drawn(mk.nn.LayerNorm(kind, eps=1e-3))
    weight, bias = layer.weight.detach().numpy()[None, :, None, None, None], norm_bias(layer, kind)
    x = 2 * noise(2, kind.channels, *sizes) + 3
    f = fibres(x, kind)
    mean = np.einsum("de,behw->bdhw", kind.rep.matrices.mean(0), f.mean(1))
    centred = f - mean[:, None]
    scale = 1 / np.sqrt((centred**2).mean((1, 2), keepdims=True) + 1e-3)
    for training in (True, False):
        assert_equal(layer.train(training)(x), centred * scale * weight + bias)


def test_layer_norm_of_tokens_is_torch_layer_norm() -> None:
    kind = mk.FieldType(mk.spaces.Set(5), mk.reps.trivial(mk.spaces.Set(5).stabiliser), 6)
    layer, x = drawn(mk.nn.LayerNorm(kind)), noise(2, 5, 6)
    wanted = torch.nn.functional.layer_norm(x, (6,), layer.weight, layer.bias[:, 0])
    assert_equal(layer(x), wanted.detach().numpy())


@pytest.mark.parametrize("sizes", [*SIZES, ()])
@pytest.mark.parametrize("function", [torch.relu, torch.tanh])
def test_activations(sizes: tuple[int, ...], function) -> None:
    """On grids, and on the point that is left after pooling over space."""
    H = mk.groups.p4m().point_group
    domain = mk.spaces.Grid(mk.groups.p4m()) if sizes else mk.spaces.Point(H)
    for rep in (mk.reps.regular(H), mk.reps.standard(H), mk.reps.direct_sum(mk.reps.irreps(H))):
        kind = mk.FieldType(domain, rep, 3)
        x = noise(2, kind.channels, *sizes)
        x[0, : rep.dim] = 0
        f = fibres(x, kind)
        layer = drawn(mk.nn.NormActivation(kind, function))
        norm = np.sqrt((f**2).sum(2, keepdims=True))
        bias = layer.bias.detach().numpy().reshape(1, 3, 1, *(1,) * len(sizes))
        with np.errstate(invalid="ignore", divide="ignore"):
            factor = np.nan_to_num(function(torch.as_tensor(norm + bias)).numpy() / norm, posinf=0, neginf=0)
        assert_equal(layer(x), f * factor)
        gated = mk.nn.Gated(kind)
        y = noise(2, gated.in_type.channels, *sizes)
        g = fibres(y, gated.in_type)
        assert_equal(gated(y), g[:, :, :-1] / (1 + np.exp(-g[:, :, -1:])))
        if rep.is_permutation:
            assert_equal(mk.nn.Pointwise(kind, function)(x), function(x).numpy())


@pytest.mark.parametrize("name", ["p4", "p4m", "p2", "pm"])
@pytest.mark.parametrize("sizes", SIZES)
def test_fourier_activation(name: str, sizes: tuple[int, int]) -> None:
    """y = Aᵀ a(A x). On regular fibres A = 1. A is an isometry: a(t) = 3t gives 3x; and a(t) = t² gives
    ‖x‖²/√|H| in the trivial irrep (up to the sign of its basis), whatever basis A has elsewhere.
    """
    regular, irreps = field(name, "regular", 2), field(name, "irreps", 2)
    x, y = noise(2, regular.channels, *sizes), noise(2, irreps.channels, *sizes)
    assert_equal(mk.nn.FourierActivation(regular).double()(x), np.maximum(x.numpy(), 0))
    assert_equal(mk.nn.FourierActivation(irreps, lambda t: 3 * t).double()(y), 3 * y.numpy())
    squared = fibres(mk.nn.FourierActivation(irreps, torch.square).double()(y), irreps)
    wanted = (fibres(y, irreps) ** 2).sum(2) / np.sqrt(irreps.rep.group.order)
    assert_equal(torch.as_tensor(np.abs(squared[:, :, 0])), wanted)


@pytest.mark.parametrize("p", [0.25, 0.6])
def test_dropout(p: float) -> None:
    """Each field of each sample: kept × 1/(1 − p), or zero as a whole, with probability p."""
    kind = field("p4", "regular", 5)
    layer, x = mk.nn.FieldDropout(kind, p), noise(1000, kind.channels, 2, 3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        factor = fibres(layer.train()(x) / x, kind).reshape(1000, 5, -1)
    assert np.allclose(factor, factor[:, :, :1], rtol=1e-12), "a field is dropped in part"
    values = factor[:, :, 0]
    assert np.allclose(np.unique(np.round(values, 9)), [0, 1 / (1 - p)])
    dropped = values == 0
    # 5000 draws: a standard deviation of 0.007; the seed is fixed
    assert abs(dropped.mean() - p) < 0.03
    assert np.abs(dropped.mean(0) - p).max() < 0.08 and len(np.unique(dropped, axis=0)) > 20
    assert torch.equal(layer.eval()(x), x)
    tokens = mk.FieldType(mk.spaces.Set(4), mk.reps.trivial(mk.spaces.Set(4).stabiliser), 6)
    y = noise(50, 4, 6)
    factor = (mk.nn.FieldDropout(tokens, p)(y) / y).numpy()
    assert np.allclose(factor, factor[:, :1]) and set(np.round(np.unique(factor), 6)) == {
        0,
        round(1 / (1 - p), 6),
    }


def test_containers() -> None:
    """Layers in order, those that keep the type too; y = x + block(x)."""
    kind, x = field("p4", "regular", 2), noise(2, 8, 5, 5)
    conv, tanh = drawn(mk.nn.Conv(kind, kind, 3)), mk.nn.Pointwise(kind, torch.tanh)
    assert_equal(mk.nn.Sequential(tanh, conv, tanh)(x), torch.tanh(conv(torch.tanh(x))).detach().numpy())
    assert_equal(mk.nn.Residual(conv)(x), (x + conv(x)).detach().numpy())
    assert_equal(mk.nn.Residual(tanh)(x), x.numpy() + np.tanh(x.numpy()))
