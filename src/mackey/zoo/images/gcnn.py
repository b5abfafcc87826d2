"""Group equivariant convolutional networks (Cohen & Welling, ICML 2016): the seven-layer P4CNN and its p4m
kin.

Departs from the paper: symmetric padding, a pooling window that fits the size by the integer rule (2 on even,
3 on odd sizes), batch norm shared along the fibre, and a linear head on invariant features, so that the whole
network is exact.
"""

import torch
from torch import Tensor

from mackey import groups, nn, reps, spaces
from mackey.axes import Float
from mackey.fields import FieldType, Guarantee

PAPER = "Cohen & Welling, Group Equivariant Convolutional Networks, ICML 2016, arXiv:1602.07576"


class Model(torch.nn.Module):
    """Images (b, in_channels, n, n) to logits (b, classes), invariant under the point group of `group`.

    Lift, then 3×3 (by default) group convolutions with batch norm and ReLU; max over the group, mean over
    space, linear head. pool: the window of a max pool of stride 2 after the second layer; the paper's 2 needs
    an even n, 3 an odd one, and 1 (any n) leaves it out.
    """

    def __init__(
        self,
        group: str = "p4",
        in_channels: int = 1,
        classes: int = 10,
        *,
        fields: int = 10,
        depth: int = 6,
        kernel_size: int = 3,
        dropout: float = 0.0,
        pool: int = 1,
    ) -> None:
        super().__init__()
        grid = spaces.Grid(groups.lattice_named(group))
        H = grid.stabiliser
        image = FieldType(grid, reps.trivial(H), in_channels)
        feature = FieldType(grid, reps.regular(H), fields)
        layers: list[nn.AbstractLayer] = [nn.Lift(image, fields, kernel_size)]
        for layer in range(1, depth):
            layers += [nn.BatchNorm(feature), nn.Pointwise(feature)]
            if layer == 2 and pool > 1:
                layers.append(nn.WindowMax(feature, pool, stride=2))
            layers += [nn.FieldDropout(feature, dropout), nn.Conv(feature, feature, kernel_size)]
        layers += [nn.BatchNorm(feature), nn.Pointwise(feature), nn.GroupMax(feature)]
        self.features = nn.Sequential(*layers)
        self.pool = nn.SpaceMean(self.features.out_type)
        self.head = torch.nn.Linear(fields, classes)
        self.in_type = image

    @property
    def guarantee(self) -> Guarantee:
        return self.features.guarantee

    def forward(self, images: Float[Tensor, "b channels h w"]) -> Float[Tensor, "b classes"]:
        return self.head(self.pool(self.features(images)))


def example() -> tuple[Model, tuple[Tensor, ...]]:
    """A small model and inputs for it."""
    return Model("p4m", fields=3, depth=3), (torch.randn(2, 1, 13, 13),)
