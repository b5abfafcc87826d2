"""Stabiliser chains: a permutation group by orbits of a few points, without a list of its elements.

Sims 1970; the incremental form of Knuth, Efficient representation of perm groups, 1991.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

Permutation = tuple[int, ...]


def compose(a: Permutation, b: Permutation) -> Permutation:
    """a·b: first b, then a."""
    return tuple([a[i] for i in b])


def inverse(a: Permutation) -> Permutation:
    back = [0] * len(a)
    for i, image in enumerate(a):
        back[image] = i
    return tuple(back)


@dataclass
class Level:
    """The group G_i that fixes the earlier base points: where it takes the next one, and by which elements.

    reach[x] is an element of G_i that sends `point` to x, back[x] its inverse.
    """

    point: int
    generators: list[Permutation] = field(default_factory=list)
    reach: dict[int, Permutation] = field(default_factory=dict)
    back: dict[int, Permutation] = field(default_factory=dict)

    def visit(self, x: int, element: Permutation) -> None:
        self.reach[x] = element
        self.back[x] = inverse(element)


@dataclass(frozen=True)
class Chain:
    """Levels for a base: only the identity fixes all base points. The order is the product of the orbits."""

    degree: int
    levels: list[Level]

    def sift(self, element: Permutation, start: int = 0) -> Permutation:
        """What is left of an element after division by the chain: the identity iff it lies inside."""
        for level in self.levels[start:]:
            back = level.back.get(element[level.point])
            if back is None:
                return element
            element = compose(back, element)
        return element


def stabiliser_chain(degree: int, generators: Sequence[Permutation]) -> Chain:
    """The chain of the group that these permutations generate, with every Schreier generator checked."""
    chain = Chain(degree, [])
    for generator in generators:
        _insert(chain, 0, chain.sift(generator))
    return chain


def _insert(chain: Chain, depth: int, element: Permutation) -> None:
    """Add an element that is not yet in the chain; it fixes the base points before `depth`."""
    identity = tuple(range(chain.degree))
    work = [(depth, element)]
    while work:
        depth, element = work.pop()
        element = chain.sift(element, depth)
        if element == identity:
            continue
        if depth == len(chain.levels):
            moved = next(i for i, image in enumerate(element) if i != image)
            chain.levels.append(Level(moved))
            chain.levels[-1].visit(moved, identity)
        level = chain.levels[depth]
        level.generators.append(element)
        pairs = [(x, element) for x in level.reach]
        for x, step in pairs:
            y, moved_by = step[x], compose(step, level.reach[x])
            if y not in level.reach:
                level.visit(y, moved_by)
                pairs += [(y, other) for other in level.generators]
            else:
                schreier = compose(level.back[y], moved_by)
                if chain.sift(schreier, depth + 1) != identity:
                    work.append((depth + 1, schreier))


def strong_chain(degree: int, base: Sequence[int], generators: Sequence[Permutation]) -> Chain:
    """The chain of generators that are known to be strong: those that fix base[:i] generate all that does."""
    levels = []
    for depth, point in enumerate(base):
        level = Level(point, [g for g in generators if all(g[b] == b for b in base[:depth])])
        level.visit(point, tuple(range(degree)))
        orbit = [point]
        for x in orbit:
            for step in level.generators:
                if step[x] not in level.reach:
                    level.visit(step[x], compose(step, level.reach[x]))
                    orbit.append(step[x])
        levels.append(level)
    return Chain(degree, levels)
