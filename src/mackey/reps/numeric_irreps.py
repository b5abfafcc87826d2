"""Matrices of the real irreps of any finite group, from its characters and the action that it was built from.

Every irrep occurs in a tensor power of a faithful representation (Burnside 1911, §226). So one is cut out of
the product of two that are known, by a projector of that small size, or out of the regular representation
where that is cheaper; then polished and turned into a basis that does not depend on where it came from.
"""

from dataclasses import dataclass, field

import numpy as np

from mackey.groups import FiniteGroup
from mackey.reps.class_algebra import RealCharacters, real_characters
from mackey.reps.isotypic import Wanted, from_product, from_regular, product_cost, regular_cost
from mackey.reps.projectors import canonical

# (elements s·a, the generator s, elements a), in an order in which every a is reached before s·a
Words = list[tuple[np.ndarray, int, np.ndarray]]


def numeric_irreps(group: FiniteGroup) -> list[np.ndarray]:
    """(|H|, d, d) orthogonal matrices for each row of `real_characters`, exact to rounding, in the basis of
    `in_canonical_basis`.
    """
    search = _Search(group, real_characters(group), _words(group))
    for i in np.flatnonzero(search.characters.dims == 1).tolist():
        search.add(i, np.rint(search.on_elements(i))[:, None, None])
    action = _orthogonal(group.matrices)
    trace = np.trace(action, axis1=1, axis2=2)[[members[0] for members in group.conjugacy_classes]]
    factors = search.constituents(trace[None])[0]
    search.cut(factors, np.ones((group.order, 1, 1)), action)
    count = len(search.characters.dims)
    while search.queue and len(search.known) < count:
        a = search.queue.pop(int(np.argmin(search.characters.dims[search.queue])))
        products = search.characters.values[a] * search.characters.values[factors]
        for b, inside in zip(factors, search.constituents(products), strict=True):
            search.cut(inside, search.known[a], search.known[b])
    for i in range(count):  # what an action that is not faithful does not reach
        if i not in search.known:
            search.add(i, search.finish(from_regular(group, search.wanted(i))))
    return [search.known[i] for i in range(count)]


@dataclass(frozen=True)
class _Search:
    """The irreps found so far, by their row in the characters, and the queue of those not yet multiplied."""

    group: FiniteGroup
    characters: RealCharacters
    words: Words
    known: dict[int, np.ndarray] = field(default_factory=dict)
    queue: list[int] = field(default_factory=list)

    def add(self, i: int, matrices: np.ndarray) -> None:
        self.known[i] = matrices
        self.queue.append(i)

    def constituents(self, characters: np.ndarray) -> list[list[int]]:
        """The irreps inside representations with these characters, (m, classes)."""
        sizes = np.bincount(self.group.class_index)
        norms = self.group.order * self.characters.ends
        counts = (characters * sizes) @ self.characters.values.T / norms
        return [np.flatnonzero(np.rint(row) > 0).tolist() for row in counts]

    def cut(self, inside: list[int], first: np.ndarray, second: np.ndarray) -> None:
        """Make the constituents of first ⊗ second known."""
        order, sides = self.group.order, (first.shape[-1], second.shape[-1])
        for i in inside:
            if i in self.known:
                continue
            wanted = self.wanted(i)
            if product_cost(order, *sides) <= regular_cost(order, wanted.dim):
                self.add(i, self.finish(from_product(self.group, first, second, wanted)))
            else:
                self.add(i, self.finish(from_regular(self.group, wanted)))

    def on_elements(self, i: int) -> np.ndarray:
        return self.characters.values[i, self.group.class_index]

    def wanted(self, i: int) -> Wanted:
        return Wanted(self.on_elements(i) / self.characters.ends[i], int(self.characters.dims[i]))

    def finish(self, generators: np.ndarray) -> np.ndarray:
        return in_canonical_basis(self.group, _polished(self.group, self.words, generators))


def _orthogonal(matrices: np.ndarray) -> np.ndarray:
    """An equivalent orthogonal action: Lᵀ M L⁻ᵀ where L Lᵀ is the average of MᵀM."""
    inner = (np.swapaxes(matrices, 1, 2) @ matrices).mean(0)
    if np.abs(inner - np.eye(len(inner))).max() < 1e-12:
        return matrices
    lower = np.linalg.cholesky(inner)
    return lower.T @ matrices @ np.linalg.inv(lower.T)


def _words(group: FiniteGroup) -> Words:
    """Every element as a shortest product of generators, level by level."""
    reached = np.zeros(group.order, dtype=bool)
    reached[0] = True
    frontier = np.array([0])
    words: Words = []
    while len(frontier):
        level = []
        for position, s in enumerate(group.generators):
            moved = group.table[s, frontier]
            new = ~reached[moved]
            reached[moved] = True
            if new.any():
                words.append((moved[new], position, frontier[new]))
                level.append(moved[new])
        frontier = np.concatenate(level) if level else np.array([], dtype=int)
    return words


def _spread(generators: np.ndarray, words: Words, order: int) -> np.ndarray:
    """ψ on all elements from ψ on the generators."""
    matrices = np.empty((order, *generators.shape[1:]))
    matrices[0] = np.eye(generators.shape[-1])
    for targets, position, sources in words:
        matrices[targets] = generators[position] @ matrices[sources]
    return matrices


def _polished(group: FiniteGroup, words: Words, generators: np.ndarray) -> np.ndarray:
    """A representation near one that is so only roughly: ψ′(s) = (1/|H|) Σ_h ψ(h)ᵀψ(hs), made orthogonal.

    Each round squares the error.
    """
    n, d = group.order, generators.shape[-1]
    for _ in range(4):
        flat = _spread(generators, words, n).reshape(n * d, d)
        shifted = [flat.reshape(n, d, d)[group.table[:, s]].reshape(n * d, d) for s in group.generators]
        better = np.stack([flat.T @ moved / n for moved in shifted])
        for _ in range(2):  # Newton–Schulz: the nearest orthogonal matrix
            better = better @ (3 * np.eye(d) - np.swapaxes(better, 1, 2) @ better) / 2
        change = np.abs(better - generators).max()
        generators = better
        if change < 1e-8:
            break
    return _spread(generators, words, n)


def in_canonical_basis(group: FiniteGroup, matrices: np.ndarray) -> np.ndarray:
    """Q ψ(h) Qᵀ, the same for every orthogonal form of ψ.

    v is an eigenvector of a generic Σ_h w(h)ψ(h), of its smallest eigenvalue: unique up to End(ψ), which
    changes nothing. The rows of Q are ψ(0)v, ψ(1)v, … after Gram–Schmidt, in the order of the elements.
    """
    n, d = matrices.shape[:2]
    weights = np.cos(np.arange(n) ** 2.0)  # any weights without a symmetry
    weights = weights + weights[group.inverses]  # w(h) = w(h⁻¹): the sum is symmetric
    generic = np.tensordot(weights, matrices, 1)
    v = np.linalg.eigh((generic + generic.T) / 2)[1][:, 0]
    orbit = matrices @ v * np.sqrt(d / n)  # orthonormal columns, by Schur's lemma
    rows = canonical(orbit) @ orbit
    return rows @ matrices @ rows.T
