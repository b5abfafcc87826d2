"""A finite list of motions: how each of them moves the tensors of a declared type, worked out beforehand."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from mackey.actions import POINTS, AbstractTensorType, Features, Field, Image, Motion, array_matrix
from mackey.axes import merge_fibre, split_fibre
from mackey.errors import sentence
from mackey.integrands.constants import AbstractConstants
from mackey.spaces import GroupGrid, Point

_WHOLE = 1e-6  # a matrix this near to whole numbers permutes samples


@dataclass(frozen=True, eq=False)
class Elements:
    """Motions g_0 … g_{m−1}: matrices (m, d, d), permutations of points (m, n), or both; weights (m,)."""

    matrices: np.ndarray | None
    permutations: np.ndarray | None
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def inverses(self) -> "Elements":
        """g_i⁻¹, in the same order."""
        matrices = None if self.matrices is None else np.linalg.inv(self.matrices)
        if matrices is not None:
            near = np.rint(2 * matrices) / 2  # elimination must not blur a quarter turn
            matrices = np.where(np.abs(matrices - near) < 1e-12, near, matrices)
        permutations = None if self.permutations is None else np.argsort(self.permutations, 1)
        return Elements(matrices, permutations, self.weights)

    def motion(self, index: int) -> Motion:
        linear = None
        if self.matrices is not None:
            linear = torch.as_tensor(self.matrices[index], device="cpu")
        if self.permutations is None:
            return Motion(linear)
        return Motion(linear, None, {POINTS: torch.as_tensor(self.permutations[index], device="cpu")})


class AbstractAction(AbstractConstants, ABC):
    """g_i·x for the elements of a list, on tensors of one declared type."""

    @abstractmethod
    def forward(self, x: Tensor, index: int) -> Tensor:
        """g_i·x."""


class Still(AbstractAction):
    """Nothing moves."""

    def forward(self, x: Tensor, index: int) -> Tensor:
        return x


class OnPoints(AbstractAction):
    """Whatever the declared type does with a matrix and a permutation."""

    def __init__(self, declared: AbstractTensorType, elements: Elements) -> None:
        super().__init__()
        self.declared = declared
        self.turns, self.permutes = elements.matrices is not None, elements.permutations is not None
        if elements.matrices is not None:
            self.hold("matrices", elements.matrices)
        if elements.permutations is not None:
            self.hold("permutations", elements.permutations)

    def forward(self, x: Tensor, index: int) -> Tensor:
        linear = self.get_buffer("matrices")[index] if self.turns else None
        order = {POINTS: self.get_buffer("permutations")[index]} if self.permutes else {}
        return self.declared.act(x, Motion(linear, None, order))


class OnFibre(AbstractAction):
    """v → ρ(g_i) v on an axis that holds copies of ρ; then what permutes points."""

    def __init__(self, declared: Features | Field, elements: Elements) -> None:
        super().__init__()
        self.channels_first = isinstance(declared, Field)
        self.hold("fibre", _fibre_matrices(declared, elements))
        still = Elements(None, elements.permutations, elements.weights)
        self.points = OnPoints(declared, still) if elements.permutations is not None else Still()

    def forward(self, x: Tensor, index: int) -> Tensor:
        matrix = self.get_buffer("fibre")[index].to(x)
        if self.channels_first:
            return (x.unflatten(1, (-1, len(matrix))) @ matrix.mT).flatten(1)
        return self.points(x @ matrix.mT, index)


class OnGrid(AbstractAction):
    """(g·f)(x) = ρ(g) f(g⁻¹x) about the centre: samples are permuted where g does so, else interpolated
    (linear, zeros outside).
    """

    def __init__(self, declared: Image | Field, elements: Elements, dimension: int) -> None:
        super().__init__()
        assert elements.matrices is not None
        arrays = [array_matrix(elements.motion(i), dimension) for i in range(len(elements))]
        self.plans = tuple(_permutation_of_axes(a) for a in arrays)
        self.hold("backwards", np.linalg.inv(np.stack(arrays))[:, ::-1, ::-1].copy(), precise=True)
        self.has_fibre = isinstance(declared, Field) and not declared.field.rep.is_trivial
        if isinstance(declared, Field) and isinstance(declared.field.domain, GroupGrid):
            self.has_fibre = True
        if isinstance(declared, Field) and self.has_fibre:
            self.hold("fibre", _fibre_matrices(declared, elements))

    def forward(self, x: Tensor, index: int) -> Tensor:
        moved = self._move(x, index)
        if not self.has_fibre:
            return moved
        matrix = self.get_buffer("fibre")[index].to(x)
        return merge_fibre(torch.einsum("de,bce...->bcd...", matrix, split_fibre(moved, len(matrix))))

    def _move(self, x: Tensor, index: int) -> Tensor:
        plan = self.plans[index]
        if plan is None:
            return _interpolated(x, self.get_buffer("backwards")[index])
        order, mirrored = plan
        if any(x.shape[2 + a] != x.shape[2 + b] for a, b in enumerate(order)):
            got = "×".join(str(n) for n in x.shape[2:])
            remedy = "pad the image to a square"
            raise ValueError(
                sentence("wrap", wanted="a square image, as quarter turns need", got=got, remedy=remedy)
            )
        return x.permute(0, 1, *(2 + axis for axis in order)).flip([2 + axis for axis in mirrored])


def _permutation_of_axes(matrix: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Which array axis each axis comes from, and which are mirrored; None for a matrix that does neither."""
    whole = np.rint(matrix)
    if np.abs(matrix - whole).max() > _WHOLE or not np.all(np.abs(whole).sum(0) == 1):
        return None
    order = tuple(int(np.flatnonzero(row)[0]) for row in whole)
    return order, tuple(axis for axis, row in enumerate(whole) if row.sum() < 0)


