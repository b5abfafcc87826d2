"""φ in frames drawn at random: any network, equivariant on average, at the price of one call."""

import torch
from torch import Tensor, nn

from mackey.actions import Declaration, GroupLike, acting
from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import Guarantee
from mackey.wrap.declared_types import types_of
from mackey.wrap.frame_averaging import OUTSIDE, FrameAveraged, evaluate, finished, group_of, sorted_inside
from mackey.wrap.posing import Posing

_WHERE = "wrap.stochastic_frames"


class StochasticFrames(nn.Module):
    """1/k Σ_{g drawn} ρ_out(g) φ(ρ_in(g)⁻¹X), k frames of each sample drawn from F(X) with replacement.

    Its mean over draws is the frame average, from which it differs by O(1/√k). Drawn in training and
    evaluation alike; `averaged` is the exact average of the same network. generator: where draws come from,
    torch's own by default, on the device of the inputs; torch.compile(fullgraph=True) takes the default only.
    Source: Duval et al., ICML 2023, sect. 4.2.
    """

    def __init__(
        self,
        network: nn.Module,
        posing: Posing,
        *,
        samples: int = 1,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if samples < 1:
            raise ValueError(
                sentence(_WHERE, wanted="samples ≥ 1", got=str(samples), remedy="draw one frame or more")
            )
        self.network, self.posing, self.samples, self.generator = network, posing, samples, generator

    @property
    def guarantee(self) -> Guarantee:
        return Guarantee(
            "in_expectation", group_of(self.network, self.posing), f"over the drawn frames; {OUTSIDE}"
        )

    @property
    def averaged(self) -> FrameAveraged:
        """The average over all frames, with the same weights."""
        return FrameAveraged(self.network, self.posing)

    def check(self, *inputs: Tensor) -> None:
        """Raise where the frames are a choice, as `wrap.frames` does."""
        self.averaged.check(*inputs)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        self.posing.check(inputs)
        frames, centre = self.posing.poses(inputs)
        drawn = drawn_frames(frames, self.samples, self.generator)
        centred = self.posing.centred(inputs, centre)
        sums, alone, like = evaluate(self.network, self.posing, centred, drawn, inputs)
        return finished(self.posing, tuple(y / self.samples for y in sums), centre, like, alone=alone)


def drawn_frames(
    frames: Float[Tensor, "b m d d"], count: int, generator: torch.Generator | None
) -> Float[Tensor, "b count d d"]:
    """`count` of each sample's frames, all equally likely, with replacement."""
    b, m = frames.shape[:2]
    # In place, since factories with a generator cannot be exported with a dynamic batch.
    u = frames.detach().new_empty(b, count).uniform_(generator=generator)
    index = (u * m).long()
    return frames.gather(1, index[..., None, None].expand(-1, -1, *frames.shape[2:]))


def stochastic_frames(
    network: nn.Module,
    group: GroupLike,
    in_type: Declaration,
    out_type: Declaration,
    *,
    mask: int | None = None,
    samples: int = 1,
    generator: torch.Generator | None = None,
) -> StochasticFrames:
    """`network` in one random frame of each sample, or the mean over `samples` of them; arguments as in
    `wrap.frames`.
    """
    acts = acting(group)
    types = types_of(in_type, acts, _WHERE), types_of(out_type, acts, _WHERE)
    network, acts = sorted_inside(network, acts, types, mask)
    return StochasticFrames(network, Posing(acts, *types, mask, _WHERE), samples=samples, generator=generator)
