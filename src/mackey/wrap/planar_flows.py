"""One-parameter groups of the plane, and the coordinates in which they are shifts."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mackey.axes import Float
from mackey.errors import sentence
from mackey.groups.logarithms import matrix_exp

Row = tuple[float, float, float]
Matrix = tuple[Row, Row, Row]

_SAME = 1e-9
ONE: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True)
class PlanarFlow:
    """T_θ = exp(θA) on points [x : y : w] of the projective plane, with canonical coordinates (s, t).

    (s, t) → exp(sA) R exp(tB) p₀: t → exp(tB) p₀ is a curve that meets each orbit once, so T_θ is s → s + θ,
    for every A. R: `sheets`, matrices that commute with A, where the orbits come in several pieces. both: A
    and B commute, and t shifts under exp(θB) as s does under exp(θA). The image is the square |x|, |y| ≤ 1, x
    to the right, y up; s and t are sampled at the centres of equal cells of `span` and `section_span`.
    Source: Tai, Bailis & Valiant, ICML 2019, sect. 3.2; there each group has coordinates of its own.
    """

    name: str
    generator: Matrix
    section: Matrix
    base: Row
    span: tuple[float, float]
    section_span: tuple[float, float]
    circular: bool = False
    section_circular: bool = False
    sheets: tuple[Matrix, ...] = (ONE,)
    both: bool = False

    def check(self) -> None:
        """Raise ValueError unless these are coordinates of the flow."""
        A, B = _tensor(self.generator), _tensor(self.section)
        for sheet in map(_tensor, self.sheets):
            if _apart(A @ sheet, sheet @ A):
                raise self._refusal("sheets that commute with the generator", str(sheet.tolist()), "move p₀")
        if self.both and (_apart(A @ B, B @ A) or len(self.sheets) > 1):
            got, remedy = "others", "take the flows one after the other, as a tuple"
            raise self._refusal("generators that commute, and one sheet", got, remedy)
        closed = [(self.circular, A, self.span), (self.section_circular, B, self.section_span)]
        for circular, generator, (least, most) in closed:
            if circular and not _fixes_points(matrix_exp((most - least) * generator)):
                got = f"{least} to {most}"
                raise self._refusal("a circular span of one period", got, "give the whole period")
        if self._slant() < _SAME:
            got, remedy = "one along it", "choose another B or p₀"
            raise self._refusal("a curve exp(tB)p₀ across the flow", got, remedy)

    def _slant(self) -> float:
        """|det(p, Ap, ∂p/∂t)| at a point of the curve inside the span."""
        A, B, p = _tensor(self.generator), _tensor(self.section), torch.tensor(self.base, dtype=torch.float64)
        least, most = self.section_span
        point = matrix_exp((least + 0.37 * (most - least)) * B) @ p
        return float(torch.linalg.det(torch.stack([point, A @ point, B @ point])).abs())

    def _refusal(self, wanted: str, got: str, remedy: str) -> ValueError:
        return ValueError(sentence(f"PlanarFlow {self.name}", wanted=wanted, got=got, remedy=remedy))

    @property
    def generators(self) -> tuple[Matrix, ...]:
        """Of the coordinates that are poses."""
        return (self.generator, self.section) if self.both else (self.generator,)

    def points(self, s: Float[Tensor, " n"], t: Float[Tensor, " m"]) -> Float[Tensor, "rows n 3"]:
        """[x : y : w] at (s, t), a row for each t of each sheet, float64 on the CPU."""
        along = matrix_exp(s.double()[:, None, None] * _tensor(self.generator))
        across = matrix_exp(t.double()[:, None, None] * _tensor(self.section))
        start = across @ torch.tensor(self.base, dtype=torch.float64, device="cpu")
        rows = torch.cat([start @ _tensor(sheet).mT for sheet in self.sheets])
        return torch.einsum("sij,tj->tsi", along, rows)


def centres(span: tuple[float, float], count: int) -> Float[Tensor, " n"]:
    """The centres of equal cells, float64."""
    least, most = span
    cells = torch.arange(count, dtype=torch.float64, device="cpu") + 0.5
    return least + (most - least) / count * cells


def _tensor(matrix: Matrix) -> Tensor:
    return torch.tensor(matrix, dtype=torch.float64, device="cpu")


def _apart(a: Tensor, b: Tensor) -> bool:
    return float((a - b).abs().max()) > _SAME


def _fixes_points(g: Tensor) -> bool:
    """Whether g is a multiple of 1."""
    return not _apart(g, g[0, 0] * torch.eye(3, dtype=g.dtype))


def _unit(row: int, column: int) -> Matrix:
    """One entry of 1."""
    first, second, third = (tuple(float((i, j) == (row, column)) for j in range(3)) for i in range(3))
    return first, second, third  # type: ignore[return-value]


def _diagonal(x: float, y: float) -> Matrix:
    return (x, 0.0, 0.0), (0.0, y, 0.0), (0.0, 0.0, 1.0)


def _stretch(x: float, y: float) -> Matrix:
    return (x, 0.0, 0.0), (0.0, y, 0.0), (0.0, 0.0, 0.0)


_RIGHT, _UP = _unit(0, 2), _unit(1, 2)
_TURN: Matrix = ((0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 0.0))
_GROW = _stretch(1.0, 1.0)
_CENTRE, _EAST = (0.0, 0.0, 1.0), (1.0, 0.0, 1.0)
_ROUND, _SIDE, _CORNER = (-math.pi, math.pi), (-1.0, 1.0), math.log(2) / 2
_INNER = -math.log(10)  # log r of the innermost circle
_WIDE = (-0.99 * math.pi / 2, 0.99 * math.pi / 2)
# w/x runs from 1 to 7 on the right of the image, from −7 to −1 on the left: 8 less.
_LEFT: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (-8.0, 0.0, 1.0))
_BELOW: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, -8.0, 1.0))

FLOWS: dict[str, PlanarFlow] = {
    flow.name: flow
    for flow in (
        PlanarFlow("translation", _RIGHT, _UP, _CENTRE, _SIDE, _SIDE, both=True),
        PlanarFlow("rotation", _TURN, _RIGHT, _CENTRE, _ROUND, (0.0, math.sqrt(2)), circular=True),
        PlanarFlow("scale", _GROW, _TURN, _EAST, (_INNER, _CORNER), _ROUND, section_circular=True),
        PlanarFlow(
            "rotation-scale", _TURN, _GROW, _EAST, _ROUND, (_INNER, _CORNER), circular=True, both=True
        ),
        PlanarFlow("shear-x", _unit(0, 1), _UP, _CENTRE, (-5.0, 5.0), _SIDE),
        PlanarFlow("shear-y", _unit(1, 0), _RIGHT, _CENTRE, (-5.0, 5.0), _SIDE),
        PlanarFlow(
            "scale-x",
            _stretch(1.0, 0.0),
            _UP,
            _EAST,
            (_INNER, 0.0),
            _SIDE,
            sheets=(ONE, _diagonal(-1.0, 1.0)),
        ),
        PlanarFlow(
            "scale-y",
            _stretch(0.0, 1.0),
            _RIGHT,
            (0.0, 1.0, 1.0),
            (_INNER, 0.0),
            _SIDE,
            sheets=(ONE, _diagonal(1.0, -1.0)),
        ),
        PlanarFlow(
            "hyperbolic",
            _stretch(1.0, -1.0),
            ((0.0, 0.0, 1.0), (0.0, 0.0, 1.0), (0.0, 0.0, 0.0)),
            _CENTRE,
            (-math.log(6), math.log(6)),
            (-math.sqrt(0.5), math.sqrt(0.5)),
            sheets=(ONE, _diagonal(1.0, -1.0)),
        ),
        PlanarFlow(
            "perspective-x", _unit(2, 0), _TURN, (1.0, 0.0, 0.0), (1.0, 7.0), _WIDE, sheets=(ONE, _LEFT)
        ),
        PlanarFlow(
            "perspective-y", _unit(2, 1), _TURN, (0.0, 1.0, 0.0), (1.0, 7.0), _WIDE, sheets=(ONE, _BELOW)
        ),
    )
}


def planar_flow(group: str | PlanarFlow) -> PlanarFlow:
    """The flow of a name, or yours, checked. Raises ValueError with the names for any other."""
    if isinstance(group, PlanarFlow):
        group.check()
        return group
    if group not in FLOWS:
        wanted = f"one of {', '.join(FLOWS)}, or a PlanarFlow"
        remedy = "write your own with its generator"
        raise ValueError(sentence("planar_flow", wanted=wanted, got=repr(group), remedy=remedy))
    return FLOWS[group]
