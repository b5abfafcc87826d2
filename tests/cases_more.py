"""More Cases: the torus, every position with every normalisation, more groups and kernels.

Arrays of 2³ to 5² samples keep the literal integral cheap. On a torus of 3 the blurred input of the battery
is constant, which is too little: 4 at least. Names differ from those of cases.py on purpose:
mutants and graph checks choose their Cases by words in the name.
"""

import mackey as mk
from cases import field, sized
from mackey.testing import Case


def periodic(group: str, fibre: str, count: int) -> mk.FieldType:
    """The fields of cases.field, on the torus."""
    plain = field(group, fibre, count)
    return mk.FieldType(mk.spaces.Grid(plain.domain.group, periodic=True), plain.rep, count)


def torus_conv(group: str, fibre_in: str, fibre_out: str, size: int, kernel: int) -> Case:
    dimension = mk.groups.named(group).dimension
    return Case(
        f"Torus conv {group} {fibre_in} to {fibre_out}, {size}^{dimension}, kernel {kernel}",
        lambda: mk.nn.Conv(periodic(group, fibre_in, 2), periodic(group, fibre_out, 2), kernel),
        (size,) * dimension,
    )


def small_conv(group: str, fibre_in: str, fibre_out: str, size: int, kernel: int) -> Case:
    return Case(
        f"Small conv {group} {fibre_in} to {fibre_out}, {size}^2, kernel {kernel}",
        lambda: mk.nn.Conv(field(group, fibre_in, 2), field(group, fibre_out, 2), kernel),
        (size, size),
    )


def mixing(
    group: str,
    axis: str,
    position: str,
    normalise: str = "softmax",
    *,
    kernel: int = 1,
    window: int | None = None,
    fibre: str = "regular",
    size: int = 3,
    torus: bool = False,
) -> Case:
    """An attention layer of 2 fields in and 2 out; a twist needs pairs of them, 2·|H| fields under lift."""
    make, order = periodic if torus else field, mk.groups.named(group).point_group.order
    fields = 2 * order if axis == "lift" and position == "twist" else 2
    return Case(
        f"{'Torus' if torus else 'Small'} mixing {group} {fibre} {normalise} over {axis}, position "
        f"{position}, kernel {kernel}, window {window}, {size} samples",
        lambda: mk.nn.Attention(
            make(group, fibre, 1),
            make(group, fibre, fields),
            axis=axis,
            position=sized(position, size),
            normalise=normalise,
            kernel_size=kernel,
            window=window,
        ),
        (size,) * mk.groups.named(group).dimension,
    )


AXES = ("contract", "frame", "lift")
POSITIONS = ("none", "table", "twist", "content")

MORE_CONVOLUTIONS = [
    *(
        torus_conv(group, fibre_in, fibre_out, size, kernel)
        for group, fibre_in, fibre_out in (
            ("p1", "trivial", "regular"),
            ("p2", "regular", "irreps"),
            ("p4", "irreps", "regular"),
            ("pm", "regular", "regular"),
            ("p4m", "regular", "vector"),
        )
        for size, kernel in ((4, 3), (5, 5))
    ),
    torus_conv("p4", "regular", "regular", 4, 1),
    torus_conv("p4", "regular", "regular", 5, 3),
    torus_conv("Z⋊±1", "regular", "irreps", 4, 3),
    torus_conv("Z⋊±1", "irreps", "regular", 5, 5),
    torus_conv("Z^3⋊O", "trivial", "vector", 4, 3),
    *(
        small_conv(group, fibre_in, fibre_out, size, kernel)
        for group in ("p2", "pm")
        for fibre_in, fibre_out in (("regular", "regular"), ("irreps", "vector"))
        for size, kernel in ((4, 1), (4, 7), (3, 7))
    ),
]

MORE_ATTENTIONS = [
    *(
        mixing("p4", axis, position, normalise)
        for axis in AXES
        for position in POSITIONS
        for normalise in ("softmax", "mean", "identity")
    ),
    *(mixing("p4", axis, position, window=3, size=4) for axis in AXES for position in POSITIONS),
    *(
        mixing("p2", axis, position, normalise, window=3)
        for axis in AXES
        for position, normalise in (("twist", "mean"), ("content", "identity"))
    ),
    *(mixing("p1", axis, position) for axis in AXES for position in POSITIONS),
    *(mixing("pm", axis, position) for axis in AXES for position in POSITIONS[1:]),
    *(mixing("p2m", axis, position) for axis, position in zip(AXES, POSITIONS[1:], strict=True)),
    *(mixing("p4", axis, position, kernel=3) for axis in AXES for position in POSITIONS[1:]),
    mixing("p4m", "contract", "content", "mean", kernel=3, fibre="irreps"),
    *(mixing("Z^3⋊O", "contract", position, fibre="vector", size=2) for position in ("table", "content")),
    mixing("Z^3⋊O", "frame", "twist", size=2),
    mixing("Z^3⋊O", "lift", "none", "mean", size=2),
    *(
        mixing(group, axis, "none", window=window, size=size, torus=True)
        for group, axis in (("p4", "contract"), ("p4", "frame"), ("p2m", "lift"))
        for window, size in ((None, 4), (3, 4), (3, 5))
    ),
    mixing("p4", "contract", "none", kernel=3, size=4, torus=True),
    mixing("p4", "lift", "none", "mean", kernel=3, size=4, torus=True),
]
