"""⟨φ⟩(X) = Σ_m w_m(X) ρ_out(F_m) φ(ρ_in(F_m)⁻¹X): any network, exact on every cloud, and continuous."""

import torch
from torch import Tensor, nn

from mackey.actions import AbstractTensorType as Type
from mackey.actions import Declaration, Features, GroupLike, Matrices, Vectors, acting
from mackey.axes import Bool, Float
from mackey.errors import sentence
from mackey.fields import Guarantee
from mackey.reps import blocks_of
from mackey.wrap.anchor_frames import WeightedPoses, anchor_frames, axial_turns
from mackey.wrap.declared_types import as_tuple, types_of
from mackey.wrap.frame_averaging import check_sorting, finished, sorted_inside
from mackey.wrap.posing import Posing
from mackey.wrap.sorted_frames import SortedFrames

_WHERE = "wrap.weighted_frames"
NOTE = "clouds of one place excepted, unless only invariants come out"
_ROUNDINGS = 64  # a cloud is one place where it extends less than this many roundings of its coordinates


class WeightedFrames(nn.Module):
    """⟨φ⟩(X) = Σ_m w_m ρ_out(F_m) φ(ρ_in(F_m)⁻¹X), F_m from all anchors: K frames in R², K² in R³, twice
    as many where mirrors act.

    Symmetric clouds and equal moments are no exception: weights vanish where a frame loses meaning. Near a
    line, outputs are averaged over the turns about it as well, by degrees. anchors: the numbers of the inputs
    whose vectors the frames are read from. Source: Dym, Lawrence & Siegel, ICML 2024.
    """

    def __init__(
        self, network: nn.Module, posing: Posing, anchors: tuple[int, ...], *, at_once: int | None = None
    ) -> None:
        super().__init__()
        if at_once is not None and at_once < 1:
            raise _refusal("at_once ≥ 1", str(at_once), "or leave it out")
        self.network, self.posing, self.anchors, self.at_once = network, posing, anchors, at_once

    @property
    def guarantee(self) -> Guarantee:
        sorts = "×Sym" if isinstance(self.network, SortedFrames) else ""
        return Guarantee("exact", self.posing.acts.name + sorts, NOTE)

    def check(self, *inputs: Tensor) -> None:
        """Raise where all anchors of a sample are 0 to rounding, while more than invariants come out; under
        G×Sym where two points are equal up to rounding.
        """
        self.posing.check(inputs)
        centred = self.posing.centred(inputs, self.posing.centre(inputs))
        anchors = self._anchors(centred, inputs)
        size = anchors.abs().amax((1, 2))
        largest = torch.stack([inputs[i].detach().double().flatten(1).abs().amax(1) for i in self.anchors])
        eps = torch.finfo(inputs[self.anchors[0]].dtype).eps
        there = size > _ROUNDINGS * eps * largest.amax(0)
        if any(one.moves for one in self.posing.out_types) and not bool(there.all()):
            got = f"one place in sample {int(there.int().argmin())}"
            raise _refusal("points apart", got, "nothing there tells directions; leave the sample out")
        frames = anchor_frames(anchors, proper=self.posing.proper).frames
        check_sorting(self.network, self.posing, frames, inputs)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        posing = self.posing
        posing.check(inputs)
        centre = posing.centre(inputs)
        centred = posing.centred(inputs, centre)
        poses = anchor_frames(self._anchors(centred, inputs), proper=posing.proper)
        found = []
        for part in [poses] if self.at_once is None else _parts(poses, self.at_once):
            out = self.network(*posing.pull(centred, part.frames, tuple(x.dtype for x in inputs)))
            found.append(self._pushed(as_tuple(out), part))
        sums = tuple(torch.stack(parts).sum(0) for parts in zip(*found, strict=True))
        return finished(posing, sums, centre, as_tuple(out), alone=isinstance(out, Tensor))

    def _pushed(self, outputs: tuple[Tensor, ...], poses: WeightedPoses) -> tuple[Tensor, ...]:
        """Σ w [s ρ(F) y + (1 − s) mean_k ρ(F R_k) y], R_k about the first axis."""
        frames, weights, sure = poses
        if frames.shape[-1] == 2 or not any(one.moves for one in self.posing.out_types):
            return self.posing.push(outputs, frames, weights)
        found = self.posing.push(outputs, frames, weights * sure)
        turns = axial_turns(1 + max(map(degree, self.posing.out_types)), frames)
        for turn in turns:
            more = self.posing.push(outputs, frames @ turn, weights * (1 - sure) / len(turns))
            found = tuple(a + b for a, b in zip(found, more, strict=True))
        return found

    def _anchors(self, centred: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> Float[Tensor, "b k d"]:
        mask = None if self.posing.mask is None else inputs[self.posing.mask]
        return torch.cat([_vectors(centred[i], self.posing.in_types[i], mask) for i in self.anchors], 1)


def _parts(poses: WeightedPoses, count: int) -> list[WeightedPoses]:
    split = zip(*(whole.split(count, 1) for whole in poses), strict=True)
    return [WeightedPoses(*part) for part in split]


def _vectors(x: Tensor, one: Type, mask: Bool[Tensor, "b n"] | None) -> Float[Tensor, "b k d"]:
    """All vectors of a tensor, zero for points that are not there."""
    assert isinstance(one, Vectors), "chosen so"
    if mask is not None and one.axis == 1:
        there = mask.view(*mask.shape, *(1,) * (x.ndim - 2))
        x = torch.where(there, x, torch.zeros_like(x))
    return x.reshape(x.shape[0], -1, x.shape[-1]).double()


def degree(one: Type) -> int:
    """The highest l with e^{ilφ} among what turns about an axis do to a type."""
    if isinstance(one, Features):
        return max((block.rep.dim - 1) // 2 for block in blocks_of(one.rep))
    return 2 if isinstance(one, Matrices) else int(isinstance(one, Vectors))


def weighted_frames(
    network: nn.Module,
    group: GroupLike,
    in_type: Declaration,
    out_type: Declaration,
    *,
    mask: int | None = None,
    anchors: tuple[int, ...] | None = None,
    at_once: int | None = None,
) -> WeightedFrames:
    """`network`, equivariant under E(n), SE(n), O(n), SO(n), n = 2 or 3, on every cloud, symmetric ones too.

    in_type, out_type, mask and at_once as in `wrap.frames`; so is "E(3)×Sym". anchors: the numbers of the
    inputs whose vectors the frames are read from, all vectors by default. Fewer cost less, and are enough
    unless they lie on a line while other vectors do not.
    """
    acts = acting(group)
    types = types_of(in_type, acts, _WHERE), types_of(out_type, acts, _WHERE)
    network, acts = sorted_inside(network, acts, types, mask)
    posing = Posing(acts, *types, mask)
    vectors = tuple(i for i, one in enumerate(types[0]) if isinstance(one, Vectors) and not one.handed)
    chosen = vectors if anchors is None else anchors
    if not chosen or not set(chosen) <= set(vectors):
        raise _refusal(
            f"numbers of inputs among {vectors}", f"anchors={anchors}", "give positions or vectors"
        )
    if posing.dimension not in (2, 3):
        raise _refusal("a group of R² or R³", acts.name, "use wrap.frames")
    return WeightedFrames(network, posing, chosen, at_once=at_once)


def _refusal(wanted: str, got: str, remedy: str) -> ValueError:
    return ValueError(sentence(_WHERE, wanted=wanted, got=got, remedy=remedy))
