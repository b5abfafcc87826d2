"""Rules for ∫f(g)dg on the groups of rotations of the plane and of space, and on SU(2)."""

import math

import numpy as np
import torch
from torch import Tensor

from mackey.groups.matrix import Quadrature
from mackey.groups.rotation_maps import rotation_exp


def circle_quadrature(count: int) -> Quadrature:
    """`count` equispaced rotations of the plane: exact for frequencies below `count`."""
    angles = 2 * math.pi * torch.arange(count, dtype=torch.float64, device="cpu") / count
    return Quadrature(rotation_exp(angles[:, None]), angles.new_full((count,), 1 / count))


def rotation_degree(count: int) -> int:
    """The least L for which `rotation_quadrature(L)` has at least `count` points."""
    degree = 0
    while (degree + 1) ** 2 * (degree // 2 + 1) < count:
        degree += 1
    return degree


def rotation_quadrature(degree: int) -> Quadrature:
    """Exact on SO(3) for Wigner D up to degree L, that is for polynomials of degree L in the entries.

    R = R_z(α)R_y(β)R_z(γ), L + 1 equispaced α and γ, ⌊L/2⌋ + 1 Gauss–Legendre nodes cos β.
    """
    angles = 2 * math.pi * torch.arange(degree + 1, dtype=torch.float64, device="cpu") / (degree + 1)
    tilts, weights = _gauss_tilts(degree // 2 + 1)
    about_z, about_y = _about(angles, 2), _about(tilts, 1)
    elements = about_z[:, None, None] @ about_y[None, :, None] @ about_z
    return _product(elements, weights, degree + 1)


def spin_quadrature(degree: int) -> tuple[Tensor, Tensor]:
    """Unit quaternions (m, 4) and weights, exact on SU(2) for D^j up to 2j = L: polynomials of degree L in
    the entries.

    q = q_z(α)q_y(β)q_z(γ) with L + 1 equispaced α and γ in [0, 4π), ⌊L/4⌋ + 1 nodes cos β.
    """
    angles = (
        2 * math.pi * torch.arange(degree + 1, dtype=torch.float64, device="cpu") / (degree + 1)
    )  # half angles
    tilts, weights = _gauss_tilts(degree // 4 + 1)
    a, b, c = angles[:, None, None], tilts[None, :, None] / 2, angles[None, None]
    cosine, sine = b.cos(), b.sin()
    parts = [cosine * (a + c).cos(), sine * (c - a).sin(), sine * (c - a).cos(), cosine * (a + c).sin()]
    found = _product(torch.stack(torch.broadcast_tensors(*parts), -1)[..., None], weights, degree + 1)
    return found.elements[..., 0], found.weights


def spin_degree(count: int) -> int:
    """The least L for which `spin_quadrature(L)` has at least `count` points."""
    degree = 0
    while (degree + 1) ** 2 * (degree // 4 + 1) < count:
        degree += 1
    return degree


def _about(angles: Tensor, axis: int) -> Tensor:
    return rotation_exp(torch.eye(3, dtype=angles.dtype, device=angles.device)[axis] * angles[:, None])


def _gauss_tilts(count: int) -> tuple[Tensor, Tensor]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return torch.as_tensor(np.arccos(nodes), device="cpu"), torch.as_tensor(weights / 2, device="cpu")


def _product(elements: Tensor, weights: Tensor, turns: int) -> Quadrature:
    spread = weights[None, :, None].expand(elements.shape[:3]) / turns**2
    return Quadrature(elements.flatten(0, 2), spread.flatten())
