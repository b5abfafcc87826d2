"""ω: what one source point says to the origin, in the form that covers the literature.

    ω(F, g′) = N_{g′}[ a(F(e), F(g′), g′) ] · m(F(e), F(g′), g′),        F = g⁻¹f

Source: Nyholm, Carlsson, Weiler, Persson, "Equivariant non-linear maps for neural networks on homogeneous
spaces".
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from mackey.axes import Bool, Float
from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.integrands.constants import AbstractConstants
from mackey.spaces import Pose


class AbstractNormalise(ABC):
    """N: how the scores of all sources become weights. averages: divided by the number of sources."""

    averages = False

    @abstractmethod
    def weights(self, scores: Float[Tensor, "b m r"]) -> Float[Tensor, "b m r"]:
        """N over the source axis m."""


class Identity(AbstractNormalise):
    """N[a] = a."""

    def weights(self, scores: Float[Tensor, "b m r"]) -> Float[Tensor, "b m r"]:
        return scores


class Mean(AbstractNormalise):
    """N[a] = a / number of sources in the support."""

    averages = True

    def weights(self, scores: Float[Tensor, "b m r"]) -> Float[Tensor, "b m r"]:
        return scores / max(scores.shape[1], 1)


class Softmax(AbstractNormalise):
    """N[a] = exp a / Σ exp a."""

    def weights(self, scores: Float[Tensor, "b m r"]) -> Float[Tensor, "b m r"]:
        return scores.softmax(1)


NORMALISE: dict[str, AbstractNormalise] = {"softmax": Softmax(), "mean": Mean(), "identity": Identity()}


class AbstractSupport(ABC):
    """Which sources speak at all; H-stable, or the layer is not equivariant."""

    @abstractmethod
    def contains(self, pose: Pose) -> Bool[Tensor, "*m"]:
        """Whether each source lies in the support."""


@dataclass(frozen=True)
class All(AbstractSupport):
    """Every sample."""

    def contains(self, pose: Pose) -> Bool[Tensor, "*m"]:
        return torch.ones_like(pose.element, dtype=torch.bool)


@dataclass(frozen=True)
class Window(AbstractSupport):
    """The cube |displacement|_∞ ≤ (size − 1)/2: stable under every H that maps the lattice to itself."""

    size: int

    def contains(self, pose: Pose) -> Bool[Tensor, "*m"]:
        return (pose.displacement.abs() <= (self.size - 1) / 2 + 1e-6).all(-1)


class AbstractIntegrand(AbstractConstants):
    """ω in the diagonal form: ω(hF, hg′) = σ(h) ω(F, g′) for h ∈ H. Subclass it as `mackey.Integrand`.

    Write `message`, and `score` if sources compete; both see channels (…, c, d): c fields, d the fibre.
        here  (b, 1, c, d)   F(e), the values at the target
        there (b, m, c, d)   F(g′), the values at the sources
        pose                 g′: displacement (m, dim) and relative element (m)
    `score` gives (b, m, r), r heads sharing the channels of the message evenly (r = 1: all); `message` (b, m,
    c, d).
    """

    normalise: AbstractNormalise = Identity()
    support: AbstractSupport = All()
    stride: int = 1
    pre: "AbstractIntegrand | None"  # F may be Φ_κ f of the input instead of f: ω composes
    post: "AbstractIntegrand | None"  # a linear map after the integral, for example the output projection

    def __init__(self, in_type: FieldType, out_type: FieldType) -> None:
        super().__init__()
        self.in_type = in_type
        self.out_type = out_type
        self.pre = None
        self.post = None

    @property
    def feature_type(self) -> FieldType:
        """The type of F: the input's, unless `pre` changes it or the group axis is read as samples."""
        return self.in_type

    @property
    def value_type(self) -> FieldType:
        """The type of the integral before `post`."""
        return self.out_type

    def score(self, here: Tensor, there: Tensor, pose: Pose) -> Tensor | None:
        """a(F(e), F(g′), g′), or None for 1."""
        return None

    @abstractmethod
    def message(self, here: Tensor, there: Tensor, pose: Pose) -> Tensor:
        """m(F(e), F(g′), g′)."""

    def offset(self) -> Tensor | None:
        """An H-invariant vector (c, d) added to the integral."""
        return None

    def output_sizes(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """How many samples the output has along each axis."""
        return sizes

    def at(self, here: Tensor, there: Tensor, pose: Pose) -> Tensor:
        """Σ_{g′} ω(F, g′) at one target, shape (b, c, d)."""
        inside = self.support.contains(pose)
        there, pose = there[:, inside], Pose(pose.displacement[inside], pose.element[inside])
        message = self.message(here, there, pose)
        self.need_shape(message, there)
        score = self.score(here, there, pose)
        if score is not None:
            weights = self.normalise.weights(score)
            if message.shape[2] % weights.shape[2]:
                raise ValueError(
                    sentence(
                        type(self).__name__,
                        wanted=f"heads that divide {message.shape[2]} fields",
                        got=f"a score with {weights.shape[2]}",
                        remedy="return (b, m, heads)",
                    )
                )
            message = message * weights.repeat_interleave(message.shape[2] // weights.shape[2], 2)[..., None]
        total = message.sum(1)
        offset = self.offset()
        return total if offset is None else total + offset

    def need_shape(self, message: Tensor, there: Tensor) -> None:
        """Raise unless there is one value for each source."""
        value = self.value_type
        wanted = (*there.shape[:2], value.multiplicity, value.rep.dim)
        if message.shape != wanted:
            raise ValueError(
                sentence(
                    f"{type(self).__name__}.message",
                    wanted=f"one value of {value} for each source, shape {wanted}",
                    got=str(tuple(message.shape)),
                    remedy="return (b, m, c, d); .expand_as(there) what does not depend on the source",
                )
            )

    def integral_at(self, tokens: Tensor, pose: Pose, sizes: tuple[int, ...], target: int) -> Tensor:
        """Σ_{g′} ω(g⁻¹f, g′) for the target with this index, from all tokens (b, n, c, d) of an array of
        `sizes`.
        """
        same = (pose.displacement.abs().amax(-1) < 1e-6) & (pose.element == 0)
        here = tokens[:, same].sum(1, keepdim=True)  # zero where a strided target lies between the samples
        return self.at(here, tokens, pose)
