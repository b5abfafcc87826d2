"""A basis of the image of a projector that depends on the projector alone.

An SVD or eigh takes any basis of a degenerate eigenspace: another one on each processor and in each version
of LAPACK. Weights are coefficients in these bases, so a checkpoint would mean something else on another
machine.
"""

import numpy as np


def image(projector: np.ndarray, rank: int) -> np.ndarray:
    """Orthonormal rows (rank, n) that span the image of P, by Gram–Schmidt over its columns in order.

    A column is taken if what is left of it is longer than 1/(π√n). That finds the whole image: for a unit v
    in it, orthogonal to the rows Q so far, vᵀ(1 − QᵀQ)Pv = 1, so some column of (1 − QᵀQ)P is at least 1/√n
    long. Projectors of group averages have algebraic entries, so no length lies at the threshold.
    """
    size = len(projector)
    threshold = 1 / (np.pi * np.sqrt(size))
    rows = np.zeros((rank, size))
    found = 0
    for column in projector.T:
        if found == rank:
            break
        rest = column - rows[:found].T @ (rows[:found] @ column)
        if np.linalg.norm(rest) > threshold:
            rest = rest - rows[:found].T @ (rows[:found] @ rest)  # twice is enough (Kahan; Parlett 1980)
            rows[found] = rest / np.linalg.norm(rest)
            found += 1
    assert found == rank, f"found {found} of {rank} vectors in the image of a projector"
    return rows


def canonical(kernel: np.ndarray) -> np.ndarray:
    """`image` of P = N Nᵀ from any orthonormal basis N (n, k) of a space, in coefficients: rows (k, n).

    Column j of P is N times row j of N, so Gram–Schmidt runs over the rows of N in R^k: O(nk²), and P is
    never formed. The threshold and its reason are those of `image`.
    """
    size, rank = kernel.shape
    threshold = 1 / (np.pi**2 * size)
    chosen = np.zeros((rank, rank))
    rest = np.einsum("nk,nk->n", kernel, kernel)  # squared lengths of what is left of each column
    start = 0
    for found in range(rank):
        long = rest[start:] > threshold
        start += int(np.argmax(long))
        assert long.any(), f"found {found} of {rank} vectors in a space"
        row = kernel[start]
        for _ in range(2):  # twice is enough (Kahan; Parlett 1980)
            row = row - chosen[:found].T @ (chosen[:found] @ row)
        chosen[found] = row / np.linalg.norm(row)
        rest[start:] -= (kernel[start:] @ chosen[found]) ** 2
    return chosen @ kernel.T
