"""What an audit found, for people (str) and for machines (to_dict)."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One element and output. error: in the module's dtype; error64: in float64; floor: rounding of that
    output.
    """

    element: str
    output: str
    error: float
    error64: float
    floor: float


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
class Report:
    """The verdict of an audit. worst: the largest float64 error over all elements and outputs."""

    group: str
    passed: bool
    worst: float
    tolerance: float
    rows: tuple[Row, ...]
    culprit: Culprit | None
    declared: str | None
    notes: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """One sentence."""
        elements = len({row.element for row in self.rows})
        measured = f"worst relative error {self.worst:.2g} in float64 over {elements} elements"
        if self.passed:
            return f"equivariant under {self.group}: {measured} (tolerance {self.tolerance:.0e})"
        broken = f"; it declares {self.declared}, which does not hold" if self.declared else ""
        first = f"; first broken by {self.culprit}" if self.culprit else ""
        return f"NOT equivariant under {self.group}: {measured}{broken}{first}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {**asdict(self), "verdict": self.verdict}

    def __str__(self) -> str:
        lines = [
            self.verdict,
            "",
            f"{'element':24} {'output':10} {'error':>9} {'rounding':>9} {'float64':>9}",
        ]
        lines += [
            f"{row.element:24} {row.output:10} {row.error:9.1e} {row.floor:9.1e} {row.error64:9.1e}"
            for row in self.rows
        ]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])
