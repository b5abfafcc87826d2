"""Planted bugs that the battery must catch: a check that passes on these proves nothing.

Each mutant replaces one function by a plausible wrong one, from the defects found in published code. `check`
is the check of the battery that must fail, on any Case whose layer uses that function.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor

from mackey.integrands import Softmax, linear, steerable, twists
from mackey.lowerings import attention, grid_conv
from mackey.nn import dropout, norm, pool
from mackey.spaces import GroupGrid, Pose


@dataclass(frozen=True)
class Mutant:
    """One planted bug: `attribute` of `owner` becomes `wrong`; `check` must fail on the Cases named by
    `word`.
    """

    name: str
    owner: Any
    attribute: str
    wrong: Callable[..., Any] | Any
    check: str
    word: str

    def planted(self) -> Any:
        """A context in which the bug is there; memoised bases are forgotten on both sides."""
        return mock.patch.object(self.owner, self.attribute, self.wrong)


def _mirrored_filter(omega: Any, f: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return _CONVOLVE(omega, f, weight.flip(tuple(range(2, weight.ndim))), bias)


def _swapped_axes(omega: Any, f: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return _CONVOLVE(omega, f, weight.transpose(-1, -2), bias)


def _one_sided_padding(omega: Any, f: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    f = torch.nn.functional.pad(f, (0, 2 * omega.padding) * (f.ndim - 2))
    return torch.nn.functional.conv2d(f, weight, bias, omega.stride)


def _wrong_dual(points: np.ndarray, moves: np.ndarray, rho: Any, sigma: Any) -> Any:
    basis = _CARRIED(points, moves, rho, sigma)
    assert basis.blocks is not None
    blocks = basis.blocks.copy()
    for tap in range(len(points)):  # ρ(h) where ρ(h)⁻¹ belongs
        h = int(np.argmax(moves[:, moves[:, tap].min()] == tap))
        blocks[tap] = basis.blocks[tap] @ rho.matrices[h] @ rho.matrices[h]
    return steerable.KernelBasis(basis.count, basis.energy, points, blocks=blocks, index=basis.index)


def _shuffled_owner(points: np.ndarray, moves: np.ndarray, rho: Any, sigma: Any) -> Any:
    return _SHARED(points, np.roll(moves, 1, axis=0), rho, sigma)


def _missing_element(points: np.ndarray, moves: np.ndarray, rho: Any, sigma: Any) -> Any:
    basis = _SHARED(points, moves, rho, sigma)
    assert basis.owner is not None
    owner = np.minimum(basis.owner, basis.count - 2)
    return steerable.KernelBasis(basis.count - 1, basis.energy, points, owner=owner)


def _unnormalised(
    omega: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, mask: Tensor | None
) -> Tensor:
    if not isinstance(omega.normalise, Softmax):
        return _MIX(omega, q, k, v, bias, mask)
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    return (scores if bias is None else scores + bias).exp() @ v


def _unscaled(
    omega: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, mask: Tensor | None
) -> Tensor:
    return _MIX(omega, q * 2, k, v, bias, mask)


def _frame_blind_phase(self: Any, coordinates: Tensor, fibre: int) -> Tensor:
    """Ordinary RoPE on a regular fibre: the frequency does not turn with the orientation channel."""
    same = torch.einsum("pj,nj->np", self.weight, coordinates.to(self.weight))
    return same[..., None].expand(-1, -1, fibre)


def _mis_ordered_relative_index(
    self: Any, sizes: Any, targets: Any, spacing: int, device: torch.device
) -> Pose:
    """h·h′ for h⁻¹h′: the table index of GSA-Nets. (h′⁻¹h would be a harmless renaming.)"""
    pose = _GROUP_POSES(self, sizes, targets, spacing, device)
    H = self.group.point_group
    count = len(pose.element) // H.order
    return Pose(pose.displacement, torch.as_tensor(H.table, device=device).repeat(count, count))


def _single_channel_dropout(self: Any, x: Tensor) -> Tensor:
    """Drops orientations one by one, in a pattern that depends on the channel only."""
    mask = torch.ones(x.shape[1], dtype=x.dtype)
    mask[::3] = 0
    return x * mask.view(-1, *(1,) * (x.ndim - 2)) if self.training else x


def _scale_per_channel(self: Any, x: Tensor) -> Tensor:
    """A learned scale (or running variance) for each orientation apart."""
    return x * torch.linspace(1, 2, x.shape[1], dtype=x.dtype).view(-1, *(1,) * (x.ndim - 2))


def _no_rule(where: str, sizes: tuple[int, ...], kernel: int, stride: int, padding: int) -> tuple[int, ...]:
    return tuple((size + 2 * padding - kernel) // stride + 1 for size in sizes)


def _first_of_fibre(self: Any, x: Tensor) -> Tensor:
    return self._fibres(x)[:, :, 0]


def _free_bias(self: Any) -> Tensor | None:
    """A bias for each channel of the fibre."""
    if self.bias is None:
        return None
    spread = torch.arange(self.out_type.rep.dim, dtype=self.bias.dtype, device=self.bias.device)
    return (self.bias.sum(-1, keepdim=True) * (1 + spread)).flatten()


_CONVOLVE = grid_conv.GridConv.convolve
_CARRIED, _SHARED = steerable._carried_along, steerable._shared_weights
_MIX, _GROUP_POSES = attention._mix, GroupGrid.poses

MUTANTS = (
    Mutant(
        "mirrored filter",
        grid_conv.GridConv,
        "convolve",
        staticmethod(_mirrored_filter),
        "parity",
        "Conv p4 ",
    ),
    Mutant(
        "swapped axes",
        grid_conv.GridConv,
        "convolve",
        staticmethod(_swapped_axes),
        "equivariance",
        "Conv p4 ",
    ),
    Mutant(
        "one-sided padding",
        grid_conv.GridConv,
        "convolve",
        staticmethod(_one_sided_padding),
        "equivariance",
        "Conv p4m regular→regular 4^2 k3",
    ),
    Mutant("wrong dual", steerable, "_carried_along", _wrong_dual, "equivariance", "Conv p4 irreps→irreps"),
    Mutant(
        "shuffled weights",
        steerable,
        "_shared_weights",
        _shuffled_owner,
        "equivariance",
        "Conv p4m regular→regular 5^2 k3",
    ),
    Mutant(
        "missing basis element",
        steerable,
        "_shared_weights",
        _missing_element,
        "basis_count",
        "Conv p4m regular→regular 5^2 k3",
    ),
    Mutant(
        "bias per channel",
        linear.Linear,
        "expanded_bias",
        _free_bias,
        "equivariance",
        "Conv p4m regular→regular 5^2 k3",
    ),
    Mutant("un-normalised attention", attention, "_mix", _unnormalised, "parity", "contract none softmax k1"),
    Mutant("wrong scale of scores", attention, "_mix", _unscaled, "parity", "frame none softmax k1"),
    Mutant(
        "RoPE that does not turn",
        twists.Twist,
        "phase",
        _frame_blind_phase,
        "equivariance",
        "contract twist softmax",
    ),
    Mutant(
        "mis-ordered relative index",
        GroupGrid,
        "poses",
        _mis_ordered_relative_index,
        "equivariance",
        "lift table softmax k1 wNone",
    ),
    Mutant(
        "dropout of single orientations",
        dropout.FieldDropout,
        "forward",
        _single_channel_dropout,
        "equivariance",
        "FieldDropout regular",
    ),
    Mutant(
        "batch norm per channel",
        norm.BatchNorm,
        "forward",
        _scale_per_channel,
        "equivariance",
        "BatchNorm regular",
    ),
    Mutant(
        "first channel for the maximum", pool.GroupMax, "forward", _first_of_fibre, "equivariance", "GroupMax"
    ),
)

# A mutant of the rule that refuses: planted, a strided layer on a bad size is not equivariant.
NO_INTEGER_RULE = Mutant("no integer rule", linear, "strided_sizes", _no_rule, "equivariance", "")
