"""Elements of a Lie group of matrices, a few of every kind that it has: turns, boosts, mirrors, products."""

import math

import numpy as np
import torch
from torch import Tensor

from mackey.actions import Motion
from mackey.audit.element import Element
from mackey.groups import AbstractMatrixGroup, IndefiniteOrthogonal

_SAME = 1e-9
_FAST = 3.0  # rapidity of a large boost: γ = 10


def linear_elements(group: AbstractMatrixGroup, generator: torch.Generator) -> list[Element]:
    """exp of antisymmetric directions (rotations), of symmetric ones (boosts, scalings), generators
    (reflections), and a sample of the whole group times one of them.
    """
    algebra = np.asarray(group.lie_algebra)
    turning = [k for k, a in enumerate(algebra) if np.abs(a + a.T).max() < _SAME]
    stretching = [k for k, a in enumerate(algebra) if np.abs(a - a.T).max() < _SAME]
    rest = [k for k in range(len(algebra)) if k not in turning and k not in stretching]
    stretch = "boost" if isinstance(group, IndefiniteOrthogonal) else "scaling"
    found = []
    for kind, directions, lengths in (
        ("rotation", turning, (_angle(generator), _angle(generator))),
        (stretch, stretching, (1.0, _FAST) if stretch == "boost" else (0.5,)),
        ("linear map", rest, (0.5,)),
    ):
        for length in lengths if directions else ():
            matrix = group.exp(_along(directions, len(algebra), length, generator))
            found.append(Element(_label(kind, matrix, length), kind, Motion(matrix)))
    mirrors = list(group.generators)[:2]
    for g in mirrors:
        matrix = torch.as_tensor(g, dtype=torch.float64)
        found.append(Element(_label(aspect_of(matrix), matrix, 0.0), aspect_of(matrix), Motion(matrix)))
    if mirrors or (turning and (stretching or rest)):
        drawn = group.sample(1, generator)[0]
        if mirrors:
            drawn = group.compose(drawn, torch.as_tensor(mirrors[-1], dtype=torch.float64))
        found.append(Element("product of these", "product", Motion(drawn)))
    return found


def _angle(generator: torch.Generator) -> float:
    """Between 0.3 and π, so that no element is nearly e."""
    return 0.3 + (math.pi - 0.3) * float(torch.rand(1, generator=generator, dtype=torch.float64))


def _along(directions: list[int], count: int, length: float, generator: torch.Generator) -> Tensor:
    """Coordinates of this length in a random direction."""
    drawn = torch.randn(len(directions), generator=generator, dtype=torch.float64)
    coordinates = torch.zeros(count, dtype=torch.float64)
    coordinates[directions] = length * drawn / drawn.norm()
    return coordinates


def aspect_of(matrix: Tensor) -> str:
    """rotation or reflection for an orthogonal matrix, else linear map."""
    one = torch.eye(len(matrix), dtype=matrix.dtype)
    if float((matrix.mT @ matrix - one).abs().max()) > 1e-6:
        return "linear map"
    return "rotation" if float(torch.linalg.det(matrix)) > 0 else "reflection"


def _label(kind: str, matrix: Tensor, length: float) -> str:
    if kind == "rotation" and len(matrix) <= 3:
        return f"rotation {math.degrees(length):.0f}°"
    if kind == "boost":
        return f"boost of rapidity {length:g}"
    if kind == "reflection" and float((matrix + torch.eye(len(matrix)).to(matrix)).abs().max()) < _SAME:
        return "inversion"
    return kind
