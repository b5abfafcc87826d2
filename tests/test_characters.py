"""Real irreps of any finite group: characters against known tables, and matrices that are what they claim."""

import numpy as np
import pytest

from mackey import groups as G
from mackey import reps as R
from mackey.groups import FiniteGroup
from test_finite_groups import GOLDEN, powers_modulo
from test_groups import FINITE


def quaternions_of_order_24() -> FiniteGroup:
    """SL(2, 3), as left multiplications by the Hurwitz units."""
    i = np.array([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, -1], [0, 0, 1, 0]])
    j = np.array([[0.0, 0, -1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, -1, 0, 0]])
    return G.generated([i, (np.eye(4) + i + j + i @ j) / 2], "SL(2,3)")


def permutation_group(*generators: list[int]) -> FiniteGroup:
    return G.generated([np.array(g) for g in generators])


HEXAGON = G.generated([[[1.0, -1.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]], "oblique D6")  # not orthogonal
MORE = [
    G.tetrahedral(),
    G.tetrahedral(True),
    G.pyritohedral(),
    G.icosahedral(),
    G.icosahedral(True),
    quaternions_of_order_24(),
    HEXAGON,
    G.finite_product([G.cyclic(3), G.dihedral(3), G.mirror()]),
    G.finite_semidirect_product(G.cyclic(7), G.cyclic(3), powers_modulo(7, 3, 2)),
    G.finite_product([FINITE[13], G.cyclic(3)]),
    permutation_group([1, 2, 3, 4, 5, 6, 0], [0, 3, 6, 2, 5, 1, 4]),
    G.symmetric(5).enumerate(),
]
GROUPS = [*FINITE, *MORE]


@pytest.mark.parametrize("group", GROUPS, ids=lambda g: f"{g}-{g.order}")
def test_irreps_are_exact_complete_and_orthogonal(group: FiniteGroup) -> None:
    table = R.character_table(group)
    ends = {"real": 1, "complex": 2, "quaternionic": 4}
    for psi, kind in zip(table.irreps, table.types, strict=True):
        product = np.einsum("aij,bjk->abik", psi.matrices, psi.matrices)
        assert np.abs(product - psi.matrices[group.table]).max() < 1e-12
        assert np.abs(np.swapaxes(psi.matrices, 1, 2) @ psi.matrices - np.eye(psi.dim)).max() < 1e-12
        assert len(R.intertwiners(psi, psi)) == ends[kind]
    assert (
        sum(psi.dim**2 / ends[kind] for psi, kind in zip(table.irreps, table.types, strict=True))
        == group.order
    )
    gram = np.array([[table.inner(a, b) for b in table.values] for a in table.values])
    np.testing.assert_allclose(gram, np.diag([ends[kind] for kind in table.types]), atol=1e-10)


@pytest.mark.parametrize("group", GROUPS, ids=lambda g: f"{g}-{g.order}")
def test_columns_are_orthogonal(group: FiniteGroup) -> None:
    """Σ_ψ χ(C)χ(D)/dim End = |H|/|C| summed over C ∋ h, h⁻¹: 0 unless D is C or C⁻¹."""
    table = R.character_table(group)
    ends = np.array([table.inner(values, values) for values in table.values])
    sizes = np.array(table.class_sizes)
    first = np.array([members[0] for members in table.classes])
    inverse = group.class_index[group.inverses[first]]
    expected = np.zeros((len(sizes),) * 2)
    for c, size in enumerate(sizes):
        own = 1 if inverse[c] == c else 2
        expected[c, [c, inverse[c]]] = group.order / (size * own)
    columns = table.values.T / ends
    np.testing.assert_allclose(columns @ table.values, expected, atol=1e-9)
    assert sizes.sum() == group.order and len(table.irreps) == len(
        {tuple(sorted(p)) for p in enumerate(inverse)}
    )


def test_icosahedral_characters() -> None:
    """I ≅ A5: 1, 3, 3′, 4, 5 on classes of 1, 12, 12, 15, 20 elements (Cotton, Chemical Applications)."""
    table = R.character_table(G.icosahedral())
    assert [psi.dim for psi in table.irreps] == [1, 3, 3, 4, 5] and table.types == ("real",) * 5
    trace = np.array([np.trace(G.icosahedral().matrices[members[0]]) for members in table.classes])
    order = np.argsort(-trace)
    sizes = [table.class_sizes[c] for c in order]
    assert sizes == [1, 12, 20, 12, 15]  # traces 3, φ, 0, 1 − φ, −1
    g, h = GOLDEN, 1 - GOLDEN
    expected = [[1, 1, 1, 1, 1], [3, g, 0, h, -1], [3, h, 0, g, -1], [4, -1, 1, -1, 0], [5, 0, -1, 0, 1]]
    np.testing.assert_allclose(table.values[:, order], expected, atol=1e-12)


def test_types() -> None:
    assert R.character_table(FINITE[13]).types == ("real",) * 4 + ("quaternionic",)
    assert R.character_table(G.cyclic(3)).types == ("real", "complex")
    table = R.character_table(quaternions_of_order_24())
    kinds = sorted(zip((psi.dim for psi in table.irreps), table.types, strict=True))
    assert kinds == [(1, "real"), (2, "complex"), (3, "real"), (4, "complex"), (4, "quaternionic")]


def test_irreps_of_products_are_products() -> None:
    """For factors with real irreps only."""
    P = G.finite_product([G.octahedral(), G.dihedral(4)])
    dims = sorted(a.dim * b.dim for a in R.irreps(G.octahedral()) for b in R.irreps(G.dihedral(4)))
    assert [psi.dim for psi in R.irreps(P)] == dims
    found = {tuple(np.round(psi.character, 6) + 0.0) for psi in R.irreps(P)}
    wanted = {
        tuple(np.round(np.kron(a.character, b.character), 6) + 0.0)
        for a in R.irreps(G.octahedral())
        for b in R.irreps(G.dihedral(4))
    }
    assert found == wanted


def test_the_basis_depends_on_the_group_alone() -> None:
    """The same table from another action: the same matrices, though cut out of other products."""
    O = G.octahedral()
    M = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    other = FiniteGroup("O turned", O.table, M @ O.matrices @ M.T, O.generators, O.labels)
    regular = FiniteGroup("O regular", O.table, R.regular(O).matrices, O.generators, O.labels)
    for group in (other, regular):
        for a, b in zip(R.irreps(O), R.irreps(group), strict=True):
            np.testing.assert_allclose(a.matrices, b.matrices, atol=1e-12)


def test_an_action_that_is_not_faithful_is_completed() -> None:
    """Irreps that its powers do not reach come from the regular representation."""
    O = G.octahedral()
    signs = FiniteGroup("O by signs", O.table, R.irreps(O)[1].matrices, O.generators, O.labels)
    for a, b in zip(R.irreps(O), R.irreps(signs), strict=True):
        np.testing.assert_allclose(a.matrices, b.matrices, atol=1e-12)


@pytest.mark.parametrize(
    ("group", "dims"),
    [
        (G.symmetric(6).enumerate(), [1, 1, 5, 5, 5, 5, 9, 9, 10, 10, 16]),
        (permutation_group([1, 2, 0, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 0]), [1, 6, 14, 14, 15, 20, 21, 35]),
    ],
    ids=["S6", "A7"],
)
def test_large_groups(group: FiniteGroup, dims: list[int]) -> None:
    """A7 has the complex pair 10, 10̄: 20 over R."""
    table = R.character_table(group)
    assert [psi.dim for psi in table.irreps] == dims
    assert table.types.count("complex") == (0 if group.order == 720 else 1)
    for psi in table.irreps:
        for s in group.generators:
            error = psi.matrices[s] @ psi.matrices - psi.matrices[group.table[s]]
            assert np.abs(error).max() < 1e-12


def test_small_irreps_of_a_group_that_is_built_from_a_large_one() -> None:
    """x → ax + b modulo 31: the 2-dimensional irreps occur in products of 30 × 30 only, and are cut out of
    the regular representation instead.
    """
    affine = permutation_group([(x + 1) % 31 for x in range(31)], [3 * x % 31 for x in range(31)])
    table = R.character_table(affine)
    assert affine.order == 930
    assert [psi.dim for psi in table.irreps] == [1, 1, *(2,) * 14, 30]
    assert table.types == ("real", "real", *("complex",) * 14, "real")
    for psi in table.irreps:
        for s in affine.generators:
            error = psi.matrices[s] @ psi.matrices - psi.matrices[affine.table[s]]
            assert np.abs(error).max() < 1e-12


def test_many_irreps() -> None:
    """C15 × C16 by permutations: 121 real irreps, 119 of them rotations by the sum of two angles."""
    one = [*range(1, 15), 0, *range(15, 31)]
    two = [*range(15), *range(16, 31), 15]
    group = permutation_group(one, two)
    table = R.character_table(group)
    assert group.order == 240 and len(table.irreps) == 121
    first, second = group.generators
    product = group.class_index[group.compose(first, second)]
    found = sorted(row[product] for row in table.values if row[0] == 2)
    angles = {(a, b) for a in range(15) for b in range(16)} - {(0, 0), (0, 8)}
    wanted = sorted(2 * np.cos(2 * np.pi * (a / 15 + b / 16)) for a, b in angles)
    np.testing.assert_allclose(found, wanted[::2], atol=1e-10)  # (a, b) and (−a, −b) are one


def test_table_prints() -> None:
    text = str(R.character_table(G.tetrahedral()))
    first, heads, *rows = text.splitlines()
    assert first == "T, order 12" and len(rows) == 3
    assert "1·[e]" in heads and heads.count("4·[") == 2 and "3·[" in heads
    assert rows[1].split()[0] == "ψ1" and rows[1].endswith("complex")
    assert R.character_table(G.tetrahedral()) == R.character_table(G.tetrahedral())
    with pytest.raises(ValueError, match="read-only"):
        R.character_table(G.tetrahedral()).values[0, 0] = 2
