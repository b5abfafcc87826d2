"""Φ_ω for an integrand of the user's own."""

from mackey.integrands import AbstractIntegrand, Linear
from mackey.integrands.mackey import check_mackey
from mackey.integrate import plan
from mackey.nn.layer import AbstractIntegralLayer


class Integral(AbstractIntegralLayer):
    """[Φ_ω f](g) = ∫ω(g⁻¹f, g′)dg′ for any integrand; the Mackey condition is checked at construction.

    Raises ValueError when ω does not send fields of in_type to fields of out_type, with the size of the
    violation.
    """

    def __init__(self, integrand: AbstractIntegrand, lowering: str | None = None) -> None:
        # a steerable kernel is right by construction, and its literal sum is slow for large groups
        known = isinstance(integrand, Linear)
        check_mackey(integrand, None if known else plan(integrand, "literal"))
        super().__init__(integrand, lowering)
