"""Pixels and voxels: the plane Z^d with fibres (Grid), and the group Z^d ⋊ H itself (GroupGrid)."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from mackey.axes import merge_fibre, split_fibre
from mackey.errors import sentence
from mackey.groups import FiniteGroup, LatticeGroup, cyclic
from mackey.groups.lattices import Motion
from mackey.reps import AbstractRep, Rep, regular, trivial
from mackey.spaces.domain import AbstractDomain, Pose

# Columns: where the right-handed axes (x right, y up) point among the array axes (row down, column right).
# In one and three dimensions the array axes are the axes: (x), (x, y, z).
_ARRAY_FRAME = {1: np.eye(1), 2: np.array([[0.0, -1.0], [1.0, 0.0]]), 3: np.eye(3)}


def array_frame(dimension: int) -> np.ndarray:
    """The matrix that takes right-handed coordinates of R^d to array coordinates (row, column, …)."""
    return _ARRAY_FRAME[dimension]


@dataclass(frozen=True)
class Grid(AbstractDomain):
    """Square samples of R^d = (Z^d ⋊ H)/H, d = 1, 2, 3. Values: (b, c·d, *spatial), fibre index fastest.

    The group acts about the centre of the array; an element r90° turns the displayed image counter-clockwise,
    as torch.rot90(x, 1, (-2, -1)) does. Outside the array fields are zero, or repeat if `periodic`.
    """

    group: LatticeGroup
    periodic: bool = False

    def __post_init__(self) -> None:
        if self.group.dimension not in _ARRAY_FRAME:
            raise ValueError(
                sentence(
                    "Grid",
                    wanted="a group of 1, 2 or 3 dimensions",
                    got=f"{self.group} of {self.group.dimension}",
                    remedy="see groups.named",
                )
            )
        if self.group.basis is not None or self.group.glides is not None:
            raise ValueError(
                sentence(
                    "Grid",
                    wanted="a group Z^d ⋊ H, without basis and glides: square samples, H about their centre",
                    got=f"{self.group}, of another lattice or with glides",
                    remedy="only square lattices are sampled yet; use groups.lattice(H)",
                )
            )
        if not self.stabiliser.is_orthogonal:
            raise ValueError(
                sentence(
                    "Grid",
                    wanted="a point group of rotations and reflections, which keep square samples square",
                    got=f"{self.stabiliser}, whose matrices are not orthogonal",
                    remedy="only square lattices are sampled yet; change basis to orthogonal matrices",
                )
            )
        if self.group.periods is not None and not self.periodic:
            raise ValueError(
                sentence(
                    "Grid",
                    wanted=f"periodic=True for {self.group}",
                    got="an array that ends",
                    remedy="use Grid(group, periodic=True), or a group without periods",
                )
            )

    @property
    def dimension(self) -> int:
        return self.group.dimension

    @property
    def stabiliser(self) -> FiniteGroup:
        return self.group.point_group

    @property
    def tensor_rank(self) -> int:
        return 2 + self.dimension

    @cached_property
    def array_matrices(self) -> np.ndarray:
        """How H moves array indices (row, column, …) about the centre."""
        frame = _ARRAY_FRAME[self.dimension]
        return frame @ self.stabiliser.matrices @ frame.T

    @cached_property
    def array_periods(self) -> tuple[int, ...] | None:
        """The sizes of the array on a torus."""
        if self.group.periods is None:
            return None
        extent = np.abs(_ARRAY_FRAME[self.dimension]) @ np.array(self.group.periods)
        return tuple(int(n) for n in np.rint(extent))

    def sizes(self, x: Tensor) -> tuple[int, ...]:
        sizes = tuple(x.shape[2:])
        if self.group.periods is not None and sizes != self.array_periods:
            raise ValueError(
                sentence(
                    f"{self}",
                    wanted=f"an array of {'×'.join(map(str, self.array_periods or ()))}",
                    got="×".join(map(str, sizes)),
                    remedy="give the group the periods of the array, or none",
                )
            )
        return sizes

    def channels(self, x: Tensor) -> int:
        self.sizes(x)
        return x.shape[1]

    def to_tokens(self, x: Tensor, fibre: int) -> Tensor:
        return split_fibre(x, fibre).flatten(3).movedim(-1, 1)

    def from_tokens(self, tokens: Tensor, sizes: tuple[int, ...]) -> Tensor:
        return merge_fibre(tokens.movedim(1, -1)).unflatten(-1, sizes)

    def coordinates(self, sizes: tuple[int, ...], device: torch.device, spacing: int = 1) -> Tensor:
        axes = [spacing * (torch.arange(n, dtype=torch.float64, device=device) - (n - 1) / 2) for n in sizes]
        array = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
        return array @ torch.as_tensor(_ARRAY_FRAME[self.dimension], device=device)

    def stencil(self, size: int) -> np.ndarray:
        """Displacements (size^d, d) of the taps of a filter, in the order of its flattened array."""
        return self.coordinates((size,) * self.dimension, torch.device("cpu")).numpy()

    def tap(self, displacement: Tensor, size: int) -> Tensor:
        """The index in `stencil(size)` of displacements (…, d) that lie on it."""
        frame = torch.as_tensor(_ARRAY_FRAME[self.dimension], device=displacement.device)
        array = torch.round(displacement @ frame.T + (size - 1) / 2).long()
        strides = torch.as_tensor(
            [size**axis for axis in reversed(range(self.dimension))], device=array.device
        )
        return (array * strides).sum(-1)

    def poses(
        self, sizes: tuple[int, ...], targets: tuple[int, ...], spacing: int, device: torch.device
    ) -> Pose:
        """x′ − x for all targets and sources; on a periodic grid its nearest image only.

        So a window must not be larger than a periodic array: it would meet a source twice and be read once.
        Sources half an even array away lie at +n/2 and at −n/2; both are called +n/2, so these poses are not
        stable under H. Use odd sizes where a layer reads poses that far away.
        """
        here = self.coordinates(targets, device, spacing)
        displacement = self.coordinates(sizes, device)[None] - here[:, None]
        if self.periodic:
            extent = torch.as_tensor(np.abs(_ARRAY_FRAME[self.dimension].T) @ np.array(sizes), device=device)
            displacement = displacement - extent * torch.round(displacement / extent - 1e-9)
        return Pose(displacement, torch.zeros(displacement.shape[:-1], dtype=torch.long, device=device))

    def keeps(self, h: int, sizes: tuple[int, ...]) -> bool:
        """Whether h permutes the samples of an array of these sizes."""
        matrix = self.array_matrices[h]
        return bool(
            np.abs(matrix - np.rint(matrix)).max() < 1e-9
            and np.array_equal(np.abs(np.rint(matrix)) @ np.array(sizes), sizes)
        )

    def exact_symmetry(self, sizes: tuple[int, ...]) -> list[Motion]:
        zero = (0,) * self.dimension
        return [(zero, h) for h in self.stabiliser.elements if self.keeps(h, sizes)]

    def move(self, x: Tensor, element: Motion) -> Tensor:
        """f(g⁻¹x) on the spatial axes only."""
        shift, h = element
        if not self.keeps(h, self.sizes(x)):
            raise ValueError(
                sentence(
                    f"{self}",
                    wanted="an element that permutes the samples",
                    got=f"{self.stabiliser.label(h)} on {'×'.join(map(str, self.sizes(x)))}",
                    remedy="use exact_symmetry(sizes), or a square array",
                )
            )
        matrix = np.rint(self.array_matrices[h]).astype(int)
        source = np.argmax(np.abs(matrix), axis=1)
        x = x.permute(0, 1, *(2 + source).tolist())
        x = x.flip([2 + axis for axis in range(self.dimension) if matrix[axis].sum() < 0])
        if any(shift):
            if not self.periodic:
                raise ValueError(
                    sentence(
                        f"{self}",
                        wanted="a periodic grid for translations",
                        got=f"a shift by {shift}",
                        remedy="use Grid(group, periodic=True)",
                    )
                )
            array_shift = np.rint(_ARRAY_FRAME[self.dimension] @ np.array(shift)).astype(int)
            x = x.roll(array_shift.tolist(), list(range(2, 2 + self.dimension)))
        return x

    def transform(self, x: Tensor, element: Motion, rep: AbstractRep) -> Tensor:  # type: ignore[override]
        matrix = rep.at(element[1]).to(x)
        turned = torch.einsum("de,bce...->bcd...", matrix, split_fibre(self.move(x, element), rep.dim))
        return merge_fibre(turned)

    def __repr__(self) -> str:
        return f"Grid({self.group}{', periodic' if self.periodic else ''})"


@dataclass(frozen=True)
class GroupGrid(AbstractDomain):
    """Samples (x, h) of the group Z^d ⋊ H itself; the stabiliser is trivial. Values: (b, c·|H|, *spatial).

    The same array as a field of regular fibres on Grid (`folded`); tokens run over (x, h), h fastest.
    """

    group: LatticeGroup
    periodic: bool = False
    grid: Grid = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "grid", Grid(self.group, self.periodic))

    @cached_property
    def folded(self) -> Rep:
        """The fibre on Grid that holds the same values: regular, ρ(h) e_k = e_{hk}."""
        return regular(self.group.point_group)

    @property
    def stabiliser(self) -> FiniteGroup:
        return cyclic(1, self.group.dimension)

    @property
    def tensor_rank(self) -> int:
        return self.grid.tensor_rank

    def sizes(self, x: Tensor) -> tuple[int, ...]:
        return self.grid.sizes(x)

    def shape(self, batch: int, channels: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
        return (batch, channels * self.group.point_group.order, *sizes)

    def channels(self, x: Tensor) -> int:
        order = self.group.point_group.order
        if self.grid.channels(x) % order:
            raise ValueError(
                sentence(
                    f"{self}",
                    wanted=f"a multiple of |H| = {order} in the channel axis, one value for each element",
                    got=f"shape {tuple(x.shape)}",
                    remedy="see FieldType.shape",
                )
            )
        return x.shape[1] // order

    def to_tokens(self, x: Tensor, fibre: int) -> Tensor:
        order = self.group.point_group.order
        tokens = self.grid.to_tokens(x, order)
        return tokens.movedim(3, 2).flatten(1, 2).unflatten(-1, (-1, fibre))

    def from_tokens(self, tokens: Tensor, sizes: tuple[int, ...]) -> Tensor:
        order = self.group.point_group.order
        return self.grid.from_tokens(tokens.flatten(2).unflatten(1, (-1, order)).movedim(2, 3), sizes)

    def coordinates(self, sizes: tuple[int, ...], device: torch.device) -> Tensor:
        return self.grid.coordinates(sizes, device).repeat_interleave(self.group.point_group.order, 0)

    def poses(
        self, sizes: tuple[int, ...], targets: tuple[int, ...], spacing: int, device: torch.device
    ) -> Pose:
        """(h⁻¹(x′ − x), h⁻¹h′)."""
        H = self.group.point_group
        between = self.grid.poses(sizes, targets, spacing, device).displacement
        back = torch.as_tensor(H.matrices[H.inverses], device=device)
        turned = torch.einsum("hij,tsj->thsi", back, between)
        displacement = turned.repeat_interleave(H.order, dim=2).flatten(0, 1)
        relative = torch.as_tensor(H.table[H.inverses], device=device)
        element = relative[None, :, None, :].expand(len(between), -1, between.shape[1], -1)
        return Pose(displacement, element.flatten(2).flatten(0, 1))

    def exact_symmetry(self, sizes: tuple[int, ...]) -> list[Motion]:
        return self.grid.exact_symmetry(sizes)

    def transform(self, x: Tensor, element: Motion, rep: AbstractRep) -> Tensor:  # type: ignore[override]
        return self.grid.transform(x, element, self.folded)

    def __repr__(self) -> str:
        return f"GroupGrid({self.group})"


def scalar_fibre(domain: Grid | GroupGrid) -> Rep:
    """The trivial representation of the stabiliser."""
    return trivial(domain.stabiliser)
