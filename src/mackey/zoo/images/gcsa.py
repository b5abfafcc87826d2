"""Group convolutional self-attention (Zaheer, Holston & Park): position information from convolutions, no table.

Lifting convolution; q, k, v by group convolution; attention; a pointwise group MLP. Both readings of the attention:
axis="lift" is the poster's eq. (3)–(4), over (y, h); axis="contract" contracts scores over the fibre, as the authors'
released code does; axis="frame" keeps one map for each orientation. Any group named in mackey.groups: p4 (the poster)
and p4m, the roto-reflection extension that it leaves as future work.

Departs from the released code where that breaks the symmetry: strides obey the integer rule and dropout drops whole
fields. Post-pool head: one linear layer.
"""

import torch
from torch import Tensor

import mackey as mk
from mackey.axes import Float

PAPER = "Zaheer, Holston & Park, Group Convolutional Self-Attention for Roto-Translation Equivariance in ViTs"


class Block(torch.nn.Module):
    """x + attention(norm x), then x + W₂ a(W₁ norm x)."""

    def __init__(self, field: mk.FieldType, heads: int, kernel_size: int, axis: str, expansion: int) -> None:
        super().__init__()
        wide = mk.FieldType(field.domain, field.rep, expansion * field.multiplicity)
        attention = mk.nn.Attention(field, heads=heads, kernel_size=kernel_size, axis=axis)
        self.attend = mk.nn.Residual(mk.nn.Sequential(mk.nn.BatchNorm(field), attention))
        self.mix = mk.nn.Residual(mk.nn.Sequential(
            mk.nn.BatchNorm(field), mk.nn.Linear(field, wide, gain=2.0), mk.nn.Pointwise(wide),
            mk.nn.Linear(wide, field)))

    def forward(self, x: Float[Tensor, "b channels h w"]) -> Float[Tensor, "b channels h w"]:
        return self.mix(self.attend(x))


class Model(torch.nn.Module):
    """Images (b, in_channels, n, n) to logits (b, classes), invariant under the point group of `group`.

    downsample: stride of the lifting convolution; sizes obey (n − 1) mod downsample = 0 (odd kernels, same padding).
    """

    def __init__(self, group: str = "p4", in_channels: int = 1, classes: int = 10, *, fields: int = 8, depth: int = 2,
                 heads: int = 2, kernel_size: int = 3, axis: str = "contract", downsample: int = 2) -> None:
        super().__init__()
        grid = mk.spaces.Grid(mk.groups.named(group))
        H = grid.stabiliser
        image = mk.FieldType(grid, mk.reps.trivial(H), in_channels)
        field = mk.FieldType(grid, mk.reps.regular(H), fields)
        self.lift = mk.nn.Sequential(mk.nn.Lift(image, fields, 2 * downsample + 1, stride=downsample),
                                     mk.nn.BatchNorm(field), mk.nn.Pointwise(field))
        self.blocks = torch.nn.Sequential(*(Block(field, heads, kernel_size, axis, 2) for _ in range(depth)))
        self.readout = mk.nn.Sequential(mk.nn.BatchNorm(field), mk.nn.GroupMax(field))
        self.pool = mk.nn.SpaceMean(self.readout.out_type)
        self.head = torch.nn.Linear(fields, classes)
        self.in_type = image

    @property
    def guarantee(self) -> mk.Guarantee:
        return self.lift.guarantee

    def forward(self, images: Float[Tensor, "b channels h w"]) -> Float[Tensor, "b classes"]:
        return self.head(self.pool(self.readout(self.blocks(self.lift(images)))))


def example() -> tuple[Model, tuple[Tensor, ...]]:
    """A small model and inputs for it."""
    return Model("p4", fields=4, depth=1), (torch.randn(2, 1, 13, 13),)
