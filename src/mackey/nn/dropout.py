"""Dropout that removes whole fields: no orientation survives alone."""

import torch
from torch import Tensor

from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.nn.layer import AbstractLayer
from mackey.spaces import Grid


class FieldDropout(AbstractLayer):
    """In training each field of each sample is zero with probability p, all of its fibre and space; else ×
    1/(1 − p).

    Exactly equivariant for any drawn mask. Dropping single channels of a fibre is not. generator: where the
    mask is drawn from, torch's own by default.
    """

    def __init__(
        self, in_type: FieldType, p: float = 0.5, *, generator: torch.Generator | None = None
    ) -> None:
        super().__init__(in_type, in_type)
        if not 0 <= p < 1:
            raise ValueError(
                sentence("FieldDropout", wanted="0 ≤ p < 1", got=str(p), remedy="give a probability")
            )
        self.p, self.generator = p, generator

    def forward(self, x: Float[Tensor, "b *rest"]) -> Float[Tensor, "b *rest"]:
        if not self.training or self.p == 0:
            return x
        self.in_type.check(x, "FieldDropout")
        fields, fibre = self.in_type.multiplicity, self.in_type.rep.dim
        keep = torch.full((x.shape[0], fields), 1 - self.p, dtype=x.dtype, device=x.device)
        mask = (torch.bernoulli(keep, generator=self.generator) / keep).repeat_interleave(fibre, 1)
        if isinstance(self.in_type.domain, Grid):
            return x * mask.view(*mask.shape, *(1,) * (x.ndim - 2))
        return x * mask.view(x.shape[0], *(1,) * (x.ndim - 2), -1)
