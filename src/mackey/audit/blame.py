"""Which layer breaks the symmetry first: every layer is watched on x and on gx, and judged by its declared
type, or, in a foreign network, by whether any linear action on its channels explains what came out.
"""

from collections.abc import Mapping

import torch

from mackey.actions import Motion
from mackey.audit.causes import OUTSIDE, likely
from mackey.audit.element import Element
from mackey.audit.experiment import Experiment
from mackey.audit.observed import Observed
from mackey.audit.report import Culprit
from mackey.audit.retyped import other_type
from mackey.audit.watching import Call

_BROKEN = 1e-6  # above what weights rounded to float32 leave; a fit by least squares leaves about 1e-12
_SMALL = 1e-8  # where the whole network is wrong by less than that


def first_culprit(experiment: Experiment, element: Element) -> Culprit | None:
    """The first layer, in order of execution, whose output is not g applied to its output on x; or what
    happens before it, if already its input is not. None if there is none, or nobody can look inside.
    """
    module = experiment.exact
    if any(isinstance(layer, torch.jit.ScriptModule) for layer in module.modules()):
        return None  # a scripted module takes no hooks
    observed = Observed.of(experiment, element)
    for threshold in (_BROKEN, _SMALL):
        scalar = not _mixes(experiment, element)  # so far the group moved samples and mixed no channels
        for name, call in observed.calls.items():
            layer = call.layer
            if layer is module and len(observed.plain[0]) > 1:
                break  # the whole is judged by the declared types of the outputs, below
            out = observed.out(name)
            if out is None or out.best <= threshold:
                scalar = scalar and (out is None or out.plain <= threshold)
                continue
            given = observed.given(name)
            # Added position codes look like channels that g mixes, if there are fewer samples than channels:
            # where no layer made such channels, an operation outside did.
            if given is not None and given.sure and (given.plain if scalar else given.best) > threshold:
                where = f"what happens before {name or 'everything'}, outside any module"
                return Culprit(where, "functional code", given.plain, *OUTSIDE)
            cause, fix = likely(layer, call.given, element)
            return Culprit(name or "the module itself", type(layer).__name__, out.best, cause, fix)
    return _last(experiment, element, observed.plain[0])


def _mixes(experiment: Experiment, element: Element) -> bool:
    """Whether the element acts on the numbers at a point, and not on points and samples alone."""
    linear = element.motion.linear
    if linear is None:
        return False
    one = torch.eye(len(linear), dtype=linear.dtype, device=linear.device)
    alone = Motion(one, None, element.motion.permutations)
    for declared, x, moved in zip(
        experiment.in_types, experiment.doubles, experiment.moved(element), strict=True
    ):
        if not declared.is_sampled and not torch.equal(declared.act(x, alone), moved):
            return True
    return False


def _last(experiment: Experiment, element: Element, calls: Mapping[str, Call]) -> Culprit | None:
    """Every layer can be explained, an output not by its declared type: perhaps by another."""
    found = other_type(experiment, element)
    if found is None:
        return None
    name = next((name for name in reversed(list(calls)) if name), "")
    kind = type(calls[name].layer if name else experiment.exact).__name__
    name = name or "the module itself"
    if found.instead is None:
        where = f"what happens after {name}, outside any module"
        return Culprit(where, "functional code", found.error, *OUTSIDE)
    cause = f"{found.name} transforms as {found.instead}, which is not what is declared"
    return Culprit(
        name, kind, found.error, cause, f"declare it as {found.instead}, or compute what you declare"
    )
