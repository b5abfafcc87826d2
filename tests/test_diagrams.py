"""Invariants of the classical groups by diagrams: numbers by theory, spaces by the numeric solver."""

import itertools

import numpy as np
import pytest
import torch

import closed_groups as C
from mackey import groups as G
from mackey import reps as R
from mackey.reps.classical import classical
from mackey.reps.counting import (
    alternating_invariants,
    linear_invariants,
    orthogonal_invariants,
    partitions,
    pseudo_invariants,
    stirling,
    symmetric_invariants,
    symplectic_invariants,
    tableaux,
)
from mackey.reps.diagrams import diagrams, independent_diagrams, matchings, tensor_of
from mackey.reps.numeric import solve_numerically

GROUPS = {
    group.name: group
    for group in (
        *(C.special_orthogonal(n) for n in (1, 2, 3, 4)),
        *(C.orthogonal(n) for n in (1, 2, 3, 4)),
        C.lorentz(full=False),
        C.lorentz(full=True),
        C.symplectic(2),
        C.symplectic(4),
        C.general_linear(2),
        C.general_linear(3),
        C.special_linear(2),
        C.special_linear(3),
    )
}
SHAPES = [(1, 0), (0, 1), (2, 0), (1, 1), (3, 0), (1, 2)]


def projection(basis: np.ndarray) -> np.ndarray:
    """The orthogonal projection on the span of an orthonormal basis, which does not depend on the basis."""
    flat = basis.reshape(len(basis), basis.shape[1] * basis.shape[2])
    np.testing.assert_allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-11)
    return flat.T @ flat


def test_counts_are_those_of_theory() -> None:
    """Sequences counted otherwise: Bell, Riordan and Catalan numbers, (m − 1)!!, k!, central binomials."""
    for m in range(1, 9):
        assert sum(tableaux(shape) ** 2 for shape in partitions(m, m)) == np.prod(np.arange(1, m + 1))
    assert [symmetric_invariants(m, 9) for m in range(7)] == [1, 1, 2, 5, 15, 52, 203]
    assert [orthogonal_invariants(m, 9) for m in range(0, 11, 2)] == [1, 1, 3, 15, 105, 945]
    turns = [orthogonal_invariants(m, 3) + pseudo_invariants(m, 3) for m in range(9)]
    assert turns == [1, 0, 1, 1, 3, 6, 15, 36, 91]
    plane = [orthogonal_invariants(m, 2) + pseudo_invariants(m, 2) for m in range(0, 9, 2)]
    assert plane == [1, 2, 6, 20, 70]
    assert [symplectic_invariants(m, 2) for m in range(0, 11, 2)] == [1, 1, 2, 5, 14, 42]
    assert [symplectic_invariants(m, 9) for m in range(0, 9, 2)] == [1, 1, 3, 15, 105]
    assert [linear_invariants(m, 0, 3, True) for m in range(0, 10, 3)] == [1, 1, 5, 42]
    assert [linear_invariants(k, k, 5, False) for k in range(5)] == [1, 1, 2, 6, 24]
    assert linear_invariants(0, 3, 3, True) == 1
    assert linear_invariants(0, 3, 3, False) == 0
    assert stirling(4, 2) == 7


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_counts_of_permutations_are_those_of_burnside(n: int) -> None:
    """(1/|G|) Σ_p fix(p)^m over all elements."""
    signs, fixed = [], []
    for p in itertools.permutations(range(n)):
        signs.append(sum(a > b for a, b in itertools.combinations(p, 2)) % 2)
        fixed.append(sum(i == image for i, image in enumerate(p)))
    even = np.array(fixed)[np.array(signs) == 0]
    for m in range(7):
        assert symmetric_invariants(m, n) == round(np.mean(np.array(fixed) ** m))
        assert alternating_invariants(m, n) == round(np.mean(even**m))


@pytest.mark.parametrize("name", GROUPS)
def test_diagrams_span_what_the_generators_leave(name: str) -> None:
    """The same space as the common kernel of the constraints, which knows nothing of diagrams."""
    group = GROUPS[name]
    for source, target in itertools.product(SHAPES, [(0, 0), *SHAPES[:-1]]):
        if group.size ** (sum(source) + sum(target)) > 260:
            continue
        rho, sigma = C.tensors(group, *source), C.tensors(group, *target)
        found = R.solve(rho, sigma)
        assert found.method == "diagrams"
        assert found.expected == len(found)
        assert found.residual < 1e-13
        numeric = solve_numerically(rho, sigma, tolerance=1e-9)
        assert np.abs(projection(found.basis) - projection(numeric.basis)).max() < 1e-10


