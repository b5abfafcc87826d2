"""The kernel of a large constraint operator, by conjugate gradients on random blocks with deflation."""

import numpy as np

from mackey.reps.actions import Constraints

_BLOCK = 16
_STEPS = 2000
_PASSES = 3


def krylov_kernel(operator: Constraints, tolerance: float) -> tuple[np.ndarray, float]:
    """An orthonormal basis (n, k) of the kernel of L, and an estimate of its smallest other singular value.

    x − A⁺Ax with A = LᵀL is the projection of x on the kernel; A⁺Ax by conjugate gradients, since the system
    is consistent. Blocks of random x grow until one is larger than what is left of the kernel: random
    vectors span a subspace as large as they can with probability 1. Stopped early, at residuals of the order
    of tolerance², so that a kernel which is one only up to the tolerance is kept.
    """
    source = np.random.default_rng(0)
    a, d = operator.shape
    found = np.zeros((operator.size, 0))
    width, nonzero = _BLOCK, np.inf
    while True:
        width = min(width, operator.size - found.shape[1])
        if width == 0:
            return found, nonzero
        block = _without(found, source.normal(size=(operator.size, width)))
        start = np.linalg.norm(block, axis=0)
        for _ in range(_PASSES):
            filtered, value = _filter(operator, block.reshape(a, d, width).transpose(0, 2, 1), tolerance)
            nonzero = min(nonzero, value)
            block = _without(found, filtered.transpose(0, 2, 1).reshape(-1, width))
        left, values, _ = np.linalg.svd(block / start, full_matrices=False)
        new = left[:, values > 1e-5]
        found = np.concatenate([found, _without(found, new)], axis=1)
        if new.shape[1] < width:
            return np.linalg.qr(found)[0], nonzero
        width *= 2


def _without(found: np.ndarray, block: np.ndarray) -> np.ndarray:
    """What is orthogonal to the kernel found so far."""
    for _ in range(2):
        block = block - found @ (found.T @ block)
    return block


def _filter(operator: Constraints, x: np.ndarray, tolerance: float) -> tuple[np.ndarray, float]:
    """x − A⁺Ax for each column of x (a, b, d), and the root of the smallest Ritz value that was met."""
    rest = operator.normal(x)
    direction = rest.copy()
    size = _dot(rest, rest)
    scale = _dot(x, x)
    target = scale * max((10 * tolerance) ** 4, 1e-28)
    met = np.inf
    history: list[tuple[float, float]] = []
    for _ in range(_STEPS):
        active = size > target
        if not active.any():
            break
        moved = operator.normal(direction)
        step = np.where(active, size / np.maximum(_dot(direction, moved), 1e-300), 0.0)
        x = x - step[:, None] * direction
        rest = rest - step[:, None] * moved
        new = _dot(rest, rest)
        ratio = np.where(active, new / np.maximum(size, 1e-300), 0.0)
        direction = rest + ratio[:, None] * direction
        if active[0]:
            history.append((float(step[0]), float(ratio[0])))
        size = np.where(active, new, size)
    if history:
        met = _smallest_ritz_value(history)
    return x, met


def _dot(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.einsum("abd,abd->b", x, y)


def _smallest_ritz_value(history: list[tuple[float, float]]) -> float:
    """√ of the smallest eigenvalue of the Lanczos matrix that conjugate gradients built (Saad 2003, 6.7)."""
    steps, ratios = np.array(history).T
    diagonal = 1 / steps
    diagonal[1:] += ratios[:-1] / steps[:-1]
    beside = np.sqrt(ratios[:-1]) / steps[:-1]
    matrix = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    return float(np.sqrt(max(np.linalg.eigvalsh(matrix)[0], 0.0)))
