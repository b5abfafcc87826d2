"""Hom_G(ρ, σ): sums, permutations, tables and plain generators; certificates, refusals, the cache on disk."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import closed_groups as C
from mackey import groups as G
from mackey import reps as R
from mackey.reps import basis_cache
from mackey.reps.actions import Constraints, constraints
from mackey.reps.krylov import krylov_kernel
from mackey.reps.numeric import solve_numerically
from mackey.reps.orbits import Monomial, monomial, orbit_basis, signed_orbits
from mackey.reps.projectors import canonical, image
from mackey.reps.so2 import O2Irrep, SO2Irrep
from mackey.reps.so3 import O3Irrep, SO3Irrep, SU2Irrep
from mackey.reps.table_intertwiners import pair_orbits


@pytest.fixture(autouse=True)
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MACKEY_CACHE", "off")


def rows(basis: np.ndarray) -> np.ndarray:
    return basis.reshape(len(basis), basis.shape[1] * basis.shape[2])


def projection(basis: np.ndarray) -> np.ndarray:
    """The orthogonal projection on the span of an orthonormal basis."""
    flat = rows(basis)
    np.testing.assert_allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-11)
    return flat.T @ flat


def brute_force(rho: R.AbstractRep, sigma: R.AbstractRep) -> np.ndarray:
    """The projection on the null space of the stacked constraints, by one SVD."""
    one, two = np.eye(rho.dim), np.eye(sigma.dim)
    finite = zip(sigma.generator_matrices, rho.generator_matrices, strict=True)
    lie = zip(sigma.algebra_matrices, rho.algebra_matrices, strict=True)
    stacked = [np.kron(s, one) - np.kron(two, r.T) for s, r in [*finite, *lie]]
    _, values, right = np.linalg.svd(np.concatenate(stacked))
    kernel = right[(values > 1e-9).sum() :]
    return kernel.T @ kernel


# ---- permutations -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "count"), [(3, 14), (4, 15), (5, 15)])
def test_permutations_by_orbits(n: int, count: int) -> None:
    T2 = R.power(R.standard(G.symmetric(n)), 2)
    found = R.solve(T2, T2)
    assert (found.method, len(found), found.expected) == ("orbits", count, count)
    assert found.residual < 1e-14
    numeric = solve_numerically(T2, T2, tolerance=1e-9)
    assert np.abs(projection(found.basis) - projection(numeric.basis)).max() < 1e-12


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_alternating_groups_have_more_maps(n: int) -> None:
    """A_5: 16 maps from V⊗V to V⊗V, one more than S_5."""
    T2 = R.power(R.standard(G.alternating(n)), 2)
    found = R.solve(T2, T2)
    assert (found.method, len(found)) == ("orbits", found.expected)
    assert n != 5 or len(found) == 16
    assert (
        np.abs(projection(found.basis) - projection(solve_numerically(T2, T2, tolerance=1e-9).basis)).max()
        < 1e-11
    )


def test_no_group_is_listed() -> None:
    """50! elements: two maps from V to V, five from V⊗V to V."""
    V = R.standard(G.symmetric(50))
    same, mean = R.intertwiners(V, V)
    np.testing.assert_allclose(same, np.eye(50) / np.sqrt(50), atol=1e-15)
    np.testing.assert_allclose(mean, (1 - np.eye(50)) / np.sqrt(2450), atol=1e-15)
    assert len(R.intertwiners(R.tensor(V, V), V)) == R.intertwiner_count(R.tensor(V, V), V) == 5
    assert R.intertwiner_count(R.power(R.standard(G.symmetric(8)), 3), R.trivial(G.symmetric(8))) == 5


def test_orbits_agree_with_tables() -> None:
    """The same orbits, in the same order, as from all elements."""
    for n in (3, 4):
        group = G.symmetric(n)
        table = group.enumerate()
        V, W = R.standard(group), R.standard(table)
        for a, b in ((V, V), (R.tensor(V, V), V), (R.tensor(V, V), R.tensor(V, V))):
            one, two = (W if rep is V else R.tensor(W, W) for rep in (a, b))
            np.testing.assert_array_equal(R.intertwiners(a, b), R.intertwiners(one, two))
            assert pair_orbits(one, two).max() + 1 == len(R.intertwiners(a, b))


@pytest.mark.parametrize("group", [G.dihedral(4), G.octahedral(), G.cyclic(4)], ids=str)
def test_signed_permutations_by_orbits(group: G.FiniteGroup) -> None:
    """Orbits with signs are counted by characters, and those that send a pair to minus itself vanish."""
    V, s = R.standard(group), R.sign(group)
    parts = [V, s, R.tensor(V, s), R.tensor(V, V), R.regular(group)]
    for rho in parts:
        for sigma in parts[:4]:
            moved = monomial(rho), monomial(sigma)
            assert moved[0] is not None
            assert moved[1] is not None
            basis = orbit_basis(*signed_orbits(moved[0], moved[1]))
            assert len(basis) == R.intertwiner_count(rho, sigma)
            assert np.abs(projection(basis) - brute_force(rho, sigma)).max() < 1e-12
            assert all(np.abs(sigma.matrices @ B - B @ rho.matrices).max() < 1e-12 for B in basis)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 7), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_orbits_of_random_signed_permutations(n: int, count: int, seed: int) -> None:
    source = np.random.default_rng(seed)
    images = np.stack([source.permutation(n) for _ in range(count)])
    signs = source.choice([-1.0, 1.0], size=(count, n))
    matrices = np.zeros((count, n, n))
    matrices[np.arange(count)[:, None], images, np.arange(n)] = signs
    moved = Monomial(images, signs)
    basis = orbit_basis(*signed_orbits(moved, moved))
    whole = np.concatenate([np.kron(m, m) - np.eye(n * n) for m in matrices])
    _, values, right = np.linalg.svd(whole)
    kernel = right[(values > 1e-9).sum() :]
    assert np.abs(projection(basis) - kernel.T @ kernel).max() < 1e-10


def test_copies_of_signed_permutations_keep_their_signs() -> None:
    rep = R.DirectSum((R.Block(1, R.trivial(G.dihedral(4))), R.Block(3, R.standard(G.dihedral(4)))))
    found = monomial(rep)
    assert found is not None
    for matrix, images, signs in zip(rep.generator_matrices, *found, strict=True):
        np.testing.assert_allclose(np.eye(rep.dim)[:, images] * signs, matrix, atol=1e-12)


def test_permuting_is_a_representation() -> None:
    group = G.symmetric(5)
    V = R.standard(group)
    a, b = group.sample(2, torch.Generator().manual_seed(0))
    torch.testing.assert_close(V.at(a) @ V.at(b), V.at(group.compose(a, b)), rtol=0, atol=0)
    x = torch.arange(5.0, dtype=torch.float64)
    assert (V.at(a) @ x).tolist() == group.act(a, x.numpy()).tolist()
    assert V.is_permutation
    assert V.is_orthogonal
    np.testing.assert_allclose(V.invariants, np.full((1, 5), 1 / np.sqrt(5)), atol=1e-15)
    assert V.tangent(torch.zeros(2, 3, 3)).shape == (2, 5, 5)


def test_large_permutation_groups_are_quick() -> None:
    """Rotations and one swap of 54 things, 54! elements: equal groups are not searched."""
    cycle, swap = [*range(1, 54), 0], [1, 0, *range(2, 54)]
    V = R.standard(G.permutation_group([cycle, swap], "all"))
    assert len(R.intertwiners(R.tensor(V, V), V)) == 5


# ---- irreps -------------------------------------------------------------------------------------------

IRREPS: dict[str, list[R.AbstractRep]] = {
    "SO(2)": [SO2Irrep(k) for k in range(3)],
    "O(2)": [O2Irrep(0, False), O2Irrep(0, True), O2Irrep(1, False), O2Irrep(2, False)],
    "SO(3)": [SO3Irrep(degree) for degree in range(4)],
    "O(3)": [O3Irrep(degree, parity) for degree in range(3) for parity in (1, -1)],
    "SU(2)": [SU2Irrep(twice) for twice in range(4)],
}


@pytest.mark.parametrize("name", IRREPS)
def test_irreps_by_schur(name: str) -> None:
    for rho in IRREPS[name]:
        for sigma in IRREPS[name]:
            found = R.solve(rho, sigma)
            assert (found.method, found.expected) == ("schur", len(found))
            assert found.residual < 1e-13
            numeric = solve_numerically(rho, sigma, tolerance=1e-9)
            assert np.abs(projection(found.basis) - projection(numeric.basis)).max() < 1e-11


@pytest.mark.parametrize("name", IRREPS)
def test_products_of_irreps_by_couplings(name: str) -> None:
    """Into a product and out of it, against the space that the generators alone leave."""
    for rho in IRREPS[name]:
        for sigma in IRREPS[name][1:]:
            for third in IRREPS[name]:
                for source, target in ((R.tensor(rho, sigma), third), (third, R.tensor(rho, sigma))):
                    found = R.solve(source, target)
                    assert found.method == "couplings" and found.residual < 1e-13
                    numeric = solve_numerically(source, target, tolerance=1e-9)
                    assert len(found) == len(numeric.basis)
                    assert np.abs(projection(found.basis) - projection(numeric.basis)).max() < 1e-10


# ---- sums ---------------------------------------------------------------------------------------------


def test_sums_are_solved_block_by_block() -> None:
    group = C.orthogonal(3)
    V, one = R.standard(group), R.trivial(group)
    rho = R.DirectSum((R.Block(2, V), R.Block(3, one)))
    sigma = R.DirectSum((R.Block(1, R.tensor(V, V)), R.Block(2, one), R.Block(2, V)))
    blocks = R.intertwiner_blocks(rho, sigma)
    assert [(b.copies_out, b.copies_in, b.basis.shape) for b in blocks] == [
        (1, 3, (1, 9, 1)),
        (2, 3, (1, 1, 1)),
        (2, 2, (1, 3, 3)),
    ]
    basis = R.intertwiners(rho, sigma)
    assert len(basis) == R.intertwiner_count(rho, sigma) == sum(b.count for b in blocks) == 13
    assert R.solve(rho, sigma).residual < 1e-14
    assert np.abs(projection(basis) - brute_force(rho, sigma)).max() < 1e-12
    source = np.random.default_rng(0)
    whole, start = np.zeros((sigma.dim, rho.dim)), 0
    weights = source.normal(size=len(basis))
    for block in blocks:
        W = weights[start : start + block.count].reshape(-1, block.copies_out, block.copies_in)
        part = np.einsum("koi,kpq->opiq", block.basis, W)
        a, n, d, m = part.shape
        whole[block.rows, block.columns] += part.reshape(a * n, d * m)
        start += block.count
    np.testing.assert_allclose(np.einsum("n,noi->oi", weights, basis), whole, atol=1e-14)


def test_sums_inside_sums_and_products() -> None:
    group = C.special_orthogonal(3)
    V, one = R.standard(group), R.trivial(group)
    inner = R.direct_sum([V, one])
    outer = R.DirectSum((R.Block(2, inner), R.Block(1, V)))
    found = R.solve(outer, R.tensor(inner, V))
    assert found.residual < 1e-13
    assert np.abs(projection(found.basis) - brute_force(outer, R.tensor(inner, V))).max() < 1e-11


def test_expressions_of_finite_groups_are_tabulated() -> None:
    D4 = G.dihedral(4)
    V = R.standard(D4)
    pair = R.DirectSum((R.Block(2, V), R.Block(1, R.regular(D4))))
    found = R.solve(pair, pair)
    assert found.method == "table"
    table = R.direct_sum([V, V, R.regular(D4)])
    assert (
        len(found) == found.expected == R.intertwiner_count(pair, pair) == R.intertwiner_count(table, table)
    )
    assert found.residual < 1e-14


# ---- from generators ----------------------------------------------------------------------------------


def turned() -> tuple[R.AbstractRep, R.AbstractRep]:
    """SO(2) turning a plane inside R^3, about a skew axis: no formula applies."""
    axis = np.array([1.0, 2.0, 2.0]) / 3
    spin = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    V = R.standard(C.Closed("turned", spin[None]))
    return V, R.tensor(V, V)


def test_generators_alone() -> None:
    V, T2 = turned()
    for rho, sigma, count in ((V, V, 3), (V, T2, 7), (T2, T2, 19)):
        found = R.solve(rho, sigma)
        assert (found.method, len(found), found.expected) == ("svd", count, None)
        assert found.residual < 1e-14
        assert found.gap is not None
        assert found.gap.zero < 1e-14
        assert found.gap.nonzero > 0.1
        assert np.abs(projection(found.basis) - brute_force(rho, sigma)).max() < 1e-12


def test_a_group_without_constraints_leaves_all_maps() -> None:
    free = R.standard(C.Closed("1", np.zeros((0, 3, 3))))
    assert len(R.intertwiners(free, free)) == 9


@pytest.mark.parametrize("rank", [2, 3])
def test_krylov_finds_what_the_dense_solver_finds(rank: int) -> None:
    rho = C.tensors(C.special_orthogonal(3), rank)
    operator = constraints(rho, rho)
    values, vectors = operator.spectrum()
    kernel, beyond = krylov_kernel(operator, 1e-9)
    assert kernel.shape[1] == (values < 1e-6).sum() == {2: 3, 3: 15}[rank]
    assert beyond == pytest.approx(values[kernel.shape[1]], rel=1e-3)
    dense = vectors[:, : kernel.shape[1]]
    assert np.abs(kernel @ kernel.T - dense @ dense.T).max() < 1e-11


def test_krylov_finds_kernels_larger_than_a_block() -> None:
    """S_4, V^⊗3 → V^⊗3: 187 maps among 4096 entries."""
    T3 = R.power(R.standard(G.symmetric(4)), 3)
    found = solve_numerically(T3, T3, tolerance=1e-9)
    assert (found.method, len(found.basis)) == ("krylov", 187)
    exact = R.intertwiners(T3, T3)
    overlap = rows(exact) @ rows(found.basis).T
    np.testing.assert_allclose(overlap @ overlap.T, np.eye(187), atol=1e-10)


def test_krylov_says_when_it_does_not_converge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mackey.reps.krylov._STEPS", 2)
    rho = C.tensors(C.special_orthogonal(3), 3)
    with pytest.raises(ValueError, match=r"within 2 steps, got residuals of .*; add generators"):
        krylov_kernel(constraints(rho, rho), 1e-9)


def test_krylov_finds_everything_and_nothing() -> None:
    still = Constraints(np.zeros((1, 6, 6)), np.zeros((1, 7, 7)))
    assert krylov_kernel(still, 1e-9)[0].shape == (42, 42)
    moved = Constraints(np.eye(6)[None], np.zeros((1, 7, 7)))
    assert krylov_kernel(moved, 1e-9)[0].shape == (42, 0)


def test_the_operator_is_its_matrix() -> None:
    source = np.random.default_rng(0)
    operator = Constraints(source.normal(size=(3, 4, 4)), source.normal(size=(3, 5, 5)))
    B = source.normal(size=(4, 5))
    rest = operator.residuals(B[:, None])[:, :, 0]
    np.testing.assert_allclose(rest, operator.left @ B - B @ operator.right, atol=1e-13)
    normal = operator.normal(B[:, None])[:, 0]
    np.testing.assert_allclose(operator.normal_matrix() @ B.ravel(), normal.ravel(), atol=1e-12)
    direct = np.einsum("gpo,gpi->oi", operator.left, rest) - np.einsum("goi,gji->oj", rest, operator.right)
    np.testing.assert_allclose(normal, direct, atol=1e-12)


def test_a_small_gap_keeps_the_space_accurate() -> None:
    """A rotation by 1e-4: values of the constraints down to 1e-4, the kernel still good to 1e-10."""
    angle = 1e-3
    turn = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    V = R.standard(C.Closed("small", np.zeros((0, 2, 2)), (turn,)))
    found = R.solve(V, V)
    assert found.gap is not None
    assert 1e-4 < found.gap.nonzero < 1e-2
    exact = np.stack([np.eye(2), np.array([[0.0, -1.0], [1.0, 0.0]])]) / np.sqrt(2)
    assert np.abs(projection(found.basis) - projection(exact)).max() < 1e-11


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 30), st.data())
def test_the_basis_depends_on_the_space_alone(size: int, data: st.DataObject) -> None:
    """Any orthonormal basis of a space gives the rows that its projector gives."""
    rank = data.draw(st.integers(0, size))
    source = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    N = np.linalg.qr(source.normal(size=(size, rank)))[0]
    turn = np.linalg.qr(source.normal(size=(rank, rank)))[0]
    np.testing.assert_allclose(canonical(N), image(N @ N.T, rank), atol=1e-9)
    np.testing.assert_allclose(canonical(N @ turn), canonical(N), atol=1e-9)


# ---- noise and refusals -------------------------------------------------------------------------------


def noisy(size: float) -> R.AbstractRep:
    """so(3) with errors of this size, as generators that were discovered."""
    lie = C.preserving(np.eye(3)) + size * np.random.default_rng(0).normal(size=(3, 3, 3))
    return R.power(R.standard(C.Closed("noisy", lie)), 2)


@pytest.mark.parametrize("size", [1e-5, 1e-3])
def test_a_tolerance_sees_through_noise(size: float) -> None:
    rho = noisy(size)
    found = R.solve(rho, rho, tolerance=10 * size)
    assert len(found) == 3
    assert found.gap is not None
    assert size / 10 < found.gap.zero < 10 * size < 0.1 < found.gap.nonzero
    exact = R.intertwiners(*[C.tensors(C.special_orthogonal(3), 2)] * 2)
    assert np.abs(projection(found.basis) - projection(exact)).max() < 100 * size


def test_krylov_keeps_a_kernel_that_is_one_up_to_the_tolerance() -> None:
    rho = noisy(1e-4)
    operator = constraints(rho, rho)
    kernel, beyond = krylov_kernel(operator, 1e-3)
    vectors = operator.spectrum()[1]
    assert kernel.shape[1] == 3
    assert beyond > 0.1
    assert np.abs(kernel @ kernel.T - vectors[:, :3] @ vectors[:, :3].T).max() < 1e-3


def test_what_is_not_clear_is_refused() -> None:
    rho = noisy(1e-6)
    with pytest.raises(ValueError, match=r"wanted no singular value .* the dimension is not clear"):
        R.solve(rho, rho)


def test_what_does_not_fit_is_refused() -> None:
    group = C.Closed("turned", turned()[0].algebra_matrices.copy())
    T6 = R.power(R.standard(group), 6)
    with pytest.raises(ValueError, match=r"at most 262144 entries, got 729×729 = 531441; split"):
        R.intertwiners(T6, T6)
    V = R.power(R.standard(G.symmetric(50)), 2)
    with pytest.raises(ValueError, match=r"5e\+10 operations a step, got 8\.2e\+10, of 2 generators"):
        solve_numerically(V, R.standard(G.symmetric(50)), tolerance=1e-9)
    V = R.power(R.standard(G.symmetric(60)), 2)
    with pytest.raises(ValueError, match=r"numbers in a dense basis, got 15 maps of shape \(3600, 3600\)"):
        R.intertwiners(V, V)


def test_two_groups_are_refused() -> None:
    V, W = R.standard(C.orthogonal(3)), R.standard(C.special_orthogonal(3))
    for ask in (R.intertwiners, R.intertwiner_count, R.intertwiner_blocks, R.solve):
        with pytest.raises(ValueError, match=r"of one group, got V of O\(3\) and V of SO\(3\)"):
            ask(V, W)


@pytest.mark.parametrize("tolerance", [0.0, -1.0, 0.5, float("nan")])
def test_a_tolerance_is_a_small_number(tolerance: float) -> None:
    V = turned()[0]
    with pytest.raises(ValueError, match=r"a tolerance between 0 and 0\.1"):
        R.solve(V, V, tolerance=tolerance)


def test_a_group_without_coordinates_has_no_standard_representation() -> None:
    with pytest.raises(ValueError, match=r"a group of matrices or of permutations, got p4"):
        R.standard(G.p4())


# ---- what is said -------------------------------------------------------------------------------------


def test_a_solution_explains_itself() -> None:
    V = turned()[0]
    text = str(R.solve(V, V))
    assert text.startswith("3 linear maps from V to V of turned, found from the generators, by the singular")
    assert "count as zero (tolerance 1e-09)" in text
    text = str(R.solve(*[C.tensors(C.orthogonal(3), 2)] * 2))
    assert "3 linear maps from V⊗V to V⊗V of O(3), found exactly, from pairings of indices" in text
    assert "Theory counts 3." in text
    group = C.orthogonal(3)
    assert str(R.solve(R.standard(group), R.trivial(group))).startswith("0 linear maps from V to trivial of")


def test_the_gap_of_a_sum_is_that_of_its_worst_part() -> None:
    V, T2 = turned()
    parts = [R.solve(V, rep).gap for rep in (V, T2)]
    whole = R.solve(V, R.DirectSum((R.Block(1, V), R.Block(1, T2)))).gap
    assert whole is not None and all(part is not None for part in parts)
    values = [part.nonzero for part in parts if part is not None]
    assert max(values) - min(values) > 0.05 and whole.nonzero == min(values)
    assert whole.zero == max(part.zero for part in parts if part is not None)


def test_a_caller_cannot_spoil_what_is_remembered() -> None:
    V, T2 = turned()
    maps = R.intertwiners(V, T2)
    maps *= 5
    assert np.linalg.norm(R.intertwiners(V, T2)[0]) == pytest.approx(1)
    with pytest.raises(ValueError, match="read-only"):
        R.solve(V, T2).basis[0] = 0


# ---- the cache on disk --------------------------------------------------------------------------------


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> R.AbstractRep:
    """Every numeric solve counts as slow enough to be kept."""
    monkeypatch.setattr("mackey.reps.numeric._WORTH_KEEPING", 0.0)
    return turned()[1]


def solved(rep: R.AbstractRep, tolerance: float = 1e-9) -> np.ndarray:
    return solve_numerically(rep, rep, tolerance=tolerance).basis


def test_bases_are_kept_on_disk(slow: R.AbstractRep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MACKEY_CACHE", str(tmp_path / "new" / "folder"))
    first = solved(slow)
    (file,) = (tmp_path / "new" / "folder").iterdir()
    assert file.suffix == ".npz"
    monkeypatch.setattr("mackey.reps.numeric._solve", None)  # nothing is solved again
    np.testing.assert_array_equal(solved(slow), first)
    found = solve_numerically(slow, slow, tolerance=1e-9)
    assert found.method == "svd"
    assert found.gap.nonzero > 0.1


def test_keys_say_all_that_a_basis_depends_on(
    slow: R.AbstractRep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MACKEY_CACHE", str(tmp_path))
    solved(slow)
    solved(slow, 1e-8)
    assert len(list(tmp_path.iterdir())) == 2
    lie = slow.group.lie_algebra.copy()
    lie[0, 0, 1] += 1e-13
    solved(R.power(R.standard(C.Closed("turned", lie)), 2))
    assert len(list(tmp_path.iterdir())) == 3
    monkeypatch.setattr(basis_cache, "VERSION", 999)
    solved(slow)
    assert len(list(tmp_path.iterdir())) == 4


def test_keys_tell_targets_of_one_name_apart(
    slow: R.AbstractRep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One invariant direction, then three: the first basis satisfies the constraints of the second."""
    monkeypatch.setenv("MACKEY_CACHE", str(tmp_path))
    group = G.matrix_group([], [[[0, -1.0, 0], [1, 0, 0], [0, 0, 0]]])
    turning, still = (
        R.from_function(group, function, "same") for function in (lambda g: 1 * g, lambda g: g @ g.mT)
    )
    for sigma, count in ((turning, 1), (still, 3)):
        assert len(solve_numerically(R.trivial(group), sigma, tolerance=1e-9).basis) == count


