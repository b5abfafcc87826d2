"""A lowering: one way to compute Φ_ω fast. It says why it cannot run, and what it costs."""

from abc import ABC, abstractmethod

from torch import Tensor

from mackey.integrands import AbstractIntegrand


class AbstractLowering(ABC):
    """Tested equal to the literal integral, in value and gradient, for every integrand it accepts."""

    name: str

    @abstractmethod
    def why_not(self, omega: AbstractIntegrand) -> str | None:
        """The reason why this lowering cannot compute Φ_ω, or None if it can."""

    @abstractmethod
    def __call__(self, omega: AbstractIntegrand, f: Tensor) -> Tensor:
        """Φ_ω f."""

    @abstractmethod
    def flops(self, omega: AbstractIntegrand, f: Tensor) -> int:
        """Multiply–adds times two, without the expansion of weights."""

    def __repr__(self) -> str:
        return self.name
