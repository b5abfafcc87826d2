"""Specht modules: the irreps of Sym(n), n ≤ 6, in the orthogonal form of Young."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import factorial, prod, sqrt

import numpy as np

from mackey.errors import sentence
from mackey.groups import symmetric
from mackey.reps.finite import Rep

# The rows of a tableau: entry[k] = (row, column) of the number k = 0 … n−1.
Tableau = tuple[tuple[int, int], ...]


def specht(partition: Sequence[int]) -> Rep:
    """S^λ of Sym(n) for a partition λ of n ≤ 6, a representation of `symmetric(n).enumerate()`.

    Young's orthogonal form, over the standard tableaux T of shape λ: the transposition s = (k, k+1) maps v_T
    to v_T/r + sqrt(1 − 1/r²) v_{sT}, where r = c(k+1) − c(k) is the difference of the contents (column − row)
    of its numbers (Young 1931; James, Kerber 1981, 3.4). Element p of the group sends position i to p[i], and
    a·b is first b. S(n) is trivial, S(1,…,1) the sign, S(n−1,1) what the permutation matrices leave of it.
    """
    shape = tuple(partition)
    _check(shape)
    return _specht(shape)


def hook_dimension(partition: Sequence[int]) -> int:
    """dim S^λ = n! / Π hook lengths (Frame, Robinson, Thrall 1954), for λ of any size."""
    columns = [sum(length > column for length in partition) for column in range(max(partition, default=0))]
    hooks = [
        length - column + columns[column] - row - 1
        for row, length in enumerate(partition)
        for column in range(length)
    ]
    return factorial(sum(partition)) // prod(hooks)


def _check(shape: tuple[int, ...]) -> None:
    if not shape or min(shape) < 1 or list(shape) != sorted(shape, reverse=True):
        raise ValueError(
            sentence(
                "reps.specht",
                wanted="a partition, positive integers from large to small",
                got=str(shape),
                remedy="for example specht((3, 2))",
            )
        )
    if sum(shape) > 6:
        raise ValueError(
            sentence(
                "reps.specht",
                wanted="a partition of n ≤ 6, whose group can be listed",
                got=f"{shape}, n = {sum(shape)}",
                remedy="hook_dimension(partition) gives its dimension",
            )
        )


@lru_cache
def _specht(shape: tuple[int, ...]) -> Rep:
    n = sum(shape)
    group = symmetric(n).enumerate()
    tableaux = list(_standard_tableaux(shape))
    d = len(tableaux)
    swaps = [_swap_index(n, k) for k in range(n - 1)]
    steps = [_adjacent(tableaux, k) for k in range(n - 1)]
    matrices = np.zeros((group.order, d, d))
    matrices[0] = np.eye(d)
    reached, frontier = {0}, [0]
    for element in frontier:
        for swap, step in zip(swaps, steps, strict=True):
            product = group.compose(swap, element)
            if product not in reached:
                reached.add(product)
                frontier.append(product)
                matrices[product] = step @ matrices[element]
    return Rep(group, matrices, f"S({','.join(map(str, shape))})")


def _swap_index(n: int, k: int) -> int:
    """Which element of symmetric(n).enumerate() exchanges k and k+1: in lexicographic order."""
    return factorial(n - 1 - k)


def _standard_tableaux(shape: tuple[int, ...]) -> Iterator[Tableau]:
    """Rows and columns ascend; in the order of the row of the last number, from the lowest row up."""
    if sum(shape) == 0:
        yield ()
        return
    for row in reversed(range(len(shape))):
        below = shape[row + 1] if row + 1 < len(shape) else 0
        if shape[row] > below:
            smaller = (*shape[:row], shape[row] - 1, *shape[row + 1 :])
            for tableau in _standard_tableaux(smaller):
                yield (*tableau, (row, shape[row] - 1))


def _adjacent(tableaux: list[Tableau], k: int) -> np.ndarray:
    """Young's matrix of the transposition (k, k+1)."""
    position = {tableau: index for index, tableau in enumerate(tableaux)}
    matrix = np.zeros((len(tableaux),) * 2)
    for index, tableau in enumerate(tableaux):
        (row, column), (next_row, next_column) = tableau[k], tableau[k + 1]
        r = (next_column - next_row) - (column - row)
        matrix[index, index] = 1 / r
        if abs(r) > 1:  # else k and k+1 are neighbours, and exchanging them gives no standard tableau
            moved = (*tableau[:k], tableau[k + 1], tableau[k], *tableau[k + 2 :])
            matrix[position[moved], index] = sqrt(1 - 1 / r**2)
    return matrix
