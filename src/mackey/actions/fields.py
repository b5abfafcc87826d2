"""A FieldType as a declared type: it knows its own action."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mackey.actions.abstract import AbstractTensorType
from mackey.actions.images import Image
from mackey.actions.motion import POINTS, Motion
from mackey.axes import merge_fibre, split_fibre
from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.spaces import Grid, GroupGrid, Point, Set


@dataclass(frozen=True)
class Field(AbstractTensorType):
    """(g·f)(x) = ρ f(g⁻¹x)."""

    field: FieldType

    @property
    def grid(self) -> Grid | None:
        domain = self.field.domain
        return domain.grid if isinstance(domain, GroupGrid) else domain if isinstance(domain, Grid) else None

    @property
    def is_sampled(self) -> bool:
        return self.grid is not None

    @property
    def rolls(self) -> bool:
        return self.grid is not None and self.grid.periodic

    def check(self, x: Tensor, where: str) -> None:
        self.field.check(x, where)

    def axes(self, x: Tensor) -> Mapping[str, int]:
        return {POINTS: 1} if isinstance(self.field.domain, Set) else {}

    def dimension(self, x: Tensor) -> int | None:
        return None if self.grid is None else self.grid.dimension

    def knows(self, motion: Motion) -> bool:
        """Whether the group of the field has such an element."""
        return motion.within(self.field.domain.group) is not None

    def exact(self, x: Tensor, motion: Motion) -> bool:
        return self.grid is None or Image(self.rolls).exact(x, motion)

    def act(self, x: Tensor, motion: Motion) -> Tensor:
        if motion.linear is not None and motion.linear.ndim == 3:
            return self._each(x, motion.linear)
        own = motion.within(self.field.domain.group)
        if own is None:
            wanted, got = "a field that the motion acts on", f"{self.field}, whose group has no such element"
            remedy = f"audit under {self.field.domain.group} or a subgroup of it"
            raise ValueError(sentence("actions.Field", wanted=wanted, got=got, remedy=remedy))
        return self.field.transform(x, own)

    def _each(self, x: Tensor, linear: Tensor) -> Tensor:
        """One element for each sample: at a point only."""
        if not isinstance(self.field.domain, Point):
            got, remedy = str(self.field), "apply one motion at a time"
            raise ValueError(sentence("actions.Field", wanted="a field at a Point", got=got, remedy=remedy))
        rep = self.field.rep
        return (x.unflatten(1, (-1, rep.dim)) @ rep.at(linear).to(x).mT).flatten(1)

    def turn(self, x: Tensor, motion: Motion) -> Tensor:
        if self.grid is None:
            return self.act(x, motion)
        own = motion.within(self.field.domain.group)
        assert own is not None, "asked only where the group has the element"
        domain = self.field.domain
        rep = domain.folded if isinstance(domain, GroupGrid) else self.field.table
        matrix = torch.as_tensor(rep.matrices[own[1]], device="cpu").to(x)
        return merge_fibre(torch.einsum("de,bce...->bcd...", matrix, split_fibre(x, rep.dim)))
