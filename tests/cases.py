"""One Case (at least) for every public layer, lowering and zoo model."""

import torch

import mackey as mk
from cases_points import POINT_LAYERS, POINT_MODELS
from mackey.testing import Case


def field(group: str, fibre: str, count: int) -> mk.FieldType:
    """`count` fields of a named fibre on the grid of a named group."""
    grid = mk.spaces.Grid(mk.groups.named(group))
    H = grid.stabiliser
    reps = {
        "trivial": mk.reps.trivial,
        "regular": mk.reps.regular,
        "vector": mk.reps.standard,
        "irreps": lambda G: mk.reps.direct_sum(mk.reps.irreps(G)),
        "quotient": lambda G: mk.reps.quotient(mk.groups.subgroup(G, [G.order - 1])),
    }
    return mk.FieldType(grid, reps[fibre](H), count)


def conv(group: str, fibre_in: str, fibre_out: str, size: int, kernel: int, *, stride: int = 1) -> Case:
    dimension = mk.groups.named(group).dimension
    return Case(
        f"Conv {group} {fibre_in}→{fibre_out} {size}^{dimension} k{kernel} s{stride}",
        lambda: mk.nn.Conv(field(group, fibre_in, 2), field(group, fibre_out, 2), kernel, stride=stride),
        (size,) * dimension,
    )


def attention(
    group: str,
    axis: str,
    position: str,
    normalise: str,
    *,
    kernel: int = 1,
    window: int | None = None,
    fibre: str = "regular",
) -> Case:
    order = mk.groups.named(group).point_group.order
    fields = 4 * order if axis == "lift" and position == "twist" else 4
    return Case(
        f"Attention {group} {fibre} {axis} {position} {normalise} k{kernel} w{window}",
        lambda: mk.nn.Attention(
            field(group, fibre, 2),
            field(group, fibre, fields),
            heads=2,
            axis=axis,
            position=sized(position, 4),
            normalise=normalise,
            kernel_size=kernel,
            window=window,
        ),
        (4,) * mk.groups.named(group).dimension,
    )


def sized(position: str, extent: int) -> mk.integrands.Position:
    """A position with the size it needs."""
    return (position, extent) if position in ("table", "content") else position


CONVOLUTIONS = [
    *(
        conv(group, fibre_in, fibre_out, 5, 3)
        for group in ("p1", "p2", "p4", "pm", "p2m", "p4m")
        for fibre_in, fibre_out in (
            ("trivial", "regular"),
            ("regular", "regular"),
            ("irreps", "irreps"),
            ("regular", "irreps"),
            ("quotient", "vector"),
            ("vector", "quotient"),
        )
        if group != "p1" or "regular" in (fibre_in, fibre_out)
    ),
    *(
        conv("p4m", "regular", "regular", size, kernel)
        for size, kernel in ((4, 1), (4, 3), (5, 4), (6, 4), (6, 5), (7, 7), (8, 7))
    ),
    *(conv("p4", "irreps", "regular", size, kernel) for size, kernel in ((6, 1), (6, 4), (5, 5), (7, 7))),
    *(
        conv("p4", "regular", "irreps", size, kernel, stride=stride)
        for size, kernel, stride in ((5, 3, 2), (6, 4, 2), (7, 3, 3), (7, 1, 2), (8, 4, 2), (7, 5, 2))
    ),
    conv("p8", "regular", "regular", 5, 3),
    conv("p8", "regular", "regular", 6, 5),
    conv("p8m", "irreps", "regular", 5, 5),
    conv("Z", "trivial", "trivial", 7, 3),
    conv("Z⋊±1", "regular", "irreps", 6, 4),
    conv("Z⋊±1", "irreps", "regular", 7, 5, stride=2),
    conv("Z^3⋊O", "trivial", "regular", 3, 3),
    conv("Z^3⋊O", "regular", "trivial", 4, 2),
    conv("Z^3⋊O", "vector", "irreps", 3, 3),
    conv("Z^3⋊O", "vector", "vector", 5, 3, stride=2),
]

