"""Specht modules against the Murnaghan–Nakayama rule and the hook length formula."""

import itertools
from functools import lru_cache

import numpy as np
import pytest

from mackey import groups as G
from mackey import reps as R


def partitions(n: int, largest: int | None = None) -> list[tuple[int, ...]]:
    if n == 0:
        return [()]
    top = min(n, largest or n)
    return [(k, *rest) for k in range(top, 0, -1) for rest in partitions(n - k, k)]


ALL = [shape for n in range(1, 7) for shape in partitions(n)]


@lru_cache
def murnaghan_nakayama(shape: tuple[int, ...], cycles: tuple[int, ...]) -> int:
    """χ^λ(μ) = Σ over border strips of length μ₁ of (−1)^(height), by beta numbers λ_i + k − i."""
    if not cycles:
        return 1
    beta = {length + len(shape) - 1 - i for i, length in enumerate(shape)}
    total = 0
    for b in beta:
        if b >= cycles[0] and b - cycles[0] not in beta:
            between = sum(b - cycles[0] < other < b for other in beta)
            moved = sorted(beta - {b} | {b - cycles[0]}, reverse=True)
            smaller = tuple(value - (len(moved) - 1 - i) for i, value in enumerate(moved))
            total += (-1) ** between * murnaghan_nakayama(smaller, cycles[1:])
    return total


def cycle_type(p: tuple[int, ...]) -> tuple[int, ...]:
    left, lengths = set(range(len(p))), []
    while left:
        start = point = min(left)
        length = 0
        while point in left:
            left.remove(point)
            point, length = p[point], length + 1
        assert point == start
        lengths.append(length)
    return tuple(sorted(lengths, reverse=True))


@pytest.mark.parametrize("shape", ALL, ids=str)
def test_characters(shape: tuple[int, ...]) -> None:
    rep = R.specht(shape)
    n = sum(shape)
    expected = [murnaghan_nakayama(shape, cycle_type(p)) for p in itertools.permutations(range(n))]
    np.testing.assert_allclose(rep.character, expected, atol=1e-10)
    assert rep.dim == R.hook_dimension(shape) and rep.group == G.symmetric(n).enumerate()
    assert str(rep) == f"S({','.join(map(str, shape))})"
    assert R.irrep_type(rep) == "real"
    assert np.abs(np.swapaxes(rep.matrices, 1, 2) @ rep.matrices - np.eye(rep.dim)).max() < 1e-12
    for s in rep.group.generators:
        assert np.abs(rep.matrices[s] @ rep.matrices - rep.matrices[rep.group.table[s]]).max() < 1e-12


@pytest.mark.parametrize("n", range(1, 7))
def test_they_are_all_irreps(n: int) -> None:
    ours = {tuple(np.rint(R.specht(shape).character)) for shape in partitions(n)}
    theirs = {tuple(np.rint(psi.character)) for psi in R.irreps(G.symmetric(n).enumerate())}
    assert ours == theirs


def test_young_orthogonal_form() -> None:
    """S(2,1) on (0 1) and (1 2), numbers of James and Kerber: diag(1, −1), then −1/2 and √3/2."""
    rep = R.specht((2, 1))
    order = list(itertools.permutations(range(3)))
    np.testing.assert_allclose(rep.matrices[order.index((1, 0, 2))], np.diag([1, -1]), atol=1e-15)
    c = 3**0.5 / 2
    np.testing.assert_allclose(rep.matrices[order.index((0, 2, 1))], [[-0.5, c], [c, 0.5]], atol=1e-15)


def test_small_ones() -> None:
    S4 = G.symmetric(4).enumerate()
    assert R.specht((4,)) == R.trivial(S4) and R.specht([1, 1, 1, 1]) == R.sign(S4)
    assert R.multiplicities(R.standard(S4)) == R.multiplicities(R.specht((4,)) + R.specht((3, 1)))
    assert R.hook_dimension((5, 4, 3, 2, 1)) == 292864 and R.hook_dimension(()) == 1


@pytest.mark.parametrize("shape", [(), (1, 2), (2, 0), (-1,)])
def test_what_is_no_partition_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a partition, positive integers from large to small"):
        R.specht(shape)


def test_large_ones_are_refused() -> None:
    with pytest.raises(ValueError, match=r"n ≤ 6, .*got \(4, 3\), n = 7; hook_dimension"):
        R.specht((4, 3))
