"""Permutation groups without lists of elements, and automorphisms of graphs, against brute force."""

import itertools
import math
import pickle

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networkx.algorithms.isomorphism import (
    DiGraphMatcher,
    GraphMatcher,
    categorical_node_match,
    numerical_edge_match,
)

from mackey import groups as G


def closure(generators: list[tuple[int, ...]]) -> set[tuple[int, ...]]:
    identity = tuple(range(len(generators[0])))
    found, frontier = {identity}, [identity]
    for a in frontier:
        for g in generators:
            product = tuple(g[i] for i in a)
            if product not in found:
                found.add(product)
                frontier.append(product)
    return found


def from_cycles(n: int, *cycles: tuple[int, ...]) -> list[int]:
    """A permutation of 0 … n−1 from cycles of 1 … n."""
    image = list(range(n))
    for cycle in cycles:
        for a, b in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
            image[a - 1] = b - 1
    return image


permutations = st.integers(1, 7).flatmap(
    lambda n: st.lists(st.permutations(range(n)).map(tuple), min_size=1, max_size=3)
)


@settings(max_examples=60, deadline=None)
@given(generators=permutations, data=st.data())
def test_schreier_sims_against_brute_force(generators: list[tuple[int, ...]], data: st.DataObject) -> None:
    group, elements = G.permutation_group(generators), closure(generators)
    assert group.order == len(elements)
    probe = data.draw(st.permutations(range(group.degree)).map(tuple))
    assert group.contains(probe) == (probe in elements)
    assert all(group.contains(a) for a in itertools.islice(elements, 50))
    mixed = {tuple(sorted({a[i] for a in elements})) for i in range(group.degree)}
    assert set(group.orbits) == mixed
    inner = data.draw(st.sampled_from(sorted(elements)))
    assert group.compose(inner, group.inverse(inner)) == group.identity
    x = np.arange(float(group.degree)) ** 2
    moved = group.act(probe, group.act(inner, x))
    np.testing.assert_array_equal(moved, group.act(group.compose(probe, inner), x))


M11 = [from_cycles(11, tuple(range(1, 12))), from_cycles(11, (3, 7, 11, 8), (4, 10, 5, 6))]
M12 = [[*g, 11] for g in M11] + [from_cycles(12, (1, 12), (2, 11), (3, 6), (4, 8), (5, 9), (7, 10))]
M24 = [
    from_cycles(24, tuple(range(1, 24))),
    from_cycles(24, (3, 17, 10, 7, 9), (4, 13, 14, 19, 5), (8, 18, 11, 12, 23), (15, 20, 22, 21, 16)),
    from_cycles(
        24, (1, 24), (2, 23), (3, 12), (4, 16), (5, 18), (6, 10), (7, 20), (8, 14), (9, 21), (11, 17),
        (13, 22), (15, 19),
    ),
]  # fmt: skip


def rubik() -> list[list[int]]:
    """Quarter turns of the six faces of the cube, on its 54 stickers as points of space."""
    stickers = []
    for axis, side in itertools.product(range(3), (-1, 1)):
        for u, v in itertools.product((-1, 0, 1), repeat=2):
            point = np.insert(np.array([u, v]), axis, 0)
            cubie = point.copy()
            cubie[axis] = side
            normal = np.zeros(3, dtype=int)
            normal[axis] = side
            stickers.append((tuple(cubie.tolist()), tuple(normal.tolist())))
    position = {sticker: i for i, sticker in enumerate(stickers)}
    moves = []
    for axis, side in itertools.product(range(3), (-1, 1)):
        i, j = (k for k in range(3) if k != axis)
        turn = np.eye(3, dtype=int)
        turn[[i, i, j, j], [i, j, i, j]] = [0, -1, 1, 0]
        image = list(range(len(stickers)))
        for (cubie, normal), index in position.items():
            if cubie[axis] == side:
                moved = tuple((turn @ cubie).tolist()), tuple((turn @ normal).tolist())
                image[index] = position[moved]
        moves.append(image)
    return moves


