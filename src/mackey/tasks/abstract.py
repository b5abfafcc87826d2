"""What training needs of a task: splits that can be turned, a metric, and what its models are told."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mackey.axes import Int
from mackey.errors import sentence
from mackey.tasks.metric import AbstractMetric


class AbstractSplit(ABC):
    """Samples along axis 0 of every tensor: the inputs of a network, and what it should answer."""

    @property
    @abstractmethod
    def inputs(self) -> tuple[Tensor, ...]: ...

    @property
    @abstractmethod
    def targets(self) -> Tensor: ...

    @abstractmethod
    def part(self, index: Int[Tensor, " k"]) -> "AbstractSplit":
        """The samples of these numbers, in this order."""

    @abstractmethod
    def turned(self, generator: torch.Generator) -> "AbstractSplit":
        """Every sample moved by its own random element of the group, its target with it."""

    def at_random(self, seed: int) -> "AbstractSplit":
        """`turned`, the same for the same seed."""
        return self.turned(torch.Generator().manual_seed(seed))

    def __len__(self) -> int:
        return len(self.targets)

    def batches(self, size: int) -> list[tuple[Tensor, ...]]:
        """(*inputs, targets), in order; the last batch may be smaller."""
        return list(zip(*(t.split(size) for t in (*self.inputs, self.targets)), strict=True))


class AbstractTask(ABC):
    """Three splits and a metric. turned: training samples are moved by random elements, drawn anew in every
    epoch.
    """

    turned: bool

    @property
    @abstractmethod
    def splits(self) -> tuple[AbstractSplit, AbstractSplit, AbstractSplit]:
        """Training, validation, test."""

    @property
    @abstractmethod
    def metric(self) -> AbstractMetric: ...

    @property
    @abstractmethod
    def arguments(self) -> Mapping[str, int]:
        """Keyword arguments that every model for it takes."""

    @property
    @abstractmethod
    def input_names(self) -> Sequence[str]:
        """What a network is given, in order."""

    def check(self, model: nn.Module) -> None:
        """Raise ValueError unless the model takes as many inputs as there are."""
        parameters = inspect.signature(model.forward).parameters.values()
        named = [p for p in parameters if p.kind is not p.VAR_POSITIONAL]
        least = sum(p.default is p.empty for p in named)
        if least <= len(self.input_names) and (
            len(named) < len(list(parameters)) or len(self.input_names) <= len(named)
        ):
            return
        raise ValueError(
            sentence(
                "task",
                wanted=f"a model of {', '.join(self.input_names)}",
                got=f"{type(model).__name__}, which takes {', '.join(p.name for p in named) or 'nothing'}",
                remedy="see mackey list",
            )
        )
