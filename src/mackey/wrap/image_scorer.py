"""A small equivariant network with one score for each pose of an image."""

import torch
from torch import Tensor

from mackey import nn
from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import FieldType, Guarantee
from mackey.groups import FiniteGroup, LatticeGroup, lattice, named
from mackey.reps import regular, trivial
from mackey.spaces import Grid


class ImageScorer(torch.nn.Module):
    """Images (b, channels, *spatial) to scores (b, |H|) with s(h·x)[k] = s(x)[h⁻¹k].

    Lifting convolution, then (norm, ReLU, group convolution) depth − 1 times, the last to one regular field;
    mean over space. The first layer may have a stride by the integer rule: odd sizes with an odd kernel, even
    sizes with an even one. Source: Kaba et al., ICML 2023.
    """

    def __init__(
        self,
        group: str | LatticeGroup | FiniteGroup,
        channels: int,
        *,
        fields: int = 8,
        kernel_size: int = 5,
        depth: int = 2,
        stride: int = 1,
    ) -> None:
        super().__init__()
        grid = Grid(plane_lattice(group))
        H = grid.stabiliser
        if depth < 2:
            raise ValueError(
                sentence(
                    "wrap.ImageScorer",
                    wanted="depth ≥ 2, since the mean of one convolution hardly sees poses",
                    got=str(depth),
                    remedy="raise depth",
                )
            )
        image, last = FieldType(grid, trivial(H), channels), FieldType(grid, regular(H), 1)
        hidden = FieldType(grid, regular(H), fields)
        layers: list[nn.AbstractLayer] = [nn.Lift(image, fields, kernel_size, stride=stride)]
        for index in range(depth - 1):
            out = last if index == depth - 2 else hidden
            layers += [nn.BatchNorm(hidden), nn.Pointwise(hidden), nn.Conv(hidden, out, kernel_size)]
        self.layers = nn.Sequential(*layers)
        self.pool = nn.SpaceMean(last)
        self.in_type, self.out_type = image, self.pool.out_type

    @property
    def guarantee(self) -> Guarantee:
        return self.layers.guarantee

    def forward(self, images: Float[Tensor, "b channels *spatial"]) -> Float[Tensor, "b order"]:
        return self.pool(self.layers(images))


def plane_lattice(group: str | LatticeGroup | FiniteGroup) -> LatticeGroup:
    """p4 of "p4", "C4" or C4 itself: the group of images whose turns are these."""
    found = named(group) if isinstance(group, str) else group
    if isinstance(found, FiniteGroup):
        return lattice(found)
    if isinstance(found, LatticeGroup):
        return found
    raise ValueError(
        sentence(
            "wrap",
            wanted='a finite group of turns and mirrors of an image, such as "p4", "p4m" or "C8"',
            got=str(found),
            remedy="choose a finite subgroup of it",
        )
    )
