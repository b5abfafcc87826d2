"""Plane groups and space groups: lattices with a basis, and glides."""

import itertools
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mackey import groups as G
from mackey.spaces import Grid

# name: order of the point group, whether H itself is a subgroup (International Tables A)
PLANE = {
    "p1": (1, True), "p2": (2, True), "pm": (2, True), "pg": (2, False), "cm": (2, True),
    "pmm": (4, True), "pmg": (4, False), "pgg": (4, False), "cmm": (4, True),
    "p4": (4, True), "p4m": (8, True), "p4g": (8, False),
    "p3": (3, True), "p3m1": (6, True), "p31m": (6, True), "p6": (6, True), "p6m": (12, True),
}  # fmt: skip
ORTHORHOMBIC = np.diag([1.0, 1.5, 2.0])
HEXAGONAL = np.array([[1.0, -0.5, 0], [0, 3**0.5 / 2, 0], [0, 0, 1.6]])
SPACE = {
    "P2_1": G.space_group(["-x,y+1/2,-z"], name="P2_1"),
    "P2_12_12_1": G.space_group(
        ["-x+1/2,-y,z+1/2", "-x,y+1/2,-z+1/2"], basis=ORTHORHOMBIC, name="P2_12_12_1"
    ),
    "P4_1": G.space_group(["-y,x,z+1/4"], name="P4_1"),
    "P6_1": G.space_group(["x-y,x,z+1/6"], basis=HEXAGONAL, name="P6_1"),
    "P6_3/mmc": G.space_group(["x-y,x,z+1/2", "-y,-x,z", "-x,-y,-z"], basis=HEXAGONAL, name="P6_3/mmc"),
    "Pnnn": G.space_group(["1/2-x,1/2-y,z", "1/2-x,y,1/2-z", "-x,-y,-z"], name="Pnnn"),
    "rhombohedral": G.space_group(["z,x,y", "-x,-y,-z"], name="R-3"),
    "oblique coordinates": G.space_group(["-y,x-y"], name="p3 in lattice coordinates"),
}
POINT_ORDERS = [2, 4, 4, 6, 24, 8, 6, 3]
TORI = [
    G.plane_group("p4g", (4, 4)),
    G.plane_group("p6m", (5, 5)),
    G.plane_group("pmg", (3, 4)),
    G.plane_group("cm", (3, 3)),
    G.space_group(["-y,x,z+1/4"], (3, 3, 2)),
]
ALL = [*map(G.plane_group, PLANE), *SPACE.values(), *TORI]


@pytest.mark.parametrize("name", PLANE)
def test_plane_groups(name: str) -> None:
    group = G.plane_group(name)
    order, symmorphic = PLANE[name]
    assert group.point_group.order == order and (group.glides is None) == symmorphic
    assert group.is_exact and str(group).startswith(name if name not in ("pmm",) else "p2m")
    matrices = group.lattice_matrices
    np.testing.assert_allclose(matrices, np.rint(matrices), atol=1e-12)


def test_they_are_seventeen() -> None:
    assert set(PLANE) == set(G.PLANE_GROUPS) and len(PLANE) == 17
    assert len({G.plane_group(name) for name in PLANE}) == 17
    for one, two in (("p1", G.p1()), ("p2", G.p2()), ("p4", G.p4()), ("pm", G.pm()), ("p4m", G.p4m())):
        assert G.plane_group(one) == two and hash(G.plane_group(one)) == hash(two)
    assert G.lattice(G.cyclic(6)) != G.plane_group("p6") and not G.lattice(G.cyclic(6)).is_exact
    for name in ("pg", "cm", "pmm", "pmg", "pgg", "cmm", "p4g", "p3m1", "p31m"):
        assert G.named(name) == G.plane_group(name), "no other group has this name"
    assert G.named("Alt(5)") == G.alternating(5)
    for h in (G.plane_group("p3m1"), G.plane_group("p31m")):
        assert h.point_group == G.dihedral(3)


def mirror_axes_hold_a_rotation_centre(name: str) -> bool:
    """Whether every point fixed by a rotation of order 3 lies on a mirror: p3m1, not p31m."""
    group = G.plane_group(name)
    steps = itertools.product(range(-2, 3), repeat=2)
    elements = [(t, h) for t in steps for h in group.point_group.elements]
    centres = []
    for t, h in elements:
        matrix = group.point_group.matrices[h]
        if abs(np.trace(matrix) + 1) < 1e-9 and np.linalg.det(matrix) > 0:
            centres.append(np.linalg.solve(np.eye(2) - matrix, group.act((t, h), np.zeros(2))))
    near = [c for c in centres if np.linalg.norm(c) < 1]
    mirrors = [e for e in elements if np.linalg.det(group.point_group.matrices[e[1]]) < 0]
    return all(any(np.abs(group.act(m, c) - c).max() < 1e-9 for m in mirrors) for c in near)


