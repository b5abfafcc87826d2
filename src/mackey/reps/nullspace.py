"""The common kernel of matrices, in a basis that depends on the kernel alone."""

import numpy as np

from mackey.reps.projectors import image

_TOLERANCE = 1e-9


def fixed_vectors(finite: np.ndarray, lie: np.ndarray) -> np.ndarray:
    """An orthonormal basis (k, d) of {v : ρ(g)v = v, dρ(X)v = 0} for matrices (m, d, d) of each kind."""
    size = finite.shape[-1]
    constraints = np.concatenate([finite - np.eye(size), lie]).reshape(-1, size)
    if not len(constraints):
        return np.eye(size)
    _, values, rows = np.linalg.svd(constraints, full_matrices=True)
    largest = max(float(values.max(initial=0)), 1.0)
    rank = int((values > _TOLERANCE * largest).sum())
    kernel = rows[rank:]
    return image(kernel.T @ kernel, size - rank)