def _interpolated(x: Tensor, backwards: Tensor) -> Tensor:
    """f(g⁻¹x) by linear interpolation; backwards: g⁻¹ on array axes, counted from the last."""
    sizes = torch.tensor(x.shape[:1:-1], dtype=backwards.dtype, device=x.device)
    scaled = backwards * sizes[None] / sizes[:, None]
    theta = torch.cat([scaled, torch.zeros_like(scaled[:, :1])], 1).to(x)
    points = torch.nn.functional.affine_grid(theta[None], [1, 1, *x.shape[2:]], align_corners=False)
    together = x.flatten(0, 1)[None]  # the same turn for all samples and channels
    return torch.nn.functional.grid_sample(together, points, align_corners=False)[0].view(x.shape)


def _fibre_matrices(declared: Features | Field, elements: Elements) -> np.ndarray:
    """ρ(g_i), in the layout of the tensor; raises ValueError where ρ's group has no such element."""
    still = Elements(elements.matrices, None, elements.weights)
    if isinstance(declared, Features):
        one = torch.eye(declared.rep.dim, dtype=torch.float64, device="cpu")
        return np.stack([declared.act(one, still.motion(i)).mT.numpy() for i in range(len(still))])
    domain = declared.field.domain
    rep = domain.folded if isinstance(domain, GroupGrid) else declared.field.rep
    found = []
    for i in range(len(still)):
        own = still.motion(i).within(domain.group)
        if own is None:
            wanted, got = "a field that the group acts on", f"{declared.field}, which has no such element"
            remedy = f"wrap under {domain.group} or a subgroup of it"
            raise ValueError(sentence("wrap", wanted=wanted, got=got, remedy=remedy))
        found.append(rep.at(own[1] if isinstance(own, tuple) else own).detach().cpu().double().numpy())
    return np.stack(found)


def action(declared: AbstractTensorType, elements: Elements) -> AbstractAction:
    """How the listed elements move tensors of this type."""
    if not declared.moves:
        return Still()
    if declared.is_sampled and elements.matrices is not None:
        assert isinstance(declared, Image | Field)
        return OnGrid(declared, elements, elements.matrices.shape[-1])
    at_point = isinstance(declared, Field) and isinstance(declared.field.domain, Point)
    if elements.matrices is not None and (at_point or isinstance(declared, Features)):
        assert isinstance(declared, Features | Field)
        return OnFibre(declared, elements)
    return OnPoints(declared, elements)


def dtype_of(network: nn.Module) -> torch.dtype:
    """What a network computes in, by its parameters; float64 where it has none."""
    return next((p.dtype for p in network.parameters() if p.is_floating_point()), torch.float64)
