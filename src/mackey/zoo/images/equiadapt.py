"""Equivariant adaptation of a pretrained classifier: a small group CNN turns each image to the pose that the
classifier knows (Mondal et al., NeurIPS 2023; Kaba et al., ICML 2023).

Departs from the authors' code: quarter turns and mirrors are exact, not interpolated; poses with equal scores
are averaged; other angles interpolate the image, not the filters. Training adds `prior_loss` to the loss of
the task (the authors: 100 times), on images that are upright.
"""

import torch
from torch import Tensor

from mackey import wrap
from mackey.axes import Float
from mackey.fields import Guarantee

PAPER = (
    "Mondal, Panigrahi, Kaba, Rajeswar & Ravanbakhsh, Equivariant Adaptation of Large Pretrained Models, "
    "NeurIPS 2023, arXiv:2310.01647"
)


class Model(torch.nn.Module):
    """Images (b, in_channels, n, n) to logits (b, classes), invariant under the point group of `group`.

    network: the classifier, such as a pretrained one; a small CNN by default. fields, kernel_size, depth: of
    the scorer, a group CNN with one output for each pose.
    """

    def __init__(
        self,
        group: str = "p4",
        in_channels: int = 1,
        classes: int = 10,
        *,
        network: torch.nn.Module | None = None,
        fields: int = 8,
        kernel_size: int = 5,
        depth: int = 2,
    ) -> None:
        super().__init__()
        scorer = wrap.ImageScorer(group, in_channels, fields=fields, kernel_size=kernel_size, depth=depth)
        self.adapted = wrap.canonicaliser(
            _plain(in_channels, classes) if network is None else network,
            group,
            "image",
            "invariant",
            scorer=scorer,
        )

    @property
    def guarantee(self) -> Guarantee:
        return self.adapted.guarantee

    def prior_loss(self, images: Float[Tensor, "b channels h w"]) -> Float[Tensor, ""]:
        """−log of the probability that the scorer gives to the pose in which the images are."""
        return self.adapted.prior_loss(images)

    def forward(self, images: Float[Tensor, "b channels h w"]) -> Float[Tensor, "b classes"]:
        return self.adapted(images)


def _plain(in_channels: int, classes: int, width: int = 16) -> torch.nn.Module:
    """A CNN that knows up from down."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(in_channels, width, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(width, width, 3, padding=1, stride=2),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(4),
        torch.nn.Flatten(),
        torch.nn.Linear(16 * width, classes),
    )


def example() -> tuple[Model, tuple[Tensor, ...]]:
    """A small model and inputs for it."""
    return Model("p4m", fields=3, kernel_size=3), (torch.randn(2, 1, 13, 13),)
