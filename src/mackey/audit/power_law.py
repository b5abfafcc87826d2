"""How a positive quantity falls with n: a straight line in log-log, with its standard error."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# 97.5 % points of Student's t with 1, 2, … degrees of freedom (Fisher and Yates 1938, table III)
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


@dataclass(frozen=True)
class PowerLaw:
    """e = c·n^-rate. error: the standard error of the rate by the scatter about the line. half: half of its
    95 % interval. last: the rate of the last step alone.
    """

    rate: float
    error: float
    half: float
    last: float

    @classmethod
    def fit(cls, sizes: Sequence[int], values: Sequence[float]) -> "PowerLaw":
        """By least squares through at least three points of positive values."""
        x, y = [math.log(n) for n in sizes], [math.log(v) for v in values]
        count = len(x)
        mean_x, mean_y = sum(x) / count, sum(y) / count
        spread = sum((a - mean_x) ** 2 for a in x)
        slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread
        left = sum((b - mean_y - slope * (a - mean_x)) ** 2 for a, b in zip(x, y, strict=True))
        error = math.sqrt(left / (count - 2) / spread)
        half = error * _STUDENT[min(count - 2, len(_STUDENT)) - 1]
        return cls(-slope, error, half, (y[-2] - y[-1]) / (x[-1] - x[-2]))

    def __str__(self) -> str:
        return f"n^{-self.rate:.2f} ± {self.half:.2f}"
