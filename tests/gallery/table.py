"""docs/gallery.md, made from the gallery itself: `cd tests && python -m gallery.table`."""

from pathlib import Path

from gallery import components, frames, graphs, orientations, outputs, sampling
from gallery.exhibit import Exhibit
from mackey.audit.report import Report

ALL: list[Exhibit] = [
    *sampling.EXHIBITS,
    *orientations.EXHIBITS,
    *components.EXHIBITS,
    *outputs.EXHIBITS,
    *frames.EXHIBITS,
    *graphs.EXHIBITS,
]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "gallery.md"
HEADING = """# Known bad networks, and what the audit says of them

Each line is a small network of the tests (`tests/gallery/`), rebuilt from a defect that was found in
published code or reported in public, or from the rule that it breaks. Beside each stands its repaired twin,
which passes the audit and lint.
`mackey.audit` says the finding, the culprit, the cause and the fix; † marks what `mackey.lint` names too,
without a group. Error: the largest relative error in float64 over the elements tested (in float32 where the
finding is *imprecise*). Made by `cd tests && python -m gallery.table`.

| model | defect | seen in, or rule | group | finding | culprit | error | cause, as said | fix, as said |
|---|---|---|---|---|---|---|---|---|
"""


def line(exhibit: Exhibit, report: Report) -> str:
    """One row of the table."""
    culprit = report.culprit
    name = f"`{culprit.name}`" if culprit is not None else "–"
    if culprit is not None and culprit.name.startswith("what happens"):
        name = culprit.name
    linted = f" `{exhibit.verdict.lint}`" * (
        exhibit.verdict.lint not in ("", culprit.name if culprit else "")
    )
    parts = (
        exhibit.model,
        exhibit.defect,
        exhibit.seen,
        exhibit.bad.group,
        report.finding,
        name + linted + " †" * bool(exhibit.verdict.lint),
        f"{error(report):.0e}" if report.rows else "–",
        culprit.cause if culprit is not None else "–",
        culprit.fix if culprit is not None else "–",
    )
    return "| " + " | ".join(part.replace("|", "\\|") for part in parts) + " |"


def error(report: Report) -> float:
    """Of the finding: in float64, or in the dtype of the network."""
    if report.finding == "imprecise":
        return max(row.error for row in report.rows if row.counted)
    return report.worst


def page() -> str:
    return HEADING + "".join(line(exhibit, exhibit.bad.report()) + "\n" for exhibit in ALL)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
