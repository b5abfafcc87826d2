"""A Case: how to make one public layer or model, and inputs for it. The battery runs on every Case."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mackey.fields import FieldType


@dataclass(frozen=True)
class Case:
    """make: a small module with in_type (and out_type, unless its outputs are invariant). sizes: sampling
    sizes.
    """

    name: str
    make: Callable[[], nn.Module]
    sizes: tuple[int, ...]
    batch: int = 2

    def module(self, seed: int = 0, amplify: float | None = 0.5) -> nn.Module:
        """The module in float64, its parameters drawn with this standard deviation (None: as initialised)."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = self.make().double()
            if amplify is not None:
                with torch.no_grad():
                    for parameter in module.parameters():
                        parameter.normal_(0, amplify)
        return module

    def field(self, module: nn.Module, generator: torch.Generator) -> Tensor:
        """White noise of the module's in_type, float64."""
        field: FieldType = module.in_type  # type: ignore[assignment]
        return torch.randn(field.shape(self.batch, self.sizes), generator=generator, dtype=torch.float64)

    def __str__(self) -> str:
        return self.name
