"""mackey: one integral operator, Φ_ω f(g) = ∫ω(g⁻¹f, g′)dg′, is every equivariant layer."""

from mackey import actions, groups, integrands, interop, nn, reps, spaces, wrap
from mackey.explain import describe, explain
from mackey.fields import FieldType, Guarantee
from mackey.integrands import AbstractIntegrand as Integrand
from mackey.integrate import LOWERINGS, plan

__version__ = "0.1.0"

from mackey import zoo
from mackey.audit.comparison import compare
from mackey.audit.examination import examine
from mackey.audit.lint import lint
from mackey.audit.measure import audit
from mackey.audit.rates import audit_rate

__all__ = [
    "LOWERINGS",
    "FieldType",
    "Guarantee",
    "Integrand",
    "actions",
    "audit",
    "audit_rate",
    "compare",
    "describe",
    "examine",
    "explain",
    "groups",
    "integrands",
    "interop",
    "lint",
    "nn",
    "plan",
    "reps",
    "spaces",
    "wrap",
    "zoo",
]
