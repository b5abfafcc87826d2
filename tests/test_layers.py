"""What layers do beside their formula: tokens, low precision, functorch, the meta device, guarantees."""

import copy
import math

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

import mackey as mk
from cases import field
from mackey.fields import weakest
from mackey.lowerings import Literal
from mackey.testing import relative


def tokens(domain: mk.spaces.AbstractDomain, channels: int) -> mk.FieldType:
    return mk.FieldType(domain, mk.reps.trivial(domain.stabiliser), channels)


def wrapped(group: str, fibre: str, count: int) -> mk.FieldType:
    plain = field(group, fibre, count)
    return mk.FieldType(mk.spaces.Grid(plain.domain.group, periodic=True), plain.rep, count)


@pytest.mark.parametrize("domain", [mk.spaces.Set(4), mk.spaces.Sequence()], ids=str)
@pytest.mark.parametrize("channels", [3, 4])
def test_batch_norm_of_tokens_is_that_of_torch(domain: mk.spaces.AbstractDomain, channels: int) -> None:
    """Over the points, for each channel; also where there are as many points as channels."""
    ours, theirs = mk.nn.BatchNorm(tokens(domain, channels)).double(), torch.nn.BatchNorm1d(channels).double()
    x = torch.randn(8, 4, channels, dtype=torch.float64) + torch.arange(channels)
    for training in (True, False):
        wanted = theirs.train(training)(x.transpose(1, 2)).transpose(1, 2)
        torch.testing.assert_close(ours.train(training)(x), wanted)


@pytest.mark.parametrize("fibre", ["regular", "irreps"])
def test_empty_batch_leaves_running_statistics(fibre: str) -> None:
    layer = mk.nn.BatchNorm(field("p4m", fibre, 2)).train()
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    layer(torch.zeros(0, layer.in_type.channels, 4, 4))
    assert all(torch.equal(value, before[key]) for key, value in layer.state_dict().items())


@pytest.mark.parametrize("axis", ["contract", "frame", "lift"])
def test_twist_keeps_its_phases_in_low_precision(axis: str) -> None:
    """At 28×28 a bfloat16 phase is off by 0.2 rad; with float32 phases the error is that of the values."""
    torch.manual_seed(0)
    layer = mk.nn.Attention(field("p4", "regular", 8), axis=axis, position="twist").eval()
    with torch.no_grad():
        for part in (layer.integrand.pre, layer.integrand.post):
            part.weight.normal_(0, 0.35)
    x = torch.randn(1, 32, 28, 28)
    # the error of the same layer whose weights (frequencies too) are what bfloat16 leaves of them
    rounded = copy.deepcopy(layer).bfloat16().float()
    wanted = layer(x).detach(), rounded(x).detach()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = layer(x).float().detach()
    assert relative(low, wanted[0]) < 0.05
    assert relative(layer.bfloat16()(x.bfloat16()).float().detach(), wanted[1]) < 0.05


def test_a_kernel_on_the_torus_fits_it() -> None:
    kind = wrapped("p4", "regular", 1)
    for padding in (0, 2):
        with pytest.raises(
            ValueError, match=r"with padding \(kernel_size − 1\)/2, got .*padding " + str(padding)
        ):
            mk.nn.Conv(kind, kind, 3, padding=padding)
    for layer in (mk.nn.Conv(kind, kind, 5), mk.nn.Attention(kind, kernel_size=5)):
        with pytest.raises(
            ValueError, match="at least 5 samples along each axis of a periodic grid, got 3×3"
        ):
            layer(torch.zeros(1, 4, 3, 3))
        with pytest.raises(ValueError, match="at least 5 samples"):
            Literal()(layer.integrand, torch.zeros(1, 4, 3, 3))


def test_stacked_weights_under_vmap() -> None:
    kind = field("p4m", "irreps", 2)
    layers = [mk.nn.Conv(kind, kind, 3).eval() for _ in range(3)]
    x = torch.randn(2, kind.channels, 4, 4)
    stacked = stack_module_state(layers)
    with torch.no_grad():
        layers[0](x)
        out = vmap(lambda p, b: functional_call(layers[0], (p, b), (x,)))(*stacked)
        for index, layer in enumerate(layers):
            torch.testing.assert_close(out[index], layer(x))


def test_a_module_built_in_inference_mode_runs() -> None:
    kind = field("p4", "regular", 2)
    with torch.inference_mode():
        layer = mk.nn.Conv(kind, kind, 3).eval()
        assert layer(torch.zeros(1, 8, 4, 4)).shape == (1, 8, 4, 4)


def test_what_is_kept_in_inference_mode_serves_training() -> None:
    layer = mk.nn.Attention(field("p4", "regular", 4), position=("table", 4), window=3)
    x = torch.randn(1, 16, 4, 4)
    with torch.inference_mode():
        layer.eval()(x)
    layer.train()(x).sum().backward()
    assert all(p.grad is not None for p in layer.parameters())


