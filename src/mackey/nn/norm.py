"""Normalisation with statistics shared along the fibre: means only in its invariant part, one variance a
field.
"""

import numpy as np
import torch
from torch import Tensor, nn

from mackey.axes import Float, split_fibre
from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.nn.layer import AbstractLayer
from mackey.spaces import Grid


class AbstractNorm(AbstractLayer):
    """weight: one number a field. bias: one number for each invariant direction of the fibre."""

    _invariants: Tensor

    def __init__(self, in_type: FieldType, eps: float) -> None:
        super().__init__(in_type, in_type)
        if not in_type.rep.is_orthogonal:
            raise ValueError(
                sentence(
                    type(self).__name__,
                    wanted="an orthogonal representation, whose norm is invariant",
                    got=str(in_type.rep),
                    remedy="change basis with reps.to_irreps",
                )
            )
        self.eps = eps
        rows = in_type.rep.invariants
        rows = rows / np.abs(rows).max(-1, keepdims=True)
        self.weight = nn.Parameter(torch.ones(in_type.multiplicity))
        self.bias = nn.Parameter(torch.zeros(in_type.multiplicity, len(rows)))
        self.hold("_invariants", np.stack([rows, np.linalg.pinv(rows).T if len(rows) else rows]))

    def _shift(self, coordinates: Tensor) -> Tensor:
        """(…, c, k) coordinates as invariant vectors (…, c, d)."""
        return coordinates @ self._invariants[0]

    def _read(self, values: Tensor) -> Tensor:
        """The invariant coordinates (…, c, k) of (…, c, d)."""
        return values @ self._invariants[1].T


class BatchNorm(AbstractNorm):
    """(x − μ)/√(v + ε)·weight + bias, μ in the invariant part and v one number a field, over batch and space.

    Equivariant: exact, in train and eval mode. For one orbit of channels (regular, quotient): one torch batch
    norm.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, in_type: FieldType, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(in_type, eps)
        self.momentum = momentum
        self.register_buffer("running_mean", torch.zeros_like(self.bias))
        self.register_buffer("running_var", torch.ones(in_type.multiplicity))

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        self.in_type.check(x, "BatchNorm")
        if not isinstance(self.in_type.domain, Grid) or not self.in_type.table.is_transitive:
            return self._general(x)
        flat = split_fibre(x, self.in_type.rep.dim).flatten(2)
        return torch.nn.functional.batch_norm(
            flat,
            self.running_mean[:, 0],
            self.running_var,
            self.weight,
            self.bias[:, 0],
            self.training,
            self.momentum,
            self.eps,
        ).view(x.shape)

    def _general(self, x: Tensor) -> Tensor:
        domain = self.in_type.domain
        tokens = domain.to_tokens(x, self.in_type.rep.dim)  # b n c d
        mean, variance = self.running_mean, self.running_var
        if self.training:
            mean = self._read(tokens.mean((0, 1)))
            variance = (tokens - self._shift(mean)).square().mean((0, 1, 3))
            if tokens.numel():  # an empty batch says nothing, as in torch
                self._update(mean, variance, tokens.numel() // len(variance))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        out = (tokens - self._shift(mean)) * scale[:, None] + self._shift(self.bias)
        return domain.from_tokens(out, domain.sizes(x))

    def _update(self, mean: Tensor, variance: Tensor, count: int) -> None:
        with torch.no_grad():
            self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
            self.running_var.lerp_(variance.to(self.running_var) * (count / max(count - 1, 1)), self.momentum)


class LayerNorm(AbstractNorm):
    """(x − μ)/√(v + ε)·weight + bias at each point: μ invariant, v over fields and fibre. Equivariant:
    exact.
    """

    def __init__(self, in_type: FieldType, *, eps: float = 1e-5) -> None:
        super().__init__(in_type, eps)

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        self.in_type.check(x, "LayerNorm")
        tokens = self.in_type.domain.to_tokens(x, self.in_type.rep.dim)  # b n c d
        centred = tokens - self._shift(self._read(tokens.mean(2, keepdim=True)))
        scale = torch.rsqrt(centred.square().mean((2, 3), keepdim=True) + self.eps)
        out = centred * scale * self.weight[:, None] + self._shift(self.bias)
        return self.in_type.domain.from_tokens(out, self.in_type.domain.sizes(x))