OURS = [
    (G.special_orthogonal(2), "SO"),
    (G.special_orthogonal(3), "SO"),
    (G.orthogonal(3), "O"),
    (G.orthogonal(4), "O"),
    (G.lorentz(), "SO"),
    (G.indefinite_orthogonal(1, 3), "O"),
    (G.indefinite_orthogonal(2, 1), "O"),
    (G.symplectic(4), "Sp"),
    (G.special_linear(3), "SL"),
    (G.general_linear(2), "GL"),
]


@pytest.mark.parametrize(("group", "family"), OURS, ids=[str(group) for group, _ in OURS])
def test_groups_of_the_library_are_recognised(group: G.AbstractMatrixGroup, family: str) -> None:
    found = classical(group)
    assert found is not None
    assert found.family.value == family
    for source, target in (((2, 0), (2, 0)), ((1, 1), (1, 1)), ((2, 0), (0, 2))):
        rho, sigma = C.tensors(group, *source), C.tensors(group, *target)
        solution, numeric = R.solve(rho, sigma), solve_numerically(rho, sigma, tolerance=1e-9)
        assert solution.method == "diagrams"
        assert np.abs(projection(solution.basis) - projection(numeric.basis)).max() < 1e-10


def test_few_dimensions_make_diagrams_dependent() -> None:
    """O(2): the 15 pairings of 6 slots span 10 dimensions."""
    for n, count in ((2, 10), (3, 15)):
        group = classical(C.orthogonal(n))
        assert group is not None
        assert len(list(matchings(tuple(range(6))))) == 15
        chosen = independent_diagrams(group, (True,) * 6)
        assert len(chosen) == count
        whole = np.stack(
            [tensor_of(d, group, (True,) * 6).ravel() for d in diagrams(group, (True,) * 6, False)]
        )
        assert np.linalg.matrix_rank(whole) == count
        assert (
            np.linalg.matrix_rank(np.stack([tensor_of(d, group, (True,) * 6).ravel() for d in chosen]))
            == count
        )
    T3 = C.tensors(C.orthogonal(2), 3)
    many = classical(C.orthogonal(5))
    assert many is not None
    assert len(independent_diagrams(many, (True,) * 10)) == many.invariant_count(10, 0, False) == 945
    assert R.intertwiner_count(T3, T3) == len(R.intertwiners(T3, T3)) == 10


def test_published_counts() -> None:
    group = C.special_orthogonal(3)
    T2 = C.tensors(group, 2)
    assert len(R.intertwiners(T2, T2)) == 3
    assert len(R.intertwiners(C.tensors(group, 3), T2)) == 6


def test_the_lorentz_group_keeps_its_metric() -> None:
    group = C.lorentz(full=True)
    (eta,) = R.intertwiners(C.tensors(group, 2), R.trivial(group))
    np.testing.assert_allclose(eta.reshape(4, 4), C.MINKOWSKI / 2, atol=1e-15)
    (lowering,) = R.intertwiners(C.tensors(group, 1), C.tensors(group, 0, 1))
    np.testing.assert_allclose(lowering, C.MINKOWSKI / 2, atol=1e-15)
    assert R.intertwiner_count(C.tensors(group, 4), R.trivial(group)) == 3
    proper = C.lorentz(full=False)  # and ε
    assert R.intertwiner_count(C.tensors(proper, 4), R.trivial(proper)) == 4


def test_the_symplectic_group_keeps_its_form() -> None:
    group = C.symplectic(4)
    (form,) = R.intertwiners(C.tensors(group, 2), R.trivial(group))
    J = np.kron([[0.0, 1.0], [-1.0, 0.0]], np.eye(2))
    np.testing.assert_allclose(form.reshape(4, 4), J / 2, atol=1e-15)


