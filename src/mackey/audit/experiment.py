"""One module, its inputs and their types, run before and after an element acts: rows of errors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mackey.audit import aliased, networks
from mackey.audit.elements import Element
from mackey.audit.networks import Tensors, in_float64, numbers
from mackey.audit.report import Row
from mackey.audit.types import AbstractDeclared, declare
from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.groups import LatticeGroup, Symmetric

FLOAT64, FLOAT32 = 2.0**-52, 2.0**-24  # the spacing of doubles; half the spacing of floats

Declaration = str | FieldType | tuple[str | FieldType, ...]
# g·f(x) beside f(gx), as far as they can be compared; None where g does not act on the type.
Align = Callable[[AbstractDeclared, Tensor, Tensor], tuple[Tensor, Tensor] | None]


@dataclass(frozen=True)
class Outputs:
    """By name, in the dtype of the module and in float64."""

    own: Mapping[str, Tensor]
    exact: Mapping[str, Tensor]


@dataclass(frozen=True)
class Experiment:
    """own, exact: copies of the module in its dtype and in float64."""

    own: nn.Module
    exact: nn.Module
    tensors: Tensors
    in_types: tuple[AbstractDeclared, ...]
    out_type: Declaration
    group: LatticeGroup | Symmetric | None
    generator: torch.Generator

    def outputs(self, tensors: Tensors) -> Outputs:
        wanted = "a module that also runs in float64"
        own = networks.run(self.own, tensors)
        exact = networks.run(self.exact, tuple(in_float64(x) for x in tensors), wanted)
        return Outputs(own, {name: numbers(y) for name, y in exact.items()})

    def out_types(self, plain: Outputs) -> dict[str, AbstractDeclared]:
        declared = declarations(self.out_type, list(plain.own.values()), self.group, "audit out_type")
        return dict(zip(plain.own, declared, strict=True))

    def changes(self, plain: Outputs, relative: float) -> dict[str, float]:
        """How far each output moves, at most, when all weights and inputs change by this much."""
        largest = dict.fromkeys(plain.exact, 0.0)
        for _ in range(2):
            twin = networks.shaken(self.exact, relative, self.generator)
            inputs = tuple(
                networks.shaken_tensor(in_float64(x), FLOAT64, self.generator) for x in self.tensors
            )
            for name, y in networks.run(twin, inputs).items():
                if y.shape == plain.exact[name].shape and y.numel():
                    change = float((numbers(y) - plain.exact[name]).abs().max())
                    largest[name] = max(largest[name], change if change < float("inf") else 0.0)
        return largest

    def rounding(self, plain: Outputs) -> dict[str, float]:
        """The size of float64 rounding in each output: how far it moves when inputs and weights change by
        2^-52, and not more than 128 such steps of the largest of them (a step function may jump).
        """
        known = [x for x in (*self.tensors, *self.exact.parameters()) if x.is_floating_point()]
        largest = max((float(x.detach().abs().max()) for x in known if x.numel()), default=1.0)
        cap = 128 * FLOAT64 * largest
        return {name: min(change, cap) for name, change in self.changes(plain, FLOAT64).items()}

    def depends(self, plain: Outputs) -> set[str]:
        """The outputs that differ for some of three other inputs of the same kind."""
        differing: set[str] = set()
        for _ in range(3):
            other = tuple(
                networks.redrawn(in_float64(x), self.generator) if t.moves else in_float64(x)
                for t, x in zip(self.in_types, self.tensors, strict=True)
            )
            try:
                found = networks.run(self.exact, other)
            except ValueError:  # it refuses other numbers, so that nobody can tell
                return set(plain.exact)
            differing |= {name for name in found if not torch.equal(numbers(found[name]), plain.exact[name])}
        return differing

    def rows(self, element: Element, plain: Outputs, floors: Mapping[str, float]) -> list[Row]:
        """|f(gx) − g f(x)| for an element that permutes the samples."""
        moved = tuple(t.move(x, element) for t, x in zip(self.in_types, self.tensors, strict=True))

        def align(declared: AbstractDeclared, y: Tensor, turned: Tensor) -> tuple[Tensor, Tensor] | None:
            return declared.move(y, element), turned

        return self._compare(element.label, plain, self.outputs(moved), align, floors)

    def aliased_rows(self, element: Element, floors: Mapping[str, float]) -> list[Row]:
        """The same for an element that does not, on smooth images; not counted."""
        pairs = []
        for g in (None, element):
            draw = torch.Generator().manual_seed(self.generator.initial_seed())  # the same f twice
            images = [aliased.smooth(x, t, g, draw) for t, x in zip(self.in_types, self.tensors, strict=True)]
            known = tuple(image for image in images if image is not None)
            if len(known) < len(images):
                return []
            pairs.append(self.outputs(known))

        def align(declared: AbstractDeclared, y: Tensor, turned: Tensor) -> tuple[Tensor, Tensor] | None:
            wanted = aliased.resampled(y, declared, element)
            if wanted is None:
                return None
            return aliased.inside(wanted, declared), aliased.inside(turned, declared)

        rows = self._compare(element.label, pairs[0], pairs[1], align, floors)
        return [Row(r.element, r.output, r.error, r.error64, r.floor, counted=False) for r in rows]

    def _compare(
        self, label: str, plain: Outputs, turned: Outputs, align: Align, floors: Mapping[str, float]
    ) -> list[Row]:
        found = []
        for name, declared in self.out_types(plain).items():
            own = align(declared, plain.own[name], turned.own[name])
            exact = align(declared, plain.exact[name], turned.exact[name])
            if own is None or exact is None:
                continue
            floor = floors[name]
            rounding = relative_error(plain.exact[name], plain.own[name], floor)
            found.append(
                Row(label, name, relative_error(*own, floor), relative_error(*exact, floor), rounding)
            )
        return found


def relative_error(wanted: Tensor, value: Tensor, floor: float = 0.0) -> float:
    """max|value − wanted| / max(max|wanted|, floor); 0 where they are equal, infinite where they cannot be
    compared.
    """
    if value.shape != wanted.shape:
        return float("inf")
    if not value.numel():
        return 0.0
    value, wanted = numbers(value), numbers(wanted)
    difference = float((value - wanted).abs().max())
    if difference == 0:
        return 0.0
    scale = max(float(wanted.abs().max()), floor)
    error = difference / scale if scale > 0 else float("inf")
    return error if error == error else float("inf")


def declarations(
    declared: Declaration, tensors: list[Tensor], group: LatticeGroup | Symmetric | None, where: str
) -> tuple[AbstractDeclared, ...]:
    """The type of each tensor, checked against it."""
    given = declared if isinstance(declared, tuple) else (declared,)
    if len(given) != len(tensors):
        raise ValueError(
            sentence(
                where,
                wanted=f"one type for each of {len(tensors)} tensors",
                got=f"{len(given)}",
                remedy='declare every tensor; "invariant" for what does not move',
            )
        )
    types = tuple(declare(one, group, where) for one in given)
    for one, x in zip(types, tensors, strict=True):
        one.check(x, where)
    return types
