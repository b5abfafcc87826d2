"""One bad network of the gallery, its repaired twin, and what must be said of it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

import mackey as mk
from mackey.actions import Declaration
from mackey.audit.lint import Finding
from mackey.audit.report import Report


@dataclass(frozen=True)
class Specimen:
    """A network, its inputs, and what is claimed of it. train: audited in train mode."""

    make: Callable[[], nn.Module]
    inputs: Callable[[], tuple[Tensor, ...]]
    group: str
    in_type: Declaration = "image"
    out_type: Declaration = "invariant"
    train: bool = False

    def module(self) -> nn.Module:
        """Built from seed 0."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return self.make().train(self.train)

    def report(self) -> Report:
        types = {"in_type": self.in_type, "out_type": self.out_type}
        return mk.audit(self.module(), self.inputs(), group=self.group, **types)

    def lint(self) -> tuple[Finding, ...]:
        return mk.lint(self.module(), self.inputs())


@dataclass(frozen=True)
class Verdict:
    """finding, culprit: as the audit says. cause, fix: patterns of its words. lint: the layer it names."""

    finding: str
    culprit: str
    cause: str
    fix: str
    lint: str = ""


@dataclass(frozen=True)
class Exhibit:
    """seen: where the defect was found; or the rule that it breaks, where that is no one's in particular."""

    model: str
    defect: str
    seen: str
    bad: Specimen
    right: Specimen
    verdict: Verdict

    def __str__(self) -> str:
        return f"{self.model}: {self.defect}"


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def image(size: int) -> Callable[[], tuple[Tensor, ...]]:
    return lambda: (noise(4, 1, size, size),)


def cloud(n: int = 6, d: int = 3, batch: int = 5) -> Callable[[], tuple[Tensor, ...]]:
    return lambda: (noise(batch, n, d),)


def perceptron(wide: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(wide, 8), nn.Tanh(), nn.Linear(8, out))
