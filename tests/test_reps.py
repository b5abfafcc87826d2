"""Representations: homomorphisms, irreps and their types, intertwiners counted by characters."""

import itertools
import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from mackey import groups as G
from mackey import reps as R
from mackey.groups import FiniteGroup
from test_groups import FINITE


def some_reps(group: FiniteGroup) -> list[R.Rep]:
    K = G.subgroup(group, [group.order - 1])
    base = [
        R.trivial(group),
        R.sign(group),
        R.regular(group),
        R.standard(group),
        R.quotient(K),
        *R.irreps(group),
    ]
    return [
        *base,
        R.direct_sum(base[:3]),
        R.tensor(base[1], base[3]),
        R.dual(base[3]),
        R.induce(R.irreps(K.group)[-1], K),
    ]


@pytest.mark.parametrize("group", FINITE, ids=str)
def test_homomorphism_and_flags(group: FiniteGroup) -> None:
    for rep in some_reps(group):
        products = np.einsum("aij,bjk->abik", rep.matrices, rep.matrices)
        assert np.abs(products - rep.matrices[group.table]).max() < 1e-10, rep
        assert rep.is_orthogonal
    assert R.regular(group).is_permutation and R.regular(group).is_regular and R.regular(group).is_transitive


@pytest.mark.parametrize("group", FINITE, ids=str)
def test_irreps_are_complete_and_orthogonal(group: FiniteGroup) -> None:
    found = R.irreps(group)
    ends = {"real": 1, "complex": 2, "quaternionic": 4}
    assert sum(psi.dim**2 / ends[R.irrep_type(psi)] for psi in found) == pytest.approx(group.order)
    for i, a in enumerate(found):
        for b in found[:i]:
            assert abs((a.character * b.character).mean()) < 1e-10


def test_types_of_irreps() -> None:
    kinds = {group.name: sorted(R.irrep_type(psi) for psi in R.irreps(group)) for group in FINITE}
    assert kinds["C4"] == ["complex", "real", "real"]
    assert kinds["Q8"] == ["quaternionic", "real", "real", "real", "real"]
    assert kinds["D4"] == ["real"] * 5


@pytest.mark.parametrize("group", FINITE, ids=str)
def test_change_of_basis_to_irreps(group: FiniteGroup) -> None:
    for rep in some_reps(group):
        Q, psi = R.to_irreps(rep)
        assert np.abs(rep.matrices @ Q - Q @ psi.matrices).max() < 1e-9, rep
        assert np.abs(Q.T @ Q - np.eye(rep.dim)).max() < 1e-9, rep


@pytest.mark.parametrize("group", [g for g in FINITE if g.order <= 12], ids=str)
def test_intertwiners_intertwine_and_are_all(group: FiniteGroup) -> None:
    for rho in some_reps(group):
        for sigma in some_reps(group):
            maps = R.intertwiners(rho, sigma)
            assert len(maps) == R.intertwiner_count(rho, sigma)
            for B in maps:
                assert np.abs(sigma.matrices @ B - B @ rho.matrices).max() < 1e-9
            if len(maps):
                assert np.linalg.matrix_rank(maps.reshape(len(maps), -1), tol=1e-8) == len(maps)


def test_frobenius_reciprocity() -> None:
    O = G.octahedral()
    K = G.subgroup(O, [1])
    for psi in R.irreps(K.group):
        for phi in R.irreps(O):
            assert R.intertwiner_count(R.induce(psi, K), phi) == R.intertwiner_count(psi, R.restrict(phi, K))


def similar(rep: R.Rep, seed: int = 0) -> R.Rep:
    """M ρ M⁻¹: equivalent to ρ and not orthogonal."""
    M = np.random.default_rng(seed).normal(size=(rep.dim, rep.dim)) + 2 * np.eye(rep.dim)
    return R.Rep(rep.group, M @ rep.matrices @ np.linalg.inv(M), f"M({rep})M⁻¹")


