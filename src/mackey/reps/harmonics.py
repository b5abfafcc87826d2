"""Real spherical harmonics of any degree: polynomials in x, y, z, with exact derivatives of every order."""

from functools import lru_cache
from math import pi, sqrt
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mackey.axes import Float
from mackey.reps.conventions import unknown
from mackey.reps.coupling import clebsch_gordan
from mackey.reps.traced import constant
from mackey.reps.wigner import refuse_degree, refuse_shape

NORMALISATIONS = ("component", "norm", "integral")


def spherical_harmonics(
    l_max: int, x: Float[Tensor, "*b 3"], *, normalise: bool = True, normalisation: str = "component"
) -> Float[Tensor, "*b lm"]:
    """Y_l^m(x/|x|) for l = 0…l_max, (l_max+1)² numbers ordered by l, then m = −l…l about the y axis.

    With α the angle about y from z to x, m < 0 goes with sin |m|α and m > 0 with cos mα, so that Y_1 is
    proportional to (x, y, z). normalise=False: the homogeneous polynomials |x|^l Y_l(x/|x|) of x itself.
    normalisation: |Y_l|² is 2l+1 ("component"), 1 ("norm") or (2l+1)/4π ("integral": orthonormal for the
    area of the sphere). At x = 0 all but Y_0 vanish, with all derivatives; a length whose square underflows
    counts as 0.
    """
    refuse_degree("reps.spherical_harmonics", l_max)
    refuse_shape("reps.spherical_harmonics", x, 3)
    return _apply(x, _Request(0, normalise, _scales(l_max, normalisation)))


def spherical_harmonic(
    l: int, x: Float[Tensor, "*b 3"], *, normalise: bool = True, normalisation: str = "component"
) -> Float[Tensor, "*b m"]:
    """The 2l+1 numbers of degree l of `spherical_harmonics`."""
    refuse_degree("reps.spherical_harmonic", l)
    refuse_shape("reps.spherical_harmonic", x, 3)
    return _apply(x, _Request(l, normalise, _scales(l, normalisation)))


class _Request(NamedTuple):
    """Degrees first…len(scales)−1, each times its scale, of x/|x| or of x."""

    first: int
    normalise: bool
    scales: tuple[float, ...]


def _apply(x: Tensor, request: _Request) -> Tensor:
    """In float32 at least: bfloat16 has two digits, and x² + y² + z² would lose them."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    # Traced, the products fuse with their derivatives; eager, each is a pass over memory.
    found: Tensor = (
        _values(wide, request) if torch.compiler.is_compiling() else _Harmonics.apply(wide, request)
    )
    return found.to(x.dtype)


def _scales(l_max: int, normalisation: str) -> tuple[float, ...]:
    if normalisation not in NORMALISATIONS:
        raise ValueError(unknown("reps.spherical_harmonics: normalisation", normalisation, NORMALISATIONS))
    of = {
        "component": lambda l: 1.0,
        "norm": lambda l: 1 / sqrt(2 * l + 1),
        "integral": lambda l: 1 / sqrt(4 * pi),
    }
    return tuple(of[normalisation](l) for l in range(l_max + 1))


class _Harmonics(torch.autograd.Function):
    """Y and its gradient ∂_i Y_l = A_i Y_{l−1} with constant matrices A_i.

    The backward recomputes Y from x by differentiable operations, so it has derivatives of every order.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, request: _Request) -> Tensor:
        return _values(x, request)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, _Request], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.request = inputs[1]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        together = torch.cat([grad.movedim(-1, 0), *(row[None] for row in _coordinates(x))])
        rows = together.unbind(0)
        at = _direction(together[-4:], ctx.request.normalise)
        lower = _solid(len(ctx.request.scales) - 2, at)
        slope = [torch.zeros_like(at.x)] * 3
        for i, m, k, factor in _terms(ctx.request):
            slope[i] = torch.addcmul(slope[i], rows[m], lower[k], value=factor)
        if ctx.request.normalise:
            # ∂(x/|x|) = (1 − uuᵀ)/|x| for u = x/|x|
            along = at.x * slope[0] + at.y * slope[1] + at.z * slope[2]
            slope = [(part - along * u) * at.inverse for part, u in zip(slope, at[:3], strict=True)]
        return torch.stack(slope, -1), None


