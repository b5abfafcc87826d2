"""One network audited twice, before and after something happened to it: training, pruning, quantisation."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from mackey.audit.report import Culprit, Promise, Report
from mackey.errors import sentence

_FELL = 0.9  # a loss that makes errors smaller leaves less than this of them
_SAID = {
    "equivariant": "equivariant",
    "rounded": "symmetric up to float32 rounding",
    "imprecise": "equivariant up to lost digits",
    "broken": "NOT equivariant",
}


@dataclass(frozen=True)
class Change:
    """One element and output. before, after: relative errors in float64. floor: rounding in the dtype of the
    module, the larger one of both. aspect, counted: as in `Row`.
    """

    element: str
    output: str
    before: float
    after: float
    floor: float
    aspect: str
    counted: bool
    tolerance: float

    @property
    def ratio(self) -> float:
        """after / before; 1 where both are rounding."""
        before, after = (max(error, self.tolerance) for error in (self.before, self.after))
        return 1.0 if before == after else after / before

    @property
    def is_worse(self) -> bool:
        """Whether the error has grown by more than rounding."""
        return not self.after - self.before <= self.tolerance and self.before != self.after


@dataclass(frozen=True)
class Comparison:
    """What two audits of the same elements and inputs say about what happened in between.

    promise: of the second report; what is promised by a loss is decided here.
    """

    group: str
    before: str
    after: str
    changes: tuple[Change, ...]
    culprit_before: Culprit | None
    culprit_after: Culprit | None
    promise: Promise | None

    @property
    def worse(self) -> tuple[Change, ...]:
        """The counted changes for the worse, the largest first."""
        found = [one for one in self.changes if one.is_worse and one.counted]
        return tuple(sorted(found, key=lambda one: one.after - one.before, reverse=True))

    @property
    def ratio(self) -> float:
        """The geometric mean of after / before over the counted rows."""
        return _mean_ratio([one for one in self.changes if one.counted])

    @property
    def verdict(self) -> str:
        """One sentence."""
        counted = [one for one in self.changes if one.counted]
        first, last = (
            max(errors) for errors in zip(*((one.before, one.after) for one in counted), strict=True)
        )
        moved = f"worst relative error {first:.2g} before and {last:.2g} after, over {len(counted)} rows"
        was, now = _SAID[self.before], _SAID[self.after]
        if self.before == self.after == "equivariant":
            return f"still equivariant under {self.group}: {moved}"
        state = (
            f"{was} before and {now} after, under {self.group}" if was != now else f"{now} under {self.group}"
        )
        text = f"{state}: {moved}"
        if self.worse:
            top = self.worse[0]
            text += f"; {len(self.worse)} got worse, most {top.element} ({top.before:.2g} to {top.after:.2g})"
        elif self.ratio < _FELL:
            text += f"; errors fell to {self.ratio:.2g} of what they were on average, none got worse"
        if self.culprit_after is not None and (
            self.culprit_before is None or self.culprit_before.name != self.culprit_after.name
        ):
            text += f"; now first broken by {self.culprit_after}"
        return text

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        changes = [{**asdict(one), "ratio": one.ratio, "is_worse": one.is_worse} for one in self.changes]
        return {**asdict(self), "changes": changes, "ratio": self.ratio, "verdict": self.verdict}

    def __str__(self) -> str:
        label = min(max(7, *(len(one.element) for one in self.changes)), 36)
        lines = [
            self.verdict,
            "",
            f"{'element':{label}} {'output':12} {'before':>9} {'after':>9} {'ratio':>9}",
        ]
        for one in self.changes:
            names = f"{one.element[:label]:{label}} {one.output[:12]:12}"
            mark = (" worse" if one.is_worse else "") + ("" if one.counted else " off the grid")
            lines.append(f"{names} {one.before:9.1e} {one.after:9.1e} {one.ratio:9.2g}{mark}")
        return "\n".join([*lines, *([str(self.promise)] if self.promise is not None else [])])


def compare(before: Report, after: Report) -> Comparison:
    """What happened to every error between two audits of one network: row by row, the culprits, the promise.

    A guarantee of the kind soft, encouraged by a loss, holds if the errors of its elements fell below 0.9 of
    what they were on (geometric) average, or if they are rounding after it.

    Raises ValueError for reports of other groups, types, inputs, seeds or modes, and without rows.
    """
    for name, report in (("before", before), ("after", after)):
        if not report.rows:
            remedy = "audit on inputs and in a mode in which errors can be measured"
            got = f"{name} is {report.finding}: {report.verdict}"
            raise ValueError(sentence("compare", wanted="two reports with errors", got=got, remedy=remedy))
    _check(before, after)
    old = {(row.element, row.output): row for row in before.rows}
    changes = tuple(
        Change(
            row.element,
            row.output,
            old[row.element, row.output].error64,
            row.error64,
            max(row.floor, old[row.element, row.output].floor),
            row.aspect,
            row.counted,
            after.tolerance,
        )
        for row in after.rows
    )
    return Comparison(
        after.group,
        before.finding,
        after.finding,
        changes,
        before.culprit,
        after.culprit,
        _decided(after.promise, changes),
    )


def _check(before: Report, after: Report) -> None:
    """Raise unless both were measured in the same way."""
    told = [("group", before.group, after.group), ("scope", before.scope, after.scope)]
    if before.setting is not None and after.setting is not None:
        one, other = asdict(before.setting), asdict(after.setting)
        told += [(name, str(one[name]), str(other[name])) for name in one]
    rows = [" ".join(sorted(f"{row.element}/{row.output}" for row in r.rows)) for r in (before, after)]
    for name, first, second in (*told, ("rows", *rows)):
        if first != second:
            raise ValueError(
                sentence(
                    "compare",
                    wanted=f"two audits with the same {name}",
                    got=f"{first} before and {second} after",
                    remedy="audit both with the same arguments, inputs and mode",
                )
            )


def _decided(promise: Promise | None, changes: tuple[Change, ...]) -> Promise | None:
    """What a loss was to achieve, judged by the elements that are promised; other promises stay."""
    if promise is None or promise.kind != "soft":
        return promise
    inside = [one for one in changes if one.counted and one.element in promise.elements]
    if not inside:
        return promise
    ratio = _mean_ratio(inside)
    if all(one.after <= one.tolerance for one in inside):
        holds, measured = True, f"errors are rounding, after {max(one.before for one in inside):.2g} before"
    else:
        holds = ratio < _FELL
        fell = "fell to" if holds else "did not fall:"
        measured = f"errors {fell} {ratio:.2g} of what they were, averaged over {len(inside)} rows"
    return Promise(promise.declared, holds, measured, promise.kind, promise.elements)


def _mean_ratio(changes: list[Change]) -> float:
    logs = [math.log(max(one.ratio, 1e-300)) for one in changes]  # an infinite error may have become finite
    return math.exp(sum(logs) / len(logs))
