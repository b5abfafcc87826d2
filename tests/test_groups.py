"""Group axioms, subgroups and cosets; exhaustive where the group is small."""

import itertools
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mackey import groups as G
from mackey.groups.finite import from_matrices

# Q8 as left multiplications on the quaternions (1, i, j, k).
I = np.array([[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, -1], [0, 0, 1, 0]])
J = np.array([[0, 0, -1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, -1, 0, 0]])
FINITE = [
    G.cyclic(1),
    G.cyclic(2),
    G.cyclic(4),
    G.cyclic(7),
    G.cyclic(8),
    G.dihedral(1),
    G.dihedral(2),
    G.dihedral(3),
    G.dihedral(4),
    G.mirror(),
    G.octahedral(),
    G.octahedral(True),
    G.symmetric(4).enumerate(),
    G.generated([I, J], "Q8"),
    G.generated([[1, 2, 0, 3], [0, 2, 3, 1]], "A4"),
]
ORDERS = [1, 2, 4, 7, 8, 2, 4, 6, 8, 2, 24, 48, 24, 8, 12]


@pytest.mark.parametrize(("group", "order"), list(zip(FINITE, ORDERS, strict=True)), ids=str)
def test_axioms(group: G.FiniteGroup, order: int) -> None:
    table, n = group.table, group.order
    assert n == order
    assert (table[0] == np.arange(n)).all() and (table[:, 0] == np.arange(n)).all()
    assert (table[np.arange(n), group.inverses] == 0).all()
    assert (table[table] == table[np.arange(n)[:, None, None], table[None]]).all(), "not associative"
    assert (
        np.abs(np.einsum("aij,bjk->abik", group.matrices, group.matrices) - group.matrices[table]).max()
        < 1e-9
    )
    assert len(G.subgroup(group, group.generators).members) == n, "the generators do not generate"
    assert sum(len(c) for c in group.conjugacy_classes) == n


def test_rotations_turn_counter_clockwise() -> None:
    np.testing.assert_allclose(G.cyclic(4).act(1, np.array([1.0, 0.0])), [0, 1])
    np.testing.assert_allclose(G.dihedral(4).act(4, np.array([1.0, 2.0])), [-1, 2])


LATTICES = [
    G.p1(),
    G.p2(),
    G.p4(),
    G.pm(),
    G.p4m(),
    G.named("Z"),
    G.named("Z⋊±1"),
    G.named("Z^3⋊O"),
    G.lattice(G.dihedral(4), (5, 5)),
    G.lattice(G.dihedral(2), (4, 6)),
]


@pytest.mark.parametrize("group", LATTICES, ids=lambda g: f"{g}{g.periods or ''}")
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_lattice_axioms(group: G.LatticeGroup, data: st.DataObject) -> None:
    elements = st.tuples(
        st.tuples(*(st.integers(-4, 4),) * group.dimension), st.sampled_from(list(group.point_group.elements))
    )
    a, b, c = (group.compose(group.identity, data.draw(elements)) for _ in range(3))
    assert group.compose(a, group.compose(b, c)) == group.compose(group.compose(a, b), c)
    assert group.compose(a, group.inverse(a)) == group.identity == group.compose(group.inverse(a), a)
    x = np.array([data.draw(st.integers(0, 3)) for _ in range(group.dimension)])
    np.testing.assert_allclose(group.act(group.compose(a, b), x), group.act(a, group.act(b, x)), atol=1e-9)


def test_torus_lists_its_elements() -> None:
    assert len(G.lattice(G.dihedral(4), (3, 3)).elements()) == 72
    with pytest.raises(ValueError, match="give periods"):
        G.p4().elements()
    with pytest.raises(ValueError, match="a torus that C4 maps to itself"):
        G.lattice(G.cyclic(4), (3, 4))


@given(st.permutations(range(5)), st.permutations(range(5)))
def test_symmetric_group(a: list[int], b: list[int]) -> None:
    S = G.symmetric(5)
    x = np.arange(5.0) ** 2
    np.testing.assert_array_equal(
        S.act(S.compose(tuple(a), tuple(b)), x), S.act(tuple(a), S.act(tuple(b), x))
    )
    assert S.compose(tuple(a), S.inverse(tuple(a))) == S.identity


def test_symmetric_group_stays_symbolic() -> None:
    assert len(G.symmetric(1000).compose(*G.symmetric(1000).generators)) == 1000
    with pytest.raises(ValueError, match="n ≤ 6"):
        G.symmetric(7).enumerate()


def test_cosets_partition_the_group() -> None:
    for group in FINITE:
        for generator in group.elements:
            K = G.subgroup(group, [generator])
            assert sorted(itertools.chain(*G.cosets(K))) == list(group.elements)
            doubles = G.double_cosets(K, K)
            assert sorted(itertools.chain(*doubles)) == list(group.elements)
            assert G.conjugate(K, 0) == K and G.intersection(K, K) == K


@pytest.mark.parametrize(
    ("name", "prints"),
    [
        ("p4", "p4"),
        ("p8", "p8"),
        ("p4m", "p4m"),
        ("pm", "pm"),
        ("p1", "p1"),
        ("Z^3⋊O", "Z^3⋊O"),
        ("Z", "Z"),
        ("Z⋊±1", "Z⋊±1"),
        ("Z^3", "Z^3"),
    ],
)
def test_names_parse_and_print(name: str, prints: str) -> None:
    assert str(G.named(name)) == prints


