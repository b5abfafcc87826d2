"""Irreps of SO(2), O(2), SO(3), O(3), SU(2): homomorphisms with exact tangents, labels, Schur's lemma."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mackey import groups as G
from mackey.reps import AbstractIrrep, O2Irrep, O3Irrep, SO2Irrep, SO3Irrep, SU2Irrep, irrep

IRREPS: list[AbstractIrrep] = [
    *(SO2Irrep(k) for k in (0, 1, 2, 5)),
    *(O2Irrep(k) for k in (0, 1, 2, 5)),
    O2Irrep(0, True),
    *(SO3Irrep(l) for l in (0, 1, 2, 5)),
    *(O3Irrep(l, p) for l in range(4) for p in (1, -1)),
    *(SU2Irrep(twice) for twice in range(7)),
]
TYPES = {1: "real", 2: "complex", 4: "quaternionic"}


@pytest.mark.parametrize("rho", IRREPS, ids=lambda rho: f"{rho.group}-{rho}")
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_homomorphism(rho: AbstractIrrep, seed: int) -> None:
    a, b = rho.group.sample(2, torch.Generator().manual_seed(seed))
    A, B, one = rho.at(a), rho.at(b), torch.eye(rho.dim, dtype=torch.float64)
    torch.testing.assert_close(A @ B, rho.at(rho.group.compose(a, b)), rtol=0, atol=1e-12)
    torch.testing.assert_close(rho.at(rho.group.identity), one, rtol=0, atol=1e-15)
    torch.testing.assert_close(A @ A.mT, one, rtol=0, atol=1e-12)
    assert rho.is_orthogonal


@pytest.mark.parametrize("rho", IRREPS, ids=lambda rho: f"{rho.group}-{rho}")
def test_tangent_is_the_derivative(rho: AbstractIrrep, generator: torch.Generator) -> None:
    """Along exp(tX) at 1, and exp of it is ρ of exp."""
    basis = torch.as_tensor(rho.group.lie_algebra)
    X = torch.einsum(
        "bk,kij->bij", torch.randn(3, len(basis), generator=generator, dtype=torch.float64), basis
    )
    one = rho.group.identity.expand_as(X)
    _, slope = torch.autograd.functional.jvp(rho.at, one, X)
    torch.testing.assert_close(rho.tangent(X), slope, rtol=0, atol=1e-12)
    whole = rho.at(torch.linalg.matrix_exp(X))
    torch.testing.assert_close(torch.linalg.matrix_exp(rho.tangent(X)), whole, rtol=0, atol=1e-11)
    assert rho.tangent(X.float()).dtype == torch.float32


@pytest.mark.parametrize("rho", IRREPS, ids=lambda rho: f"{rho.group}-{rho}")
def test_commutant_is_all_that_commutes(rho: AbstractIrrep, generator: torch.Generator) -> None:
    """As many as the null space of Cρ − ρC, which with ⟨χ, χ⟩ proves irreducibility."""
    A = rho.at(rho.group.sample(4, generator)).numpy()
    C = rho.commutant
    for matrix in C:
        np.testing.assert_allclose(matrix @ A, A @ matrix, atol=1e-12)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(rho.dim), atol=1e-15)
    flat = C.reshape(len(C), -1)
    np.testing.assert_allclose(flat @ flat.T, rho.dim * np.eye(len(C)), atol=1e-12)
    one = np.eye(rho.dim)
    constraints = np.concatenate([np.kron(a, one) - np.kron(one, a.T) for a in A])
    singular = np.linalg.svd(constraints, compute_uv=False)
    assert (singular < 1e-9).sum() == len(C) and TYPES[len(C)] == rho.irrep_type
    with pytest.raises(ValueError, match="read-only"):
        C[0] = 0


def test_quaternions_multiply() -> None:
    one, i, j, k = SU2Irrep(3).commutant
    for unit in (i, j, k):
        np.testing.assert_array_equal(unit @ unit, -one)
    np.testing.assert_array_equal(i @ j, k)


@pytest.mark.parametrize("rho", IRREPS, ids=lambda rho: f"{rho.group}-{rho}")
def test_is_plain_data(rho: AbstractIrrep, generator: torch.Generator) -> None:
    assert pickle.loads(pickle.dumps(rho)) == rho == copy.deepcopy(rho)
    assert hash(copy.deepcopy(rho)) == hash(rho)
    assert irrep(rho.group, str(rho)) == rho
    assert rho.invariants.shape == (int(rho.is_trivial), rho.dim)
    batch = rho.group.sample(6, generator).float()
    assert rho.at(batch.unflatten(0, (2, 3))).shape == (2, 3, rho.dim, rho.dim)
    assert rho.at(batch).dtype == torch.float32
    assert rho.at(batch[:0]).shape == (0, rho.dim, rho.dim)


def test_standard_representations(generator: torch.Generator) -> None:
    """k = 1, l = 1 (odd) and j = 1/2 are the matrices themselves; 1e is det times them; 0o is det."""
    for rho in (SO2Irrep(1), O2Irrep(1), SO3Irrep(1), O3Irrep(1, -1), SU2Irrep(1)):
        a = rho.group.sample(5, generator)
        torch.testing.assert_close(rho.at(a), a, rtol=0, atol=1e-15)
    a = G.orthogonal(3).sample(20, generator)
    sign = torch.linalg.det(a)[:, None, None]
    torch.testing.assert_close(O3Irrep(1, 1).at(a), sign * a, rtol=0, atol=1e-14)
    torch.testing.assert_close(O3Irrep(0, -1).at(a), sign, rtol=0, atol=1e-14)


def test_parity_is_that_of_the_inversion() -> None:
    for l in range(4):
        for p in (1, -1):
            one = torch.eye(2 * l + 1, dtype=torch.float64)
            inversion = O3Irrep(l, p).at(-torch.eye(3, dtype=torch.float64))
            torch.testing.assert_close(inversion, p * one, rtol=0, atol=1e-15)


def test_circular_harmonics(generator: torch.Generator) -> None:
    """(gz)^k = ρ_k(g) z^k."""
    a, z = G.orthogonal(2).sample(6, generator), torch.randn(6, 2, generator=generator, dtype=torch.float64)
    moved = torch.view_as_complex((a @ z[..., None])[..., 0].contiguous())
    power = torch.view_as_real(torch.view_as_complex(z) ** 5)
    torch.testing.assert_close(
        torch.view_as_real(moved**5), (O2Irrep(5).at(a) @ power[..., None])[..., 0], rtol=1e-12, atol=1e-12
    )


def test_spin_characters(generator: torch.Generator) -> None:
    """tr D_j = sin((2j+1)θ/2) / sin(θ/2), twice its real part for spinors."""
    a = G.special_unitary(2).sample(8, generator)
    half = torch.arccos(a.diagonal(dim1=-2, dim2=-1).sum(-1) / 4)
    for twice in range(8):
        rho = SU2Irrep(twice)
        expected = (2 if rho.is_spinor else 1) * torch.sin((twice + 1) * half) / torch.sin(half)
        found = rho.at(a).diagonal(dim1=-2, dim2=-1).sum(-1)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("group", "label", "expected"),
    [
        (G.special_orthogonal(2), "3", SO2Irrep(3)),
        (G.orthogonal(2), "0o", O2Irrep(0, True)),
        (G.special_orthogonal(3), "2", SO3Irrep(2)),
        (G.special_orthogonal(3), "2o", SO3Irrep(2)),
        (G.orthogonal(3), " 1o ", O3Irrep(1, -1)),
        (G.special_unitary(2), "3/2", SU2Irrep(3)),
        (G.special_unitary(2), "1", SU2Irrep(2)),
    ],
)
def test_labels(group: G.AbstractMatrixGroup, label: str, expected: AbstractIrrep) -> None:
    assert irrep(group, label) == expected


@pytest.mark.parametrize(
    ("group", "label", "message"),
    [
        (G.orthogonal(3), "1", 'wanted "0e", "0o", "1e", "1o"'),
        (G.orthogonal(2), "0", 'wanted "0e", "0o", "1"'),
        (G.orthogonal(2), "1e", 'wanted "0e", "0o", "1"'),
        (G.special_unitary(2), "1/3", 'wanted "0", "1/2"'),
        (G.special_unitary(2), "2/2", 'write "1"'),
        (G.special_orthogonal(4), "1", r"a group whose irreps have labels: SO\(2\)"),
    ],
)
def test_wrong_labels(group: G.AbstractMatrixGroup, label: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        irrep(group, label)


def test_what_is_no_irrep() -> None:
    with pytest.raises(ValueError, match="use 2: over the reals"):
        SO2Irrep(-2)
    with pytest.raises(ValueError, match="use 2: over the reals"):
        O2Irrep(-2)
    with pytest.raises(ValueError, match="is_odd for frequency 0 only"):
        O2Irrep(1, True)
    with pytest.raises(ValueError, match="parity 1 or −1"):
        O3Irrep(1, 0)
    for make in (SO3Irrep, SU2Irrep, lambda l: O3Irrep(l, 1)):
        with pytest.raises(ValueError, match="a degree l ≥ 0"):
            make(-1)


@pytest.mark.parametrize("group", [G.special_orthogonal(3), G.orthogonal(3), G.special_unitary(2)], ids=str)
def test_autocast_leaves_tangents_alone(group: G.AbstractMatrixGroup) -> None:
    rep = {"SO(3)": SO3Irrep(2), "O(3)": O3Irrep(2, -1), "SU(2)": SU2Irrep(3)}[str(group)]
    direction = torch.as_tensor(group.lie_algebra).float().sum(0) / 3
    plain = rep.tangent(direction)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(rep.tangent(direction), plain) and plain.dtype == torch.float32