@pytest.mark.parametrize("group", [G.dihedral(3), G.cyclic(4), FINITE[13]], ids=str)
def test_change_of_basis_of_what_is_not_orthogonal(group: FiniteGroup) -> None:
    """With multiplicity, orthogonal projection leaves the intertwiners; the invariant product does not."""
    twice = R.direct_sum([max(R.irreps(group), key=lambda psi: psi.dim)] * 2)
    for rep in (similar(twice), similar(twice, 1), similar(R.regular(group))):
        assert not rep.is_orthogonal
        Q, psi = R.to_irreps(rep)
        assert np.abs(rep.matrices @ Q - Q @ psi.matrices).max() < 1e-9 * np.linalg.cond(Q)
        assert np.linalg.matrix_rank(Q) == rep.dim


HALF = 2**-0.5


def test_bases_are_these_numbers() -> None:
    """A weight is a coefficient in a basis: when one of these numbers changes, every checkpoint breaks."""
    C4, D3, D4 = G.cyclic(4), G.dihedral(3), G.dihedral(4)
    turns = R.intertwiners(R.standard(C4), R.standard(C4))
    np.testing.assert_allclose(turns, [[[HALF, 0], [0, HALF]], [[0, HALF], [-HALF, 0]]], atol=1e-12)
    onto = R.intertwiners(R.standard(D4), R.quotient(G.subgroup(D4, [4])))
    np.testing.assert_allclose(onto, [[[0, 0.5], [-0.5, 0], [0, -0.5], [0.5, 0]]], atol=1e-12)
    E = R.standard(D3)
    square = R.intertwiners(E, R.tensor(E, E))
    np.testing.assert_allclose(square, [[[0, 0.5], [0.5, 0], [0.5, 0], [0, -0.5]]], atol=1e-12)
    np.testing.assert_allclose(R.tensor(E, E).invariants, [[HALF, 0, 0, HALF]], atol=1e-12)
    pair = R.irreps(G.octahedral())[2].matrices[1]
    np.testing.assert_allclose(pair, [[-0.529809, 0.848117], [0.848117, 0.529809]], atol=1e-6)
    triple = R.irreps(FINITE[14])[2].matrices[FINITE[14].generators[0]]
    first = [[0.197065, 0.161395, -0.967015], [0.980390, -0.032441, 0.194376], [0, -0.986357, -0.164623]]
    np.testing.assert_allclose(triple, first, atol=1e-6)


PRINT_BASES = """
import numpy as np
from mackey import groups as G, reps as R
Oh, D4 = G.octahedral(True), G.dihedral(4)
E = R.standard(D4)
found = [*(psi.matrices for psi in R.irreps(Oh)), R.to_irreps(R.regular(D4))[0]]
found += [R.intertwiners(E, E), R.tensor(E, E).invariants, R.intertwiners(R.tensor(E, E), R.tensor(E, E))]
print(*np.concatenate([array.ravel() for array in found]))
"""


