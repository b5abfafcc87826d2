"""φ(x) = ρ_out(c(x)) f(ρ_in(c(x))⁻¹x) for clouds: c(x) is the frame of a few predicted vectors."""

import torch
from torch import Tensor, nn

from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import Guarantee
from mackey.wrap.frame_averaging import evaluate, finished
from mackey.wrap.gram_schmidt import gram_schmidt, vectors_needed
from mackey.wrap.pca_frames import centre_of
from mackey.wrap.posing import Posing

_WHERE = "wrap.canonicaliser"


class CloudCanonicalised(nn.Module):
    """φ(x) = ρ_out(c) f(ρ_in(c)⁻¹x), c(x) = (Gram–Schmidt of predictor(x), centre of x), in E(d), SE(d), O(d)
    or SO(d), d = 2 or 3.

    predictor: the inputs of the network, centred where the group translates, to vectors (b, k, d) that turn
    with them; any equivariant network. Frames are found, and tensors moved, in float64. Source: Kaba et al.,
    ICML 2023, sect. 4.2.
    """

    def __init__(self, network: nn.Module, predictor: nn.Module, posing: Posing) -> None:
        super().__init__()
        self.network, self.predictor, self.posing = network, predictor, posing
        self.needed = vectors_needed(posing.acts.linear, _WHERE)

    @property
    def guarantee(self) -> Guarantee:
        excluded = "outside the set, of measure zero, of inputs whose predicted vectors vanish"
        if self.needed > 1:
            excluded += " or are dependent: collinear or symmetric clouds"
        if not self.posing.proper:
            excluded += ", flat ones under mirrors"
        return Guarantee("exact", self.posing.acts.name, f"{excluded}; error ~ rounding/independence")

    def pose(self, *inputs: Tensor) -> tuple[Float[Tensor, "b d d"], Float[Tensor, "b d"]]:
        """c(x): the frame, its columns the axes, and the centre, in float64."""
        points, mask = self.posing.cloud(inputs)
        centre = centre_of(points, mask) if self.posing.translates else torch.zeros_like(points[:, 0])
        centred = self.posing.centred(inputs, centre)
        vectors = self.predictor(*(one.to(x.dtype) for one, x in zip(centred, inputs, strict=True)))
        shape = (points.shape[0], self.needed, points.shape[-1])
        if vectors.ndim != 3 or vectors.shape[::2] != shape[::2] or vectors.shape[1] < self.needed:
            wanted, remedy = f"at least {self.needed} predicted vectors, {shape}", "return (b, k, d)"
            got = f"shape {tuple(vectors.shape)}"
            raise ValueError(sentence(_WHERE, wanted=wanted, got=got, remedy=remedy))
        return gram_schmidt(vectors.double(), proper=self.posing.proper), centre

    def canonical(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """ρ_in(c(x))⁻¹x, the same for all of the orbit of x."""
        frame, centre = self.pose(*inputs)
        dtypes = tuple(x.dtype for x in inputs)
        return self.posing.pull(self.posing.centred(inputs, centre), frame[:, None], dtypes)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        self.posing.check(inputs)
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
