"""The logarithm of SO⁺(1, 3) through SL(2, C), onto and accurate also where a rotation is by π."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Float

_TERMS = 12


def lorentz_log(a: Float[Tensor, "*b 4 4"]) -> Float[Tensor, "*b 6"]:
    """(θ, η) with a = exp(θ·L + η·K), |θ along the axis| ≤ π; coordinates (t, x, y, z).

    a = M X M† for M = w + v·σ in SL(2, C). Q = (w, v) follows from Q Q†, which is linear in a, by its
    largest column; det M = 1 fixes the phase and Re w ≥ 0 the sign.
    """
    table = torch.as_tensor(_spinor_table(), device="cpu").to(a.device)
    products = (table @ a.flatten(-2).to(table.dtype)[..., None]).squeeze(-1).unflatten(-1, (4, 4))
    largest = products.detach().diagonal(dim1=-2, dim2=-1).real.argmax(-1)
    chosen = largest[..., None, None].expand(*largest.shape, 4, 1)
    spinor = products.gather(-1, chosen).squeeze(-1)
    scale = spinor[..., 0] ** 2 - (spinor[..., 1:] ** 2).sum(-1)
    spinor = spinor / torch.sqrt(scale)[..., None]
    spinor = spinor * torch.where(spinor[..., :1].real < 0, -1, 1)
    w, v = spinor[..., 0], spinor[..., 1:]
    u = 2 * _ratio(w, (v**2).sum(-1))[..., None] * v
    return torch.cat([-u.imag, u.real], -1).to(a.dtype)


def _ratio(w: Tensor, square: Tensor) -> Tensor:
    """ω/sinh ω for cosh ω = w, Re w ≥ 0, and sinh²ω = `square`."""
    small = square.abs() < 1e-2
    below = torch.where(small, square, 0)
    series = torch.full_like(below, _arcsine_terms()[-1])
    for term in reversed(_arcsine_terms()[:-1]):
        series = series * below + term
    root = torch.sqrt(torch.where(small, 1, square))
    root = root * torch.where((root.detach() * w.detach().conj()).real < 0, -1, 1)
    return torch.where(small, series, torch.log(torch.where(small, 2, w) + root) / root)


@lru_cache
def _arcsine_terms() -> tuple[float, ...]:
    """Of arsinh(s)/s in powers of s²."""
    terms = [1.0]
    for k in range(1, _TERMS):
        terms.append(-terms[-1] * (2 * k - 1) ** 2 / (2 * k * (2 * k + 1)))
    return tuple(terms)


@lru_cache
def _spinor_table() -> np.ndarray:
    """From Λ_μν = ½ tr(σ_μ M σ_ν M†), the map Λ → Q Q†, (16, 16)."""
    pauli = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    forward = np.einsum("mij,ajk,nkl,bli->mnab", pauli, pauli, pauli, pauli) / 2
    return np.rint(4 * np.linalg.inv(forward.reshape(16, 16)).view(np.float64)).view(np.complex128) / 4
