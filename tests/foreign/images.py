"""A ResNet, a patch embedding and a small ViT, in plain torch."""

from functools import partial

import torch
from torch import Tensor, nn

from foreign.claim import Claim, Made, noise

IMAGE = noise(4, 3, 16, 16)


class Residual(nn.Module):
    """Two convolutions and what was given."""

    def __init__(self, width: int, **options: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False, **options)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False, **options)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x))))))


def resnet(stride: int = 1, width: int = 8, **options: str) -> nn.Module:
    """A small ResNet: stem, (pool,) two blocks, mean, linear."""
    stem = nn.Conv2d(3, width, 3, padding=1, **options)
    pool = [nn.MaxPool2d(stride)] if stride > 1 else []
    blocks = [Residual(width, **options), Residual(width, **options)]
    return nn.Sequential(
        stem, nn.ReLU(), *pool, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 5)
    )


class Patches(nn.Module):
    """The patch embedding of a ViT without position codes, and an encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, 4)
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.encoder(self.patch(x).flatten(2).mT).mean(1)


def plain() -> Made:
    return resnet().eval(), IMAGE


def circular(training: bool = False, stride: int = 1) -> Made:
    return resnet(stride, padding_mode="circular").train(training), IMAGE


def patches() -> Made:
    return nn.Conv2d(3, 8, 4, 4), IMAGE


def vit() -> Made:
    return Patches().eval(), IMAGE


_TRAINED, _POOLED = partial(circular, True), partial(circular, stride=2)
_TORUS = "periodic_image"

CLAIMS = (
    Claim("ResNet, circular", circular, "Z^2", _TORUS, "invariant", "equivariant"),
    Claim("ResNet, circular, train mode", _TRAINED, "Z^2", _TORUS, "invariant", "equivariant"),
    Claim("ResNet, circular, MaxPool2d(2)", _POOLED, "Z^2", _TORUS, "invariant", "broken", "2"),
    Claim("ResNet", plain, "Z^2", _TORUS, "invariant", "broken", "0"),
    Claim("ResNet", plain, "p4m", "image", "invariant", "broken", "0"),
    Claim("ViT patch embedding", patches, "p4", "image", "image", "broken", "the module itself"),
    Claim("ViT without codes", vit, "p4", "image", "invariant", "broken", "patch"),
)
