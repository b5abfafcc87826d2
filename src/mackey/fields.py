"""What a tensor means (FieldType) and what a layer promises (Guarantee)."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from mackey.errors import sentence
from mackey.groups import apart
from mackey.groups.abstract import Element
from mackey.reps import AbstractRep, Rep, tabulated
from mackey.spaces import AbstractDomain, Point


@dataclass(frozen=True)
class FieldType:
    """`multiplicity` fields on a domain, each with values in the representation `rep` of the stabiliser H.

    A type only: the values stay an ordinary tensor, on grids (b, multiplicity·rep.dim, *spatial).
    """

    domain: AbstractDomain
    rep: AbstractRep
    multiplicity: int

    def __post_init__(self) -> None:
        if self.rep.group != self.domain.stabiliser:
            wanted, got = apart(self.domain.stabiliser, self.rep.group)
            raise ValueError(
                sentence(
                    "FieldType",
                    wanted=f"a representation of {wanted}, which fixes a point of {self.domain}",
                    got=f"{self.rep} of {got}",
                    remedy="build it from that group, or restrict it",
                )
            )
        if not isinstance(self.multiplicity, int) or self.multiplicity < 1:
            raise ValueError(
                sentence(
                    "FieldType",
                    wanted="a whole multiplicity of at least 1",
                    got=str(self.multiplicity),
                    remedy="give the number of fields",
                )
            )

    @classmethod
    def at_point(cls, rep: AbstractRep) -> "FieldType":
        """Features without a position: one vector of ρ, which the whole group moves, (b, d)."""
        return cls(Point(rep.group), rep, 1)

    @property
    def table(self) -> Rep:
        """ρ as one matrix for each element of H; refused where H is not finite."""
        return self.rep if isinstance(self.rep, Rep) else tabulated(self.rep)

    @property
    def channels(self) -> int:
        """c·d, the size of the channel axis."""
        return self.multiplicity * self.rep.dim

    def shape(self, batch: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a tensor of this type."""
        return self.domain.shape(batch, self.channels, sizes)

    def transform(self, x: Tensor, element: Element) -> Tensor:
        """(g·f)(x) = ρ f(g⁻¹x)."""
        return self.domain.transform(x, element, self.rep)

    def need_point(self, where: str) -> None:
        """Raise unless this is one vector of ρ at a point."""
        if not isinstance(self.domain, Point) or self.multiplicity != 1:
            raise ValueError(
                sentence(
                    where,
                    wanted="one field at a Point, its multiplicities written in the representation",
                    got=str(self),
                    remedy='use FieldType.at_point(reps.parse(group, "64x0e + 64x1o")); on grids nn.Gated',
                )
            )

    def check(self, x: Tensor, where: str) -> None:
        """Raise unless x can hold this type."""
        rank = self.domain.tensor_rank
        if x.ndim != rank or self.domain.channels(x) != self.channels:
            held = math.prod(self.shape(1, (1,) * (rank - 2)))  # on GroupGrid the elements are channels too
            raise ValueError(
                sentence(
                    where,
                    wanted=f"{held} channels ({self}) in a tensor of {rank} axes",
                    got=f"shape {tuple(x.shape)}",
                    remedy="check the out_type of the layer before it",
                )
            )

    def __repr__(self) -> str:
        return f"{self.multiplicity}×{self.rep} on {self.domain}"


@dataclass(frozen=True)
class Guarantee:
    """What is promised for which group.

    exact: to rounding. exact_on_grid: for the elements that permute the samples, aliased for the rest.
    continuum: error falls with resolution n, like n^-rate where a rate is stated (`mackey.audit_rate`
    measures it). in_expectation: exact on average over a sample. soft: by a loss. none.
    """

    kind: str
    group: str
    note: str = ""
    rate: float | None = None

    KINDS: ClassVar[tuple[str, ...]] = (
        "exact",
        "exact_on_grid",
        "continuum",
        "in_expectation",
        "soft",
        "none",
    )

    def __post_init__(self) -> None:
        if self.kind not in self.KINDS:
            raise ValueError(
                sentence(
                    "Guarantee",
                    wanted=" | ".join(self.KINDS),
                    got=repr(self.kind),
                    remedy="choose one of these",
                )
            )
        if self.rate is not None and (self.kind != "continuum" or not 0 < self.rate < math.inf):
            raise ValueError(
                sentence(
                    "Guarantee rate",
                    wanted="a positive number for the kind continuum, whose error falls like n^-rate",
                    got=f"{self.rate} for {self.kind}",
                    remedy="leave it out",
                )
            )

    def __str__(self) -> str:
        rate = "" if self.rate is None else f", error like n^-{self.rate:g}"
        return f"{self.kind} under {self.group}{rate}" + (f" ({self.note})" if self.note else "")


def weakest(guarantees: list[Guarantee]) -> Guarantee:
    """The guarantee of a chain: the weakest kind, under what the groups of all links share; the slowest rate,
    if all are known.
    """
    kind = max((g.kind for g in guarantees), key=Guarantee.KINDS.index)
    groups = dict.fromkeys(g.group for g in guarantees)
    clauses = dict.fromkeys(clause for g in guarantees for clause in g.note.split("; ") if clause)
    rates = [g.rate for g in guarantees if g.kind == "continuum"]
    known = [rate for rate in rates if rate is not None]
    slowest = min(known) if kind == "continuum" and len(known) == len(rates) else None
    return Guarantee(kind, " ∩ ".join(groups), "; ".join(clauses), slowest)
