"""⟨φ⟩(X) = 1/|F(X)| Σ_{g ∈ F(X)} ρ_out(g) φ(ρ_in(g)⁻¹X): any network, averaged over frames."""

import torch
from torch import Tensor, nn

from mackey.actions import AbstractTensorType, Acting, Declaration, GroupLike, acting
from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import Guarantee
from mackey.wrap.declared_types import as_tuple, types_of
from mackey.wrap.posing import Posing
from mackey.wrap.sorted_frames import SortedFrames, sorted_frames

_WHERE = "wrap.frames"
GAP = {torch.float64: 1e-5}  # the least gap of extents that `check` lets pass: errors stay below 1e-10
GAP_ELSE = 1e-3
OUTSIDE = (
    "outside the set, of measure zero, of inputs with two equal moments; error ~ rounding/gap of extents"
)


class FrameAveraged(nn.Module):
    """⟨φ⟩_F(X) = 1/|F(X)| Σ_{g ∈ F(X)} ρ_out(g) φ(ρ_in(g)⁻¹X), F(X) the principal axes with all signs.

    One call of φ, on a batch |F| times as large: 2^d frames for E(d) and O(d), 2^{d−1} for SE(d) and SO(d).
    at_once: so many frames in one call, to bound memory. Frames are found, and tensors moved, in float64;
    gradients flow through them, so that forces are those of the averaged energy. Where two moments agree the
    result is finite and depends on how the cloud was turned: `check` refuses such inputs, and
    `wrap.moment_frames` and `wrap.weighted_frames` handle them. The error follows rounding/gap: in float64,
    on seven points, 9e-12 where two extents differ by 1e-5 of the largest, 1.2e-8 at 1e-8, 1e-4 at 1e-12
    (100 elements of E(3)). Source: Puny et al., ICLR 2022, eq. (4).
    """

    def __init__(self, network: nn.Module, posing: Posing, *, at_once: int | None = None) -> None:
        super().__init__()
        if at_once is not None and at_once < 1:
            raise ValueError(
                sentence(_WHERE, wanted="at_once ≥ 1", got=str(at_once), remedy="or leave it out")
            )
        self.network, self.posing, self.at_once = network, posing, at_once

    @property
    def guarantee(self) -> Guarantee:
        return Guarantee("exact", group_of(self.network, self.posing), OUTSIDE)

    def gaps(self, *inputs: Tensor) -> Float[Tensor, " b"]:
        """The least distance of two extents of each sample, in parts of the largest one."""
        return self.posing.gaps(inputs)

    def check(self, *inputs: Tensor, least: float | None = None) -> None:
        """Raise where two extents of a sample along its axes are nearer than `least` parts of the largest:
        there the axes are a choice, and the error is about the rounding of the inputs over this gap. least:
        10⁻⁵ for float64, where the error is 10⁻¹⁰, and 10⁻³ for other dtypes.
        """
        gaps = self.gaps(*inputs)
        least = GAP.get(inputs[self.posing.source].dtype, GAP_ELSE) if least is None else least
        worst = int(gaps.argmin())
        if gaps[worst] < least:
            raise ValueError(
                sentence(
                    _WHERE,
                    wanted=f"extents along the axes at least {least:g} of the largest apart",
                    got=f"a gap of {float(gaps[worst]):.2g} in sample {worst} (symmetric, or nearly so)",
                    remedy="not equivariant there; use wrap.weighted_frames, which is",
                )
            )
        check_sorting(self.network, self.posing, self.posing.poses(inputs)[0], inputs)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        self.posing.check(inputs)
        frames, centre = self.posing.poses(inputs)
        centred = self.posing.centred(inputs, centre)
        parts = [
            evaluate(self.network, self.posing, centred, part, inputs)
            for part in ([frames] if self.at_once is None else frames.split(self.at_once, 1))
        ]
        count, (_, alone, like) = frames.shape[1], parts[0]
        means = tuple(
            sum(sums[1:], sums[0]) / count for sums in zip(*(part[0] for part in parts), strict=True)
        )
        return finished(self.posing, means, centre, like, alone=alone)


Sums = tuple[tuple[Tensor, ...], bool, tuple[Tensor, ...]]


def evaluate(
    network: nn.Module,
    posing: Posing,
    centred: tuple[Tensor, ...],
    frames: Float[Tensor, "b m d d"],
    inputs: tuple[Tensor, ...],
) -> Sums:
    """Σ over the given frames of ρ_out(F) φ(ρ_in(F)⁻¹X), whether φ returned one tensor, and its outputs."""
    out = network(*posing.pull(centred, frames, tuple(x.dtype for x in inputs)))
    outputs = as_tuple(out)
    return posing.push(outputs, frames), isinstance(out, Tensor), outputs


def finished(
    posing: Posing,
    means: tuple[Tensor, ...],
    centre: Float[Tensor, "b d"],
    like: tuple[Tensor, ...],
    *,
    alone: bool,
) -> Tensor | tuple[Tensor, ...]:
    """Positions placed, dtypes restored."""
    placed = posing.placed(means, centre)
    found = tuple(y.to(given.dtype) for y, given in zip(placed, like, strict=True))
    return found[0] if alone else found


def frames(
    network: nn.Module,
    group: GroupLike,
    in_type: Declaration,
    out_type: Declaration,
    *,
    mask: int | None = None,
    at_once: int | None = None,
) -> FrameAveraged:
    """`network`, equivariant under E(n), SE(n), O(n) or SO(n): its average over the frames of each sample;
    under "E(n)×Sym" and the like its points are sorted in each frame as well.

    in_type, out_type: what each tensor is, such as ("positions", "tokens") and "vectors" (`mackey.actions`).
    mask: the number of the input that says which points are there. at_once: frames in one call, all if None.
    """
    acts = acting(group)
    types = types_of(in_type, acts, _WHERE), types_of(out_type, acts, _WHERE)
    network, acts = sorted_inside(network, acts, types, mask)
    return FrameAveraged(network, Posing(acts, *types, mask, _WHERE), at_once=at_once)


def group_of(network: nn.Module, posing: Posing) -> str:
    """G, or G×Sym where the network sorts its points."""
    return posing.acts.name + ("×Sym" if isinstance(network, SortedFrames) else "")


def check_sorting(
    network: nn.Module, posing: Posing, frames: Float[Tensor, "b m d d"], inputs: tuple[Tensor, ...]
) -> None:
    """Raise where a network that sorts its points meets two, in some frame, that are equal up to rounding."""
    if isinstance(network, SortedFrames):
        centred = posing.centred(inputs, posing.centre(inputs))
        network.check(*posing.pull(centred, frames, tuple(x.dtype for x in inputs)))


def sorted_inside(
    network: nn.Module,
    acts: Acting,
    types: tuple[tuple[AbstractTensorType, ...], tuple[AbstractTensorType, ...]],
    mask: int | None,
) -> tuple[nn.Module, Acting]:
    """G×Sym as G, and the network with its points sorted; any other group as it is."""
    if acts.space is None or not acts.permutes or acts.permutations is not None:
        return network, acts
    return sorted_frames(network, *types, mask=mask), Acting(acts.space)
