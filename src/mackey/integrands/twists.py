"""Group RoPE: q and k are turned by phases ⟨ξ, x⟩, once each, so that a score sees the relative pose only."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.integrands.policies import AbstractAxis
from mackey.integrands.positions import AbstractPosition, dot
from mackey.spaces import Grid, Pose


def _frequencies(pairs: int, dimension: int) -> Tensor:
    """Random directions, lengths from π down to π/32 in equal ratios: wave lengths of 2 to 64 samples."""
    directions = torch.nn.functional.normalize(torch.randn(pairs, dimension), dim=-1)
    return directions * (math.pi * 32.0 ** (-torch.arange(pairs) / max(pairs - 1, 1)))[:, None]


class AbstractTwist(AbstractPosition):
    """R(φ) on pairs of fields of a head: field j of the first half of e with field j of the second half.

    Phases are formed in float32 at least, whatever the dtype of the module: at 28×28 bfloat16 is off by 0.2
    rad. By products and sums, which autocast leaves alone; an einsum it would not.
    """

    weight: nn.Parameter
    _turns: Tensor

    def _phase(self, coordinates: Tensor) -> Tensor:
        """⟨hξ_p, x⟩, shape (n, p, h), in float32 at least."""
        weight = self.weight.to(torch.promote_types(self.weight.dtype, torch.float32))
        turned = (self._turns.to(weight) * weight[:, None, None]).sum(-1)  # p h i
        return (coordinates.to(weight)[:, None, None] * turned).sum(-1)

    def _rotate(self, tokens: Tensor, phase: Tensor) -> Tensor:
        """(cos −sin; sin cos) on the halves (a, b) of the axis e, the last but one; phase (…, e/2, d)."""
        c, s = phase.cos(), phase.sin()
        c, s = torch.cat([c, c], -2).to(tokens), torch.cat([-s, s], -2).to(tokens)
        # expanded apart from the batch, the gradient is summed in two short steps instead of a long one
        c, s = c.expand(tokens.shape[1:]), s.expand(tokens.shape[1:])
        swapped = tokens.roll(tokens.shape[-2] // 2, -2)
        return torch.addcmul(tokens * c, swapped, s)

    def needs_coordinates(self) -> bool:
        return True


class Twist(AbstractTwist):
    """Group RoPE between equal orientations: a = Σ_h ⟨q_h, R(⟨hξ, x⟩) k_h⟩; h turns the frequency ξ of
    channel h.

    A representation of the translations in the frame of each channel, hence a function of g⁻¹g′, with no
    table.
    """

    def __init__(self, field: FieldType, heads: int, axis: AbstractAxis) -> None:
        super().__init__()
        width = field.multiplicity // heads
        if width % 2:
            raise ValueError(
                sentence(
                    "Attention position twist",
                    wanted="an even number of fields in each head",
                    got=str(width),
                    remedy="change the multiplicity or the heads",
                )
            )
        self.weight = nn.Parameter(_frequencies(width // 2, field.domain.group.dimension))  # type: ignore[attr-defined]
        turns = field.table.group.matrices if isinstance(field.domain, Grid) else np.eye(1)[None]
        self.hold("_turns", turns, precise=True)

    def phase(self, coordinates: Tensor, fibre: int) -> Float[Tensor, "n pairs d"]:
        """⟨hξ_p, x⟩ for channel h of the fibre; one channel: h = e, the frame of the target."""
        return self._phase(coordinates)[..., :fibre]

    def score(self, q: Tensor, k: Tensor, pose: Pose) -> Float[Tensor, "b m heads"]:
        return dot(q, self._rotate(k, self.phase(pose.displacement, k.shape[-1])[:, None]))

    def turn(self, tokens: Tensor, coordinates: Tensor) -> Tensor:
        return self._rotate(tokens, self.phase(coordinates, tokens.shape[-1])[:, None, None])


class InducedTwist(AbstractTwist):
    """Group RoPE across orientations: a = ⟨q, ρ(g′)k⟩ with ρ induced from the translation character ξ.

    ρ(x, h) permutes the orbit {h_i ξ} by h and rotates channel η by ⟨ηξ, x⟩; needs 2·|H| fields for each
    frequency.
    """

    _origin: Tensor

    def __init__(self, field: FieldType, heads: int, axis: AbstractAxis) -> None:
        super().__init__()
        H, width = field.table.group, field.multiplicity // heads
        if width % (2 * H.order):
            raise ValueError(
                sentence(
                    "Attention position twist with axis lift",
                    wanted=f"a multiple of 2·|H| = {2 * H.order} fields in each head",
                    got=str(width),
                    remedy="change the multiplicity or the heads",
                )
            )
        self.order = H.order
        self.weight = nn.Parameter(_frequencies(width // (2 * H.order), H.dimension))
        self.hold("_turns", H.matrices, precise=True)
        self.hold("_origin", H.table[H.inverses])  # [h, η] = h⁻¹η

    def _carry(self, tokens: Tensor, elements: Tensor) -> Tensor:
        """Channel h⁻¹η of the orbit in place η; the last axis of the tokens runs over these elements h."""
        orbits = tokens.unflatten(-2, (-1, self.order))  # … (half p) η h
        index = self._origin[elements].transpose(-1, -2)
        return torch.gather(orbits, -2, index.expand(orbits.shape)).flatten(-3, -2)

    def score(self, q: Tensor, k: Tensor, pose: Pose) -> Float[Tensor, "b m heads"]:
        turned = self._carry(k, pose.element[:, None, None, None])
        return dot(q, self._rotate(turned, self._phase(pose.displacement).flatten(1)[:, None, :, None]))

    def turn(self, tokens: Tensor, coordinates: Tensor) -> Tensor:
        turned = self._carry(tokens, torch.arange(self.order, device=tokens.device))
        return self._rotate(turned, self._phase(coordinates).flatten(1)[:, None, None, :, None])
