"""What the means of a random module say: bias, its limit, and how the error of the mean falls."""

import math
from dataclasses import dataclass

SURE = 0.999  # of the limits; a mean that is right is called biased once in 1000 audits
RESOLVED = 0.25  # a bias of that part of what another input changes must have been excluded
_FALL = -0.5  # the error of a mean of k samples falls like k^-1/2
_SLACK = 0.1  # a slope within that of -1/2 is not held against a module


@dataclass(frozen=True)
class Bias:
    """One element and output, relative to how far the mean moves when another input is given.

    bias: |mean f(gx) − mean g f(x)|. noise: what chance alone leaves of it, root mean square. limit: the true
    bias is below that, with 99.9 % confidence for all rows together. is_biased: chance leaves as much once in
    1000 audits. slope: of log bias over log k for means of k samples, with half its 99.9 % interval; None
    where there are fewer than 64 samples, or most differences are zero. bias_in_noise: bias / noise.
    is_skewed: it would be called biased, but the noise is too lopsided for so few samples.
    """

    element: str
    output: str
    bias: float
    noise: float
    limit: float
    is_biased: bool
    slope: float | None
    slope_half: float
    bias_in_noise: float
    is_skewed: bool = False

    @property
    def is_resolved(self) -> bool:
        """Whether a bias of RESOLVED or more is excluded."""
        return self.limit <= RESOLVED and not self.is_skewed

    @property
    def settles(self) -> bool:
        """Whether the error of the mean falls like 1/√k, as far as was measured."""
        return self.slope is None or self.slope <= _FALL + max(self.slope_half, _SLACK)


@dataclass(frozen=True)
class Expectation:
    """samples: calls on x, on another input, and on each gx. scale: what errors are relative to."""

    samples: int
    passes: int
    rows: tuple[Bias, ...]
    scale: str

    @property
    def finding(self) -> str:
        """biased | in expectation | random: not decided."""
        if any(row.is_biased for row in self.rows):
            return "biased"
        decided = all(row.is_resolved and row.settles for row in self.rows)
        return "in expectation" if decided else "random"

    @property
    def worst(self) -> Bias:
        """The most biased row, or the one that is known least."""
        return max(self.rows, key=lambda row: (row.is_biased, row.limit))

    @property
    def needed(self) -> int:
        """About so many samples would exclude a bias of RESOLVED."""
        times = 1.2 * min(self.worst.limit / RESOLVED, 1e3)
        return 2 ** int(self.samples * times * times).bit_length()

    def __str__(self) -> str:
        row, over = self.worst, f"over {self.samples} samples"
        if self.finding == "biased":
            part = "" if math.isinf(row.bias) else f", by {row.bias:.2g} of what {self.scale}"
            return (
                f"the mean {over} is biased under {row.element}{part}, {row.bias_in_noise:.1f} times what "
                "chance leaves (a right mean is called biased once in 1000 audits)"
            )
        slow = [r for r in self.rows if not r.settles]
        if slow:
            return (
                f"the error of the mean of k samples falls like k^{slow[0].slope:.2f} ± "
                f"{slow[0].slope_half:.2f}, not k^-0.5: calls depend on each other, or rare ones are large"
            )
        lopsided = next((r for r in self.rows if r.is_skewed), None)
        if lopsided is not None:
            return (
                f"{over} the mean is off under {lopsided.element}, but the noise is too lopsided "
                f"to tell that from chance; give samples={4 * self.samples}"
            )
        if math.isinf(row.limit):
            return (
                f"the means {over} of {row.output} for two inputs cannot be told apart; give "
                f"samples={4 * self.samples}, or find out whether it depends on the input"
            )
        limit = f"no bias seen {over}, at most {row.limit:.2g} of what {self.scale} (99.9 % sure)"
        if self.finding == "random":
            return f"{limit}; give samples={self.needed}"
        slopes = [r for r in self.rows if r.slope is not None]
        slope = max(slopes, key=lambda r: r.slope or 0.0) if slopes else None
        fall = (
            f"; the error of its mean falls like k^{slope.slope:.2f} ± {slope.slope_half:.2f}"
            if slope
            else ""
        )
        return limit + fall