def test_p3m1_is_not_p31m() -> None:
    assert mirror_axes_hold_a_rotation_centre("p3m1")
    assert not mirror_axes_hold_a_rotation_centre("p31m")


@pytest.mark.parametrize(("name", "order"), list(zip(SPACE, POINT_ORDERS, strict=True)))
def test_point_groups_of_space_groups(name: str, order: int) -> None:
    assert SPACE[name].point_group.order == order


@pytest.mark.parametrize("group", ALL, ids=lambda g: f"{g}-{g.point_group.order}")
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_laws(group: G.LatticeGroup, data: st.DataObject) -> None:
    elements = st.tuples(
        st.tuples(*(st.integers(-4, 4),) * group.dimension), st.sampled_from(list(group.point_group.elements))
    )
    a, b, c = (group.compose(group.identity, data.draw(elements)) for _ in range(3))
    assert group.compose(a, group.compose(b, c)) == group.compose(group.compose(a, b), c)
    assert group.compose(a, group.identity) == a == group.compose(group.identity, a)
    assert group.compose(a, group.inverse(a)) == group.identity == group.compose(group.inverse(a), a)
    x = np.array([data.draw(st.floats(-2, 2)) for _ in range(group.dimension)])
    difference = group.act(group.compose(a, b), x) - group.act(a, group.act(b, x))
    if group.periods is not None:  # x and x + period are one point
        basis = np.eye(group.dimension) if group.basis is None else np.array(group.basis)
        turns = np.linalg.solve(basis, difference) / group.periods
        difference = turns - np.rint(turns)
    np.testing.assert_allclose(difference, 0, atol=1e-9)


def test_a_glide_twice_is_a_translation() -> None:
    pg = G.plane_group("pg")
    glide = ((0, 0), 1)
    np.testing.assert_allclose(pg.act(glide, np.array([0.2, 0.1])), [-0.2, 0.6])
    assert pg.compose(glide, glide) == ((0, 1), 0)
    screw = ((0, 0, 0), 1)
    P6 = SPACE["P6_1"]
    power = P6.identity
    for _ in range(6):
        power = P6.compose(screw, power)
    assert power == ((0, 0, 1), 0)
    moved = P6.act(screw, np.array([1.0, 0.0, 0.0]))
    np.testing.assert_allclose(moved, [0.5, 3**0.5 / 2, 1.6 / 6], atol=1e-12)


def test_groups_with_glides_have_no_fixed_points() -> None:
    """pg and P2_12_12_1 act freely (Bieberbach groups): no element but e fixes a point."""
    for group in (G.plane_group("pg"), SPACE["P2_12_12_1"]):
        d = group.dimension
        for t in itertools.product(range(-1, 2), repeat=d):
            for h in group.point_group.elements:
                if (t, h) != group.identity:
                    shift = group.act((t, h), np.zeros(d))
                    system = np.eye(d) - group.point_group.matrices[h]
                    x = np.linalg.lstsq(system, shift, rcond=None)[0]
                    assert np.abs(system @ x - shift).max() > 1e-3


def test_lattices_of_the_user() -> None:
    rectangular = G.plane_group("pm", basis=np.diag([1.0, 2.5]))
    np.testing.assert_allclose(rectangular.act(((0, 1), 0), np.zeros(2)), [0, 2.5])
    oblique = G.lattice(G.cyclic(2), basis=[[1.0, 0.3], [0.0, 0.8]], name="oblique p2")
    assert str(oblique) == "oblique p2" and oblique != G.p2()
    assert G.lattice(G.cyclic(4), basis=np.eye(2)) == G.p4()
    assert str(G.lattice(G.cyclic(3), basis=HEXAGONAL[:2, :2])) == "Λ⋊C3"
    listed = G.lattice(G.dihedral(1), glides=[(0, 0), (0, 0.5)])
    assert listed == G.plane_group("pg") == pickle.loads(pickle.dumps(listed))
    assert G.lattice(G.dihedral(1), glides={}) == G.pm()


