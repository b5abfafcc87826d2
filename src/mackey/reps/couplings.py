"""Every way in which three irreps couple to a number: the paths of a tensor product."""

from functools import lru_cache

import numpy as np

from mackey.errors import sentence
from mackey.reps.conventions import complex_basis
from mackey.reps.coupling import clebsch_gordan, complex_clebsch_gordan
from mackey.reps.schur import AbstractIrrep
from mackey.reps.so2 import O2Irrep, SO2Irrep
from mackey.reps.so3 import O3Irrep, SO3Irrep, SU2Irrep, conjugation


@lru_cache(maxsize=1024)
def couplings(first: AbstractIrrep, second: AbstractIrrep, third: AbstractIrrep) -> np.ndarray:
    """An orthonormal basis (n, d₁, d₂, d₃) of the invariants of ρ₁⊗ρ₂⊗ρ₃, read-only; n = 0, 1, 2 or 4.

    SO(3), O(3): `clebsch_gordan`. SO(2), O(2): real and imaginary part of z^{±k₁} z^{±k₂} z^{±k₃} with total
    frequency 0; O(2) keeps the one of the right parity. SU(2): from the complex coefficients.
    """
    if len({part.group for part in (first, second, third)}) != 1:
        raise ValueError(
            sentence(
                "reps.couplings",
                wanted="irreps of one group",
                got=", ".join(f"{part} of {part.group}" for part in (first, second, third)),
                remedy="take all three from the same group",
            )
        )
    match first, second, third:
        case SO3Irrep(a), SO3Irrep(b), SO3Irrep(c):
            found = _rotations(a, b, c, True)
        case O3Irrep(a, p), O3Irrep(b, q), O3Irrep(c, r):
            found = _rotations(a, b, c, p * q * r == 1)
        case SO2Irrep(a), SO2Irrep(b), SO2Irrep(c):
            found = _circular((a, b, c))
        case O2Irrep(a, p), O2Irrep(b, q), O2Irrep(c, r):
            found = _mirrored((a, b, c), p ^ q ^ r)
        case SU2Irrep(a), SU2Irrep(b), SU2Irrep(c):
            found = _spins(a, b, c)
        case _:
            raise ValueError(
                sentence(
                    "reps.couplings",
                    wanted="irreps of SO(2), O(2), SO(3), O(3) or SU(2)",
                    got=f"irreps of {first.group}",
                    remedy="solve for them with reps.intertwiners",
                )
            )
    found.setflags(write=False)
    return found


def _rotations(a: int, b: int, c: int, even: bool) -> np.ndarray:
    if even and abs(a - b) <= c <= a + b:
        return clebsch_gordan(a, b, c)[None].copy()
    return np.zeros((0, 2 * a + 1, 2 * b + 1, 2 * c + 1))


def _circular(frequencies: tuple[int, int, int]) -> np.ndarray:
    """Re and Im of the product; the same without Im when all are constant."""
    sizes = tuple(2 if k else 1 for k in frequencies)
    for signs in ((1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, 1, 1)):
        if sum(s * k for s, k in zip(signs, frequencies, strict=True)) == 0:
            z = [np.array([1, s * 1j][:size]) for s, size in zip(signs, sizes, strict=True)]
            product = np.einsum("i,j,k->ijk", *z)
            parts = [part for part in (product.real, product.imag) if np.any(part)]
            return np.stack([part / np.linalg.norm(part) for part in parts])
    return np.zeros((0, *sizes))


def _mirrored(frequencies: tuple[int, int, int], odd: bool) -> np.ndarray:
    """The mirror conjugates: Re is even, Im is odd."""
    both = _circular(frequencies)
    if not any(frequencies):
        return both[: int(not odd)]
    return both[1:] if odd else both[:1]


def _spins(a: int, b: int, c: int) -> np.ndarray:
    """a, b, c = 2j. T(ψ₁, ψ₂, ψ₃) = Σ (3j) ψ₁ψ₂ψ₃ is invariant and complex; spinors allow ψ ↦ Jψ too."""
    spinors = [twice % 2 == 1 for twice in (a, b, c)]
    if sum(spinors) % 2 or not abs(a - b) <= c <= a + b:
        return np.zeros((0, *(SU2Irrep(twice).dim for twice in (a, b, c))))
    table = complex_clebsch_gordan(a, b, c)[::-1, ::-1, ::-1]
    invariant = np.einsum("abc,cd->abd", table, conjugation(c).T)
    if not any(spinors):
        return _rotations(a // 2, b // 2, c // 2, True)
    free = spinors.index(True)
    found = []
    for conjugate in (-1, free):
        bases = [_coordinates(twice, place == conjugate) for place, twice in enumerate((a, b, c))]
        product = np.einsum("abc,ai,bj,ck->ijk", invariant, *bases)
        found += [product.real, product.imag]
    return np.stack([part / np.linalg.norm(part) for part in found])


def _coordinates(twice: int, conjugate: bool) -> np.ndarray:
    """ψ (or Jψ), weights in descending order, as a linear function of the real coordinates."""
    if twice % 2 == 0:
        return complex_basis(twice // 2).conj()[::-1]
    one = conjugation(twice) if conjugate else np.eye(twice + 1)
    return np.hstack([one, -1j * one if conjugate else 1j * one])
