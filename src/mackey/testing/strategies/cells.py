"""Periodic cells with atoms in them."""

from typing import NamedTuple

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

from mackey.axes import Float, Int
from mackey.errors import sentence
from mackey.testing.strategies.numbers import Count, bounds, vectors

_SIZE, _RATIO = 3.0, 2.0  # of the edges on the diagonal: the shortest, at most, and the longest over it
_FRACTIONS = st.floats(0, 1, exclude_max=True, allow_subnormal=False)


class PeriodicCell(NamedTuple):
    """cell: edges as rows. positions: one image of each atom, those in the cell. shifts: whole numbers of
    edges to another image of it.
    """

    cell: Float[Tensor, "d d"]
    positions: Float[Tensor, "n d"]
    shifts: Int[Tensor, "n d"]

    @property
    def images(self) -> Float[Tensor, "n d"]:
        """The atoms where the shifts put them: the same crystal."""
        return self.positions + self.shifts.to(self.cell) @ self.cell


def periodic_cells(
    d: int = 3,
    n: Count = (1, 8),
    *,
    shifts: int = 0,
    condition: float = 10.0,
    dtype: torch.dtype = torch.float64,
) -> st.SearchStrategy[PeriodicCell]:
    """Right-handed cells, mostly skewed, with edges of about 1 to 6 and n atoms anywhere in them.

    condition: of the cell, at most; skew is taken back until it holds. shifts: largest one; 0 leaves every
    atom in the cell. Atoms may lie on faces, corners and each other. Shrinks to the unit cube and the origin.
    """
    counts = bounds("strategies.periodic_cells n", n, 0)
    bounds("strategies.periodic_cells d", d, 1)
    bounds("strategies.periodic_cells shifts", shifts, 0)
    if not condition >= 1:
        wanted, remedy = "a condition number ≥ 1", "1 leaves cubes only, 10 skewed cells"
        raise ValueError(
            sentence("strategies.periodic_cells", wanted=wanted, got=str(condition), remedy=remedy)
        )
    edges = st.builds(
        lambda e, size: size * (1 + (min(_RATIO, condition) - 1) * np.abs(e)), vectors(d), st.floats(1, _SIZE)
    )
    cells = st.builds(lambda e, skew, turn: _cell(e, skew, turn, condition), edges, vectors(d * d), _turns(d))

    def filled(n: int) -> st.SearchStrategy[PeriodicCell]:
        fractions = st.lists(_FRACTIONS, min_size=n * d, max_size=n * d)
        whole = st.lists(st.integers(-shifts, shifts), min_size=n * d, max_size=n * d)
        return st.builds(
            lambda cell, f, w: _filled(cell, np.array(f).reshape(n, d), np.array(w).reshape(n, d), dtype),
            cells,
            fractions,
            whole,
        )

    return st.integers(*counts).flatmap(filled)


def _turns(d: int) -> st.SearchStrategy[np.ndarray]:
    """Cyclic permutations of the axes that keep them right-handed."""
    last = d - 1 if d % 2 else 0
    return st.integers(0, last).map(lambda step: np.roll(np.eye(d), step, 0))


def _cell(edges: np.ndarray, skew: np.ndarray, turn: np.ndarray, condition: float) -> np.ndarray:
    """Lower triangular with these edges on the diagonal, then with the axes exchanged."""
    below = np.tril(skew.reshape(len(edges), -1), -1) * edges.min()
    while True:
        cell = np.diag(edges) + below
        if np.linalg.cond(cell) <= condition or not below.any():
            return cell @ turn
        below = np.where(np.abs(below) > 1e-3, 0.8 * below, 0)


def _filled(cell: np.ndarray, fractions: np.ndarray, whole: np.ndarray, dtype: torch.dtype) -> PeriodicCell:
    return PeriodicCell(
        torch.as_tensor(cell, dtype=dtype, device="cpu"),
        torch.as_tensor(fractions @ cell, dtype=dtype, device="cpu"),
        torch.as_tensor(whole, dtype=torch.int64, device="cpu"),
    )
