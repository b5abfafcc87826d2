"""A linear map between direct sums as a few matrix products on the channels."""

import torch
from torch import Tensor

from mackey.integrands import AbstractIntegrand, BlockLinear
from mackey.integrands.blocks import Pair
from mackey.lowerings.abstract import AbstractLowering

# Multiply–adds: at 2.6 million the convolution lost, at 10 million it won (2 cores of AMD EPYC).
_LARGE = 2**23


class Blocks(AbstractLowering):
    """y_j = Σ_i Σ_r B_r (x_i w_r) + b: Schur's lemma makes most pairs one product x_i w.

    Where there are more maps than output coordinates, κ of the pair is written out instead.
    """

    name = "blocks"

    def why_not(self, omega: AbstractIntegrand) -> str | None:
        if isinstance(omega, BlockLinear):
            return None
        return f"{type(omega).__name__} is not a linear map between direct sums at a point"

    def __call__(self, omega: AbstractIntegrand, f: Tensor) -> Tensor:
        assert isinstance(omega, BlockLinear)
        parts = [
            x.unflatten(-1, (block.rep.dim, block.multiplicity))
            for x, block in zip(f.split([b.dim for b in omega.sources], -1), omega.sources, strict=True)
        ]
        sums: list[Tensor | None] = [None] * len(omega.targets)
        for number, pair in enumerate(omega.pairs):
            term = _apply(parts[pair.source], omega.channel_maps(pair), omega.basis(number), pair)
            so_far = sums[pair.target]
            sums[pair.target] = term if so_far is None else so_far + term
        rows: list[Tensor] = []
        for number, (total, block) in enumerate(zip(sums, omega.targets, strict=True)):
            shape = (*f.shape[:-1], block.rep.dim, block.multiplicity)
            row = f.new_zeros(shape) if total is None else total
            offset = omega.block_offset(number)
            rows.append((row if offset is None else row + offset).flatten(-2))
        return torch.cat(rows, -1) if len(rows) > 1 else rows[0]

    def flops(self, omega: AbstractIntegrand, f: Tensor) -> int:
        assert isinstance(omega, BlockLinear)
        return 2 * len(f) * sum(min(_mixing(pair), _dense(pair)) for pair in omega.pairs)


def _apply(x: Tensor, maps: Tensor, basis: Tensor, pair: Pair) -> Tensor:
    """Σ_r B_r x w_r for x (b, d_ρ, m_in)."""
    if pair.is_scalar:
        return _product(x, maps[0])
    count, d_out, d_in = basis.shape
    if _dense(pair) < _mixing(pair):
        kappa = torch.einsum("roi,rcn->icon", basis, maps).reshape(d_in * x.shape[-1], -1)
        return (x.flatten(-2) @ kappa).unflatten(-1, (d_out, -1))
    mixed = x @ maps.permute(1, 0, 2).flatten(1)  # b d_in (r m_out)
    mixed = mixed.unflatten(-1, (count, -1)).flatten(-3, -2)
    return basis.permute(1, 2, 0).flatten(1) @ mixed


def _product(x: Tensor, weight: Tensor) -> Tensor:
    """x w on the channels, the last axis.

    On a CPU without gradients as a 1×1 convolution with the channel last: oneDNN runs it at twice the speed
    of the BLAS product where that is MKL on AMD (measured; with gradients the product is faster).
    """
    tracked = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
    plain = tracked or torch.compiler.is_compiling()
    if plain or x.numel() * weight.shape[1] < _LARGE or x.device.type != "cpu" or x.dtype != torch.float32:
        return x @ weight
    rows = x.reshape(1, -1, 1, x.shape[-1]).movedim(-1, 1)
    kernel = weight.mT.contiguous()[..., None, None]
    return torch.conv2d(rows, kernel).movedim(1, -1).reshape(*x.shape[:-1], -1)


def _mixing(pair: Pair) -> int:
    """Multiply–adds a sample: channels first, then the basis."""
    count, m_in, m_out = pair.shape
    d_out, d_in = pair.basis.shape[1:]
    return d_in * m_in * m_out if pair.is_scalar else count * d_in * m_out * (m_in + d_out)


def _dense(pair: Pair) -> int:
    _, m_in, m_out = pair.shape
    d_out, d_in = pair.basis.shape[1:]
    return d_out * d_in * m_in * m_out