def test_bases_do_not_depend_on_the_processor() -> None:
    """OpenBLAS is told to pretend: its SVD and eigh then take other bases, ours must not."""
    printed = [
        subprocess.run(
            [sys.executable, "-c", PRINT_BASES],
            env=os.environ | {"OPENBLAS_CORETYPE": core},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for core in ("Prescott", "Haswell")
    ]
    one, two = (np.array(text.split(), dtype=float) for text in printed)
    assert len(one) > 1000
    np.testing.assert_allclose(one, two, atol=1e-10)


def test_summands_are_the_blocks() -> None:
    D4 = G.dihedral(4)
    shuffled = np.random.default_rng(0).permutation(11)
    whole = R.direct_sum([R.regular(D4), R.standard(D4), R.sign(D4)])
    mixed = R.Rep(D4, whole.matrices[:, shuffled[:, None], shuffled], "mixed")
    assert sorted(len(index) for index, _ in mixed.summands) == [1, 2, 8]
    maps = R.intertwiners(mixed, mixed)
    assert len(maps) == R.intertwiner_count(whole, whole)
    flat = maps.reshape(len(maps), -1)
    assert np.abs(mixed.matrices @ maps[:, None] - maps[:, None] @ mixed.matrices).max() < 1e-12
    np.testing.assert_allclose(flat @ flat.T, np.eye(len(maps)), atol=1e-12)


def test_a_caller_cannot_spoil_the_cache() -> None:
    E = R.standard(G.dihedral(3))
    maps = R.intertwiners(E, E)
    maps *= 5
    assert np.linalg.norm(R.intertwiners(E, E)) == pytest.approx(1)


def test_irreps_of_a_group_of_120_elements_are_cheap() -> None:
    """|G|² numbers. By dense |G|³ arrays of regular matrices it took 1.9 GB and 10 s."""
    S5 = G.symmetric(5).enumerate()
    tracemalloc.start()
    assert [psi.dim for psi in R.irreps(S5)] == [1, 1, 4, 4, 5, 5, 6]
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
    assert R.regular(S5).is_regular and not R.standard(S5).is_regular


def test_a_representation_keeps_its_own_matrices() -> None:
    signs = np.array([1.0, -1.0])[:, None, None]
    rep = R.Rep(G.cyclic(2), signs, "sign")
    signs[:] = 0
    assert rep.character.tolist() == [1, -1]


@pytest.mark.unchecked
def test_matrices_may_be_lists() -> None:
    assert R.Rep(G.cyclic(2), [[[1]], [[-1]]], "list") == R.irreps(G.cyclic(2))[1]


@pytest.mark.parametrize(
    ("group", "matrices", "match"),
    [
        (G.cyclic(4), np.array([1.0, 1.0, -1.0, -1.0])[:, None, None], r"ρ\(a\)ρ\(b\) = ρ\(ab\)"),
        (G.cyclic(4), np.zeros((4, 2, 2)), r"ρ\(e\) = 1"),
        (G.dihedral(4), np.zeros((8, 9, 9)), r"ρ\(e\) = 1"),
        (G.cyclic(2), np.stack([np.diag([1.0, 0.0])] * 2), r"ρ\(e\) = 1"),
        (G.cyclic(1), np.full((1, 9, 9), 0.5), r"ρ\(e\) = 1"),
        (G.cyclic(4), np.full((4, 2, 2), np.nan), "a difference of inf"),
        (G.cyclic(4), np.ones((3, 1, 1)), r"one square matrix .* the 4 elements of C4, got .* \(3, 1, 1\)"),
        (G.cyclic(4), np.ones((4, 1, 2)), "one square matrix"),
        (G.cyclic(4), np.ones(4), "one square matrix"),
    ],
)
def test_what_is_no_representation_is_refused(group: FiniteGroup, matrices: np.ndarray, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        R.Rep(group, matrices, "wrong")


def test_type_of_a_reducible_representation_is_refused() -> None:
    A, _, B = R.irreps(G.cyclic(4))
    for rep in (R.direct_sum([A, B]), R.regular(G.dihedral(4)), R.direct_sum([A, A])):
        with pytest.raises(ValueError, match="wanted an irreducible representation"):
            R.irrep_type(rep)


def test_messages() -> None:
    C4, C2 = G.cyclic(4), G.cyclic(2)
    combine = (R.tensor, R.intertwiners, R.intertwiner_count, lambda a, b: R.direct_sum([a, b]))
    for function, other in itertools.product(combine, (C2, G.dihedral(2))):
        with pytest.raises(ValueError, match="one group, got trivial of C4 and trivial of"):
            function(R.trivial(C4), R.trivial(other))
    with pytest.raises(ValueError, match="one group, got none"):
        R.direct_sum([])
    line = G.generated([[[-1.0]]], "C2")
    with pytest.raises(ValueError, match=r"of C2 \(order 2 on R\^2\) and trivial of C2 \(order 2 on R\^1\)"):
        R.tensor(R.trivial(C2), R.trivial(line))
    with pytest.raises(ValueError, match="a subgroup of C4, got a subgroup of C2"):
        R.restrict(R.trivial(C4), G.subgroup(C2, [1]))
    with pytest.raises(ValueError, match="restrict it first"):
        R.induce(R.trivial(C4), G.subgroup(C4, [2]))
