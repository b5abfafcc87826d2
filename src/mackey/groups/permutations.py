"""Sym(n) and Alt(n), kept symbolic: their elements are never listed unless asked for."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import torch

from mackey.errors import sentence
from mackey.groups.abstract import AbstractGroup
from mackey.groups.finite import FiniteGroup, from_matrices

Permutation = tuple[int, ...]


class AbstractPermutations(AbstractGroup[Permutation]):
    """A group of permutations of 0 … n−1: the element p sends position i to position p[i]."""

    is_finite = True
    is_compact = True
    is_unimodular = True
    has_irreps = False

    def compose(self, a: Permutation, b: Permutation) -> Permutation:
        return tuple(a[i] for i in b)

    def inverse(self, a: Permutation) -> Permutation:
        return tuple(int(i) for i in np.argsort(a))

    def act(self, a: Permutation, points: np.ndarray) -> np.ndarray:
        """(a·x)[a[i]] = x[i] on the first axis."""
        return points[np.argsort(a)]


@dataclass(frozen=True, repr=False)
class Symmetric(AbstractPermutations):
    """Sym(n), all permutations."""

    n: int

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

    def sample(self, count: int, generator: torch.Generator) -> list[Permutation]:
        """Elements drawn from the Haar (uniform) measure."""
        device = generator.device
        return [
            tuple(torch.randperm(self.n, generator=generator, device=device).tolist()) for _ in range(count)
        ]

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
        return _listed(self, elements)


@dataclass(frozen=True, repr=False)
class Alternating(AbstractPermutations):
    """Alt(n), the even permutations."""

    n: int

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"Alt({self.n})"

    @property
    def identity(self) -> Permutation:
        return tuple(range(self.n))

    @property
    def generators(self) -> tuple[Permutation, ...]:  # type: ignore[override]
        """A 3-cycle and a cycle of odd length over all positions, or over all but the first."""
        if self.n < 3:
            return ()
        turn = (1, 2, 0, *range(3, self.n))
        if self.n == 3:
            return (turn,)
        first = 1 - self.n % 2
        return turn, (*range(first), *range(first + 1, self.n), first)

    def contains(self, a: Permutation) -> bool:
        """Whether a permutation is even."""
        return is_even(a)

    def sample(self, count: int, generator: torch.Generator) -> list[Permutation]:
        """Elements drawn from the Haar (uniform) measure: an odd one is exchanged for itself times (0 1)."""
        drawn = Symmetric(self.n).sample(count, generator)
        return [p if is_even(p) else (p[1], p[0], *p[2:]) for p in drawn]

    def label(self, a: Permutation) -> str:
        return str(a)

    def enumerate(self) -> FiniteGroup:
        """The same group as a table, by the matrices M_p e_i = e_{p[i]} in the order of
        itertools.permutations; only for n ≤ 7.
        """
        if self.n > 7:
            raise ValueError(
                sentence(
                    f"groups.{self.name}.enumerate",
                    wanted="n ≤ 7",
                    got=f"n = {self.n}",
                    remedy="keep it symbolic: layers on sets never list the elements",
                )
            )
        elements = [p for p in permutations(range(self.n)) if is_even(p)]
        return _listed(self, elements)


def _listed(group: Symmetric | Alternating, elements: list[Permutation]) -> FiniteGroup:
    """The table of these elements, by the matrices M_p e_i = e_{p[i]}."""
    matrices = np.stack([np.eye(group.n)[:, list(p)] for p in elements])
    return from_matrices(
        group.name, matrices, [elements.index(g) for g in group.generators], [str(p) for p in elements]
    )


def is_even(a: Permutation) -> bool:
    """Whether a permutation is a product of an even number of transpositions: n minus the cycles is even."""
    left, cycles = set(range(len(a))), 0
    while left:
        point = left.pop()
        cycles += 1
        while a[point] in left:
            point = a[point]
            left.remove(point)
    return (len(a) - cycles) % 2 == 0


def alternating(n: int) -> Alternating:
    """Alt(n), the even permutations of n things."""
    if n < 1:
        raise ValueError(
            sentence("groups.alternating", wanted="n ≥ 1", got=str(n), remedy="give the number of points")
        )
    return Alternating(n)


def symmetric(n: int) -> Symmetric:
    """Sym(n), all permutations of n things."""
    if n < 1:
        raise ValueError(
            sentence("groups.symmetric", wanted="n ≥ 1", got=str(n), remedy="give the number of points")
        )
    return Symmetric(n)
