"""Groups of permutations by generators: order, membership and uniform samples without a list of elements."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod

import numpy as np
import torch

from mackey.errors import sentence
from mackey.groups.arrays import as_numbers
from mackey.groups.finite import FiniteGroup, from_matrices
from mackey.groups.permutations import AbstractPermutations
from mackey.groups.schreier_sims import Chain, Permutation, compose, stabiliser_chain, strong_chain

_LIMIT = 5000


@dataclass(frozen=True, eq=False, repr=False)
class PermutationGroup(AbstractPermutations):
    """The subgroup of Sym(degree) that the generators generate: p sends position i to p[i].

    base: points such that those generators that fix base[:i] generate all of the group that does, for every
    i, and only e fixes all; then nothing is left to compute. Unknown (None) in general: the Schreier–Sims
    algorithm then finds a chain of stabilisers when one is first needed, in about degree^3 to degree^5 steps.
    Groups are equal when they have the same elements.
    """

    degree: int
    generators: tuple[Permutation, ...]
    name: str = "permutations"
    base: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for generator in self.generators:
            if sorted(generator) != list(range(self.degree)):
                raise ValueError(
                    sentence(
                        f"PermutationGroup {self.name}",
                        wanted=f"permutations of 0 … {self.degree - 1}",
                        got=str(generator),
                        remedy="p[i] is where position i goes",
                    )
                )

    @cached_property
    def chain(self) -> Chain:
        if self.base is None:
            return stabiliser_chain(self.degree, self.generators)
        return strong_chain(self.degree, self.base, self.generators)

    @cached_property
    def order(self) -> int:
        return prod(len(level.reach) for level in self.chain.levels)

    @property
    def identity(self) -> Permutation:
        return tuple(range(self.degree))

    def contains(self, element: Permutation) -> bool:
        """Whether a permutation lies in the group."""
        return sorted(element) == list(self.identity) and self.chain.sift(tuple(element)) == self.identity

    @cached_property
    def orbits(self) -> tuple[tuple[int, ...], ...]:
        """The sets of positions that the group mixes, by smallest member."""
        lowest = np.arange(self.degree)
        moves = [np.array(g, dtype=np.int64) for g in self.generators]
        while True:
            lower = lowest
            for move in moves:
                both = np.minimum(lower, lower[move])
                lower = np.minimum(both, both[np.argsort(move)])
            if np.array_equal(lower, lowest):
                break
            lowest = lower
        return tuple(tuple(np.flatnonzero(lowest == first).tolist()) for first in np.unique(lowest))

    def sample(self, count: int, generator: torch.Generator) -> list[Permutation]:
        """Elements drawn from the Haar (uniform) measure: a uniform choice in each orbit of the chain."""
        drawn = []
        for _ in range(count):
            element = self.identity
            for level in self.chain.levels:
                choices = list(level.reach.values())
                pick = int(torch.randint(len(choices), (), generator=generator, device=generator.device))
                element = compose(element, choices[pick])
            drawn.append(element)
        return drawn

    def label(self, a: Permutation) -> str:
        """Cycles, as (0 1 2)(3 4); "e" for the identity."""
        left, cycles = set(range(self.degree)), []
        for start in range(self.degree):
            cycle = []
            point = start
            while point in left:
                left.remove(point)
                cycle.append(point)
                point = a[point]
            if len(cycle) > 1:
                cycles.append(f"({' '.join(map(str, cycle))})")
        return "".join(cycles) or "e"

    def enumerate(self) -> FiniteGroup:
        """The same group as a table, by the matrices M_p e_i = e_{p[i]}, in lexicographic order; at most 5000
        elements.
        """
        if self.order > _LIMIT:
            raise ValueError(
                sentence(
                    f"groups.{self.name}.enumerate",
                    wanted=f"at most {_LIMIT} elements",
                    got=str(self.order),
                    remedy="keep it symbolic: order, contains and sample list no elements",
                )
            )
        elements = [self.identity]
        for level in self.chain.levels:
            elements = [compose(a, b) for a, b in product(elements, level.reach.values())]
        elements.sort()
        matrices = np.stack([np.eye(self.degree)[:, np.array(p, dtype=np.int64)] for p in elements])
        chosen = [elements.index(g) for g in self.generators]
        return from_matrices(self.name, matrices, chosen, [self.label(p) for p in elements])

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, PermutationGroup) or self.degree != other.degree:
            return False
        return self.order == other.order and all(other.contains(g) for g in self.generators)

    def __hash__(self) -> int:
        return hash((self.degree, self.orbits))


def permutation_group(
    generators: Sequence[Sequence[int] | np.ndarray], name: str = "permutations"
) -> PermutationGroup:
    """The group that permutations generate, all of the same 0 … n−1; p sends position i to p[i]."""
    given = [as_numbers("groups.permutation_group", g) for g in generators]
    found = [tuple(int(i) for i in g.tolist()) for g in given if g.ndim == 1 and (g == np.rint(g)).all()]
    if len(found) < len(given):
        raise ValueError(
            sentence(
                "groups.permutation_group",
                wanted="a list of permutations, each a list of whole numbers",
                got=str([g.tolist() for g in given]),
                remedy="p[i] is where position i goes; one permutation alone is [p]",
            )
        )
    if len({len(g) for g in found}) != 1:
        raise ValueError(
            sentence(
                "groups.permutation_group",
                wanted="generators of one size, at least one",
                got=f"sizes {', '.join(str(len(g)) for g in found) or 'none'}",
                remedy="give the identity to generate the trivial group",
            )
        )
    return PermutationGroup(len(found[0]), tuple(found), name)


def permutation_product(factors: Sequence[PermutationGroup]) -> PermutationGroup:
    """G₁ × G₂ × …, each on its own positions, one after the other."""
    degree = sum(factor.degree for factor in factors)
    generators, start = [], 0
    for factor in factors:
        generators += [_embedded(g, start, degree) for g in factor.generators]
        start += factor.degree
    return PermutationGroup(degree, tuple(generators), "×".join(map(str, factors)))


def wreath_product(inner: PermutationGroup, outer: PermutationGroup) -> PermutationGroup:
    """G ≀ H = G^m ⋊ H on m blocks of n positions: G inside each block, H on the blocks."""
    n, m = inner.degree, outer.degree
    inside = [_embedded(g, block[0] * n, m * n) for block in outer.orbits for g in inner.generators]
    across = [tuple(h[i // n] * n + i % n for i in range(m * n)) for h in outer.generators]
    return PermutationGroup(m * n, (*inside, *across), f"{inner}≀{outer}")


def _embedded(permutation: Permutation, start: int, degree: int) -> Permutation:
    moved = [start + image for image in permutation]
    return (*range(start), *moved, *range(start + len(moved), degree))
