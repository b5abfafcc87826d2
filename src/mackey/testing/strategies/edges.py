"""Graphs by their edges."""

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

from mackey.errors import sentence
from mackey.testing.strategies.numbers import bounds

_MOST = 4  # edges per node of what is drawn edge by edge


def edge_indices(
    n: int, *, loops: bool = False, both_ways: bool = False, repeated: bool = False
) -> st.SearchStrategy[Tensor]:
    """(2, m) int64: row 0 and row 1 of an edge are its two nodes, 0 … n−1; no edge, every edge, or any.

    loops: i → i may occur. both_ways: i → j comes with j → i. repeated: an edge may occur twice. Isolated
    nodes occur. Shrinks to no edge.
    """
    bounds("strategies.edge_indices n", n, 0)
    if both_ways and repeated:
        wanted, got = "one of both_ways and repeated", "both"
        remedy = "concatenate two drawn edge lists"
        raise ValueError(sentence("strategies.edge_indices", wanted=wanted, got=got, remedy=remedy))
    pairs = [(i, j) for i in range(n) for j in range(n) if (loops or i != j) and (i <= j or not both_ways)]
    edges = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    every = st.just(range(len(edges)))
    numbers = st.integers(0, max(0, len(edges) - 1))
    some = st.lists(numbers, max_size=_MOST * n if pairs else 0, unique=not repeated)
    return (some | every).map(lambda chosen: _tensor(edges[np.array(chosen, dtype=np.int64)], both_ways))


def _tensor(edges: np.ndarray, both_ways: bool) -> Tensor:
    """(m, 2) as (2, m), the ways back last."""
    back = np.flip(edges, 1) if both_ways else edges[:0]
    both = np.concatenate([edges, back[back[:, 0] != back[:, 1]]])
    return torch.as_tensor(both.T.copy(), device="cpu")
