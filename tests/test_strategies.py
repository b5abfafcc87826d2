"""The strategies of mackey.testing give what they promise: group elements, clouds, cells, images, edges."""

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from torch import Tensor

import mackey as mk
from mackey import groups
from mackey.testing.strategies import (
    CLOUDS,
    IMAGES,
    clouds,
    edge_indices,
    elements,
    images,
    periodic_cells,
    types,
)

ONCE = settings(deadline=None, database=None, derandomize=True, max_examples=12)
MANY = settings(ONCE, max_examples=40)
# Without the phase that explains a failure: it runs variations of the smallest example after it.
SEARCH = settings(ONCE, max_examples=3000, phases=(Phase.generate, Phase.shrink))

MATRIX = (
    *("SO(2)", "SO(3)", "SO(4)", "O(1)", "O(2)", "O(3)", "U(2)", "SU(2)", "SU(3)", "R+", "R+×SO(3)"),
    *("GL+(3)", "SL(2)", "PGL(3)", "Sp(4)", "O(1,3)", "SO+(1,3)", "T(3)", "SE(2)", "SE(3)", "E(3)", "SIM(2)"),
    *("Aff(2)", "SO(2)×O(3)", "R^4⋊SO+(1,3)"),
)  # fmt: skip
LISTED = ("C1", "C8", "D4", "T", "Oh", "Ih", "±1", "C3×D4", "S1", "S5", "A2", "A5")
LATTICES = ("p1", "p4m", "p6m (hexagonal)", "Z", "Z^3⋊Oh")
OTHERS = {
    "unipotent": groups.matrix_group([], lie_algebra=[[[0, 1, 0], [0, 0, 1], [0, 0, 0]]]),
    "mirrored": groups.matrix_group([[[0.0, 1.0], [1.0, 0.0]]], lie_algebra=[[[1.0, 0.0], [0.0, -1.0]]]),
    "wreath": groups.wreath_product(
        groups.permutation_group([[1, 2, 0]]), groups.permutation_group([[1, 0]])
    ),
    "torus": groups.lattice(groups.dihedral(4), periods=(3, 3)),
    "glides": groups.plane_group("p4g"),
    "subgroup": groups.subgroup(groups.dihedral(4), [4]).group,
}


def group_of(name: str) -> groups.AbstractGroup[Any]:
    return OTHERS[name] if name in OTHERS else groups.named(name)


def minimal(strategy: st.SearchStrategy[Any], wanted: Any = lambda found: True) -> Any:
    return find(strategy, wanted, settings=SEARCH)


def first(strategy: st.SearchStrategy[Any], wanted: Any) -> Any:
    """The first example that is as wanted, not made simpler."""
    return find(strategy, wanted, settings=settings(SEARCH, phases=(Phase.generate,)))


def assert_same(a: Any, b: Any) -> None:
    if isinstance(a, Tensor):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12 * max(1, float(a.abs().max())))
    else:
        assert a == b


def points_of(group: groups.AbstractGroup[Any]) -> Any:
    if isinstance(group, groups.AbstractPermutations):
        return np.arange(len(group.identity))
    x = np.linspace(-0.7, 0.9, 3 * group.dimension).reshape(3, -1)
    return torch.as_tensor(x) if isinstance(group, groups.AbstractMatrixGroup) else x


@pytest.mark.parametrize("name", [*MATRIX, *LISTED, *LATTICES, *OTHERS])
def test_group_laws_hold_on_drawn_elements(name: str) -> None:
    group = group_of(name)
    x = points_of(group)

    @ONCE
    @given(st.tuples(*[elements(group if name in OTHERS else name)] * 3))
    def check(three: tuple[Any, Any, Any]) -> None:
        a, b, c = three
        assert_same(group.compose(group.compose(a, b), c), group.compose(a, group.compose(b, c)))
        size = float(a.abs().max() * group.inverse(a).abs().max()) if isinstance(a, Tensor) else 1.0
        for product in (group.compose(a, group.inverse(a)), group.compose(group.inverse(a), a)):
            if isinstance(a, Tensor):
                torch.testing.assert_close(product, group.identity, rtol=0, atol=1e-13 * max(size, 1))
            else:
                assert product == group.identity
        assert_same(group.compose(a, group.identity), a)
        together, apart = group.act(group.compose(a, b), x), group.act(a, group.act(b, x))
        scale = max(1, np.abs(np.asarray(apart)).max())
        if np.isfinite(scale):  # a homography may take a point to infinity
            np.testing.assert_allclose(np.asarray(together), np.asarray(apart), rtol=1e-9, atol=1e-11 * scale)

    check()


