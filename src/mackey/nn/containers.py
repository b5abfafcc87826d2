"""Chains and residual sums of layers, with their types matched when they are built."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import FieldType, Guarantee, weakest
from mackey.nn.layer import AbstractLayer


class Sequential(AbstractLayer):
    """Layers one after the other; each out_type must be the next in_type."""

    def __init__(self, *layers: AbstractLayer) -> None:
        if not layers:
            raise ValueError(
                sentence("Sequential", wanted="at least one layer", got="none", remedy="add a layer")
            )
        for position, (first, second) in enumerate(pairwise(layers)):
            if first.out_type != second.in_type:
                raise ValueError(
                    sentence(
                        f"Sequential, between layers {position} and {position + 1}",
                        wanted=f"{type(second).__name__} to take {first.out_type}",
                        got=f"{second.in_type}{_why(first.out_type, second.in_type)}",
                        remedy="match the types",
                    )
                )
        super().__init__(layers[0].in_type, layers[-1].out_type)
        self.layers = nn.ModuleList(layers)

    @property
    def guarantee(self) -> Guarantee:
        return weakest([layer.guarantee for layer in self._typed()])

    def _typed(self) -> Sequence[AbstractLayer]:
        return [layer for layer in self.layers if isinstance(layer, AbstractLayer)]

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        for layer in self.layers:
            x = layer(x)
        return x

    def extra_repr(self) -> str:
        return ""


def _why(first: FieldType, second: FieldType) -> str:
    return f" (another group: {first.domain} and {second.domain})" if first.domain != second.domain else ""


class Residual(AbstractLayer):
    """y = x + block(x)."""

    def __init__(self, block: AbstractLayer) -> None:
        if block.in_type != block.out_type:
            raise ValueError(
                sentence(
                    "Residual",
                    wanted="a block whose output has the type of its input",
                    got=f"{block.in_type} → {block.out_type}",
                    remedy="add a Linear to the block",
                )
            )
        super().__init__(block.in_type, block.out_type)
        self.block = block

    @property
    def guarantee(self) -> Guarantee:
        return self.block.guarantee

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return x + self.block(x)

    def extra_repr(self) -> str:
        return ""
