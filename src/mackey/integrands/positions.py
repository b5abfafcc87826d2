"""How a score depends on g′, the relative pose: not at all, by a table, or by content; twists.py has group
RoPE.

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
from mackey.integrands.constants import AbstractConstants
from mackey.integrands.policies import AbstractAxis
from mackey.integrands.steerable import kernel_basis
from mackey.reps import trivial
from mackey.spaces import Grid, Pose


def dot(q: Tensor, k: Tensor) -> Float[Tensor, "b m heads"]:
    """⟨q, k⟩ / √(e·d)."""
    return (q * k).sum((-1, -2)) / math.sqrt(q.shape[-1] * q.shape[-2])


class AbstractPosition(AbstractConstants):
    """A term of the score that knows g′."""

    @abstractmethod
    def score(self, q: Tensor, k: Tensor, pose: Pose) -> Float[Tensor, "b m heads"]:
        """a(F(e), F(g′), g′) from the definition."""

    def turn(self, tokens: Tensor, coordinates: Tensor) -> Tensor:
        """ρ(g) on q and k together, (b, n, 2, heads, e, d)."""
        return tokens

    def needs_coordinates(self) -> bool:
        return False

    def check(self, sizes: tuple[int, ...]) -> None:
        """Raise if the position has no value for some pair of samples of such an array."""

    def entries(self, pose: Pose) -> Tensor | None:
        """Which entry of a table each pose reads, for a position that has one."""
        return None

    def bias(self, q: Tensor, index: Tensor) -> Tensor:
        """What is added to the scores of q (b, maps, heads, t, w): (maps, heads, t, s), or with a batch axis.

        index (maps, t, s): `entries` of all pairs.
        """
        raise NotImplementedError(f"{type(self).__name__} adds nothing to the scores")

    def needs_poses(self) -> bool:
        return False

    def flops(self, numbers: int) -> int:
        """Multiply–adds times two, for a q of so many numbers; the turn of q and k is not counted."""
        return 0


class NoPosition(AbstractPosition):
    """a = ⟨q, k⟩."""

    def score(self, q: Tensor, k: Tensor, pose: Pose) -> Float[Tensor, "b m heads"]:
        return dot(q, k)


class AbstractTable(AbstractPosition):
    """A number or vector for every entry; entry `owner[element, displacement]` belongs to a pose."""

    owner: Tensor

    def __init__(self, field: FieldType, axis: AbstractAxis, extent: int, *, orbits: bool) -> None:
        super().__init__()
        if extent < 1:
            raise ValueError(
                sentence(
                    "Attention position",
                    wanted="a table for at least 1 sample along an axis",
                    got=str(extent),
                    remedy="give the largest size",
                )
            )
        self.domain, self.extent, self.size = field.domain, extent, 2 * extent - 1
        boxes = self.size**field.domain.group.dimension  # type: ignore[attr-defined]
        elements = field.table.group.order if axis.crosses_orientations else 1
        table = np.arange(elements * boxes).reshape(elements, boxes)
        if orbits:
            assert isinstance(field.domain, Grid)
            scalar = trivial(field.domain.stabiliser)
            owner = kernel_basis(field.domain, self.size, scalar, scalar).owner
            assert owner is not None
            table = owner.reshape(1, boxes)
        self.count = int(table.max()) + 1
        self.hold("owner", table)

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

    def entries(self, pose: Pose) -> Tensor:
        return self.owner[pose.element, self.domain.tap(pose.displacement, self.size)]

    def needs_poses(self) -> bool:
        return True


def _frames_are_not_samples(field: FieldType, axis: AbstractAxis) -> bool:
    """Whether H still acts on what the scores see: then a table has one entry for each H-orbit."""
    return axis.read(field).domain == field.domain and isinstance(field.domain, Grid)


class Table(AbstractTable):
    """a = ⟨q, k⟩ + b(g′), one learned number for each head and each pose (H-orbit of poses for contract)."""

    def __init__(self, field: FieldType, heads: int, axis: AbstractAxis, extent: int) -> None:
        super().__init__(field, axis, extent, orbits=_frames_are_not_samples(field, axis))
        self.weight = nn.Parameter(torch.zeros(heads, self.count))

    def score(self, q: Tensor, k: Tensor, pose: Pose) -> Float[Tensor, "b m heads"]:
        return dot(q, k) + self.weight[:, self.entries(pose)].T

    def bias(self, q: Tensor, index: Tensor) -> Tensor:
        return self.weight.index_select(1, index.flatten()).unflatten(1, index.shape).transpose(0, 1)


class Content(AbstractTable):
    """a = ⟨q, k + p(g′)⟩: a learned vector for each pose; steerable, p(hx) = ρ(h) p(x), for contract."""

    _vectors: Tensor

    def __init__(self, field: FieldType, heads: int, axis: AbstractAxis, extent: int) -> None:
        super().__init__(field, axis, extent, orbits=False)
        self.width, self.heads = field.multiplicity // heads, heads
        self.is_steerable = _frames_are_not_samples(field, axis)
        free = self.count
        if self.is_steerable:
            assert isinstance(field.domain, Grid)
            basis = kernel_basis(field.domain, self.size, trivial(field.domain.stabiliser), field.table)
            self.hold("_vectors", basis.dense[:, :, 0, :])
            free = basis.count
        self.weight = nn.Parameter(torch.randn(heads, self.width, free) * self.width**-0.5)

    def table(self) -> Float[Tensor, "heads e d r"]:
        """p for every pose."""
        if not self.is_steerable:
            return self.weight[:, :, None]
        return torch.einsum("hen,ndr->hedr", self.weight, self._vectors)

    def score(self, q: Tensor, k: Tensor, pose: Pose) -> Float[Tensor, "b m heads"]:
        p = self.table()[..., self.entries(pose)]  # heads e d m
        return dot(q, k) + dot(q, p.permute(3, 0, 1, 2)[None])

    def bias(self, q: Tensor, index: Tensor) -> Tensor:
        p = self.table().flatten(1, 2)  # heads (e d) r
        scores = (q @ p) / math.sqrt(q.shape[-1])
        index = index[:, None].expand(-1, self.heads, -1, -1)
        return torch.gather(scores, -1, index.expand(q.shape[0], *index.shape))

    def flops(self, numbers: int) -> int:
        return 2 * numbers * self.count
