"""What acts: the interface that every group has."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
import torch

Element = TypeVar("Element")


class AbstractGroup(ABC, Generic[Element]):
    """A group: identity, product, inverse, generators, and flags that say what may be asked of it.

    is_finite: the elements can be listed. is_compact: a normalised Haar measure exists.
    is_unimodular: left and right Haar measure agree. has_irreps: `reps.irreps` lists the real irreducible
    representations. generators: a set of elements that generates the group, together with the one-parameter
    groups of lie_algebra (k, n, n), a basis of the tangent space at e: empty unless the group is continuous.
    """

    name: str
    generators: Sequence[Element]
    lie_algebra: np.ndarray = np.zeros((0, 0, 0))
    is_finite: bool
    is_compact: bool
    is_unimodular: bool
    has_irreps: bool

    @property
    @abstractmethod
    def identity(self) -> Element:
        """e."""

    @abstractmethod
    def compose(self, a: Element, b: Element) -> Element:
        """a·b: first b, then a."""

    @abstractmethod
    def inverse(self, a: Element) -> Element:
        """a⁻¹."""

    @abstractmethod
    def act(self, a: Element, points: np.ndarray) -> np.ndarray:
        """a·x for points x of the space that the group moves."""

    @abstractmethod
    def sample(self, count: int, generator: torch.Generator) -> Sequence[Element]:
        """Elements drawn from the Haar measure, or from a stated law where it has infinite mass."""

    @abstractmethod
    def label(self, a: Element) -> str:
        """The element as people write it."""

    def __repr__(self) -> str:
        return self.name
