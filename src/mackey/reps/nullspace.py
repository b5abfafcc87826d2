"""The common kernel of linear constraints, in a basis that depends on the kernel alone, with a certificate
of its rank.
"""

from dataclasses import dataclass

import numpy as np

from mackey.errors import sentence
from mackey.reps.projectors import canonical

TOLERANCE = 1e-9
_CLEAR = 1e-4  # constraints of norm 1 rarely leave less of what is outside their kernel


def clear_from(tolerance: float) -> float:
    """Singular values from here on count as nonzero without doubt."""
    return max(10 * tolerance, min(_CLEAR, 1e5 * tolerance))


@dataclass(frozen=True)
class Gap:
    """Singular values of the constraints, relative to their norm.

    zero: the largest that counts as 0; nonzero: the smallest that does not, infinite if there is none.
    """

    zero: float
    nonzero: float
    tolerance: float

    def refuse_unclear(self, where: str) -> None:
        """Raise where a value lies so near the tolerance that the rank could be another."""
        limit = clear_from(self.tolerance)
        if self.nonzero < limit:
            raise ValueError(
                sentence(
                    where,
                    wanted=f"no singular value of the constraints in {self.tolerance:.1g} … {limit:.1g}",
                    got=f"one of {self.nonzero:.2g}, so the dimension is not clear",
                    remedy="give a tolerance above the noise of the generators, or less if they are exact",
                )
            )


def fixed_vectors(finite: np.ndarray, lie: np.ndarray) -> np.ndarray:
    """An orthonormal basis (k, d) of {v : ρ(g)v = v, dρ(X)v = 0} for matrices (m, d, d) of each kind."""
    size = finite.shape[-1]
    constraints = np.concatenate([finite - np.eye(size), lie]).reshape(-1, size)
    if not len(constraints):
        return np.eye(size)
    _, values, rows = np.linalg.svd(constraints, full_matrices=True)
    largest = max(float(values.max(initial=0)), 1.0)
    rank = int((values > TOLERANCE * largest).sum())
    return canonical(rows[rank:].T)