def _values(x: Tensor, request: _Request) -> Tensor:
    """Y in plain operations; each component one contiguous row, as inductor does not vectorise others."""
    rows = _solid(len(request.scales) - 1, _direction(torch.stack(_coordinates(x)), request.normalise))
    scaled = [
        row if scale == 1 else row * scale
        for l, scale in enumerate(request.scales)
        for row in rows[l * l : (l + 1) ** 2]
    ]
    return torch.stack(scaled[request.first**2 :], -1)


def _coordinates(x: Tensor) -> tuple[Tensor, ...]:
    """x, y, z and x² + y² + z², one row each."""
    a, b, c = x.unbind(-1)
    return a, b, c, a * a + b * b + c * c


class _Direction(NamedTuple):
    """The coordinates, the square of their length, and what they were multiplied by."""

    x: Tensor
    y: Tensor
    z: Tensor
    square: Tensor
    inverse: Tensor


def _direction(coordinates: Tensor, normalise: bool) -> _Direction:
    x, y, z, square = coordinates.unbind(0)
    if not normalise:
        return _Direction(x, y, z, square, square)
    there = square > torch.finfo(square.dtype).tiny
    inverse = torch.where(there, torch.where(there, square, 1).rsqrt(), 0)
    return _Direction(x * inverse, y * inverse, z * inverse, there.to(square.dtype), inverse)


def _solid(l_max: int, at: _Direction) -> list[Tensor]:
    """The (l_max+1)² homogeneous polynomials |x|^l Y_l(x/|x|), |Y_l|² = 2l+1, each by a few products.

    Y_m^{±m} = c_m (Re, Im)(z + ix)^m, and Y_l^{±m} = Q_l^m Y_m^{±m} with Q_l = a y Q_{l−1} − b |x|² Q_{l−2},
    the normalised recursion of the associated Legendre functions (Holmes and Featherstone 2002).
    """
    found = [torch.ones_like(at.x)] * (l_max + 1) ** 2
    even, odd = found[:1] * 2
    for m in range(l_max + 1):
        if m == 1:
            even, odd = sqrt(3) * at.z, sqrt(3) * at.x
        if m > 1:
            z, x = (sqrt((2 * m + 1) / (2 * m)) * part for part in (at.z, at.x))
            even, odd = even * z - odd * x, even * x + odd * z
        for l, factor in _legendre(m, l_max, at):
            found[l * l + l - m], found[l * l + l + m] = factor * odd, factor * even
        found[m * m], found[m * m + 2 * m] = odd, even
    return found


def _legendre(m: int, l_max: int, at: _Direction) -> list[tuple[int, Tensor]]:
    """(l, Q_l^m) for l = m+1…l_max, where Q_m^m = 1."""
    found = [(m + 1, sqrt(2 * m + 3) * at.y)] if l_max > m else []
    for l in range(m + 2, l_max + 1):
        a = sqrt((4 * l * l - 1) / (l * l - m * m))
        b = a * sqrt(((l - 1) ** 2 - m * m) / (4 * (l - 1) ** 2 - 1))
        rest = b * at.square if l == m + 2 else b * at.square * found[-2][1]
        found.append((l, a * at.y * found[-1][1] - rest))
    return found


def _terms(request: _Request) -> list[tuple[int, int, int, float]]:
    """(i, m, k, A): ∂_i of the m-th number asked for is the sum of A times the k-th of Y_0, Y_1, …."""
    return [
        (i, l * l - request.first**2 + m, (l - 1) ** 2 + k, factor * request.scales[l])
        for l in range(max(request.first, 1), len(request.scales))
        for i, m, k, factor in _gradient(l)
    ]


@constant
def _gradient(l: int) -> tuple[tuple[int, int, int, float], ...]:
    return _cached_gradient(l)


@lru_cache(maxsize=64)
def _cached_gradient(l: int) -> tuple[tuple[int, int, int, float], ...]:
    """The entries (i, m, k, A_i[m, k]) ≠ 0 of ∂_i Y_l = A_i Y_{l−1}.

    By invariance A is a multiple of the coupling (l−1)⊗1 → l; by Euler's Σ_i x_i ∂_i Y_l = l Y_l the multiple
    is √l (2l+1), with ∂_y Y_l^0 ∝ +Y_{l−1}^0.
    """
    coupling = clebsch_gordan(l - 1, 1, l)
    table = coupling * (2 * l + 1) * sqrt(l) * (1 if coupling[l - 1, 1, l] > 0 else -1)
    return tuple(
        (i, m, k, float(table[k, i, m]))
        for k in range(2 * l - 1)
        for i in range(3)
        for m in range(2 * l + 1)
        if table[k, i, m] != 0
    )
