"""How a score depends on g′, the relative pose: not at all, by a table, by group RoPE, or by content.

Each position has its literal score and the two pieces a lowering needs: `turn` acts on q and k once,
`bias` is added to all scores of a map. q (b, 1, heads, e, d) and k (b, m, heads, e, d): e fields of a head, d
fibre.
"""

import math
from abc import abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.integrands.policies import AbstractAxis
from mackey.integrands.steerable import kernel_basis
from mackey.reps import trivial
from mackey.spaces import Grid, Pose


def dot(q: Tensor, k: Tensor) -> Float[Tensor, "b m heads"]:
    """⟨q, k⟩ / √(e·d)."""
    return (q * k).sum((-1, -2)) / math.sqrt(q.shape[-1] * q.shape[-2])


class AbstractPosition(nn.Module):
    """A term of the score that knows g′."""

    @abstractmethod
    def score(self, q: Tensor, k: Tensor, pose: Pose) -> Float[Tensor, "b m heads"]:
        """a(F(e), F(g′), g′) from the definition."""

    def turn(self, tokens: Tensor, coordinates: Tensor | None) -> Tensor:
        """ρ(g) on q and on k, tokens (b, n, d, heads, e)."""
        return tokens

    def needs_coordinates(self) -> bool:
        return False

    def check(self, sizes: tuple[int, ...]) -> None:
        """Raise if the position has no value for some pair of samples of such an array."""

    def bias(self, q: Tensor, pose: Pose) -> Tensor | None:
        """What is added to the scores of q (b, maps, heads, t, w): (maps, heads, t, s), or with a batch
        axis.
        """
        return None

    def needs_poses(self) -> bool:
        return False


class NoPosition(AbstractPosition):
    """a = ⟨q, k⟩."""

    def score(self, q: Tensor, k: Tensor, pose: Pose) -> Float[Tensor, "b m heads"]:
        return dot(q, k)


class _Entries(nn.Module):
    """Which entry of a table belongs to a pose: H-orbits of displacements where frames are not samples."""

    owner: Tensor

    def __init__(self, field: FieldType, axis: AbstractAxis, extent: int) -> None:
        super().__init__()
        seen = axis.read(field).domain
        self.domain, self.extent, self.size = field.domain, extent, 2 * extent - 1
        dimension = field.domain.group.dimension  # type: ignore[attr-defined]
        boxes = self.size**dimension
        if seen == field.domain and isinstance(field.domain, Grid):
            scalar = trivial(field.domain.stabiliser)
            owner = kernel_basis(field.domain, self.size, scalar, scalar).owner
            assert owner is not None
            table = owner.reshape(1, boxes)
        else:
            elements = field.rep.group.order if axis.crosses_orientations else 1
            table = np.arange(elements * boxes).reshape(elements, boxes)
        self.count = int(table.max()) + 1
        self.register_buffer("owner", torch.as_tensor(table), persistent=False)

    def check(self, sizes: tuple[int, ...]) -> None:
        if max(sizes) > self.extent:
            raise ValueError(
                sentence(
                    "Attention position",
                    wanted=f"at most {self.extent} samples along an axis",
                    got="×".join(map(str, sizes)),
                    remedy=f"give it with the size {max(sizes)}",
                )
            )

    def forward(self, pose: Pose) -> Tensor:
        return self.owner[pose.element, self.domain.tap(pose.displacement, self.size)]


class Table(AbstractPosition):
    """a = ⟨q, k⟩ + b(g′), one learned number for each head and each pose (H-orbit of poses for contract)."""

    def __init__(self, field: FieldType, heads: int, axis: AbstractAxis, extent: int) -> None:
        super().__init__()
        self.entries = _Entries(field, axis, extent)
        self.weight = nn.Parameter(torch.zeros(heads, self.entries.count))

    def check(self, sizes: tuple[int, ...]) -> None:
        self.entries.check(sizes)

    def score(self, q: Tensor, k: Tensor, pose: Pose) -> Float[Tensor, "b m heads"]:
        return dot(q, k) + self.weight[:, self.entries(pose)].T

    def bias(self, q: Tensor, pose: Pose) -> Tensor:
        return self.weight[:, self.entries(pose)].transpose(0, 1)

    def needs_poses(self) -> bool:
        return True


class Content(AbstractPosition):
    """a = ⟨q, k + p(g′)⟩: a learned vector for each pose; steerable, p(hx) = ρ(h) p(x), for contract."""

    def __init__(self, field: FieldType, heads: int, axis: AbstractAxis, extent: int) -> None:
        super().__init__()
        seen = axis.read(field)
        self.width, self.fibre, self.heads = field.multiplicity // heads, seen.rep.dim, heads
        self.entries = _Entries(field, axis, extent)
        if seen.domain == field.domain and isinstance(field.domain, Grid):
            basis = kernel_basis(field.domain, 2 * extent - 1, trivial(field.domain.stabiliser), field.rep)
            vectors = torch.as_tensor(basis.dense[:, :, 0, :])
            self.entries.register_buffer("owner", torch.arange(vectors.shape[-1])[None], persistent=False)
        else:
            vectors = torch.eye(self.entries.count, dtype=torch.float64)[:, None, :]
        self._exact = vectors
        self.register_buffer("_vectors", vectors.to(torch.get_default_dtype()), persistent=False)
        self.weight = nn.Parameter(torch.randn(heads, self.width, len(vectors)) * self.width**-0.5)

    def _apply(self, fn, recurse=True):  # type: ignore[no-untyped-def]
        result = super()._apply(fn, recurse)
        self._vectors = self._exact.to(self.weight)
        return result

    def table(self) -> Float[Tensor, "heads e d r"]:
        """p for every pose."""
        return torch.einsum("hen,ndr->hedr", self.weight, self._vectors)

    def check(self, sizes: tuple[int, ...]) -> None:
        self.entries.check(sizes)

    def score(self, q: Tensor, k: Tensor, pose: Pose) -> Float[Tensor, "b m heads"]:
        p = self.table()[..., self.entries(pose)]  # heads e d m
        return dot(q, k) + dot(q, p.permute(3, 0, 1, 2)[None])

    def bias(self, q: Tensor, pose: Pose) -> Tensor:
        p = self.table().transpose(1, 2).flatten(1, 2)  # heads (d e) r
        scores = (q @ p) / math.sqrt(q.shape[-1])
        index = self.entries(pose)[:, None].expand(-1, self.heads, -1, -1)
        return torch.gather(scores, -1, index.expand(q.shape[0], *index.shape))

    def needs_poses(self) -> bool:
        return True