@pytest.mark.parametrize("name", [*MATRIX, *LISTED, *LATTICES, *OTHERS])
def test_drawn_elements_are_elements(name: str) -> None:
    group = group_of(name)

    @settings(ONCE, max_examples=5 if name in OTHERS else 15)
    @given(elements(group))
    def check(a: Any) -> None:
        if isinstance(group, groups.AbstractMatrixGroup):
            assert a.dtype == torch.float64 and a.shape == (group.size, group.size)
            assert float(group.violation(a)) < 1e-12
        elif isinstance(group, groups.FiniteGroup):
            assert type(a) is int and a in group.elements
        elif isinstance(group, groups.LatticeGroup):
            assert len(a[0]) == group.dimension and a[1] in group.point_group.elements
            assert group.periods is None or a in group.elements()
        elif isinstance(group, groups.Symmetric):
            assert sorted(a) == list(range(group.n))
        else:
            assert isinstance(group, groups.Alternating | groups.PermutationGroup) and group.contains(a)

    check()


@pytest.mark.parametrize("name", [*MATRIX, *LISTED, *LATTICES, *OTHERS])
def test_elements_shrink_to_the_identity(name: str) -> None:
    group = group_of(name)
    found = minimal(elements(group))
    assert torch.equal(found, group.identity) if isinstance(found, Tensor) else found == group.identity


@pytest.mark.parametrize(
    "group", [groups.dihedral(4), groups.symmetric(3), groups.alternating(4), OTHERS["wreath"]]
)
def test_every_element_of_a_finite_group_is_drawn(group: groups.AbstractGroup[Any]) -> None:
    seen = set()

    @settings(ONCE, max_examples=600)
    @given(elements(group))
    def collect(a: Any) -> None:
        seen.add(a)

    collect()
    assert len(seen) == (group if isinstance(group, groups.FiniteGroup) else group.enumerate()).order


def angle(rotation: Tensor) -> float:
    return float(groups.rotation_log(rotation).norm())


@pytest.mark.parametrize(
    "name", ["SO(3)", "O(3)", "SE(3)", "E(3)", "SO+(1,3)", "GL+(3)", "SO(2)×SO(3)", "R+×SO(3)"]
)
def test_rotations_near_none_and_near_half_a_turn_are_drawn(name: str) -> None:
    corner = (
        slice(1, 4)
        if name == "SO+(1,3)"
        else slice(2, 5)
        if "×SO(3)" in name and "R" not in name
        else slice(3)
    )

    def rotation(a: Tensor) -> Tensor:
        r = a[corner, corner]
        return r / r.det().abs() ** (1 / 3)

    def turns(a: Tensor) -> bool:
        r = rotation(a)
        return bool((r.T @ r - torch.eye(3)).abs().max() < 1e-9 and r.det() > 0)

    for low, high in (
        (1e-13, 1e-6),
        (1e-6, 1e-2),
        (math.pi - 1e-2, math.pi - 1e-6),
        (math.pi - 1e-7, math.pi),
    ):
        found = first(
            elements(name), lambda a, low=low, high=high: turns(a) and low < angle(rotation(a)) < high
        )
        assert low < angle(rotation(found)) < high


@pytest.mark.parametrize("name", ["O(1)", "O(2)", "O(3)", "O(4)", "E(2)", "E(3)", "SO(2)×O(3)"])
def test_reflections_are_drawn(name: str) -> None:
    assert first(elements(name), lambda a: a.det() < 0).det() == pytest.approx(-1)


def test_all_four_components_of_the_lorentz_group_are_drawn() -> None:
    for time in (1, -1):
        for space in (1, -1):
            signs = torch.tensor([time, space])

            def boosted(a: Tensor, signs: Tensor = signs) -> bool:
                return bool(a[0, 0] * signs[0] > 1.1 and a.det() * signs.prod() > 0)

            assert boosted(first(elements("O(1,3)"), boosted))


