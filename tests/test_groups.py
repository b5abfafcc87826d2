"""Group axioms, subgroups and cosets; exhaustive where the group is small."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mackey import groups as G

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


def test_messages() -> None:
    with pytest.raises(ValueError, match="p1, p2, p4"):
        G.named("p4q")
    with pytest.raises(ValueError, match="square matrices, or permutations"):
        G.generated([np.array([0, 0, 1])])
    with pytest.raises(ValueError, match="finite order"):
        G.generated([np.array([[1.0, 1.0], [0.0, 1.0]])])
    with pytest.raises(ValueError, match="elements 0 … 3"):
        G.subgroup(G.cyclic(4), [4])
    with pytest.raises(ValueError, match="one group"):
        G.double_cosets(G.subgroup(G.cyclic(4), [2]), G.subgroup(G.cyclic(2), [1]))
