"""What stands beside every equivariant model: plain CNNs, and any network averaged over the group."""

import torch
from torch import Tensor, nn

from mackey.axes import Float
from mackey.groups import LatticeGroup
from mackey.wrap import average


class PlainCNN(nn.Module):
    """Images to logits by `depth` 3×3 convolutions with batch norm and ReLU, one stride of 2, mean over
    space.
    """

    def __init__(self, in_channels: int = 1, classes: int = 10, *, width: int = 16, depth: int = 5) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index in range(depth):
            before = in_channels if index == 0 else width
            convolution = nn.Conv2d(before, width, 3, padding=1, stride=2 if index == 1 else 1, bias=False)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(width, classes)

    def forward(self, images: Float[Tensor, "b channels h w"]) -> Float[Tensor, "b classes"]:
        return self.head(self.features(images).mean((-1, -2)))


class PooledCNN(nn.Module):
    """Images to logits by three stages of two 3×3 convolutions with batch norm and ReLU, max pools between
    them, dropout after each, mean over space.
    """

    def __init__(
        self,
        in_channels: int = 1,
        classes: int = 10,
        *,
        widths: tuple[int, ...] = (24, 48, 56),
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = in_channels
        for index, width in enumerate(widths):
            layers += [nn.MaxPool2d(2)] if index else []
            for channels in (before, width):
                convolution = nn.Conv2d(channels, width, 3, padding=1, bias=False)
                layers += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
            layers.append(nn.Dropout(dropout))
            before = width
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(before, classes)

    def forward(self, images: Float[Tensor, "b channels h w"]) -> Float[Tensor, "b classes"]:
        return self.head(self.features(images).mean((-1, -2)))


class GroupAveraged(nn.Module):
    """(1/|H|) Σ_h f(h·x): any image network made invariant after training, at |H| times its cost."""

    def __init__(self, module: nn.Module, group: LatticeGroup) -> None:
        super().__init__()
        self.average = average(module, group, "image", "invariant")

    def forward(self, images: Float[Tensor, "b channels h w"]) -> Float[Tensor, "b classes"]:
        logits = self.average(images)
        assert isinstance(logits, Tensor), "one network, one output"
        return logits


def parameter_count(module: nn.Module) -> int:
    """The number of trained numbers."""
    return sum(p.numel() for p in module.parameters())


def matched(parameters: int, in_channels: int, classes: int) -> PlainCNN:
    """The PlainCNN whose parameter count is nearest to this one."""
    widths = range(2, 200)
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        sizes = [parameter_count(PlainCNN(in_channels, classes, width=w)) for w in widths]
    best = min(range(len(sizes)), key=lambda i: abs(sizes[i] - parameters))
    return PlainCNN(in_channels, classes, width=widths[best])