def test_far_translations_are_drawn_and_shrink_apart_from_the_rotation() -> None:
    group = groups.named("SE(3)")
    found = minimal(elements(group), lambda a: group.split(a)[0].norm() > 900)
    assert torch.equal(group.split(found)[1], torch.eye(3, dtype=torch.float64))
    torch.testing.assert_close(group.split(found)[0].norm(), torch.tensor(1000.0, dtype=torch.float64))


def test_what_is_no_group_of_mackey_is_refused() -> None:
    class Loose(groups.AbstractGroup[int]):
        name, generators = "loose", ()
        identity = act = compose = inverse = label = sample = None  # type: ignore[assignment]

    with pytest.raises(
        ValueError, match=r"strategies\.elements: wanted a group of mackey\.groups, .* got loose"
    ):
        elements(Loose())
    with pytest.raises(ValueError, match="did you mean SO"):
        elements("SO3")


def lengths(x: Tensor) -> np.ndarray:
    """Principal lengths of a cloud, over its largest coordinate."""
    return np.linalg.svd((x - x.mean(0)).numpy(), compute_uv=False) / max(1, float(x.abs().max()))


def separation(x: Tensor) -> float:
    return float((torch.cdist(x, x) + 9 * torch.eye(len(x), dtype=x.dtype)).min())


def permutes(x: Tensor, moved: Tensor) -> bool:
    nearest = torch.cdist(moved, x)
    return bool(nearest.min(1).values.max() < 1e-9) and len(set(nearest.argmin(1).tolist())) == len(x)


def is_symmetric(x: Tensor) -> bool:
    """Under the inversion through the centre, or a cycle of points by a rotation."""
    centred = x - x.mean(0)
    gram = centred @ centred.T
    return permutes(centred, -centred) or bool((gram - gram.roll((1, 1), (0, 1))).abs().max() < 1e-9)


HOLDS = {
    "generic": lambda x: separation(x) > 0.59,
    "coincident": lambda x: separation(x) == 0,
    "collinear": lambda x: (lengths(x)[1:] < 1e-14).all() and separation(x) > 0.5,
    "planar": lambda x: (lengths(x)[2:] < 1e-14).all() and lengths(x)[1] > 1e-3,
    "symmetric": is_symmetric,
    "far": lambda x: x.norm(dim=1).min() > 900,
    "one point": lambda x: len(x) == 1,
    "empty": lambda x: len(x) == 0,
}


