"""Frames of each part of a cloud: any network, equivariant to every part moving on its own."""

import torch
from torch import Tensor, nn

from mackey.actions import AbstractTensorType as Type
from mackey.actions import Declaration, Features, GroupLike, Matrices, Scalars, Vectors, acting
from mackey.errors import sentence
from mackey.fields import Guarantee
from mackey.wrap.declared_types import as_tuple, types_of
from mackey.wrap.frame_averaging import GAP, GAP_ELSE, OUTSIDE, evaluate, finished
from mackey.wrap.posing import Posing

_WHERE = "wrap.part_frames"
_PLACED = (Scalars, Vectors, Matrices, Features)


class PartFrames(nn.Module):
    """y_i = ⟨φ⟩_{F(X_p)}(X_p)_i, p the part of point i: the network sees one part at a time, in its frames.

    Moving the parts by g_1, …, g_k moves the outputs of part p by g_p. A partition finer than that into
    bodies still holds, a coarser one does not. Points of other parts are 0 to the network, which gets which
    points are there, bool (b·k·|F|, n), as its last input. parts: the number of the input with the part of
    each point, whole numbers 0 … count − 1, (b, n); any other number belongs to no part, and its outputs
    are 0. Source: Atzmon et al., ICLR 2024, sect. 3.
    """

    def __init__(self, network: nn.Module, posing: Posing, parts: int, count: int) -> None:
        super().__init__()
        self.network, self.posing, self.parts, self.count = network, posing, parts, count
        note = f"each part by an element of its own, for the given partition; {OUTSIDE}"
        self.guarantee = Guarantee("exact", posing.acts.name, note)

    def check(self, *inputs: Tensor) -> None:
        """Raise where a part has nearly equal extents along two axes, as lines and pairs have."""
        self._check(inputs)
        given, there = self._split(inputs)
        flat = (*(x.flatten(0, 1) for x in given), there.flatten(0, 1))
        used, gaps = flat[-1].any(1), self.posing.gaps(flat)
        least = GAP.get(flat[self.posing.source].dtype, GAP_ELSE)
        if bool((used & (gaps < least)).any()):
            worst = int(torch.where(used, gaps, torch.inf).argmin())
            raise _refusal(
                f"parts with extents along the axes at least {least:g} of the largest apart",
                f"a gap of {float(gaps[worst]):.2g} in part {worst % self.count} of sample "
                f"{worst // self.count}",
                "join it with another part; each needs three points or more, without symmetry",
            )

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        self._check(inputs)
        given, there = self._split(inputs)
        flat = (*(x.flatten(0, 1) for x in given), there.flatten(0, 1))
        self.posing.check(flat)
        frames, centre = self.posing.poses(flat)
        centred = self.posing.centred(flat, centre)
        centred = (*(_kept(x, one, flat[-1]) for x, one in zip(centred, self.posing.in_types, strict=True)),)
        sums, alone, like = evaluate(self.network, self.posing, centred, frames, flat)
        means = tuple(y / frames.shape[1] for y in sums)
        found = finished(self.posing, means, centre, like, alone=alone)
        chosen = tuple(
            (y.unflatten(0, (-1, self.count)) * _against(there, y.ndim + 1)).sum(1) for y in as_tuple(found)
        )
        return chosen[0] if alone else chosen

    def _split(self, inputs: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
        """All inputs but the partition once for each part, (b, k, …), and which points it has, (b, k, n)."""
        labels = torch.arange(self.count, device=inputs[self.parts].device)
        there = inputs[self.parts][:, None] == labels[:, None]
        rest = tuple(x for i, x in enumerate(inputs) if i != self.parts)
        return tuple(x[:, None].expand(-1, self.count, *x.shape[1:]) for x in rest), there

    def _check(self, inputs: tuple[Tensor, ...]) -> None:
        """Raise unless the inputs can be of their types."""
        if len(inputs) != len(self.posing.in_types):
            wanted = f"{len(self.posing.in_types)} inputs, as declared"
            raise _refusal(wanted, str(len(inputs)), "declare every input")
        labels = inputs[self.parts]
        if labels.is_floating_point() or labels.ndim != 2:
            got = f"{labels.dtype} of shape {tuple(labels.shape)}"
            raise _refusal("the part of each point, whole numbers (b, n)", got, "give argmax of scores")


def part_frames(
    network: nn.Module,
    group: GroupLike,
    in_type: Declaration,
    out_type: Declaration,
    *,
    parts: int,
    count: int,
) -> PartFrames:
    """`network` on each of `count` parts in the frames of that part; group, in_type and out_type as in
    `wrap.frames`, each for the points (axis 1). parts: the number of the input, declared "tokens", that holds
    the part of each point; the network gets a mask instead, as its last input.
    """
    acts = acting(group)
    given, returned = types_of(in_type, acts, _WHERE), types_of(out_type, acts, _WHERE)
    if not 0 <= parts < len(given) or not isinstance(given[parts], Scalars):
        raise _refusal('the number of an input that is "tokens"', f"parts={parts}", "declare the partition")
    lone = [one for one in returned if not isinstance(one, _PLACED) or one.axis != 1]
    if lone:
        got, remedy = str(lone[0]), 'let each point have its own, such as "tokens", and pool them'
        raise _refusal("an output for each point", got, remedy)
    if count < 1:
        raise _refusal("count ≥ 1", str(count), "say how many parts there are at most")
    rest = (*(one for i, one in enumerate(given) if i != parts), Scalars())
    return PartFrames(network, Posing(acts, rest, returned, len(rest) - 1, _WHERE), parts, count)


def _kept(x: Tensor, one: Type, there: Tensor) -> Tensor:
    """Zero for points of other parts."""
    on_points = isinstance(one, _PLACED) and one.axis == 1
    return torch.where(_against(there, x.ndim), x, torch.zeros_like(x)) if on_points else x


def _against(there: Tensor, ndim: int) -> Tensor:
    return there.view(*there.shape, *(1,) * (ndim - there.ndim))


def _refusal(wanted: str, got: str, remedy: str) -> ValueError:
    return ValueError(sentence(_WHERE, wanted=wanted, got=got, remedy=remedy))
