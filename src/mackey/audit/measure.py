"""How equivariant a module is: |f(gx) − g f(x)| for each element and output, in its own dtype and in
float64.
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor, nn

from mackey.actions import Declaration, GroupLike
from mackey.audit import networks
from mackey.audit.averages import averaged, check_samples
from mackey.audit.blame import first_culprit
from mackey.audit.conditioning import ill_conditioned
from mackey.audit.drawing import first_drawing
from mackey.audit.element import Element
from mackey.audit.elements import Tested
from mackey.audit.experiment import Experiment, Outputs
from mackey.audit.precision import imprecise, is_rounding
from mackey.audit.prepared import moving_elements, prepared
from mackey.audit.promise import covered, guarantee_of, promised
from mackey.audit.report import Report, Row, simplest
from mackey.audit.setting import Setting, described, fingerprint

TOLERANCE = 1e-10  # DESIGN: exact means an error at float64 below 1e-10
_SAMPLES = 256  # of a module that declares in_expectation
_SAME = 1e-3  # two errors nearer than that are the same error, apart from rounding
_ROUNDINGS = 100  # so many roundings are still rounding: they add up over the layers


def audit(
    module: nn.Module,
    inputs: Tensor | tuple[Tensor, ...] | list[Tensor],
    *,
    in_type: Declaration = "image",
    out_type: Declaration = "invariant",
    group: GroupLike = "p4m",
    amplify: bool = False,
    seed: int = 0,
    samples: int | None = None,
) -> Report:
    """Measure whether f(gx) = g f(x), and name the first layer that breaks it. Works on any module, on a copy
    of it.

    in_type, out_type: what each tensor is to the group, one for each: `mackey.actions.declare` lists the
    names, "image", "positions", "vectors", "tokens", "8x0e + 4x1o", "invariant" and more. The audit moves
    every declared tensor itself. group: a name ("p4m", "SE(3)", "O(1,3)", "Sym", "E(3)×Sym") or a group.
    amplify: enlarge small weights on the copy first, and draw those that are all zero; at default
    initialisation attention is nearly uniform, and a broken layer can look equivariant to 1e-5.

    Elements are drawn of every kind that the group has: rotations, reflections, boosts, translations (also by
    a thousand sizes of the input), permutations, and products. The error is relative to the largest number of
    the output. Where the output is so small that rounding shows (an invariant that is zero), it is relative
    to 1e12 times the change that relative changes of 2^-52 in inputs and weights make: 100 such roundings
    pass, and nothing larger. Elements off the grid (r45° on pixels) have rows of their own, on smooth images,
    and do not count.

    samples: a module of which two identical calls disagree is run so many times on x, on each gx and on
    another input, each call drawing anew, and the means are compared: `mackey.audit.expectation`. None: 256
    times for at most three elements if it declares a Guarantee in_expectation, else not at all; 0: never.

    Costs at most 30 forward passes where nothing is broken and nothing random. Raises ValueError for inputs
    and groups on which nothing can be tested: not finite, empty, the same after every element, undeclared.
    """
    check_samples(samples)
    with prepared(module, inputs, in_type, out_type, group, amplify, seed) as experiment:
        chosen = moving_elements(experiment)
        report = _judge(experiment, chosen)
        if report.finding == "random":
            report = _averaged(module, experiment, chosen, report, samples)
        elif samples:
            unused = (
                "samples were not drawn: two identical calls agree, so that the mean is what was measured"
            )
            report = replace(report, notes=(*report.notes, unused))
        shown = tuple(fingerprint(x) for x in experiment.tensors)
    mode = "train" if module.training else "eval"
    setting = Setting(described(in_type), described(out_type), shown, seed, mode, amplify)
    note = f"measured in {mode} mode{', weights amplified' if amplify else ''}"
    first = 1 if report.finding in ("random", "biased", "in expectation") else 0
    promise = promised(module, report, {element.label: element for element in chosen.exact})
    notes = (*report.notes[:first], note, *report.notes[first:])
    return replace(report, notes=notes, promise=promise, setting=setting)


def _judge(experiment: Experiment, chosen: Tested) -> Report:
    """Random, vacuous, broken, rounded, imprecise or equivariant, in this order."""
    plain = experiment.outputs(experiment.doubles)
    networks.check_outputs(plain.own, "its own dtype")
    networks.check_outputs(plain.exact, "float64")
    experiment.out_types(plain)
    empty = Report(chosen.group, chosen.scope, "random", 0.0, TOLERANCE, (), None, tuple(chosen.notes))
    again = networks.run(experiment.own, experiment.tensors)
    random = networks.disagreement(experiment.own, plain.own, again)
    if random is not None:
        return _random(experiment, empty, random)
    depends = experiment.depends(plain)
    if not depends:
        return replace(empty, finding="vacuous")
    constant = [f"{name} does not depend on the input" for name in plain.own if name not in depends]
    rows, floors = _rows(experiment, chosen, plain)
    worst = max(row.error64 for row in rows if row.counted)
    found = replace(empty, rows=tuple(rows), worst=worst, notes=(*chosen.notes, *constant))
    elements = {element.label: element for element in chosen.exact}
    failing = [row for row in rows if row.counted and not row.error64 <= TOLERANCE]
    if failing:
        seldom = _repeated(experiment, failing, elements, floors)
        if seldom is not None:
            return _random(experiment, empty, seldom)
        return _broken(experiment, plain, found, failing, elements, floors)
    weak = imprecise(experiment, [row for row in rows if row.counted], elements, plain)
    if weak is not None:
        return replace(found, finding="imprecise", culprit=weak)
    return replace(found, finding="equivariant")


def _random(experiment: Experiment, empty: Report, note: str) -> Report:
    note = f"{note}; or give samples=256 to measure its mean"
    return replace(empty, notes=(note, *empty.notes), culprit=first_drawing(experiment))


def _repeated(
    experiment: Experiment, failing: list[Row], elements: Mapping[str, Element], floors: Mapping[str, float]
) -> str | None:
    """What to say if the worst error is another one when measured again: the noise is faint, or rare."""
    near = [row for row in failing if row.aspect != "large translation"]  # those have floors of their own
    if not near:
        return None
    worst = max(near, key=lambda row: row.error64)
    moved = experiment.moved(elements[worst.element])
    plain, turned = experiment.outputs(experiment.doubles), experiment.outputs(moved)
    again = experiment.rows(elements[worst.element], plain, turned, floors)
    error = next(row.error64 for row in again if row.output == worst.output)
    if error == worst.error64 or abs(error - worst.error64) <= _SAME * max(error, worst.error64):
        return None
    return (
        f"two identical calls disagree (error {worst.error64:.2g}, then {error:.2g}, under {worst.element}): "
        "some layer draws faint or rare random numbers; call .eval() or audit the deterministic part"
    )


def _averaged(
    module: nn.Module, experiment: Experiment, chosen: Tested, report: Report, samples: int | None
) -> Report:
    """With the means of a random module, where they are asked for or declared."""
    guarantee, elements = guarantee_of(module), chosen.exact
    if samples is None and guarantee is not None and guarantee.kind == "in_expectation":
        samples = _SAMPLES
        labels = covered(module, guarantee, {element.label: element for element in elements})
        inside = [element for element in elements if element.label in labels]
        elements = _telling(elements)
        if inside and not any(element in inside for element in elements):
            elements = [*elements[:2], _telling(inside)[0]]
    if not samples:
        return report
    found = averaged(experiment, elements, samples, experiment.outputs(experiment.doubles))
    cost = f"{found.passes} forward passes for the means over {samples} samples"
    notes = (report.notes[0].split("; or give samples")[0], cost, *report.notes[1:])
    worst = found.worst.bias if found.finding == "biased" else 0.0
    return replace(report, finding=found.finding, expectation=found, worst=worst, notes=notes)


def _telling(elements: list[Element]) -> list[Element]:
    """At most three of different kinds, those first that most mistakes show under; two, if all are alike."""
    kinds = ("reflection", "product", "rotation", "boost", "permutation")
    order = sorted(elements, key=lambda e: kinds.index(e.aspect) if e.aspect in kinds else len(kinds))
    found = [e for index, e in enumerate(order) if e.aspect not in [known.aspect for known in order[:index]]]
    return found[:3] if len(found) > 1 else list(dict.fromkeys((elements[0], elements[-1])))


def _rows(experiment: Experiment, chosen: Tested, plain: Outputs) -> tuple[list[Row], Mapping[str, float]]:
    """Of every element; and the size below which an output is rounding. Far away rounding is larger."""
    near = _floors(experiment.rounding(plain, experiment.doubles))
    rows = []
    for element in chosen.exact:
        moved = experiment.moved(element)
        turned, far = experiment.outputs(moved), element.aspect == "large translation"
        floors = _floors(experiment.rounding(turned, moved)) if far else near
        rows += experiment.rows(element, plain, turned, floors)
    smooth = experiment.smooth(None) if chosen.aliased else None
    for element in chosen.aliased if smooth is not None else ():
        after = experiment.smooth(element.motion)
        if smooth is not None and after is not None:
            rows += experiment.aliased_rows(element, smooth, after, near)
    return rows, near


def _floors(rounding: Mapping[str, float]) -> dict[str, float]:
    return {name: size * _ROUNDINGS / TOLERANCE for name, size in rounding.items()}


def _broken(
    experiment: Experiment,
    plain: Outputs,
    found: Report,
    failing: list[Row],
    elements: Mapping[str, Element],
    floors: Mapping[str, float],
) -> Report:
    """Broken with the layer that does it, or only rounded."""
    loser = ill_conditioned(experiment, plain, failing, elements)
    if loser is not None:
        return replace(found, finding="imprecise", culprit=loser)
    if found.worst < 1e-5 and is_rounding(experiment, plain, failing, floors):
        return replace(found, finding="rounded")
    most = elements[simplest(failing).element]
    aspects = {elements[row.element].aspect for row in failing}
    culprit = first_culprit(experiment, most, list(elements.values()), aspects)
    if culprit is None:
        found = replace(found, notes=(*found.notes, "no layer could be named: see which are scripted"))
    return replace(found, finding="broken", culprit=culprit)
