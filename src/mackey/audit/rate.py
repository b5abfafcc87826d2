"""What a series of resolutions says: errors, the power law of each output, and the promise."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mackey.audit.power_law import PowerLaw
from mackey.audit.report import Promise
from mackey.fields import Guarantee

_FINDINGS = ("exact", "falls", "undecided", "stalls", "constant")  # from the best to the worst
_LEAST = 0.25  # a rate below that is none: the slowest known, of random samples, is 1/2
_SLACK = 0.1  # part of a promised rate by which a finite series may miss it
_REACHED = 1e-9  # a floor below that is rounding; above, it is the auditor's interpolation


@dataclass(frozen=True)
class Measured:
    """One resolution, element and output. floor: what rounding and the auditor's interpolation may leave."""

    n: int
    element: str
    output: str
    error: float
    floor: float


@dataclass(frozen=True)
class Fall:
    """How one output behaves, by its worst element at each resolution.

    finding: falls | exact (nothing above the floor) | constant (no faster than n^-0.25) | stalls (it falls,
    and in the last step less than half as fast) | undecided (the points scatter too much, or too few are
    above the floor) | vacuous. law: None where there are not three points above the floor. at_least: a bound
    of the rate where the error reached its floor too soon to be fitted.
    """

    output: str
    finding: str
    sizes: tuple[int, ...]
    errors: tuple[float, ...]
    law: PowerLaw | None
    at_least: float | None = None

    def __str__(self) -> str:
        if not all(map(math.isfinite, self.errors)):
            return "the outputs cannot be compared, or are not finite"
        ends = f"{self.errors[0]:.2g} at n = {self.sizes[0]}, {self.errors[-1]:.2g} at n = {self.sizes[-1]}"
        if self.finding == "exact":
            return f"the error is rounding at every resolution ({ends})"
        if self.law is None and self.at_least is not None:
            return f"the error falls to rounding, at least like n^-{self.at_least:.1f} ({ends})"
        if self.finding == "vacuous":
            return "the output does not depend on the input"
        if self.law is None:
            return f"too few of the errors are larger than what rounding and interpolation leave ({ends})"
        if self.finding == "constant":
            return f"the error does not fall: like {self.law} ({ends})"
        if self.finding == "stalls":
            last = f"n^{-self.law.last:.2f}"
            return f"the error falls like {self.law}, but in the last step only like {last} ({ends})"
        if self.finding == "undecided":
            return f"the errors scatter too much to tell how they fall: {self.law} ({ends})"
        return f"the error falls like {self.law} ({ends})"


@dataclass(frozen=True)
class Rate:
    """How the error falls with resolution.

    falls: one for each output. promise: of a declared guarantee of the kind continuum, or of the rate that
    was asked for; None without any.
    """

    group: str
    sizes: tuple[int, ...]
    rows: tuple[Measured, ...]
    falls: tuple[Fall, ...]
    promise: Promise | None = None

    @property
    def worst(self) -> Fall:
        """Of the outputs, the one that behaves worst; of equals the slowest."""
        return max(self.falls, key=lambda fall: (_rank(fall.finding), -_rate(fall)))

    @property
    def finding(self) -> str:
        """exact | falls | undecided | stalls | constant | vacuous, as in `Fall`."""
        return self.worst.finding

    @property
    def rate(self) -> float | None:
        """r of error = c·n^-r, of the worst output; None where no line was fitted."""
        return None if self.worst.law is None else self.worst.law.rate

    @property
    def error(self) -> float | None:
        """The standard error of `rate`."""
        return None if self.worst.law is None else self.worst.law.error

    @property
    def passed(self) -> bool:
        """Whether the error falls, or is rounding already; and a promised rate is reached."""
        kept = self.promise is None or self.promise.holds is True
        return self.finding in ("falls", "exact") and kept

    @property
    def verdict(self) -> str:
        """One sentence."""
        if self.finding == "vacuous":
            return f"VACUOUS under {self.group}: {self.worst}"
        if self.finding == "exact":
            return f"equivariant under {self.group}: {self.worst}"
        start = "equivariant in the continuum" if self.finding == "falls" else "NOT shown to converge"
        start = "NOT equivariant in the continuum" if self.finding == "constant" else start
        return f"{start} under {self.group}: {self.worst}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        known = {"finding": self.finding, "rate": self.rate, "error": self.error, "passed": self.passed}
        return {**asdict(self), **known, "verdict": self.verdict}

    def __str__(self) -> str:
        label = min(max(7, *(len(row.element) for row in self.rows)), 36)
        lines = [self.verdict, "", f"{'n':>6} {'element':{label}} {'output':12} {'error':>9} {'floor':>9}"]
        for row in self.rows:
            names = f"{row.n:6} {row.element[:label]:{label}} {row.output[:12]:12}"
            lines.append(
                f"{names} {row.error:9.1e} {row.floor:9.1e}{'' if row.error > row.floor else ' not used'}"
            )
        return "\n".join([*lines, *([str(self.promise)] if self.promise is not None else [])])