def test_enumerated_permutations_keep_their_names() -> None:
    """Element k of the table is the k-th permutation p: position i goes to p[i], as in Sym(n) itself."""
    S, table = G.symmetric(3), G.symmetric(3).enumerate()
    order = list(itertools.permutations(range(3)))
    x = np.array([10.0, 20.0, 30.0])
    for i, p in enumerate(order):
        assert order[table.inverse(i)] == S.inverse(p)
        np.testing.assert_array_equal(table.act(i, x), S.act(p, x))
        for j, q in enumerate(order):
            assert order[table.compose(i, j)] == S.compose(p, q)
    turn = G.generated([[1, 2, 0]])
    np.testing.assert_array_equal(turn.act(turn.generators[0], x), S.act((1, 2, 0), x))


def test_groups_are_equal_by_their_elements_not_by_name() -> None:
    quarter = [[0.0, -1.0], [1.0, 0.0]]
    assert G.generated([quarter], "turns") == G.cyclic(4)
    half = G.subgroup(G.cyclic(4), [2]).group
    assert half == G.cyclic(2) and hash(half) == hash(G.cyclic(2))
    assert G.lattice(half) == G.p2() and str(G.lattice(half)) == "p2"
    assert G.cyclic(1) != G.cyclic(1, 3) and G.cyclic(4) != G.dihedral(2)
    assert str(G.cyclic(1, 3)) == "C1 on R^3"


def test_names_that_agree_are_told_apart() -> None:
    plane, line = G.generated([-np.eye(2)], "flip"), G.generated([-np.eye(1)], "flip")
    with pytest.raises(ValueError, match=r"of flip \(order 2 on R\^2\) and of flip \(order 2 on R\^1\)"):
        G.intersection(G.subgroup(plane, [1]), G.subgroup(line, [1]))
    reordered = G.generated([G.cyclic(4).matrices[3]], "C4")
    with pytest.raises(ValueError, match="another order of them"):
        G.double_cosets(G.subgroup(G.cyclic(4), [2]), G.subgroup(reordered, [2]))


def test_large_permutation_groups_close_quickly() -> None:
    """By rows of the generators: |G| products, not |G|². 100 cells of 8 bytes are 800 MB the other way."""
    tracemalloc.start()
    assert G.generated([np.roll(np.arange(100), 1)]).order == 100
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()


@pytest.mark.parametrize(
    "group", [FINITE[8], G.p4m(), G.lattice(G.cyclic(4), (5, 5)), G.symmetric(4)], ids=str
)
def test_every_group_acts_and_samples(group: G.AbstractGroup) -> None:
    drawn = group.sample(5, torch.Generator().manual_seed(0))
    size = 4 if isinstance(group, G.Symmetric) else 2
    x = np.arange(float(size))
    for a, b in itertools.product(drawn, repeat=2):
        np.testing.assert_allclose(group.act(group.compose(a, b), x), group.act(a, group.act(b, x)))
    assert group.has_irreps == isinstance(group, G.FiniteGroup)


def test_messages() -> None:
    with pytest.raises(ValueError, match="p1, p2, p4"):
        G.lattice_named("p4q")
    with pytest.raises(ValueError, match="elements 0 … 3"):
        G.subgroup(G.cyclic(4), [4])
    with pytest.raises(ValueError, match="elements 0 … 7"):
        G.conjugate(G.subgroup(G.dihedral(4), [4]), -1)
    for combine in (G.double_cosets, G.intersection):
        with pytest.raises(ValueError, match="two subgroups of one group"):
            combine(G.subgroup(G.cyclic(4), [2]), G.subgroup(G.cyclic(2), [1]))
    for members in ((0, 1), (0, 2, 1, 3), (1, 3), (0, 9), ()):
        with pytest.raises(ValueError, match="from the identity 0, closed under products"):
            G.Subgroup(G.cyclic(4), members)
    with pytest.raises(ValueError, match="n ≥ 1, got 0"):
        G.symmetric(0)
    for n in (0, -2):
        with pytest.raises(ValueError, match=f"n ≥ 1, got {n}"):
            G.cyclic(n)
        with pytest.raises(ValueError, match=f"n ≥ 1, got {n}"):
            G.dihedral(n)
    with pytest.raises(ValueError, match=r"rotations of the plane, got R\^3"):
        G.cyclic(4, 3)


@pytest.mark.parametrize(
    ("generators", "match"),
    [
        ([np.array([0, 0, 1])], "square matrices, or permutations"),
        ([np.array([[1.0, 1.0], [0.0, 1.0]])], "finite order"),
        ([], "at least one, got sizes none"),
        ([[1, 0], [1, 2, 0]], "of one size, at least one, got sizes 2, 3"),
        ([np.zeros((2, 2))], "determinant ±1"),
        ([np.diag([1.0, 0.0])], "determinant ±1"),
        ([np.full((2, 2), np.nan)], "determinant ±1"),
        ([G.dihedral(3).matrices[k].astype(np.float32) for k in (1, 3)], "compute the matrices in float64"),
    ],
)
def test_what_generates_no_group_is_refused(generators: list[np.ndarray], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        G.generated(generators)


def test_matrices_that_are_not_closed_are_refused() -> None:
    with pytest.raises(ValueError, match="closed under products, got a product outside the set"):
        from_matrices("half", G.cyclic(4).matrices[:2], (1,), ("e", "r"))


@pytest.mark.parametrize("periods", [(5,), (0, 0), (-3, -3)])
def test_periods_are_checked(periods: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="2 periods of at least 1"):
        G.lattice(G.cyclic(4), periods)


def test_a_torus_says_so() -> None:
    torus = G.lattice(G.cyclic(4), [5, 5])
    assert str(torus) == "p4 on the 5×5 torus" and torus != G.p4() and hash(torus) != hash(G.p4())
    with pytest.raises(ValueError, match="only its point group can be composed"):
        G.named("p8").compose(((1, 0), 1), ((1, 0), 1))
