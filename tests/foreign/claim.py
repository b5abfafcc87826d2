"""What is said of a network, and what the audit is to find."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

import mackey as mk
from mackey.audit import Report

_LEAST = 1e-12  # errors below are not told apart: they differ between machines

Made = tuple[nn.Module, Tensor | tuple[Tensor, ...]]


@dataclass(frozen=True)
class Claim:
    """A network with inputs, and the types it is said to have under a group. culprit: "" for none."""

    name: str
    make: Callable[[], Made]
    group: str
    in_type: mk.actions.Declaration
    out_type: mk.actions.Declaration
    finding: str
    culprit: str = ""

    def audited(self) -> Report:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module, inputs = self.make()
        types = {"in_type": self.in_type, "out_type": self.out_type}
        return mk.audit(module, inputs, group=self.group, amplify="EGNN" in self.name, **types)

    def __str__(self) -> str:
        return f"{self.name}, {self.group}, {types(self.in_type)} to {types(self.out_type)}"


def types(declared: mk.actions.Declaration) -> str:
    return ", ".join(map(str, declared if isinstance(declared, tuple) else (declared,)))


def row(claim: Claim, report: Report) -> str:
    """A line of the table; errors by their order of magnitude."""
    worst = f"10^{round(math.log10(report.worst))}" if report.worst > _LEAST else "< 10^-12"
    culprit = report.culprit.name if report.culprit is not None else "–"
    given = f"{claim.name} | {claim.group} | {types(claim.in_type)} → {types(claim.out_type)}"
    return f"| {given} | {report.finding} | {worst.replace('-', '−')} | {culprit} |"


def noise(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=dtype)
