"""Whether means of differences are zero: the test by flipped signs, for several elements and outputs at once.

If D_i and −D_i have the same law, then |Σ s_i D_i| for random signs s has the law of |Σ D_i|: exact for any
number of samples (Fisher 1935, The Design of Experiments, §21). The law of the largest over all rows, each in
units of its own noise, makes the errors hold for all rows together (Westfall and Young 1993). Where the law
is lopsided the test holds for many samples only (about 100 times the squared skewness), and nothing is
rejected before.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mackey.audit.expectation import SURE

_FLIPS = 4999  # so that one in 1000 has five beyond it
_BLOCKS = 1024
_GROUPS = 16  # left out in turn, for the error of the slope
_STUDENT = 4.073  # 99.95 % point of Student's t with 15 degrees of freedom (Fisher and Yates 1938, table III)
_SKEW = 0.1  # skewness / √n up to which 1 in 1000 was measured to be no more than 1 in 100
_LEVELS = 3  # of k, for a slope


@dataclass(frozen=True)
class Mean:
    """size: |mean D|. noise: of it, root mean square. limit: |E D| is below it. rejected: E D is not zero.
    skewed: it might not be, but the law is too lopsided for so few samples.
    """

    size: float
    noise: float
    limit: float
    rejected: bool
    skewed: bool


def compare_means(
    differences: list[Tensor], negligible: list[float], generator: torch.Generator
) -> list[Mean]:
    """For each (samples, numbers) array of differences. negligible: a mean no larger is zero, by rounding."""
    blocks = [_blocks(d) for d in differences]
    count = len(differences[0])
    signs = 2.0 * torch.randint(2, (_FLIPS, len(blocks[0])), generator=generator).double() - 1
    sizes = [float(d.mean(0).norm()) for d in differences]
    flipped = [_flipped(d, signs) for d in blocks]
    noises = [float(f.square().mean().sqrt()) for f in flipped]
    largest = torch.zeros(_FLIPS, dtype=torch.float64)
    for f, noise in zip(flipped, noises, strict=True):
        if noise > 0:
            largest = torch.maximum(largest, f / noise)
    bound = float(largest.sort().values[min(_FLIPS - 1, math.ceil(SURE * (_FLIPS + 1)) - 1)])
    found = []
    for d, size, noise, zero in zip(differences, sizes, noises, negligible, strict=True):
        large = size > zero and size > bound * noise
        skewed = large and _skewness(d) > _SKEW * math.sqrt(count)
        found.append(Mean(size, noise, size + bound * noise, large and not skewed, skewed))
    return found


def _skewness(d: Tensor) -> float:
    """|E t³| / (E t²)^3/2 of the differences along their mean, about it."""
    mean = d.mean(0)
    along = (d - mean) @ (mean / mean.norm())
    spread = float(along.square().mean())
    return abs(float(along.pow(3).mean())) / spread**1.5 if spread > 0 else 0.0


def _blocks(d: Tensor) -> Tensor:
    """Means of neighbours, so many that at most 1024 are left: signs are flipped for them together."""
    each = -(-len(d) // _BLOCKS)
    return d[: len(d) // each * each].unflatten(0, (-1, each)).mean(1)


def _flipped(d: Tensor, signs: Tensor) -> Tensor:
    """|Σ s_i D_i|/n for each row of signs."""
    count, width = d.shape
    if width <= count:
        return (signs @ d / count).norm(dim=1)
    gram = d @ d.T  # the same from inner products alone
    return ((signs @ gram) * signs).sum(1).clamp(min=0).sqrt() / count


def slope(d: Tensor) -> tuple[float | None, float]:
    """The slope of log E|mean of k differences| over log k, and half its 99.9 % interval by the jackknife
    over groups of calls in their order; None where there are too few.
    """
    each = len(d) // _GROUPS
    if each < 2 ** (_LEVELS - 1):
        return None, 0.0
    levels = [2**k for k in range(each.bit_length())]
    groups = d[: each * _GROUPS].unflatten(0, (_GROUPS, each))
    norms = []
    for k in levels:
        blocks = groups[:, : each // k * k].unflatten(1, (each // k, k)).mean(2)
        norms.append(blocks.norm(dim=-1).mean(1))
    sizes = torch.stack(norms)  # level, group
    total = sizes.sum(1, keepdim=True)
    without = (total - sizes) / (_GROUPS - 1)
    if float((sizes > 0).double().mean()) < 1 or float(without.min()) <= 0:
        return None, 0.0
    x = torch.tensor(levels, dtype=torch.float64).log()
    x = (x - x.mean()) / (x - x.mean()).square().sum()
    found = x @ without.log()
    centre = float(found.mean())
    error = float(((_GROUPS - 1) / _GROUPS * (found - centre).square().sum()).sqrt())
    return centre, _STUDENT * error
