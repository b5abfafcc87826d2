"""A path in the audited group: a turn, a boost, another one-parameter subgroup, or the tested elements."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi

import numpy as np
import torch
from torch import Tensor

from mackey.actions import Motion
from mackey.audit.element import Element
from mackey.audit.experiment import Experiment
from mackey.groups import AbstractMatrixGroup, FiniteGroup

_STEPS = 24  # by 15°, so that turns by 90°, 60° and 45° are among them
_RAPIDITY = 2.0  # the Lorentz factor is 3.8 there
_TILT = (0.36, 0.48, 0.8)  # a unit vector along no axis


@dataclass(frozen=True, eq=False)
class Step:
    """motion: None for the identity. resampled: whether samples must be interpolated."""

    label: str
    value: float
    motion: Motion | None
    counted: bool = True
    resampled: bool = False


@dataclass(frozen=True, eq=False)
class Course:
    parameter: str
    steps: tuple[Step, ...]


def course(experiment: Experiment, tested: Sequence[Element]) -> Course:
    """The path that shows most on these inputs."""
    linear = experiment.acting.linear
    pairs = list(zip(experiment.in_types, experiment.doubles, strict=True))
    sampled = [(t, x) for t, x in pairs if t.is_sampled]
    if sampled and all(t.dimension(x) == 2 for t, x in sampled) and _turns(linear):
        return _turned_images(experiment)
    if not sampled and isinstance(linear, AbstractMatrixGroup) and len(linear.lie_algebra):
        return _subgroup(linear)
    steps = [Step("identity", 0.0, None)]
    steps += [Step(e.label, float(i + 1), e.motion) for i, e in enumerate(tested)]
    return Course("element", tuple(steps))


def _turns(linear: object) -> bool:
    """Whether a group of the plane has a rotation."""
    if isinstance(linear, FiniteGroup):
        matrices = linear.matrices
        return matrices.shape[1:] == (2, 2) and bool(
            np.any(np.abs(matrices[:, 0, 1] - matrices[:, 1, 0]) > 1e-6)
        )
    return isinstance(linear, AbstractMatrixGroup) and linear.size == 2 and len(linear.lie_algebra) > 0


def _turned_images(experiment: Experiment) -> Course:
    """Every 15°, on smooth images; those count that are in the group and permute the samples."""
    linear = experiment.acting.linear
    assert isinstance(linear, FiniteGroup | AbstractMatrixGroup)
    steps = []
    for k in range(_STEPS):
        angle = 2 * pi * k / _STEPS
        rows = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        motion = Motion(torch.tensor(rows, dtype=torch.float64, device="cpu"))
        pairs = zip(experiment.in_types, experiment.doubles, strict=True)
        exact = all(t.exact(x, motion) for t, x in pairs if t.is_sampled)
        counted = motion.within(linear) is not None and exact
        degrees = 360.0 * k / _STEPS
        steps.append(Step(f"{degrees:g}°", degrees, motion if k else None, counted, True))
    return Course("angle", tuple(steps))


def _subgroup(group: AbstractMatrixGroup) -> Course:
    """exp(t A): a boost where there are boosts and rotations, else a rotation, else the first direction."""
    algebra = group.lie_algebra
    turns = [i for i, a in enumerate(algebra) if np.array_equal(a, -a.T)]
    boosts = [i for i, a in enumerate(algebra) if np.array_equal(a, a.T) and not np.trace(a)]
    direction = np.zeros(len(algebra))
    if group.size == 4 and turns and boosts:
        direction[boosts[0]] = 1.0
        values = np.linspace(-_RAPIDITY, _RAPIDITY, _STEPS + 1)
        return _along(group, direction, "rapidity", values, values, "rapidity {:.2f}")
    if turns:
        three = group.size == 3 and len(turns) == 3
        direction[turns if three else turns[:1]] = _TILT if three else 1.0
        degrees = np.arange(_STEPS) * 360.0 / _STEPS
        return _along(group, direction, "angle", degrees, np.deg2rad(degrees), "{:g}°")
    direction[0] = 1.0
    values = np.linspace(-1.0, 1.0, _STEPS + 1)
    return _along(group, direction, "parameter", values, values, "t = {:.2f}")


def _along(
    group: AbstractMatrixGroup,
    direction: np.ndarray,
    parameter: str,
    values: np.ndarray,
    lengths: np.ndarray,
    label: str,
) -> Course:
    coordinates = torch.as_tensor(lengths[:, None] * direction, dtype=torch.float64, device="cpu")
    matrices: Tensor = group.exp(coordinates)
    steps = [
        Step(label.format(v), float(v), Motion(a) if t else None)
        for v, t, a in zip(values, lengths, matrices, strict=True)
    ]
    return Course(parameter, tuple(steps))
