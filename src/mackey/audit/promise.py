"""What a module declares, against what was measured."""

from collections.abc import Mapping
from dataclasses import replace

from torch import nn

from mackey.actions import Acting, acting
from mackey.audit.element import Element
from mackey.audit.expectation import Expectation
from mackey.audit.report import Promise, Report, Row
from mackey.fields import FieldType, Guarantee
from mackey.groups import LatticeGroup, SemidirectProduct

_NEXT = {
    "continuum": "one resolution does not tell how it falls: mackey.audit_rate(build, inputs, at=...)",
    "in_expectation": "single calls agree, so that this is the mean, and no sample makes it smaller",
    "soft": "keep this report and mackey.compare it with one made after training, or before",
}


def guarantee_of(module: nn.Module) -> Guarantee | None:
    """What the module declares; None if it declares nothing."""
    found = getattr(module, "guarantee", None)
    return found if isinstance(found, Guarantee) else None


def promised(module: nn.Module, report: Report, elements: Mapping[str, Element]) -> Promise | None:
    """The declared guarantee, and whether it holds for the elements that were tested: holds is None where
    that takes another measurement, and `measured` names it. None if nothing is declared.
    """
    guarantee = guarantee_of(module)
    if guarantee is None:
        return None
    labels = covered(module, guarantee, elements)
    holds, measured = _judged(module, guarantee, report, labels)
    return Promise(str(guarantee), holds, measured, guarantee.kind, tuple(labels))


def covered(module: nn.Module, guarantee: Guarantee, elements: Mapping[str, Element]) -> list[str]:
    """The labels of the elements that the guarantee speaks of; all, for a group without a name."""
    group = _declared(module, guarantee)
    return [label for label, e in elements.items() if group is None or _inside(e, group)]


def _judged(
    module: nn.Module, guarantee: Guarantee, report: Report, labels: list[str]
) -> tuple[bool | None, str]:
    """By the finding, and by the rows of the elements that are promised."""
    kind, group = guarantee.kind, guarantee.group
    if report.expectation is not None:
        return _expected(kind, report.expectation, labels)
    if report.finding == "random":
        remedy = "call .eval(), or give samples=256 for the mean"
        return None, f"not measured: two identical calls disagree; {remedy}"
    if report.finding == "vacuous":
        return None, "not measured: the output does not depend on the input; give others, or amplify=True"
    counted = [row for row in report.rows if row.counted]
    inside = [row for row in counted if row.element in labels]
    if not inside:
        return None, f"not measured: no tested element is in {group}; audit under {group}"
    breaking = list(dict.fromkeys(row.element for row in inside if not row.error64 <= report.tolerance))
    worst = max(row.error64 for row in inside)
    if kind == "none":
        return True, f"it promises nothing; worst error {worst:.2g}"
    if report.finding == "rounded" and breaking:
        return None, "up to float32 rounding of its weights; give weights in float64 to decide"
    if report.finding == "imprecise":
        exact = kind in ("exact", "exact_on_grid")
        return (False if exact else None), "right, but for digits that one of its layers loses"
    if not breaking:
        return _unbroken(guarantee, report, counted)
    if kind in ("exact", "exact_on_grid"):
        return False, f"broken by {', '.join(breaking)}"
    measured = f"worst error {worst:.2g}: {_NEXT[kind]}"
    if kind == "in_expectation":
        return False, f"{measured} (measured in {'train' if module.training else 'eval'} mode)"
    return None, f"not decided: {measured}"


def _expected(kind: str, expectation: Expectation, labels: list[str]) -> tuple[bool | None, str]:
    """By the means of a random module, under the elements that are promised."""
    inside = tuple(row for row in expectation.rows if row.element in labels)
    if not inside:
        return None, "not measured: no element that was averaged is in its group; give samples=256"
    found = replace(expectation, rows=inside)
    if kind == "none":
        return True, f"it promises nothing; {found}"
    if found.finding == "biased" and kind in ("exact", "exact_on_grid", "in_expectation"):
        return False, str(found)
    if kind == "in_expectation":
        return (True if found.finding == "in expectation" else None), str(found)
    return None, f"not measured: two identical calls disagree; call .eval(); {found}"


def _unbroken(guarantee: Guarantee, report: Report, counted: list[Row]) -> tuple[bool | None, str]:
    """Every tested element that is promised leaves rounding; more than an approximate promise needs."""
    kind, group = guarantee.kind, guarantee.group
    failing = {row.element for row in counted if not row.error64 <= report.tolerance}
    outside = f"; {len(failing)} elements that break it are outside {group}" if failing else ""
    aliased = [row.error64 for row in report.rows if not row.counted]
    off = f"; off the grid the error is {max(aliased):.2g} at most, on smooth images" if aliased else ""
    part = report.scope != report.group or (kind == "continuum" and report.group != group)
    if kind in _NEXT and part and not max(aliased, default=1.0) <= report.tolerance:
        return (
            None,
            f"not decided: the tested elements, a part of {group}, leave rounding only{off}: {_NEXT[kind]}",
        )
    if kind in _NEXT:
        return True, f"no tested element of {group} leaves more than rounding: more than is promised{outside}"
    return True, f"no tested element of {group} breaks it{outside}{off if kind == 'exact_on_grid' else ''}"


def _declared(module: nn.Module, guarantee: Guarantee) -> Acting | None:
    """The group that is promised; None for a group without a name: nobody can tell what it contains."""
    in_type = getattr(module, "in_type", None)
    try:
        return acting(in_type.domain.group if isinstance(in_type, FieldType) else guarantee.group)
    except ValueError:
        return None


def _inside(element: Element, group: Acting) -> bool:
    motion = element.motion
    if motion.permutations and not group.permutes:
        return False
    if motion.linear is None:
        return True
    if group.space is None or element.within(group.space) is None:
        return False
    shifts = motion.translation is not None and bool(motion.translation.any())
    return not shifts or isinstance(group.space, SemidirectProduct | LatticeGroup)
