"""How other libraries write the same numbers: orders, phases, axes and layouts of features."""

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mackey.errors import sentence
from mackey.reps.abstract import AbstractRep
from mackey.reps.coupling import complex_from_real
from mackey.reps.wigner import wigner_d


@lru_cache(maxsize=64)
def polar_z(l: int) -> np.ndarray:
    """D_l of (x, y, z) ↦ (y, z, x): the real harmonics with m about z in place of y, read-only."""
    turn = torch.tensor([[0, 1, 0], [0, 0, 1], [1, 0, 0]], dtype=torch.float64, device="cpu")
    return _exact(wigner_d(l, turn).numpy())


@lru_cache(maxsize=64)
def complex_basis(l: int) -> np.ndarray:
    """T, unitary: Y_l^m (complex, Condon–Shortley, m = −l…l about z) = Σ T Y_l of mackey, read-only."""
    return _exact(1j**l * complex_from_real(l) @ polar_z(l))


def _exact(matrix: np.ndarray) -> np.ndarray:
    matrix = np.where(np.abs(matrix) < 1e-14, 0, matrix)
    matrix.setflags(write=False)
    return matrix


def _scipy_basis(l: int) -> np.ndarray:
    return np.roll(complex_basis(l), -l, axis=0)


class _Convention(NamedTuple):
    """basis(l): the matrix from the components of mackey. channels_first: copies stand one after another."""

    basis: Callable[[int], np.ndarray]
    channels_first: bool


def _plain(l: int) -> np.ndarray:
    return np.eye(2 * l + 1)


CONVENTIONS = {
    "mackey": _Convention(_plain, False),
    "e3nn": _Convention(_plain, True),
    "escnn": _Convention(polar_z, True),
    "physics": _Convention(complex_basis, True),
    "scipy": _Convention(_scipy_basis, True),
}


def convert(values: Tensor, source: str, target: str, *, irreps: str | AbstractRep) -> Tensor:
    """Features (…, Σ m_i (2l_i+1)) of "16x0e + 8x1o" as another library stores the same features.

    What changes are components v ↦ Tv, as harmonics Y_l(x) and features do; coefficients c of an expansion
    Σ c_m Y_lm change by the complex conjugate. T is unitary: normalisation is not touched.

    mackey: real, m about the y axis, all channels of one component together (component-major).
    e3nn: the same components, all components of one channel together, as in all others below.
    escnn: irreps of SO(3) and O(3), real, m about z: l = 1 is (y, z, x).
    physics: complex Y_l^m with the Condon–Shortley phase, m = −l…l about z; a feature then transforms with
    the complex conjugate of Wigner's D. scipy: these in the order 0…l, −l…−1 of `sph_harm_y_all`.

    From complex to real values the result must be real: Y_l^{−m} = (−1)^m conj Y_l^m.
    """
    before, after = _known(source), _known(target)
    blocks = _blocks(str(irreps))
    size = sum(count * (2 * l + 1) for count, l in blocks)
    if values.shape[-1] != size:
        raise ValueError(
            sentence(
                "reps.convert",
                wanted=f"{size} numbers on the last axis, as {str(irreps)!r} has",
                got=str(values.shape[-1]),
                remedy="check the multiplicities",
            )
        )
    parts = values.split([count * (2 * l + 1) for count, l in blocks], -1)
    found = [_convert_block(part, before, after, l) for part, (_, l) in zip(parts, blocks, strict=True)]
    return torch.cat(found, -1) if found else values


def _convert_block(values: Tensor, before: _Convention, after: _Convention, l: int) -> Tensor:
    shape = (-1, 2 * l + 1) if before.channels_first else (2 * l + 1, -1)
    count = values.shape[-1] // (2 * l + 1)
    block = values.unflatten(-1, tuple(count if size < 0 else size for size in shape))
    block = block.mT if before.channels_first else block
    if before.basis is not after.basis:
        block = _change(
            block, after.basis(l) @ before.basis(l).conj().T, bool(np.iscomplexobj(after.basis(l)))
        )
    return (block.mT if after.channels_first else block).flatten(-2)


def _change(block: Tensor, matrix: np.ndarray, complex_result: bool) -> Tensor:
    """T v, real where the target is."""
    is_complex = block.is_complex() or np.iscomplexobj(matrix)
    dtype = block.dtype.to_complex() if is_complex else block.dtype
    moved = torch.tensor(matrix, dtype=dtype, device=block.device) @ block.to(dtype)
    if complex_result or not is_complex:
        return moved
    rest, scale = moved.imag.abs().amax() if moved.numel() else 0, moved.abs().amax() if moved.numel() else 1
    if rest > 100 * torch.finfo(dtype).eps * scale:
        raise ValueError(
            sentence(
                "reps.convert",
                wanted="complex values of something real, v_(−m) = (−1)^m conj v_m",
                got=f"a result with imaginary part {float(rest):.2g}",
                remedy="convert (v + v*)/2 and (v − v*)/2i apart, where (v*)_m = (−1)^m conj v_(−m)",
            )
        )
    return moved.real


def _blocks(irreps: str) -> list[tuple[int, int]]:
    """(multiplicity, l) of "16x0e + 1o + 2x2"."""
    found = []
    for term in irreps.split("+"):
        match = re.fullmatch(r"(?:(\d+)\s*x\s*)?(\d+)[eo]?", term.strip())
        if not match:
            raise ValueError(
                sentence(
                    "reps.convert",
                    wanted='irreps of SO(3) or O(3) as "16x0e + 8x1o" or "2x1 + 3"',
                    got=repr(term.strip()),
                    remedy="write multiplicity x degree, with the parity e or o for O(3)",
                )
            )
        found.append((int(match[1] or 1), int(match[2])))
    return found


def _known(name: str) -> _Convention:
    if name not in CONVENTIONS:
        raise ValueError(unknown("reps.convert", name, CONVENTIONS))
    return CONVENTIONS[name]


def unknown(where: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that is not one of these, with the nearest of them."""
    names = tuple(known)
    nearest = get_close_matches(name, names, 1, 0)[0]
    return sentence(where, wanted=" | ".join(names), got=repr(name), remedy=f"did you mean {nearest!r}?")
