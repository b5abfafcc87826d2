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
        q, k, v = (omega.axis.to_sequence(part) for part in _queries_keys_values(omega, f, sizes))
        mixed = _mix(omega, q, k, v, *_bias_and_mask(omega, q, sizes))
        return _project(omega, omega.axis.from_sequence(mixed, omega.out_type.rep.dim, omega.heads), sizes)

    def flops(self, omega: AbstractIntegrand, f: Tensor) -> int:
        """The turn of q and k, the softmax and the window are not counted."""
        assert isinstance(omega, Attention)
        field, points = omega.out_type, math.prod(omega.in_type.domain.sizes(f))
        over_group = omega.feature_type.domain != field.domain
        width = field.multiplicity // omega.heads * (1 if over_group else field.rep.dim)
        tokens = points * (field.rep.dim if omega.axis.crosses_orientations else 1)
        numbers = len(f) * points * field.channels
        mixing = 4 * numbers * (width if _is_linear(omega) else tokens) + omega.position.flops(numbers)
        taps = len(omega.pre.basis.points)
        maps = omega.pre.in_type.channels * omega.pre.out_type.channels * taps + field.channels**2
        return mixing + 2 * len(f) * points * maps


def _is_linear(omega: Attention) -> bool:
    """Whether the sources can be summed before they meet a query: q (kᵀ v), linear in the points."""
    plain = isinstance(omega.window, All) and not omega.position.needs_poses()
    return plain and not isinstance(omega.normalise, Softmax)


def _rows(omega: Attention, full: Tensor) -> Tensor:
    """Rows (part, heads, e, d) of the fused map in the order of the axis policy."""
    parts = full.unflatten(0, (3, omega.heads, -1, omega.out_type.rep.dim))
    return parts.permute(*omega.axis.row_order, *range(4, parts.ndim)).flatten(0, 3)


def _queries_keys_values(omega: Attention, f: Tensor, sizes: tuple[int, ...]) -> tuple[Tensor, ...]:
    """q, k, v as tokens (b, n, heads, e, d), q and k turned by the position."""
    linear = omega.pre
    weight, bias = _rows(omega, linear.filter()), linear.expanded_bias()
    bias = None if bias is None else _rows(omega, bias)
    domain, field = omega.in_type.domain, omega.out_type
    if isinstance(domain, Grid) and linear.kernel_size > 1:
        # a copy here, or the last axis is strided and torch leaves its fused path
        tokens = GridConv.convolve(linear, f, weight, bias).flatten(2).transpose(1, 2).contiguous()
    else:
        tokens = f.flatten(2).transpose(1, 2) if isinstance(domain, Grid) else f
        tokens = torch.nn.functional.linear(tokens, weight.flatten(1), bias)
    lengths = (3, omega.heads, field.multiplicity // omega.heads, field.rep.dim)
    order = omega.axis.row_order
    parts = tokens.unflatten(-1, tuple(lengths[axis] for axis in order))
    parts = parts.permute(0, 1, *(2 + order.index(axis) for axis in range(4)))
    if not omega.position.needs_coordinates():
        return parts.unbind(2)
    key = (sizes, f.device)
    coordinates = omega.memo.get("coordinates", key, lambda: domain.coordinates(sizes, f.device))
    turning, v = parts.split((2, 1), 2)
    q, k = omega.position.turn(turning, coordinates).unbind(2)
    return q, k, v.squeeze(2)


def _bias_and_mask(
    omega: Attention, q: Tensor, sizes: tuple[int, ...]
) -> tuple[Tensor | None, Tensor | None]:
    """What is added to the scores, (…, maps·heads, t, s), and which pairs are in the window, (maps·heads, t,
    s).
    """
    bias = mask = None
    key = (sizes, q.device)
    if omega.position.needs_poses():
        index = omega.memo.get("entries", key, lambda: _entries(omega, sizes, q.device))
        bias = omega.position.bias(q.unflatten(1, (len(index), omega.heads)), index).flatten(-4, -3)
    if not isinstance(omega.window, All):
        mask = omega.memo.get("window", key, lambda: _inside(omega, sizes, q.device))
    return bias, mask


def _entries(omega: Attention, sizes: tuple[int, ...], device: torch.device) -> Tensor:
    index = omega.position.entries(omega.axis.poses(omega.out_type, sizes, device))
    assert index is not None
    return index


def _inside(omega: Attention, sizes: tuple[int, ...], device: torch.device) -> Tensor:
    pose = omega.axis.poses(omega.out_type, sizes, device)
    return omega.window.contains(pose).repeat_interleave(omega.heads, 0)


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
    if _is_linear(omega):
        return (q * scale) @ (k.transpose(-1, -2) @ v)
    scores = q @ k.transpose(-1, -2) * scale
    if bias is not None:
        scores = scores + bias / (count if omega.normalise.averages else 1)
    return (scores if mask is None else scores.masked_fill(~mask, 0)) @ v


def _project(omega: Attention, tokens: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """W_O on tokens (b, n, heads, e, d), its columns in the order in which they lie in memory."""
    linear = omega.post
    columns = linear.filter().flatten(1).unflatten(1, (omega.heads, -1, omega.out_type.rep.dim))
    order = [axis for axis in omega.axis.row_order if axis > 0]
    tokens = tokens.permute(0, 1, *(1 + axis for axis in order)).flatten(2)
    columns = columns.permute(0, *order).flatten(1)
    out = torch.nn.functional.linear(tokens, columns, linear.expanded_bias())
    return out.transpose(1, 2).unflatten(2, sizes) if isinstance(omega.in_type.domain, Grid) else out
