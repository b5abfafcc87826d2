"""det, with derivatives of every order that are finite."""

import torch
from torch import Tensor

from mackey.axes import Float


def determinant(a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
    """det a, by its polynomial up to 3×3: second derivatives of torch.linalg.det under torch.func are NaN at
    some rotations, as of torch 2.13.
    """
    n = a.shape[-1]
    if n == 1:
        return a[..., 0, 0]
    if n == 2:
        return a[..., 0, 0] * a[..., 1, 1] - a[..., 0, 1] * a[..., 1, 0]
    if n == 3:
        x, y, z = a.unbind(-2)
        return (x * torch.linalg.cross(y, z)).sum(-1)
    return torch.linalg.det(a)
