"""Bad input gets one clear sentence: where, wanted, got, what to do. One test for each message of the
core.
"""

import numpy as np
import pytest
import torch

import mackey as mk
from cases import field

P4 = mk.groups.p4()


def test_wrong_channels() -> None:
    layer = mk.nn.Conv(field("p4", "regular", 2), field("p4", "regular", 2), 3)
    with pytest.raises(
        ValueError, match=r"Conv: wanted 8 channels .*got shape \(1, 7, 5, 5\); check the out_type"
    ):
        layer(torch.zeros(1, 7, 5, 5))
    with pytest.raises(ValueError, match="4 axes"):
        layer(torch.zeros(8, 5, 5))


def test_wrong_group() -> None:
    first = mk.nn.Lift(field("p4", "trivial", 1), 2, 3)
    second = mk.nn.BatchNorm(field("p4m", "regular", 2))
    with pytest.raises(
        ValueError, match=r"Sequential, between layers 0 and 1: .*another group: Grid\(p4\) and"
    ):
        mk.nn.Sequential(first, second)
    with pytest.raises(ValueError, match="use one domain"):
        mk.nn.Conv(field("p4", "regular", 2), field("p2", "regular", 2), 3)


def test_types_are_matched_when_layers_are_connected() -> None:
    with pytest.raises(ValueError, match="wanted BatchNorm to take 2×regular"):
        mk.nn.Sequential(
            mk.nn.Lift(field("p4", "trivial", 1), 2, 3), mk.nn.BatchNorm(field("p4", "regular", 3))
        )
    with pytest.raises(ValueError, match="at least one layer"):
        mk.nn.Sequential()
    with pytest.raises(ValueError, match="block whose output has the type of its input"):
        mk.nn.Residual(mk.nn.Lift(field("p4", "trivial", 1), 2, 3))


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "good"),
    [(8, 3, 2, "7 and 9"), (28, 5, 2, "27 and 29"), (10, 3, 3, "9 and 12")],
)
def test_stride_that_breaks_the_symmetry_names_sizes_that_work(
    size: int, kernel: int, stride: int, good: str
) -> None:
    padding = kernel // 2 if stride == 2 else 0
    layer = mk.nn.Conv(
        field("p4", "trivial", 1), field("p4", "regular", 1), kernel, stride=stride, padding=padding
    )
    with pytest.raises(
        ValueError, match=f"not equivariant, got size {size}×{size}; the nearest sizes that work are {good}"
    ):
        layer(torch.zeros(1, 1, size, size))


def test_pooling_obeys_the_same_rule() -> None:
    with pytest.raises(ValueError, match="nearest sizes that work are 6 and 8"):
        mk.nn.WindowMax(field("p4", "regular", 1), 2)(torch.zeros(1, 4, 7, 7))
    with pytest.raises(ValueError, match="got size 2×2"):
        mk.nn.WindowMean(field("p4", "regular", 1), 3)(torch.zeros(1, 4, 2, 2))


def test_pointwise_activation_on_a_representation_that_does_not_permute() -> None:
    with pytest.raises(
        ValueError,
        match=r"not equivariant: wanted a permutation representation, got vector, where h = r90° "
        "does not permute channels; use nn.NormActivation",
    ):
        mk.nn.Pointwise(field("p4", "vector", 2))
    for pool in (mk.nn.GroupMax, mk.nn.GroupMean, mk.nn.SpaceMax):
        with pytest.raises(ValueError, match="not equivariant"):
            pool(field("p4", "vector", 2))


class _Broken(mk.Integrand):
    """A constant matrix on vectors: commutes with nothing."""

    def message(self, here, there, pose):
        return there * torch.tensor([1.0, 2.0], dtype=there.dtype)


class _BrokenScore(mk.Integrand):
    normalise = mk.integrands.Softmax()

    def score(self, here, there, pose):
        return pose.displacement[:, 0].expand(len(there), -1)[..., None]

    def message(self, here, there, pose):
        return there


def test_integrand_that_violates_the_mackey_condition() -> None:
    vectors = field("p4", "vector", 2)
    with pytest.raises(
        ValueError,
        match=r"_Broken: not equivariant: wanted ω\(hF, hg′\) = σ\(h\) ω\(F, g′\) for all h in C4, "
        r"got a relative difference of \d.* at h = r\d+°; use maps in Hom_H",
    ):
        mk.nn.Integral(_Broken(vectors, vectors))
    with pytest.raises(ValueError, match=r"score\(hF, hg′\) = score\(F, g′\)"):
        mk.nn.Integral(_BrokenScore(vectors, vectors))


