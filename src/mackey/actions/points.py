"""Clouds: positions, vectors, matrices and features of points, one for each point or one for the sample."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from mackey.actions.abstract import AbstractTensorType, permuted, rotated, shifted
from mackey.actions.motion import POINTS, Motion
from mackey.errors import sentence
from mackey.groups.determinant import determinant
from mackey.reps import AbstractRep, convert


@dataclass(frozen=True)
class Invariant(AbstractTensorType):
    """Numbers that do not change: class scores, energies, labels, numbers of listed edges."""

    @property
    def moves(self) -> bool:
        return False

    def check(self, x: Tensor, where: str) -> None:
        return

    def act(self, x: Tensor, motion: Motion) -> Tensor:
        return x


@dataclass(frozen=True)
class Vectors(AbstractTensorType):
    """v → A v on the last axis: velocities, forces, rows of a cell. axis: where the points lie; None: one for
    the sample. shifts: v → A v + t, positions. handed: v → det(A) A v, pseudovectors.
    """

    axis: int | None = 1
    shifts: bool = False
    handed: bool = False

    def check(self, x: Tensor, where: str) -> None:
        _need_points(x, self.axis, 1, "positions or vectors (b, n, d)", where)

    def axes(self, x: Tensor) -> Mapping[str, int]:
        return _points(self.axis)

    def dimension(self, x: Tensor) -> int | None:
        return x.shape[-1]

    def act(self, x: Tensor, motion: Motion) -> Tensor:
        motion = motion.to(x)
        matrix = motion.linear
        if self.handed and matrix is not None:
            matrix = determinant(matrix)[..., None, None] * matrix
        _need_matrix(matrix, x.shape[-1])
        x = permuted(rotated(x, matrix), self.axes(x), motion)
        return shifted(x, motion.translation) if self.shifts else x


@dataclass(frozen=True)
class Scalars(AbstractTensorType):
    """Numbers that rotations leave and permutations of the points move: charges, node features, tokens.

    handed: s → det(A) s, pseudoscalars.
    """

    axis: int | None = 1
    handed: bool = False

    def check(self, x: Tensor, where: str) -> None:
        _need_points(x, self.axis, 0, "tokens (b, n, c)", where)

    def axes(self, x: Tensor) -> Mapping[str, int]:
        return _points(self.axis)

    def act(self, x: Tensor, motion: Motion) -> Tensor:
        motion = motion.to(x)
        if self.handed and motion.linear is not None:
            sign = determinant(motion.linear)
            x = x * sign.view(-1, *(1,) * (x.ndim - 1)) if sign.ndim else x * sign
        return permuted(x, self.axes(x), motion)


@dataclass(frozen=True)
class Matrices(AbstractTensorType):
    """M → A M Aᵀ on the last two axes: stress, inertia, covariance, polarisability."""

    axis: int | None = 1

    def check(self, x: Tensor, where: str) -> None:
        _need_points(x, self.axis, 2, "matrices (b, n, d, d)", where)
        if x.shape[-1] != x.shape[-2]:
            got = f"shape {tuple(x.shape)}"
            remedy = 'give (…, d, d); rows that are vectors are "vector"'
            raise ValueError(sentence(where, wanted="square matrices", got=got, remedy=remedy))

    def axes(self, x: Tensor) -> Mapping[str, int]:
        return _points(self.axis)

    def dimension(self, x: Tensor) -> int | None:
        return x.shape[-1]

    def act(self, x: Tensor, motion: Motion) -> Tensor:
        motion = motion.to(x)
        _need_matrix(motion.linear, x.shape[-1])
        x = rotated(rotated(x, motion.linear).mT, motion.linear).mT
        return permuted(x, self.axes(x), motion)


@dataclass(frozen=True)
class Features(AbstractTensorType):
    """v → ρ(A) v on the last axis, for any representation ρ of the linear part, such as 8x0e + 4x1o of O(3).

    layout: "mackey" (channel innermost) or another of `reps.convert`, such as "e3nn".
    """

    rep: AbstractRep
    axis: int | None = 1
    layout: str = "mackey"

    def check(self, x: Tensor, where: str) -> None:
        _need_points(x, self.axis, 1, f"features (…, {self.rep.dim})", where)
        if x.shape[-1] != self.rep.dim:
            got, remedy = f"shape {tuple(x.shape)}", "check the multiplicities"
            wanted = f"{self.rep.dim} numbers on the last axis, as {self.rep} has"
            raise ValueError(sentence(where, wanted=wanted, got=got, remedy=remedy))

    def axes(self, x: Tensor) -> Mapping[str, int]:
        return _points(self.axis)

    def act(self, x: Tensor, motion: Motion) -> Tensor:
        motion = motion.to(x)
        if motion.linear is not None:
            own = self.layout == "mackey"
            name = str(self.rep)
            y = x if own else convert(x, self.layout, "mackey", irreps=name)
            y = rotated(y, self._matrix(motion).to(x))
            x = y if own else convert(y, "mackey", self.layout, irreps=name)
        return permuted(x, self.axes(x), motion)

    def _matrix(self, motion: Motion) -> Tensor:
        linear = motion.linear
        assert linear is not None
        if linear.ndim == 3:
            return self.rep.at(linear)
        own = motion.within(self.rep.group)
        if own is None:
            wanted, got = f"an element of {self.rep.group}, which {self.rep} represents", str(linear.tolist())
            remedy = "declare features of a representation of the whole group"
            raise ValueError(sentence("actions.Features", wanted=wanted, got=got, remedy=remedy))
        return self.rep.at(linear if isinstance(own, Tensor) and own.shape == linear.shape else own)


def _points(axis: int | None) -> Mapping[str, int]:
    return {} if axis is None else {POINTS: axis}


def _need_points(x: Tensor, axis: int | None, fibre: int, wanted: str, where: str) -> None:
    """Raise unless x has the axis of the points and, after it, `fibre` axes."""
    least = fibre + 1 if axis is None else max(axis + 1 + fibre, 1)
    if x.ndim < least:
        remedy = 'add the axis; points on axis 0 are "positions@0", one for the sample is "vector"'
        raise ValueError(sentence(where, wanted=wanted, got=f"shape {tuple(x.shape)}", remedy=remedy))


def _need_matrix(matrix: Tensor | None, dimension: int) -> None:
    if matrix is not None and matrix.shape[-1] != dimension:
        raise ValueError(
            sentence(
                "actions",
                wanted=f"vectors of R^{matrix.shape[-1]}, which the group moves",
                got=f"{dimension} numbers on the last axis",
                remedy="check the declared type, or audit under the group of that space",
            )
        )
