"""The kernel of a large constraint operator, by conjugate gradients on random blocks with deflation."""

import numpy as np

from mackey.errors import sentence
from mackey.reps.actions import Constraints
from mackey.reps.nullspace import clear_from

_BLOCK = 16
_STEPS = 2000
_PASSES = 2


def krylov_kernel(operator: Constraints, tolerance: float) -> tuple[np.ndarray, float]:
    """An orthonormal basis (n, k) of the kernel of L, and an estimate of its smallest other singular value.

    x − A⁺Ax with A = LᵀL projects x on the kernel; A⁺Ax comes from conjugate gradients, since the system is
    consistent, and singular vectors of L among the results are told apart by their values. Blocks of random
    x grow until one is larger than what is left of the kernel: random vectors span as much of it as they can
    with probability 1. The steps stop at residuals of tolerance², so that a kernel which is one only up to
    the tolerance is kept. Vectors are off by about rounding over the square of the gap.
    """
    source = np.random.default_rng(0)
    found = np.zeros((operator.size, 0))
    width, nonzero = _BLOCK, np.inf
    while width := min(width, operator.size - found.shape[1]):
        block = source.normal(size=(operator.size, width))
        for _ in range(_PASSES):
            block = np.linalg.qr(_without(found, block))[0]
            filtered, met = _filtered(operator, block, tolerance)
            values, block = operator.rotated(np.linalg.qr(_without(found, filtered))[0])
            kept = values < clear_from(tolerance)
            others = np.concatenate([met[met > clear_from(tolerance)], values[~kept]])
            nonzero = min(nonzero, float(others.min(initial=np.inf)))
            block = block[:, kept]
        found = np.concatenate([found, block], axis=1)
        if block.shape[1] < width:
            break
        width *= 2
    return np.linalg.qr(found)[0], nonzero


def _without(found: np.ndarray, block: np.ndarray) -> np.ndarray:
    """What is orthogonal to the kernel found so far."""
    for _ in range(2):
        block = block - found @ (found.T @ block)
    return block


def _filtered(operator: Constraints, block: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """x − A⁺Ax for each column of a block (n, b), and the singular values of L that the first column met."""
    a, d = operator.shape
    x = block.reshape(a, d, -1).transpose(0, 2, 1)
    rest = operator.normal(x)
    direction = rest.copy()
    size = _dot(rest, rest)
    target = _dot(x, x) * max(tolerance**4, 1e-30)
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
        size = np.where(active, new, size)
        if active[:1].any():
            history.append((float(step[0]), float(ratio[0])))
    else:
        _refuse_slow(float(np.sqrt((size / _dot(x, x)).max())))
    return x.transpose(0, 2, 1).reshape(block.shape), _ritz_values(history)


def _refuse_slow(left: float) -> None:
    raise ValueError(
        sentence(
            "reps.intertwiners, by Krylov steps",
            wanted=f"constraints that separate their kernel within {_STEPS} steps",
            got=f"residuals of {left:.1e}",
            remedy="add generators, which widen the gap, or give a larger tolerance",
        )
    )


def _ritz_values(history: list[tuple[float, float]]) -> np.ndarray:
    """√ of the eigenvalues of the Lanczos matrix that conjugate gradients built (Saad 2003, 6.7.3)."""
    if not history:
        return np.zeros(0)
    steps, ratios = np.array(history).T
    diagonal = 1 / steps
    diagonal[1:] += ratios[:-1] / steps[:-1]
    beside = np.sqrt(ratios[:-1]) / steps[:-1]
    matrix = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    return np.sqrt(np.maximum(np.linalg.eigvalsh(matrix), 0.0))


def _dot(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.einsum("abd,abd->b", x, y)