ATTENTIONS = [
    *(
        attention(group, axis, position, "softmax")
        for group in ("p4", "p4m")
        for axis in ("contract", "frame", "lift")
        for position in ("none", "table", "twist", "content")
    ),
    *(
        attention("p2", axis, "table", normalise, window=3)
        for axis in ("contract", "frame", "lift")
        for normalise in ("softmax", "mean", "identity")
    ),
    *(
        attention("p4", axis, "none", normalise, kernel=3)
        for axis in ("contract", "frame", "lift")
        for normalise in ("softmax", "mean", "identity")
    ),
    attention("p4m", "contract", "content", "softmax", fibre="irreps"),
    attention("p4", "contract", "table", "softmax", fibre="quotient", window=3),
    attention("p4m", "contract", "none", "mean", fibre="vector"),
    attention("Z⋊±1", "frame", "twist", "softmax"),
    Case("Attention set", lambda: mk.nn.Attention(_tokens(mk.spaces.Set(5), 4), heads=2), (5,)),
    *(
        Case(
            f"Attention sequence {position}",
            lambda position=position: mk.nn.Attention(
                _tokens(mk.spaces.Sequence(), 4), heads=2, position=sized(position, 6)
            ),
            (6,),
        )
        for position in ("none", "table", "twist", "content")
    ),
]


TOKENS = {"set": mk.spaces.Set(4), "sequence": mk.spaces.Sequence()}


def _at_point(fibre: str, count: int) -> mk.FieldType:
    """The same fibre where only the point group is left."""
    on_grid = field("p4m", fibre, count)
    return mk.FieldType(mk.spaces.Point(on_grid.rep.group), on_grid.rep, count)


def _tokens(domain: mk.spaces.AbstractDomain, channels: int) -> mk.FieldType:
    return mk.FieldType(domain, mk.reps.trivial(domain.stabiliser), channels)


class Pairwise(mk.Integrand):
    """A user's ω in five lines: Gaussian scores in |x|, values scaled by the invariant ‖F(e)‖²."""

    normalise = mk.integrands.Softmax()

    def score(self, here, there, pose):
        return -pose.displacement.square().sum(-1)[None, :, None] + (here * there).sum((-1, -2))[..., None]

    def message(self, here, there, pose):
        return there * here.square().sum((-1, -2), keepdim=True)


def _black_box() -> mk.nn.Integral:
    grid = mk.spaces.Grid(mk.groups.p4m(), periodic=True)
    scalar = mk.FieldType(grid, mk.reps.trivial(grid.stabiliser), 2)
    return mk.nn.Integral(mk.integrands.BlackBox(scalar, scalar, _centre_times_power))


