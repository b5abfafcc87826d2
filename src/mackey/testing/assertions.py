"""One line in a test: this network is equivariant, or the test fails and says which layer breaks it."""

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from mackey.actions import Declaration, GroupLike
from mackey.audit import Report, audit
from mackey.errors import sentence

_ROWS = 5  # shown in a failure


@dataclass(frozen=True)
class Audited:
    """One audit of a test, and whether the test accepted it."""

    module: str
    accepted: bool
    report: Report

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {"module": self.module, "accepted": self.accepted, **self.report.to_dict()}


# The audits that nobody has listed yet: the pytest plugin takes them out after each test. Where nobody does,
# the last 1000 are kept.
UNLISTED: deque[Audited] = deque(maxlen=1000)


def assert_equivariant(
    module: nn.Module,
    inputs: Tensor | tuple[Tensor, ...] | list[Tensor],
    *,
    in_type: Declaration = "image",
    out_type: Declaration = "invariant",
    group: GroupLike = "p4m",
    tolerance: float | None = None,
    amplify: bool = True,
    seed: int = 0,
) -> Report:
    """f(gx) = g f(x), as `mackey.audit` measures it; raises AssertionError with its verdict, culprit and fix.

    tolerance: the largest relative error that passes; None asks for what `Report.passed` says, 1e-10 in
    float64 and rounding in the dtype of the module. A given tolerance bounds the error in both. A network
    that is random or does not depend on its input never passes. amplify: on, unlike in `mackey.audit`; broken
    attention looks equivariant to 1e-5 at its default initialisation.
    """
    __tracebackhide__ = True
    if tolerance is not None and not 0 < tolerance < math.inf:
        raise ValueError(
            sentence(
                "assert_equivariant tolerance",
                wanted="a positive number",
                got=str(tolerance),
                remedy="leave it out to ask for 1e-10 in float64",
            )
        )
    report = audit(
        module, inputs, in_type=in_type, out_type=out_type, group=group, amplify=amplify, seed=seed
    )
    accepted = report.passed if tolerance is None else _within(report, tolerance)
    name = type(module).__name__
    UNLISTED.append(Audited(name, accepted, report))
    if not accepted:
        raise AssertionError(failure(name, report, tolerance))
    return report


def _within(report: Report, tolerance: float) -> bool:
    """Every counted error, in float64 and in the dtype of the module; NaN is none."""
    counted = [row for row in report.rows if row.counted]
    return bool(counted) and all(row.error64 <= tolerance and row.error <= tolerance for row in counted)


def failure(name: str, report: Report, tolerance: float | None) -> str:
    """Why a test failed, a clause a line: the verdict, the culprit, the fix, and the worst elements."""
    lines = [f"{name}: {report.verdict}".replace("; ", "\n  ")]
    if tolerance is not None:
        lines.append(f"  tolerance of this test: {tolerance:.2g}")
    counted = sorted((row for row in report.rows if row.counted), key=lambda row: -row.error64)
    for row in counted[:_ROWS]:
        lines.append(
            f"  {row.error64:.1e} in float64, {row.error:.1e} as it is: {row.output} under {row.element}"
        )
    if len(counted) > _ROWS:
        lines.append(f"  … and {len(counted) - _ROWS} more")
    lines += [f"  note: {note}" for note in report.notes]
    return "\n".join(lines)
