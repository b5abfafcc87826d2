"""How a space is sampled: the interface of every domain."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mackey.groups import AbstractGroup
from mackey.groups.abstract import Element
from mackey.reps import AbstractRep


class Pose(NamedTuple):
    """g⁻¹g′ for many source points at once: where the source lies, seen from the target, and how it is
    turned.

    displacement (…, dim): in the target's frame, right-handed axes (x right, y up), unit one sample.
    element (…): the relative element of the point group; 0 where samples carry no frame.
    """

    displacement: Tensor
    element: Tensor


class AbstractDomain(ABC):
    """Samples of X = G/H, `group` G, and how G moves the values on them.

    Tokens are the common view: (b, n, c, d), n samples, c channels (multiplicity), d fibre.
    """

    group: AbstractGroup

    @property
    @abstractmethod
    def stabiliser(self) -> AbstractGroup[Any]:
        """H, the group whose representations the fibres carry."""

    @property
    @abstractmethod
    def tensor_rank(self) -> int:
        """How many axes the values on this domain have, the batch and channel axes included."""

    @abstractmethod
    def sizes(self, x: Tensor) -> tuple[int, ...]:
        """The sampling sizes of a tensor of values."""

    def shape(self, batch: int, channels: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a tensor of values: the channel axis second, unless the domain says otherwise."""
        return (batch, channels, *sizes)

    @abstractmethod
    def channels(self, x: Tensor) -> int:
        """c·d of a tensor of values."""

    @abstractmethod
    def to_tokens(self, x: Tensor, fibre: int) -> Tensor:
        """Values as (b, n, c, d)."""

    @abstractmethod
    def from_tokens(self, tokens: Tensor, sizes: tuple[int, ...]) -> Tensor:
        """The inverse of `to_tokens`."""

    @abstractmethod
    def poses(
        self, sizes: tuple[int, ...], targets: tuple[int, ...], spacing: int, device: torch.device
    ) -> Pose:
        """g⁻¹g′ for all targets (first axis) and sources (second); targets lie `spacing` samples apart."""

    @abstractmethod
    def exact_symmetry(self, sizes: tuple[int, ...]) -> Sequence[Any]:
        """Elements that act as a permutation of the samples (translations apart)."""

    @abstractmethod
    def transform(self, x: Tensor, element: Element, rep: AbstractRep) -> Tensor:
        """(g·f)(x) = ρ(c) f(g⁻¹x)."""

    def tap(self, displacement: Tensor, size: int) -> Tensor:
        """The index of displacements (…, dim) among the size^dim of a stencil; only where positions make
        sense.
        """
        raise NotImplementedError(f"{self} has no displacements")

    def coordinates(self, sizes: tuple[int, ...], device: torch.device) -> Tensor:
        """Positions (n, dim) of the samples about their centre, for phases; only where positions make
        sense.
        """
        raise NotImplementedError(f"{self} has no coordinates")