@pytest.mark.parametrize(
    ("generators", "order"),
    [
        (M11, 7920),
        (M12, 95040),
        (M24, 244823040),
        (rubik(), 43252003274489856000),
        ([[1, 0, *range(2, 20)], [*range(1, 20), 0]], math.factorial(20)),
        ([[0, 1, 2]], 1),
    ],
    ids=["M11", "M12", "M24", "Rubik", "Sym20", "trivial"],
)
def test_orders_of_known_groups(generators: list[list[int]], order: int) -> None:
    group = G.permutation_group(generators)
    assert group.order == order
    assert all(group.contains(p) for p in group.sample(5, torch.Generator().manual_seed(0)))


def test_membership_in_large_groups() -> None:
    cube = G.permutation_group(rubik(), "Rubik")
    corner, edge = [i for i in cube.orbits if len(i) == 24]
    swap = list(range(54))
    swap[edge[0]], swap[edge[1]] = edge[1], edge[0]
    assert not cube.contains(tuple(swap)) and len(corner) == 24
    assert not G.permutation_group(M11).contains((1, 0, *range(2, 11)))
    assert not G.permutation_group(M11).contains((0, 0, *range(2, 11)))


def test_samples_are_uniform() -> None:
    """χ² of 6000 samples of 60 elements, 59 degrees of freedom: above 119.6 once in 200 000 (seed fixed)."""
    group = G.permutation_group([[1, 2, 0, 3, 4], [1, 2, 3, 4, 0]])
    assert group.order == 60
    elements = closure(list(group.generators))
    for law in (group, G.alternating(5)):
        drawn = law.sample(6000, torch.Generator().manual_seed(1))
        counts = [drawn.count(a) for a in elements]
        assert sum(counts) == 6000
        assert sum((c - 100) ** 2 / 100 for c in counts) < 119.6


def test_enumeration() -> None:
    group = G.permutation_group([[1, 2, 3, 4, 0], [0, 4, 3, 2, 1]], "pentagon")
    table = group.enumerate()
    assert (table.order, str(table)) == (10, "pentagon")
    elements = sorted(closure(list(group.generators)))
    for i, j in itertools.product(range(10), repeat=2):
        assert elements[table.compose(i, j)] == group.compose(elements[i], elements[j])
    assert table.labels[0] == "e" and "(0 1 2 3 4)" in table.labels
    assert group.label((1, 0, 2, 4, 3)) == "(0 1)(3 4)"
    with pytest.raises(ValueError, match="at most 5000 elements, got 7920"):
        G.permutation_group(M11).enumerate()


def test_equality_is_of_elements() -> None:
    one = G.permutation_group([[1, 2, 0, 3], [0, 2, 3, 1]])
    two = G.permutation_group([[1, 0, 3, 2], [1, 2, 0, 3]], "A4")
    assert one == two and hash(one) == hash(two) and one != G.permutation_group([[1, 2, 3, 0]])
    assert one != G.permutation_group([[1, 2, 0]]) and one == pickle.loads(pickle.dumps(one))


def test_a_subgroup_is_not_the_group() -> None:
    """With the same orbits, so of the same hash: neither may answer for the other."""
    turn, flip = (1, 2, 3, 4, 0), (0, 4, 3, 2, 1)
    small, large = G.permutation_group([turn]), G.permutation_group([turn, flip])
    assert small.orbits == large.orbits and small.order == 5 and large.order == 10
    assert small != large and large != small
    assert large == G.permutation_group([flip, large.compose(turn, flip)])


def test_products() -> None:
    C3, S3 = G.permutation_group([[1, 2, 0]], "C3"), G.permutation_group([[1, 0, 2], [1, 2, 0]], "S3")
    P = G.permutation_product([C3, S3])
    assert (P.order, P.degree, str(P), P.orbits) == (18, 6, "C3×S3", ((0, 1, 2), (3, 4, 5)))
    for inner, outer in ((C3, S3), (S3, C3), (C3, C3)):
        W = G.wreath_product(inner, outer)
        assert W.order == inner.order**outer.degree * outer.order and len(W.orbits) == 1
    still = G.permutation_group([[1, 0, 2]], "C2 on 3")
    assert G.wreath_product(C3, still).order == 3**3 * 2
    assert G.wreath_product(still, still).order == 2**3 * 2


