"""A basis of Hom_G(ρ, σ) together with the evidence for it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mackey.reps.abstract import AbstractRep
from mackey.reps.actions import constraints
from mackey.reps.nullspace import Gap

_SAID = {
    "table": "by averaging over the elements of the table",
    "orbits": "exactly, one map for each orbit of the group on pairs of coordinates",
    "diagrams": "exactly, from pairings of indices and the volume form",
    "schur": "exactly, by Schur's lemma",
    "couplings": "exactly, from Clebsch–Gordan coefficients",
    "svd": "from the generators, by the singular values of all constraints",
    "krylov": "from the generators, by Krylov steps on the constraints",
}


@dataclass(frozen=True, eq=False, repr=False)
class Solution:
    """basis (count, d_σ, d_ρ) of Hom_G(ρ, σ), float64, read-only.

    method: "table", "orbits", "diagrams", "schur", "couplings", "svd" or "krylov"; for a sum several,
    joined by " + ".
    gap: the singular values on both sides of the rank, where it was decided by numbers. expected: the
    dimension by an independent formula, where there is one.
    """

    rho: AbstractRep
    sigma: AbstractRep
    basis: np.ndarray
    method: str
    gap: Gap | None
    expected: int | None

    def __len__(self) -> int:
        return len(self.basis)

    @cached_property
    def residual(self) -> float:
        """max |σ(g)B − Bρ(g)|, |dσ(X)B − B dρ(X)| over generators, divided by max(1, ‖σ‖ + ‖ρ‖)."""
        blocks = self.basis.transpose(1, 0, 2)
        return float(np.abs(constraints(self.rho, self.sigma).residuals(blocks)).max(initial=0))

    def __str__(self) -> str:
        said = ", and ".join(_SAID[method] for method in self.method.split(" + ") if method)
        count = len(self)
        maps = f"{count} linear map{'' if count == 1 else 's'}"
        text = f"{maps} from {self.rho} to {self.sigma} of {self.rho.group}, found {said or 'to be none'}."
        if self.expected is not None:
            text += f" Theory counts {self.expected}."
        if self.gap is not None:
            text += (
                f" Singular values to {self.gap.zero:.1e} count as zero (tolerance {self.gap.tolerance:.0e}),"
                f" the next is {self.gap.nonzero:.1e}."
            )
        return f"{text} The maps intertwine to {self.residual:.1e}."
