"""Wigner D of rotation matrices, real, without angles: polynomials in the entries of R, smooth everywhere."""

from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from math import sqrt

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Float
from mackey.errors import sentence
from mackey.reps.coupling import clebsch_gordan
from mackey.reps.traced import constant


def wigner_d(l: int, rotation: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b m m"]:
    """D_l(R), orthogonal, in the basis of `spherical_harmonics`: Y_l(Rx) = D_l(R) Y_l(x), and D_1(R) = R.

    C D_l = (D_{l−1} ⊗ R) C for the isometry C from l into (l−1)⊗1, so each column of D_l is C^T applied to
    one product of a column of D_{l−1} and the column R_y, or, for m = ±l, to two with R_x and R_z. Defined
    by the polynomial for any matrix; for O(3) multiply by the parity outside.
    """
    refuse_degree("reps.wigner_d", l)
    refuse_shape("reps.wigner_d", rotation, 3, 3)
    batch = rotation.shape[:-2]
    if l == 0:
        return torch.ones_like(rotation[..., :1, :1])
    with in_full_precision(rotation):
        return _recursion(l, rotation.reshape(-1, 3, 3)).reshape(*batch, 2 * l + 1, 2 * l + 1)


def _recursion(l: int, rotation: Float[Tensor, "b 3 3"]) -> Float[Tensor, "b m m"]:
    """The batch stands last inside, so that every step is a product of long contiguous rows."""
    found = rotation.permute(1, 2, 0).contiguous()
    x, y, z = found.unbind(1)  # columns of R
    for degree in range(2, l + 1):
        isometry, weights = (torch.as_tensor(table).to(rotation) for table in _step(degree))
        low, high = found[None, :, :1], found[None, :, -1:]
        inner = found[None] * (y[:, None] * weights[1:])[:, None]
        x_, z_ = ((part * weights[0])[:, None, None] for part in (x, z))
        first, last = low * z_ + high * x_, high * z_ - low * x_
        products = torch.cat([first, inner, last], 2)
        found = (isometry @ products.flatten(0, 1).flatten(1)).unflatten(1, (2 * degree + 1, -1))
    return found.permute(2, 0, 1).contiguous()


@constant
def _step(l: int) -> tuple[np.ndarray, np.ndarray]:
    return _cached_step(l)


@lru_cache(maxsize=64)
def _cached_step(l: int) -> tuple[np.ndarray, np.ndarray]:
    """Cᵀ (2l+1, 3(2l−1)), and one over the overlap of each product with its column: of the two edges, then of
    m = −(l−1)…l−1.
    """
    isometry = clebsch_gordan(l - 1, 1, l) * sqrt(2 * l + 1)
    overlaps = [2 * isometry[-1, 2, -1], *(isometry[m - 1, 1, m] for m in range(1, 2 * l))]
    return np.ascontiguousarray(isometry.transpose(2, 1, 0).reshape(2 * l + 1, -1)), 1 / np.array(overlaps)[
        :, None
    ]


def refuse_degree(where: str, l: int) -> None:
    """Raise for a negative degree."""
    if l < 0:
        raise ValueError(
            sentence(
                where, wanted="a degree l ≥ 0", got=str(l), remedy="count degrees from l = 0, the scalar"
            )
        )


def refuse_shape(where: str, x: Tensor, *last: int) -> None:
    """Raise unless the last axes have these lengths."""
    if x.shape[-len(last) :] != last:
        raise ValueError(
            sentence(
                where,
                wanted=f"last axes of lengths {last}",
                got=f"shape {tuple(x.shape)}",
                remedy="put batch axes first",
            )
        )


def in_full_precision(like: Tensor) -> AbstractContextManager[object]:
    """Autocast off where there is one: matrix products with exact constants keep the dtype of their input."""
    kind = like.device.type
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()


@lru_cache(maxsize=64)
def rotation_generators(l: int) -> np.ndarray:
    """dD_l of the unit angular velocities about x, y, z, (3, 2l+1, 2l+1), read-only; [L_x, L_y] = L_z.

    C^T (L⊗1 + 1⊗L) C, as D_l is C^T (D_{l−1} ⊗ R) C.
    """
    vector = np.zeros((3, 3, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        vector[i, k, j], vector[i, j, k] = 1, -1
    found = np.zeros((3, 1, 1)) if l == 0 else vector
    if l > 1:
        C = clebsch_gordan(l - 1, 1, l) * sqrt(2 * l + 1)
        found = np.einsum("aim,nab,bip->nmp", C, rotation_generators(l - 1), C)
        found = found + np.einsum("aim,nij,ajp->nmp", C, vector, C)
    found.setflags(write=False)
    return found
