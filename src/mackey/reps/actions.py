"""The constraints σ(g)B = Bρ(g), dσ(X)B = B dρ(X) as one operator on B, never formed as a matrix."""

from dataclasses import dataclass

import numpy as np

from mackey.reps.abstract import AbstractRep


@dataclass(frozen=True, eq=False)
class Constraints:
    """L: B → (w_g (σ_g B − B ρ_g))_g, each scaled to norm about 1 by w_g = 1/max(1, ‖σ_g‖ + ‖ρ_g‖).

    left (m, a, a) and right (m, d, d): the generators and the Lie algebra, already multiplied by w. Blocks of
    B are stored as (a, b, d), so that both products are one matrix product each.
    """

    left: np.ndarray
    right: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        return self.left.shape[-1], self.right.shape[-1]

    @property
    def size(self) -> int:
        return self.shape[0] * self.shape[1]

    def residuals(self, blocks: np.ndarray) -> np.ndarray:
        """L X, (m, a, b, d)."""
        a, _, d = blocks.shape
        found = [
            (s @ blocks.reshape(a, -1)).reshape(blocks.shape)
            - (blocks.reshape(-1, d) @ r).reshape(blocks.shape)
            for s, r in zip(self.left, self.right, strict=True)
        ]
        return np.stack(found) if found else np.zeros((0, *blocks.shape))

    def normal(self, blocks: np.ndarray) -> np.ndarray:
        """LᵀL X, (a, b, d)."""
        total = np.zeros_like(blocks)
        a, _, d = blocks.shape
        for s, r in zip(self.left, self.right, strict=True):
            rest = (s @ blocks.reshape(a, -1)).reshape(blocks.shape)
            rest -= (blocks.reshape(-1, d) @ r).reshape(blocks.shape)
            total += (s.T @ rest.reshape(a, -1)).reshape(blocks.shape)
            total -= (rest.reshape(-1, d) @ r.T).reshape(blocks.shape)
        return total

    def normal_matrix(self) -> np.ndarray:
        """LᵀL = Σ σᵀσ⊗1 − σᵀ⊗ρᵀ − σ⊗ρ + 1⊗ρρᵀ on B read row by row, (ad, ad)."""
        a, d = self.shape
        s, r = self.left, self.right
        mixed = s.reshape(-1, a * a).T @ r.reshape(-1, d * d)
        mixed = mixed.reshape(a, a, d, d)  # Σ σ[o, p] ρ[i, j]
        total = -mixed.transpose(0, 2, 1, 3) - mixed.transpose(1, 3, 0, 2)
        rows, columns = np.arange(a), np.arange(d)
        total[:, columns, :, columns] += (s.transpose(0, 2, 1) @ s).sum(0)
        total[rows, :, rows, :] += (r @ r.transpose(0, 2, 1)).sum(0)
        return total.reshape(a * d, a * d)

    def spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        """The singular values of L, ascending, and its right singular vectors in columns, dense.

        From the eigenvectors of LᵀL where these are good to 1e-12: where no value lies between 1e-6 and 1e-2
        (their error is rounding over the square of the gap); values below 1e-6 are then rounding. Else by QR
        and SVD of L itself.
        """
        values, vectors = np.linalg.eigh(self.normal_matrix())
        values = np.sqrt(np.maximum(values, 0))
        if not ((values > 1e-6) & (values < 1e-2)).any():
            return values, vectors
        a, d = self.shape
        whole = np.zeros((0, a * d))
        for s, r in zip(self.left, self.right, strict=True):
            rows = np.kron(s, np.eye(d)) - np.kron(np.eye(a), r.T)
            whole = np.asarray(np.linalg.qr(np.concatenate([whole, rows]), mode="r"))
        _, values, rows = np.linalg.svd(whole)
        return values[::-1], rows[::-1].T

    def rotated(self, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The singular values of L N, ascending, for orthonormal N (ad, k), and N turned to their vectors.

        Accurate to rounding, unlike the roots of the eigenvalues of LᵀL.
        """
        (a, d), count = self.shape, kernel.shape[1]
        if not count or not len(self.left):
            return np.zeros(count), kernel
        blocks = kernel.reshape(a, d, count).transpose(0, 2, 1)
        rows = self.residuals(blocks).transpose(0, 1, 3, 2).reshape(-1, count)
        _, values, turn = np.linalg.svd(np.linalg.qr(rows, mode="r"), full_matrices=True)
        padded = np.zeros(count)
        padded[: len(values)] = values
        return padded[::-1], kernel @ turn[::-1].T


def constraints(rho: AbstractRep, sigma: AbstractRep) -> Constraints:
    """Those of every generator and of every basis element of the Lie algebra."""
    left = np.concatenate([sigma.generator_matrices, sigma.algebra_matrices])
    right = np.concatenate([rho.generator_matrices, rho.algebra_matrices])
    sizes = _norms(left) + _norms(right)
    weights = 1 / np.maximum(1, sizes)[:, None, None]
    return Constraints(left * weights, right * weights)


def _norms(matrices: np.ndarray) -> np.ndarray:
    """An upper bound of each spectral norm, √(‖M‖₁ ‖M‖_∞)."""
    size = np.abs(matrices)
    return np.sqrt(size.sum(1).max(-1, initial=0) * size.sum(2).max(-1, initial=0))
