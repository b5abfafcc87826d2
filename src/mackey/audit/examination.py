"""All that can be said of one network: the audit, the error of each layer, an orbit, and what lint finds."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mackey.actions import Declaration, GroupLike
from mackey.audit.layer_errors import LayerError, layer_errors
from mackey.audit.lint import Finding, lint
from mackey.audit.measure import audit
from mackey.audit.orbit import Orbit
from mackey.audit.page import page
from mackey.audit.prepared import moving_elements, prepared
from mackey.audit.report import Report, simplest
from mackey.audit.sweep import sweep


@dataclass(frozen=True)
class Examination:
    """element: the one under which the layers were compared. orbit: None where nothing could be measured."""

    title: str
    report: Report
    element: str
    layers: tuple[LayerError, ...]
    orbit: Orbit | None
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {**asdict(self), "report": self.report.to_dict(), "torch": torch.__version__}

    def html(self) -> str:
        """One page that needs nothing else: no script, font, picture or request from outside."""
        return page(self.title, self.report.verdict, self.to_dict())

    def save(self, path: str | Path) -> None:
        """Write the page."""
        Path(path).write_text(self.html(), encoding="utf-8")


def examine(
    module: nn.Module,
    inputs: Tensor | tuple[Tensor, ...] | list[Tensor],
    *,
    in_type: Declaration = "image",
    out_type: Declaration = "invariant",
    group: GroupLike = "p4m",
    amplify: bool = False,
    seed: int = 0,
    title: str | None = None,
) -> Examination:
    """`audit`, `lint`, the error of every layer, and the network along a path in the group (turns by 15°, a
    boost, a one-parameter subgroup, or the elements tested), as one page: `examine(…).save("report.html")`.

    The arguments are those of `audit`, and raise what it raises. Costs about 40 forward passes more.
    """
    report = audit(
        module, inputs, in_type=in_type, out_type=out_type, group=group, amplify=amplify, seed=seed
    )
    findings = lint(module, tuple(inputs) if isinstance(inputs, list) else inputs)
    title = title or type(module).__name__
    if not report.rows:  # random or vacuous: no single call can be shown
        return Examination(title, report, "", (), None, findings)
    with prepared(module, inputs, in_type, out_type, group, amplify, seed) as experiment:
        tested = moving_elements(experiment).exact  # the same as audited, by the seed
        worst = simplest([row for row in report.rows if row.counted])
        shown = next(element for element in tested if element.label == worst.element)
        layers = layer_errors(experiment, shown)
        orbit = sweep(experiment, tested)
    return Examination(title, report, shown.label, layers, orbit, findings)
