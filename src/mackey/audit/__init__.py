"""Measure any network: error, blame, lint, orbits, and a page with all (knows groups to fields only)."""

from mackey.audit.examination import Examination, examine
from mackey.audit.layer_errors import LayerError
from mackey.audit.measure import audit
from mackey.audit.orbit import Curve, Orbit, Panel
from mackey.audit.report import Culprit, Promise, Report, Row

__all__ = [
    "Culprit",
    "Curve",
    "Examination",
    "LayerError",
    "Orbit",
    "Panel",
    "Promise",
    "Report",
    "Row",
    "audit",
    "examine",
]
