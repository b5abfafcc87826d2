"""Frames predicted from a cloud: vectors that move with it, weighted by what does not; one frame a point."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import Guarantee
from mackey.groups import AbstractMatrixGroup, IndefiniteOrthogonal, Orthogonal, SpecialOrthogonal
from mackey.integrands.constants import AbstractConstants
from mackey.wrap.clouds import Cloud, CloudReader
from mackey.wrap.lorentz_frames import clear_boost, polar_frames
from mackey.wrap.rotation_frames import mirrored_frames, plane_frames, space_frames
from mackey.wrap.transport import form_signs


class PairWeights(AbstractConstants):
    """w_ij = MLP(s_i, s_j, |v_ia|², |v_ja|², ⟨v_ia, v_jb⟩, |x_j − x_i|², ⟨v, x_j − x_i⟩), through arsinh.

    unit: the length in which the vectors are measured, for the invariants only. All n² pairs. more: vectors
    and scalars that each point of a cloud has besides those that the reader finds.
    """

    form: Tensor

    def __init__(
        self, reader: CloudReader, out: int, *, hidden: int = 32, unit: float = 1.0, more: int = 0
    ) -> None:
        super().__init__()
        group, a = reader.acts.linear, reader.count + more
        assert group is not None
        placed = reader.position is not None
        self.unit = unit
        self.hold("form", form_signs(group))
        self.here, self.there = (nn.Linear(1 + reader.scalars + more + a, hidden) for _ in range(2))
        pairs = a * a + (1 + 2 * a if placed else 0)
        self.pair = nn.Linear(pairs, hidden, bias=False)
        self.out = nn.Linear(hidden, out)

    def forward(self, cloud: Cloud) -> Float[Tensor, "b n n k"]:
        v = cloud.vectors / self.unit
        lowered = v * self.form.to(v)
        own = [torch.ones_like(v[..., 0, 0])[..., None] if v.shape[2] else _ones(cloud), cloud.scalars]
        own.append(torch.asinh((v * lowered).sum(-1)))
        pairs = [torch.einsum("biad,bjcd->bijac", lowered, v).flatten(3)]
        if cloud.positions is not None:
            x = cloud.positions / self.unit
            step = x[:, None] - x[:, :, None]  # b i j d
            pairs.append((step * step * self.form.to(step)).sum(-1, keepdim=True))
            pairs.append(torch.einsum("biad,bijd->bija", lowered, step))
            pairs.append(torch.einsum("bjad,bijd->bija", lowered, step))
        dtype = self.out.weight.dtype
        point, pair = torch.cat(own, -1).to(dtype), torch.asinh(torch.cat(pairs, -1)).to(dtype)
        hidden = self.here(point)[:, :, None] + self.there(point)[:, None] + self.pair(pair)
        return self.out(F.silu(hidden))


def _ones(cloud: Cloud) -> Tensor:
    assert cloud.positions is not None
    return torch.ones_like(cloud.positions[..., :1])


def moving_vectors(
    weights: Float[Tensor, "b n m k a"], cloud: Cloud
) -> tuple[Float[Tensor, "b n k d"], Float[Tensor, "b n k"]]:
    """v_ik = Σ_j Σ_a w_ijka v_ja + Σ_j w_ijk(a+1) (x_j − x_i) over the points that are there, and the size of
    what was summed.
    """
    w = weights.double() if cloud.mask is None else weights.double() * cloud.mask[:, None, :, None, None]
    a = cloud.vectors.shape[2]
    found = torch.einsum("bijka,bjad->bikd", w[..., :a], cloud.vectors)
    size = w.detach().abs()
    norms = torch.linalg.vector_norm(cloud.vectors.detach(), dim=-1)
    scale = torch.einsum("bijka,bja->bik", size[..., :a], norms)
    if cloud.positions is not None:
        x, last = cloud.positions, w[..., a]
        found = found + torch.einsum("bijk,bjd->bikd", last, x) - last.sum(2)[..., None] * x[:, :, None]
        far = torch.linalg.vector_norm(x.detach(), dim=-1)
        scale = scale + torch.einsum(
            "bijk,bjik->bik",
            size[..., a],
            (far[:, :, None] + far[:, None])[..., None].expand(-1, -1, -1, w.shape[3]),
        )
    return found, scale


class AbstractFramePredictor(nn.Module, ABC):
    """L_i, one frame for each point, float64, with L_i(gX) = L_i(X)g⁻¹."""

    @abstractmethod
    def forward(self, cloud: Cloud) -> Float[Tensor, "b n d d"]:
        """local = L_i global."""

    def first(self, cloud: Cloud) -> Float[Tensor, "b d d"] | None:
        """An element B(X) of the group for each sample; frames are L_i = L_i(BX)·B, in two steps.

        The same in exact arithmetic, for every B. Numbers of BX may be smaller; None: 1.
        """
        return None

    @abstractmethod
    def guarantee(self, group: str) -> Guarantee:
        """What holds for a network in these frames."""


class OrthogonalFrames(AbstractFramePredictor):
    """SO(2), SO(3), O(2), O(3): Gram–Schmidt of d − 1 (with mirrors d) vectors v_ik = Σ_j w_ijk(…)·(…)."""

    def __init__(self, reader: CloudReader, *, hidden: int = 32, unit: float = 1.0) -> None:
        super().__init__()
        group = reader.acts.linear
        if not isinstance(group, Orthogonal | SpecialOrthogonal) or group.n not in (2, 3):
            raise _no_frames(reader, "SO(2), SO(3), O(2) or O(3)")
        self.dimension, self.mirrors = group.n, isinstance(group, Orthogonal)
        self.count = group.n if self.mirrors else group.n - 1
        self.sources = reader.count + int(reader.position is not None)
        self.weights = PairWeights(reader, self.count * self.sources, hidden=hidden, unit=unit)

    def forward(self, cloud: Cloud) -> Float[Tensor, "b n d d"]:
        vectors, scale = moving_vectors(self.weights(cloud).unflatten(-1, (self.count, -1)), cloud)
        if self.mirrors:
            return mirrored_frames(vectors, scale)
        return plane_frames(vectors, scale) if self.dimension == 2 else space_frames(vectors, scale)

    def guarantee(self, group: str) -> Guarantee:
        excluded = "outside the set, of measure zero, of points whose predicted vectors vanish"
        if self.dimension == 3:
            excluded += " or are parallel: single points, collinear clouds, points on an axis of symmetry"
        if self.mirrors:
            excluded += "; flat clouds may miss mirrors"
        return Guarantee("exact", group, excluded)


class LorentzFrames(AbstractFramePredictor):
    """SO⁺(1, 3): `polar_frames` of p_i + Σ_j softmax_j(w_ij)p_j and two sums with weights of any sign.

    p is the first vector of each point: forward and time-like or light-like, as momenta are; so is the sum.
    Source: Spinner, Favaro et al., 2025, sect. 3.1; there all weights are positive.
    """

    def __init__(self, reader: CloudReader, *, hidden: int = 32, unit: float = 1.0) -> None:
        super().__init__()
        if reader.acts.linear != IndefiniteOrthogonal(1, 3) or not reader.count:
            raise _no_frames(reader, "SO+(1,3), with momenta among the inputs")
        sources = reader.count + int(reader.position is not None)
        self.weights = PairWeights(reader, 1 + 2 * sources, hidden=hidden, unit=unit)

    def forward(self, cloud: Cloud) -> Float[Tensor, "b n 4 4"]:
        weights = self.weights(cloud)
        logits, signed = weights[..., 0].double(), weights[..., 1:].unflatten(-1, (2, -1))
        if cloud.mask is not None:
            logits = logits.masked_fill(~cloud.mask[:, None], -1e9)  # a cloud of no points stays finite
        momenta = cloud.vectors[:, :, 0]
        rest = momenta + logits.softmax(-1) @ momenta
        return polar_frames(rest, moving_vectors(signed, cloud)[0])

    def first(self, cloud: Cloud) -> Float[Tensor, "b 4 4"] | None:
        """To the rest frame of all momenta together, where they have one."""
        momenta = cloud.vectors[:, :, 0]
        there = momenta if cloud.mask is None else momenta * cloud.mask[..., None]
        return clear_boost(there.sum(1))

    def guarantee(self, group: str) -> Guarantee:
        return Guarantee(
            "exact",
            group,
            "for forward momenta, outside the sets, of measure zero from three particles on, where fewer "
            "than three are independent or all are light-like and parallel; rounding grows as γ² of boosts",
        )


class RandomFrames(AbstractFramePredictor):
    """One g of the group's `law` for each sample in training, the identity in evaluation: augmentation."""

    def __init__(self, group: AbstractMatrixGroup, generator: torch.Generator) -> None:
        super().__init__()
        self.group, self.generator = group, generator

    def forward(self, cloud: Cloud) -> Float[Tensor, "b n d d"]:
        batch, n, _, d = cloud.vectors.shape
        like = cloud.vectors
        if not self.training:
            return torch.eye(d, dtype=like.dtype, device=like.device).expand(batch, n, d, d)
        drawn = self.group.sample(batch, self.generator).to(like)
        return drawn[:, None].expand(batch, n, d, d)

    def guarantee(self, group: str) -> Guarantee:
        return Guarantee("soft", group, "random global frames: learnt from augmented inputs")


def _no_frames(reader: CloudReader, wanted: str) -> ValueError:
    remedy = "average over frames or symmetrise instead: see mackey.wrap"
    return ValueError(sentence(reader.where, wanted=wanted, got=reader.acts.name, remedy=remedy))
