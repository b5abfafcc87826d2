"""Which classical group a matrix group is, as far as its invariants can tell, read off its generators."""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import numpy as np

from mackey.groups import AbstractMatrixGroup
from mackey.reps.counting import (
    linear_invariants,
    orthogonal_invariants,
    pseudo_invariants,
    symplectic_invariants,
)
from mackey.reps.nullspace import TOLERANCE, fixed_vectors


class Family(Enum):
    """A group whose polynomial invariants are known; the value is how it is written."""

    ORTHOGONAL = "O"
    SPECIAL_ORTHOGONAL = "SO"
    SYMPLECTIC = "Sp"
    GENERAL_LINEAR = "GL"
    SPECIAL_LINEAR = "SL"


@dataclass(frozen=True, eq=False)
class Classical:
    """The smallest classical group with the same invariants, on V = R^n with the form J that it preserves.

    form: gᵀJg = J, scaled to |det J| = 1; the identity for GL and SL, which preserve none.
    """

    family: Family
    n: int
    form: np.ndarray

    @property
    def has_volume(self) -> bool:
        """Whether ε is invariant besides the form."""
        return self.family in (Family.SPECIAL_ORTHOGONAL, Family.SPECIAL_LINEAR)

    def invariant_count(self, up: int, down: int, odd: bool) -> int:
        """dim Hom_G(det^odd, V^⊗up ⊗ V*^⊗down)."""
        slots = up + down
        if self.family is Family.SYMPLECTIC:
            return symplectic_invariants(slots, self.n)
        if self.family is Family.ORTHOGONAL:
            return (pseudo_invariants if odd else orthogonal_invariants)(slots, self.n)
        if self.family is Family.SPECIAL_ORTHOGONAL:
            return pseudo_invariants(slots, self.n) + orthogonal_invariants(slots, self.n)
        return linear_invariants(up, down, self.n, self.has_volume)


@lru_cache
def classical(group: AbstractMatrixGroup) -> Classical | None:
    """The classical group with the Lie algebra of G and the same Zariski closure; None if there is none.

    Polynomial invariants see only the closure, so SO⁺(p, q) has those of SO(p, q), and any group between it
    and O(p, q) with an element of determinant −1 has those of O(p, q).
    """
    n = group.size
    lie = np.asarray(group.lie_algebra).reshape(-1, n, n)
    finite = [g.detach().cpu().double().numpy() for g in group.generators]
    signs = np.linalg.det(np.stack(finite)) if finite else np.ones(0)
    if len(lie) == n * n:
        return Classical(Family.GENERAL_LINEAR, n, np.eye(n))
    traceless = np.abs(np.trace(lie, axis1=1, axis2=2)).max(initial=0) < TOLERANCE
    unimodular = traceless and bool(np.all(np.abs(signs - 1) < TOLERANCE))
    if len(lie) == n * (n + 1) // 2 and n % 2 == 0:
        form = _form(finite, lie, -1)
        if form is not None:
            return Classical(Family.SYMPLECTIC, n, form)
    if len(lie) == n * (n - 1) // 2:
        form = _form(finite, lie, 1)
        if form is not None:
            family = Family.SPECIAL_ORTHOGONAL if unimodular else Family.ORTHOGONAL
            return Classical(family, n, form)
    if len(lie) == n * n - 1 and unimodular:
        return Classical(Family.SPECIAL_LINEAR, n, np.eye(n))
    return None


def _form(finite: list[np.ndarray], lie: np.ndarray, sign: int) -> np.ndarray | None:
    """The invariant bilinear form J with Jᵀ = sign·J, if it is unique and not degenerate."""
    n = lie.shape[-1]
    moves = [np.kron(g.T, g.T) for g in finite]
    rates = [np.kron(X.T, np.eye(n)) + np.kron(np.eye(n), X.T) for X in lie]
    swap = np.eye(n * n).reshape(n, n, n * n).transpose(1, 0, 2).reshape(n * n, n * n)
    whole = np.stack([*moves, sign * swap])
    found = fixed_vectors(whole, np.stack(rates) if rates else np.zeros((0, n * n, n * n)))
    if len(found) != 1:
        return None
    form = found[0].reshape(n, n)
    volume = abs(np.linalg.det(form * np.sqrt(n)))
    if volume < TOLERANCE:
        return None
    form = form * np.sqrt(n) / volume ** (1 / n)
    leading = form.flat[np.argmax(np.abs(form.ravel()) > TOLERANCE)]
    form = np.sign(leading) * form
    whole = np.rint(form)
    return whole if np.abs(form - whole).max() < TOLERANCE else form
