"""What a tensor of anybody's network means to the group: declared types, and how the auditor moves them."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from mackey.audit.elements import Element
from mackey.axes import merge_fibre, split_fibre
from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.groups import AbstractGroup, FiniteGroup, LatticeGroup, Symmetric
from mackey.reps import Rep, trivial
from mackey.spaces import Grid, GroupGrid, Set


class AbstractDeclared(ABC):
    """A declared type: how an element of the group acts on the tensor."""

    @property
    def grid(self) -> Grid | None:
        """The pixels that are moved; None where there are none."""
        return None

    @property
    def moves(self) -> bool:
        """Whether the group acts at all."""
        return True

    @abstractmethod
    def check(self, x: Tensor, where: str) -> None:
        """Raise unless x can be of this type."""

    @abstractmethod
    def move(self, x: Tensor, element: Element) -> Tensor:
        """g·x, exact; raises ValueError where g is not in the group of the type."""

    def turn(self, x: Tensor, element: Element) -> Tensor | None:
        """What g does to the values, the samples left where they are; None if g is not in the group of the
        type.
        """
        return x


class Invariant(AbstractDeclared):
    """Numbers that do not change: class scores, energies, labels."""

    @property
    def moves(self) -> bool:
        return False

    def check(self, x: Tensor, where: str) -> None:
        return

    def move(self, x: Tensor, element: Element) -> Tensor:
        return x


class Image(AbstractDeclared):
    """Scalar channels (b, c, *spatial): pixels move, values stay."""

    def __init__(self, group: LatticeGroup) -> None:
        self._grid = Grid(group)

    @property
    def grid(self) -> Grid:
        return self._grid

    def check(self, x: Tensor, where: str) -> None:
        if x.ndim != 2 + self._grid.dimension:
            axes = self._grid.dimension
            raise ValueError(
                sentence(
                    where,
                    wanted=f"an image with {axes} spatial axes for {self._grid.group}",
                    got=f"shape {tuple(x.shape)}",
                    remedy='give (b, c, *spatial), or declare it "invariant"',
                )
            )

    def move(self, x: Tensor, element: Element) -> Tensor:
        own = element.within(self._grid.group)
        assert own is not None, "elements are drawn from the group of the image"
        return self._grid.move(x, own)


class Tokens(AbstractDeclared):
    """Points (b, n, …) that Sym(n) permutes along axis 1."""

    def check(self, x: Tensor, where: str) -> None:
        if x.ndim < 2:
            raise ValueError(
                sentence(
                    where,
                    wanted="tokens (b, n, c)",
                    got=f"shape {tuple(x.shape)}",
                    remedy='add the axis, or declare it "invariant"',
                )
            )

    def move(self, x: Tensor, element: Element) -> Tensor:
        own = element.within(Symmetric(x.shape[1]))
        if own is None:
            raise ValueError(
                sentence(
                    "audit",
                    wanted=f"{len(element.permutation or ())} tokens on axis 1, as the input has",
                    got=f"shape {tuple(x.shape)}",
                    remedy='declare it "invariant" if the group does not permute it',
                )
            )
        return Set(x.shape[1]).transform(x, own, trivial(Set(1).stabiliser))


def _remedy(group: AbstractGroup) -> str:
    if isinstance(group, LatticeGroup | FiniteGroup | Symmetric):
        return f"audit under {group} or a subgroup of it"
    return (
        f"audit does not draw from {group} yet: compare f(type.transform(x, g)) with type.transform(f(x), g)"
    )


class Field(AbstractDeclared):
    """A FieldType: it knows its own action."""

    def __init__(self, field: FieldType) -> None:
        self.field = field

    @property
    def grid(self) -> Grid | None:
        domain = self.field.domain
        return domain.grid if isinstance(domain, GroupGrid) else domain if isinstance(domain, Grid) else None

    def check(self, x: Tensor, where: str) -> None:
        self.field.check(x, where)

    def knows(self, element: Element) -> bool:
        """Whether the group of the field has such an element."""
        return element.within(self.field.domain.group) is not None

    def move(self, x: Tensor, element: Element) -> Tensor:
        own = element.within(self.field.domain.group)
        if own is None:
            raise ValueError(
                sentence(
                    "audit",
                    wanted=f"a field that {element.label} acts on",
                    got=f"{self.field}, whose group has no such element",
                    remedy=_remedy(self.field.domain.group),
                )
            )
        return self.field.transform(x, own)

    def turn(self, x: Tensor, element: Element) -> Tensor | None:
        own = element.within(self.field.domain.group)
        if own is None:
            return None
        rep = self._fibre
        h = own[1] if isinstance(own, tuple) else own
        matrix = torch.as_tensor(rep.matrices[h], dtype=x.dtype, device=x.device)
        return merge_fibre(torch.einsum("de,bce...->bcd...", matrix, split_fibre(x, rep.dim)))

    @property
    def _fibre(self) -> Rep:
        domain = self.field.domain
        return domain.folded if isinstance(domain, GroupGrid) else self.field.table


NAMES = ("image", "scalars", "invariant", "tokens", "set")


def declare(
    declared: str | FieldType, group: LatticeGroup | Symmetric | None, where: str
) -> AbstractDeclared:
    """The action that a declaration names."""
    if isinstance(declared, FieldType):
        return Field(declared)
    if declared == "invariant":
        return Invariant()
    if declared in ("tokens", "set"):
        if isinstance(group, LatticeGroup):
            raise ValueError(
                sentence(
                    where,
                    wanted="a group that permutes tokens",
                    got=str(group),
                    remedy='give group="Sym", or a FieldType',
                )
            )
        return Tokens()
    if declared in ("image", "scalars"):
        if not isinstance(group, LatticeGroup):
            raise ValueError(
                sentence(
                    where,
                    wanted="a group that moves pixels for an image",
                    got=str(group or "Sym"),
                    remedy='give group="p4" or "p4m"',
                )
            )
        return Image(group)
    raise ValueError(
        sentence(
            where,
            wanted=f"a type among {', '.join(NAMES)} or a FieldType",
            got=repr(declared),
            remedy="declare what each tensor is",
        )
    )
