"""Which layer breaks the symmetry first: every layer is watched on x and on gx, and judged by its declared
type, or, in a foreign network, by whether any linear action on its channels explains what came out.
"""

from collections.abc import Container, Mapping, Sequence

import torch
from torch import Tensor, nn

from mackey.actions import Motion
from mackey.audit.causes import OUTSIDE, likely
from mackey.audit.element import Element
from mackey.audit.experiment import Experiment
from mackey.audit.explanations import Residual
from mackey.audit.manner import manner_of
from mackey.audit.observed import Observed
from mackey.audit.report import Culprit
from mackey.audit.retyped import other_type
from mackey.audit.watching import Call

_BROKEN = 1e-6  # above what weights rounded to float32 leave; a fit by least squares leaves about 1e-12
_SMALL = 1e-8  # where the whole network is wrong by less than that
_FREE = (nn.Linear, nn.modules.conv._ConvNd, nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)


def first_culprit(
    experiment: Experiment, element: Element, tested: Sequence[Element], failing: Container[str]
) -> Culprit | None:
    """The first layer, in order of execution, whose output is not g applied to its output on x; or what
    happens before it, if already its input is not. None if there is none, or nobody can look inside.

    element: breaks the symmetry. tested: all elements. failing: the aspects of those that break it.
    """
    module = experiment.exact
    if any(isinstance(layer, torch.jit.ScriptModule) for layer in module.modules()):
        return None  # a scripted module takes no hooks
    observed = Observed.of(experiment, element)
    turns = any(e.aspect == "rotation" for e in tested) and "rotation" not in failing
    mirrors_only = turns and element.aspect == "reflection"
    for threshold in (_BROKEN, _SMALL):
        scalar = not _mixes(experiment, element)  # so far the group moved samples and mixed no channels
        reshaped: tuple[str, float] | None = None
        for name, call in observed.calls.items():
            layer = call.layer
            if layer is module and len(observed.plain[0]) > 1:
                break  # the whole is judged by the declared types of the outputs, below
            out = observed.out(name)
            if out is not None and out.best <= threshold and _twists(observed, name, out):
                return _blamed(observed, name, out.plain, mirrors_only)
            if out is None or out.best <= threshold:
                scalar = scalar and (out is None or out.plain <= threshold)
                continue
            given = observed.given(name)
            # Added position codes look like channels that g mixes, if there are fewer samples than channels:
            # where no layer made such channels, an operation outside did.
            if (
                reshaped is None
                and given is not None
                and given.sure
                and (given.plain if scalar else given.best) > threshold
            ):
                source = _source(observed, name)  # what is no field to this layer some matrix may explain
                if source is not None:
                    return _blamed(observed, source, given.plain, mirrors_only)
                where = f"what happens before {name or 'everything'}, outside any module"
                return Culprit(where, "functional code", given.plain, *OUTSIDE)
            if _only_reshapes(call):  # the next layer does what is wrong with that
                reshaped = reshaped or (name, out.best)
                continue
            return _blamed(observed, name, out.best, mirrors_only)
        if reshaped:
            return _blamed(observed, *reshaped, mirrors_only)
    return _last(experiment, element, tested, observed.plain[0])


def _blamed(observed: Observed, name: str, error: float, mirrors_only: bool) -> Culprit:
    call = observed.calls[name]
    before, after = ([run[name].given for run in runs] for runs in (observed.plain, observed.turned))
    manner = manner_of(before, after, observed.given(name), observed.scene)
    cause = likely(name, call, observed.scene, manner, mirrors_only)
    return Culprit(name or "the module itself", type(call.layer).__name__, error, *cause)


def _twists(observed: Observed, name: str, out: Residual) -> bool:
    """Whether a layer takes channels that g turns, and gives some that it shears. A matrix explains those
    too, but no representation of a compact group in an orthonormal basis. Another basis, such as x², xy, y²,
    is allowed to layers without free weights that give other shapes than they take.
    """
    call = observed.calls[name]
    alike = isinstance(call.layer, _FREE) or call.given.shape == call.out.shape
    if not out.twisted or not alike or not _keeps_lengths(observed.scene.element.motion):
        return False
    given = observed.given(name)
    return given is not None and given.best <= _SMALL and not given.twisted


def _keeps_lengths(motion: Motion) -> bool:
    if motion.linear is None:
        return True
    product = motion.linear @ motion.linear.mT
    return bool((product - torch.eye(len(product)).to(product)).abs().max() < _SMALL)


def _source(observed: Observed, name: str) -> str | None:
    """The layer whose output this one takes; None if there is an operation between."""
    given = observed.calls[name].given
    before = list(observed.calls)[: list(observed.calls).index(name)]
    return next((other for other in before if _gives(observed.calls[other], given)), None)


def _only_reshapes(call: Call) -> bool:
    known = isinstance(call.layer, nn.Flatten | nn.Unflatten | nn.Identity | nn.Sequential)
    return (
        known and call.given.dtype == call.out.dtype and torch.equal(call.given.flatten(), call.out.flatten())
    )


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


def _last(
    experiment: Experiment, element: Element, tested: Sequence[Element], calls: Mapping[str, Call]
) -> Culprit | None:
    """Every layer can be explained, an output not by its declared type: perhaps by another."""
    found = other_type(experiment, element, tested)
    if found is None:
        return None
    named = [name for name in calls if name]
    giving = [name for name in named if _gives(calls[name], found.value)]
    last = next((name for name in named if _gives(calls[name], calls[named[-1]].out)), "")
    why, fix = OUTSIDE
    if giving or not last:
        why = f"{found.name} moves with the input, but not as its declared type does"
        fix = "declare what it is, or compute what you declare"
    if found.error < _BROKEN:
        why = f"{found.name} moves as declared up to {found.error:.0e}, as constants rounded to float32 leave"
        fix = "compute constants in float64, and round them where they are used"
    if found.instead is not None:
        why = f"{found.name} transforms as {found.instead}, which is not what is declared"
        fix = f"declare it as {found.instead}, or compute what you declare"
    if last and not giving and found.error >= _BROKEN:
        where = f"what happens after {last}, outside any module"
        return Culprit(where, "functional code", found.error, why, fix)
    name = giving[0] if giving else ""
    kind = type(calls[name].layer if name else experiment.exact).__name__
    return Culprit(name or "the module itself", kind, found.error, why, fix)


def _gives(call: Call, value: Tensor) -> bool:
    return any(
        y.numel() == value.numel() and torch.equal(y.flatten().to(value), value.flatten())
        for y in (call.out, *call.others)
    )
