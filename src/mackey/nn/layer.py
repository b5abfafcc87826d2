"""The two abstract layers: anything with field types, and Φ_ω for some ω."""

from torch import Tensor

from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import FieldType, Guarantee
from mackey.integrands import AbstractIntegrand
from mackey.integrands.constants import AbstractConstants
from mackey.integrate import plan
from mackey.spaces import Grid, GroupGrid, Sequence


def guarantee_of(field: FieldType) -> Guarantee:
    """What a layer on this domain can promise: exact, unless the group turns the lattice into another one."""
    domain, group = field.domain, field.domain.group
    if isinstance(domain, Sequence):
        return Guarantee("exact", group.name, "translations away from the ends")
    if not isinstance(domain, Grid):
        return Guarantee("exact", group.name)
    if not domain.group.is_exact:
        return Guarantee(
            "exact_on_grid", group.name, "exact for the elements that keep the pixels, aliased for others"
        )
    if domain.periodic:
        return Guarantee("exact", group.name, "the whole group of the torus")
    return Guarantee(
        "exact", group.name, "point group about the centre; translations by strides away from the border"
    )


class AbstractLayer(AbstractConstants):
    """A module between two field types. `forward` takes and returns plain tensors."""

    def __init__(self, in_type: FieldType, out_type: FieldType) -> None:
        super().__init__()
        for field in (in_type, out_type):
            if isinstance(field.domain, GroupGrid):
                raise ValueError(
                    sentence(
                        type(self).__name__,
                        wanted="fields on a Grid, Set, Sequence or Point",
                        got=str(field),
                        remedy="use regular fibres on Grid, which hold the same values",
                    )
                )
        self.in_type = in_type
        self.out_type = out_type

    @property
    def guarantee(self) -> Guarantee:
        return guarantee_of(self.in_type)

    def extra_repr(self) -> str:
        return f"{self.in_type} → {self.out_type}"


class AbstractIntegralLayer(AbstractLayer):
    """Φ_ω, computed by the first lowering that can (or the one named)."""

    def __init__(self, integrand: AbstractIntegrand, lowering: str | None = None) -> None:
        super().__init__(integrand.in_type, integrand.out_type)
        self.integrand = integrand
        self.lowering = plan(integrand, lowering)

    def forward(self, f: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Φ_ω f."""
        self.in_type.check(f, type(self).__name__)
        return self.lowering(self.integrand, f)
