"""O(p, q) and SO⁺(p, q), the Lorentz groups among them, and Sp(2n): linear maps that keep a bilinear form."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Float
from mackey.groups.lie import elementary, refuse_size, refuse_unreached, relative
from mackey.groups.lorentz import lorentz_log
from mackey.groups.products import DirectProduct, block_diagonal
from mackey.groups.reductive import AbstractReductiveGroup, principal_coordinates
from mackey.groups.rotation_maps import rotation_basis
from mackey.groups.rotations import Orthogonal, SpecialOrthogonal, mirror_matrix
from mackey.groups.unitary import Unitary

_COMPOSE = "multiply the others by the generators first"
_REACHED = "elements with a principal logarithm: no eigenvalue ≤ 0"
_REMEDY = "groups.polar gives the factors of the others: both have logarithms"


@dataclass(frozen=True, repr=False)
class IndefiniteOrthogonal(AbstractReductiveGroup):
    """O(p, q), the maps that keep η = diag(1, …, −1, …) (p times 1, q times −1); SO⁺(p, q) is the component
    of e.

    For (1, 3) the coordinates are those of (t, x, y, z), Lie algebra L_x, L_y, L_z, K_x, K_y, K_z: rotations
    of the two blocks, then boosts K_ij = E_ij + E_ji. generators of O(p, q): `mirror_matrix` of either block,
    time reversal and parity. log reaches all of SO⁺(1, q) and SO⁺(p, 1) for p + q ≤ 4, what has a principal
    logarithm otherwise.
    """

    p: int
    q: int
    reflections: bool = False

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"{'O' if self.reflections else 'SO+'}({self.p},{self.q})"

    @property
    def size(self) -> int:  # type: ignore[override]
        return self.p + self.q

    @cached_property
    def form(self) -> np.ndarray:
        """η."""
        return np.diag([1.0] * self.p + [-1.0] * self.q)

    @property
    def generators(self) -> tuple[Tensor, ...]:  # type: ignore[override]
        if not self.reflections:
            return ()
        first, second = (torch.eye(n, dtype=torch.float64, device="cpu") for n in (self.p, self.q))
        return (
            block_diagonal([mirror_matrix(self.p), second]),
            block_diagonal([first, mirror_matrix(self.q)]),
        )

    @property
    def maximal_compact(self) -> DirectProduct:
        kind = Orthogonal if self.reflections else SpecialOrthogonal
        return DirectProduct((kind(self.p), kind(self.q)))

    @cached_property
    def lie_algebra(self) -> np.ndarray:  # type: ignore[override]
        p, n = self.p, self.size
        turns = [np.pad(a, (0, self.q)) for a in rotation_basis(p)]
        turns += [np.pad(a, (p, 0)) for a in rotation_basis(self.q)]
        boosts = [elementary(n, ((i, j, 1), (j, i, 1))) for i in range(p) for j in range(p, n)]
        return np.array([*turns, *boosts])

    def inverse(self, a: Tensor) -> Tensor:
        """η aᵀ η."""
        form = torch.as_tensor(self.form, device="cpu").to(a)
        return form @ a.mT @ form

    def log(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b k"]:
        reached = self._keeps_blocks(a)
        refuse_unreached(self.name, reached, "elements of the component of the identity", _COMPOSE)
        if self.size <= 4 and min(self.p, self.q) == 1:
            return self._spinor_log(a)
        found, reached = principal_coordinates(self, a)
        refuse_unreached(self.name, reached, _REACHED, _REMEDY)
        return found

    def _spinor_log(self, a: Tensor) -> Tensor:
        """As an element of SO⁺(1, 3), time first."""
        n = self.size
        order = list(range(n)) if self.p == 1 else [n - 1, *range(n - 1)]
        one = torch.eye(4 - n, dtype=a.dtype, device=a.device).expand(*a.shape[:-2], 4 - n, 4 - n)
        found = lorentz_log(block_diagonal([a[..., order, :][..., order], one]))
        tangent = IndefiniteOrthogonal(1, 3).hat(found)
        back = [order.index(i) for i in range(n)]
        return self.vee(tangent[..., back, :][..., back])

    def violation(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        form = torch.as_tensor(self.form, device="cpu").to(a)
        defect = relative(a.mT @ form @ a - form, a)
        return defect if self.reflections else torch.where(self._keeps_blocks(a), defect, defect.clamp_min(1))

    def _keeps_blocks(self, a: Tensor) -> Tensor:
        first, second = a[..., : self.p, : self.p], a[..., self.p :, self.p :]
        return (torch.linalg.det(first) > 0) & (torch.linalg.det(second) > 0)


@dataclass(frozen=True, repr=False)
class Symplectic(AbstractReductiveGroup):
    """Sp(2n), the maps of R^2n = (q, p) that keep Ω = [[0, 1], [−1, 0]]; `size` is 2n.

    Lie algebra: [[A, 0], [0, −Aᵀ]] by the entries of A, then symmetric upper right and lower left blocks.
    """

    size: int

    generators = ()

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"Sp({self.size})"

    @cached_property
    def form(self) -> np.ndarray:
        """Ω."""
        return np.kron(np.array([[0.0, 1.0], [-1.0, 0.0]]), np.eye(self.size // 2))

    @property
    def maximal_compact(self) -> Unitary:
        return Unitary(self.size // 2)

    @cached_property
    def lie_algebra(self) -> np.ndarray:  # type: ignore[override]
        n, pairs = self.size // 2, range(self.size // 2)
        found = [elementary(2 * n, ((i, j, 1), (n + j, n + i, -1))) for i in pairs for j in pairs]
        for row, column in ((0, n), (n, 0)):
            for i in pairs:
                for j in range(i, n):
                    found.append(elementary(2 * n, ((row + i, column + j, 1), (row + j, column + i, 1))))
        return np.array(found)

    def inverse(self, a: Tensor) -> Tensor:
        """−Ω aᵀ Ω."""
        form = torch.as_tensor(self.form, device="cpu").to(a)
        return -form @ a.mT @ form

    def log(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b k"]:
        """The principal logarithm."""
        found, reached = principal_coordinates(self, a)
        refuse_unreached(self.name, reached, _REACHED, _REMEDY)
        return found

    def violation(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        form = torch.as_tensor(self.form, device="cpu").to(a)
        return relative(a.mT @ form @ a - form, a)


def indefinite_orthogonal(p: int, q: int) -> IndefiniteOrthogonal:
    """O(p, q), with its reflections: four components."""
    refuse_size(f"indefinite_orthogonal({p}, {q})", min(p, q) >= 1, "p, q ≥ 1", f"({p}, {q})")
    return IndefiniteOrthogonal(p, q, reflections=True)


def proper_orthogonal(p: int, q: int) -> IndefiniteOrthogonal:
    """SO⁺(p, q), the component of the identity of O(p, q)."""
    refuse_size(f"proper_orthogonal({p}, {q})", min(p, q) >= 1, "p, q ≥ 1", f"({p}, {q})")
    return IndefiniteOrthogonal(p, q)


def lorentz(reflections: bool = False) -> IndefiniteOrthogonal:
    """SO⁺(1, 3), rotations and boosts of (t, x, y, z); with parity and time reversal O(1, 3)."""
    return IndefiniteOrthogonal(1, 3, reflections)


def symplectic(size: int) -> Symplectic:
    """Sp(2n) by its size 2n."""
    refuse_size(f"symplectic({size})", size >= 2 and size % 2 == 0, "an even size", str(size))
    return Symplectic(size)
