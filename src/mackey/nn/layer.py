"""The two abstract layers: anything with field types, and Φ_ω for some ω."""

from torch import Tensor, nn

from mackey.axes import Float
from mackey.fields import FieldType, Guarantee
from mackey.groups import LatticeGroup
from mackey.integrands import AbstractIntegrand
from mackey.integrate import plan


def guarantee_of(field: FieldType) -> Guarantee:
    """What a layer on this domain can promise: exact, unless the group turns the lattice into another one."""
    group = field.domain.group
    if isinstance(group, LatticeGroup) and not group.is_exact:
        return Guarantee(
            "exact_on_grid", group.name, "exact for the elements that keep the pixels, aliased for others"
        )
    return Guarantee("exact", group.name)


class AbstractLayer(nn.Module):
    """A module between two field types. `forward` takes and returns plain tensors."""

    def __init__(self, in_type: FieldType, out_type: FieldType) -> None:
        super().__init__()
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
