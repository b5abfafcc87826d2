"""What is minimised in training, and what is reported: one class a kind of answer."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from mackey.errors import sentence


class AbstractMetric(ABC):
    """A loss and a score, both means over samples."""

    @property
    @abstractmethod
    def name(self) -> str:
        """As it is called in metrics.jsonl and result.json."""

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float) -> Tensor: ...

    @abstractmethod
    def score(self, outputs: Tensor, targets: Tensor) -> Tensor: ...

    @abstractmethod
    def gain(self, score: float) -> float:
        """Larger where the score is better; −∞ for one that is not a number."""

    @abstractmethod
    def text(self, score: float) -> str: ...


@dataclass(frozen=True)
class Accuracy(AbstractMetric):
    """The fraction of right answers; trained by cross-entropy of logits with class labels."""

    @property
    def name(self) -> str:
        return "accuracy"

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
        return functional.cross_entropy(outputs, targets, label_smoothing=label_smoothing)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs.argmax(-1) == targets).float().mean()

    def gain(self, score: float) -> float:
        return score

    def text(self, score: float) -> str:
        return f"{score:.1%}"


@dataclass(frozen=True)
class MeanSquareError(AbstractMetric):
    """The mean over samples, points and coordinates of (output − target)²."""

    @property
    def name(self) -> str:
        return "mse"

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
        if label_smoothing:
            got = f"label_smoothing={label_smoothing:g}"
            raise ValueError(sentence("train", wanted="classes to smooth", got=got, remedy="leave it out"))
        return functional.mse_loss(outputs, targets)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return functional.mse_loss(outputs, targets)

    def gain(self, score: float) -> float:
        return -math.inf if math.isnan(score) else -score

    def text(self, score: float) -> str:
        return f"MSE {score:.3g}"


METRICS: dict[str, AbstractMetric] = {one.name: one for one in (Accuracy(), MeanSquareError())}