@pytest.mark.parametrize("n", range(1, 8))
def test_alternating(n: int) -> None:
    A = G.alternating(n)
    order = max(math.factorial(n) // 2, 1)
    assert str(A) == f"Alt({n})" and (n < 3 or G.permutation_group(A.generators).order == order)
    table = A.enumerate()
    assert table.order == order
    assert (np.abs(np.linalg.det(table.matrices) - 1) < 1e-9).all()
    for a, b in itertools.product(A.sample(6, torch.Generator().manual_seed(0)), repeat=2):
        assert A.contains(a) and A.compose(A.compose(a, b), A.inverse(b)) == a
        x = np.arange(float(n))
        np.testing.assert_array_equal(A.act(A.compose(a, b), x), A.act(a, A.act(b, x)))


def coloured(graph: nx.Graph) -> list[int]:
    return [graph.nodes[v].get("colour", 0) for v in graph.nodes]


def brute_force(graph: nx.Graph) -> set[tuple[int, ...]]:
    matcher = (DiGraphMatcher if graph.is_directed() else GraphMatcher)(
        graph,
        graph,
        node_match=categorical_node_match("colour", 0),
        edge_match=numerical_edge_match("weight", 1),
    )
    position = {node: i for i, node in enumerate(graph.nodes)}
    return {tuple(position[mapping[node]] for node in graph.nodes) for mapping in matcher.isomorphisms_iter()}


def weighted_square() -> nx.Graph:
    graph = nx.cycle_graph(4)
    nx.set_edge_attributes(graph, {(0, 1): 2.0, (2, 3): 2.0}, "weight")
    return graph


def coloured_hexagon() -> nx.Graph:
    graph = nx.cycle_graph(6)
    nx.set_node_attributes(graph, {0: "red", 3: "red"}, "colour")
    return graph


def with_loop() -> nx.Graph:
    graph = nx.complete_graph(5)
    graph.add_edge(0, 0)
    return graph


SMALL = {
    "Petersen": (nx.petersen_graph(), 120),
    "hypercube 3": (nx.hypercube_graph(3), 48),
    "cycle": (nx.cycle_graph(7), 14),
    "directed cycle": (nx.cycle_graph(7, create_using=nx.DiGraph), 7),
    "path": (nx.path_graph(6), 2),
    "binary tree": (nx.balanced_tree(2, 3), 2**7),
    "star": (nx.star_graph(5), 120),
    "complete": (nx.complete_graph(6), 720),
    "empty": (nx.empty_graph(5), 120),
    "bipartite": (nx.complete_bipartite_graph(3, 4), 144),
    "two triangles": (nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(3)), 72),
    "weights": (weighted_square(), 4),
    "colours": (coloured_hexagon(), 4),
    "loop": (with_loop(), 24),
    "Frucht": (nx.frucht_graph(), 1),
    "tournament": (nx.DiGraph([(i, (i + d) % 7) for i in range(7) for d in (1, 2, 4)]), 21),
    "cube": (nx.cubical_graph(), 48),
    "Heawood": (nx.heawood_graph(), 336),
    "Pappus": (nx.pappus_graph(), 216),
}


@pytest.mark.parametrize("name", SMALL)
def test_automorphisms(name: str) -> None:
    graph, order = SMALL[name]
    colours = coloured(graph) if name == "colours" else None
    group = G.automorphisms(graph, colours)
    expected = brute_force(graph)
    assert group.order == order == len(expected)
    assert set(group.generators) <= expected
    again = G.PermutationGroup(group.degree, group.generators)
    assert again.order == order, "the generators are strong"
    if name not in ("weights", "colours"):
        assert G.automorphisms(nx.to_numpy_array(graph, weight="weight")) == group
        assert G.automorphisms(torch.as_tensor(nx.to_numpy_array(graph))).order == order


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_automorphisms_of_random_graphs(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 6))
    entries = data.draw(
        st.lists(st.integers(0, data.draw(st.integers(1, 2))), min_size=n * n, max_size=n * n)
    )
    matrix = np.array(entries, dtype=float).reshape(n, n)
    if data.draw(st.booleans()):
        matrix = np.minimum(matrix, matrix.T)
    expected = {p for p in itertools.permutations(range(n)) if (matrix[np.ix_(p, p)] == matrix).all()}
    group = G.automorphisms(matrix)
    assert group.order == len(expected) and set(group.generators) <= expected


