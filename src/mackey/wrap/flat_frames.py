"""Frames of clouds of any sizes in one flat list of points, with the number of the cloud of each point."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from mackey.actions import AbstractTensorType as Type
from mackey.actions import Declaration, Features, GroupLike, Matrices, Motion, Scalars, Vectors, acting
from mackey.axes import Float, Int
from mackey.errors import sentence
from mackey.fields import Guarantee
from mackey.wrap.declared_types import as_tuple, is_position, types_of
from mackey.wrap.frame_averaging import OUTSIDE
from mackey.wrap.pca_frames import principal_axes, signed_frames
from mackey.wrap.posing import Posing

_WHERE = "wrap.flat_frames"
_PLACED = (Vectors, Scalars, Matrices, Features)


class FlatFrames(nn.Module):
    """⟨φ⟩_F(X) of every cloud of a flat list: tensors of points (n, …), of clouds (b, …), and `batch` (n,).

    One call of φ for each frame, all with the same list of edges and the same numbers of clouds. These are
    0 … b − 1, in any order, b ≤ n. Moments are summed, so that errors are about rounding/gap of moments, not
    of extents as in `wrap.frames`. Vectors of edges are to be made inside φ. Source: Puny et al., ICLR 2022.
    """

    def __init__(
        self,
        network: nn.Module,
        posing: Posing,
        in_types: tuple[Type, ...],
        out_types: tuple[Type, ...],
        *,
        batch: int,
    ) -> None:
        super().__init__()
        self.network, self.posing, self.batch = network, posing, batch
        self.in_types, self.out_types = in_types, out_types
        self.guarantee = Guarantee("exact", posing.acts.name, OUTSIDE.replace("extents", "moments"))

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        self._check(inputs)
        number = inputs[self.batch]
        frames, centre = self._frames(inputs[self.posing.source].double(), number)
        motions = [Motion(linear=frame) for frame in frames.unbind(1)]
        back = [Motion(linear=frame.mT) for frame in frames.unbind(1)]
        centred = _moved(inputs, self.in_types, Motion(translation=-centre), number, self._shifts)
        sums: tuple[Tensor, ...] = ()
        out: Tensor | tuple[Tensor, ...] = ()
        for forth, here in zip(motions, back, strict=True):
            seen = _moved(centred, self.in_types, here, number, _turns)
            out = self.network(*(x.to(given.dtype) for x, given in zip(seen, inputs, strict=True)))
            if len(as_tuple(out)) != len(self.out_types):
                wanted, got = f"{len(self.out_types)} outputs, as declared", str(len(as_tuple(out)))
                raise _refusal(wanted, got, "declare every output")
            found = _moved(as_tuple(out), self.out_types, forth, number, _turns)
            sums = tuple(a + b for a, b in zip(sums, found, strict=True)) if sums else found
        means = tuple(y / len(motions) for y in sums)
        placed = _moved(means, self.out_types, Motion(translation=centre), number, self._shifts)
        results = tuple(y.to(like.dtype) for y, like in zip(placed, as_tuple(out), strict=True))
        return results[0] if isinstance(out, Tensor) else results

    def _frames(
        self, x: Float[Tensor, "n d"], number: Int[Tensor, " n"]
    ) -> tuple[Float[Tensor, "n m d d"], Float[Tensor, "n d"]]:
        """The frames and centre of cloud i at place i; there are no more clouds than points."""
        count = torch.zeros_like(x[:, :1]).index_add(0, number, torch.ones_like(x[:, :1])).clamp(min=1)
        centre = torch.zeros_like(x)
        if self.posing.translates:
            centre = centre.index_add(0, number, x) / count
        x = x - centre[number]
        outer = x[:, :, None] * x[:, None]
        # M is symmetric, so that the axes of M as a list of points are those of M itself.
        axes = principal_axes(torch.zeros_like(outer).index_add(0, number, outer))[1]
        return signed_frames(axes, proper=self.posing.proper), centre

    def _shifts(self, one: Type) -> bool:
        return self.posing.translates and is_position(one)

    def _check(self, inputs: tuple[Tensor, ...]) -> None:
        if len(inputs) != len(self.in_types):
            raise _refusal(f"{len(self.in_types)} inputs, as declared", str(len(inputs)), "declare every one")
        n = inputs[self.posing.source].shape[0]
        for one, x in zip(self.in_types, inputs, strict=True):
            one.check(x, _WHERE)
            if isinstance(one, _PLACED) and one.axis == 0 and x.shape[0] != n:
                raise _refusal(f"{n} points on axis 0", f"shape {tuple(x.shape)}", "list the same points")


def _dense(one: Type) -> Type:
    """The type with its points on axis 1."""
    return replace(one, axis=1) if isinstance(one, _PLACED) and one.axis == 0 else one


def _turns(one: Type) -> bool:
    return isinstance(one, _PLACED)


def _moved(
    tensors: tuple[Tensor, ...],
    types: tuple[Type, ...],
    motion: Motion,
    number: Int[Tensor, " n"],
    moves: Callable[[Type], bool],
) -> tuple[Tensor, ...]:
    """Every tensor that moves, points by the motion of their cloud, in float64."""
    found = []
    for one, x in zip(types, tensors, strict=True):
        if moves(one) and isinstance(one, _PLACED):
            rows = number if one.axis == 0 else torch.arange(x.shape[0], device=x.device)
            linear, shift = (
                None if part is None else part[rows] for part in (motion.linear, motion.translation)
            )
            found.append(one.act(x.double(), Motion(linear, shift)))
        else:
            found.append(x)
    return tuple(found)


def flat_frames(
    network: nn.Module, group: GroupLike, in_type: Declaration, out_type: Declaration, *, batch: int
) -> FlatFrames:
    """`network` on flat lists of points, equivariant under E(n), SE(n), O(n) or SO(n): `wrap.frames` for
    ("positions@0", "tokens@0", "tokens@0", "edge_index"), with the number of the input, (n,), that says which
    cloud each point is of; names without @0, such as "cell" or "vector", have a row for each cloud.
    """
    acts = acting(group)
    given, returned = types_of(in_type, acts, _WHERE), types_of(out_type, acts, _WHERE)
    for one in (*given, *returned):
        if isinstance(one, _PLACED) and one.axis not in (0, None):
            raise _refusal("points on axis 0", str(one), 'declare them as "positions@0", or use wrap.frames')
    if not 0 <= batch < len(given) or given[batch] != Scalars(0):
        raise _refusal('the number of an input that is "tokens@0"', f"batch={batch}", "declare the numbers")
    posing = Posing(acts, tuple(map(_dense, given)), tuple(map(_dense, returned)), None, _WHERE)
    source = given[posing.source]
    if not isinstance(source, Vectors) or source.axis != 0:
        raise _refusal('positions or vectors of points, as "positions@0"', str(given), "declare them")
    return FlatFrames(network, posing, given, returned, batch=batch)


def _refusal(wanted: str, got: str, remedy: str) -> ValueError:
    return ValueError(sentence(_WHERE, wanted=wanted, got=got, remedy=remedy))
