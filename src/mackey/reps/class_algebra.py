"""The real irreducible characters of a finite group, from the algebra of its conjugacy classes.

Class functions with f(h) = f(h⁻¹) commute under convolution, and real ones act by symmetric matrices: their
common eigenvectors are the real irreducible characters (Burnside 1911, §223; Dixon 1967; here over R). The
matrices are r × r for r classes, however large the group is.
"""

from dataclasses import dataclass

import numpy as np

from mackey.groups import FiniteGroup

# Eigenvectors whose eigenvalues are closer than this, relative to their root mean square, are left to another
# operator.
_APART = 1e-4
_ROUNDS = 40


@dataclass(frozen=True)
class RealCharacters:
    """values[i, c] = χ_i on class c of `group.conjugacy_classes`; dims χ_i(e); ends ⟨χ_i, χ_i⟩ = dim End.

    The smallest dimension first, then the lexicographically largest values; the trivial character is row 0.
    """

    values: np.ndarray
    dims: np.ndarray
    ends: np.ndarray


def real_characters(group: FiniteGroup) -> RealCharacters:
    """All real irreducible characters, to about 1e-11."""
    owner, first = _classes_with_inverses(group)
    sizes = np.bincount(owner)
    columns = _common_eigenvectors(group, owner, first)
    functions = columns / np.sqrt(sizes)[:, None] * np.sign(columns[:1])  # Σ_h f(h)² = 1, f(e) > 0
    # Σ_h χ(h²)/|H| is 1, 0, −2 for dim End = 1, 2, 4, and χ = f·sqrt(|H|·dim End)
    squares = owner[group.table.diagonal()]
    indicator = np.rint(functions[squares].sum(0) / np.sqrt(group.order)).astype(int)
    ends = np.array([2, 1, 4])[indicator]
    values = (functions * np.sqrt(group.order * ends)).T
    dims = np.rint(values[:, 0]).astype(int)
    assert np.sum(dims**2 / ends) == group.order, (
        f"the characters of {group} cover another order than its own"
    )
    classes = owner[[members[0] for members in group.conjugacy_classes]]
    values = values[:, classes]
    keys = -(np.round(values, 6) + 0.0)
    order = np.lexsort((*keys.T[::-1], dims))
    return RealCharacters(values[order], dims[order], ends[order])


def _classes_with_inverses(group: FiniteGroup) -> tuple[np.ndarray, np.ndarray]:
    """Which set C ∪ C⁻¹ each element lies in, and the smallest member of each."""
    joined = np.minimum(group.class_index, group.class_index[group.inverses])
    _, first, owner = np.unique(joined, return_index=True, return_inverse=True)
    return owner, first


def _convolution(group: FiniteGroup, owner: np.ndarray, first: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """⟨u_C, u_D * m⟩ for the class function m with these values and the unit functions u_C = 1_C/sqrt|C|."""
    sizes = np.bincount(owner)
    order = np.argsort(owner, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    values = weights[owner[group.table[group.inverses[order][:, None], first]]]  # m(g⁻¹c), g class by class
    matrix = np.add.reduceat(values, starts, axis=0).T * np.sqrt(sizes)[:, None] / np.sqrt(sizes)
    return (matrix + matrix.T) / 2


def _common_eigenvectors(group: FiniteGroup, owner: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Orthonormal columns; a block that one operator does not split well is split by the next."""
    sizes = np.bincount(owner)
    blocks, done = [np.eye(len(first))], []
    for attempt in range(_ROUNDS):
        weights = np.cos((attempt + np.arange(1.0, len(first) + 1)) ** 2) / np.sqrt(sizes)  # no symmetry
        operator = _convolution(group, owner, first, weights)
        scale = np.linalg.norm(operator) / np.sqrt(len(operator))
        split: list[np.ndarray] = []
        for block in blocks:
            values, vectors = np.linalg.eigh(block.T @ operator @ block)
            breaks = np.flatnonzero(np.diff(values) > _APART * scale) + 1
            split += np.split(block @ vectors, breaks, axis=1)
        done += [block for block in split if block.shape[1] == 1]
        blocks = [block for block in split if block.shape[1] > 1]
        if not blocks:
            return np.concatenate(done, axis=1)
    raise AssertionError(f"{_ROUNDS} class functions of {group} leave characters together")