def _centre_times_power(f: torch.Tensor) -> torch.Tensor:
    return f[..., f.shape[-2] // 2, f.shape[-1] // 2] * f.square().mean((-1, -2))


LAYERS = [
    Case("Lift", lambda: mk.nn.Lift(field("p4m", "trivial", 2), 2, 3), (5, 5)),
    *(
        Case(
            f"Linear {fibre}",
            lambda fibre=fibre: mk.nn.Linear(field("p4m", fibre, 2), field("p4m", "regular", 2)),
            (3, 4),
        )
        for fibre in ("regular", "irreps", "quotient")
    ),
    *(
        Case(
            f"Linear {name}", lambda domain=domain: mk.nn.Linear(_tokens(domain, 3), _tokens(domain, 2)), (4,)
        )
        for name, domain in TOKENS.items()
    ),
    Case("Linear point", lambda: mk.nn.Linear(_at_point("irreps", 2), _at_point("regular", 2)), ()),
    *(
        Case(f"{layer.__name__} {name}", lambda layer=layer, domain=domain: layer(_tokens(domain, 3)), (4,))
        for layer in (mk.nn.BatchNorm, mk.nn.LayerNorm, mk.nn.FieldDropout)
        for name, domain in TOKENS.items()
    ),
    *(
        Case(f"BatchNorm point {fibre}", lambda fibre=fibre: mk.nn.BatchNorm(_at_point(fibre, 2)), (), 4)
        for fibre in ("regular", "irreps")
    ),
    *(
        Case(f"BatchNorm {fibre}", lambda fibre=fibre: mk.nn.BatchNorm(field("p4m", fibre, 2)), (4, 4))
        for fibre in ("regular", "irreps", "trivial", "vector")
    ),
    *(
        Case(f"LayerNorm {fibre}", lambda fibre=fibre: mk.nn.LayerNorm(field("p4", fibre, 3)), (4, 4))
        for fibre in ("regular", "irreps")
    ),
    Case("Pointwise", lambda: mk.nn.Pointwise(field("p4m", "quotient", 2)), (4, 4)),
    Case("NormActivation", lambda: mk.nn.NormActivation(field("p4m", "vector", 2)), (4, 4)),
    Case("Gated", lambda: mk.nn.Gated(field("p4m", "irreps", 2)), (4, 4)),
    *(
        Case(
            f"FourierActivation {fibre}",
            lambda fibre=fibre: mk.nn.FourierActivation(field("p4", fibre, 2)),
            (4, 4),
        )
        for fibre in ("irreps", "vector", "regular")
    ),
    Case("GroupMax", lambda: mk.nn.GroupMax(field("p4m", "regular", 2)), (4, 4)),
    Case("GroupMean", lambda: mk.nn.GroupMean(field("p4m", "quotient", 2)), (4, 4)),
    Case("FibreNorm", lambda: mk.nn.FibreNorm(field("p4m", "vector", 2)), (4, 4)),
    Case("SpaceMean", lambda: mk.nn.SpaceMean(field("p4m", "vector", 2)), (4, 4)),
    Case("SpaceMax", lambda: mk.nn.SpaceMax(field("p4m", "regular", 2)), (4, 4)),
    Case("WindowMax", lambda: mk.nn.WindowMax(field("p4m", "regular", 2), 3, stride=2), (7, 7)),
    Case("WindowMean", lambda: mk.nn.WindowMean(field("p4m", "irreps", 2), 2), (6, 6)),
    Case("FieldDropout regular", lambda: mk.nn.FieldDropout(field("p4m", "regular", 4), 0.5), (4, 4)),
    Case(
        "Residual",
        lambda: mk.nn.Residual(mk.nn.Conv(field("p4", "regular", 2), field("p4", "regular", 2), 3)),
        (4, 4),
    ),
    Case(
        "Sequential",
        lambda: mk.nn.Sequential(
            mk.nn.Lift(field("p4", "trivial", 2), 2, 3), mk.nn.Pointwise(field("p4", "regular", 2))
        ),
        (4, 4),
    ),
    Case(
        "Integral user",
        lambda: mk.nn.Integral(Pairwise(field("p4m", "vector", 2), field("p4m", "vector", 2))),
        (3, 3),
    ),
    Case("Integral black box", _black_box, (5, 5)),
]

MODELS = [
    *(
        Case(f"etn {size}", lambda: mk.zoo.images.etn(width=4, samples=16, hidden=4), (size, size))
        for size in (9, 16)
    ),
    *(
        Case(f"gcnn {group}", lambda group=group: mk.zoo.images.gcnn(group, fields=3, depth=3), (9, 9))
        for group in ("p4", "p4m")
    ),
    *(
        Case(
            f"gcnn p4 pool {pool}",
            lambda pool=pool: mk.zoo.images.gcnn("p4", fields=2, depth=3, pool=pool),
            (size, size),
        )
        for pool, size in ((2, 8), (3, 9))
    ),
    *(
        Case(
            f"gcsa {group} {axis}",
            lambda group=group, axis=axis: mk.zoo.images.gcsa(group, fields=4, depth=1, axis=axis),
            (9, 9),
        )
        for group in ("p4", "p4m")
        for axis in ("contract", "frame", "lift")
    ),
]

ALL = [*CONVOLUTIONS, *ATTENTIONS, *LAYERS, *MODELS, *POINT_LAYERS, *POINT_MODELS]
