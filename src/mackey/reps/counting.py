"""How many invariants theory promises: numbers of partitions, tableaux and diagrams, in exact integers."""

import math
from collections.abc import Iterator
from functools import lru_cache

Partition = tuple[int, ...]


def partitions(total: int, rows: int, largest: int | None = None) -> Iterator[Partition]:
    """The partitions of `total` into at most `rows` parts, the largest first."""
    if total == 0:
        yield ()
        return
    if rows == 0:
        return
    top = total if largest is None else min(total, largest)
    for first in range(top, 0, -1):
        for rest in partitions(total - first, rows - 1, first):
            yield (first, *rest)


def tableaux(shape: Partition) -> int:
    """f^λ, the number of standard Young tableaux, by the hook lengths (Frame, Robinson, Thrall 1954)."""
    columns = [sum(part > j for part in shape) for j in range(shape[0])] if shape else []
    hooks = math.prod(part - j + columns[j] - i - 1 for i, part in enumerate(shape) for j in range(part))
    return math.factorial(sum(shape)) // hooks


@lru_cache
def stirling(total: int, parts: int) -> int:
    """S(m, j): the ways to split m things into j sets."""
    if parts in (0, total):
        return int(parts == total)
    if parts > total:
        return 0
    return parts * stirling(total - 1, parts) + stirling(total - 1, parts - 1)


def symmetric_invariants(slots: int, n: int) -> int:
    """dim (V^⊗m)^Sym(n) = Σ_{j ≤ n} S(m, j), the partitions of m into at most n sets."""
    return sum(stirling(slots, j) for j in range(min(slots, n) + 1))


def alternating_invariants(slots: int, n: int) -> int:
    """dim (V^⊗m)^Alt(n): choices of n − 1 or n distinct points split into two orbits, for n ≥ 2."""
    doubled = stirling(slots, n) + stirling(slots, n - 1) if n >= 2 else 0
    return symmetric_invariants(slots, n) + doubled


def orthogonal_invariants(slots: int, n: int) -> int:
    """dim (V^⊗m)^O(n) = Σ f^λ over λ ⊢ m with at most n rows, all even (Weyl 1946)."""
    shapes = partitions(slots, n)
    return sum(tableaux(s) for s in shapes if all(part % 2 == 0 for part in s))


def pseudo_invariants(slots: int, n: int) -> int:
    """dim Hom_O(n)(V^⊗m, det) = Σ f^λ over λ ⊢ m with n rows, all odd."""
    shapes = partitions(slots, n)
    return sum(tableaux(s) for s in shapes if len(s) == n and all(part % 2 for part in s))


def symplectic_invariants(slots: int, n: int) -> int:
    """dim (V^⊗m)^Sp(n), n = dim V: Σ f^λ over λ ⊢ m with at most n rows, λ₁ = λ₂, λ₃ = λ₄, …"""
    shapes = (shape for shape in partitions(slots, n) if len(shape) % 2 == 0)
    return sum(tableaux(s) for s in shapes if s[::2] == s[1::2])


def linear_invariants(up: int, down: int, n: int, special: bool) -> int:
    """dim (V^⊗a ⊗ V*^⊗b)^GL(n), or SL(n): Σ f^λ f^μ over λ ⊢ a, μ ⊢ b with λ = μ + (c, …, c), cn = a − b."""
    if up < down:
        up, down = down, up
    shift, rest = divmod(up - down, n)
    if rest or (shift and not special):
        return 0
    total = 0
    for small in partitions(down, n):
        padded = (*small, *(0 for _ in range(n - len(small))))
        large = tuple(part + shift for part in padded if part + shift)
        total += tableaux(small) * tableaux(large)
    return total
