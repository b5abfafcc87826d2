"""Aut(graph): the permutations of the vertices that keep edges, weights, directions and colours.

By individualisation and refinement (McKay 1981): a strong generating set is found, never the elements.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from mackey.errors import sentence
from mackey.groups.permutation_groups import PermutationGroup
from mackey.groups.refinement import individualised, refined, smallest_cell
from mackey.groups.schreier_sims import Permutation


@runtime_checkable
class Graph(Protocol):
    """What is read of a graph, as networkx has it: adj[u][v] are the attributes of the edge u → v."""

    @property
    def nodes(self) -> Iterable[Hashable]: ...

    @property
    def adj(self) -> Mapping[Any, Mapping[Any, Mapping[Any, Any]]]: ...

    def is_multigraph(self) -> bool: ...


def automorphisms(
    graph: Graph | np.ndarray | Tensor, colours: Sequence[Hashable] | None = None, weight: str = "weight"
) -> PermutationGroup:
    """All p with A[p[i], p[j]] = A[i, j], for the adjacency matrix A of a graph.

    Position i is the i-th of graph.nodes. A matrix counts as directed unless it is symmetric, and its numbers
    as weights; of a graph object the attribute `weight` is read, 1 where there is none. colours: one for each
    vertex, to be kept. Exponential in the worst case (strongly regular graphs of hundreds of vertices).
    """
    if not isinstance(graph, np.ndarray | Tensor | Graph):
        raise ValueError(
            sentence(
                "groups.automorphisms",
                wanted="an adjacency matrix (array or tensor), or a graph with nodes and adj, as in networkx",
                got=type(graph).__name__,
                remedy="convert it with numpy.array",
            )
        )
    adjacency = (
        _matrix_labels(graph) if isinstance(graph, np.ndarray | Tensor) else _graph_labels(graph, weight)
    )
    n = len(adjacency)
    names: list[Hashable] = [0] * n if colours is None else list(colours)
    if len(names) != n:
        raise ValueError(
            sentence(
                "groups.automorphisms",
                wanted=f"one colour for each of the {n} vertices",
                got=f"{len(names)}",
                remedy="give them in the order of graph.nodes",
            )
        )
    search = _Search(adjacency, np.array([names.index(name) for name in names], dtype=np.int64))
    base, generators = search.strong_generators()
    return PermutationGroup(n, tuple(generators), "Aut(graph)", tuple(base))


def _matrix_labels(matrix: np.ndarray | Tensor) -> np.ndarray:
    if isinstance(matrix, Tensor):
        matrix = matrix.detach().cpu()
        matrix = matrix if matrix.layout == torch.strided else matrix.to_dense()
    array = matrix.numpy() if isinstance(matrix, Tensor) else matrix
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise ValueError(
            sentence(
                "groups.automorphisms",
                wanted="a square adjacency matrix",
                got=f"shape {array.shape}",
                remedy="A[i, j] is the weight of the edge from i to j, 0 for none",
            )
        )
    return np.unique(array, return_inverse=True)[1].reshape(array.shape)


def _graph_labels(graph: Graph, weight: str) -> np.ndarray:
    """0 where there is no edge, else a number for each weight that occurs."""
    if graph.is_multigraph():
        raise ValueError(
            sentence(
                "groups.automorphisms",
                wanted="at most one edge from a vertex to another",
                got="a multigraph",
                remedy="add up parallel edges into weights",
            )
        )
    nodes = list(graph.nodes)
    position = {node: index for index, node in enumerate(nodes)}
    known: dict[Hashable, int] = {}
    labels = np.zeros((len(nodes),) * 2, dtype=np.int64)
    for node in nodes:
        for neighbour, attributes in graph.adj[node].items():
            value = attributes.get(weight, 1)
            if not isinstance(value, Hashable):
                raise ValueError(
                    sentence(
                        "groups.automorphisms",
                        wanted=f"numbers or names as {weight!r} of the edges",
                        got=f"{type(value).__name__} for the edge {node!r} → {neighbour!r}",
                        remedy="name another attribute, or make tuples of them",
                    )
                )
            labels[position[node], position[neighbour]] = known.setdefault(value, len(known) + 1)
    return labels


@dataclass(frozen=True)
class _Search:
    """adjacency (n, n) and colours (n,) as small numbers."""

    adjacency: np.ndarray
    colours: np.ndarray

    @property
    def codes(self) -> np.ndarray:
        """One number for A[i, j] and A[j, i]; loops have numbers of their own."""
        kinds = int(self.adjacency.max(initial=0)) + 1
        codes = self.adjacency * kinds + self.adjacency.T
        return codes + kinds**2 * np.eye(len(codes), dtype=np.int64) * (1 + np.diag(self.adjacency))

    def strong_generators(self) -> tuple[list[int], list[Permutation]]:
        """A base, and generators of which those that fix base[:i] generate the stabiliser of base[:i]."""
        codes = self.codes
        if not len(codes):
            return [], []
        colouring = refined(codes, self.colours[None])
        base, stages = [], []
        while colouring is not None and (cell := smallest_cell(colouring[0])) is not None:
            members = np.flatnonzero(colouring[0] == cell).tolist()
            base.append(members[0])
            stages.append((colouring, members))
            colouring = refined(codes, individualised(colouring, members[:1]))
        generators: list[Permutation] = []
        for first, (stage, members) in reversed(list(zip(base, stages, strict=True))):
            tried = _orbit(generators, {first})
            for other in members:
                if other in tried:
                    continue
                found = self._search(codes, individualised(np.repeat(stage, 2, 0), [first, other]))
                if found is not None:
                    generators.append(found)
                tried = _orbit(generators, tried | {other})
        return base, generators

    def _search(self, codes: np.ndarray, pair: np.ndarray) -> Permutation | None:
        """An automorphism that takes the first colouring to the second, or None if there is none."""
        stable = refined(codes, pair)
        if stable is None:
            return None
        guess = _matched(stable)
        if np.array_equal(self.adjacency[np.ix_(guess, guess)], self.adjacency):
            return tuple(guess.tolist())
        cell = smallest_cell(stable[0])
        if cell is None:
            return None
        first = int(np.flatnonzero(stable[0] == cell)[0])
        for other in np.flatnonzero(stable[1] == cell).tolist():
            found = self._search(codes, individualised(stable, [first, other]))
            if found is not None:
                return found
        return None


def _matched(pair: np.ndarray) -> np.ndarray:
    """A map from cell to cell that moves as few vertices as it can: most automorphisms that are met do."""
    guess = np.arange(pair.shape[1])
    moving = pair[0] != pair[1]
    for colour in np.unique(pair[0][moving]):
        guess[np.flatnonzero(moving & (pair[0] == colour))] = np.flatnonzero(moving & (pair[1] == colour))
    return guess


def _orbit(generators: list[Permutation], start: set[int]) -> set[int]:
    reached, frontier = set(start), list(start)
    for x in frontier:
        for g in generators:
            if g[x] not in reached:
                reached.add(g[x])
                frontier.append(g[x])
    return reached
