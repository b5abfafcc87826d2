"""Poses of clouds: q(x) ∈ R^{d×d} with q(gx) = g q(x), near a group that keeps a form or on it."""

from typing import Any

import torch
from torch import Tensor, nn

from mackey.axes import Float
from mackey.groups import AbstractGroup, IndefiniteOrthogonal, SpecialOrthogonal
from mackey.reps.wigner import in_full_precision
from mackey.wrap.clouds import Cloud, CloudReader
from mackey.wrap.frame_prediction import PairWeights, moving_vectors
from mackey.wrap.lorentz_frames import (
    clear_boost,
    polar_frames,
    reflecting_frames,
    rest_boost,
    time_direction,
)
from mackey.wrap.transport import form_inverse, form_signs

TINY = 1e-24
SPREAD = 6.0  # measured: of 1, 4, 6, 15, 40 the one that leaves the least distance under O(1,3)
SOFT = 1e-4  # a candidate nearer to the light cone than this is not stretched to length 1


def is_proper(group: AbstractGroup[Any] | None) -> bool:
    """Whether determinants are 1."""
    connected = isinstance(group, IndefiniteOrthogonal) and not group.reflections
    return connected or isinstance(group, SpecialOrthogonal)


class Candidates(nn.Module):
    """4d vectors that move with a cloud, the rows of V, and A(x): `columns` sums of them, by invariants.

    The rows are sums over i and j of w_ij(invariants) times vectors, half with Σ_j w_ij = 0, of length
    √|v·ηv| = 1 (at_rest: of Euclidean length 1); A is an MLP of VηVᵀ and, without reflections, of det V.
    """

    def __init__(
        self, reader: CloudReader, columns: int, *, hidden: int, unit: float, at_rest: bool = False
    ) -> None:
        super().__init__()
        assert reader.acts.linear is not None
        self.unit, self.columns, self.at_rest = unit, columns, at_rest
        self.dimension = d = len(form_signs(reader.acts.linear))
        self.count = 4 * d
        sources = reader.count + int(reader.position is not None)
        self.weights = PairWeights(reader, self.count * sources, hidden=hidden, unit=unit)
        with torch.no_grad():  # candidates that are not almost all parallel
            for layer in (self.weights.here, self.weights.there, self.weights.pair):
                layer.weight.mul_(SPREAD)
        self.handed = is_proper(reader.acts.linear)
        self.mix = nn.Sequential(
            nn.Linear(self.count**2 + 1 + int(self.handed), hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, self.count * columns),
        )

    def forward(self, cloud: Cloud) -> tuple[Float[Tensor, "b k d"], Float[Tensor, "b d c"]]:
        """V and the sums Vᵀ A."""
        weights = self.weights(cloud).unflatten(-1, (self.count, -1))
        contrast, plain = weights.chunk(2, 3)
        weights = torch.cat([contrast - _mean(contrast, cloud), plain], 3)
        vectors, _ = moving_vectors(weights, cloud)
        there = torch.ones_like(vectors[..., 0, 0]) if cloud.mask is None else cloud.mask.to(vectors)
        count = there.sum(1).clamp_min(1)[:, None, None]
        V = (vectors * there[..., None, None]).sum(1) / (count * self.unit)
        form = self.weights.form.to(V)
        own = (V * V if self.at_rest else V * form * V).sum(-1, keepdim=True) ** 2
        size = (own + SOFT * own.mean(1, keepdim=True) + TINY).sqrt()  # of each candidate, never 0
        V = V / size.sqrt()
        invariants = [(V * form @ V.mT).flatten(1), size.mean((1, 2))[:, None].log()]
        if self.handed:
            invariants.append(torch.linalg.det(V[:, : self.dimension])[:, None])
        A = self.mix(torch.asinh(torch.cat(invariants, 1)).to(weights.dtype)).double()
        return V, V.mT @ A.unflatten(1, (self.count, self.columns))


def _mean(weights: Tensor, cloud: Cloud) -> Tensor:
    """Over the points j that are there."""
    if cloud.mask is None:
        return weights.mean(2, keepdim=True)
    there = cloud.mask[:, None, :, None, None].to(weights)
    return (weights * there).sum(2, keepdim=True) / there.sum(2, keepdim=True).clamp_min(1)


class CloudPose(nn.Module):
    """q(x) = Vᵀ A, equivariant for every cloud. Nothing bounds q: the loss does.

    Under O(n) and SO(n) it finds the group in some hundred steps (distance below 0.01).
    """

    def __init__(self, reader: CloudReader, *, hidden: int = 32, unit: float = 1.0) -> None:
        super().__init__()
        columns = len(form_signs(reader.acts.linear)) if reader.acts.linear is not None else 0
        self.reader, self.candidates = reader, Candidates(reader, columns, hidden=hidden, unit=unit)

    def forward(self, *inputs: Tensor) -> Float[Tensor, "b d d"]:
        return self.candidates(self.reader.read(inputs))[1]


class LorentzPose(nn.Module):
    """q(x) ∈ O(1, 3) or SO⁺(1, 3): at rest with the `time_direction` of V, turned by the columns of VᵀA.

    V and A are found where the cloud itself is at rest, BX, in numbers that no boost of X has made large.
    Exact where the vectors of the cloud span R⁴, q then being on the group to rounding; finite everywhere.
    """

    def __init__(self, reader: CloudReader, *, hidden: int = 32, unit: float = 1.0) -> None:
        super().__init__()
        group = reader.acts.linear
        assert isinstance(group, IndefiniteOrthogonal)
        self.proper = is_proper(group)
        self.reader = reader
        columns = 3 if self.proper else 4
        self.candidates = Candidates(reader, columns, hidden=hidden, unit=unit, at_rest=True)
        self.signs = tuple(float(sign) for sign in form_signs(group))

    def forward(self, *inputs: Tensor) -> Float[Tensor, "b 4 4"]:
        cloud = self.reader.read(inputs)
        still = _at_rest(cloud)
        V, columns = self.candidates(cloud.moved(still))
        first, references = columns[..., 0], columns[..., 1:].mT
        time = time_direction(V, first)
        if self.proper:
            L = polar_frames(time * torch.where(time[:, :1] < 0, -1.0, 1.0), references)
        else:
            L = reflecting_frames(time, references)
        with in_full_precision(L):
            return form_inverse(L @ still, torch.tensor(self.signs, dtype=L.dtype, device=L.device))


def _at_rest(cloud: Cloud) -> Float[Tensor, "b 4 4"]:
    """The boost B to where Σ v vᵀ mixes no space and time, found in three steps.

    The first, to rest with Σ v where that is clearly time-like, may be any boost; it makes numbers small. The
    others are `time_direction`, once more where it is nearly at rest, to rounding.
    """
    parts = [cloud.vectors] if cloud.positions is None else [cloud.vectors, cloud.positions[:, :, None]]
    rows = torch.cat(parts, 2)
    if cloud.mask is not None:
        rows = rows * cloud.mask[..., None, None]
    rows = rows.flatten(1, 2)
    found = clear_boost(rows.sum(1))
    with in_full_precision(rows):
        for _ in range(2):
            seen = rows @ found.mT
            found = rest_boost(time_direction(seen, seen.sum(1))) @ found
    return found