def _rotate(pairs: Tensor, phase: Tensor) -> Tensor:
    """(cos, −sin; sin, cos) on the last axis of size 2."""
    c, s = phase.cos(), phase.sin()
    return torch.stack([pairs[..., 0] * c - pairs[..., 1] * s, pairs[..., 0] * s + pairs[..., 1] * c], -1)


def _frequencies(pairs: int, dimension: int) -> Tensor:
    """Random directions, lengths from π down to π/32 in equal ratios: wave lengths of 2 to 64 samples."""
    directions = torch.nn.functional.normalize(torch.randn(pairs, dimension), dim=-1)
    return directions * (math.pi * 32.0 ** (-torch.arange(pairs) / max(pairs - 1, 1)))[:, None]


class Twist(AbstractPosition):
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
        turns = field.rep.group.matrices if isinstance(field.domain, Grid) else np.eye(1)[None]
        self._exact = torch.as_tensor(turns)
        self.register_buffer("_turns", self._exact.to(self.weight), persistent=False)

    def _apply(self, fn, recurse=True):  # type: ignore[no-untyped-def]
        result = super()._apply(fn, recurse)
        self._turns = self._exact.to(self.weight)
        return result

    def phase(self, coordinates: Tensor, fibre: int) -> Tensor:
        """⟨hξ_j, x⟩, shape (n, d, pairs)."""
        return torch.einsum("hij,pj,ni->nhp", self._turns[:fibre], self.weight, coordinates.to(self.weight))

    def score(self, q: Tensor, k: Tensor, pose: Pose) -> Float[Tensor, "b m heads"]:
        pairs = k.transpose(-1, -2).unflatten(-1, (-1, 2))  # b m heads d pairs 2
        turned = _rotate(pairs, self.phase(pose.displacement, k.shape[-1])[:, None])
        return dot(q, turned.flatten(-2).transpose(-1, -2))

    def turn(self, tokens: Tensor, coordinates: Tensor | None) -> Tensor:
        assert coordinates is not None
        phase = self.phase(coordinates, tokens.shape[2])[:, :, None]
        return _rotate(tokens.unflatten(-1, (-1, 2)), phase).flatten(-2)

    def needs_coordinates(self) -> bool:
        return True


class InducedTwist(AbstractPosition):
    """Group RoPE across orientations: a = ⟨q, ρ(g′)k⟩ with ρ induced from the translation character ξ.

    ρ(x, h) permutes the orbit {h_i ξ} by h and rotates channel η by ⟨ηξ, x⟩; needs 2·|H| fields for each
    frequency.
    """

    _origin: Tensor

    def __init__(self, field: FieldType, heads: int, axis: AbstractAxis) -> None:
        super().__init__()
        H, width = field.rep.group, field.multiplicity // heads
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
        self._exact = torch.as_tensor(H.matrices)
        self.register_buffer("_turns", self._exact.to(self.weight), persistent=False)
        self.register_buffer(
            "_origin", torch.as_tensor(H.table[H.inverses]), persistent=False
        )  # [h, η] = h⁻¹η

    def _apply(self, fn, recurse=True):  # type: ignore[no-untyped-def]
        result = super()._apply(fn, recurse)
        self._turns = self._exact.to(self.weight)
        return result

    def phase(self, coordinates: Tensor) -> Tensor:
        """⟨ηξ_p, x⟩, shape (n, pairs, |H|)."""
        return torch.einsum("hij,pj,ni->nph", self._turns, self.weight, coordinates.to(self.weight))

    def score(self, q: Tensor, k: Tensor, pose: Pose) -> Float[Tensor, "b m heads"]:
        pairs = k[..., 0].unflatten(-1, (-1, self.order, 2))  # b m heads p i 2
        index = self._origin[pose.element][None, :, None, None, :, None].expand(pairs.shape)
        turned = _rotate(torch.gather(pairs, -2, index), self.phase(pose.displacement)[:, None])
        return dot(q, turned.flatten(-3)[..., None])

    def turn(self, tokens: Tensor, coordinates: Tensor | None) -> Tensor:
        assert coordinates is not None
        pairs = tokens.unflatten(-1, (-1, self.order, 2))  # b n d heads p i 2
        index = self._origin[:, None, None, :, None].expand(pairs.shape)
        phase = self.phase(coordinates)[:, None, None]
        return _rotate(torch.gather(pairs, -2, index), phase).flatten(-3)

    def needs_coordinates(self) -> bool:
        return True
