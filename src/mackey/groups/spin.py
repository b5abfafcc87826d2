"""SU(2) by unit quaternions, as real 4×4 matrices [[X, −Y], [Y, X]] of U = X + iY."""

import torch
from torch import Tensor

from mackey.axes import Float
from mackey.groups.smooth import angle_ratio, sinc, versine


def spin_matrix(turn: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b 4 4"]:
    """w + xi + yj + zk as U = w − i(xσ_x + yσ_y + zσ_z): it covers the rotation `quaternion_rotation`."""
    w, x, y, z = turn.unbind(-1)
    rows = [[w, -y, z, x], [y, w, x, -z], [-z, -x, w, -y], [-x, z, y, w]]
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def spin_quaternion(a: Float[Tensor, "*b 4 4"]) -> Float[Tensor, "*b 4"]:
    """The quaternion (w, x, y, z) of an element of SU(2)."""
    w = a.diagonal(dim1=-2, dim2=-1).sum(-1) / 4
    x = (a[..., 0, 3] + a[..., 1, 2] - a[..., 2, 1] - a[..., 3, 0]) / 4
    y = (a[..., 1, 0] - a[..., 0, 1] + a[..., 3, 2] - a[..., 2, 3]) / 4
    z = (a[..., 0, 2] - a[..., 2, 0] + a[..., 3, 1] - a[..., 1, 3]) / 4
    return torch.stack([w, x, y, z], -1)


def spin_exp(coordinates: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 4 4"]:
    """exp(−i v·σ/2): v is the rotation vector of the rotation that it covers."""
    quarter = (coordinates**2).sum(-1, keepdim=True) / 4
    return spin_matrix(torch.cat([1 - quarter * versine(quarter), coordinates / 2 * sinc(quarter)], -1))


def spin_log(a: Float[Tensor, "*b 4 4"]) -> Float[Tensor, "*b 3"]:
    """v with |v| ≤ 2π; at −1, which every direction reaches, v = 2π e_x or its neighbour."""
    w, *axis = spin_quaternion(a).unbind(-1)
    v = torch.stack(axis, -1)
    square = (v**2).sum(-1)
    # Squares below `tiny` vanish: no direction can be read off, so that of x is taken.
    lost = (w < 0) & (square < 1e3 * torch.finfo(a.dtype).tiny)
    ratio = 2 * angle_ratio(torch.where(lost, 1, square), torch.where(lost, 1, w))
    whole = 2 * torch.pi * torch.eye(3, dtype=a.dtype, device=a.device)[0]
    return torch.where(lost[..., None], whole, ratio[..., None] * v)
