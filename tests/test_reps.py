"""Representations: homomorphisms, irreps and their types, intertwiners counted by characters."""

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


def test_messages() -> None:
    C4, C2 = G.cyclic(4), G.cyclic(2)
    with pytest.raises(ValueError, match=r"ρ\(a\)ρ\(b\) = ρ\(ab\)"):
        R.Rep(C4, np.array([1.0, 1.0, -1.0, -1.0])[:, None, None], "wrong")
    for combine in (R.tensor, R.intertwiners, lambda a, b: R.direct_sum([a, b])):
        with pytest.raises(ValueError, match="one group"):
            combine(R.trivial(C4), R.trivial(C2))
    with pytest.raises(ValueError, match="a subgroup of C4"):
        R.restrict(R.trivial(C4), G.subgroup(C2, [1]))
    with pytest.raises(ValueError, match="restrict it first"):
        R.induce(R.trivial(C4), G.subgroup(C4, [2]))
