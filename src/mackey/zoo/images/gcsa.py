"""Group convolutional self-attention (Zaheer, Holston & Park): position information from convolutions, no
table.

Lifting convolution; q, k, v by group convolution; attention; a pointwise group MLP. Both readings of the
attention: axis="lift" is the poster's eq. (3)–(4), over (y, h); axis="contract" contracts scores over the
fibre, as the authors' released code does; axis="frame" keeps one map for each orientation. Any group named in
mackey.groups: p4 (the poster) and p4m, the roto-reflection extension that it leaves as future work.

Departs from the released code where that breaks the symmetry: strides obey the integer rule and dropout drops
whole fields. Post-pool head: one linear layer.
"""

import torch
from torch import Tensor

from mackey import groups, nn, reps, spaces
from mackey.axes import Float
from mackey.fields import FieldType, Guarantee, weakest

PAPER = "Zaheer, Holston & Park, Group Convolutional Self-Attention for Roto-Translation Equivariance in ViTs"


class Block(torch.nn.Module):
    """x + attention(norm x), then x + W₂ a(W₁ norm x); heads of four fields where the width allows it."""

    def __init__(self, field: FieldType, kernel_size: int, axis: str) -> None:
        super().__init__()
        wide = FieldType(field.domain, field.rep, 2 * field.multiplicity)
        heads = field.multiplicity // 4 if field.multiplicity % 4 == 0 else 1
        attention = nn.Attention(field, heads=heads, kernel_size=kernel_size, axis=axis)
        self.attend = nn.Residual(nn.Sequential(nn.BatchNorm(field), attention))
        self.mix = nn.Residual(
            nn.Sequential(
                nn.BatchNorm(field),
                nn.Linear(field, wide, gain=2.0),
                nn.Pointwise(wide),
                nn.Linear(wide, field),
            )
        )

    def forward(self, x: Float[Tensor, "b channels h w"]) -> Float[Tensor, "b channels h w"]:
        return self.mix(self.attend(x))

    @property
    def guarantee(self) -> Guarantee:
        return weakest([self.attend.guarantee, self.mix.guarantee])


class Model(torch.nn.Module):
    """Images (b, in_channels, n, n) to logits (b, classes), invariant under the point group of `group`.

    downsample: stride of the lifting convolution; sizes obey (n − 1) mod downsample = 0 (odd kernels, same
    padding).
    """

    def __init__(
        self,
        group: str = "p4",
        in_channels: int = 1,
        classes: int = 10,
        *,
        fields: int = 8,
        depth: int = 2,
        kernel_size: int = 3,
        axis: str = "contract",
        downsample: int = 2,
    ) -> None:
        super().__init__()
        grid = spaces.Grid(groups.lattice_named(group))
        H = grid.stabiliser
        image = FieldType(grid, reps.trivial(H), in_channels)
        field = FieldType(grid, reps.regular(H), fields)
        self.lift = nn.Sequential(
            nn.Lift(image, fields, 2 * downsample + 1, stride=downsample),
            nn.BatchNorm(field),
            nn.Pointwise(field),
        )
        self.blocks = torch.nn.Sequential(*(Block(field, kernel_size, axis) for _ in range(depth)))
        self.readout = nn.Sequential(nn.BatchNorm(field), nn.GroupMax(field))
        self.pool = nn.SpaceMean(self.readout.out_type)
        self.head = torch.nn.Linear(fields, classes)
        self.in_type = image

    @property
    def guarantee(self) -> Guarantee:
        blocks = [block.guarantee for block in self.blocks if isinstance(block, Block)]
        return weakest([self.lift.guarantee, *blocks, self.readout.guarantee])

    def forward(self, images: Float[Tensor, "b channels h w"]) -> Float[Tensor, "b classes"]:
        return self.head(self.pool(self.readout(self.blocks(self.lift(images)))))


def example() -> tuple[Model, tuple[Tensor, ...]]:
    """A small model and inputs for it."""
    return Model("p4", fields=4, depth=1), (torch.randn(2, 1, 13, 13),)
