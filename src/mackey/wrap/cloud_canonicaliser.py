"""φ(x) = ρ_out(c(x)) f(ρ_in(c(x))⁻¹x) for clouds: c(x) is a frame that a pose finder reads from x."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import Guarantee
from mackey.wrap.frame_averaging import evaluate, finished, group_of
from mackey.wrap.gram_schmidt import gram_schmidt
from mackey.wrap.posing import Posing


class AbstractPoseFinder(nn.Module, ABC):
    """F(x) ∈ SO(d) or O(d) with F(gx) = gF(x)."""

    @property
    @abstractmethod
    def except_for(self) -> str:
        """The inputs for which that does not hold."""

    @abstractmethod
    def forward(self, posing: Posing, inputs: tuple[Tensor, ...], centred: tuple[Tensor, ...]) -> Tensor:
        """F (b, d, d), float64, its columns the axes. centred: the inputs about their centre, in float64."""


class PredictedPose(AbstractPoseFinder):
    """Gram–Schmidt of predictor(x): any equivariant network from the inputs, centred where the group
    translates, to vectors (b, k, d) that turn with them. Source: Kaba et al., ICML 2023, sect. 4.2.
    """

    def __init__(self, predictor: nn.Module, needed: int, *, proper: bool) -> None:
        super().__init__()
        self.predictor, self.needed, self.proper = predictor, needed, proper

    @property
    def except_for(self) -> str:
        excluded = "inputs whose predicted vectors vanish"
        if self.needed > 1:
            excluded += " or are dependent: collinear or symmetric clouds"
        if not self.proper:
            excluded += ", flat ones under mirrors"
        return f"{excluded}; error ~ rounding/independence"

    def forward(self, posing: Posing, inputs: tuple[Tensor, ...], centred: tuple[Tensor, ...]) -> Tensor:
        vectors = self.predictor(*(one.to(x.dtype) for one, x in zip(centred, inputs, strict=True)))
        wanted = (inputs[0].shape[0], self.needed, inputs[posing.source].shape[-1])
        if vectors.ndim != 3 or vectors.shape[::2] != wanted[::2] or vectors.shape[1] < self.needed:
            got, remedy = f"shape {tuple(vectors.shape)}", "return (b, k, d)"
            wish = f"at least {self.needed} predicted vectors, {wanted}"
            raise ValueError(sentence("wrap.canonicaliser", wanted=wish, got=got, remedy=remedy))
        return gram_schmidt(vectors.double(), proper=self.proper)


class CloudCanonicalised(nn.Module):
    """φ(x) = ρ_out(c) f(ρ_in(c)⁻¹x), c(x) = (finder(x), centre of x), in E(d), SE(d), O(d) or SO(d).

    Frames are found, and tensors moved, in float64.
    """

    def __init__(self, network: nn.Module, finder: AbstractPoseFinder, posing: Posing) -> None:
        super().__init__()
        self.network, self.finder, self.posing = network, finder, posing

    @property
    def guarantee(self) -> Guarantee:
        note = f"outside the set, of measure zero, of {self.finder.except_for}"
        return Guarantee("exact", group_of(self.network, self.posing), note)

    def pose(self, *inputs: Tensor) -> tuple[Float[Tensor, "b d d"], Float[Tensor, "b d"]]:
        """c(x): the frame, its columns the axes, and the centre, in float64."""
        self.posing.check(inputs)
        centre = self.posing.centre(inputs)
        return self.finder(self.posing, inputs, self.posing.centred(inputs, centre)), centre

    def canonical(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """ρ_in(c(x))⁻¹x, the same for all of the orbit of x."""
        frame, centre = self.pose(*inputs)
        dtypes = tuple(x.dtype for x in inputs)
        return self.posing.pull(self.posing.centred(inputs, centre), frame[:, None], dtypes)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        frame, centre = self.pose(*inputs)
        centred = self.posing.centred(inputs, centre)
        moved, alone, like = evaluate(self.network, self.posing, centred, frame[:, None], inputs)
        return finished(self.posing, moved, centre, like, alone=alone)

    def prior_loss(self, *inputs: Tensor) -> Float[Tensor, ""]:
        """|c(x) − 1|²/d², the mean over the batch: small where the inputs count as canonical already.

        Added to the loss on upright data it keeps the accuracy of a pretrained network. Source: Mondal et
        al., NeurIPS 2023, sect. 3.2.
        """
        frame, _ = self.pose(*inputs)
        return (frame - torch.eye(frame.shape[-1], dtype=frame.dtype, device=frame.device)).square().mean()
