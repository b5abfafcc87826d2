"""The numbers of mackey.explain, counted by hand, and why each lowering cannot run."""

import pytest
import torch
from torch import nn

import mackey as mk
from cases import field
from cases_more import periodic
from test_integrals import Skewed

NO_ATTENTION = "Linear is not an attention (score: dot, message: value)"
NO_BLOCKS = "is not a linear map between direct sums at a point"


def row(layer: nn.Module, *shape: int):
    (found,) = mk.explain(layer, shape).rows
    return found


def test_convolution() -> None:
    """2 → 3 regular fields of C4, k = 3: 2·3·4·9 weights and 3 biases; 25 targets·9 taps·8·12 channels."""
    layer = mk.nn.Conv(field("p4", "regular", 2), field("p4", "regular", 3), 3)
    found = row(layer, 2, 8, 5, 5)
    assert (found.parameters, found.theory) == (219, 219)
    assert found.flops == 2 * 2 * 25 * 9 * 8 * 12 == 86_400
    assert (found.kind, found.lowering, found.output) == ("Conv", "grid_conv", (2, 12, 5, 5))
    assert (found.in_type, found.out_type) == ("2×regular on Grid(p4)", "3×regular on Grid(p4)")
    assert found.why_not == {
        "attention": NO_ATTENTION,
        "blocks": f"Linear {NO_BLOCKS}",
        "pointwise": "the kernel reaches beyond the point (size 3, stride 1)",
    }
    text = str(mk.explain(layer, (2, 8, 5, 5)))
    assert "219 parameters (theory 219)" in text and "86,400 FLOPs" in text
    assert f"    lowering grid_conv\n    not attention: {NO_ATTENTION}\n    not blocks: Linear" in text
    assert "\n    not pointwise: the kernel" in text


def test_theory_is_a_formula_and_not_a_count_of_what_is_there() -> None:
    layer = mk.nn.Conv(field("p4", "regular", 2), field("p4", "regular", 3), 3)
    layer.surplus = nn.Parameter(torch.zeros(5))
    found = row(layer, 1, 8, 5, 5)
    assert (found.parameters, found.theory) == (224, 219)


def test_strides_and_other_fibres() -> None:
    """Scalars to vectors of C4, k = 3: (2·9 + 0 − 2·1 + 0)/4 = 4 kernels a pair, and no invariant bias."""
    layer = mk.nn.Conv(field("p4", "trivial", 2), field("p4", "vector", 3), 3, stride=2)
    found = row(layer, 1, 2, 5, 7)
    assert (found.parameters, found.theory, found.output) == (24, 24, (1, 6, 3, 4))
    assert found.flops == 2 * 12 * 9 * 2 * 6
    assert found.why_not["pointwise"] == "the kernel reaches beyond the point (size 3, stride 2)"


@pytest.mark.parametrize(("axis", "sources"), [("contract", 9), ("frame", 9), ("lift", 36)])
def test_attention(axis: str, sources: int) -> None:
    """q, k, v: 2·12 pairs·4 maps + 12 biases, W_O: 4·4·4 + 4. Each of 9 targets·16 channels meets `sources`,
    once for the score and once for the value.
    """
    layer = mk.nn.Attention(field("p4", "regular", 2), field("p4", "regular", 4), heads=2, axis=axis)
    found = row(layer, 2, 8, 3, 3)
    assert (found.parameters, found.theory) == (176, 176)
    maps = 2 * 2 * 9 * (8 * 48 + 16 * 16)
    assert found.flops == 2 * (2 * 2 * 9 * sources * 16) + maps
    assert (found.lowering, found.output) == ("attention", (2, 16, 3, 3))
    assert found.why_not == {
        "blocks": f"Attention {NO_BLOCKS}",
        "pointwise": "Attention is not linear in f",
        "grid_conv": "Attention is not linear in f, so it is no convolution",
    }


def test_pointwise_maps_of_pixels_and_of_tokens() -> None:
    """Hom(regular, regular) of D4 has 8 maps."""
    found = row(mk.nn.Linear(field("p4m", "regular", 2), field("p4m", "regular", 3)), 2, 16, 3, 5)
    assert (found.parameters, found.theory, found.flops) == (51, 51, 2 * 2 * 15 * 16 * 24)
    others = {"attention": NO_ATTENTION, "blocks": f"Linear {NO_BLOCKS}"}
    assert (found.lowering, found.why_not) == ("pointwise", others)
    domain = mk.spaces.Set(5)
    kinds = [mk.FieldType(domain, mk.reps.trivial(domain.stabiliser), count) for count in (3, 4)]
    found = row(mk.nn.Linear(*kinds), 2, 5, 3)
    assert (found.parameters, found.theory, found.flops, found.output) == (16, 16, 2 * 2 * 5 * 12, (2, 5, 4))
    assert found.why_not == others | {"grid_conv": f"{domain} is not a grid"}


def test_an_integrand_of_the_users_own() -> None:
    """The literal sum: every target meets every source."""
    found = row(mk.nn.Integral(Skewed(field("p4", "vector", 2), 0.0, 0.0)), 1, 4, 3, 3)
    assert (found.lowering, found.theory, found.flops) == ("literal", None, 2 * 9 * 9 * 4 * 4)
    assert found.why_not == {
        "attention": "Skewed is not an attention (score: dot, message: value)",
        "blocks": f"Skewed {NO_BLOCKS}",
        "pointwise": "Skewed is not linear in f",
        "grid_conv": "Skewed is not linear in f, so it is no convolution",
    }
    kind = periodic("p4", "trivial", 1)
    box = mk.nn.Integral(mk.integrands.BlackBox(kind, kind, lambda f: f.mean((-1, -2))))
    assert row(box, 1, 1, 5, 5).why_not["grid_conv"] == "BlackBox is not linear in f, so it is no convolution"


def test_a_whole_model_adds_up() -> None:
    """Lift 1·2·9 + 2; norm 2 + 2; activation and maximum nothing; head 2·3 + 3."""
    H = field("p4", "regular", 2)
    features = mk.nn.Sequential(
        mk.nn.Lift(field("p4", "trivial", 1), 2, 3), mk.nn.BatchNorm(H), mk.nn.Pointwise(H), mk.nn.GroupMax(H)
    )
    pool = mk.nn.SpaceMean(features.out_type)
    explained = mk.explain(nn.Sequential(features, pool, nn.Linear(2, 3)), (1, 1, 4, 4))
    assert [found.parameters for found in explained.rows] == [20, 4, 0, 0, 0, 9]
    assert explained.parameters == 33
    assert explained.flops == 2 * 16 * 9 * 8 + 2 * 2 * 3
    assert [found.output for found in explained.rows][-3:] == [(1, 2, 4, 4), (1, 2), (1, 3)]