def test_black_box_that_violates_the_integrated_condition() -> None:
    grid = mk.spaces.Grid(P4, periodic=True)
    scalar = mk.FieldType(grid, mk.reps.trivial(grid.stabiliser), 2)
    with pytest.raises(ValueError, match=r"∫ω\(hF, g′\)dg′ = σ\(h\)∫ω\(F, g′\)dg′"):
        mk.nn.Integral(mk.integrands.BlackBox(scalar, scalar, lambda f: f[..., 0, 0]))
    with pytest.raises(ValueError, match="return the value at the origin only"):
        mk.nn.Integral(mk.integrands.BlackBox(scalar, scalar, lambda f: f))
    with pytest.raises(ValueError, match="periodic Grid"):
        mk.integrands.BlackBox(field("p4", "trivial", 2), field("p4", "trivial", 2), lambda f: f)


def test_attention_arguments() -> None:
    regular, vectors = field("p4", "regular", 4), field("p4", "vector", 4)
    with pytest.raises(ValueError, match=r"axis contract \| frame \| lift, got 'all'"):
        mk.nn.Attention(regular, axis="all")
    with pytest.raises(ValueError, match="heads that divide 4 fields"):
        mk.nn.Attention(regular, heads=3)
    with pytest.raises(ValueError, match="needs a regular fibre"):
        mk.nn.Attention(vectors, axis="lift")
    with pytest.raises(ValueError, match="position none"):
        mk.nn.Attention(regular, position="sin")
    with pytest.raises(ValueError, match="a regular fibre, whose channels are frames"):
        mk.nn.Attention(vectors, position="twist")
    with pytest.raises(ValueError, match=r'give for example \("table", 14\)'):
        mk.nn.Attention(regular, position="table")
    with pytest.raises(ValueError, match="even number of fields in each head"):
        mk.nn.Attention(regular, heads=4, position="twist")
    with pytest.raises(ValueError, match=r"multiple of 2·\|H\| = 8"):
        mk.nn.Attention(regular, axis="lift", position="twist")
    with pytest.raises(ValueError, match="an odd window"):
        mk.nn.Attention(regular, window=4)
    with pytest.raises(ValueError, match="keeps the lattice"):
        mk.nn.Attention(field("p8", "regular", 4), position=("table", 5))
    with pytest.raises(ValueError, match="at most 5 samples along an axis, got 6×6; give it with the size 6"):
        mk.nn.Attention(regular, position=("table", 5))(torch.zeros(1, 16, 6, 6))
    wrapped = mk.FieldType(mk.spaces.Grid(P4, periodic=True), mk.reps.regular(P4.point_group), 4)
    with pytest.raises(ValueError, match="does not wrap"):
        mk.nn.Attention(wrapped, position="twist")


def test_layers_refuse_what_they_cannot_do() -> None:
    vectors, regular = field("p4", "vector", 2), field("p4", "regular", 2)
    with pytest.raises(ValueError, match="Lift: wanted scalar fields"):
        mk.nn.Lift(regular, 2, 3)
    with pytest.raises(ValueError, match="0 ≤ p < 1"):
        mk.nn.FieldDropout(regular, 1.5)
    with pytest.raises(ValueError, match="kernel_size ≥ 1"):
        mk.nn.Conv(vectors, vectors, 0)
    wrapped = mk.FieldType(mk.spaces.Grid(P4, periodic=True), mk.reps.regular(P4.point_group), 2)
    with pytest.raises(ValueError, match="an odd kernel on a periodic grid"):
        mk.nn.Conv(wrapped, wrapped, 4)
    with pytest.raises(ValueError, match="use a Grid for convolutions"):
        tokens = mk.FieldType(mk.spaces.Set(4), mk.reps.trivial(mk.spaces.Set(4).stabiliser), 2)
        mk.nn.Conv(tokens, tokens, 3)
    shear = mk.groups.generated([[[0.0, -1.0], [1.0, 0.0]]], "turns")
    skew = mk.reps.Rep(shear, _skewed(shear.matrices), "skewed")
    for layer in (
        mk.nn.BatchNorm,
        mk.nn.NormActivation,
        mk.nn.FibreNorm,
        mk.nn.FourierActivation,
        mk.nn.Attention,
    ):
        with pytest.raises(ValueError, match="orthogonal representation"):
            layer(mk.FieldType(mk.spaces.Grid(mk.groups.lattice(shear)), skew, 2))