def judged(rows: Sequence[Measured], vacuous: bool) -> tuple[Fall, ...]:
    """For each output, how its largest error falls."""
    falls = []
    for output in dict.fromkeys(row.output for row in rows):
        sizes = sorted({row.n for row in rows})
        errors, floors = [], []
        for n in sizes:
            here = [row for row in rows if row.output == output and row.n == n]
            errors.append(max(row.error for row in here))
            floors.append(max(row.floor for row in here))
        falls.append(_fall(output, sizes, errors, floors, vacuous))
    return tuple(falls)


def _fall(output: str, sizes: list[int], errors: list[float], floors: list[float], vacuous: bool) -> Fall:
    def told(finding: str, law: PowerLaw | None = None, at_least: float | None = None) -> Fall:
        return Fall(output, finding, tuple(sizes), tuple(errors), law, at_least)

    if vacuous:
        return told("vacuous")
    if not all(map(math.isfinite, errors)):
        return told("constant")
    above = [k for k, (error, floor) in enumerate(zip(errors, floors, strict=True)) if error > floor]
    if not above:
        return told("exact" if floors[-1] < _REACHED else "undecided")
    if len(above) < 3:
        after = above[-1] + 1
        if after == len(sizes) or above != list(range(after)):
            return told("undecided")
        least = math.log(errors[0] / max(errors[after], floors[after])) / math.log(sizes[after] / sizes[0])
        return told("falls" if least > _LEAST else "undecided", at_least=least)
    used = _distinct(above, errors)
    law = PowerLaw.fit([sizes[k] for k in used], [errors[k] for k in used])
    return told(_finding(law, [errors[k] for k in used], used[-1] == len(sizes) - 1), law)


def _distinct(above: list[int], errors: list[float]) -> list[int]:
    """Several n may mean the same sample (a quadrature of at least n points): the largest of them counts, as
    long as three are left.
    """
    pairs = zip(above, [*above[1:], None], strict=True)
    last = [k for k, then in pairs if then is None or abs(errors[then] - errors[k]) > 1e-9 * errors[k]]
    return last if len(last) >= 3 else above


def _finding(law: PowerLaw, errors: list[float], to_the_end: bool) -> str:
    if law.rate < _LEAST and (law.rate + law.half < _LEAST or law.half < _LEAST):
        return "constant"
    orderly = law.rate > law.half or all(then <= now for now, then in itertools.pairwise(errors))
    if law.rate < _LEAST or not orderly:
        return "undecided"
    if to_the_end and law.last < law.rate / 2:
        return "stalls"
    return "falls" if law.rate > law.half else "undecided"


def decided(
    guarantee: Guarantee | None, rate: float | None, rows: list[Measured], vacuous: bool
) -> Promise | None:
    """Whether the promised elements keep what is declared; `rate` is asked for where none is declared."""
    is_declared = guarantee is not None and guarantee.kind == "continuum"
    if not is_declared and rate is None:
        return None
    declared = str(guarantee) if is_declared else f"error like n^-{rate}"
    wanted = rate if rate is not None else guarantee.rate if guarantee is not None else None
    kind, labels = "continuum", tuple(dict.fromkeys(row.element for row in rows))
    if not rows:
        return Promise(declared, None, "not measured: no tested element is in its group", kind)
    falls = judged(rows, vacuous)
    answers = [_kept(fall, wanted) for fall in falls]
    holds = False if False in answers else None if None in answers else True
    worst = next(fall for fall, answer in zip(falls, answers, strict=True) if answer is holds)
    measured = f"{worst}" + (f"; n^-{wanted:g} is promised" if wanted is not None else "")
    if holds is None:
        measured += "; not decided: give more or finer resolutions"
    return Promise(declared, holds, measured, kind, labels)


def _kept(fall: Fall, wanted: float | None) -> bool | None:
    if fall.finding == "exact":
        return True
    if fall.finding == "constant":
        return False
    if fall.finding == "stalls":
        return False if fall.law is not None and fall.law.last < _LEAST else None
    if fall.finding != "falls":
        return None
    if wanted is None:
        return True
    if fall.law is None:
        return True if (fall.at_least or 0.0) >= (1 - _SLACK) * wanted else None
    if fall.law.half > wanted / 2:
        return True if fall.law.rate - fall.law.half >= (1 - _SLACK) * wanted else None
    slack = _SLACK * wanted  # the last step is the nearest to the limit
    return max(fall.law.rate + max(fall.law.half, slack), fall.law.last + slack) >= wanted


def _rank(finding: str) -> int:
    return _FINDINGS.index(finding) if finding in _FINDINGS else len(_FINDINGS)


def _rate(fall: Fall) -> float:
    return math.inf if fall.law is None else fall.law.rate
