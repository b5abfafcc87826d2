"""What every irreducible representation knows: by Schur's lemma, all that commutes with it."""

from abc import abstractmethod
from functools import cached_property

import numpy as np

from mackey.reps.abstract import AbstractRep


class AbstractIrrep(AbstractRep):
    """A real irreducible representation; orthogonal."""

    @property
    @abstractmethod
    def irrep_type(self) -> str:
        """ "real", "complex" or "quaternionic": what the matrices that commute with ρ form."""

    @property
    @abstractmethod
    def commutant(self) -> np.ndarray:
        """The basis 1 | 1, i | 1, i, j, k (n, d, d) of Hom(ρ, ρ): orthogonal matrices, read-only.

        They are orthogonal to one another; divide by √d for an orthonormal basis.
        """

    @cached_property
    def invariants(self) -> np.ndarray:
        """The whole line of the trivial representation, nothing otherwise."""
        return np.eye(self.dim)[: int(self.is_trivial)]


def units(*matrices: np.ndarray) -> np.ndarray:
    """Stacked, float64, read-only."""
    found = np.stack(matrices).astype(np.float64)
    found.setflags(write=False)
    return found
