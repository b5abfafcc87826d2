"""From frame to frame: ρ(L) x, ρ(L_i L_j⁻¹) x_j, and attention whose queries, keys, values are carried so."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mackey.axes import Bool, Float
from mackey.errors import sentence
from mackey.groups import AbstractGroup, IndefiniteOrthogonal
from mackey.integrands.constants import AbstractConstants
from mackey.reps import AbstractRep, blocks_of
from mackey.reps.tensors import Dual, TensorProduct, Vector
from mackey.reps.wigner import in_full_precision

_SAME = 1e-9


def form_inverse(q: Float[Tensor, "*b d d"], signs: Float[Tensor, " d"]) -> Float[Tensor, "*b d d"]:
    """η qᵀ η, η = diag(signs): q⁻¹ where q keeps η, and for every matrix (gq)^inv = q^inv g⁻¹."""
    signs = signs.to(q)
    return signs[:, None] * q.mT * signs


class _Part(NamedTuple):
    """A block of a sum: where it stands, how often, and its representation; None is trivial."""

    where: slice
    fibre: int
    rep: AbstractRep | None


class Transport(AbstractConstants):
    """Features of ρ between a global frame and local ones, L_i with local = ρ(L_i) global.

    Blocks of a sum and factors of a product are acted on one by one; no dense ρ(L) of a sum is built. ρ is of
    a compact group (then orthogonal), or made of V, V*, ⊗ and powers of SO⁺(p, q) or O(p, q). Scores between
    features use the invariant form M = ρ(η) of ρ, 1 where ρ is orthogonal.
    """

    form: Tensor
    lower: Tensor

    def __init__(self, rep: AbstractRep) -> None:
        super().__init__()
        self.rep = rep
        sizes = [block.dim for block in blocks_of(rep)]
        ends = np.cumsum(sizes).tolist()
        self._parts = tuple(
            _Part(slice(end - size, end), block.rep.dim, None if block.rep.is_trivial else block.rep)
            for block, size, end in zip(blocks_of(rep), sizes, ends, strict=True)
        )
        self.hold("form", form_signs(rep.group))
        self.hold("lower", _invariant_signs(rep))

    def inverse(self, frames: Float[Tensor, "*b d d"]) -> Float[Tensor, "*b d d"]:
        """L⁻¹, without elimination."""
        return form_inverse(frames, self.form)

    def localise(self, x: Float[Tensor, "*#b c"], frames: Float[Tensor, "*#b d d"]) -> Float[Tensor, "*#b c"]:
        """ρ(L) x."""
        return self._carry(x, frames, self.inverse(frames))

    def globalise(
        self, x: Float[Tensor, "*#b c"], frames: Float[Tensor, "*#b d d"]
    ) -> Float[Tensor, "*#b c"]:
        """ρ(L⁻¹) x."""
        return self._carry(x, self.inverse(frames), frames)

    def forward(
        self, x: Float[Tensor, "*#b c"], there: Float[Tensor, "*#b d d"], here: Float[Tensor, "*#b d d"]
    ) -> Float[Tensor, "*#b c"]:
        """ρ(L_i L_j⁻¹) x_j: what point j says (frames `there`), read by point i (`here`)."""
        with in_full_precision(here):
            return self.localise(x, here @ self.inverse(there))

    def _carry(self, x: Tensor, element: Tensor, inverse: Tensor) -> Tensor:
        if x.shape[-1] != self.rep.dim:
            wanted = f"{self.rep.dim} channels, as {self.rep} has"
            got, remedy = f"shape {tuple(x.shape)}", "check the multiplicities; channels are innermost"
            raise ValueError(sentence("wrap.Transport", wanted=wanted, got=got, remedy=remedy))
        if all(part.rep is None for part in self._parts):
            return x
        found = []
        with in_full_precision(element):
            for where, fibre, rep in self._parts:
                part = x[..., where]
                if rep is not None:
                    part = _act(rep, element, inverse, part.unflatten(-1, (fibre, -1))).flatten(-2)
                found.append(part)
        return torch.cat(found, -1) if len(found) > 1 else found[0]

    def extra_repr(self) -> str:
        return str(self.rep)


def _act(rep: AbstractRep, g: Tensor, inverse: Tensor, x: Tensor) -> Tensor:
    """ρ(g) x on the axis before the last, factor by factor."""
    if isinstance(rep, TensorProduct):
        first, second = rep.first.dim, rep.second.dim
        channels = x.shape[-1]
        x = x.unflatten(-2, (first, second)).transpose(-3, -2).flatten(-2)  # … second, first·c
        x = _act(rep.second, g, inverse, x).unflatten(-1, (first, channels))
        x = _act(rep.first, g, inverse, x.transpose(-3, -2).flatten(-2))
        return x.unflatten(-1, (second, channels)).flatten(-3, -2)
    if isinstance(rep, Vector):
        return g.to(x) @ x
    if isinstance(rep, Dual):
        matrix = inverse if isinstance(rep.rep, Vector) else rep.rep.at(inverse)
        return matrix.mT.to(x) @ x
    return rep.at(g).to(x) @ x


def form_signs(group: AbstractGroup[Any]) -> np.ndarray:
    """The diagonal of η: gᵀηg = η; ones for groups of orthogonal matrices. Raises ValueError for others."""
    if isinstance(group, IndefiniteOrthogonal):
        return np.diag(group.form).copy()
    if group.is_compact and not group.is_finite:
        return np.ones(group.identity.shape[-1])
    raise ValueError(
        sentence(
            "wrap.Transport",
            wanted="a representation of SO(n), O(n), SO+(p,q) or O(p,q)",
            got=f"one of {group}",
            remedy="restrict to a group that keeps an inner product",
        )
    )


def _invariant_signs(rep: AbstractRep) -> np.ndarray:
    """The diagonal of ρ(η), for which ρ(g)ᵀ ρ(η) ρ(g) = ρ(η). Raises ValueError where it is not so."""
    signs = form_signs(rep.group)
    metric = rep.at(torch.as_tensor(np.diag(signs), device="cpu")).detach().numpy()
    lie, finite = rep.algebra_matrices, rep.generator_matrices
    kept = [
        np.swapaxes(lie, 1, 2) @ metric + metric @ lie,
        np.swapaxes(finite, 1, 2) @ metric @ finite - metric,
    ]
    off = max(np.abs(error).max(initial=0) for error in [*kept, metric - np.diag(np.diag(metric))])
    if off > _SAME:
        raise ValueError(
            sentence(
                "wrap.Transport",
                wanted="a representation that keeps a form given by signs, such as 4xtrivial + 2xV + V⊗V",
                got=f"{rep} of {rep.group}",
                remedy="use irreps, V, V*, det and their products",
            )
        )
    return np.diag(metric).copy()


class AbstractTransporting(nn.Module, ABC):
    """A network that carries its messages between the frames of its points, which `local_frames` gives it."""

    @abstractmethod
    def forward(
        self,
        x: Float[Tensor, "b n c"],
        frames: Float[Tensor, "b n d d"],
        mask: Bool[Tensor, "b n"] | None = None,
    ) -> Tensor:
        """Local features to local features (or invariants). mask: which points are there."""


class TransportedAttention(nn.Module):
    """y_i = Σ_j softmax_j(⟨q_i, ρ(L_i L_j⁻¹)k_j⟩/√d) ρ(L_i L_j⁻¹)v_j, ⟨,⟩ the invariant form of ρ.

    One scaled_dot_product_attention call: with q, k, v in the global frame, since ⟨ρ(g)q, ρ(g)k⟩ = ⟨q, k⟩.
    Under autocast groups with boosts stay in the dtype of the frames: scores of boosted vectors cancel.
    Source: Spinner, Favaro et al., 2025, sect. 3.
    """

    def __init__(self, rep: AbstractRep) -> None:
        super().__init__()
        self.transport = Transport(rep)
        self._cancels = not rep.group.is_compact

    def forward(
        self,
        q: Float[Tensor, "b heads n d"],
        k: Float[Tensor, "b heads n d"],
        v: Float[Tensor, "b heads n d"],
        frames: Float[Tensor, "b n e e"],
        mask: Bool[Tensor, "b n"] | None = None,
    ) -> Float[Tensor, "b heads n d"]:
        """mask: which points are read; the others get finite values."""
        each = frames[:, None]
        dtype = frames.dtype if self._cancels else q.dtype
        given = torch.stack([q, k, v]).to(frames.dtype)
        q, k, v = (x.to(dtype) for x in self.transport.globalise(given, each[None]).unbind(0))
        seen = None if mask is None else mask[:, None, None, :]
        with in_full_precision(frames):
            y = F.scaled_dot_product_attention(q, k * self.transport.lower.to(k), v, attn_mask=seen)
        return self.transport.localise(y.to(frames.dtype), each).to(given.dtype)
