"""Measure any network: error, floor, and the layer that breaks the symmetry (knows groups to fields only)."""

from mackey.audit.measure import audit
from mackey.audit.report import Culprit, Report, Row

__all__ = ["Culprit", "Report", "Row", "audit"]
