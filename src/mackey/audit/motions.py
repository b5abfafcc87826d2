"""Motions of space to test: of a finite point group, on samples or not, and translations."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mackey.actions import AbstractTensorType, Motion, Vectors, linear_part
from mackey.audit.element import Element
from mackey.audit.linear_maps import aspect_of, linear_elements
from mackey.errors import sentence
from mackey.groups import (
    AbstractGroup,
    AbstractMatrixGroup,
    FiniteGroup,
    LatticeGroup,
    SemidirectProduct,
    dihedral,
    mirror,
    octahedral,
)

ALIASED = 3  # elements off the grid
FAR = 1000.0  # a large translation, in sizes of the input


@dataclass
class Motions:
    """exact: what permutes the samples (all, where there are none). part: "3 of 7 elements" where the rest
    could not be tested.
    """

    exact: list[Element] = field(default_factory=list)
    aliased: list[Element] = field(default_factory=list)
    part: str | None = None
    notes: list[str] = field(default_factory=list)


def motions_of(
    group: AbstractGroup[Any],
    types: Sequence[AbstractTensorType],
    tensors: Sequence[Tensor],
    generator: torch.Generator,
    most: int,
) -> Motions:
    """Elements that can be tested on these inputs, exact and aliased; `most` of a finite group, translations
    among them.
    """
    pairs = [(t, x) for t, x in zip(types, tensors, strict=True) if t.moves]
    linear = linear_part(group)
    sampled = [(t, x) for t, x in pairs if t.is_sampled]
    shifts = _shifts(group, pairs, generator)
    most -= len(shifts) + 1 if shifts else 0
    if isinstance(linear, FiniteGroup):
        found = _of_finite(group, linear, pairs, generator, most)
    elif sampled:
        found = _of_samples(linear, sampled, generator, most)
    else:
        assert isinstance(linear, AbstractMatrixGroup)
        found = Motions(linear_elements(linear, generator))
    if shifts and found.exact:
        last = found.exact[-1]
        both = Motion(last.motion.linear, shifts[0].motion.translation)
        shifts.append(Element(f"{last.label} and translation", "product", both))
    found.exact += shifts
    if not shifts and sampled and isinstance(group, LatticeGroup | SemidirectProduct):
        found.notes.append("translations were not tested: zero padding breaks them at the border")
    if not found.exact:
        raise _nothing(group, linear, sampled)
    return found


def _nothing(
    group: AbstractGroup[Any], linear: AbstractGroup[Any] | None, sampled: Sequence[Any]
) -> ValueError:
    if isinstance(linear, FiniteGroup) and linear.order == 1:
        return ValueError(
            sentence(
                "audit",
                wanted="a group with turns or mirrors",
                got=f"{group}, which has translations only",
                remedy="zero padding breaks those at the border; audit under p4, pm or p4m, or declare "
                '"periodic_image" or "positions"',
            )
        )
    sizes = "×".join(map(str, sampled[0][1].shape[2:])) if sampled else "that of the input"
    return ValueError(
        sentence(
            "audit",
            wanted=f"an input whose samples some element of {group} permutes",
            got=f"size {sizes}",
            remedy="give a square input",
        )
    )


def _all_exact(pairs: Sequence[tuple[AbstractTensorType, Tensor]], motion: Motion) -> bool:
    return all(t.exact(x, motion) for t, x in pairs)


def _of_finite(
    group: AbstractGroup[Any],
    point: FiniteGroup,
    pairs: Sequence[tuple[AbstractTensorType, Tensor]],
    generator: torch.Generator,
    most: int,
) -> Motions:
    """The elements of the point group, apart those that do not permute the samples."""
    elements = [_element(point.label(h), point.matrices[h]) for h in point.elements if h != 0]
    exact = [e for e in elements if _all_exact(pairs, e.motion)]
    aliased = [e for e in elements if e not in exact]
    found = Motions(exact, aliased[:ALIASED])
    if aliased:
        found.part = f"{len(exact)} of {point.order - 1} elements"
        sizes = next("×".join(map(str, x.shape[2:])) for t, x in pairs if t.is_sampled)
        found.notes.append(f"{len(aliased)} elements of {group} do not permute the {sizes} samples")
    most -= len(found.aliased)
    if len(exact) > most:  # the generators decide; the rest is drawn
        names = [point.label(h) for h in point.generators]
        first = [e for e in exact if e.label in names]
        rest = [e for e in exact if e not in first]
        drawn = torch.randperm(len(rest), generator=generator).tolist()[: max(0, most - len(first))]
        found.exact = [e for e in exact if e in first or e in [rest[i] for i in drawn]]
        count = f"{len(found.exact)} of {len(exact)}"
        found.notes.append(f"{count} elements were drawn, the generators among them")
    return found


def _of_samples(
    linear: AbstractGroup[Any] | None,
    sampled: Sequence[tuple[AbstractTensorType, Tensor]],
    generator: torch.Generator,
    most: int,
) -> Motions:
    """Of a Lie group on pixels: the symmetries of the square or cube that it has, and some elements off the
    grid.
    """
    assert isinstance(linear, AbstractMatrixGroup)
    dimension = sampled[0][0].dimension(sampled[0][1])
    if linear.size != dimension:
        wanted = f"a group that moves R^{dimension}, as the samples do"
        remedy = "audit under a group of that space"
        raise ValueError(sentence("audit", wanted=wanted, got=str(linear), remedy=remedy))
    known = mirror() if dimension == 1 else dihedral(4) if dimension == 2 else octahedral(True)
    inside = [h for h in known.elements if h and float(linear.violation(_tensor(known.matrices[h]))) < 1e-6]
    square = [_element(known.label(h), known.matrices[h]) for h in inside]
    exact = [e for e in square if _all_exact(sampled, e.motion)]
    chosen = torch.randperm(len(exact), generator=generator).tolist()[: most - ALIASED]
    found = Motions([exact[i] for i in sorted(chosen)], linear_elements(linear, generator)[:ALIASED])
    found.part = f"{len(found.exact)} elements"
    found.notes.append(f"other elements of {linear} do not permute the samples")
    return found


def _shifts(
    group: AbstractGroup[Any], pairs: Sequence[tuple[AbstractTensorType, Tensor]], generator: torch.Generator
) -> list[Element]:
    """A translation of the size of the input and a large one; of a periodic image, the rolls by one sample,
    which generate all: a single random roll may be by the stride of a layer.
    """
    if not isinstance(group, LatticeGroup | SemidirectProduct):
        return []
    points = [x for t, x in pairs if isinstance(t, Vectors) and t.shifts]
    tori = [x for t, x in pairs if t.rolls]
    if not points and not tori:
        return []
    d = group.dimension
    one = torch.eye(d, dtype=torch.float64)
    if tori:
        return [Element(f"roll along {'xyz'[k]}", "translation", Motion(one, one[k])) for k in range(d)]
    direction = torch.randn(d, generator=generator, dtype=torch.float64)
    direction = direction / direction.norm()
    size = max(float(x.abs().max()) for x in points) or 1.0
    found = []
    for label, aspect, length in (
        ("translation", "translation", size),
        ("large translation", "large translation", FAR * size),
    ):
        shift = length * direction
        shift = shift.round() if isinstance(group, LatticeGroup) else shift
        found.append(Element(label, aspect, Motion(one, shift)))
    return found


def _element(label: str, matrix: np.ndarray) -> Element:
    return Element(label, aspect_of(_tensor(matrix)), Motion(_tensor(matrix)))


def _tensor(matrix: np.ndarray) -> Tensor:
    return torch.as_tensor(matrix, dtype=torch.float64, device="cpu")
