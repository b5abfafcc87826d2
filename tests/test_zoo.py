"""The zoo models against plain torch, same weights: filters turned one by one, attention by einsum."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import mackey as mk

ORDERS = {"p4": (4, False), "p4m": (4, True)}


def poses(group: str) -> list[tuple[int, bool]]:
    """(quarter turns, mirrored) in the order of the channels of a fibre: r^k, then r^k·m."""
    turns, mirrors = ORDERS[group]
    return [(k, flip) for flip in ((False, True) if mirrors else (False,)) for k in range(turns)]


def compose(a: tuple[int, bool], b: tuple[int, bool]) -> tuple[int, bool]:
    """r^k m^s · r^l m^t: a mirror turns the other way round, m r = r⁻¹ m."""
    return (a[0] + (-b[0] if a[1] else b[0])) % 4, a[1] != b[1]


def inverse(a: tuple[int, bool]) -> tuple[int, bool]:
    return a if a[1] else (-a[0] % 4, False)


def turned(filters: Tensor, pose: tuple[int, bool]) -> Tensor:
    """The displayed filter mirrored left–right if so, then turned counter-clockwise."""
    return torch.rot90(filters.flip(-1) if pose[1] else filters, pose[0], (-2, -1))


def weights(layer: nn.Module, group: str, lift: bool) -> tuple[Tensor, Tensor | None]:
    """The filters (c_out, c_in, |H|, k, k) of the upright orientation, and one bias for each field."""
    order = len(poses(group))
    filters = layer.filter()
    filters = filters if filters.ndim == 4 else filters[..., None, None]
    upright = filters.unflatten(0, (-1, order))[:, 0]
    bias = layer.expanded_bias()
    upright = upright[:, :, None] if lift else upright.unflatten(1, (-1, order))
    return upright, None if bias is None else bias.view(-1, order)[:, 0]


def group_conv(omega: nn.Module, x: Tensor, group: str, *, stride: int = 1, lift: bool = False) -> Tensor:
    """F[o, g] = Σ_{i, h} turn(W[o, i, g⁻¹h], g) ⋆ f[i, h] + b[o], one convolution for each pair (g, h)."""
    upright, bias = weights(omega, group, lift)
    H = poses(group)
    f = x[:, :, None] if lift else x.unflatten(1, (-1, len(H)))
    out = []
    for g in H:
        total: Tensor | float = 0.0
        for index in range(f.shape[2]):
            tap = 0 if lift else H.index(compose(inverse(g), H[index]))
            filters = turned(upright[:, :, tap], g)
            total = total + F.conv2d(f[:, :, index], filters, None, stride, filters.shape[-1] // 2)
        out.append(total if bias is None else total + bias[:, None, None])
    return torch.stack(out, 2).flatten(1, 2)


def batch_norm(layer: nn.Module, x: Tensor, order: int, training: bool) -> Tensor:
    """One mean and variance for each field, over its fibre too."""
    f = x.unflatten(1, (-1, order)).transpose(0, 1).flatten(1)
    mean, variance = f.mean(1), f.var(1, correction=0)
    if not training:
        mean, variance = layer.running_mean[:, 0], layer.running_var
    shape = (-1, 1, 1, 1)
    f = x.unflatten(1, (-1, order))
    f = (f - mean.view(shape)) / (variance.view(shape) + layer.eps).sqrt()
    return (f * layer.weight.view(shape) + layer.bias.view(shape)).flatten(1, 2)


def readout(model: nn.Module, x: Tensor, order: int) -> Tensor:
    """Maximum over the group, mean over space, one linear layer."""
    return F.linear(x.unflatten(1, (-1, order)).amax(2).mean((2, 3)), model.head.weight, model.head.bias)


def attention(layer: nn.Module, x: Tensor, group: str, axis: str) -> Tensor:
    """Eq. (3)–(4) over (y, h) for lift; scores contracted over the fibre, or one map for each orientation."""
    omega, order, sizes = layer.integrand, len(poses(group)), x.shape[2:]
    maps = group_conv(omega.pre, x, group).unflatten(1, (3, omega.heads, -1, order)).flatten(5)
    q, k, v = maps.unbind(1)  # b head e h n
    width = q.shape[2]
    if axis == "lift":
        scores = torch.einsum("baegx,baehy->bagxhy", q, k) / width**0.5
        share = scores.exp() / scores.exp().sum((-2, -1), keepdim=True)
        mixed = torch.einsum("bagxhy,baehy->baegx", share, v)
    elif axis == "frame":
        scores = torch.einsum("baehx,baehy->bahxy", q, k) / width**0.5
        share = scores.exp() / scores.exp().sum(-1, keepdim=True)
        mixed = torch.einsum("bahxy,baehy->baehx", share, v)
    else:
        scores = torch.einsum("baehx,baehy->baxy", q, k) / (width * order) ** 0.5
        share = scores.exp() / scores.exp().sum(-1, keepdim=True)
        mixed = torch.einsum("baxy,baehy->baehx", share, v)
    return group_conv(omega.post, mixed.flatten(1, 3).unflatten(-1, sizes), group)


def drawn(model: nn.Module, scale: float) -> nn.Module:
    """float64, every weight drawn large enough for attention to be far from uniform, biases too."""
    generator = torch.Generator().manual_seed(0)
    model = model.double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return model


def images(channels: int, size: int, seed: int) -> Tensor:
    return torch.randn(
        (3, channels, size, size), generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


def compare(model: nn.Module, reference, channels: int, size: int) -> None:
    """In train mode, and in eval mode with the running values that training left."""
    for training in (True, False):
        x = images(channels, size, int(training))
        with torch.no_grad():
            value = model.train(training)(x)
            wanted = reference(model, x, training)
        assert float(wanted.std()) > 1e-3, "a constant would prove nothing"
        torch.testing.assert_close(value, wanted, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("group", ORDERS)
@pytest.mark.parametrize(
    ("size", "kernel", "depth", "pool"), [(7, 3, 3, 1), (6, 3, 2, 2), (8, 5, 3, 2), (7, 3, 4, 3)]
)
def test_gcnn(group: str, size: int, kernel: int, depth: int, pool: int) -> None:
    """Lift, then (norm, ReLU, convolution) depth − 1 times, norm, ReLU, and the readout; a maximum over
    windows after the second ReLU that a convolution follows.
    """

    def reference(model: nn.Module, x: Tensor, training: bool) -> Tensor:
        order, layers = len(poses(group)), list(model.features.layers)
        kinds = [type(layer) for layer in layers]
        convolutions = [layer for layer in layers if isinstance(layer, mk.nn.Conv)]
        norms = [layer for layer in layers if isinstance(layer, mk.nn.BatchNorm)]
        assert (len(convolutions), len(norms), kinds[0]) == (depth - 1, depth, mk.nn.Lift)
        x = group_conv(layers[0].integrand, x, group, lift=True)
        for index, (norm, conv) in enumerate(zip(norms, convolutions, strict=False)):
            x = batch_norm(norm, x, order, training).relu()
            x = F.max_pool2d(x, pool, 2) if index == 1 and pool > 1 else x
            x = group_conv(conv.integrand, x, group)
        return readout(model, batch_norm(norms[-1], x, order, training).relu(), order)

    model = mk.zoo.images.gcnn(group, 2, 4, fields=3, depth=depth, kernel_size=kernel, pool=pool)
    assert [
        c.integrand.kernel_size for c in model.features.layers if isinstance(c, mk.nn.Conv | mk.nn.Lift)
    ] == ([kernel] * depth)
    compare(drawn(model, 0.7), reference, 2, size)


@pytest.mark.parametrize("group", ORDERS)
@pytest.mark.parametrize("axis", ["contract", "frame", "lift"])
@pytest.mark.parametrize(
    ("size", "fields", "kernel", "downsample"), [(9, 8, 3, 2), (7, 2, 3, 2), (5, 4, 5, 1)]
)
def test_gcsa(group: str, axis: str, size: int, fields: int, kernel: int, downsample: int) -> None:
    """Lift, norm, ReLU; x + attention(norm x), x + W₂ relu(W₁ norm x); norm and the readout."""

    def reference(model: nn.Module, x: Tensor, training: bool) -> Tensor:
        order = len(poses(group))
        lift, norm, _ = model.lift.layers
        x = group_conv(lift.integrand, x, group, stride=downsample, lift=True)
        x = batch_norm(norm, x, order, training).relu()
        for block in model.blocks:
            norm, attend = block.attend.block.layers
            x = x + attention(attend, batch_norm(norm, x, order, training), group, axis)
            norm, first, _, second = block.mix.block.layers
            hidden = group_conv(first.integrand, batch_norm(norm, x, order, training), group).relu()
            x = x + group_conv(second.integrand, hidden, group)
        return readout(model, batch_norm(model.readout.layers[0], x, order, training), order)

    options = {"fields": fields, "kernel_size": kernel, "downsample": downsample, "axis": axis}
    model = mk.zoo.images.gcsa(group, 2, 4, depth=2, **options)
    assert len(model.blocks) == 2 and model.lift.layers[0].integrand.kernel_size == 2 * downsample + 1
    for block in model.blocks:  # a filter of another size would be turned just as well
        omega = block.attend.block.layers[1].integrand
        assert omega.heads == (fields // 4 if fields % 4 == 0 else 1) and omega.pre.kernel_size == kernel
    compare(drawn(model, 0.25), reference, 2, size)


def test_the_turned_filters_form_the_group() -> None:
    """The reference itself: turning a filter by g, then by h, turns it by hg; and |H| poses differ."""
    filters = images(1, 3, 0)
    H = poses("p4m")
    for g in H:
        assert compose(g, inverse(g)) == (0, False)
        for h in H:
            assert torch.equal(turned(turned(filters, g), h), turned(filters, compose(h, g)))
    assert len({turned(filters, g).numpy().tobytes() for g in H}) == 8
    assert np.array_equal(turned(filters, (1, False))[0, 0].numpy(), np.rot90(filters[0, 0].numpy()))
