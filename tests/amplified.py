"""What tests of wrappers share: large weights, noise, a relative error."""

from typing import Any

import torch
from torch import Tensor, nn


def drawn(module: nn.Module, scale: float = 0.5, seed: int = 0) -> Any:
    """float64, in eval mode, every weight drawn large."""
    generator = torch.Generator().manual_seed(seed)
    module = module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return module


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def error(value: Tensor, wanted: Tensor) -> float:
    return float((value - wanted).detach().abs().max() / wanted.detach().abs().max())
