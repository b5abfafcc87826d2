"""Declared types: what the numbers of a tensor mean to a group, in anybody's network."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor

from mackey.actions.motion import Motion
from mackey.errors import sentence


class AbstractTensorType(ABC):
    """How a motion acts on a tensor whose axis 0 is the batch. Actions are differentiable in x and in g."""

    @property
    def moves(self) -> bool:
        """Whether anything acts at all."""
        return True

    @property
    def is_sampled(self) -> bool:
        """Whether space is sampled by pixels or voxels, so that most motions are not exact."""
        return False

    @property
    def rolls(self) -> bool:
        """Whether opposite borders of the samples meet, so that whole translations are exact."""
        return False

    @abstractmethod
    def check(self, x: Tensor, where: str) -> None:
        """Raise ValueError unless x can be of this type."""

    @abstractmethod
    def act(self, x: Tensor, motion: Motion) -> Tensor:
        """g·x. Raises ValueError where g does not act on this type, or not on samples like these."""

    def knows(self, motion: Motion) -> bool:
        """Whether the motion acts on this type at all, on samples or between them."""
        return True

    def exact(self, x: Tensor, motion: Motion) -> bool:
        """Whether g·x is exact: samples go to samples."""
        return True

    def turn(self, x: Tensor, motion: Motion) -> Tensor:
        """What g does to the values, samples left where they are; without samples, g·x."""
        return self.act(x, motion)

    def axes(self, x: Tensor) -> Mapping[str, int]:
        """The named axes that permutations act on, by position."""
        return {}

    def dimension(self, x: Tensor) -> int | None:
        """d of the space R^d that x tells; None if it tells none."""
        return None


def along(x: Tensor, axis: int, permutation: Tensor | None) -> Tensor:
    """What is at place i goes to place p[i]; the same for all samples."""
    if permutation is None:
        return x
    if x.shape[axis] != len(permutation):
        wanted, got = f"{len(permutation)} points on axis {axis}", f"shape {tuple(x.shape)}"
        remedy = 'declare it "invariant" if the group does not permute it, or name its axis'
        raise ValueError(sentence("actions", wanted=wanted, got=got, remedy=remedy))
    return x.index_select(axis, torch.argsort(permutation).to(x.device))


def permuted(x: Tensor, axes: Mapping[str, int], motion: Motion) -> Tensor:
    """Every named axis of x that the motion permutes."""
    for name, axis in axes.items():
        x = along(x, axis, motion.permutations.get(name))
    return x


def rotated(x: Tensor, matrix: Tensor | None) -> Tensor:
    """A v for the vectors v on the last axis; A (d, d), or (b, d, d) for the samples on axis 0."""
    if matrix is None:
        return x
    if matrix.ndim == 2 or x.ndim == 1:
        return x @ matrix.mT
    return (x.reshape(x.shape[0], -1, x.shape[-1]) @ matrix.mT).reshape(x.shape)


def shifted(x: Tensor, translation: Tensor | None) -> Tensor:
    """x + t for the points x on the last axis; t (d,), or (b, d) for the samples on axis 0."""
    if translation is None:
        return x
    if translation.ndim == 1:
        return x + translation
    return x + translation.view(x.shape[0], *(1,) * (x.ndim - 2), x.shape[-1])
