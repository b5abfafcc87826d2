"""One copy of an irrep, roughly, cut out of a larger representation by its character."""

from dataclasses import dataclass

import numpy as np

from mackey.groups import FiniteGroup

# Two copies of an irrep are told apart by eigenvalues that differ by this, relative to the largest.
_APART = 1e-4
_TRIES = 20
_ROWS = 512


@dataclass(frozen=True)
class Wanted:
    """The irrep to be cut out: χ(h)/⟨χ, χ⟩ on the elements, and d.

    (d/|H|) Σ_h weights(h) ρ(h) is then the projector onto all copies in ρ.
    """

    weights: np.ndarray
    dim: int


def product_cost(order: int, a: int, b: int) -> int:
    """Operations of `from_product` for factors of dimensions a and b."""
    return order * (a * b) ** 2 + 20 * (a * b) ** 3


def regular_cost(order: int, dim: int) -> int:
    """Operations of `from_regular`; to gather a number costs as much as to multiply some ten."""
    return order**2 * (10 + dim**2) + order * dim**4


def from_product(group: FiniteGroup, first: np.ndarray, second: np.ndarray, wanted: Wanted) -> np.ndarray:
    """ψ on the generators, from first ⊗ second, two orthogonal representations on all elements."""
    n, a, b = group.order, first.shape[-1], second.shape[-1]
    weighted = first.reshape(n, -1) * wanted.weights[:, None]
    projector = (weighted.T @ second.reshape(n, -1)).reshape(a, a, b, b) * (wanted.dim / n)
    values, vectors = np.linalg.eigh(projector.transpose(0, 2, 1, 3).reshape(a * b, a * b))
    columns = vectors[:, values > 0.5]
    for x in _generic(columns.shape[1]):
        moved = first @ (columns @ x).reshape(a, b) @ np.swapaxes(second, 1, 2)
        copy = _copy(moved.reshape(n, -1) @ columns, wanted.dim)
        if copy is not None:
            break
    columns = columns @ _found(copy)
    return np.stack([columns.T @ np.kron(first[s], second[s]) @ columns for s in group.generators])


def from_regular(group: FiniteGroup, wanted: Wanted) -> np.ndarray:
    """ψ on the generators, from the functions on the group, (L(s)f)(h) = f(s⁻¹h)."""
    n = group.order
    rows = _translates(group, wanted)
    for x in _generic(len(rows)):
        function = x @ rows
        orbit = np.empty((n, len(rows)))
        for start in range(0, n, _ROWS):
            part = slice(start, start + _ROWS)
            orbit[part] = function[group.table[group.inverses[part]]] @ rows.T
        copy = _copy(orbit, wanted.dim)
        if copy is not None:
            break
    rows = _found(copy).T @ rows
    return np.stack([rows @ rows[:, group.table[group.inverses[s]]].T for s in group.generators])


def _translates(group: FiniteGroup, wanted: Wanted) -> np.ndarray:
    """Orthonormal rows that span all g ↦ p(h⁻¹g), where p = d/|H| · weights is the idempotent of ψ.

    ⟨p(a⁻¹·), p(b⁻¹·)⟩ = p(a⁻¹b): Gram–Schmidt that takes the longest rest next. Any basis will do here.
    """
    n = group.order
    p = wanted.weights * (wanted.dim / n)
    rank = int(np.rint(n * p[0]))
    rows = np.zeros((rank, n))
    rest = np.full(n, p[0])
    for found in range(rank):
        h = int(np.argmax(rest))
        row = p[group.table[group.inverses[h]]]
        for _ in range(2):  # twice is enough (Kahan; Parlett 1980)
            row = row - rows[:found].T @ (rows[:found] @ row)
        rows[found] = row / np.linalg.norm(row)
        rest = rest - rows[found] ** 2
    return rows


def _generic(size: int) -> list[np.ndarray]:
    """Vectors without a symmetry."""
    return [np.cos((attempt + np.arange(1.0, size + 1)) ** 2) for attempt in range(_TRIES)]


def _copy(orbit: np.ndarray, dim: int) -> np.ndarray | None:
    """Coordinates (m·d, d) of one of m copies: an eigenspace of Σ_h ρ(h)x xᵀρ(h)ᵀ, which commutes with ρ.

    orbit: all ρ(h)x, (|H|, m·d). None if its eigenvalues do not tell any copy from the others.
    """
    size = orbit.shape[1]
    if size == dim:
        return np.eye(dim)
    values, vectors = np.linalg.eigh(orbit.T @ orbit)
    edges = np.concatenate([[-np.inf], values, [np.inf]])
    starts = np.arange(0, size, dim)
    clear = np.minimum(edges[starts + 1] - edges[starts], edges[starts + dim + 1] - edges[starts + dim])
    best = int(np.argmax(clear))
    if clear[best] < _APART * values[-1]:
        return None
    return vectors[:, starts[best] : starts[best] + dim]


def _found(copy: np.ndarray | None) -> np.ndarray:
    assert copy is not None, f"{_TRIES} vectors leave copies of an irrep together"
    return copy
