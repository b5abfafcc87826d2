"""Clebsch–Gordan coefficients: exact, then in the real basis of `spherical_harmonics`."""

from fractions import Fraction
from functools import lru_cache
from math import factorial, sqrt

import numpy as np

from mackey.errors import sentence


@lru_cache(maxsize=1024)
def clebsch_gordan(l1: int, l2: int, l3: int) -> np.ndarray:
    """The invariant C (2l₁+1, 2l₂+1, 2l₃+1) of D_{l₁}⊗D_{l₂}⊗D_{l₃}, Frobenius norm 1, read-only float64.

    Unique up to sign; the sign is that of e3nn's `wigner_3j`. C·√(2l₃+1) is an isometry from l₃ into l₁⊗l₂.
    """
    if min(l1, l2, l3) < 0 or not abs(l1 - l2) <= l3 <= l1 + l2:
        raise ValueError(
            sentence(
                "reps.clebsch_gordan",
                wanted="degrees ≥ 0 with |l1 − l2| ≤ l3 ≤ l1 + l2",
                got=f"l1={l1}, l2={l2}, l3={l3}",
                remedy="no invariant exists for other degrees: leave the path out",
            )
        )
    first, second, third = (complex_from_real(l) for l in (l1, l2, l3))
    table = complex_clebsch_gordan(2 * l1, 2 * l2, 2 * l3)
    found = np.einsum("ai,bj,abc,ck->ijk", first, second, table, third.conj(), optimize=True)
    assert np.abs(found.imag).max() < 1e-12, "the phases (−i)^l make the real basis real"
    real = np.where(np.abs(found.real) < 1e-15, 0.0, found.real) / sqrt(2 * l3 + 1)
    real.setflags(write=False)
    return real


@lru_cache(maxsize=1024)
def complex_clebsch_gordan(twice_j1: int, twice_j2: int, twice_j3: int) -> np.ndarray:
    """⟨j₁m₁ j₂m₂|j₃m₃⟩ of SU(2) in the Condon–Shortley phase, m = −j…j, from 2j₁, 2j₂, 2j₃; read-only.

    Racah (1942), in exact integer arithmetic: each entry is the root of a fraction, rounded once.
    """
    table = np.zeros((twice_j1 + 1, twice_j2 + 1, twice_j3 + 1))
    for a in range(twice_j1 + 1):
        for b in range(twice_j2 + 1):
            c = a + b + (twice_j3 - twice_j1 - twice_j2) // 2
            if 0 <= c <= twice_j3:
                table[a, b, c] = _racah(twice_j1, twice_j2, twice_j3, a, b, c)
    table.setflags(write=False)
    return table


def _racah(d1: int, d2: int, d3: int, a: int, b: int, c: int) -> float:
    """One coefficient; d = 2j, and a = j₁+m₁, b = j₂+m₂, c = j₃+m₃ count from the lowest weight."""
    f = factorial
    s, t, u = (d1 + d2 - d3) // 2, (d1 - d2 + d3) // 2, (d2 - d1 + d3) // 2
    total = Fraction(0)
    for k in range(max(0, d1 - a - t, b - u), min(s, d1 - a, b) + 1):
        below = f(k) * f(s - k) * f(d1 - a - k) * f(b - k) * f(t - d1 + a + k) * f(u - b + k)
        total += Fraction((-1) ** k, below)
    triangle = Fraction((d3 + 1) * f(s) * f(t) * f(u), f((d1 + d2 + d3) // 2 + 1))
    weights = f(a) * f(d1 - a) * f(b) * f(d2 - b) * f(c) * f(d3 - c)
    size = sqrt(triangle * weights * total**2)
    return size if total >= 0 else -size


@lru_cache(maxsize=64)
def complex_from_real(l: int) -> np.ndarray:
    """Q, unitary: (−i)^l times the complex harmonics (Condon–Shortley) from the real ones, m = −l…l.

    Y_l^m = (−1)^m (Y_{l,m} + i Y_{l,−m})/√2 and Y_l^{−m} = (Y_{l,m} − i Y_{l,−m})/√2 for m > 0.
    """
    found = np.zeros((2 * l + 1, 2 * l + 1), dtype=np.complex128)
    found[l, l] = 1
    for m in range(1, l + 1):
        found[l + m, [l + m, l - m]] = (-1) ** m / sqrt(2), 1j * (-1) ** m / sqrt(2)
        found[l - m, [l + m, l - m]] = 1 / sqrt(2), -1j / sqrt(2)
    found *= (-1j) ** l
    found.setflags(write=False)
    return found
