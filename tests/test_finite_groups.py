"""Polyhedral groups, and products of finite groups."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mackey import groups as G
from mackey import reps as R
from mackey.groups import FiniteGroup

GOLDEN = (1 + 5**0.5) / 2
POLYHEDRAL = {
    "T": (G.tetrahedral(), 12, 4),
    "Td": (G.tetrahedral(True), 24, 5),
    "Th": (G.pyritohedral(), 24, 8),
    "O": (G.octahedral(), 24, 5),
    "Oh": (G.octahedral(True), 48, 10),
    "I": (G.icosahedral(), 60, 5),
    "Ih": (G.icosahedral(True), 120, 10),
}


def element_orders(group: FiniteGroup) -> list[int]:
    orders = []
    for g in group.elements:
        power, count = g, 1
        while power:
            power, count = group.compose(power, g), count + 1
        orders.append(count)
    return orders


def assert_axioms(group: FiniteGroup) -> None:
    table, n = group.table, group.order
    assert (table[0] == np.arange(n)).all() and (table[:, 0] == np.arange(n)).all()
    assert (table[np.arange(n), group.inverses] == 0).all()
    for s in group.generators:  # (s·a)·b = s·(a·b) for generators s gives it for all
        assert (table[table[s]] == table[s][table]).all(), "not associative"
        np.testing.assert_allclose(
            group.matrices[s] @ group.matrices, group.matrices[table[s]], atol=1e-12, rtol=0
        )
    assert len(G.subgroup(group, group.generators).members) == n
    assert len(np.unique(np.round(group.matrices.reshape(n, -1), 6), axis=0)) == n, "not faithful"


@pytest.mark.parametrize("name", POLYHEDRAL)
def test_polyhedral_groups(name: str) -> None:
    group, order, classes = POLYHEDRAL[name]
    assert (str(group), group.order, len(group.conjugacy_classes)) == (name, order, classes)
    assert_axioms(group)
    assert group.is_orthogonal
    improper = np.linalg.det(group.matrices) < 0
    assert improper.sum() == (order // 2 if name in ("Td", "Th", "Oh", "Ih") else 0)


def test_they_keep_their_polyhedra() -> None:
    tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=float)
    icosahedron = np.array(
        [np.roll([0, a, b * GOLDEN], s) for a in (1, -1) for b in (1, -1) for s in range(3)]
    )
    kept = {G.tetrahedral(True): tetrahedron, G.icosahedral(True): icosahedron}
    for group, vertices in kept.items():
        for h in group.elements:
            moved = group.act(h, vertices)
            nearest = np.abs(moved[:, None] - vertices).max(-1)
            assert (nearest.min(1) < 1e-12).all() and len(set(nearest.argmin(1))) == len(vertices)
    turned = G.pyritohedral().act(G.pyritohedral().generators[2], tetrahedron)
    assert not (np.abs(turned[:, None] - tetrahedron).max(-1) < 1e-9).any(), "the inversion is not in Td"


def test_td_and_th_are_different_groups() -> None:
    """T_d ≅ S4 has elements of order 4, T_h = T × C2 of order 6."""
    assert max(element_orders(G.tetrahedral(True))) == 4
    assert max(element_orders(G.pyritohedral())) == 6
    assert np.linalg.matrix_rank(G.icosahedral(True).matrices.reshape(120, -1)) == 9


def test_entries_of_the_icosahedral_group_are_exact() -> None:
    h = GOLDEN / 2
    allowed = np.array([0, 0.5, 1, h, (GOLDEN - 1) / 2])
    entries = np.unique(np.abs(G.icosahedral(True).matrices))
    assert len(entries) == 5 and set(entries.tolist()) == set(allowed.tolist())


def test_classes_are_orbits_of_conjugation() -> None:
    for group in (G.icosahedral(), G.octahedral(True), G.dihedral(7), G.cyclic(6)):
        brute = {
            tuple(sorted({group.compose(group.compose(b, a), group.inverse(b)) for b in group.elements}))
            for a in group.elements
        }
        assert set(group.conjugacy_classes) == brute
        assert list(group.conjugacy_classes) == sorted(brute)
        for index, members in enumerate(group.conjugacy_classes):
            assert (group.class_index[list(members)] == index).all()


def test_direct_products() -> None:
    P = G.finite_product([G.dihedral(3), G.cyclic(4), G.mirror()])
    assert (P.order, P.dimension, str(P)) == (48, 5, "D3×C4×±1")
    assert_axioms(P)
    a, b, c = 4, 3, 1
    element = (a * 4 + b) * 2 + c
    point = np.arange(1.0, 6.0)
    expected = [*G.dihedral(3).act(a, point[:2]), *G.cyclic(4).act(b, point[2:4]), -point[4]]
    np.testing.assert_allclose(P.act(element, point), expected, atol=1e-12)
    assert P.label(element) == "((r120°·m, r270°), m)"
    assert G.finite_product([G.cyclic(4)]) == G.cyclic(4)


def powers_modulo(n: int, m: int, unit: int) -> np.ndarray:
    """C_m acts on C_n: k multiplies by unit^k."""
    return np.array([[pow(unit, k, n) * a % n for a in range(n)] for k in range(m)])


METACYCLIC = [
    (n, m, unit)
    for n in range(1, 16)
    for m in range(1, 7)
    for unit in range(1, n + 1)
    if pow(unit, m, n) == 1 % n
]


@settings(max_examples=40, deadline=None)
@given(case=st.sampled_from(METACYCLIC), data=st.data())
def test_semidirect_products(case: tuple[int, int, int], data: st.DataObject) -> None:
    n, m, unit = case
    action = powers_modulo(n, m, unit)
    S = G.finite_semidirect_product(G.cyclic(n), G.cyclic(m), action)
    assert S.order == n * m
    assert_axioms(S)
    (a, h), (b, k) = ((data.draw(st.integers(0, n - 1)), data.draw(st.integers(0, m - 1))) for _ in range(2))
    product = (a + pow(unit, h, n) * b) % n * m + (h + k) % m
    assert S.compose(a * m + h, b * m + k) == product
    if unit in (1, n + 1):
        assert S.table.tolist() == G.finite_product([G.cyclic(n), G.cyclic(m)]).table.tolist()


def test_well_known_semidirect_products() -> None:
    dicyclic = G.finite_semidirect_product(G.cyclic(3), G.cyclic(4), powers_modulo(3, 4, 2), "Dic3")
    assert str(dicyclic) == "Dic3" and max(element_orders(dicyclic)) == 6
    assert sorted(R.character_table(dicyclic).types) == ["complex", "quaternionic", "real", "real", "real"]
    # V4 ⋊ S3 = S4, by conjugation: S3 permutes the three half turns of V4 = {e, a, b, c}
    S3, V4 = G.symmetric(3).enumerate(), G.generated([[1, 0, 3, 2], [2, 3, 0, 1]], "V4")
    perms = [np.argmax(matrix, 0) for matrix in S3.matrices]
    S4 = G.finite_semidirect_product(V4, S3, np.array([[0, *(p + 1)] for p in perms]))
    assert_axioms(S4)
    assert [psi.dim for psi in R.irreps(S4)] == [1, 1, 2, 3, 3]
    frobenius = G.finite_semidirect_product(G.cyclic(31), G.cyclic(5), powers_modulo(31, 5, 2))
    assert frobenius.dimension == 12, "5 copies of the plane of C31, and the plane of C5, are fewer than 31"
    assert_axioms(frobenius)


DRAWN_FROM = [
    G.cyclic(5),
    G.symmetric(4),
    G.alternating(4),
    G.permutation_group([[1, 0, 2], [1, 2, 0]]),
    G.p4m(),
    G.plane_group("p4g", (4, 4)),
]


@pytest.mark.parametrize("group", DRAWN_FROM, ids=str)
def test_samples_do_not_follow_the_default_device(group: G.AbstractGroup[Any]) -> None:
    plain = group.sample(6, torch.Generator().manual_seed(1))
    with torch.device("meta"):
        assert group.sample(6, torch.Generator("cpu").manual_seed(1)) == plain


def test_messages() -> None:
    C3, C2 = G.cyclic(3), G.cyclic(2)
    with pytest.raises(ValueError, match="at least one group, got none"):
        G.finite_product([])
    with pytest.raises(ValueError, match="at most 5000 elements, got 14400"):
        G.finite_product([G.icosahedral(True)] * 2)
    with pytest.raises(ValueError, match=r"action of shape \(2, 3\), .*C3 in each row, got .* \(3, 2\)"):
        G.finite_semidirect_product(C3, C2, np.zeros((3, 2), dtype=int))
    with pytest.raises(ValueError, match="a permutation of the elements of C3"):
        G.finite_semidirect_product(C3, C2, np.zeros((2, 3), dtype=int))
    with pytest.raises(ValueError, match=r"automorphisms of C3.* for h = 1, n = 0, m = 0"):
        G.finite_semidirect_product(C3, C2, np.array([[0, 1, 2], [1, 0, 2]]))
    with pytest.raises(ValueError, match="another automorphism for h = 1, k = 1"):
        G.finite_semidirect_product(G.cyclic(7), C2, np.stack([np.arange(7), np.arange(7) * 2 % 7]))
    for point in (np.zeros(3), np.array([np.nan, 1])):
        with pytest.raises(ValueError, match=r"stabiliser.D4.: wanted a point of R\^2, got"):
            G.stabiliser(G.dihedral(4), point)
    with pytest.raises(ValueError, match=r"rotations of the plane, got R\^0"):
        G.cyclic(1, 0)
    for generator, message in (
        ([[1, 0], [1]], "real numbers in an array, got lists of different lengths"),
        (np.eye(2) * 1j, "real numbers in an array, got entries of type complex128"),
        ([], "square matrices, or permutations"),
        (np.zeros((0, 0)), "square matrices, or permutations"),
        ([[2, 1], [1, 1]], "at most 5000 elements, got more"),
    ):
        with pytest.raises(ValueError, match=message):
            G.generated([generator])


def test_numbers_may_be_lists_floats_or_tensors() -> None:
    turned = G.finite_semidirect_product(G.cyclic(3), G.cyclic(2), np.array([[0.0, 1, 2], [0, 2, 1]]))
    assert len(turned.conjugacy_classes) == 3
    assert G.generated([torch.tensor([[0.0, -1], [1, 0]], requires_grad=True)]).order == 4
