"""Outputs that another type than the declared one explains: a pseudovector, twice the angle, the inverse."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mackey.actions import AbstractTensorType, Invariant, Matrices, Motion, Scalars, Vectors
from mackey.audit.element import Element
from mackey.audit.experiment import Experiment, relative_error

_WRONG = 1e-10
_EXPLAINED = 1e-8  # and a hundred times better than as declared


class Retyped(NamedTuple):
    """The error of an output as declared; the output; and its type instead, None if no other explains it."""

    error: float
    name: str
    value: Tensor
    instead: str | None


def other_type(experiment: Experiment, element: Element, tested: Sequence[Element]) -> Retyped | None:
    """The first output that is not of its declared type under `element`; None if all are. What it is instead
    must hold for all tested elements: under an inversion alone, a vector is a pseudoscalar.
    """
    plain = experiment.outputs(experiment.doubles)
    turned = experiment.outputs(experiment.moved(element)).exact
    for name, own in experiment.out_types(plain).items():
        before, after = plain.exact[name], turned[name]
        error = relative_error(own.act(before, element.motion), after)
        if error > _WRONG:
            least = min(_EXPLAINED, error / 100)
            fitting = _fitting(own, before, after, element.motion, least)
            for other in tested:
                if not fitting:
                    break
                moved = experiment.outputs(experiment.moved(other)).exact[name]
                also = _fitting(own, before, moved, other.motion, least)
                fitting = [candidate for candidate in fitting if candidate in also]
            return Retyped(error, name, before, next(iter(fitting), None))
    return None


def _fitting(
    declared: AbstractTensorType, before: Tensor, after: Tensor, motion: Motion, least: float
) -> list[str]:
    return [
        candidate
        for candidate, moved in _alternatives(declared, before, motion)
        if moved.shape == after.shape and relative_error(moved, after) <= least
    ]


def _alternatives(declared: AbstractTensorType, y: Tensor, motion: Motion) -> Iterator[tuple[str, Tensor]]:
    axis = next(iter(declared.axes(y).values()), None)
    yield '"invariant"', Invariant().act(y, motion)
    if axis is not None:
        yield '"tokens"', Scalars(axis).act(y, motion)
    if not y.ndim:
        return
    linear = motion.linear  # nothing where points are only permuted, and a type must hold there too
    if linear is None:
        linear = torch.eye(y.shape[-1], dtype=torch.float64, device=y.device)
        motion = Motion(linear, motion.translation, motion.permutations)
    yield '"pseudoscalars"', Scalars(axis, handed=True).act(y, motion)
    d = linear.shape[-1]
    if y.shape[-1] == d:
        yield '"vectors"', Vectors(axis).act(y, motion)
        yield '"positions"', Vectors(axis, shifts=True).act(y, motion)
        yield '"pseudovectors"', Vectors(axis, handed=True).act(y, motion)
        turned = Motion(linear.mT, None, motion.permutations)
        yield "vectors turned backwards (Rᵀ in place of R)", Vectors(axis).act(y, turned)
        if y.ndim > 1 and y.shape[-2] == d:
            yield '"matrices"', Matrices(axis).act(y, motion)
    if d == 2 and y.shape[-1] == 2:
        for k in (2, 3, 4):
            power = Motion(_times(linear, k), None, motion.permutations)
            yield f"a vector of frequency {k}, (cos {k}θ, sin {k}θ)", Vectors(axis).act(y, power)


def _times(linear: Tensor, k: int) -> Tensor:
    """The irrep of frequency k of O(2) at this element: R(kθ), and R(kθ)·mirror for a reflection."""
    handed = torch.linalg.det(linear) < 0
    mirror = torch.diag(torch.tensor([1.0, -1.0], dtype=linear.dtype))
    turn = linear @ mirror if handed else linear
    power = torch.linalg.matrix_power(turn, k)
    return power @ mirror if handed else power