def test_a_torus_must_fit_a_basis_that_shears() -> None:
    """x → −x takes (½, ½) = b₁ to b₁ − b₀: 4b₁ to itself modulo 2b₀ and 4b₁, but 2b₁ not modulo 4b₀."""
    basis = [[1, 0.5], [0, 0.5]]
    group = G.lattice(G.dihedral(1), (2, 4), basis=basis)
    points = np.array([[0.3, 0.1], [0.3, 0.1] + np.array(basis) @ [0, 4]])
    np.testing.assert_allclose(*group.act(((0, 0), 1), points), atol=1e-12)
    with pytest.raises(ValueError, match=r"a torus that .* maps to itself, got periods \(4, 2\)"):
        G.lattice(G.dihedral(1), (4, 2), basis=basis)


def test_tori_list_and_sample() -> None:
    torus = G.plane_group("p4g", (4, 4))
    elements = set(torus.elements())
    assert len(elements) == 16 * 8
    drawn = torus.sample(20, torch.Generator().manual_seed(0))
    assert {torus.compose(a, b) for a in drawn for b in drawn} <= elements
    assert str(G.plane_group("p6m", (5, 5))) == "p6m (hexagonal) on the 5×5 torus"
    assert len(G.plane_group("p6", (2, 2)).elements()) == 24
    assert set(G.plane_group("p4", (1, 1)).generators) <= set(G.plane_group("p4", (1, 1)).elements())


@pytest.mark.parametrize("group", [G.plane_group("p6"), G.plane_group("pg"), G.plane_group("cm")], ids=str)
def test_grids_are_square(group: G.LatticeGroup) -> None:
    with pytest.raises(ValueError, match=r"without basis and glides: .*only square lattices are sampled yet"):
        Grid(group)


def test_messages() -> None:
    with pytest.raises(ValueError, match="p3, p3m1, p31m, p6, p6m, got 'p5'"):
        G.plane_group("p5")
    with pytest.raises(ValueError, match="a lattice that C4 maps to itself"):
        G.lattice(G.cyclic(4), basis=HEXAGONAL[:2, :2])
    for basis in (np.zeros((2, 2)), np.eye(3), np.ones(2)):
        with pytest.raises(ValueError, match=r"a basis of R\^2"):
            G.lattice(G.cyclic(2), basis=basis)
    with pytest.raises(ValueError, match=r"a lattice vector for all h, k, got \[0.0, 0.6\] for m, m"):
        G.lattice(G.dihedral(1), glides={1: (0, 0.3)})
    with pytest.raises(ValueError, match=r"shape \(2, 2\), first 0, got an array of shape \(1, 2\)"):
        G.lattice(G.dihedral(1), glides=[(0, 0.5)])
    with pytest.raises(ValueError, match="not 0 first"):
        G.lattice(G.dihedral(1), glides=[(0.5, 0), (0, 0.5)])
    with pytest.raises(ValueError, match=r"in R\^2 for the generators \(1,\), got {0: "):
        G.lattice(G.dihedral(1), glides={0: (0, 0.5)})
    with pytest.raises(ValueError, match="maps to itself, for glides, got the square lattice"):
        G.lattice(G.cyclic(3), glides={1: (0, 0.5)})
    with pytest.raises(ValueError, match="a torus that D3 maps to itself"):
        G.plane_group("p3m1", (3, 4))
    for basis in (np.ones((2, 2)), np.eye(3)):
        with pytest.raises(ValueError, match=r"groups.space_group: wanted a basis of R\^2"):
            G.space_group(["-x,y"], basis=basis)
    for bad in ("x,w", "x,2", "x y", "z,x", "", "x,y,z,x", "2x,y", "xy,y", "-x1/2,y", "x+1/0,y"):
        with pytest.raises(ValueError, match="coordinates in x, y, z and fractions"):
            G.space_group([bad])
    with pytest.raises(ValueError, match="the same number of coordinates"):
        G.space_group(["x,y", "x,y,z"])
    with pytest.raises(ValueError, match="at least one triplet"):
        G.space_group([])
    with pytest.raises(ValueError, match=r"also contains \(1/2, 1/2, 0\); rewrite"):
        G.space_group(["x+1/2,y+1/2,z"])


@pytest.mark.unchecked
def test_what_is_no_basis_is_refused() -> None:
    for ragged in ({"basis": [[1, 0], [1]]}, {"glides": [[0, 0], [1]]}):
        with pytest.raises(ValueError, match="real numbers in an array, got lists of different lengths"):
            G.lattice(G.cyclic(2), **ragged)
    with pytest.raises(ValueError, match=r"2 periods of at least 1, whole numbers, got \(2.5, 2.5\)"):
        G.lattice(G.cyclic(2), (2.5, 2.5))
