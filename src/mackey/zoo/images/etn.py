"""Equivariant transformer network (Tai, Bailis & Valiant, ICML 2019): a CNN behind poses in canonical
coordinates.

Departs from the paper: poses are found without strides, biases and batch norm, by a centroid in which empty
parts of the window have no weight; a circle has no sample twice; the classifier sees pixels, not log-polar
coordinates, and pools by means.
"""

import itertools

import torch
from torch import Tensor, nn

from mackey import groups, reps, spaces, wrap
from mackey.axes import Float
from mackey.fields import FieldType, Guarantee

PAPER = "Tai, Bailis & Valiant, Equivariant Transformer Networks, ICML 2019, arXiv:1901.11399"


class Model(nn.Module):
    """Images (b, in_channels, h, w) to logits (b, classes), invariant under the first of `flows`.

    flows: names of wrap.FLOWS in the order in which they are taken out; "translation rotation-scale" for
    street numbers, "shear-x hyperbolic perspective-x perspective-y" for distorted digits in the paper.
    samples: of each canonical coordinate.
    """

    def __init__(
        self,
        flows: str = "rotation-scale",
        in_channels: int = 1,
        classes: int = 10,
        *,
        width: int = 32,
        samples: int = 32,
        hidden: int = 16,
    ) -> None:
        super().__init__()
        widths = [in_channels, width, 2 * width, 2 * width]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.GroupNorm(1, after), nn.SiLU()]
            layers.append(nn.AvgPool2d(2, ceil_mode=True))
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2 * width, classes)]
        self.network = wrap.canonical_coordinates(
            nn.Sequential(*layers[:-1], *head), flows, in_channels, samples=samples, hidden=hidden
        )
        grid = spaces.Grid(groups.lattice_named("p4"))
        self.in_type = FieldType(grid, reps.trivial(grid.stabiliser), in_channels)

    @property
    def guarantee(self) -> Guarantee:
        return self.network.guarantee

    def forward(self, images: Float[Tensor, "b channels h w"]) -> Float[Tensor, "b classes"]:
        return self.network(images)


def example() -> tuple[Model, tuple[Tensor, ...]]:
    """A small model and inputs for it: quarter turns are exact."""
    return Model(width=4, samples=16, hidden=4), (torch.randn(2, 1, 16, 16),)
