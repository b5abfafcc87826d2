"""What Lie groups share: lengths that give distances, the standard action, and how they refuse."""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Bool, Float
from mackey.errors import sentence
from mackey.groups.matrix import AbstractMatrixGroup


class AbstractLieGroup(AbstractMatrixGroup):
    """A matrix group whose distance is d(a, b) = |a⁻¹b|."""

    @abstractmethod
    def length(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        """|a| = |a⁻¹|, the distance to e: 0 at e only, infinite outside the component of e."""

    def distance(self, a: Float[Tensor, "*#b n n"], b: Float[Tensor, "*#b n n"]) -> Float[Tensor, "*#b"]:
        return self.length(self.inverse(a) @ b)


class AbstractLinearGroup(AbstractLieGroup):
    """A Lie group that moves R^n by x → a x; R^n ⋊ H can be built from it."""

    @property
    def dimension(self) -> int:  # type: ignore[override]
        return self.size

    def act(self, a: Tensor, points: Tensor) -> Tensor:  # type: ignore[override]
        """a x."""
        return (a @ points[..., None]).squeeze(-1)

    @abstractmethod
    def average(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        """∫₀¹ exp(s v) ds: what exp(v) does to a velocity in R^n ⋊ H."""

    @abstractmethod
    def average_inverse(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        """(∫₀¹ exp(s v) ds)⁻¹ for every v that `log` returns."""


def refuse_unreached(where: str, reached: Bool[Tensor, "*b"], wanted: str, remedy: str) -> None:
    """Raises ValueError unless exp reaches every element of a batch."""
    if bool(reached.all()):
        return
    missed = (~reached).flatten().nonzero().flatten()
    count = f"{len(missed)} of {reached.numel()} elements"
    got = f"{count} without a logarithm, the first at index {int(missed[0])}"
    got = got if reached.ndim else "an element without a logarithm"
    raise ValueError(sentence(f"{where}.log", wanted=wanted, got=got, remedy=remedy))


def no_quadrature(where: str, reason: str) -> ValueError:
    """Why a group has no quadrature."""
    return ValueError(
        sentence(
            f"{where}.quadrature",
            wanted="SO(2), O(2), SO(3), O(3), SU(2) or a product of them",
            got=f"{where}, {reason}",
            remedy=f"average over {where}.sample(count, generator) instead",
        )
    )


def refuse_no_points(where: str, count: int) -> None:
    if count < 1:
        raise ValueError(
            sentence(
                f"{where}.quadrature",
                wanted="at least one point",
                got=str(count),
                remedy="give the number of points; the rule may have more",
            )
        )


def refuse_size(where: str, valid: bool, wanted: str, got: str) -> None:
    if not valid:
        raise ValueError(
            sentence(
                f"groups.{where}", wanted=wanted, got=got, remedy="see mackey.groups.named for what exists"
            )
        )


def gaussian(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Standard normal numbers, float64."""
    return torch.randn(shape, generator=generator, dtype=torch.float64, device=generator.device)


def haar_orthogonal(
    count: int, n: int, generator: torch.Generator, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Haar-distributed orthogonal (or, if complex, unitary) matrices: QR of normal numbers, made unique by a
    positive diagonal of R (Mezzadri, 2007).
    """
    normal = torch.randn((count, n, n), generator=generator, dtype=dtype, device=generator.device)
    q, r = torch.linalg.qr(normal)
    diagonal = r.diagonal(dim1=-2, dim2=-1)
    return q * (diagonal / diagonal.abs())[..., None, :]


def joint_length(parts: Tensor) -> Tensor:
    """√Σ|a_i|² over the last axis: infinite where one is, and with finite gradients everywhere."""
    finite = parts.isfinite()
    norm = torch.linalg.vector_norm(torch.where(finite, parts, 0), dim=-1)
    return torch.where(finite.all(-1), norm, torch.inf)


def off_identity(a: Tensor) -> Tensor:
    """max |a − 1|, relative."""
    return relative(a - torch.eye(a.shape[-1], dtype=a.dtype, device=a.device), a)


def off_unit_determinant(a: Tensor) -> Tensor:
    """|det a − 1| over max(1, |a|)^n, infinite where a is not finite."""
    defect = (torch.linalg.det(a) - 1).abs() / _largest(a).clamp_min(1) ** a.shape[-1]
    return torch.where(defect.isfinite(), defect, torch.inf)


def _largest(a: Tensor) -> Tensor:
    return a.abs().amax((-2, -1))


def relative(defect: Tensor, a: Tensor) -> Tensor:
    """max |defect| over max(1, |a|)²; infinite where a is not finite."""
    size = _largest(a).clamp_min(1) ** 2
    worst = _largest(defect) / size
    return torch.where(worst.isfinite(), worst, torch.inf)


def elementary(n: int, entries: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    """The n×n matrix with these entries (row, column, value), else 0."""
    matrix = np.zeros((n, n))
    for row, column, value in entries:
        matrix[row, column] = value
    return matrix


def is_unimodular_algebra(algebra: np.ndarray, generators: Sequence[Tensor]) -> bool:
    """|det Ad_g| = 1: tr ad_A = 0 on the Lie algebra, and |det Ad_g| = 1 on the generators."""
    if not len(algebra):
        return True
    dual = np.linalg.pinv(algebra.reshape(len(algebra), -1))
    traces = [np.trace((a @ algebra - algebra @ a).reshape(len(algebra), -1) @ dual) for a in algebra]
    moved = [
        (g.numpy() @ algebra @ np.linalg.inv(g.numpy())).reshape(len(algebra), -1) @ dual for g in generators
    ]
    sizes = [abs(np.linalg.det(a)) - 1 for a in moved]
    return bool(np.abs([*traces, *sizes]).max() < 1e-9)
