"""Errors that only rounding makes: weights rounded to float32, and layers that lose digits."""

from collections.abc import Mapping

import torch
from torch import Tensor

from mackey.actions import Matrices
from mackey.audit.element import Element
from mackey.audit.experiment import FLOAT64, Experiment, Outputs, relative_error
from mackey.audit.networks import numbers
from mackey.audit.report import Culprit, Row
from mackey.audit.watching import watch

_FLOAT32 = 2.0**-24  # half the spacing of floats
_LOST = 1e-3  # an error as large as that in the module's own dtype is looked into
_TIMES = 100  # and is not rounding if it is so many times what rounding of weights and inputs makes


def is_rounding(
    experiment: Experiment, plain: Outputs, failing: list[Row], floors: Mapping[str, float]
) -> bool:
    """Whether rounding the weights to float32 (w to w(1 ± 2^-24)) moves the output as much as the error; also
    of a module in float64 with weights that were computed in float32. Matrices that are given count as
    weights: rounded, a rotation is none, and formulas that agree on rotations differ.
    """
    weights = any(_is_rounded(w.detach()) for w in (*experiment.own.parameters(), *experiment.own.buffers()))
    given = zip(experiment.in_types, experiment.tensors, strict=True)
    matrices = any(isinstance(t, Matrices) and _is_rounded(x) for t, x in given)
    if not weights and not matrices:
        return False
    steps = (_FLOAT32 if weights else FLOAT64, _FLOAT32 if matrices else FLOAT64)
    moved = experiment.changes(plain, experiment.doubles, *steps)
    size = {name: max(float(y.abs().max()), floors[name]) for name, y in plain.exact.items()}
    return all(row.error64 * size[row.output] <= 4 * moved[row.output] for row in failing)


def _is_rounded(weight: Tensor) -> bool:
    """Whether a weight is in float32, or uses all digits of that and no more: not constants such as 1/2."""
    if weight.dtype != torch.float64:
        return weight.dtype == torch.float32
    return torch.equal(weight, weight.float().double()) and not torch.equal(
        weight, weight.bfloat16().double()
    )


def imprecise(
    experiment: Experiment, rows: list[Row], elements: Mapping[str, Element], plain: Outputs
) -> Culprit | None:
    """The first layer whose result in the module's own dtype is wrong, although in float64 all is well: the
    error is far more than rounding of inputs and weights explains. None if there is no such error.
    """
    suspects = [row for row in rows if row.error > _LOST]
    if not suspects or experiment.is_double:
        return None
    worst = max(suspects, key=lambda row: row.error)
    step = _half_spacing(experiment)
    for element in (elements[worst.element], None):  # the moved input, or already the given one
        inputs = experiment.doubles if element is None else experiment.moved(element)
        outputs = plain if element is None else experiment.outputs(inputs)
        found = _lost(experiment, outputs, inputs, worst.output, step)
        if found is not None:
            return found
    return None


def _lost(
    experiment: Experiment, outputs: Outputs, inputs: tuple[Tensor, ...], name: str, step: float
) -> Culprit | None:
    exact, own = outputs.exact[name], outputs.own[name]
    largest = max((float(x.abs().max()) for x in inputs if x.is_floating_point()), default=1.0)
    change = experiment.changes(outputs, inputs, step, step)[name]
    explained = min(change, 128 * step * max(largest, 1.0))  # an ill-conditioned formula is no excuse
    if not float((numbers(own) - exact).abs().max()) > max(
        _TIMES * explained, _LOST * float(exact.abs().max())
    ):
        return None
    rounded = tuple(y.to(x.dtype) for x, y in zip(experiment.tensors, inputs, strict=True))
    low, high = watch(experiment.own, rounded), watch(experiment.exact, inputs)
    for layer, call in high.items():
        if layer not in low:
            continue
        before = relative_error(call.given, low[layer].given)
        after = relative_error(call.out, low[layer].out)
        if after > _LOST and after > _TIMES * before:
            return Culprit(
                layer or "the module itself",
                type(call.layer).__name__,
                after,
                f"it loses digits in {low[layer].out.dtype}: right in float64, wrong by this much here "
                "(a difference of large numbers, or a formula that is singular near this input)",
                "use a formula that is stable there, or compute this layer in float64",
            )
    return None


def _half_spacing(experiment: Experiment) -> float:
    known = [*experiment.tensors, *experiment.own.parameters()]
    return max(torch.finfo(x.dtype).eps for x in known if x.is_floating_point()) / 2
