"""Between rotations, rotation vectors and quaternions, accurate at the identity and at angle π.

so(n) has the coordinates of `rotation_basis`: the counter-clockwise angle for n = 2, the right-handed
rotation vector (L_x, L_y, L_z) for n = 3, the angles of the planes e_i → e_j, i < j, otherwise. n = 2 and 3
are closed formulas, good for compiling and for derivatives of any order; n ≥ 4 is numerical, in float64.
"""

from itertools import combinations
from math import isqrt

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Float
from mackey.groups.logarithms import average_exp, log_coordinates, matrix_exp, orthogonal_log
from mackey.groups.smooth import angle_ratio, half_cotangent, sinc, sine_rest, versine


def rotation_planes(n: int) -> tuple[tuple[int, int], ...]:
    """The planes (i, j) of the coordinates of so(n): each turns e_i to e_j."""
    return ((1, 2), (2, 0), (0, 1)) if n == 3 else tuple(combinations(range(n), 2))


def rotation_basis(n: int) -> np.ndarray:
    """(n(n−1)/2, n, n)."""
    planes = rotation_planes(n)
    basis = np.zeros((len(planes), n, n))
    for index, (i, j) in enumerate(planes):
        basis[index, j, i], basis[index, i, j] = 1, -1
    return basis


def rotation_exp(coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
    """exp(Σ v_i L_i) by Rodrigues' formula, 1 + sin θ/θ·A + (1 − cos θ)/θ²·A²."""
    tangent = _hat(coordinates)
    n = tangent.shape[-1]
    if n > 3:
        return matrix_exp(tangent)
    square = (coordinates**2).sum(-1)[..., None, None]
    return _one(tangent) + sinc(square) * tangent + versine(square) * (tangent @ tangent)


def rotation_log(rotation: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b k"]:
    """v with exp(v) = R and all angles in [0, π]; at π one of the shortest ones.

    n = 2 and n = 3 (by the quaternion) have the accuracy of the entries of R at every angle, with finite
    gradients. For n ≥ 4 the gradient at two angles π + π is one of the finite ones of least norm.
    """
    n = rotation.shape[-1]
    if n == 1:
        return rotation.flatten(-2)[..., :0]
    if n == 2:
        sine = rotation[..., 1, 0] - rotation[..., 0, 1]
        return torch.atan2(sine, rotation[..., 0, 0] + rotation[..., 1, 1])[..., None]
    if n == 3:
        turn = _unscaled_quaternion(rotation)
        turn = turn * torch.where(turn[..., :1] < 0, -1, 1)
        return 2 * angle_ratio((turn[..., 1:] ** 2).sum(-1), turn[..., 0])[..., None] * turn[..., 1:]
    with torch.no_grad():
        found = _vee(orthogonal_log(rotation.detach().double()))
    return log_coordinates(rotation, found, rotation_basis(n))


def rotation_average(coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
    """∫₀¹ exp(s v) ds."""
    tangent = _hat(coordinates)
    if tangent.shape[-1] > 3:
        return average_exp(tangent)
    square = (coordinates**2).sum(-1)[..., None, None]
    return _one(tangent) + versine(square) * tangent + sine_rest(square) * (tangent @ tangent)


def rotation_average_inverse(coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
    """(∫₀¹ exp(s v) ds)⁻¹ = 1 − A/2 + (1 − (θ/2)cot(θ/2))/θ²·A²; finite for angles below 2π."""
    tangent = _hat(coordinates)
    if tangent.shape[-1] > 3:
        return torch.linalg.inv(average_exp(tangent))
    square = (coordinates**2).sum(-1)[..., None, None]
    return _one(tangent) - tangent / 2 + half_cotangent(square) * (tangent @ tangent)


def quaternion(rotation: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 4"]:
    """The unit quaternion (w, x, y, z) with w ≥ 0 of a rotation of space."""
    turn = _unscaled_quaternion(rotation)
    turn = turn * torch.where(turn[..., :1] < 0, -1, 1)
    return turn / torch.linalg.vector_norm(turn, dim=-1, keepdim=True)


def quaternion_rotation(turn: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b 3 3"]:
    """The rotation x → q x q⁻¹ of a quaternion q = (w, x, y, z) of any length but 0."""
    turn = turn / torch.linalg.vector_norm(turn, dim=-1, keepdim=True)
    half = _hat(turn[..., 1:])
    return _one(half) + 2 * turn[..., :1, None] * half + 2 * (half @ half)


def _unscaled_quaternion(rotation: Tensor) -> Tensor:
    """q_k·q for the largest |q_k|, up to the factor 4 (Shepperd, 1978)."""
    (a, b, c), (d, e, f), (g, h, i) = (row.unbind(-1) for row in rotation.unbind(-2))
    products = torch.stack(
        [
            torch.stack([1 + a + e + i, h - f, c - g, d - b], -1),
            torch.stack([h - f, 1 + a - e - i, b + d, c + g], -1),
            torch.stack([c - g, b + d, 1 - a + e - i, f + h], -1),
            torch.stack([d - b, c + g, f + h, 1 - a - e + i], -1),
        ],
        -2,
    )
    largest = products.detach().diagonal(dim1=-2, dim2=-1).argmax(-1)
    chosen = largest[..., None, None].expand(*largest.shape, 1, 4)
    return products.gather(-2, chosen).squeeze(-2)


def _hat(coordinates: Tensor) -> Tensor:
    if coordinates.shape[-1] == 3:
        x, y, z = coordinates.unbind(-1)
        o = torch.zeros_like(x)
        return torch.stack([o, -z, y, z, o, -x, -y, x, o], -1).unflatten(-1, (3, 3))
    n = (1 + isqrt(1 + 8 * coordinates.shape[-1])) // 2
    basis = torch.as_tensor(rotation_basis(n), device="cpu").to(coordinates)
    return torch.einsum("...k,kij->...ij", coordinates, basis)


def _vee(tangent: Tensor) -> Tensor:
    i, j = zip(*rotation_planes(tangent.shape[-1]), strict=True)
    return (tangent[..., list(j), list(i)] - tangent[..., list(i), list(j)]) / 2


def _one(like: Tensor) -> Tensor:
    return torch.eye(like.shape[-1], dtype=like.dtype, device=like.device)