@pytest.mark.parametrize("d", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", CLOUDS)
def test_clouds_are_of_their_kind(kind: str, d: int) -> None:
    if kind == "planar" and d < 3:
        return

    @settings(MANY, suppress_health_check=[HealthCheck.too_slow])
    @given(clouds((0, 10), d, kinds=[kind]))
    def check(cloud: Any) -> None:
        assert cloud.kind == kind and cloud.positions.dtype == torch.float64
        assert cloud.positions.shape[1] == d and len(cloud.positions) <= 10
        assert HOLDS[kind](cloud.positions), cloud

    check()


@pytest.mark.parametrize("kind", ["generic", "far"])
@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_generic_clouds_have_principal_axes(kind: str, d: int) -> None:
    @settings(MANY, suppress_health_check=[HealthCheck.too_slow])
    @given(clouds((2, 16), d, kinds=[kind]))
    def check(cloud: Any) -> None:
        x = (cloud.positions - cloud.positions.mean(0)).numpy()
        found = np.linalg.svd(x, compute_uv=False)[: min(len(x) - 1, d)]
        assert found[-1] > 0.1 and (found[:-1] > 1.019 * found[1:]).all(), found

    check()


def test_clouds_of_every_kind_that_exists_are_drawn() -> None:
    def kinds(n: Any, d: int) -> set[str]:
        seen = set()

        @settings(MANY, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
        @given(clouds(n, d))
        def collect(cloud: Any) -> None:
            seen.add(cloud.kind)

        collect()
        return seen

    assert kinds((0, 8), 3) == set(CLOUDS)
    assert kinds(5, 2) == {"generic", "coincident", "collinear", "symmetric", "far"}
    assert kinds(1, 3) == {"far", "one point"} and kinds(0, 3) == {"empty"}


def test_clouds_shrink_to_few_points_and_round_numbers() -> None:
    found = minimal(clouds((0, 8), 3))
    assert found.kind == "generic" and found.positions.tolist() == [[0, 0, 0], [0, 0, 2]]
    assert minimal(clouds(4, 3), lambda c: c.kind == "coincident").positions.abs().max() == 0
    line = minimal(clouds((0, 8), 3), lambda c: c.kind == "collinear")
    assert line.positions.tolist() == [[0, 0, 0], [1, 0, 0], [2, 0, 0]]
    assert minimal(clouds(2, 3, dtype=torch.float32)).positions.dtype == torch.float32


@MANY
@given(st.data())
def test_cells_are_right_handed_and_well_conditioned(data: st.DataObject) -> None:
    d, condition = data.draw(st.sampled_from([(1, 10.0), (2, 3.0), (3, 10.0), (3, 1.0), (4, 5.0)]))
    found = data.draw(periodic_cells(d, (0, 5), shifts=2, condition=condition))
    assert found.cell.shape == (d, d) and float(torch.linalg.det(found.cell)) > 0.99
    assert np.linalg.cond(found.cell.numpy()) <= condition * (1 + 1e-12)
    fractions = torch.linalg.solve(found.cell, found.positions, left=False)
    assert len(fractions) <= 5 and bool(((fractions > -1e-12) & (fractions < 1 + 1e-12)).all())
    assert found.shifts.shape == found.positions.shape and found.shifts.dtype == torch.int64
    assert set(found.shifts.flatten().tolist()) <= {-2, -1, 0, 1, 2}
    offset = torch.linalg.solve(found.cell, found.images - found.positions, left=False)
    torch.testing.assert_close(offset, found.shifts.double(), rtol=0, atol=1e-10)


def test_cells_are_skewed_and_shrink_to_the_unit_cube() -> None:
    cube = minimal(periodic_cells(3))
    assert torch.equal(cube.cell, torch.eye(3, dtype=torch.float64)) and cube.positions.tolist() == [
        [0, 0, 0]
    ]

    def angles(c: Any) -> Tensor:
        unit = c.cell / c.cell.norm(dim=1, keepdim=True)
        return (unit @ unit.T)[[0, 0, 1], [1, 2, 2]]

    assert bool((angles(first(periodic_cells(3), lambda c: bool((angles(c).abs() > 0.2).all()))) != 0).all())
    assert first(periodic_cells(3, 2, shifts=1), lambda c: bool((c.shifts == -1).any())).shifts.min() == -1
    assert not minimal(periodic_cells(3, 2)).shifts.any()
    outside = first(periodic_cells(3, 4, condition=1.0), lambda c: c.cell[0, 0] > 2).cell
    torch.testing.assert_close(outside, outside.diag().diag())


@MANY
@given(st.data())
def test_images_are_of_their_kind(data: st.DataObject) -> None:
    d = data.draw(st.integers(1, 3))
    kind, x = data.draw(images((1, 6), 2, d=d))
    assert x.shape[:2] == (2, 2) and x.ndim == 2 + d and len(set(x.shape[2:])) == 1
    assert x.dtype == torch.float64 and bool(x.isfinite().all())
    if kind == "flat":
        assert x.min() == x.max()
    elif kind == "pixel":
        assert x.sum() == x.max() == 1 and x.min() == 0
    elif x.shape[-1] >= 5:
        rough = (x - x.roll(1, -1)).square().mean() / x.square().mean()
        assert rough < 0.9 if kind == "smooth" else rough > 0.5


def test_images_of_all_kinds_and_sizes_are_drawn() -> None:
    for kind in IMAGES:
        for size in (5, 6):
            wanted = (kind, (2, 1, size, size))
            found = first(images((5, 6)), lambda p, wanted=wanted: (p.kind, p.pixels.shape) == wanted)
            assert found.pixels.shape == (2, 1, size, size)
    assert minimal(images((5, 9), kinds=["noise"], dtype=torch.float32)).pixels.dtype == torch.float32


@MANY
@given(st.data())
def test_edges_are_edges(data: st.DataObject) -> None:
    n, loops, both_ways = data.draw(st.tuples(st.integers(0, 6), st.booleans(), st.booleans()))
    repeated = not both_ways and data.draw(st.booleans())
    found = data.draw(edge_indices(n, loops=loops, both_ways=both_ways, repeated=repeated))
    assert found.dtype == torch.int64 and found.shape[0] == 2
    pairs = list(map(tuple, found.T.tolist()))
    assert all(0 <= i < n and 0 <= j < n for i, j in pairs)
    assert loops or all(i != j for i, j in pairs)
    assert repeated or len(set(pairs)) == len(pairs)
    assert not both_ways or {(j, i) for i, j in pairs} == set(pairs)


def test_edges_may_be_none_all_and_twice() -> None:
    assert minimal(edge_indices(5)).shape == (2, 0)
    assert first(edge_indices(5), lambda e: e.shape[1] == 20).shape == (2, 20)
    assert first(edge_indices(3, loops=True, both_ways=True), lambda e: e.shape[1] == 9).shape == (2, 9)
    twice = minimal(edge_indices(3, repeated=True), lambda e: len(set(map(tuple, e.T.tolist()))) < e.shape[1])
    assert twice.tolist() == [[0, 0], [1, 1]]


@MANY
@given(types(3, channels=4, terms=3))
def test_types_are_read_by_mackey(text: str) -> None:
    rep = mk.reps.parse(groups.named("O(3)"), text)
    terms = [term.split("x") for term in text.split(" + ")]
    assert rep.dim == sum(int(count) * (2 * int(irrep[:-1]) + 1) for count, irrep in terms)
    assert max(int(irrep[:-1]) for _, irrep in terms) <= 3 and len(terms) <= 3


def test_types_shrink_to_one_scalar() -> None:
    assert minimal(types()) == "1x0e"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: clouds((3, 2)), r"strategies\.clouds n: wanted a number ≥ 0, .* got \(3, 2\)"),
        (lambda: clouds(3, 0), r"strategies\.clouds d: wanted a number ≥ 1"),
        (lambda: clouds(3, kinds=["round"]), r"clouds: wanted kinds among generic, .* got 'round'"),
        (lambda: clouds(3, kinds=["planar"]), r"for n = 3, d = 3, got 'planar'; collinear needs 3 points"),
        (lambda: clouds(5, 2, kinds=["planar"]), "exist for n = 5, d = 2, got 'planar'"),
        (lambda: clouds(3, kinds=[]), r"strategies\.clouds: wanted at least one kind, got kinds = \[\]"),
        (lambda: periodic_cells(0), r"strategies\.periodic_cells d: wanted a number ≥ 1"),
        (lambda: periodic_cells(3, -1), r"strategies\.periodic_cells n: wanted a number ≥ 0"),
        (lambda: periodic_cells(condition=0.5), r"periodic_cells: wanted a condition number ≥ 1, got 0\.5"),
        (lambda: periodic_cells(shifts=-1), r"strategies\.periodic_cells shifts: wanted a number ≥ 0"),
        (lambda: images(0), r"strategies\.images size: wanted a number ≥ 1"),
        (lambda: images(5, 0), r"strategies\.images channels: wanted a number ≥ 1"),
        (lambda: images(5, kinds=["loud"]), r"images: wanted kinds among flat, .* got \['loud'\]"),
        (lambda: images(5, kinds=[]), r"strategies\.images: wanted kinds among flat"),
        (lambda: edge_indices(-1), r"strategies\.edge_indices n: wanted a number ≥ 0"),
        (lambda: edge_indices(3, both_ways=True, repeated=True), "wanted one of both_ways and repeated"),
        (lambda: types(-1), r"strategies\.types highest: wanted a number ≥ 0"),
        (lambda: types(terms=0), r"strategies\.types terms: wanted a number ≥ 1"),
    ],
)  # fmt: skip
def test_mistakes_are_refused(build: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.unchecked
def test_without_hypothesis_one_sentence_says_so() -> None:
    script = "import sys, mackey.testing; sys.modules['hypothesis'] = None; import mackey.testing.strategies"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    last = run.stderr.strip().splitlines()[-1]
    assert last == (
        "ModuleNotFoundError: mackey.testing.strategies: wanted the package hypothesis, got no such module; "
        "pip install hypothesis"
    )
