"""The table of docs/audit.md: cd tests && python -m foreign.table"""

from pathlib import Path

from foreign import images, points, sets
from foreign.claim import row

DOC = Path(__file__).resolve().parents[2] / "docs" / "audit.md"
START, END = "<!-- by cd tests && python -m foreign.table -->", "<!-- end of table -->"
CLAIMS = (*points.CLAIMS, *sets.CLAIMS, *images.CLAIMS)
HEAD = """| module | group | declared | finding | worst error, float64 | first broken by |
|---|---|---|---|---|---|"""


def rewrite() -> None:
    """Put the table, measured now, between the two marks of the document."""
    rows = "\n".join(row(claim, claim.audited()) for claim in CLAIMS)
    before, rest = DOC.read_text(encoding="utf-8").split(START)
    DOC.write_text(f"{before}{START}\n\n{HEAD}\n{rows}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    rewrite()