def _skewed(matrices):

    basis = np.array([[1.0, 1.0], [0.0, 1.0]])
    return basis @ matrices @ np.linalg.inv(basis)


def test_plan_and_explain() -> None:
    regular = field("p4", "regular", 2)
    with pytest.raises(
        ValueError, match="lowering attention cannot compute Linear: Linear is not an attention"
    ):
        mk.nn.Conv(regular, regular, 3, lowering="attention")
    with pytest.raises(ValueError, match="a lowering among attention, blocks, pointwise, grid_conv, literal"):
        mk.nn.Conv(regular, regular, 3, lowering="magic")
    with pytest.raises(ValueError, match="the shape of an input with its batch axis"):
        mk.explain(mk.nn.Conv(regular, regular, 3), (3,))


def test_user_score_with_a_wrong_number_of_heads() -> None:
    class ThreeHeads(_BrokenScore):
        def score(self, here, there, pose):
            return torch.zeros(there.shape[0], there.shape[1], 3, dtype=there.dtype)

    scalars = field("p4", "trivial", 2)
    with pytest.raises(ValueError, match="heads that divide 2 fields"):
        mk.nn.Integral(ThreeHeads(scalars, scalars))


def _integrand(**methods) -> type[mk.Integrand]:
    """A user's ω with these methods; the message is F(g′) unless given."""
    return type("Mine", (mk.Integrand,), {"message": lambda self, here, there, pose: there, **methods})


def _scalars(domain: mk.spaces.AbstractDomain, count: int = 2) -> mk.FieldType:
    return mk.FieldType(domain, mk.reps.trivial(domain.stabiliser), count)


VECTORS, SCALARS, TORUS = (
    field("p4", "vector", 2),
    field("p4", "trivial", 2),
    mk.spaces.Grid(P4, periodic=True),
)
REFUSED = [
    (
        "NaN at the origin",
        VECTORS,
        {
            "message": lambda s, h, t, p: (
                t * (p.displacement / p.displacement.norm(dim=-1, keepdim=True))[:, None]
            )
        },
        "finite numbers wherever the support reaches, got NaN",
    ),
    (
        "NaN in the score",
        SCALARS,
        {
            "score": lambda s, h, t, p: (
                (p.displacement[:, 0] / p.displacement.norm(dim=-1)).expand(1, 1, -1).mT
            )
        },
        "finite numbers",
    ),
    (
        "index of the source",
        SCALARS,
        {"message": lambda s, h, t, p: t * torch.arange(t.shape[1], dtype=t.dtype)[None, :, None, None]},
        r"ω\(F, g′\) from F\(e\), F\(g′\) and g′ alone.* at sources in another order",
    ),
    ("running sum", SCALARS, {"message": lambda s, h, t, p: t.cumsum(1)}, "sources in another order"),
    (
        "index in the score",
        SCALARS,
        {
            "score": lambda s, h, t, p: (
                torch.linspace(0, 3, t.shape[1], dtype=t.dtype).expand(len(t), 1, -1).mT
            ),
            "normalise": mk.integrands.Softmax(),
        },
        "sources in another order",
    ),
    (
        "far sources only",
        SCALARS,
        {"message": lambda s, h, t, p: t * (1 + (p.displacement[:, 0] > 2.5).to(t))[None, :, None, None]},
        r"ω\(hF, hg′\) = σ\(h\) ω\(F, g′\)",
    ),
    (
        "offset",
        VECTORS,
        {"offset": lambda s: torch.ones(2, 2, dtype=torch.float64)},
        r"σ\(h\) offset = offset",
    ),
    (
        "integral overridden",
        SCALARS,
        {"integral_at": lambda s, tokens, pose, sizes, target: tokens[:, target] * target},
        r"Φ\(hf\) = h Φ\(f\).* on 5×5|Φ\(hf\) = h Φ\(f\).* on 4×4",
    ),
    (
        "two values for one",
        SCALARS,
        {"message": lambda s, h, t, p: torch.cat([t, t], 2)},
        r"Mine.message: wanted one value of 2×trivial .* got \(2, 81, 4, 1\)",
    ),
    (
        "one value for all sources",
        SCALARS,
        {"message": lambda s, h, t, p: h},
        r"got \(2, 1, 2, 1\); return \(b, m, c, d\); .expand_as\(there\)",
    ),
]


