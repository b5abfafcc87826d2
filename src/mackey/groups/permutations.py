"""Sym(n), kept symbolic: its n! elements are never listed unless asked for."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import torch

from mackey.errors import sentence
from mackey.groups.abstract import AbstractGroup
from mackey.groups.finite import FiniteGroup, from_matrices

Permutation = tuple[int, ...]


@dataclass(frozen=True, repr=False)
class Symmetric(AbstractGroup[Permutation]):
    """Sym(n): the element p sends position i to position p[i]."""

    n: int

    is_finite = True
    is_compact = True
    is_unimodular = True
    has_irreps = False

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"Sym({self.n})"

    @property
    def identity(self) -> Permutation:
        return tuple(range(self.n))

    @property
    def generators(self) -> tuple[Permutation, ...]:  # type: ignore[override]
        """A transposition and an n-cycle."""
        if self.n < 2:
            return ()
        swap = (1, 0, *range(2, self.n))
        cycle = (*range(1, self.n), 0)
        return (swap,) if self.n == 2 else (swap, cycle)

    def compose(self, a: Permutation, b: Permutation) -> Permutation:
        return tuple(a[i] for i in b)

    def inverse(self, a: Permutation) -> Permutation:
        return tuple(int(i) for i in np.argsort(a))

    def act(self, a: Permutation, points: np.ndarray) -> np.ndarray:
        """(a·x)[a[i]] = x[i] on the first axis."""
        return points[np.argsort(a)]

    def sample(self, count: int, generator: torch.Generator) -> list[Permutation]:
        """Elements drawn from the Haar (uniform) measure."""
        return [tuple(torch.randperm(self.n, generator=generator).tolist()) for _ in range(count)]

    def label(self, a: Permutation) -> str:
        return str(a)

    def enumerate(self) -> FiniteGroup:
        """The same group as a table, by the matrices M_p e_i = e_{p[i]} in the order of
        itertools.permutations; only for n ≤ 6.
        """
        if self.n > 6:
            raise ValueError(
                sentence(
                    f"groups.{self.name}.enumerate",
                    wanted="n ≤ 6",
                    got=f"n = {self.n}",
                    remedy="keep it symbolic: layers on sets never list the elements",
                )
            )
        elements = list(permutations(range(self.n)))
        matrices = np.stack([np.eye(self.n)[:, list(p)] for p in elements])
        return from_matrices(
            self.name, matrices, [elements.index(g) for g in self.generators], [str(p) for p in elements]
        )


def symmetric(n: int) -> Symmetric:
    """Sym(n), all permutations of n things."""
    if n < 1:
        raise ValueError(
            sentence("groups.symmetric", wanted="n ≥ 1", got=str(n), remedy="give the number of points")
        )
    return Symmetric(n)
