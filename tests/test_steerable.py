"""The basis of steerable kernels against the null space of its constraint, K(hx) = σ(h) K(x) ρ(h)⁻¹."""

import tracemalloc

import numpy as np
import pytest
import torch

from mackey import groups as G
from mackey import reps as R
from mackey.integrands.steerable import kernel_basis, kernel_count
from mackey.spaces import Grid
from test_reps import similar


def constraint(grid: Grid, size: int, rho: R.Rep, sigma: R.Rep) -> np.ndarray:
    """The matrix A with A·K = 0 exactly for steerable K (P, d_σ, d_ρ): one block of rows for each h and x."""
    points, fibre = grid.stencil(size), sigma.dim * rho.dim
    rows = []
    for h in rho.group.elements:
        turn = np.kron(sigma.matrices[h], np.linalg.inv(rho.matrices[h]).T)
        for p, point in enumerate(points):
            q = int(np.argmin(np.abs(points - rho.group.act(h, point)).max(-1)))
            row = np.zeros((fibre, len(points), fibre))
            row[:, q] += np.eye(fibre)
            row[:, p] -= turn
            rows.append(row.reshape(fibre, -1))
    return np.concatenate(rows)


def fibres(H: G.FiniteGroup) -> list[R.Rep]:
    vector = R.standard(H)
    return [
        R.trivial(H),
        R.sign(H),
        vector,
        similar(vector),
        R.dual(similar(vector)),
        R.direct_sum([R.trivial(H), vector]),
        R.regular(H),
        R.quotient(G.subgroup(H, [H.order - 1])),
        *R.irreps(H),
    ]


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("p1", 3),
        ("p2", 2),
        ("p2", 3),
        ("pm", 3),
        ("p2m", 3),
        ("p4", 2),
        ("p4", 3),
        ("p4", 4),
        ("p4m", 3),
        ("p4m", 4),
        ("Z", 4),
        ("Z⋊±1", 5),
        ("Z^3⋊O", 2),
    ],
)
def test_kernels_are_the_null_space(name: str, size: int) -> None:
    """All of it: as many as its dimension, in it, independent."""
    grid = Grid(G.named(name))
    checked = 0
    for rho in fibres(grid.stabiliser):
        for sigma in fibres(grid.stabiliser):
            unknowns = len(grid.stencil(size)) * rho.dim * sigma.dim
            if unknowns > 80:
                continue
            A = constraint(grid, size, rho, sigma)
            basis = kernel_basis(grid, size, rho, sigma)
            nullity = unknowns - np.linalg.matrix_rank(A, tol=1e-8)
            kernels = basis.dense.transpose(0, 3, 1, 2).reshape(basis.count, unknowns)
            assert basis.count == nullity == kernel_count(basis.points, rho, sigma), (rho, sigma)
            assert np.abs(A @ kernels.T).max(initial=0) < 1e-10, (rho, sigma)
            assert np.linalg.matrix_rank(kernels) == nullity if nullity else True, (rho, sigma)
            checked += 1
    assert checked >= 9


def test_a_kernel_basis_is_these_numbers() -> None:
    """Weights are coefficients in it: when one of these numbers changes, every checkpoint breaks."""
    grid = Grid(G.p4())
    vector = R.standard(grid.stabiliser)
    dense = kernel_basis(grid, 2, vector, vector).dense
    half = 2**-0.5
    # taps: upper left and right, lower left and right; e₁₁ and e₁₂ carried along from the first
    np.testing.assert_allclose(dense[0, 0, 0], [1, 0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(dense[0, 1, 1], [0, 1, 1, 0], atol=1e-12)
    np.testing.assert_allclose(dense[1, 0, 1], [1, 0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(dense[1, 1, 0], [0, -1, -1, 0], atol=1e-12)
    centre = kernel_basis(grid, 1, vector, vector).dense[..., 0]
    np.testing.assert_allclose(centre, [[[half, 0], [0, half]], [[0, half], [-half, 0]]], atol=1e-12)


def test_large_stencils_are_cheap() -> None:
    """|H|·P numbers: the table of attention on 28×28 reads a stencil of 55². By distances it took 2.2 GB."""
    grid = Grid(G.p4m())
    scalar = R.trivial(grid.stabiliser)
    tracemalloc.start()
    basis = kernel_basis(grid, 55, scalar, scalar)
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
    assert basis.count == 28 * 29 // 2  # 0 ≤ y ≤ x ≤ 27


def test_solids_off_the_lattice_are_refused() -> None:
    turn = torch.eye(3, dtype=torch.float64).numpy()
    turn[:2, :2] = G.cyclic(5).matrices[1]
    grid = Grid(G.lattice(G.generated([turn], "C5 on R^3")))
    scalar = R.trivial(grid.stabiliser)
    with pytest.raises(ValueError, match="a plane, or a group that keeps the lattice, got C5 on R"):
        kernel_basis(grid, 3, scalar, scalar)
