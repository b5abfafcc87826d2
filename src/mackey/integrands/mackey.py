"""Does ω send fields of type ρ to fields of type σ? The diagonal form for white boxes, the integrated one for
black; and Φ_ω itself on small arrays.

    diagonal     ω(hF, hg′) = σ(h) ω(F, g′)
    integrated   ∫ω(hF, g′)dg′ = σ(h) ∫ω(F, g′)dg′
    operator     Φ_ω(hf) = h Φ_ω(f)

Read pointwise with g′ unmoved, as printed in the paper's eq. (3), the condition fails for convolutions; the
diagonal form holds for every instance and implies the integrated one, which is all that is needed. The
operator also shows what no single target can: a torus of even size, a method that was overridden.
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.integrands.abstract import AbstractIntegrand
from mackey.integrands.black_box import BlackBox
from mackey.reps import AbstractRep
from mackey.spaces import Grid, GroupGrid, Point, Pose, Sequence, Set

_TOLERANCE = 1e-8  # float64, weights of order 1: five digits above rounding, far below any real violation
_REACH = (9, 8, 7, 5, 4, 3, 2, 1)  # samples along an axis, the first that ω accepts: sources up to |x| = 4
_ARRAYS = {1: (5, 4), 2: (5, 4), 3: (3, 2)}  # an odd and an even array for each dimension

Operator = Callable[[AbstractIntegrand, Tensor], Tensor]
Violation = tuple[float, str, str]  # how much, at which h, of what


def check_mackey(omega: AbstractIntegrand, literal: Operator | None = None) -> None:
    """Raise ValueError if the output would not be a field of type σ; says by how much and at which h.

    literal: computes Φ_ω from the definition, to check it as a whole; without it the pointwise forms only.
    """
    _check_types(omega)
    probe = copy.deepcopy(omega).double().eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in probe.parameters():  # amplified: at a small scale a broken ω looks right
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * 0.7)
        if isinstance(probe, BlackBox):
            _refuse(omega, _integrated(probe, generator))
            return
        _refuse(omega, _diagonal(probe, generator))
        if literal is not None:
            _refuse(omega, _operator(probe, literal, generator))


def _refuse(omega: AbstractIntegrand, found: list[Violation]) -> None:
    worst, label, part = max(found, default=(0.0, "", ""))
    if worst > _TOLERANCE:
        raise ValueError(
            sentence(
                f"{type(omega).__name__}: not equivariant",
                wanted=f"{part} for all h in {omega.value_type.rep.group}",
                got=f"a relative difference of {worst:.2g} at {label}",
                remedy="use maps in Hom_H for the values and H-invariant scores, or average ω over H",
            )
        )


def _check_types(omega: AbstractIntegrand) -> None:
    """What pre gives is what ω sees; what ω gives is what post takes, and what post gives is out_type."""
    given = omega.in_type if omega.pre is None else omega.pre.out_type
    taken = omega.out_type if omega.post is None else omega.post.in_type
    pairs = [("feature_type", omega.feature_type, given), ("value_type", omega.value_type, taken)]
    if omega.pre is not None:
        pairs.append(("in_type of pre", omega.pre.in_type, omega.in_type))
    if omega.post is not None:
        pairs.append(("out_type of post", omega.post.out_type, omega.out_type))
    for name, got, wanted in pairs:
        if got != wanted and _folded(got) != wanted:
            raise ValueError(
                sentence(
                    f"{type(omega).__name__} {name}",
                    wanted=str(wanted),
                    got=str(got),
                    remedy="match the types of pre, ω and post",
                )
            )


def _folded(field: FieldType) -> FieldType:
    """Samples of the group itself as regular fibres on the grid, the same values."""
    domain = field.domain
    if not isinstance(domain, GroupGrid):
        return field
    return FieldType(domain.grid, domain.folded, field.multiplicity)


def _turn(rep: AbstractRep, h: Any, values: Tensor) -> Tensor:
    """ρ(h) on the fibre, the last axis."""
    return values @ rep.at(h).mT


def _difference(omega: AbstractIntegrand, moved: Tensor, wanted: Tensor) -> float:
    if not bool(moved.isfinite().all()) or not bool(wanted.isfinite().all()):
        raise ValueError(
            sentence(
                type(omega).__name__,
                wanted="finite numbers wherever the support reaches",
                got="NaN or infinity for a finite field",
                remedy="mind the origin, where the displacement is zero",
            )
        )
    if not wanted.numel():
        return 0.0
    return float((moved - wanted).abs().max() / wanted.abs().max().clamp(min=1e-300))


def _accepted(omega: AbstractIntegrand, size: int) -> tuple[int, ...] | None:
    """An array of this many samples along each axis, if ω takes it."""
    domain = omega.in_type.domain
    axes = domain.dimension if isinstance(domain, Grid) else int(isinstance(domain, Set | Sequence))
    sizes = (domain.n if isinstance(domain, Set) else size,) * axes
    try:
        omega.output_sizes(sizes)
    except ValueError:
        return None
    return sizes


def _elements(omega: AbstractIntegrand) -> list[Any]:
    """The h for which the conditions hold to rounding: off the lattice those that keep the pixels."""
    domain = omega.in_type.domain
    if isinstance(domain, Grid):
        return [h for _, h in domain.exact_symmetry((4,) * domain.dimension)]
    if isinstance(domain, Point):
        return list(domain.exact_symmetry(()))
    return [domain.stabiliser.identity]  # the fibres of sets and sequences are scalars


def _diagonal(omega: AbstractIntegrand, generator: torch.Generator) -> list[Violation]:
    seen, value = omega.feature_type, omega.value_type
    H = seen.rep.group
    pose = _poses(omega)
    inside = omega.support.contains(pose)
    elements = list(seen.table.group.elements) if isinstance(seen.domain, GroupGrid) else _elements(omega)
    for h in elements:
        if not torch.equal(inside, omega.support.contains(_turned(omega, h, pose))):
            return [(float("inf"), f"h = {H.label(h)}", "a support S with hS = S")]
    pose = Pose(pose.displacement[inside], pose.element[inside])
    shape = (2, len(pose.element), seen.multiplicity, seen.rep.dim)
    here = torch.randn((2, 1, *shape[2:]), generator=generator, dtype=torch.float64)
    there = torch.randn(shape, generator=generator, dtype=torch.float64)
    score, message = omega.score(here, there, pose), omega.message(here, there, pose)
    omega.need_shape(message, there)
    order = torch.randperm(len(pose.element), generator=generator)
    shuffled = there[:, order], Pose(pose.displacement[order], pose.element[order])
    label, part = "sources in another order", "ω(F, g′) from F(e), F(g′) and g′ alone,"
    found = [(_difference(omega, omega.message(here, *shuffled), message[:, order]), label, part)]
    if score is not None and (other := omega.score(here, *shuffled)) is not None:
        found.append((_difference(omega, other, score[:, order]), label, part))
    for h in elements:
        label = f"h = {H.label(h)}"
        arguments = _turn(seen.rep, h, here), _turn(seen.rep, h, there), _turned(omega, h, pose)
        if score is not None and (other := omega.score(*arguments)) is not None:
            found.append((_difference(omega, other, score), label, "score(hF, hg′) = score(F, g′)"))
        wanted = _turn(value.rep, h, message)
        error = _difference(omega, omega.message(*arguments), wanted)
        found.append((error, label, "ω(hF, hg′) = σ(h) ω(F, g′)"))
        if (offset := omega.offset()) is not None:
            error = _difference(omega, _turn(value.rep, h, offset), offset)
            found.append((error, label, "σ(h) offset = offset"))
    return found


def _poses(omega: AbstractIntegrand) -> Pose:
    """All sources of the largest array that ω accepts, seen from one target near its middle."""
    domain = omega.feature_type.domain
    sizes = next(sizes for size in _REACH if (sizes := _accepted(omega, size)) is not None)
    pose = domain.poses(sizes, sizes, 1, torch.device("cpu"))
    middle = len(pose.element) // 2
    return Pose(pose.displacement[middle].double(), pose.element[middle])


def _turned(omega: AbstractIntegrand, h: int, pose: Pose) -> Pose:
    """hg′, the sources as h moves them."""
    domain = omega.feature_type.domain
    if not isinstance(domain, Grid):
        return pose
    return Pose(pose.displacement @ torch.as_tensor(domain.stabiliser.matrices[h]).T, pose.element)


def _operator(omega: AbstractIntegrand, literal: Operator, generator: torch.Generator) -> list[Violation]:
    """|Φ_ω(hf) − h Φ_ω(f)| on an odd and an even array, all h in one call; on a set, any permutation."""
    domain = omega.in_type.domain
    found: list[Violation] = []
    arrays = _ARRAYS[domain.dimension if isinstance(domain, Grid) else 1]
    for sizes in dict.fromkeys(_accepted(omega, size) for size in arrays):
        if sizes is None or isinstance(domain, Sequence):
            continue
        f = torch.randn(omega.in_type.shape(1, sizes), generator=generator, dtype=torch.float64)
        elements = domain.exact_symmetry(sizes)
        if isinstance(domain, Set):
            elements = [tuple(torch.randperm(domain.n, generator=generator).tolist())]
        moved = [omega.in_type.transform(f, element) for element in elements]
        plain, *images = literal(omega, torch.cat([f, *moved])).split(1)
        for element, image in zip(elements, images, strict=True):
            error = _difference(omega, image, omega.out_type.transform(plain, element))
            label = f"{domain.group.label(element)} on {'×'.join(map(str, sizes)) or 'a point'}"
            found.append((error, label, "Φ(hf) = h Φ(f)"))
    return found


def _integrated(omega: BlackBox, generator: torch.Generator) -> list[Violation]:
    domain = omega.in_type.domain
    assert isinstance(domain, Grid)
    sizes = (5,) * domain.dimension
    field = torch.randn((2, omega.in_type.channels, *sizes), generator=generator, dtype=torch.float64)
    plain = omega.function(field)
    if plain.shape != (2, omega.out_type.channels):
        raise ValueError(
            sentence(
                "BlackBox",
                wanted=f"λ(F) of shape (b, {omega.out_type.channels})",
                got=str(tuple(plain.shape)),
                remedy="return the value at the origin only",
            )
        )
    fibre = plain.unflatten(1, (omega.out_type.multiplicity, -1))
    found: list[Violation] = []
    for motion in domain.exact_symmetry(sizes):
        moved = omega.function(omega.in_type.transform(field, motion)).view_as(fibre)
        error = _difference(omega, moved, _turn(omega.out_type.rep, motion[1], fibre))
        label = f"h = {domain.stabiliser.label(motion[1])}"
        found.append((error, label, "∫ω(hF, g′)dg′ = σ(h)∫ω(F, g′)dg′"))
    return found
