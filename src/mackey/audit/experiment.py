"""One module, its inputs and their types, run before and after an element acts: rows of errors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from mackey.actions import AbstractTensorType, Acting, Declaration, Motion, declarations
from mackey.audit import aliased, networks
from mackey.audit.element import Element
from mackey.audit.networks import Tensors, in_float64, numbers
from mackey.audit.report import Row

FLOAT64 = 2.0**-52  # the spacing of doubles

# g·f(x) beside f(gx), as far as they can be compared; None where g does not act on the type.
Align = Callable[[AbstractTensorType, Tensor, Tensor], tuple[Tensor, Tensor] | None]


@dataclass(frozen=True)
class Outputs:
    """By name, in the dtype of the module and in float64."""

    own: Mapping[str, Tensor]
    exact: Mapping[str, Tensor]


@dataclass(frozen=True)
class Experiment:
    """own, exact: copies of the module in its dtype and in float64; the same where that is float64."""

    own: nn.Module
    exact: nn.Module
    tensors: Tensors
    in_types: tuple[AbstractTensorType, ...]
    out_type: Declaration
    acting: Acting
    generator: torch.Generator

    @property
    def doubles(self) -> Tensors:
        return tuple(in_float64(x) for x in self.tensors)

    @property
    def is_double(self) -> bool:
        """Whether the module computes in float64 anyway."""
        known = [*self.tensors, *self.own.parameters(), *self.own.buffers()]
        return all(x.dtype == torch.float64 for x in known if x.is_floating_point())

    def moved(self, element: Element) -> Tensors:
        """g·x in float64."""
        return tuple(t.act(x, element.motion) for t, x in zip(self.in_types, self.doubles, strict=True))

    def outputs(self, doubles: Tensors) -> Outputs:
        """Of these inputs, and of the same rounded to the dtypes of the given ones."""
        wanted = "a module that also runs in float64"
        own = {}
        if not self.is_double:
            rounded = tuple(y.to(x.dtype) for x, y in zip(self.tensors, doubles, strict=True))
            own = networks.run(self.own, rounded)
        exact = networks.run(self.exact, doubles, wanted)
        return Outputs(own or exact, {name: numbers(y) for name, y in exact.items()})

    def out_types(self, plain: Outputs) -> dict[str, AbstractTensorType]:
        values = list(plain.own.values())
        declared = declarations(self.out_type, values, self.acting.space, "audit out_type")
        return dict(zip(plain.own, declared, strict=True))

    def changes(self, outputs: Outputs, inputs: Tensors, weights: float, data: float) -> dict[str, float]:
        """How far each output moves, at most, when all weights and inputs change by these parts of theirs."""
        largest = dict.fromkeys(outputs.exact, 0.0)
        for _ in range(2):
            twin = networks.shaken(self.exact, weights, self.generator)
            shaken = tuple(networks.shaken_tensor(x, data, self.generator) for x in inputs)
            for name, y in networks.run(twin, shaken).items():
                if y.shape == outputs.exact[name].shape and y.numel():
                    change = float((numbers(y) - outputs.exact[name]).abs().max())
                    largest[name] = max(largest[name], change if change < float("inf") else 0.0)
        return largest

    def rounding(self, outputs: Outputs, inputs: Tensors) -> dict[str, float]:
        """The size of float64 rounding in each output: how far it moves when inputs and weights change by
        2^-52, and not more than 128 such steps of the largest of them (a step function may jump).
        """
        known = [x for x in (*inputs, *self.exact.parameters()) if x.is_floating_point()]
        largest = max((float(x.detach().abs().max()) for x in known if x.numel()), default=1.0)
        cap = 128 * FLOAT64 * largest
        return {
            name: min(change, cap) for name, change in self.changes(outputs, inputs, FLOAT64, FLOAT64).items()
        }

    def depends(self, plain: Outputs) -> set[str]:
        """The outputs that differ for some of up to three other inputs of the same kind."""
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
            if len(differing) == len(plain.exact):
                break
        return differing

    def rows(
        self, element: Element, plain: Outputs, turned: Outputs, floors: Mapping[str, float]
    ) -> list[Row]:
        """|f(gx) − g f(x)| for an element that permutes the samples."""

        def align(declared: AbstractTensorType, y: Tensor, after: Tensor) -> tuple[Tensor, Tensor] | None:
            return declared.act(numbers(y), element.motion), after

        return self._compare(element, plain, turned, align, floors)

    def smooth(self, motion: Motion | None) -> Outputs | None:
        """f of smooth images, moved before they are sampled; None if there is nothing of the kind."""
        draw = torch.Generator().manual_seed(self.generator.initial_seed())  # the same images each time
        images = [
            aliased.smooth(x, t, motion, draw) for t, x in zip(self.in_types, self.doubles, strict=True)
        ]
        known = tuple(image for image in images if image is not None)
        return self.outputs(known) if len(known) == len(images) else None

    def aliased_rows(
        self, element: Element, plain: Outputs, turned: Outputs, floors: Mapping[str, float]
    ) -> list[Row]:
        """The same for an element that does not, on smooth images; not counted."""

        def align(declared: AbstractTensorType, y: Tensor, after: Tensor) -> tuple[Tensor, Tensor] | None:
            wanted = aliased.resampled(y, declared, element.motion)
            if wanted is None:
                return None
            return aliased.inside(wanted, declared), aliased.inside(after, declared)

        rows = self._compare(element, plain, turned, align, floors)
        return [replace(row, counted=False) for row in rows]

    def _compare(
        self, element: Element, plain: Outputs, turned: Outputs, align: Align, floors: Mapping[str, float]
    ) -> list[Row]:
        found = []
        for name, declared in self.out_types(plain).items():
            own = align(declared, plain.own[name], turned.own[name])
            exact = align(declared, plain.exact[name], turned.exact[name])
            if own is None or exact is None:
                continue
            floor = floors[name]
            rounding = relative_error(plain.exact[name], plain.own[name], floor)
            errors = relative_error(*own, floor), relative_error(*exact, floor)
            found.append(Row(element.label, name, *errors, rounding, aspect=element.aspect))
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