@pytest.mark.parametrize(
    "make",
    [
        lambda: mk.zoo.images.gcsa("p4", fields=4, depth=1),
        lambda: mk.nn.Attention(field("p4", "regular", 8), position=("content", 5), window=3),
        lambda: mk.nn.Attention(field("p4", "regular", 8), axis="lift", position="twist"),
        lambda: mk.nn.Sequential(
            mk.nn.Conv(field("p8", "trivial", 1), field("p8", "irreps", 2), 3),
            mk.nn.BatchNorm(field("p8", "irreps", 2)),
            mk.nn.FourierActivation(field("p8", "irreps", 2)),
        ),
    ],
)
def test_built_on_the_meta_device(make) -> None:
    with torch.device("meta"):
        module = make()
    whole = make()
    module.to_empty(device="cpu")
    module.load_state_dict(whole.state_dict())
    x = torch.randn(whole.in_type.shape(2, (5, 5)))
    torch.testing.assert_close(module.eval()(x), whole.eval()(x))


def test_what_depends_on_sizes_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = mk.nn.Attention(field("p4", "regular", 4), axis="lift", position=("table", 5), window=3)
    x = torch.randn(1, 16, 4, 4)
    first = layer(x)
    twin = copy.deepcopy(layer)
    monkeypatch.setattr(mk.spaces.GroupGrid, "poses", None)
    assert torch.equal(layer(x), first)
    with pytest.raises(TypeError):
        layer(torch.randn(1, 16, 5, 5))
    with pytest.raises(TypeError):
        twin(x)


def test_a_table_costs_no_identity_matrix() -> None:
    layer = mk.nn.Attention(field("p4m", "regular", 8), axis="lift", position=("content", 6))
    held = sum(buffer.numel() for buffer in layer.buffers())
    assert held < 20 * sum(p.numel() for p in layer.parameters())


def test_dropout_takes_a_generator(generator: torch.Generator) -> None:
    kind = field("p4", "regular", 16)
    layer = mk.nn.FieldDropout(kind, 0.5, generator=generator)
    x = torch.ones(2, 64, 2, 2)
    state = generator.get_state()
    first = layer(x)
    assert not torch.equal(layer(x), first)
    generator.set_state(state)
    assert torch.equal(layer(x), first)


def test_point_is_where_linear_ends() -> None:
    kind = mk.FieldType(mk.spaces.Point(mk.groups.cyclic(4)), mk.reps.regular(mk.groups.cyclic(4)), 2)
    with pytest.raises(ValueError, match="Attention: wanted a domain with more than one point"):
        mk.nn.Attention(kind)


def test_guarantees_say_which_group() -> None:
    kind = field("p4", "regular", 2)
    border = "point group about the centre; translations by strides away from the border"
    for layer in (mk.nn.Conv(kind, kind, 3), mk.nn.Conv(kind, kind, 3, stride=2), mk.nn.WindowMax(kind, 2)):
        assert str(layer.guarantee) == f"exact under p4 ({border})"
    torus = wrapped("p4", "regular", 2)
    assert str(mk.nn.Conv(torus, torus, 3).guarantee) == "exact under p4 (the whole group of the torus)"
    line = tokens(mk.spaces.Sequence(), 2)
    assert str(mk.nn.Linear(line, line).guarantee) == "exact under Z (translations away from the ends)"
    assert (
        mk.nn.Conv(field("p8", "regular", 1), field("p8", "regular", 1), 3).guarantee.kind == "exact_on_grid"
    )
    for model in (mk.zoo.images.gcsa("p4", fields=4), mk.zoo.images.gcnn("p4", fields=2, depth=3, pool=2)):
        assert str(model.guarantee).startswith(f"exact under p4 ({border[:12]}")


def test_torus_guarantee_is_measured() -> None:
    """Turns and translations together, float64."""
    kind = wrapped("p4m", "regular", 2)
    for layer in (mk.nn.Conv(kind, kind, 3), mk.nn.Attention(kind, kernel_size=3, window=3)):
        layer.double()
        x = torch.randn(1, 16, 4, 4, dtype=torch.float64)
        for motion in (((1, 0), 1), ((2, 3), 5), ((0, 1), 0)):
            moved = layer(kind.transform(x, motion))
            assert relative(moved, kind.transform(layer(x), motion)) < 1e-12


def test_weakest_names_what_all_links_share() -> None:
    exact, coarse = mk.Guarantee("exact", "p4m"), mk.Guarantee("exact", "p4")
    assert str(weakest([exact, coarse])) == "exact under p4m ∩ p4"
    assert str(weakest([exact, exact])) == "exact under p4m"
    soft = mk.Guarantee("soft", "p4m", "by a loss")
    assert str(weakest([exact, soft])) == "soft under p4m (by a loss)"


def turned(x: Tensor, angle: float) -> Tensor:
    """The displayed image turned counter-clockwise, bicubic."""
    c, s = math.cos(angle), math.sin(angle)
    frame = torch.tensor([[[c, -s, 0], [s, c, 0]]], dtype=x.dtype).expand(len(x), -1, -1)
    grid = torch.nn.functional.affine_grid(frame, list(x.shape), align_corners=False)
    return torch.nn.functional.grid_sample(x, grid, mode="bicubic", align_corners=False)


