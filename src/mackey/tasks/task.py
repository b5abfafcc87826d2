"""Images to classify: labelled images in three splits, and how they are turned."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mackey.axes import Float, Int
from mackey.tasks.abstract import AbstractSplit, AbstractTask
from mackey.tasks.metric import AbstractMetric, Accuracy


@dataclass(frozen=True)
class Split(AbstractSplit):
    """Images (n, c, size, size) in [0, 1] and labels (n)."""

    images: Float[Tensor, "n c h w"]
    labels: Int[Tensor, " n"]

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.images,)

    @property
    def targets(self) -> Tensor:
        return self.labels

    def part(self, index: Int[Tensor, " k"]) -> "Split":
        return Split(self.images[index], self.labels[index])

    def turned(self, generator: torch.Generator) -> "Split":
        """At random angles about the centre; labels stay."""
        return Split(rotate(self.images, random_angles(len(self), generator)), self.labels)


@dataclass(frozen=True)
class Task(AbstractTask):
    """A classification task. turned: training images are shown at random angles; metric: accuracy."""

    name: str
    classes: int
    train: Split
    validation: Split
    test: Split
    group: str
    turned: bool

    @property
    def splits(self) -> tuple[Split, Split, Split]:
        return self.train, self.validation, self.test

    @property
    def metric(self) -> AbstractMetric:
        return Accuracy()

    @property
    def arguments(self) -> dict[str, int]:
        return {"in_channels": self.in_channels, "classes": self.classes}

    @property
    def input_names(self) -> tuple[str, ...]:
        return ("images",)

    @property
    def in_channels(self) -> int:
        return self.train.images.shape[1]

    @property
    def size(self) -> int:
        return self.train.images.shape[-1]


def rotate(images: Float[Tensor, "n c h w"], degrees: Float[Tensor, " n"]) -> Float[Tensor, "n c h w"]:
    """Each image turned counter-clockwise about its centre, bilinear, zeros outside; quarter turns are
    exact.
    """
    angle = torch.deg2rad(degrees.to(images))
    c, s, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    matrices = torch.stack([torch.stack([c, -s, zero], -1), torch.stack([s, c, zero], -1)], -2)
    points = torch.nn.functional.affine_grid(matrices, list(images.shape), align_corners=False)
    turned = torch.nn.functional.grid_sample(images, points, align_corners=False)
    for quarter in range(4):
        exact = torch.remainder(degrees, 360) == 90 * quarter
        if bool(exact.any()):
            turned[exact] = torch.rot90(images[exact], quarter, (-2, -1))
    return turned


def random_angles(count: int, generator: torch.Generator) -> Float[Tensor, " n"]:
    """Angles uniform in [0, 360) degrees."""
    return torch.rand(count, generator=generator) * 360


def turned(split: Split, seed: int) -> Split:
    """The same images at fixed random angles."""
    return split.turned(torch.Generator().manual_seed(seed))
