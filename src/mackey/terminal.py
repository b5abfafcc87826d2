"""Reports in a terminal, with rich: a verdict in its colour, errors as bars on a logarithmic scale."""

from collections.abc import Sequence
from math import isfinite, log10

from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from mackey.audit import Report, Row
from mackey.audit.expectation import Expectation
from mackey.audit.lint import Finding

_COLOURS = {"broken": "red", "biased": "red"}
_BAR, _LOWEST = 17, -17  # a letter for each power of ten between 1e-17 and 1


def show_report(console: Console, report: Report) -> None:
    """The verdict, the layer at fault, the promise, the table of errors, and the notes."""
    colour = "green" if report.passed else _COLOURS.get(report.finding, "yellow")
    lines = [Text(report.verdict)]
    if report.culprit is not None:
        lines += [Text(""), Text.assemble(("cause  ", "bold"), report.culprit.cause)]
        lines += [Text.assemble(("fix    ", "bold"), report.culprit.fix)]
    if report.promise is not None:
        held = {True: "holds", False: "does not hold", None: "was not measured"}[report.promise.holds]
        promise = f"{report.promise.declared}; it {held}: {report.promise.measured}"
        lines += [Text(""), Text.assemble(("declared  ", "bold"), promise)]
    title = Text(f" {report.finding} ", style=f"bold {colour}")
    console.print(Panel(Group(*lines), title=title, title_align="left", border_style=colour))
    counted = [row for row in report.rows if row.counted]
    aliased = [row for row in report.rows if not row.counted]
    if counted:
        console.print(_table(counted, report.tolerance, colour))
    if aliased:
        console.print(Text("off the grid, on smooth images: aliased, not counted", style="dim"))
        console.print(_table(aliased, report.tolerance, "dim"))
    if report.expectation is not None:
        console.print(_means(report.expectation))
    for note in report.notes:
        console.print(Padding(Text(f"· {note}", style="dim"), (0, 0, 0, 1)))


def show_findings(console: Console, findings: Sequence[Finding]) -> None:
    """One paragraph for each finding of lint; a line that says so where there is none."""
    if not findings:
        console.print(Text("lint found nothing to look at", style="green"))
    for finding in findings:
        head = Text(f"{finding.layer or 'the module itself'} ({finding.kind})", style="bold yellow")
        body = [Text(finding.message), Text(finding.rule, style="dim")]
        fix = Text.assemble(("fix  ", "bold"), finding.fix)
        console.print(head, *(Padding(line, (0, 0, 0, 2)) for line in (*body, fix)), sep="\n")


def _means(found: Expectation) -> Table:
    """The bias of the mean of a random network, and what chance alone would leave."""
    title = f"mean over {found.samples} samples, relative to what {found.scale}"
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for heading in ("element", "output", "bias", "by chance", "at most (99.9 %)", "slope"):
        table.add_column(heading, justify="left" if heading in ("element", "output") else "right")
    for row in found.rows:
        numbers = [f"{value:.1e}" for value in (row.bias, row.noise, row.limit)]
        slope = "–" if row.slope is None else f"{row.slope:.2f}"
        style = "red" if row.is_biased else None
        table.add_row(Text(row.element), Text(row.output), *numbers, slope, style=style)
    return table


def _table(rows: Sequence[Row], tolerance: float, colour: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, justify in (("element", "left"), ("output", "left"), ("float64", "right")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    table.add_column("1e-17 … 1", no_wrap=True)
    table.add_column("own dtype", justify="right")
    table.add_column("rounding", justify="right")
    for row in rows:
        bad = row.counted and not row.error64 <= tolerance
        style = "red" if bad else "dim" if colour == "dim" else "green"
        bar = Text(_bar(row.error64), style=style)
        numbers = [f"{value:.1e}" for value in (row.error64, row.error, row.floor)]
        table.add_row(Text(row.element), Text(row.output), numbers[0], bar, *numbers[1:])
    return table


def _bar(error: float) -> str:
    if not isfinite(error):
        return "█" * _BAR
    length = 0 if error <= 0 else min(_BAR, max(0, round(log10(error)) - _LOWEST))
    return "█" * length + "·" * (_BAR - length)