@pytest.mark.parametrize(("steps", "bound"), [(2, 1e-12), (1, 0.03)])
def test_eighth_turns_are_aliased_a_little(steps: int, bound: float) -> None:
    """exact_on_grid measured: C8 on a smooth image, 90° to rounding, 45° to aliasing (1.4 %)."""
    line = torch.linspace(-1, 1, 65, dtype=torch.float64)
    y, x = torch.meshgrid(line, line, indexing="ij")
    bumps = ((0.2, 0.1, 0.02), (-0.3, 0.2, 0.04), (0.0, -0.4, 0.015))
    image = sum(torch.exp(-((x - a) ** 2 + (y - b) ** 2) / width) for a, b, width in bumps)[None, None]
    torch.manual_seed(0)
    lift = mk.nn.Lift(field("p8", "trivial", 1), 4, 5, bias=False)
    net = torch.nn.Sequential(lift, mk.nn.Conv(lift.out_type, lift.out_type, 5, bias=False)).double()
    for layer in (lift, net):
        rho = torch.as_tensor(lift.out_type.rep.matrices[steps])
        out = turned(layer(image), steps * math.pi / 4).unflatten(1, (-1, 8))
        wanted = torch.einsum("de,bcehw->bcdhw", rho, out).flatten(1, 2)
        got = layer(turned(image, steps * math.pi / 4))
        error = relative(got[..., 12:-12, 12:-12], wanted[..., 12:-12, 12:-12])
        assert error < bound and (steps == 2 or error > 1e-6), error


@pytest.mark.parametrize(("pool", "size"), [(2, 8), (3, 9)])
def test_gcnn_pools_by_the_integer_rule(pool: int, size: int) -> None:
    model = mk.zoo.images.gcnn("p4", fields=2, depth=4, pool=pool).eval()
    assert sum(isinstance(m, mk.nn.WindowMax) for m in model.modules()) == 1
    assert model(torch.zeros(1, 1, size, size)).shape == (1, 10)
    with pytest.raises(ValueError, match="nearest sizes that work"):
        model(torch.zeros(1, 1, size + 1, size + 1))


class Learned(torch.nn.Module):
    """Parameters of its own beside a layer with several outputs, called by keyword."""

    def __init__(self) -> None:
        super().__init__()
        self.place = torch.nn.Parameter(torch.zeros(1, 4, 8))
        self.attend = torch.nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.place
        return self.attend(query=x, key=x, value=x)[0]


def test_explain_counts_each_parameter_once() -> None:
    kind = field("p4", "regular", 2)
    conv, tied = mk.nn.Conv(kind, kind, 3), [torch.nn.Linear(4, 4) for _ in range(2)]
    tied[1].weight = tied[0].weight
    once, twice = (mk.explain(mk.nn.Sequential(*[conv] * times), (1, 8, 5, 5)) for times in (1, 2))
    assert twice.parameters == once.parameters and twice.flops == 2 * once.flops > 0
    for module, shape in ((Learned(), (2, 4, 8)), (torch.nn.Sequential(*tied), (2, 4))):
        found = mk.explain(module, shape)
        count = sum(p.numel() for p in module.parameters())
        assert found.parameters == count == sum(row.parameters for row in found.rows)


def test_explain_knows_what_it_does_not_know() -> None:
    found = mk.explain(torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.LSTM(4, 5)), (2, 6, 6))
    assert found.rows[0].flops == 2 * 3 * 16 * 18 and found.rows[1].flops is None
    assert "at least 1,728 FLOPs" in str(found) and "unknown FLOPs" in str(found)
    integers = torch.zeros(2, 3, dtype=torch.long)
    assert mk.explain(torch.nn.Sequential(torch.nn.Embedding(5, 4)), integers).parameters == 20


def test_explain_puts_every_mode_back() -> None:
    model = mk.zoo.images.gcnn("p4", fields=2, depth=2).train()
    frozen = next(m for m in model.modules() if isinstance(m, mk.nn.BatchNorm)).eval()
    mk.explain(model, (1, 1, 9, 9))
    assert not frozen.training and model.training and model.head.training


def test_flops_of_attention_with_content_and_with_means() -> None:
    """Content adds q·p for each of the 15² entries; a mean needs no N² scores."""
    kind = field("p4", "regular", 16)
    shape = (2, 64, 8, 8)

    def flops(**arguments) -> int:
        return mk.explain(mk.nn.Attention(kind, heads=2, **arguments), shape).flops

    numbers = 2 * 64 * 64
    assert flops(position=("content", 8)) - flops() == 2 * numbers * 15**2
    assert flops() - flops(normalise="mean") == 4 * numbers * (64 - 32)
    assert flops(axis="frame") - flops(axis="frame", normalise="mean") == 4 * numbers * (64 - 8)
