"""What other libraries store: against scipy and e3nn's golden files; escnn by the law that it obeys."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from scipy.special import sph_harm_y, sph_harm_y_all
from torch import Tensor

from mackey.groups import special_orthogonal
from mackey.reps import (
    angles_from_rotation,
    convert,
    convert_rotation,
    rotation_from_angles,
    spherical_harmonics,
    wigner_d,
)
from mackey.reps.conventions import CONVENTIONS, polar_z

IRREPS = "4x0e + 3x1o + 1x2e + 2x3o"
SIZE = 4 + 9 + 5 + 14
ALONE = "0e + 1o + 2e + 3o + 4e"
FORMS = ["matrix", "vector", "quaternion", "scipy", "e3nn"]


def rotations(count: int, seed: int = 0) -> Tensor:
    return special_orthogonal(3).sample(count, torch.Generator().manual_seed(seed))


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(CONVENTIONS)), st.sampled_from(sorted(CONVENTIONS)), st.integers(0, 2**31))
def test_round_trips(one: str, two: str, seed: int) -> None:
    """mackey → one → two → mackey, and norms are kept."""
    values = torch.randn(3, SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    first = convert(values, "mackey", one, irreps=IRREPS)
    second = convert(first, one, two, irreps=IRREPS)
    back = convert(second, two, "mackey", irreps=IRREPS)
    torch.testing.assert_close(back, values, rtol=0, atol=1e-13)
    for stored in (first, second):
        torch.testing.assert_close(stored.norm(dim=-1), values.norm(dim=-1), rtol=1e-13, atol=0)


def textbook() -> tuple[Tensor, np.ndarray, np.ndarray]:
    """Orthonormal harmonics of mackey, and the polar and azimuthal angle about z of the same points."""
    x = torch.randn(6, 3, dtype=torch.float64)
    a, b, c = (x / x.norm(dim=-1, keepdim=True)).numpy().T
    return spherical_harmonics(4, x, normalisation="integral"), np.arccos(c), np.arctan2(b, a)


def test_physics_is_the_complex_harmonics_of_the_same_point() -> None:
    values, theta, phi = textbook()
    expected = [sph_harm_y(l, m, theta, phi) for l in range(5) for m in range(-l, l + 1)]
    found = convert(values, "mackey", "physics", irreps=ALONE)
    np.testing.assert_allclose(found.numpy(), np.stack(expected, -1), atol=1e-13)


def test_scipy_order() -> None:
    values, theta, phi = textbook()
    table = sph_harm_y_all(4, 4, theta, phi)
    expected = [table[l, m] for l in range(5) for m in (*range(l + 1), *range(-l, 0))]
    found = convert(values, "mackey", "scipy", irreps=ALONE)
    np.testing.assert_allclose(found.numpy(), np.stack(expected, -1), atol=1e-13)


def test_coefficients_change_by_the_conjugate() -> None:
    """Σ c_m Y_lm is the same function."""
    values, theta, phi = textbook()
    coefficients = torch.randn(25, dtype=torch.float64)
    complex_ones = convert(coefficients, "mackey", "physics", irreps=ALONE).numpy().conj()
    harmonics = np.stack([sph_harm_y(l, m, theta, phi) for l in range(5) for m in range(-l, l + 1)], -1)
    np.testing.assert_allclose(harmonics @ complex_ones, (values @ coefficients).numpy(), atol=1e-12)


def test_e3nn_layout() -> None:
    """Channels first: "2x1o" is (x₁, y₁, z₁, x₂, y₂, z₂) there and (x₁, x₂, y₁, y₂, z₁, z₂) here."""
    here = torch.tensor([1.0, 4, 2, 5, 3, 6])
    assert convert(here, "mackey", "e3nn", irreps="2x1o").tolist() == [1, 2, 3, 4, 5, 6]
    assert convert(torch.arange(1.0, 7), "e3nn", "mackey", irreps="2x1o").tolist() == here.tolist()


def test_e3nn_golden_linear(parity_folder) -> None:
    """Features of e3nn rotate as it says, once brought here."""
    golden = np.load(parity_folder / "e3nn_spherical_harmonics.npz")
    values = torch.tensor(golden["out/sh_component"])
    here = convert(values, "e3nn", "mackey", irreps=ALONE)
    R = torch.tensor(golden["g/R"])
    moved = torch.cat([here[:, l * l : (l + 1) ** 2] @ wigner_d(l, R).mT for l in range(5)], -1)
    expected = torch.tensor(golden["out2/sh_component"])
    torch.testing.assert_close(convert(moved, "mackey", "e3nn", irreps=ALONE), expected, rtol=0, atol=1e-10)


def test_escnn_basis() -> None:
    """escnn 1.0.11's irrep(1) of SO(3) is (y, z, x), and about z its irrep(l) turns ±m by the angle m.

    The whole change of basis was compared with escnn up to l = 8 (benchmarks/harmonics.py does it again).
    """
    vector = torch.tensor([1.0, 2.0, 3.0])
    assert convert(vector, "mackey", "escnn", irreps="1o").tolist() == [2, 3, 1]
    angle = torch.tensor([0.0, 0.0, 0.7], dtype=torch.float64)
    R = convert_rotation(angle, "vector", "matrix")
    for l in range(6):
        expected = np.eye(2 * l + 1)
        for m in range(1, l + 1):
            c, s = np.cos(0.7 * m), np.sin(0.7 * m)
            expected[np.ix_([l + m, l - m], [l + m, l - m])] = [[c, -s], [s, c]]
        found = polar_z(l) @ wigner_d(l, R).numpy() @ polar_z(l).T
        np.testing.assert_allclose(found, expected, atol=1e-13)


def test_dtypes() -> None:
    values = torch.randn(2, SIZE)
    assert convert(values, "mackey", "escnn", irreps=IRREPS).dtype == torch.float32
    stored = convert(values, "mackey", "physics", irreps=IRREPS)
    assert stored.dtype == torch.complex64
    assert convert(stored, "physics", "e3nn", irreps=IRREPS).dtype == torch.float32
    assert convert(values[:0], "mackey", "physics", irreps=IRREPS).shape == (0, SIZE)


def test_values_that_are_not_real() -> None:
    with pytest.raises(ValueError, match="complex values of something real"):
        convert(torch.tensor([1j, 0, 1]), "physics", "mackey", irreps="1o")


def test_unknown_names() -> None:
    values = torch.zeros(3)
    with pytest.raises(ValueError, match="did you mean 'e3nn'"):
        convert(values, "mackey", "e3n", irreps="1o")
    with pytest.raises(ValueError, match="wanted 3 numbers on the last axis"):
        convert(values[:2], "mackey", "e3nn", irreps="1o")
    with pytest.raises(ValueError, match="multiplicity x degree"):
        convert(values, "mackey", "e3nn", irreps="1z")
    with pytest.raises(ValueError, match="did you mean 'quaternion'"):
        convert_rotation(torch.zeros(4), "quaternions", "matrix")


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(FORMS), st.sampled_from(FORMS), st.integers(0, 2**31))
def test_rotations_round_trip(one: str, two: str, seed: int) -> None:
    R = rotations(4, seed)
    first = convert_rotation(R, "matrix", one)
    back = convert_rotation(convert_rotation(first, one, two), two, "matrix")
    torch.testing.assert_close(back, R, rtol=0, atol=1e-12)


def test_rotations_of_scipy() -> None:
    R = rotations(8)
    theirs = Rotation.from_matrix(R.numpy())
    quaternion = convert_rotation(R, "matrix", "scipy").numpy()
    np.testing.assert_allclose(quaternion, theirs.as_quat(canonical=True), atol=1e-13)
    back = convert_rotation(torch.tensor(theirs.as_quat()), "scipy", "matrix")
    torch.testing.assert_close(back, R, rtol=0, atol=1e-13)
    scalar_first = convert_rotation(R, "matrix", "quaternion").numpy()
    np.testing.assert_allclose(scalar_first, theirs.as_quat(canonical=True, scalar_first=True), atol=1e-13)
    np.testing.assert_allclose(
        convert_rotation(R, "matrix", "vector").numpy(), theirs.as_rotvec(), atol=1e-12
    )
    angles = convert_rotation(R, "matrix", "e3nn").numpy()
    np.testing.assert_allclose(Rotation.from_euler("YXY", angles).as_matrix(), R.numpy(), atol=1e-13)


def test_golden_angles(parity_folder) -> None:
    golden = np.load(parity_folder / "e3nn_wigner_D.npz")
    angles = torch.tensor(np.stack([golden[f"in/{name}"] for name in ("alpha", "beta", "gamma")], -1))
    R = rotation_from_angles(angles)
    np.testing.assert_allclose(R.numpy(), golden["out/R"], rtol=0, atol=1e-12)
    torch.testing.assert_close(rotation_from_angles(angles_from_rotation(R)), R, rtol=0, atol=1e-13)


@pytest.mark.parametrize("beta", [0.0, 1e-12, 1e-5, torch.pi - 1e-9, torch.pi])
def test_angles_at_the_poles(beta: float) -> None:
    R = rotation_from_angles(torch.tensor([0.4, beta, 0.7], dtype=torch.float64))
    torch.testing.assert_close(rotation_from_angles(angles_from_rotation(R)), R, rtol=0, atol=1e-14)


def test_escnn_has_one_channel_after_another() -> None:
    """Two vectors, (y, z, x) each."""
    x = torch.tensor([1.0, 10, 2, 20, 3, 30])  # x, x′, y, y′, z, z′
    wanted = torch.tensor([2.0, 3, 1, 20, 30, 10])
    torch.testing.assert_close(convert(x, "mackey", "escnn", irreps="2x1o"), wanted)
    torch.testing.assert_close(convert(wanted, "escnn", "mackey", irreps="2x1o"), x)
