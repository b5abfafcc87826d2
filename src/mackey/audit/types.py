"""What a tensor of anybody's network means to the group: declared types, and how the auditor moves them."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.groups import FiniteGroup, LatticeGroup, Symmetric, lattice, named
from mackey.reps import trivial
from mackey.spaces import Grid, Set

Group = str | LatticeGroup | FiniteGroup | Symmetric


class AbstractDeclared(ABC):
    """A declared type: how an element of the group acts on the tensor."""

    @abstractmethod
    def move(self, x: Tensor, element: Any) -> Tensor:
        """g·x."""


class Invariant(AbstractDeclared):
    """Numbers that do not change: class scores, energies, labels."""

    def move(self, x: Tensor, element: Any) -> Tensor:
        return x


class Image(AbstractDeclared):
    """Scalar channels (b, c, *spatial): pixels move, values stay."""

    def __init__(self, group: LatticeGroup) -> None:
        self.grid = Grid(group)

    def move(self, x: Tensor, element: Any) -> Tensor:
        return self.grid.move(x, element)


class Tokens(AbstractDeclared):
    """Points (b, n, c) that Sym(n) permutes along axis 1."""

    def move(self, x: Tensor, element: Any) -> Tensor:
        return Set(x.shape[1]).transform(x, element, trivial(Set(1).stabiliser))


class Field(AbstractDeclared):
    """A FieldType: it knows its own action."""

    def __init__(self, field: FieldType) -> None:
        self.field = field

    def move(self, x: Tensor, element: Any) -> Tensor:
        motion = isinstance(element, tuple) and not isinstance(self.field.domain, Grid | Set)
        return self.field.transform(x, element[1] if motion else element)


NAMES = ("image", "scalars", "invariant", "tokens", "set")


def resolve_group(group: Group) -> LatticeGroup | Symmetric | None:
    """The group of a name or object; None for "Sym", whose n is read off the input."""
    if isinstance(group, LatticeGroup | Symmetric):
        return group
    if isinstance(group, FiniteGroup):
        return lattice(group)
    return None if group in ("Sym", "S_n") else named(group)


def declare(
    declared: str | FieldType, group: LatticeGroup | Symmetric | None, where: str
) -> AbstractDeclared:
    """The action that a declaration names."""
    if isinstance(declared, FieldType):
        return Field(declared)
    if declared == "invariant":
        return Invariant()
    if declared in ("tokens", "set"):
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


def elements_of(
    x: Tensor, declared: AbstractDeclared, group: LatticeGroup | Symmetric | None, generator: torch.Generator
) -> tuple[list[tuple[str, Any]], list[str]]:
    """The elements to test, labelled, the identity left out; and what has to be said about them."""
    if isinstance(declared, Tokens) or not isinstance(group, LatticeGroup):
        S = Symmetric(x.shape[1])
        chosen = dict.fromkeys([*S.generators, *S.sample(4, generator)])
        return [
            (f"permutation {S.label(p)}" if S.n <= 8 else f"permutation {i}", p)
            for i, p in enumerate(chosen)
            if p != S.identity
        ], []
    grid = Grid(group)
    sizes = tuple(x.shape[2:])
    if len(sizes) != grid.dimension:
        raise ValueError(
            sentence(
                "audit",
                wanted=f"an image with {grid.dimension} spatial axes for {group}",
                got=f"shape {tuple(x.shape)}",
                remedy="give (b, c, *spatial)",
            )
        )
    exact = [motion for motion in grid.exact_symmetry(sizes) if motion[1] != 0]
    notes = ["translations were not tested: zero padding breaks them at the border"]
    missing = group.point_group.order - 1 - len(exact)
    if missing:
        notes.append(
            f"{missing} elements of {group} do not permute the {'×'.join(map(str, sizes))} samples and were "
            "not tested"
        )
    if not exact and group.point_group.order > 1:
        raise ValueError(
            sentence(
                "audit",
                wanted=f"an input whose samples some element of {group} permutes",
                got=f"size {'×'.join(map(str, sizes))}",
                remedy="give a square input",
            )
        )
    if len(exact) > 16:
        keep = torch.randperm(len(exact), generator=generator)[:16].tolist()
        notes.append(f"16 of {len(exact)} elements were drawn")
        exact = [exact[i] for i in sorted(keep)]
    return [(group.label(motion), motion) for motion in exact], notes
