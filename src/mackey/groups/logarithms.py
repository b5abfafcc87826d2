"""Logarithms of real matrices, differentiable, and the polar decomposition. Values are found in float64."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Bool, Float

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_LEVELS = np.linspace(-0.75, -0.25, 65)
_LIMIT = 40  # iterations: Denman–Beavers doubles the digits in each; only a matrix without a root needs more


def matrix_exp(tangent: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b n n"]:
    """exp(A), in float64 inside.

    torch 2.13 computes one matrix alone, unlike two, with a wrong coefficient: it misses by up to 2·10⁻¹⁰ at
    norm 0.047, in float32 by 5·10⁻⁵ at norm 0.58.
    """
    flat = tangent.double().reshape(-1, *tangent.shape[-2:])
    never_alone = torch.cat([flat, torch.zeros_like(flat[:1])])  # whatever the batch, also while exported
    return torch.linalg.matrix_exp(never_alone)[:-1].reshape(tangent.shape).to(tangent.dtype)


def average_exp(tangent: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b n n"]:
    """∫₀¹ exp(sA) ds = (exp(A) − 1)/A: the upper right block of exp [[A, 1], [0, 0]]."""
    n = tangent.shape[-1]
    one = torch.eye(n, dtype=tangent.dtype, device=tangent.device).expand(tangent.shape)
    above = torch.cat([tangent, one], -1)
    return matrix_exp(torch.cat([above, torch.zeros_like(above)], -2))[..., :n, n:]


class _LogCoordinates(torch.autograd.Function):
    """v with exp(v) = a, given; its derivative is dv = (∫₀¹ exp(−s ad_v) ds)⁻¹ a⁻¹da."""

    generate_vmap_rule = True

    @staticmethod
    def forward(a: Tensor, found: Tensor, basis: Tensor) -> Tensor:
        return found.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0], output, inputs[2])

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor, None, None]:
        a, v, basis = ctx.saved_tensors
        dual = torch.linalg.pinv(basis.flatten(1)).unflatten(0, basis.shape[1:])  # i j k
        products = torch.einsum("xij,yjl->xyil", basis, basis)
        brackets = torch.einsum("xyij,ijk->xyk", products - products.transpose(0, 1), dual)
        adjoint = torch.einsum("...x,xyk->...ky", v, brackets)
        # pinv: where two eigenvalues differ by 2πi there is no derivative, and this one is finite.
        pulled = torch.linalg.pinv(average_exp(-adjoint), rtol=1e-7).mT @ cotangents[0][..., None]
        moved = torch.einsum("...k,ijk->...ij", pulled.squeeze(-1), dual)
        return torch.linalg.inv(a).mT @ moved, None, None


def log_coordinates(
    a: Float[Tensor, "*b n n"], found: Float[Tensor, "*b k"], basis: np.ndarray
) -> Float[Tensor, "*b k"]:
    """The coordinates `found` with exp(Σ v_i A_i) = a, as a function of a that can be differentiated."""
    exact = torch.as_tensor(basis, device="cpu").to(a.device)
    return _LogCoordinates.apply(a.double(), found.detach(), exact).to(a.dtype)


def matrix_log(a: Float[Tensor, "*b n n"]) -> tuple[Float[Tensor, "*b n n"], Bool[Tensor, "*b"]]:
    """A real L with exp(L) = a, and whether one was found; float64, without gradients.

    The principal logarithm where a has no eigenvalue ≤ 0. Otherwise a real one is found for normal
    matrices (a aᵀ = aᵀa) such as −1 in the plane.
    """
    n, a = a.shape[-1], a.detach().double()
    one = torch.eye(n, dtype=a.dtype, device=a.device)
    spectrum = torch.linalg.eigvals(a)
    negative = ((spectrum.real <= 0) & (spectrum.imag.abs() <= 1e-3 * spectrum.abs())).any(-1)
    found = _principal_log(a)
    miss = _residual(found, a)
    if bool(negative.any()):
        turning = negative & (torch.linalg.det(a) > 0)
        u, s, vh = torch.linalg.svd(torch.where(turning[..., None, None], a, one))
        normal = u @ torch.diag_embed(s.log()) @ u.mT + orthogonal_log(u @ vh)
        better = turning & ~(_residual(normal, a) >= miss)
        found = torch.where(better[..., None, None], normal, found)
        miss = torch.where(better, _residual(normal, a), miss)
    reached = miss < 1e-9
    return torch.where(reached[..., None, None], found, 0), reached


def _residual(found: Tensor, a: Tensor) -> Tensor:
    """|exp(L) − a|/|a|, infinite where L is not finite."""
    sound = found.isfinite().flatten(-2).all(-1)
    back = matrix_exp(torch.where(sound[..., None, None], found, 0))
    miss = torch.linalg.matrix_norm(back - a) / torch.linalg.matrix_norm(a)
    return torch.where(sound & miss.isfinite(), miss, torch.inf)


def _principal_log(a: Tensor) -> Tensor:
    """Inverse scaling and squaring, then one Newton step (Higham, Functions of Matrices, 2008, ch. 11)."""
    found = _scaled_log(a)
    sound = found.isfinite().flatten(-2).all(-1) & (found.abs().amax((-2, -1)) < 300)
    found = torch.where(sound[..., None, None], found, torch.nan)
    rest = matrix_exp(-torch.where(sound[..., None, None], found, 0)) @ a
    return found + _near_one_log(rest)


def _scaled_log(a: Tensor) -> Tensor:
    one = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    factor = torch.ones_like(a[..., :1, :1])
    root = a
    for _ in range(_LIMIT):
        far = (torch.linalg.matrix_norm(root - one) > 0.3)[..., None, None]
        if not bool(far.any()):
            break
        root = torch.where(far, _square_root(torch.where(far, root, one)), root)
        factor = torch.where(far, 2 * factor, factor)
    return factor * _near_one_log(root)


def _near_one_log(a: Tensor) -> Tensor:
    """log(1 + X) = ∫₀¹ X(1 + sX)⁻¹ ds, 8 Gauss–Legendre nodes: 1e-16 for |X| ≤ 0.3."""
    one = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    rest = a - one
    total = torch.zeros_like(a)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        total = total + weight / 2 * _inverse(one + (1 + node) / 2 * rest) @ rest
    return total


def _square_root(a: Tensor) -> Tensor:
    """The principal root by the product form of the Denman–Beavers iteration, with Higham's scaling."""
    n = a.shape[-1]
    one = torch.eye(n, dtype=a.dtype, device=a.device)
    root, product = a, a
    for _ in range(_LIMIT):
        off = (product - one).abs().amax((-2, -1))
        if not bool((off > 1e-15 * n).any()):
            break
        scale = torch.linalg.det(product).abs().clamp(1e-30, 1e30) ** (-1 / (2 * n))
        scale = torch.where(off > 1e-2, scale, 1)[..., None, None] ** 2
        inverse = _inverse(product)
        root = scale.sqrt() * root @ (one + inverse / scale) / 2
        product = (one + (scale * product + inverse / scale) / 2) / 2
    return root


