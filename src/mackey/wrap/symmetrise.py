"""∫ρ_out(g) f(ρ_in(g)⁻¹x) dg: any network averaged over a finite group or a quadrature of a compact one."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mackey.actions import (
    AbstractTensorType,
    Acting,
    Declaration,
    EdgeIndex,
    Features,
    GroupLike,
    Matrices,
    Scalars,
    Vectors,
    acting,
)
from mackey.errors import sentence
from mackey.fields import Guarantee
from mackey.wrap.centring import Centring, centring
from mackey.wrap.declared_types import as_tuple, types_of
from mackey.wrap.listed_groups import finite_guarantee, listed_elements, point_group
from mackey.wrap.listed_motions import Elements, action, dtype_of

_WHERE = "wrap.average"


class Averaged(nn.Module):
    """φ(x) = Σ_i w_i ρ_out(g_i) f(ρ_in(g_i)⁻¹x), `chunk` elements in one call of f.

    In training too only one chunk is kept: the others are computed again in the backward pass (so running
    statistics in f are updated twice). Tensors without a batch axis ("positions@0", "edge_index") run one
    element at a time.
    """

    def __init__(
        self,
        network: nn.Module,
        elements: Elements,
        *,
        in_types: tuple[AbstractTensorType, ...],
        out_types: tuple[AbstractTensorType, ...],
        centring: Centring,
        guarantee: Guarantee,
        chunk: int,
    ) -> None:
        super().__init__()
        if chunk < 1:
            remedy = "give the number of elements that one call of the network may hold"
            raise ValueError(sentence(_WHERE, wanted="chunk ≥ 1", got=str(chunk), remedy=remedy))
        self.network, self.guarantee, self.centring = network, guarantee, centring
        self.in_types, self.out_types, self.count = in_types, out_types, len(elements)
        self.chunk = chunk if all(_has_batch(one) for one in (*in_types, *out_types)) else 1
        backwards = elements.inverses
        dtype = dtype_of(network)
        self.pull = nn.ModuleList(action(one, backwards) for one in in_types).to(dtype)
        self.push = nn.ModuleList(action(one, elements) for one in out_types).to(dtype)
        self.weights = tuple(float(w) for w in elements.weights)

    def forward(self, x: Tensor, *more: Tensor) -> Tensor | tuple[Tensor, ...]:
        centre = self.centring.centre((x, *more))
        inputs = self.centring.moved(self.in_types, (x, *more), None if centre is None else -centre)
        starts = range(0, self.count, self.chunk)
        again = len(starts) > 1 and torch.is_grad_enabled() and not torch.compiler.is_compiling()
        total: tuple[Tensor, ...] = ()
        alone = False
        for start in starts:
            found = (
                checkpoint(self.part, start, *inputs, use_reentrant=False)
                if again
                else self.part(start, *inputs)
            )
            alone, part = isinstance(found, Tensor), as_tuple(found)
            total = tuple(a + b for a, b in zip(total, part, strict=True)) if total else part
        placed = self.centring.moved(self.out_types, total, centre)
        return placed[0] if alone else placed

    def part(self, start: int, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The sum over one chunk."""
        indices = range(start, min(start + self.chunk, self.count))
        moved = [
            torch.cat([move(x, i) for i in indices]) if len(indices) > 1 else move(x, start)
            for x, move in zip(inputs, self.pull, strict=True)
        ]
        out = self.network(*moved)
        sums = []
        for y, move in zip(as_tuple(out), self.push, strict=True):
            each = y.unflatten(0, (len(indices), -1)) if len(indices) > 1 else y[None]
            terms = [self.weights[i] * move(each[k], i) for k, i in enumerate(indices)]
            sums.append(torch.stack(terms).sum(0) if len(terms) > 1 else terms[0])
        return sums[0] if isinstance(out, Tensor) else tuple(sums)


def _has_batch(one: AbstractTensorType) -> bool:
    """Whether samples stand along axis 0, so that moved copies can stand behind each other."""
    if isinstance(one, Vectors | Scalars | Matrices | Features) and one.axis == 0:
        return False
    return not isinstance(one, EdgeIndex)


def average(
    network: nn.Module,
    group: GroupLike,
    in_type: Declaration,
    out_type: Declaration,
    *,
    points: int | None = None,
    chunk: int = 8,
) -> Averaged:
    """(1/|G|) Σ_g ρ_out(g) f(ρ_in(g)⁻¹x): exact for finite groups ("p4m", "C8", "Oh", "Sym(4)").

    Compact groups ("SO(3)", "O(2)") by a quadrature of at least `points` elements: on SO(3) exact for f of
    that degree in g, so that the error falls faster than any power for smooth f. Translations of E(n) are
    taken out first, by the mean of the positions. chunk: elements in one call of the network, which bounds
    memory; on a CPU 1 is the fastest for batches of hundreds of images.

    Raises ValueError for a group that cannot be averaged over.
    """
    acts = acting(group)
    in_types, out_types = types_of(in_type, acts, _WHERE), types_of(out_type, acts, _WHERE)
    return Averaged(
        network,
        listed_elements(acts, points, _WHERE),
        in_types=in_types,
        out_types=out_types,
        centring=centring(acts, in_types, out_types, _WHERE),
        guarantee=_guarantee(acts, (*in_types, *out_types), points),
        chunk=chunk,
    )


def _guarantee(acts: Acting, types: tuple[AbstractTensorType, ...], points: int | None) -> Guarantee:
    if acts.linear is None or point_group(acts.linear) is not None:
        return finite_guarantee(acts, types, "")
    return Guarantee("continuum", acts.name, f"a quadrature of {points} points or more")
