"""What attention does with the group axis of a field: contract it, keep one map for each frame, or attend
over it.

Each policy is a choice of G/H for the same array. Tokens are (b, n, heads, e, d): e fields of a head, d
fibre. A sequence is (b, maps·heads, t, w): independent maps of t tokens of width w, as
scaled_dot_product_attention wants.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from mackey.axes import Bool
from mackey.fields import FieldType
from mackey.spaces import AbstractDomain, Grid, GroupGrid, Pose, scalar_fibre


class AbstractAxis(ABC):
    """How a fibre is read, and the view of tokens that makes attention one call."""

    crosses_orientations = False
    # of (part, heads, e, d): the rows of the fused q, k, v map for which views copy nothing
    row_order = (0, 1, 2, 3)

    @abstractmethod
    def why_not(self, field: FieldType) -> str | None:
        """Why this policy cannot be used for a field, or None."""

    @abstractmethod
    def read(self, field: FieldType) -> FieldType:
        """The type of the same values, as ω sees them."""

    def admits(self, pose: Pose) -> Bool[Tensor, "*m"]:
        """Which relative elements are in the support."""
        return torch.ones_like(pose.element, dtype=torch.bool)

    @abstractmethod
    def to_sequence(self, tokens: Tensor) -> Tensor:
        """(b, n, heads, e, d) as (b, maps·heads, t, w)."""

    @abstractmethod
    def from_sequence(self, sequence: Tensor, fibre: int, heads: int) -> Tensor:
        """The inverse, (b, n, heads, e, d)."""

    def _samples(self, field: FieldType) -> AbstractDomain:
        """What the tokens of a map are samples of."""
        return field.domain

    def poses(self, field: FieldType, sizes: tuple[int, ...], device: torch.device) -> Pose:
        """g⁻¹g′ for all pairs of each map, leading axes (maps, t, t)."""
        pose = self._samples(field).poses(sizes, sizes, 1, device)
        return Pose(pose.displacement[None], pose.element[None])


class Contract(AbstractAxis):
    """One map for the whole fibre: scores are H-invariant inner products. N² scores. Any orthogonal fibre."""

    def why_not(self, field: FieldType) -> str | None:
        if field.rep.is_orthogonal:
            return None
        return f"scores ⟨q, k⟩ are invariant only for an orthogonal representation, and {field.rep} is not"

    def read(self, field: FieldType) -> FieldType:
        return field

    def to_sequence(self, tokens: Tensor) -> Tensor:
        return tokens.transpose(1, 2).flatten(3)

    def from_sequence(self, sequence: Tensor, fibre: int, heads: int) -> Tensor:
        return sequence.transpose(1, 2).unflatten(-1, (-1, fibre))


class AbstractOverGroup(AbstractAxis):
    """The regular fibre read as samples (x, h) of G itself: the stabiliser is trivial, so any score is
    allowed.
    """

    def why_not(self, field: FieldType) -> str | None:
        if isinstance(field.domain, Grid) and field.table.is_regular:
            return None
        return f"the group axis is read as samples of G, which needs a regular fibre on a Grid, not {field}"

    def read(self, field: FieldType) -> FieldType:
        over_group = self._samples(field)
        return FieldType(over_group, scalar_fibre(over_group), field.multiplicity)

    def _samples(self, field: FieldType) -> GroupGrid:
        domain = field.domain
        assert isinstance(domain, Grid)
        return GroupGrid(domain.group, domain.periodic)


class Frame(AbstractOverGroup):
    """One N×N map for each orientation: the sources are the translates g′ = (t, e)."""

    row_order = (0, 3, 1, 2)

    def admits(self, pose: Pose) -> Bool[Tensor, "*m"]:
        return pose.element == 0

    def to_sequence(self, tokens: Tensor) -> Tensor:
        return tokens.permute(0, 4, 2, 1, 3).flatten(1, 2)

    def from_sequence(self, sequence: Tensor, fibre: int, heads: int) -> Tensor:
        return sequence.unflatten(1, (fibre, heads)).permute(0, 3, 2, 4, 1)

    def poses(self, field: FieldType, sizes: tuple[int, ...], device: torch.device) -> Pose:
        """h⁻¹(x′ − x), one map for each h."""
        H = field.table.group
        between = field.domain.poses(sizes, sizes, 1, device).displacement
        back = torch.as_tensor(H.matrices[H.inverses], device=device)
        displacement = torch.einsum("hij,tsj->htsi", back, between)
        return Pose(displacement, torch.zeros(displacement.shape[:-1], dtype=torch.long, device=device))


class Lift(AbstractOverGroup):
    """One map over all (x, h): orientations exchange messages. (N·|H|)² scores."""

    crosses_orientations = True
    row_order = (3, 0, 1, 2)

    def to_sequence(self, tokens: Tensor) -> Tensor:
        return tokens.permute(0, 2, 1, 4, 3).flatten(2, 3)

    def from_sequence(self, sequence: Tensor, fibre: int, heads: int) -> Tensor:
        return sequence.unflatten(2, (-1, fibre)).permute(0, 2, 1, 4, 3)


AXES: dict[str, AbstractAxis] = {"contract": Contract(), "frame": Frame(), "lift": Lift()}