def _inverse(a: Tensor) -> Tensor:
    """a⁻¹, NaN where there is none: a matrix without a logarithm must not stop the others of its batch."""
    inverse, info = torch.linalg.inv_ex(a)
    return torch.where((info == 0)[..., None, None], inverse, torch.nan)


def orthogonal_log(rotation: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b n n"]:
    """The antisymmetric logarithm of rotations of R^n, angles in [0, π]; float64, without gradients.

    The eigenvalues cos θ of the symmetric part come in pairs. The pairs below a level span a space on which
    the planes are found one by one from the antisymmetric part, in any way where it vanishes; the principal
    logarithm does the rest. The level, near θ = 2π/3, is one that no pair is close to: pairs that agree to
    rounding must not be parted, for then neither span is invariant.
    """
    n = rotation.shape[-1]
    if n == 1:
        return torch.zeros_like(rotation)
    one = torch.eye(n, dtype=rotation.dtype, device=rotation.device)
    even, odd = (rotation + rotation.mT) / 2, (rotation - rotation.mT) / 2
    cosines, vectors = torch.linalg.eigh(even)
    pairs = cosines[..., : n // 2 * 2].unflatten(-1, (-1, 2)).mean(-1)
    levels = torch.as_tensor(_LEVELS, device="cpu").to(pairs)
    level = levels[(pairs[..., None] - levels).abs().amin(-2).argmax(-1)]
    flags = torch.nn.functional.pad((pairs < level[..., None]).repeat_interleave(2, -1), (0, n % 2))
    if not bool(flags.any()):
        return _antisymmetric(_principal_log(rotation))
    half = vectors * flags[..., None, :]
    projector = half @ half.mT
    near = one - projector
    gentle = _antisymmetric(_principal_log(near @ rotation @ near + projector))
    return near @ gentle @ near + _half_turns(even, odd, projector, flags.sum(-1) // 2)


def _half_turns(even: Tensor, odd: Tensor, projector: Tensor, planes: Tensor) -> Tensor:
    """Σ θ (u wᵀ − w uᵀ) over the planes of the space that `projector` projects on."""
    total = torch.zeros_like(odd)
    for index in range(int(planes.max())):
        inner = projector @ odd @ projector
        w = _widest(projector, torch.linalg.svd(inner)[2][..., :1, :].mT, inner)
        left = projector - w @ w.mT
        u = _widest(left, inner @ w, inner)
        u = left @ u
        u = u / torch.linalg.vector_norm(u, dim=-2, keepdim=True).clamp_min(1e-300)
        angle = torch.atan2(u.mT @ odd @ w, (w.mT @ even @ w + u.mT @ even @ u) / 2)
        turn = angle * (u @ w.mT - w @ u.mT)
        total = total + torch.where((planes > index)[..., None, None], turn, 0)
        projector = left - u @ u.mT
    return total


def _widest(projector: Tensor, direction: Tensor, inner: Tensor) -> Tensor:
    """`direction`, or where the antisymmetric part vanishes the longest column of the projector."""
    longest = torch.linalg.vector_norm(projector, dim=-2).argmax(-1)
    column = projector.gather(-1, longest[..., None, None].expand(*projector.shape[:-1], 1))
    clear = (torch.linalg.matrix_norm(inner) > 1e-13)[..., None, None]
    chosen = torch.where(clear, direction, column)
    return chosen / torch.linalg.vector_norm(chosen, dim=-2, keepdim=True).clamp_min(1e-300)


def _antisymmetric(a: Tensor) -> Tensor:
    return (a - a.mT) / 2


def polar_tangent(a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b n n"]:
    """log p = ½ log(a aᵀ) of a = p·r; differentiable also where singular values agree."""
    n, exact = a.shape[-1], a.double()
    with torch.no_grad():
        u, s, _ = torch.linalg.svd(exact)
        found = (u * s.log()[..., None, :]) @ u.mT
    basis = np.eye(n * n).reshape(-1, n, n)
    squared = log_coordinates(exact @ exact.mT, 2 * found.flatten(-2), basis)
    return squared.unflatten(-1, (n, n)).to(a.dtype) / 2


def polar(a: Float[Tensor, "*b n n"]) -> tuple[Float[Tensor, "*b n n"], Float[Tensor, "*b n n"]]:
    """(p, r) with a = p·r, p symmetric positive definite and r orthogonal, for every invertible a."""
    exact = a.double()
    tangent = polar_tangent(exact)
    r = matrix_exp(-tangent) @ exact
    return matrix_exp(tangent).to(a.dtype), r.to(a.dtype)
