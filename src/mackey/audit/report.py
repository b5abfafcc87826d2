"""What an audit found, for people (str) and for machines (to_dict)."""

import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mackey.audit.expectation import Expectation
from mackey.audit.setting import Setting

_COLUMNS, _LABEL, _OUTPUT = 80, 36, 12


@dataclass(frozen=True)
class Row:
    """One element and output. error: in the module's dtype; error64: in float64; floor: rounding of that
    output. counted: whether the verdict rests on it; elements off the grid are reported only. aspect: the
    kind of element, rotation | reflection | translation | large translation | boost | scaling | linear map |
    permutation | product.
    """

    element: str
    output: str
    error: float
    error64: float
    floor: float
    counted: bool = True
    aspect: str = ""


def simplest(rows: Sequence[Row]) -> Row:
    """The worst row of one kind of motion alone, if there is one: easier to explain than a product."""
    alone = [row for row in rows if row.aspect not in ("product", "large translation")]
    return max(alone or rows, key=lambda row: row.error64)


@dataclass(frozen=True)
class Culprit:
    """The first module that breaks the symmetry, how much, why (likely), and what to do."""

    name: str
    kind: str
    error: float
    cause: str
    fix: str

    def __str__(self) -> str:
        return f"{self.name} ({self.kind}), relative error {self.error:.2g}: {self.cause}; fix: {self.fix}"


@dataclass(frozen=True)
class Promise:
    """A declared guarantee, whether it holds (None: that takes another measurement, which `measured` names),
    and what was measured. kind: of `mackey.Guarantee`. elements: the tested ones that it speaks of.
    """

    declared: str
    holds: bool | None
    measured: str
    kind: str = ""
    elements: tuple[str, ...] = ()

    def __str__(self) -> str:
        verdict = {True: "holds", False: "does NOT hold", None: "is not decided"}[self.holds]
        return f"declared {self.declared}: {verdict}: {self.measured}"


@dataclass(frozen=True)
class Report:
    """The verdict of an audit.

    finding: equivariant | rounded (symmetric up to float32 rounding of the weights) | imprecise (right in
    float64 and wrong in the module's own dtype, or right but for digits that it loses even in float64) |
    broken | vacuous (the output does not depend on the input) | random (two identical calls disagree) | in
    expectation (they do, and their mean is equivariant as far as can be seen) | biased (their mean is not).
    The first has passed, and in expectation, where the mean was asked for or is what is declared.
    scope: the group, or how many of its elements were tested where they do not generate it. worst: the
    largest float64 error over the counted rows.
    """

    group: str
    scope: str
    finding: str
    worst: float
    tolerance: float
    rows: tuple[Row, ...]
    culprit: Culprit | None
    notes: tuple[str, ...]
    promise: Promise | None = None
    setting: Setting | None = None
    expectation: Expectation | None = None

    @property
    def passed(self) -> bool:
        """Whether every tested element left an error below the tolerance, or a mean without visible bias; and
        something was tested.
        """
        return self.finding in ("equivariant", "in expectation")

    @property
    def verdict(self) -> str:
        """One sentence."""
        count = len({row.element for row in self.rows if row.counted})
        elements = "1 element" if count == 1 else f"{count} elements"
        measured = f"worst relative error {self.worst:.2g} in float64 over {elements}"
        if self.finding == "equivariant":
            return f"equivariant under {self.scope}: {measured} (tolerance {self.tolerance:.0e})"
        if self.finding == "vacuous":
            return (
                f"VACUOUS under {self.group}: the output is the same for other inputs of the same kind, so "
                "nothing was measured"
            )
        if self.expectation is not None:
            start = {
                "in expectation": "equivariant in expectation",
                "biased": "NOT equivariant in expectation",
            }
            return f"{start.get(self.finding, 'NOT decided')} under {self.group}: {self.expectation}"
        if self.finding == "random":
            return f"NOT measurable under {self.group}: {self.notes[0]}"
        if self.finding == "rounded":
            return (
                f"NOT exactly equivariant under {self.scope}, but symmetric up to float32 rounding of its "
                f"weights (or of matrices given): {measured} (tolerance {self.tolerance:.0e})"
            )
        if self.finding == "imprecise":
            lost = max(row.error for row in self.rows if row.counted)
            only = "in float64 only: "
            if not self.worst <= self.tolerance:
                only = f"up to digits that it loses: {self.worst:.2g} in float64, "
            return (
                f"equivariant under {self.scope} {only}relative error {lost:.2g} in the dtype of "
                f"the module; digits are lost in {self.culprit}"
            )
        lie = self.promise if self.promise is not None and self.promise.holds is False else None
        broken = f"; it declares {lie.declared}, which does not hold" if lie else ""
        first = f"; first broken by {self.culprit}" if self.culprit else ""
        return f"NOT equivariant under {self.group}: {measured}{broken}{first}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {**asdict(self), "passed": self.passed, "verdict": self.verdict}

    def __str__(self) -> str:
        lines = [*_wrapped(self.verdict), ""]
        counted = [row for row in self.rows if row.counted]
        aliased = [row for row in self.rows if not row.counted]
        lines += _table(counted, "element") if counted else []
        if self.expectation is not None:
            lines += _biases(self.expectation)
        if aliased:
            lines += ["", *_wrapped("off the grid, on smooth images: aliased, not counted"), ""]
            lines += _table(aliased, "element")
        told = [] if self.promise is None else [str(self.promise)]
        told += [f"note: {note}" for note in self.notes]
        told += [] if self.setting is None else [f"measured on {self.setting}"]
        return "\n".join([*lines, *(line for one in told for line in _wrapped(one, "  "))])


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, _COLUMNS, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _table(rows: list[Row], heading: str) -> list[str]:
    label = min(max(7, *(len(row.element) for row in rows)), _LABEL)
    output = min(max(len(row.output) for row in rows), _OUTPUT)
    lines = [f"{heading:{label}} {'output':{output}} {'error':>9} {'rounding':>9} {'float64':>9}"]
    for row in rows:
        names = f"{_cut(row.element, label):{label}} {_cut(row.output, output):{output}}"
        lines.append(f"{names} {row.error:9.1e} {row.floor:9.1e} {row.error64:9.1e}")
    return lines


def _biases(expectation: Expectation) -> list[str]:
    label = min(max(7, *(len(row.element) for row in expectation.rows)), _LABEL)
    output = min(max(len(row.output) for row in expectation.rows), _OUTPUT)
    lines = [f"{'element':{label}} {'output':{output}} {'bias':>9} {'noise':>9} {'limit':>9}"]
    for row in expectation.rows:
        names = f"{_cut(row.element, label):{label}} {_cut(row.output, output):{output}}"
        lines.append(f"{names} {row.bias:9.1e} {row.noise:9.1e} {row.limit:9.1e}")
    return lines


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
