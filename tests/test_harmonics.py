"""Real spherical harmonics against scipy, e3nn's golden file, quadrature and their own laws."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import sph_harm_y
from torch import Tensor

from mackey.groups import special_orthogonal
from mackey.reps import spherical_harmonic, spherical_harmonics, wigner_d

POLES = [[0.0, 1.0, 0.0], [0.0, -2.0, 0.0], [0.3, 0.0, 0.0], [0.0, 0.0, -1.0]]


def vectors(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def at_poles() -> Tensor:
    """Vectors on the axes and elsewhere."""
    return torch.cat([torch.tensor(POLES, dtype=torch.float64), vectors(2)]).requires_grad_()


def reference(l: int, x: Tensor) -> np.ndarray:
    """From scipy's complex harmonics, with z, x, y of the textbook at y, z, x here."""
    a, b, c = (x / x.norm(dim=-1, keepdim=True)).numpy().T
    theta, phi = np.arccos(b), np.arctan2(a, c)
    found = np.empty((2 * l + 1, len(a)))
    for m in range(l + 1):
        value = (-1) ** m * sph_harm_y(l, m, theta, phi)
        found[l - m], found[l + m] = math.sqrt(2) * value.imag, math.sqrt(2) * value.real
    found[l] = sph_harm_y(l, 0, theta, phi).real
    return found.T


@pytest.mark.parametrize("l", [0, 1, 2, 3, 6, 11, 20])
def test_values_are_those_of_scipy(l: int) -> None:
    x = vectors(20)
    found = spherical_harmonic(l, x, normalisation="integral")
    np.testing.assert_allclose(found.numpy(), reference(l, x), atol=1e-11)
    all_degrees = spherical_harmonics(l, x, normalisation="integral")
    torch.testing.assert_close(all_degrees[:, l * l :], found, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", ["component", "norm", "integral"])
def test_golden_values(name: str, parity_folder) -> None:
    golden = np.load(parity_folder / "e3nn_spherical_harmonics.npz")
    for x, out in (("in/x", "out/sh_"), ("in2/x", "out2/sh_")):
        found = spherical_harmonics(4, torch.tensor(golden[x]), normalisation=name)
        np.testing.assert_allclose(found.numpy(), golden[out + name], rtol=0, atol=1e-10)
    found = spherical_harmonics(4, torch.tensor(golden["in/x"]), normalise=False)
    np.testing.assert_allclose(found.numpy(), golden["out/sh_component_unnormalized"], rtol=1e-12, atol=1e-10)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 8), st.integers(0, 2**31))
def test_equivariance(l: int, seed: int) -> None:
    """Y(Rx) = D(R) Y(x)."""
    rotation = special_orthogonal(3).sample(4, torch.Generator().manual_seed(seed))
    x = vectors(4, seed)
    moved = spherical_harmonic(l, (rotation @ x[..., None])[..., 0])
    still = (wigner_d(l, rotation) @ spherical_harmonic(l, x)[..., None])[..., 0]
    torch.testing.assert_close(moved, still, rtol=0, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 20), st.integers(0, 2**31))
def test_addition_theorem(l: int, seed: int) -> None:
    """Σ_m Y_lm(x) Y_lm(y) = (2l+1) P_l(x·y)."""
    x, y = vectors(2, seed)
    product = spherical_harmonic(l, x) @ spherical_harmonic(l, y)
    cosine = float(x @ y / x.norm() / y.norm())
    legendre = np.polynomial.Legendre.basis(l)(cosine)
    assert abs(product.item() - (2 * l + 1) * legendre) < 1e-10 * (2 * l + 1)


def test_orthonormal_by_quadrature() -> None:
    """∫ Y_lm Y_l'm' = δ, by Gauss–Legendre in y and equal angles about it: exact up to degree 2·8."""
    heights, weights = np.polynomial.legendre.leggauss(9)
    angles = 2 * np.pi * np.arange(17) / 17
    radius = np.sqrt(1 - heights**2)[:, None]
    x = np.stack(np.broadcast_arrays(radius * np.sin(angles), heights[:, None], radius * np.cos(angles)), -1)
    values = spherical_harmonics(8, torch.tensor(x), normalisation="integral").numpy()
    gram = np.einsum("i,ijm,ijn->mn", weights * 2 * np.pi / 17, values, values)
    np.testing.assert_allclose(gram, np.eye(81), atol=1e-12)


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("normalisation", ["component", "norm", "integral"])
def test_gradients_on_the_axes_too(normalise: bool, normalisation: str) -> None:
    def function(x: Tensor) -> Tensor:
        return spherical_harmonics(4, x, normalise=normalise, normalisation=normalisation)

    assert torch.autograd.gradcheck(function, at_poles())
    assert torch.autograd.gradgradcheck(function, at_poles())


def test_gradient_of_one_degree() -> None:
    assert torch.autograd.gradcheck(lambda x: spherical_harmonic(5, x), at_poles())
    assert torch.autograd.gradgradcheck(lambda x: spherical_harmonic(3, x, normalise=False), at_poles())


def test_harmonic_polynomials() -> None:
    """Δ r^l Y_l = 0, from second derivatives by torch.func, on the y axis too."""

    def laplacian(x: Tensor) -> Tensor:
        hessian = torch.func.jacrev(torch.func.jacrev(lambda v: spherical_harmonics(5, v, normalise=False)))
        return hessian(x).diagonal(dim1=-2, dim2=-1).sum(-1)

    found = torch.func.vmap(laplacian)(at_poles().detach())
    torch.testing.assert_close(found, torch.zeros(6, 36, dtype=torch.float64), rtol=0, atol=1e-11)


