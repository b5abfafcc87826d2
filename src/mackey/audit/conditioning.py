"""Errors that float64 itself makes: roots near zero and differences of large numbers enlarge its rounding."""

from collections.abc import Mapping, Sequence

from mackey.audit import networks
from mackey.audit.element import Element
from mackey.audit.experiment import FLOAT64, Experiment, Outputs, relative_error
from mackey.audit.networks import Tensors
from mackey.audit.report import Culprit, Row
from mackey.audit.watching import watch

_MOST = 1e-5  # a larger error is none of rounding, and a jump of a step function is larger
_TIMES = 10  # an error so many times what rounding does is not rounding
_LOST = 1e-12  # a layer that is wrong by less has lost nothing


def ill_conditioned(
    experiment: Experiment, plain: Outputs, failing: Sequence[Row], elements: Mapping[str, Element]
) -> Culprit | None:
    """The layer that loses digits even in float64, if that explains all errors: changes of inputs and weights
    by 2^-52 move the outputs as much. None if it does not.
    """
    if not all(row.error64 < _MOST for row in failing):
        return None
    doubles = experiment.doubles
    still = experiment.changes(plain, doubles, FLOAT64, FLOAT64)
    for label in dict.fromkeys(row.element for row in failing):
        inputs = experiment.moved(elements[label])
        turned = experiment.outputs(inputs)
        change = experiment.changes(turned, inputs, FLOAT64, FLOAT64)
        absolute = experiment.rows(elements[label], plain, turned, dict.fromkeys(plain.exact, 0.0))
        wrong = {row.output for row in failing if row.element == label}
        for row in absolute:
            size = float(turned.exact[row.output].abs().max())
            most = max(change[row.output], still[row.output])
            if row.output in wrong and row.error64 * size > _TIMES * most:
                return None
    worst = max(failing, key=lambda row: row.error64)
    return _loser(experiment, experiment.moved(elements[worst.element]))


def _loser(experiment: Experiment, inputs: Tensors) -> Culprit:
    """The first layer that makes more of rounding than it was given."""
    draw = experiment.generator
    twin = networks.shaken(experiment.exact, FLOAT64, draw)
    shaken = watch(twin, tuple(networks.shaken_tensor(x, FLOAT64, draw) for x in inputs))
    cause = "it loses digits even in float64 (a root near zero, a difference of large numbers)"
    fix = "use a formula that is stable there, such as distances from differences of positions"
    for name, call in watch(experiment.exact, inputs).items():
        if name not in shaken:
            continue
        before = relative_error(call.given, shaken[name].given)
        if before > _LOST:
            where = f"what happens before {name or 'everything'}, outside any module"
            return Culprit(where, "functional code", before, cause, fix)
        after = relative_error(call.out, shaken[name].out)
        if after > _LOST:
            return Culprit(name or "the module itself", type(call.layer).__name__, after, cause, fix)
    return Culprit("the module itself", type(experiment.exact).__name__, _LOST, cause, fix)
