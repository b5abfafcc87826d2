"""Which layer draws random numbers, so that two identical calls disagree."""

import torch

from mackey.audit.experiment import Experiment, relative_error
from mackey.audit.report import Culprit
from mackey.audit.watching import watch


def first_drawing(experiment: Experiment) -> Culprit | None:
    """The first layer that gives something else for the same; None if nobody can look inside."""
    if any(isinstance(layer, torch.jit.ScriptModule) for layer in experiment.own.modules()):
        return None
    first, second = (watch(experiment.own, experiment.tensors) for _ in range(2))
    for name, call in first.items():
        again = second.get(name)
        if again is None or call.given.shape != again.given.shape or not torch.equal(call.given, again.given):
            continue
        error = relative_error(call.out, again.out)
        if error > 0:
            kind = type(call.layer).__name__
            why = "it draws random numbers: for the same input it gives something else each time"
            fix = "average over all that it draws, or take what is drawn from the input"
            if "Dropout" in kind:
                why = "its mask is random, and drops numbers one by one, also within a fibre"
                fix = "call .eval(); in training, drop whole fibres (mackey.nn.FieldDropout)"
            if kind == "FieldDropout":
                why, fix = "its mask is random", "call .eval()"
            return Culprit(name or "the module itself", kind, error, why, fix)
    return None