def test_volume_is_a_pseudoscalar() -> None:
    """V⊗V → V is the cross product for SO(3); for O(3) it lands in V⊗det."""
    full, proper = C.orthogonal(3), C.special_orthogonal(3)
    V = R.standard(full)
    assert R.intertwiner_count(C.tensors(full, 2), V) == 0
    (cross,) = R.intertwiners(C.tensors(full, 2), R.tensor(V, R.determinant(V)))
    (same,) = R.intertwiners(C.tensors(proper, 2), R.standard(proper))
    a, b = np.random.default_rng(0).normal(size=(2, 3))
    np.testing.assert_allclose(cross @ np.kron(a, b), np.cross(a, b) / np.sqrt(6), atol=1e-14)
    np.testing.assert_allclose(cross, same, atol=1e-15)
    special = C.special_linear(3)
    (volume,) = R.intertwiners(C.tensors(special, 3), R.trivial(special))
    columns = np.random.default_rng(1).normal(size=(3, 3))
    flat = np.einsum("i,j,k->ijk", *columns).ravel()
    np.testing.assert_allclose(volume[0] @ flat, np.linalg.det(columns) / np.sqrt(6), atol=1e-13)


@pytest.mark.parametrize("name", ["O(3)", "SO(3)", "O(1,3)", "Sp(4)", "SL(3)", "GL(2)"])
def test_powers_lie_inside_products(name: str) -> None:
    group = GROUPS[name]
    V = R.standard(group)
    parts = [
        V,
        R.symmetric_power(V, 2),
        R.exterior_power(V, 2),
        R.dual(R.exterior_power(V, 2)),
        R.tensor(R.determinant(V), V),
    ]
    for rho, sigma in itertools.product(parts, parts):
        found, numeric = R.solve(rho, sigma), solve_numerically(rho, sigma, tolerance=1e-9)
        assert found.residual < 1e-13
        assert np.abs(projection(found.basis) - projection(numeric.basis)).max() < 1e-10


def test_determinants_of_the_general_linear_group_are_no_signs() -> None:
    """det² is not 1 for GL(2), though it is for O(2)."""
    for group, count in ((C.general_linear(2), 0), (C.orthogonal(2), 1)):
        det = R.determinant(R.standard(group))
        assert R.intertwiner_count(R.tensor(det, det), R.trivial(group)) == count


def test_other_groups_are_not_taken_for_classical_ones() -> None:
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    scaled = C.Closed("scaled", turn[None], (2 * torch.eye(2, dtype=torch.float64),))
    assert classical(scaled) is None
    assert R.solve(C.tensors(scaled, 1, 1), R.trivial(scaled)).method == "svd"
    assert R.intertwiner_count(C.tensors(scaled, 1, 1), R.trivial(scaled)) == 2
    assert R.intertwiner_count(C.tensors(scaled, 2), R.trivial(scaled)) == 0
    moved = np.zeros((3, 3, 3))  # so(2) and translations of the plane
    moved[0, :2, :2] = turn
    moved[1, 0, 2] = moved[2, 1, 2] = 1
    assert classical(C.Closed("SE(2)", moved)) is None


def test_the_form_may_be_any() -> None:
    """A group that preserves a form with no whole entries: invariants still by diagrams."""
    M = np.eye(3) + 0.3 * np.random.default_rng(3).normal(size=(3, 3))
    group = C.Closed("conjugate", C.preserving(M @ np.diag([1.0, 1.0, -1.0]) @ M.T))
    T2 = C.tensors(group, 2)
    found, numeric = R.solve(T2, T2), solve_numerically(T2, T2, tolerance=1e-9)
    assert found.method == "diagrams"
    assert np.abs(projection(found.basis) - projection(numeric.basis)).max() < 1e-9


def test_partition_diagrams_are_orbits() -> None:
    """S_n: 14 of the 15 partitions of 4 slots for n = 3, 15 from n = 4 on; equal to the orbits of pairs."""
    for n, count in ((3, 14), (4, 15), (5, 15)):
        T2 = R.power(R.standard(G.symmetric(n)), 2)
        basis = R.intertwiners(T2, T2)
        assert len(basis) == R.intertwiner_count(T2, T2) == count
        indices = np.indices((n,) * 4).reshape(4, -1).T
        patterns = {tuple(row.tolist().index(i) for i in row) for row in indices}
        assert len(patterns) == count


def test_a_basis_too_large_is_refused() -> None:
    T4 = C.tensors(C.orthogonal(6), 4)
    with pytest.raises(
        ValueError, match=r"tensors of rank 4 and 4 of R\^6.*105 maps of shape \(1296, 1296\)"
    ):
        R.intertwiners(T4, T4)
