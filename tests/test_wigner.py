"""Wigner D: golden file, homomorphism, orthogonality, derivatives, precision."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mackey.groups import special_orthogonal
from mackey.reps import spherical_harmonic, wigner_d
from mackey.reps.wigner import rotation_generators


def rotations(count: int, seed: int = 0) -> Tensor:
    return special_orthogonal(3).sample(count, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("l", range(5))
def test_golden_matrices(l: int, parity_folder) -> None:
    golden = np.load(parity_folder / "e3nn_wigner_D.npz")
    found = wigner_d(l, torch.tensor(golden["out/R"]))
    np.testing.assert_allclose(found.numpy(), golden[f"out/D{l}"], rtol=0, atol=1e-10)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 12), st.integers(0, 2**31))
def test_homomorphism_and_orthogonality(l: int, seed: int) -> None:
    a, b = rotations(2, seed)
    A, B = wigner_d(l, a), wigner_d(l, b)
    torch.testing.assert_close(A @ B, wigner_d(l, a @ b), rtol=0, atol=1e-12)
    torch.testing.assert_close(A @ A.mT, torch.eye(2 * l + 1, dtype=A.dtype), rtol=0, atol=1e-12)


def test_first_degrees() -> None:
    R = rotations(5)
    assert torch.equal(wigner_d(0, R), torch.ones(5, 1, 1, dtype=R.dtype))
    assert torch.equal(wigner_d(1, R), R)


@pytest.mark.parametrize("l", [2, 8, 20])
def test_moves_harmonics(l: int) -> None:
    """Y(Rx) = D(R)Y(x) fixes D, for the harmonics of 60 points span all of degree l ≤ 20."""
    R = rotations(1)[0]
    x = torch.randn(60, 3, dtype=torch.float64)
    torch.testing.assert_close(
        spherical_harmonic(l, x @ R.mT), spherical_harmonic(l, x) @ wigner_d(l, R).mT, rtol=0, atol=1e-11
    )


def test_exact_symmetries_are_exact() -> None:
    """1e-14 on the rotations of the cube after the cast to float64."""
    turn = torch.tensor([[0, 1, 0], [0, 0, 1], [1, 0, 0]], dtype=torch.float64)
    quarter = torch.tensor([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], dtype=torch.float64)
    for l in range(5):
        D, Q = wigner_d(l, turn), wigner_d(l, quarter)
        for power, order in ((D, 3), (Q, 4)):
            one = torch.linalg.matrix_power(power, order)
            torch.testing.assert_close(one, torch.eye(2 * l + 1, dtype=one.dtype), rtol=0, atol=1e-14)
        torch.testing.assert_close(wigner_d(l, turn @ quarter), D @ Q, rtol=0, atol=1e-14)


def test_gradients_at_the_identity_and_at_pi() -> None:
    special = torch.stack([torch.eye(3), torch.diag(torch.tensor([1.0, -1, -1])), rotations(1)[0].float()])
    R = special.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda r: wigner_d(3, r), R)
    assert torch.autograd.gradgradcheck(lambda r: wigner_d(2, r), R)


@pytest.mark.parametrize("l", range(6))
def test_generators(l: int) -> None:
    """exp of the generators is D of exp; [L_x, L_y] = L_z; L² = −l(l+1)."""
    L = torch.tensor(rotation_generators(l))
    v = torch.randn(4, 3, dtype=torch.float64)
    tangent = torch.einsum("bi,imn->bmn", v, L)
    R = special_orthogonal(3).exp(v)
    torch.testing.assert_close(torch.linalg.matrix_exp(tangent), wigner_d(l, R), rtol=0, atol=1e-12)
    torch.testing.assert_close(L[0] @ L[1] - L[1] @ L[0], L[2], rtol=0, atol=1e-12)
    square = (L @ L).sum(0)
    torch.testing.assert_close(square, -l * (l + 1) * torch.eye(2 * l + 1, dtype=L.dtype), rtol=0, atol=1e-12)


@pytest.mark.parametrize("l", range(1, 9))
def test_float32_is_within_1e_6(l: int) -> None:
    R = rotations(2000)
    assert (wigner_d(l, R.float()).double() - wigner_d(l, R.float().double())).abs().max() < 1e-6


def test_shapes_and_dtypes() -> None:
    R = rotations(6).float()
    assert wigner_d(3, R.reshape(2, 3, 3, 3)).shape == (2, 3, 7, 7)
    assert wigner_d(3, R[0]).shape == (7, 7)
    assert wigner_d(3, R[:0]).shape == (0, 7, 7)
    assert wigner_d(0, R[:0]).shape == (0, 1, 1)
    assert wigner_d(3, R.to("meta")).shape == (6, 7, 7)
    assert wigner_d(3, R).is_contiguous() and wigner_d(3, R).dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = wigner_d(3, R)
    assert low.dtype == torch.float32
    torch.testing.assert_close(low, wigner_d(3, R), rtol=0, atol=1e-6)
    torch.testing.assert_close(torch.func.vmap(lambda r: wigner_d(3, r))(R), wigner_d(3, R))


def test_negative_degree() -> None:
    with pytest.raises(ValueError, match="a degree l ≥ 0"):
        wigner_d(-1, rotations(1))


class Matrices(torch.nn.Module):
    def forward(self, rotation: Tensor) -> Tensor:
        return wigner_d(3, rotation)


@pytest.mark.unchecked
def test_compile_and_export() -> None:
    R = rotations(7)
    compiled = torch.compile(Matrices(), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(R), wigner_d(3, R))
    exported = torch.export.export(Matrices(), (R,), dynamic_shapes=({0: torch.export.Dim("n")},))
    torch.testing.assert_close(exported.module()(R[:4]), wigner_d(3, R[:4]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(compiled(R.float()), wigner_d(3, R.float()))
