"""Convolution between fields of any fibres, lifting, and the pointwise linear map."""

from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.integrands import BlockLinear
from mackey.integrands import Linear as LinearIntegrand
from mackey.nn.layer import AbstractIntegralLayer
from mackey.reps import Rep, regular, trivial


class Conv(AbstractIntegralLayer):
    """[Φf](y) = Σ_x κ(x − y) f(x) + b with κ(hx) = σ(h) κ(x) ρ(h)⁻¹, at the speed of one plain convolution.

    padding defaults to (kernel_size − 1)//2. A stride must obey (size + 2·padding − kernel_size) mod stride =
    0. Weights start with variance gain/fan-in by formula (2: for ReLU). Source: Weiler & Cesa 2019; Nyholm et
    al. 2025.
    """

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int | None = None,
        bias: bool = True,
        gain: float = 2.0,
        lowering: str | None = None,
    ) -> None:
        omega = LinearIntegrand(
            in_type, out_type, kernel_size=kernel_size, stride=stride, padding=padding, bias=bias, gain=gain
        )
        super().__init__(omega, lowering)


class Lift(AbstractIntegralLayer):
    """F(x, h) = Σ_x′ f(x′) k(h⁻¹(x′ − x)): scalar channels to regular fields, one filter in every pose.

    Source: Cohen & Welling 2016; G-CSA eq. (1).
    """

    def __init__(
        self,
        in_type: FieldType,
        fields: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int | None = None,
        bias: bool = True,
        gain: float = 2.0,
    ) -> None:
        H = in_type.table.group
        if in_type.rep != trivial(H):
            raise ValueError(
                sentence(
                    "Lift",
                    wanted="scalar fields",
                    got=str(in_type),
                    remedy="use Conv for fields that already have a fibre",
                )
            )
        out_type = FieldType(in_type.domain, regular(H), fields)
        super().__init__(
            LinearIntegrand(
                in_type,
                out_type,
                kernel_size=kernel_size,
                stride=stride,
                padding=padding,
                bias=bias,
                gain=gain,
            )
        )


class Linear(AbstractIntegralLayer):
    """y = W x + b at every point, W ∈ Hom_H(ρ, σ), b H-invariant; on any domain, for any group.

    Between expressions at a Point ("64x0e + 64x1o", "2xV + V⊗V") block by block, by Schur's lemma.
    """

    def __init__(
        self, in_type: FieldType, out_type: FieldType, *, bias: bool = True, gain: float = 1.0
    ) -> None:
        tables = isinstance(in_type.rep, Rep) and isinstance(out_type.rep, Rep)
        kind = LinearIntegrand if tables else BlockLinear
        super().__init__(kind(in_type, out_type, bias=bias, gain=gain))
