"""Pooling over the group (fibres to invariants), over all of space, and over strided windows by the integer
rule.
"""

import torch
from torch import Tensor

from mackey.axes import Float, split_fibre
from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.nn.layer import AbstractLayer
from mackey.reps import trivial
from mackey.spaces import Grid, Point, strided_sizes

_MAX = {
    1: torch.nn.functional.max_pool1d,
    2: torch.nn.functional.max_pool2d,
    3: torch.nn.functional.max_pool3d,
}
_MEAN = {
    1: torch.nn.functional.avg_pool1d,
    2: torch.nn.functional.avg_pool2d,
    3: torch.nn.functional.avg_pool3d,
}


def _need_permutation(in_type: FieldType, where: str) -> None:
    if not in_type.rep.is_permutation:
        raise ValueError(
            sentence(
                f"{where}: not equivariant",
                wanted="a permutation representation",
                got=str(in_type.rep),
                remedy="use nn.FibreNorm, or a mean",
            )
        )


class AbstractGroupPool(AbstractLayer):
    """One invariant number from each fibre: out_type has the trivial representation."""

    def __init__(self, in_type: FieldType) -> None:
        scalar = trivial(in_type.rep.group)
        super().__init__(in_type, FieldType(in_type.domain, scalar, in_type.multiplicity))

    def _fibres(self, x: Tensor) -> Tensor:
        self.in_type.check(x, type(self).__name__)
        return split_fibre(x, self.in_type.rep.dim)


class GroupMax(AbstractGroupPool):
    """y = max_h x_h. ρ a permutation representation."""

    def __init__(self, in_type: FieldType) -> None:
        super().__init__(in_type)
        _need_permutation(in_type, "GroupMax")

    def forward(self, x: Float[Tensor, "b channels *spatial"]) -> Float[Tensor, "b fields *spatial"]:
        return self._fibres(x).amax(2)


class GroupMean(AbstractGroupPool):
    """y = mean_h x_h. ρ a permutation representation."""

    def __init__(self, in_type: FieldType) -> None:
        super().__init__(in_type)
        _need_permutation(in_type, "GroupMean")

    def forward(self, x: Float[Tensor, "b channels *spatial"]) -> Float[Tensor, "b fields *spatial"]:
        return self._fibres(x).mean(2)


class FibreNorm(AbstractGroupPool):
    """y = ‖x‖, zero with zero gradient at zero. ρ orthogonal."""

    def __init__(self, in_type: FieldType) -> None:
        super().__init__(in_type)
        if not in_type.rep.is_orthogonal:
            raise ValueError(
                sentence(
                    "FibreNorm",
                    wanted="an orthogonal representation",
                    got=str(in_type.rep),
                    remedy="change basis with reps.to_irreps",
                )
            )

    def forward(self, x: Float[Tensor, "b channels *spatial"]) -> Float[Tensor, "b fields *spatial"]:
        squared = self._fibres(x).square().sum(2)
        present = squared > 0
        return torch.where(present, torch.where(present, squared, torch.ones_like(squared)).sqrt(), squared)


class AbstractSpacePool(AbstractLayer):
    """All of space to one point: out_type lives on Point, with the same fibre."""

    def __init__(self, in_type: FieldType) -> None:
        if not isinstance(in_type.domain, Grid):
            raise ValueError(
                sentence(
                    type(self).__name__,
                    wanted="a field on a Grid",
                    got=str(in_type),
                    remedy="average tokens with .mean(1)",
                )
            )
        super().__init__(in_type, FieldType(Point(in_type.rep.group), in_type.rep, in_type.multiplicity))


class SpaceMean(AbstractSpacePool):
    """y = mean over positions. Any ρ."""

    def forward(self, x: Float[Tensor, "b channels *spatial"]) -> Float[Tensor, "b channels"]:
        self.in_type.check(x, "SpaceMean")
        return x.flatten(2).mean(2)


class SpaceMax(AbstractSpacePool):
    """y = max over positions. ρ a permutation representation."""

    def __init__(self, in_type: FieldType) -> None:
        super().__init__(in_type)
        _need_permutation(in_type, "SpaceMax")

    def forward(self, x: Float[Tensor, "b channels *spatial"]) -> Float[Tensor, "b channels"]:
        self.in_type.check(x, "SpaceMax")
        return x.flatten(2).amax(2)


class AbstractWindowPool(AbstractLayer):
    """Down-sampling by windows; (size + 2·padding − kernel_size) mod stride = 0 or it refuses, with sizes
    that work.
    """

    def __init__(
        self, in_type: FieldType, kernel_size: int, *, stride: int | None = None, padding: int = 0
    ) -> None:
        super().__init__(in_type, in_type)
        if not isinstance(in_type.domain, Grid) or in_type.domain.periodic:
            raise ValueError(
                sentence(
                    type(self).__name__,
                    wanted="a field on a Grid that does not wrap",
                    got=str(in_type),
                    remedy="pool tokens by hand",
                )
            )
        self.kernel_size, self.padding = kernel_size, padding
        self.stride = kernel_size if stride is None else stride
        self.dimension = in_type.domain.dimension

    def _check(self, x: Tensor) -> None:
        where = type(self).__name__
        self.in_type.check(x, where)
        strided_sizes(where, self.in_type.domain.sizes(x), self.kernel_size, self.stride, self.padding)


class WindowMax(AbstractWindowPool):
    """Max pooling. ρ a permutation representation."""

    def __init__(
        self, in_type: FieldType, kernel_size: int, *, stride: int | None = None, padding: int = 0
    ) -> None:
        super().__init__(in_type, kernel_size, stride=stride, padding=padding)
        _need_permutation(in_type, "WindowMax")

    def forward(self, x: Float[Tensor, "b channels *spatial"]) -> Float[Tensor, "b channels *smaller"]:
        self._check(x)
        return _MAX[self.dimension](x, self.kernel_size, self.stride, self.padding)


class WindowMean(AbstractWindowPool):
    """Average pooling. Any ρ."""

    def forward(self, x: Float[Tensor, "b channels *spatial"]) -> Float[Tensor, "b channels *smaller"]:
        self._check(x)
        return _MEAN[self.dimension](x, self.kernel_size, self.stride, self.padding)
