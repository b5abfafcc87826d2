"""Tensors whose axes or values are names of points: pairs, lists of edges, weights of a network."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from mackey.actions.abstract import AbstractTensorType, permuted
from mackey.actions.motion import POINTS, Motion
from mackey.errors import sentence


@dataclass(frozen=True)
class Indexed(AbstractTensorType):
    """Axes that permutations act on, by name; None for an axis that stays. names[0] is the axis after the
    batch: ("n", "n") are pairs such as adjacency matrices (b, n, n), ("h1", "h0") the weights between two
    layers of neurons.
    """

    names: tuple[str | None, ...]

    def check(self, x: Tensor, where: str) -> None:
        if x.ndim <= len(self.names):
            wanted = f"(b, {', '.join(name or '.' for name in self.names)}, …)"
            remedy = "give each named axis"
            raise ValueError(sentence(where, wanted=wanted, got=f"shape {tuple(x.shape)}", remedy=remedy))
        for name in {name for name in self.names if name}:
            found = {x.shape[1 + i] for i, other in enumerate(self.names) if other == name}
            if len(found) > 1:
                wanted = f"axes {name} of one length"
                got = f"shape {tuple(x.shape)}"
                raise ValueError(sentence(where, wanted=wanted, got=got, remedy="give the same n"))

    def axes(self, x: Tensor) -> Mapping[str, int]:
        return {name: 1 + i for i, name in enumerate(self.names) if name}

    def act(self, x: Tensor, motion: Motion) -> Tensor:
        for axis, name in enumerate(self.names):
            if name:
                x = permuted(x, {name: 1 + axis}, motion)
        return x


@dataclass(frozen=True)
class EdgeIndex(AbstractTensorType):
    """Integers that are numbers of points, as edge_index (2, e): i → p[i]. The edges stay in their order."""

    def check(self, x: Tensor, where: str) -> None:
        if x.is_floating_point():
            wanted, remedy = "integers that number the points", 'declare edge vectors "edge_vectors"'
            raise ValueError(sentence(where, wanted=wanted, got=str(x.dtype), remedy=remedy))

    def act(self, x: Tensor, motion: Motion) -> Tensor:
        p = motion.permutations.get(POINTS)
        return x if p is None else p.to(x)[x.long()]