@pytest.mark.parametrize(("kind", "methods", "words"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_integrals_that_are_not_equivariant(kind: mk.FieldType, methods: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        mk.nn.Integral(_integrand(**methods)(kind, kind))


def test_integrals_on_sets_and_even_tori() -> None:
    points = _scalars(mk.spaces.Set(5), 3)
    running = _integrand(message=lambda self, here, there, pose: there.cumsum(1))
    with pytest.raises(ValueError, match="sources in another order"):
        mk.nn.Integral(running(points, points))
    indexed = _integrand(integral_at=lambda self, tokens, pose, sizes, target: tokens[:, target] * target)
    with pytest.raises(ValueError, match=r"Φ\(hf\) = h Φ\(f\)"):
        mk.nn.Integral(indexed(points, points))
    scalars, vectors = _scalars(TORUS), mk.FieldType(TORUS, mk.reps.standard(P4.point_group), 2)
    step = _integrand(message=lambda self, here, there, pose: there * pose.displacement[None, :, None])
    with pytest.raises(ValueError, match=r"Φ\(hf\) = h Φ\(f\) for all h in C4, got .* on 4×4"):
        mk.nn.Integral(step(scalars, vectors))


def test_integrals_whose_parts_do_not_fit() -> None:
    regular, flat = field("p4", "regular", 2), field("p4", "trivial", 8)
    before, after = _integrand()(regular, regular), _integrand()(regular, regular)
    before.pre = mk.integrands.Linear(regular, flat)
    with pytest.raises(ValueError, match=r"Mine feature_type: wanted 8×trivial .* got 2×regular"):
        mk.nn.Integral(before)
    after.post = mk.integrands.Linear(flat, flat)
    with pytest.raises(ValueError, match="Mine value_type: wanted 8×trivial"):
        mk.nn.Integral(after)


def test_integrals_of_our_own_integrands() -> None:
    """Tables smaller than the probe; groups that leave the lattice."""
    regular, eighth = field("p4", "regular", 2), field("p8", "regular", 1)
    for omega in (
        mk.integrands.Attention(regular, regular, position=("table", 2)),
        mk.integrands.Attention(regular, regular, position=("content", 3), axis="lift", window=3),
        mk.integrands.Linear(eighth, eighth, kernel_size=3),
    ):
        assert mk.nn.Integral(omega).integrand is omega


def test_black_box_on_an_even_torus() -> None:
    """No sample is its centre: what is invariant about the corner of four pixels is not about one of them."""
    layer = mk.nn.Integral(
        mk.integrands.BlackBox(_scalars(TORUS), _scalars(TORUS), lambda f: f.mean((-1, -2)))
    )
    with pytest.raises(ValueError, match=r"BlackBox: not equivariant: wanted odd sizes, .* got 4×4"):
        layer(torch.zeros(1, 2, 4, 4))


def test_layers_refuse_fields_on_the_group_itself() -> None:
    kind = _scalars(mk.spaces.GroupGrid(P4), 3)
    for layer in (
        lambda: mk.nn.Linear(kind, kind), lambda: mk.nn.BatchNorm(kind), lambda: mk.nn.Attention(kind),
        lambda: mk.nn.Pointwise(kind), lambda: mk.nn.FieldDropout(kind), lambda: mk.nn.GroupMax(kind),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"wanted fields on a Grid, .*use regular fibres on Grid"):
            layer()


def test_numbers_that_make_no_sense() -> None:
    regular = field("p4", "regular", 4)
    with pytest.raises(ValueError, match="heads that divide 4 fields, got 0"):
        mk.nn.Attention(regular, heads=0)
    for position in ("table", "content"):
        with pytest.raises(ValueError, match="a table for at least 1 sample along an axis, got 0"):
            mk.nn.Attention(regular, position=(position, 0))
    with pytest.raises(ValueError, match="padding ≥ 0, got 3, 1 and -1"):
        mk.nn.Conv(regular, regular, 3, padding=-1)
    with pytest.raises(ValueError, match=r"an odd window, .*got -1"):
        mk.nn.Attention(regular, window=-1)
    for kernel_size in (2, 4):
        with pytest.raises(ValueError, match=f"an odd kernel_size, .* got {kernel_size}"):
            mk.nn.Attention(regular, kernel_size=kernel_size)


def test_pointwise_function_that_tells_channels_apart() -> None:
    regular = field("p4", "regular", 2)
    with pytest.raises(
        ValueError, match=r"one function for all channels of a fibre, got PReLU.*permutes them"
    ):
        mk.nn.Pointwise(regular, torch.nn.PReLU(8))
    mk.nn.Pointwise(regular, torch.nn.PReLU())