@pytest.mark.parametrize(
    ("graph", "order"),
    [
        (nx.hypercube_graph(6), 2**6 * math.factorial(6)),
        (nx.complete_graph(60), math.factorial(60)),
        (nx.balanced_tree(3, 3), 6**13),
        (nx.grid_graph((6, 6)), 8),
        (nx.grid_graph((5, 5), periodic=True), 200),
        (nx.desargues_graph(), 240),
        (nx.tutte_graph(), 3),
        (nx.dodecahedral_graph(), 120),
        (nx.paley_graph(29), 29 * 14),
        (nx.disjoint_union_all([nx.petersen_graph()] * 3), 120**3 * 6),
    ],
)
def test_automorphisms_of_larger_graphs(graph: nx.Graph, order: int) -> None:
    group = G.automorphisms(graph)
    assert group.order == order
    A = nx.to_numpy_array(graph)
    for p in group.sample(5, torch.Generator().manual_seed(0)):
        assert (A[np.ix_(p, p)] == A).all()


def test_messages() -> None:
    with pytest.raises(ValueError, match="permutations of 0 … 2, got"):
        G.permutation_group([[0, 0, 1]])
    with pytest.raises(ValueError, match="of one size, at least one, got sizes none"):
        G.permutation_group([])
    with pytest.raises(ValueError, match="of one size, at least one, got sizes 2, 3"):
        G.permutation_group([[1, 0], [1, 2, 0]])
    with pytest.raises(ValueError, match="n ≥ 1, got 0"):
        G.alternating(0)
    with pytest.raises(ValueError, match="n ≤ 7, got n = 8"):
        G.alternating(8).enumerate()
    with pytest.raises(ValueError, match="a square adjacency matrix"):
        G.automorphisms(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="one colour for each of the 3 vertices, got 2"):
        G.automorphisms(np.zeros((3, 3)), [0, 1])
    with pytest.raises(ValueError, match="a multigraph"):
        G.automorphisms(nx.MultiGraph([(0, 1), (0, 1)]))
    with pytest.raises(
        ValueError, match="numbers or names as 'weight' of the edges, got list for the edge 0 → 1"
    ):
        G.automorphisms(nx.Graph([(0, 1, {"weight": [1, 2]})]))
    for generators in ([[0.9, 1.2]], [[[0, 1], [1, 0]]]):
        with pytest.raises(ValueError, match="each a list of whole numbers, got"):
            G.permutation_group([np.array(g) for g in generators])


@pytest.mark.parametrize(
    "group", [G.automorphisms(nx.Graph()), G.permutation_group([[]]), G.permutation_product([])], ids=str
)
def test_permutations_of_nothing(group: G.PermutationGroup) -> None:
    table = group.enumerate()
    assert group.order == table.order == 1 and group.orbits == () and group.contains(())
    assert table.is_orthogonal and table.is_integral and group == G.PermutationGroup(0, ())
    assert group.sample(2, torch.Generator().manual_seed(0)) == [(), ()]


def test_adjacency_may_be_a_sparse_tensor() -> None:
    ring = torch.as_tensor(nx.to_numpy_array(nx.cycle_graph(7)))
    for matrix in (ring, ring.to_sparse(), ring.requires_grad_()):
        assert G.automorphisms(matrix).order == 14


@pytest.mark.unchecked
def test_what_is_no_graph_is_refused() -> None:
    with pytest.raises(ValueError, match=r"an adjacency matrix .* got list"):
        G.automorphisms([[0, 1], [1, 0]])
