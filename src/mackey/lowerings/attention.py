"""An attention integrand is one scaled_dot_product_attention call, whatever the axis policy."""

import math

import torch
from torch import Tensor

from mackey.integrands import AbstractIntegrand, All, Attention, Softmax
from mackey.lowerings.abstract import AbstractLowering
from mackey.lowerings.grid_conv import GridConv
from mackey.spaces import Grid


class SDPA(AbstractLowering):
    """(q, k, v) by one matrix product or convolution, a view of the tokens per axis policy, one attention
    call.

    The rows of W_q, W_k, W_v (and the columns of W_O) are put in the order in which every view is free, so
    that weights are permuted instead of activations, and the last axis is contiguous.
    """

    name = "attention"

    def why_not(self, omega: AbstractIntegrand) -> str | None:
        if not isinstance(omega, Attention):
            return f"{type(omega).__name__} is not an attention (score: dot, message: value)"
        return None

    def __call__(self, omega: AbstractIntegrand, f: Tensor) -> Tensor:
        assert isinstance(omega, Attention)
        sizes = omega.output_sizes(omega.in_type.domain.sizes(f))
        q, k, v = _queries_keys_values(omega, f)
        if omega.position.needs_coordinates():
            coordinates = omega.in_type.domain.coordinates(sizes, f.device)
            q, k = omega.position.turn(q, coordinates), omega.position.turn(k, coordinates)
        q, k, v = omega.axis.to_sequence(q), omega.axis.to_sequence(k), omega.axis.to_sequence(v)
        mixed = _mix(omega, q, k, v, *_bias_and_mask(omega, q, sizes))
        return _project(omega, omega.axis.from_sequence(mixed, omega.out_type.rep.dim, omega.heads), sizes)

    def flops(self, omega: AbstractIntegrand, f: Tensor) -> int:
        assert isinstance(omega, Attention)
        sizes = omega.in_type.domain.sizes(f)
        points, order = math.prod(sizes), omega.out_type.rep.dim
        tokens = points * (order if omega.axis.crosses_orientations else 1)
        mixing = 4 * len(f) * points * tokens * omega.out_type.channels
        taps = len(omega.pre.basis.points)
        maps = omega.pre.in_type.channels * omega.pre.out_type.channels * taps + omega.out_type.channels**2
        return mixing + 2 * len(f) * points * maps


def _rows(omega: Attention, full: Tensor) -> Tensor:
    """Rows (part, heads, e, d) of the fused map in the order of the axis policy; e stays innermost."""
    parts = full.unflatten(0, (3, omega.heads, -1, omega.out_type.rep.dim)).movedim(3, 1)  # part d heads e
    first, second, third = omega.axis.row_order
    return parts.permute(first, second, third, *range(3, parts.ndim)).flatten(0, 3)


def _queries_keys_values(omega: Attention, f: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """q, k, v as tokens (b, n, d, heads, e)."""
    linear = omega.pre
    weight, bias = _rows(omega, linear.filter()), linear.expanded_bias()
    bias = None if bias is None else _rows(omega, bias)
    domain = omega.in_type.domain
    if isinstance(domain, Grid) and linear.kernel_size > 1:
        tokens = GridConv.convolve(linear, f, weight, bias).flatten(2).transpose(1, 2).contiguous()
    else:
        tokens = f.flatten(2).transpose(1, 2) if isinstance(domain, Grid) else f
        tokens = torch.nn.functional.linear(tokens, weight.flatten(1), bias)
    sizes = (3, omega.out_type.rep.dim, omega.heads)
    order = omega.axis.row_order
    parts = tokens.unflatten(-1, (*(sizes[axis] for axis in order), -1))
    back = [2 + order.index(axis) for axis in range(3)]
    q, k, v = parts.permute(0, 1, *back, 5).unbind(2)
    return q, k, v


def _bias_and_mask(
    omega: Attention, q: Tensor, sizes: tuple[int, ...]
) -> tuple[Tensor | None, Tensor | None]:
    """What is added to the scores, (…, maps·heads, t, s), and which pairs are in the window, (maps·heads, t,
    s).
    """
    windowed = not isinstance(omega.window, All)
    if not windowed and not omega.position.needs_poses():
        return None, None
    pose = omega.axis.poses(omega.out_type, sizes, q.device)
    maps = len(pose.element)
    bias = omega.position.bias(q.unflatten(1, (maps, omega.heads)), pose)
    mask = omega.window.contains(pose).repeat_interleave(omega.heads, 0) if windowed else None
    return None if bias is None else bias.flatten(-4, -3), mask


def _mix(
    omega: Attention, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, mask: Tensor | None
) -> Tensor:
    if isinstance(omega.normalise, Softmax):
        if mask is not None:
            outside = torch.zeros_like(mask, dtype=q.dtype).masked_fill(~mask, -math.inf)
            bias = outside if bias is None else bias + outside
        added = None if bias is None else bias.to(q.dtype).expand(q.shape[0], *bias.shape[-3:])
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=added)
    count = k.shape[-2] if mask is None else mask.sum(-1, keepdim=True).to(q.dtype)
    scale = 1 / math.sqrt(q.shape[-1]) / (count if omega.normalise.averages else 1)
    if bias is None and mask is None:
        return (q * scale) @ (k.transpose(-1, -2) @ v)  # linear in the number of points
    scores = q @ k.transpose(-1, -2) * scale
    if bias is not None:
        scores = scores + bias / (count if omega.normalise.averages else 1)
    return (scores if mask is None else scores.masked_fill(~mask, 0)) @ v


def _project(omega: Attention, tokens: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """W_O on tokens (b, n, d, heads, e), its columns in the order in which they lie in memory."""
    linear = omega.post
    columns = linear.filter().flatten(1).unflatten(1, (omega.heads, -1, omega.out_type.rep.dim)).movedim(3, 1)
    if omega.axis.row_order == (0, 2, 1):
        tokens, columns = tokens.transpose(2, 3), columns.transpose(1, 2)
    out = torch.nn.functional.linear(tokens.flatten(2), columns.flatten(1), linear.expanded_bias())
    return out.transpose(1, 2).unflatten(2, sizes) if isinstance(omega.in_type.domain, Grid) else out
