"""What a network does along a path in the group: errors against the parameter, and a picture of each step."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Curve:
    """The error of one output at every step, in float64; None where g does not act on it, or the two cannot
    be compared.
    """

    output: str
    errors: tuple[float | None, ...]


@dataclass(frozen=True)
class Panel:
    """One small picture at every step, of the first sample of the batch.

    role: input | layer | output | wanted. kind: image | points | arrows | bars. shape: of one step, (h, w),
    (n, 3) or (n,). pixels: base64 of bytes, step after step, 0 and 255 standing for low and high.
    """

    name: str
    role: str
    kind: str
    shape: tuple[int, ...]
    low: float
    high: float
    pixels: str


@dataclass(frozen=True)
class Orbit:
    """parameter: angle (degrees) | rapidity | parameter | element. counted: whether the step is an element
    of the audited group that is exact on the samples.
    """

    parameter: str
    labels: tuple[str, ...]
    values: tuple[float, ...]
    counted: tuple[bool, ...]
    curves: tuple[Curve, ...]
    panels: tuple[Panel, ...]
