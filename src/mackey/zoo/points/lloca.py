"""LLoCa: a transformer in local Lorentz frames, each particle its own, messages carried from frame to frame.

Spinner, Favaro et al., NeurIPS 2025. Departs from the paper: the two reference vectors of a frame have
weights of both signs, particles of no mass are not given one, and all frames are computed in float64.
"""

import torch
from torch import Tensor

from mackey import groups, reps, wrap
from mackey.axes import Bool, Float
from mackey.fields import Guarantee

PAPER = (
    "Spinner, Favaro, Lippmann, Pitz, Gerhartz, Plehn & Hamprecht, Lorentz Local Canonicalization: How to "
    "Make Any Network Lorentz-Equivariant, NeurIPS 2025, arXiv:2505.20280"
)


class Model(torch.nn.Module):
    """Particles (b, n, scalars + 4), invariants first and then momenta (E, p⃗), to logits (b, classes).

    Invariant under SO⁺(1, 3). attention: how queries, keys and values of a head are carried. unit: the energy
    in which momenta are measured, in their own unit. mask: which particles are there.
    """

    measure: Tensor

    def __init__(
        self,
        classes: int = 2,
        scalars: int = 1,
        *,
        attention: str = "8xtrivial + 2xV",
        depth: int = 4,
        heads: int = 4,
        hidden: int = 32,
        unit: float = 100.0,
    ) -> None:
        super().__init__()
        G = groups.lorentz()
        self.unit = unit
        head = reps.parse(G, attention)
        backbone = wrap.TransportedTransformer(scalars + 4, classes, head, depth=depth, heads=heads)
        inputs = f"{scalars}xtrivial + V" if scalars else "V"
        self.network = wrap.local_frames(backbone, G, (inputs, "tokens"), "tokens", mask=1, hidden=hidden)
        self.register_buffer("measure", torch.tensor([1.0] * scalars + [1 / unit] * 4), persistent=False)

    @property
    def guarantee(self) -> Guarantee:
        return self.network.guarantee

    def forward(
        self, particles: Float[Tensor, "b n c"], mask: Bool[Tensor, "b n"] | None = None
    ) -> Float[Tensor, "b classes"]:
        """The mean of local outputs, which are invariant, over the particles that are there."""
        there = torch.ones_like(particles[..., 0], dtype=torch.bool) if mask is None else mask
        outputs = self.network(particles * self.measure, there) * there[..., None]
        return outputs.sum(1) / there.sum(1, keepdim=True).clamp_min(1)


def example() -> tuple[Model, tuple[Tensor, ...]]:
    """A small model and inputs for it: three momenta of mass 1 and a charge each."""
    space = 50 * torch.randn(2, 3, 3)
    energy = (1 + (space**2).sum(-1, keepdim=True)).sqrt()
    particles = torch.cat([torch.randn(2, 3, 1).sign(), energy, space], -1)
    return Model(depth=1, heads=2, hidden=8), (particles,)
