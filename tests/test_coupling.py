"""Clebsch–Gordan: golden file, e3nn's definition, invariance; couplings counted by characters."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch

from mackey.groups import special_orthogonal
from mackey.reps import (
    AbstractIrrep,
    O2Irrep,
    O3Irrep,
    SO2Irrep,
    SO3Irrep,
    SU2Irrep,
    clebsch_gordan,
    couplings,
    wigner_d,
)
from mackey.reps.coupling import complex_clebsch_gordan

TRIPLES = [(a, b, c) for a in range(7) for b in range(7) for c in range(abs(a - b), min(a + b, 6) + 1)]
FAMILIES: list[list[AbstractIrrep]] = [
    [SO2Irrep(k) for k in range(4)],
    [O2Irrep(0), O2Irrep(0, True), *(O2Irrep(k) for k in (1, 2, 3))],
    [SO3Irrep(l) for l in range(4)],
    [O3Irrep(l, p) for l in range(3) for p in (1, -1)],
    [SU2Irrep(twice) for twice in range(6)],
]


def test_golden_tensors(parity_folder) -> None:
    golden = np.load(parity_folder / "e3nn_wigner_3j.npz")
    names = [name for name in golden.files if name.startswith("out/")]
    assert len(names) == 34
    for name in names:
        degrees = map(int, name.split("_")[1:])
        np.testing.assert_allclose(clebsch_gordan(*degrees), golden[name], rtol=0, atol=1e-10)


@pytest.mark.parametrize("l", range(3))
def test_invariance(l: int) -> None:
    """D⊗D⊗D C = C to 1e-12 for all degrees up to 6 with l₁ ≡ l (mod 3), and norm 1."""
    R = special_orthogonal(3).sample(1, torch.Generator().manual_seed(l))[0]
    D = [wigner_d(k, R).numpy() for k in range(7)]
    for a, b, c in (t for t in TRIPLES if t[0] % 3 == l):
        C = clebsch_gordan(a, b, c)
        moved = np.einsum("ijk,pi,qj,rk->pqr", C, D[a], D[b], D[c], optimize=True)
        np.testing.assert_allclose(moved, C, rtol=0, atol=1e-12)
        assert abs(np.linalg.norm(C) - 1) < 1e-14


def test_the_isometries_of_a_product_are_complete() -> None:
    """Σ_l₃ (2l₃+1) C Cᵀ = 1 on l₁⊗l₂."""
    for a, b in itertools.product(range(6), repeat=2):
        parts = [
            np.sqrt(2 * c + 1) * clebsch_gordan(a, b, c).reshape(-1, 2 * c + 1)
            for c in range(abs(a - b), a + b + 1)
        ]
        whole = np.concatenate(parts, 1)
        np.testing.assert_allclose(whole @ whole.T, np.eye(len(whole)), atol=1e-13)


def test_known_couplings() -> None:
    """1⊗1→0 is δ/√3, 1⊗1→1 is ε/√6 up to the sign of e3nn (+)."""
    np.testing.assert_allclose(clebsch_gordan(1, 1, 0)[..., 0], np.eye(3) / np.sqrt(3), atol=1e-15)
    cross = np.zeros((3, 3, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        cross[i, j, k], cross[j, i, k] = 1, -1
    np.testing.assert_allclose(clebsch_gordan(1, 1, 1), cross / np.sqrt(6), atol=1e-15)


def test_complex_coefficients_are_those_of_the_tables() -> None:
    """⟨½ ½ ½ −½|1 0⟩ = √½, ⟨1 0 1 0|2 0⟩ = √(2/3), ⟨1 1 1 −1|0 0⟩ = √(1/3), ⟨3/2 ½ 1 0|5/2 ½⟩ = √(3/5)."""
    table = {(1, 1, 2, 1, 0, 1): Fraction(1, 2), (2, 2, 4, 1, 1, 2): Fraction(2, 3)}
    table |= {(2, 2, 0, 2, 0, 0): Fraction(1, 3), (3, 2, 5, 2, 1, 3): Fraction(3, 5)}
    for (d1, d2, d3, a, b, c), square in table.items():
        assert complex_clebsch_gordan(d1, d2, d3)[a, b, c] == pytest.approx(float(square) ** 0.5, abs=1e-15)


def test_high_degrees_are_exact() -> None:
    """Orthogonality at l = 20, where factorials exceed float64."""
    C = complex_clebsch_gordan(40, 40, 40)
    np.testing.assert_allclose(np.einsum("abc,abd->cd", C, C), np.eye(41), atol=1e-12)


def test_tables_are_read_only() -> None:
    for table in (clebsch_gordan(1, 1, 1), couplings(SO3Irrep(1), SO3Irrep(1), SO3Irrep(0))):
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 1


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: str(family[0].group))
def test_couplings_are_all_invariants(family: list[AbstractIrrep]) -> None:
    """Invariant and orthonormal to 1e-12, and as many as ∫χ₁χ₂χ₃ says."""
    group = family[0].group
    elements = group.sample(2, torch.Generator().manual_seed(0))
    nodes, weights = group.quadrature(2000)
    characters = {irrep: irrep.at(nodes).diagonal(dim1=-2, dim2=-1).sum(-1) for irrep in family}
    for triple in itertools.combinations_with_replacement(family, 3):
        a, b, c = triple
        found = torch.tensor(couplings(a, b, c))
        count = (weights * characters[a] * characters[b] * characters[c]).sum()
        assert abs(count - len(found)) < 1e-9, triple
        moved = torch.einsum("nijk,gpi,gqj,grk->gnpqr", found, a.at(elements), b.at(elements), c.at(elements))
        torch.testing.assert_close(moved, found.expand(2, *found.shape), rtol=0, atol=1e-12)
        gram = torch.einsum("nijk,mijk->nm", found, found)
        torch.testing.assert_close(gram, torch.eye(len(found), dtype=gram.dtype), rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: str(family[0].group))
def test_the_order_of_factors_only_permutes_axes(family: list[AbstractIrrep]) -> None:
    for a, b, c in itertools.permutations(family[:4], 3):
        one = couplings(a, b, c).reshape(-1, a.dim * b.dim * c.dim)
        two = couplings(b, a, c).swapaxes(1, 2).reshape(one.shape)
        np.testing.assert_allclose(one.T @ one, two.T @ two, atol=1e-12)


def test_what_does_not_couple() -> None:
    with pytest.raises(ValueError, match="leave the path out"):
        clebsch_gordan(1, 1, 3)
    assert couplings(SO3Irrep(1), SO3Irrep(1), SO3Irrep(3)).shape == (0, 3, 3, 7)
    assert couplings(O3Irrep(1, -1), O3Irrep(1, -1), O3Irrep(1, -1)).shape == (0, 3, 3, 3)
    with pytest.raises(ValueError, match="irreps of one group"):
        couplings(SO3Irrep(1), SO3Irrep(1), O3Irrep(1, 1))
