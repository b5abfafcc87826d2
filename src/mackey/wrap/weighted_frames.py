"""⟨φ⟩(X) = Σ_m w_m(X) ρ_out(F_m) φ(ρ_in(F_m)⁻¹X): any network, exact on every cloud, and continuous."""

import torch
from torch import Tensor, nn

from mackey.actions import AbstractTensorType as Type
from mackey.actions import Declaration, Features, GroupLike, Matrices, Vectors, acting
from mackey.errors import sentence
from mackey.fields import Guarantee
from mackey.reps import blocks_of
from mackey.wrap.anchor_frames import WeightedPoses, axial_turns
from mackey.wrap.declared_types import as_tuple, types_of
from mackey.wrap.frame_averaging import check_sorting, finished, group_of, sorted_inside
from mackey.wrap.posing import Posing
from mackey.wrap.weighted_poses import AbstractWeightedPoses, AnchorPoses, MomentPoses

_WHERE, _MOMENTS = "wrap.weighted_frames", "wrap.moment_frames"


class WeightedFrames(nn.Module):
    """⟨φ⟩(X) = Σ_m w_m ρ_out(F_m) φ(ρ_in(F_m)⁻¹X), with weights that vanish where a frame loses its meaning.

    poses: what frames. at_once: so many in one call, to bound memory. Near a line, outputs are averaged over
    the turns about it as well, by degrees. Source: Dym, Lawrence & Siegel, ICML 2024.
    """

    def __init__(
        self, network: nn.Module, posing: Posing, poses: AbstractWeightedPoses, *, at_once: int | None = None
    ) -> None:
        super().__init__()
        if at_once is not None and at_once < 1:
            raise _refusal(posing.where, "at_once ≥ 1", str(at_once), "or leave it out")
        self.network, self.posing, self.poses, self.at_once = network, posing, poses, at_once

    @property
    def guarantee(self) -> Guarantee:
        return Guarantee("exact", group_of(self.network, self.posing), self.poses.exceptions)

    def check(self, *inputs: Tensor) -> None:
        """Raise where a sample is an exception from the guarantee, or too near one; under G×Sym where two
        points are equal up to rounding.
        """
        self.posing.check(inputs)
        centred = self.posing.centred(inputs, self.posing.centre(inputs))
        refused, why = self.poses.refused(self.posing, centred, inputs)
        if bool(refused.any()):
            got, remedy = f"sample {int(refused.int().argmax())}, {why}", "leave it out"
            raise _refusal(self.posing.where, "clouds that tell directions", got, remedy)
        frames = self.poses.poses(self.posing, centred, inputs).frames
        check_sorting(self.network, self.posing, frames, inputs)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        posing = self.posing
        posing.check(inputs)
        centre = posing.centre(inputs)
        centred = posing.centred(inputs, centre)
        poses = self.poses.poses(posing, centred, inputs)
        found = []
        for part in [poses] if self.at_once is None else _parts(poses, self.at_once):
            out = self.network(*posing.pull(centred, part.frames, tuple(x.dtype for x in inputs)))
            found.append(self._pushed(as_tuple(out), part))
        sums = tuple(torch.stack(parts).sum(0) for parts in zip(*found, strict=True))
        return finished(posing, sums, centre, as_tuple(out), alone=isinstance(out, Tensor))

    def _pushed(self, outputs: tuple[Tensor, ...], poses: WeightedPoses) -> tuple[Tensor, ...]:
        """Σ w [s ρ(F) y + (1 − s) mean_k ρ(F R_k) y], R_k about the first axis."""
        frames, weights, sure = poses
        if frames.shape[-1] != 3 or not any(one.moves for one in self.posing.out_types):
            return self.posing.push(outputs, frames, weights)
        found = self.posing.push(outputs, frames, weights * sure)
        turns = axial_turns(1 + max(map(degree, self.posing.out_types)), frames)
        for turn in turns:
            more = self.posing.push(outputs, frames @ turn, weights * (1 - sure) / len(turns))
            found = tuple(a + b for a, b in zip(found, more, strict=True))
        return found


def _parts(poses: WeightedPoses, count: int) -> list[WeightedPoses]:
    split = zip(*(whole.split(count, 1) for whole in poses), strict=True)
    return [WeightedPoses(*part) for part in split]


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
    """`network`, equivariant under E(n), SE(n), O(n), SO(n), n = 2 or 3, on every cloud, symmetric ones too:
    K frames for K anchors in R², K² in R³, twice as many where mirrors act. For large clouds `moment_frames`.

    in_type, out_type, mask and at_once as in `wrap.frames`; so is "E(3)×Sym". anchors: the numbers of the
    inputs whose vectors the frames are read from, all vectors by default. Fewer cost less, and are enough
    unless they lie on a line while other vectors do not.
    """
    acts = acting(group)
    types = types_of(in_type, acts, _WHERE), types_of(out_type, acts, _WHERE)
    network, acts = sorted_inside(network, acts, types, mask)
    posing = Posing(acts, *types, mask, _WHERE)
    vectors = tuple(i for i, one in enumerate(types[0]) if isinstance(one, Vectors) and not one.handed)
    chosen = vectors if anchors is None else anchors
    if not chosen or not set(chosen) <= set(vectors):
        raise _refusal(
            _WHERE, f"numbers of inputs among {vectors}", f"anchors={anchors}", "give positions or vectors"
        )
    if posing.dimension not in (2, 3):
        raise _refusal(_WHERE, "a group of R² or R³", acts.name, "use wrap.frames")
    return WeightedFrames(network, posing, AnchorPoses(chosen), at_once=at_once)


def moment_frames(
    network: nn.Module,
    group: GroupLike,
    in_type: Declaration,
    out_type: Declaration,
    *,
    mask: int | None = None,
    moments: int = 3,
    at_once: int | None = None,
) -> WeightedFrames:
    """`network`, equivariant under E(n), SE(n), O(n) or SO(n), in the principal frames of several moments of
    the cloud: 2^n of each where mirrors act, however many points there are, else 2^{n−1}. Arguments as in
    `wrap.frames`.
    """
    acts = acting(group)
    types = types_of(in_type, acts, _MOMENTS), types_of(out_type, acts, _MOMENTS)
    if moments < 1:
        raise _refusal(_MOMENTS, "moments ≥ 1", str(moments), "3 unless you have a reason")
    network, acts = sorted_inside(network, acts, types, mask)
    return WeightedFrames(
        network, Posing(acts, *types, mask, _MOMENTS), MomentPoses(moments), at_once=at_once
    )


def _refusal(where: str, wanted: str, got: str, remedy: str) -> ValueError:
    return ValueError(sentence(where, wanted=wanted, got=got, remedy=remedy))
