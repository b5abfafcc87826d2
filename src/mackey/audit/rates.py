"""How fast the error of an approximately equivariant module falls with resolution."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from mackey.actions import Declaration, GroupLike, Motion
from mackey.audit import networks
from mackey.audit.aliased import inside
from mackey.audit.element import Element
from mackey.audit.experiment import Experiment, Outputs, relative_error
from mackey.audit.prepared import moving_elements, prepared
from mackey.audit.promise import covered, guarantee_of
from mackey.audit.rate import Measured, Rate, decided, judged
from mackey.audit.resolution import interpolated, resized, sampled_field
from mackey.errors import sentence

_ELEMENTS = 3  # at each resolution
_ROUNDINGS = 100  # as in an audit
_OWN = 10  # times the error of interpolating the input, an error of the output may be that of interpolation
_LEAST = 1e-13  # that much is rounding in any case: a thousand roundings of one number
_SMALL = 1e-7  # an error above that is not rounding, in float64

Inputs = Tensor | tuple[Tensor, ...] | list[Tensor]


def audit_rate(
    build: nn.Module | Callable[[int], nn.Module],
    inputs: Inputs | Callable[[int], Inputs],
    *,
    at: Sequence[int] = (33, 49, 65, 97, 129),
    in_type: Declaration = "image",
    out_type: Declaration = "invariant",
    group: GroupLike = "SO(2)",
    rate: float | None = None,
    seed: int = 0,
) -> Rate:
    """Measure |f(gx) − g f(x)| at the resolutions n of `at`, in float64, and fit error = c·n^-rate.

    build: one module for all n, or n ↦ module (a stencil of step 1/n, an average over n elements). inputs: as
    in `mackey.audit`, or n ↦ inputs. Images serve for their shape alone: they are sampled with n samples
    along each axis from the same smooth random function, moved before it is sampled; up to three elements are
    tested, off the grid where the group has such. Image outputs are moved by polynomials of degree 9 and
    compared within 0.7 of the half side; an error no larger than that leaves of the input is not used. (An
    output with kinks, as after ReLU, is interpolated at first order: a rate above 1 is not seen then.)

    rate: the one that is promised, if the module has no `Guarantee` with one. The promise holds if the
    measured rate, with its 95 % interval or a tenth of what is promised, reaches it.

    Costs at most 4 forward passes at each resolution and 4 more; for errors near rounding 2 more at each.
    Raises ValueError for fewer than three resolutions, and for random modules.
    """
    sizes = _checked(at, rate)
    rows: list[Measured] = []
    module: nn.Module | None = None
    elements: dict[str, Element] = {}
    name, constant = "", False
    for n in sizes:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            module = build if isinstance(build, nn.Module) else build(n)
            given = inputs(n) if callable(inputs) else inputs
        tensors = given if isinstance(given, tuple | list) else (given,)
        with prepared(module, tensors, in_type, out_type, group, False, seed) as experiment:
            experiment = _at(experiment, n)
            found = moving_elements(experiment)
            name = experiment.acting.name
            chosen = _chosen(found.aliased, found.exact)
            plain = experiment.outputs(experiment.tensors)
            networks.check_outputs(plain.exact, "float64")
            if n == sizes[0]:
                constant = _constant(experiment, plain)
            rows += _measured(experiment, n, chosen, plain)
            elements.update((element.label, element) for element in chosen)
    assert module is not None, "there are three resolutions"
    rows = _at_all(rows, sizes)
    fits = judged(rows, constant)
    guarantee = guarantee_of(module)
    labels = list(elements) if guarantee is None else covered(module, guarantee, elements)
    promise = decided(guarantee, rate, [row for row in rows if row.element in labels], constant)
    return Rate(name, tuple(sizes), tuple(rows), fits, promise)


def _checked(at: Sequence[int], rate: float | None) -> list[int]:
    sizes = list(at)
    if len(sizes) < 3 or sizes != sorted(set(sizes)) or sizes[0] < 1:
        raise ValueError(
            sentence(
                "audit_rate at",
                wanted="at least three resolutions, each larger than the one before",
                got=str(tuple(sizes)),
                remedy="a line with a standard error needs three points; five are better",
            )
        )
    if rate is not None and not 0 < rate < float("inf"):
        remedy = "leave it out to measure without a promise"
        raise ValueError(
            sentence("audit_rate rate", wanted="a positive number", got=str(rate), remedy=remedy)
        )
    return sizes


def _at(experiment: Experiment, n: int) -> Experiment:
    """In float64 alone, on smooth fields with n samples along each axis of space."""
    pairs = zip(experiment.in_types, experiment.doubles, strict=True)
    empty = replace(experiment, own=experiment.exact, tensors=tuple(resized(x, t, n) for t, x in pairs))
    return replace(empty, tensors=_fields(empty, None))


def _chosen(aliased: list[Element], exact: list[Element]) -> list[Element]:
    """Off the grid if there are any; of the others the first, and the last ones, which are products."""
    return (aliased or [*exact[:1], *exact[1:][1 - _ELEMENTS :]])[:_ELEMENTS]


def _fields(experiment: Experiment, motion: Motion | None) -> networks.Tensors:
    """The same smooth functions at every call, sampled; other inputs as they were given."""
    draw = torch.Generator().manual_seed(experiment.generator.initial_seed())
    found = []
    for declared, x in zip(experiment.in_types, experiment.tensors, strict=True):
        field = sampled_field(x, declared, motion, draw)
        if field is None:
            raise ValueError(
                sentence(
                    "audit_rate",
                    wanted=f"inputs that every element of {experiment.acting.name} moves",
                    got=f"{declared}, on which some do not act",
                    remedy="give the group of the field",
                )
            )
        found.append(field)
    return tuple(found)


def _constant(experiment: Experiment, plain: Outputs) -> bool:
    """Whether no output depends on the input. Raises for a module that is random."""
    again = experiment.outputs(experiment.tensors)
    random = networks.disagreement(experiment.exact, plain.exact, again.exact)
    if random is not None:
        wanted = "a module that gives the same result for the same input"
        remedy = "call .eval(), or measure its mean: mackey.audit(..., samples=256)"
        raise ValueError(sentence("audit_rate", wanted=wanted, got=random.split(";")[0], remedy=remedy))
    return not experiment.depends(plain)


def _measured(experiment: Experiment, n: int, elements: list[Element], plain: Outputs) -> list[Measured]:
    """The error of every element and output at one resolution, and what in it is not the module's."""
    rows = []
    for element in elements:
        moved = _fields(experiment, element.motion)
        turned, own = experiment.outputs(moved), _own(experiment, element, moved)
        for name, declared in experiment.out_types(plain).items():
            wanted = interpolated(plain.exact[name], declared, element.motion)
            if wanted is not None:
                error = relative_error(inside(wanted, declared), inside(turned.exact[name], declared))
                floor = own if declared.is_sampled else 0.0
                rows.append(Measured(n, element.label, name, error, floor))
    if all(row.error > _SMALL for row in rows):
        return rows
    rounding = experiment.rounding(plain, experiment.tensors)
    sizes = {name: float(y.abs().max()) for name, y in plain.exact.items()}
    least = {name: _ROUNDINGS * rounding[name] / size if size > 0 else 0.0 for name, size in sizes.items()}
    return [replace(row, floor=max(row.floor, least[row.output], _LEAST)) for row in rows]


def _own(experiment: Experiment, element: Element, moved: networks.Tensors) -> float:
    """What interpolation would leave of the error if the module did nothing."""
    largest = 0.0
    for declared, x, y in zip(experiment.in_types, experiment.tensors, moved, strict=True):
        wanted = interpolated(x, declared, element.motion) if declared.is_sampled else None
        if wanted is not None and not declared.exact(x, element.motion):
            largest = max(largest, relative_error(inside(wanted, declared), inside(y, declared)))
    return _OWN * largest


def _at_all(rows: list[Measured], sizes: list[int]) -> list[Measured]:
    """Less the elements and outputs that some resolution lacks."""
    seen: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        seen.setdefault((row.element, row.output), set()).add(row.n)
    kept = [row for row in rows if len(seen[row.element, row.output]) == len(sizes)]
    if not kept:
        raise ValueError(
            sentence(
                "audit_rate",
                wanted="outputs that some element moves at every resolution",
                got=", ".join(f"{element} on {output}" for element, output in seen) or "none",
                remedy="declare the outputs, and give resolutions that all have them",
            )
        )
    return kept