def test_third_derivatives() -> None:
    """Of Y_2, quadratic in x, they vanish; of Y_3 they are constant."""

    def third(x: Tensor) -> Tensor:
        function = torch.func.jacrev(
            torch.func.jacrev(torch.func.jacrev(lambda v: spherical_harmonics(3, v, normalise=False)))
        )
        return function(x)

    one, two = third(vectors(1)[0]), third(torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64))
    assert one[:9].abs().max() < 1e-12 and one[9:].abs().max() > 1
    torch.testing.assert_close(one, two, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_zero_vector(dtype: torch.dtype) -> None:
    x = torch.zeros(2, 3, dtype=dtype, requires_grad=True)
    values = spherical_harmonics(3, x)
    expected = torch.tensor([1.0] + [0.0] * 15, dtype=dtype).expand(2, 16)
    torch.testing.assert_close(values, expected)
    (slope,) = torch.autograd.grad(values.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(slope.sum(), x)
    assert torch.equal(slope, torch.zeros_like(x)) and torch.equal(second, torch.zeros_like(x))


def test_float32_is_accurate() -> None:
    """To 2e-6 of |Y_l| ≤ √(2l+1) up to l = 8."""
    x = vectors(1000).float()
    error = spherical_harmonics(8, x).double() - spherical_harmonics(8, x.double())
    assert error.abs().max() < 1e-5


def test_bfloat16_is_rounded_once() -> None:
    """Values and gradients are found in float32: half a unit of bfloat16's 8 digits, no more."""
    x = vectors(200).bfloat16().requires_grad_()
    exact = spherical_harmonics(4, y := x.detach().double().requires_grad_())
    values = spherical_harmonics(4, x)
    torch.testing.assert_close(values.double(), exact, rtol=2**-8, atol=1e-5)
    direction = torch.ones_like(exact)
    (slope,) = torch.autograd.grad(values, x, direction.bfloat16())
    (wanted,) = torch.autograd.grad(exact, y, direction)
    torch.testing.assert_close(slope.double(), wanted, rtol=2**-8, atol=1e-3)


def test_dtype_and_shape_are_kept() -> None:
    x = vectors(6).float().reshape(2, 3, 3)
    assert spherical_harmonics(2, x).shape == (2, 3, 9)
    assert spherical_harmonics(2, x[:0]).shape == (0, 3, 9)
    assert spherical_harmonics(2, x[0, 0]).shape == (9,)
    assert spherical_harmonics(2, x).is_contiguous()
    meta = spherical_harmonics(2, x.to("meta"))
    assert meta.shape == (2, 3, 9) and meta.dtype == torch.float32
    half = spherical_harmonics(3, x.bfloat16())
    assert half.dtype == torch.bfloat16
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(spherical_harmonics(3, x), spherical_harmonics(3, x.clone()))
        assert spherical_harmonics(3, x).dtype == torch.float32
    exact = spherical_harmonics(3, x)
    torch.testing.assert_close(spherical_harmonics(3, x.bfloat16()).float(), exact, rtol=0.05, atol=0.1)


def test_torch_func() -> None:
    x = vectors(5)
    torch.testing.assert_close(
        torch.func.vmap(lambda v: spherical_harmonics(3, v))(x), spherical_harmonics(3, x)
    )
    slope = torch.func.vmap(torch.func.grad(lambda v: spherical_harmonics(3, v).square().sum()))(x)
    assert slope.abs().max() < 1e-12, "|Y|² is constant on spheres"


def test_unknown_normalisation() -> None:
    with pytest.raises(ValueError, match="did you mean 'component'"):
        spherical_harmonics(2, vectors(1), normalisation="componnt")


def test_negative_degree() -> None:
    with pytest.raises(ValueError, match="a degree l ≥ 0"):
        spherical_harmonics(-1, vectors(1))
    with pytest.raises(ValueError, match="a degree l ≥ 0"):
        spherical_harmonic(-1, vectors(1))


# Dynamo builds an instance of the Function to trace it, which torch itself deprecates.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.unchecked
def test_compile_and_export() -> None:
    """Values and gradients; the gradient inside the compiled region too (forces)."""
    x = vectors(7)

    def energy(v: Tensor) -> Tensor:
        return (spherical_harmonics(3, v) * torch.arange(16.0)).sum().sin()

    compiled = torch.compile(lambda v: spherical_harmonics(3, v), fullgraph=True, backend="aot_eager")
    one, two = (x.clone().requires_grad_() for _ in range(2))
    torch.testing.assert_close(compiled(one), spherical_harmonics(3, two))
    compiled(one).sin().sum().backward()
    spherical_harmonics(3, two).sin().sum().backward()
    torch.testing.assert_close(one.grad, two.grad)
    forces = torch.compile(torch.func.grad(energy), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(forces(x), torch.func.grad(energy)(x))
    exported = torch.export.export(Harmonics(), (x,), dynamic_shapes=({0: torch.export.Dim("n")},))
    torch.testing.assert_close(exported.module()(x[:5]), spherical_harmonics(3, x[:5]))


class Harmonics(torch.nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return spherical_harmonics(3, x)
