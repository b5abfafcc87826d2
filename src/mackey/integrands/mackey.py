"""Does ω send fields of type ρ to fields of type σ? The diagonal form for white boxes, the integrated one for
black.

    diagonal     ω(hF, hg′) = σ(h) ω(F, g′)
    integrated   ∫ω(hF, g′)dg′ = σ(h) ∫ω(F, g′)dg′

Read pointwise with g′ unmoved, as printed in the paper's eq. (3), the condition fails for convolutions; the
diagonal form holds for every instance and implies the integrated one, which is all that is needed.
"""

import copy

import torch
from torch import Tensor

from mackey.errors import sentence
from mackey.integrands.abstract import AbstractIntegrand
from mackey.integrands.black_box import BlackBox
from mackey.reps import Rep
from mackey.spaces import Grid, Pose

_TOLERANCE = 1e-8  # float64, weights of order 1: five digits above rounding, far below any real violation


def check_mackey(omega: AbstractIntegrand) -> None:
    """Raise ValueError if the output would not be a field of type σ; says by how much and at which h."""
    probe = copy.deepcopy(omega).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in probe.parameters():  # amplified: at a small scale a broken ω looks right
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * 0.7)
        worst, h, part = (
            _integrated(probe, generator) if isinstance(probe, BlackBox) else _diagonal(probe, generator)
        )
    if worst > _TOLERANCE:
        H = omega.value_type.rep.group
        raise ValueError(
            sentence(
                f"{type(omega).__name__}: not equivariant",
                wanted=f"{part} for all h in {H}",
                got=f"a relative difference of {worst:.2g} at h = {H.label(h)}",
                remedy="use maps in Hom_H for the values and H-invariant scores, or average ω over H",
            )
        )


def _turn(rep: Rep, h: int, values: Tensor) -> Tensor:
    """ρ(h) on the fibre, the last axis."""
    return values @ torch.as_tensor(rep.matrices[h]).T


def _difference(moved: Tensor, wanted: Tensor) -> float:
    return (
        float((moved - wanted).abs().max() / wanted.abs().max().clamp(min=1e-300)) if wanted.numel() else 0.0
    )


def _diagonal(omega: AbstractIntegrand, generator: torch.Generator) -> tuple[float, int, str]:
    seen, value = omega.feature_type, omega.value_type
    pose = _poses(omega)
    shape = (2, len(pose.element), seen.multiplicity, seen.rep.dim)
    here = torch.randn((2, 1, *shape[2:]), generator=generator, dtype=torch.float64)
    there = torch.randn(shape, generator=generator, dtype=torch.float64)
    found = [(0.0, 0, "")]
    for h in seen.rep.group.elements:
        turned = Pose(_move(omega, h, pose.displacement), pose.element)
        inside = omega.support.contains(pose)
        if not torch.equal(inside, omega.support.contains(turned)):
            return float("inf"), h, "a support S with hS = S"
        arguments = _turn(seen.rep, h, here), _turn(seen.rep, h, there), turned
        score, moved_score = omega.score(here, there, pose), omega.score(*arguments)
        if score is not None and moved_score is not None:
            found.append((_difference(moved_score, score), h, "score(hF, hg′) = score(F, g′)"))
        wanted = _turn(value.rep, h, omega.message(here, there, pose))
        found.append((_difference(omega.message(*arguments), wanted), h, "ω(hF, hg′) = σ(h) ω(F, g′)"))
    return max(found)


def _poses(omega: AbstractIntegrand) -> Pose:
    domain = omega.feature_type.domain
    sizes = (5,) * (domain.tensor_rank - 2)
    count = 5 ** len(sizes)
    pose = domain.poses(sizes, sizes, 1, torch.device("cpu"))
    middle = (len(pose.element) // count) * (count // 2)
    return Pose(pose.displacement[middle], pose.element[middle])


def _move(omega: AbstractIntegrand, h: int, displacement: Tensor) -> Tensor:
    domain = omega.feature_type.domain
    if not isinstance(domain, Grid):
        return displacement
    return displacement @ torch.as_tensor(domain.stabiliser.matrices[h]).T


def _integrated(omega: BlackBox, generator: torch.Generator) -> tuple[float, int, str]:
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
    found = [(0.0, 0, "")]
    for motion in domain.exact_symmetry(sizes):
        h = motion[1]
        moved = omega.function(omega.in_type.transform(field, motion)).view_as(fibre)
        found.append(
            (_difference(moved, _turn(omega.out_type.rep, h, fibre)), h, "∫ω(hF, g′)dg′ = σ(h)∫ω(F, g′)dg′")
        )
    return max(found)