@pytest.mark.parametrize("damage", ["empty", "noise", "half", "wrong basis", "other arrays"])
def test_a_damaged_file_is_written_anew(
    damage: str, slow: R.AbstractRep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MACKEY_CACHE", str(tmp_path))
    first = solved(slow)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    if damage == "wrong basis":
        wrong = np.linalg.qr(np.random.default_rng(0).normal(size=(81, len(first))))[0].T
        np.savez(file, basis=wrong.reshape(first.shape), edges=np.zeros(2), method=np.array("svd"))
    elif damage == "other arrays":
        np.savez(file, something=np.zeros(3))
    else:
        file.write_bytes({"empty": b"", "noise": b"x" * 1000, "half": whole[: len(whole) // 2]}[damage])
    np.testing.assert_allclose(solved(slow), first, atol=1e-12)
    np.testing.assert_array_equal(np.load(file)["basis"], first)


def test_a_folder_that_cannot_be_written_is_said_once(
    slow: R.AbstractRep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("MACKEY_CACHE", str(blocked))
    with pytest.warns(UserWarning, match=r"wanted a folder that can be written, .*file, got .*exists"):
        first = solved(slow)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(solved(slow), first, atol=1e-12)


def test_off_keeps_nothing(slow: R.AbstractRep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("MACKEY_CACHE", "off")
    solved(slow)
    assert not list(tmp_path.iterdir())
    assert basis_cache.cache_folder() is None


@pytest.mark.parametrize(
    ("platform", "variable", "inside"),
    [
        ("linux", "XDG_CACHE_HOME", "mackey"),
        ("win32", "LOCALAPPDATA", "mackey"),
        ("darwin", "HOME", "Library/Caches/mackey"),
    ],
)
def test_the_users_cache_folder(
    platform: str, variable: str, inside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MACKEY_CACHE")
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setenv(variable, str(tmp_path))
    assert basis_cache.cache_folder() == tmp_path / inside


def test_quick_solves_leave_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MACKEY_CACHE", str(tmp_path))
    solved(turned()[0])
    assert not list(tmp_path.iterdir())
