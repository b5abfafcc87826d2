"""φ(x) = f(T_{−p(x)} x), p(T_θ x) = p(x) + θ: any image network behind a pose in canonical coordinates."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mackey.actions import AbstractTensorType, Declaration, Image, Invariant, declare
from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import Guarantee
from mackey.groups.logarithms import matrix_exp
from mackey.integrands.constants import AbstractConstants
from mackey.reps.wigner import in_full_precision
from mackey.wrap.declared_types import as_tuple
from mackey.wrap.planar_flows import FLOWS, PlanarFlow, centres, planar_flow
from mackey.wrap.pose_network import PoseNetwork, centroid, circular_centroid, heat

_WHERE = "wrap.canonical_coordinates"
_FAR = 4.0  # coordinates beyond this, points at infinity too, are put here: outside of every image


def resampled(x: Float[Tensor, "b c h w"], points: Float[Tensor, "#b m n 3"]) -> Float[Tensor, "b c m n"]:
    """x at points [x : y : w], |x|, |y| ≤ 1 being the longer side: bilinear, zeros outside, in float64."""
    height, width = x.shape[2:]
    longer = max(height, width)
    w = points[..., 2:]
    w = torch.where(w.abs() > 1e-9, w, torch.where(w < 0, -1e-9, 1e-9))
    right, up = (points[..., :2] / w).unbind(-1)
    grid = torch.stack([right * (longer / width), -up * (longer / height)], -1).clamp(-_FAR, _FAR)
    grid = grid.double().expand(x.shape[0], -1, -1, -1)
    return F.grid_sample(x.double(), grid, padding_mode="zeros", align_corners=False).to(x.dtype)


def pixels(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "h w 3"]:
    """[x : y : 1] of the pixels of an image."""
    height, width = x.shape[2:]
    longer = max(height, width)
    right, down = (
        (2 * torch.arange(n, dtype=torch.float64, device=x.device) + 1 - n) / longer for n in (width, height)
    )
    return torch.stack(torch.broadcast_tensors(right, -down[:, None], torch.ones_like(right)), -1)


class FlowPose(AbstractConstants):
    """p(x) of one flow, (b, 1), or (b, 2) where its second coordinate is a pose too; and exp(Σ p_i A_i)."""

    points: Tensor
    generators: Tensor

    def __init__(self, flow: PlanarFlow, network: PoseNetwork, samples: int) -> None:
        super().__init__()
        self.flow, self.network = flow, network
        rows = samples // len(flow.sheets)
        s, t = centres(flow.span, samples), centres(flow.section_span, rows)
        self.hold("points", flow.points(s, t).numpy(), precise=True)
        axes = [(flow.span, s, flow.circular), (flow.section_span, t, flow.section_circular)]
        for index, (span, values, circular) in enumerate(axes[: len(flow.generators)]):
            more = 0 if circular else network.margin
            step = (span[1] - span[0]) / len(values)
            ends = (span[0] - more * step, span[1] + more * step)
            self.hold(f"positions{index}", centres(ends, len(values) + 2 * more).numpy(), precise=True)
        self.hold("generators", np.array(flow.generators), precise=True)
        self.offset = nn.Parameter(torch.zeros(len(flow.generators)))

    def forward(
        self, x: Float[Tensor, "b c h w"], before: Float[Tensor, "b 3 3"]
    ) -> Float[Tensor, "b poses"]:
        """The pose of x ∘ before, plus a learnt constant."""
        points = self.points.double() @ before[:, None].mT
        with in_full_precision(x):
            logits = self.network(resampled(x, points))
        flow, found = self.flow, []
        spans = ((flow.span, flow.circular), (flow.section_span, flow.section_circular))
        for index, (line, (span, circular)) in enumerate(zip(logits, spans, strict=False)):
            weights = heat(line.double())
            positions = self.get_buffer(f"positions{index}").double()
            found.append(
                circular_centroid(weights, positions, span) if circular else centroid(weights, positions)
            )
        return torch.stack(found, 1) + self.offset.double()

    def matrices(self, pose: Float[Tensor, "b poses"]) -> Float[Tensor, "b 3 3"]:
        """exp(Σ p_i A_i)."""
        return matrix_exp(torch.einsum("bk,kij->bij", pose, self.generators.double()))


class CanonicalCoordinates(nn.Module):
    """f(T_{−p_k} … T_{−p_1} x), each pose p_i found on what the ones before have straightened; images among
    the outputs are moved back, T_{p_1} … T_{p_k} y.

    Images are resampled once, at the product of the motions: bilinear, zeros outside. No norm, no stride and
    no bias stands between an image and its pose.
    """

    def __init__(
        self, network: nn.Module, poses: Sequence[FlowPose], out_types: tuple[AbstractTensorType, ...]
    ) -> None:
        super().__init__()
        self.network, self.out_types = network, out_types
        self.stages: Sequence[FlowPose] = nn.ModuleList(poses)  # type: ignore[assignment]
        self.guarantee = _guarantee([pose.flow for pose in poses])

    def poses(self, x: Float[Tensor, "b c h w"]) -> tuple[Float[Tensor, "b poses"], ...]:
        """p_1, …, p_k, each (b, 1), or (b, 2) of a group of two parameters; float64."""
        found, before = [], torch.eye(3, dtype=torch.float64, device=x.device).expand(x.shape[0], 3, 3)
        for stage in self.stages:
            found.append(stage(x, before))
            before = before @ stage.matrices(found[-1])
        return tuple(found)

    def canonical(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """(T_{−p} x)(q) = x(exp(p_1 A_1) … exp(p_k A_k) q)."""
        return self._pulled(x, self.poses(x))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Tensor | tuple[Tensor, ...]:
        poses = self.poses(x)
        out = self.network(self._pulled(x, poses))
        outputs = as_tuple(out)
        if len(outputs) != len(self.out_types):
            wanted, got = f"{len(self.out_types)} outputs, as declared", str(len(outputs))
            raise ValueError(sentence(_WHERE, wanted=wanted, got=got, remedy="declare every output"))
        moved = tuple(
            self._pushed(y, poses) if isinstance(one, Image) else y
            for one, y in zip(self.out_types, outputs, strict=True)
        )
        return moved[0] if isinstance(out, Tensor) else moved

    def _pulled(self, x: Tensor, poses: tuple[Tensor, ...]) -> Tensor:
        motion = self.stages[0].matrices(poses[0])
        for stage, pose in zip(self.stages[1:], poses[1:], strict=True):
            motion = motion @ stage.matrices(pose)
        return resampled(x, pixels(x) @ motion[:, None].mT)

    def _pushed(self, y: Tensor, poses: tuple[Tensor, ...]) -> Tensor:
        motion = self.stages[0].matrices(-poses[0])
        for stage, pose in zip(self.stages[1:], poses[1:], strict=True):
            motion = stage.matrices(-pose) @ motion
        return resampled(y, pixels(y) @ motion[:, None].mT)


def _guarantee(flows: list[PlanarFlow]) -> Guarantee:
    note = "n pixels and n samples a side, content inside the window of the coordinates"
    if flows[0].circular:
        note += ", outside the set, of measure zero, of images whose heat map has no direction"
    if flows[0].generator == FLOWS["rotation"].generator:
        note += "; quarter turns of squares are exact where samples are a multiple of 4"
    if len(flows) > 1:
        note += f"; only encouraged under {', '.join(flow.name for flow in flows[1:])}, which come later"
    return Guarantee("continuum", flows[0].name, note, rate=2.0)


def canonical_coordinates(
    network: nn.Module,
    group: str | PlanarFlow | tuple[str | PlanarFlow, ...] = "rotation-scale",
    channels: int = 1,
    out_type: Declaration = "invariant",
    *,
    samples: int = 32,
    hidden: int = 16,
    kernel_size: int = 5,
    depth: int = 2,
) -> CanonicalCoordinates:
    """`network` on images (b, channels, h, w) turned, scaled, sheared, … into a canonical pose, which a small
    network finds where the group is a shift.

    group: names of `wrap.FLOWS` or flows of your own, one after the other: "translation rotation-scale" or a
    tuple. The paper's for distorted digits: "shear-x hyperbolic perspective-x perspective-y".
    out_type: "invariant" or "image" for each output. samples: along the flow, and across it for all sheets
    together; multiples of 4 keep quarter turns exact. Source: Tai, Bailis & Valiant, ICML 2019.
    """
    names = group if isinstance(group, tuple) else group.split() if isinstance(group, str) else (group,)
    flows = [planar_flow(one) for one in names]
    least = max([1, *(len(flow.sheets) for flow in flows)])
    if not flows or samples < least:
        got = f"{len(flows)} groups, {samples} samples"
        raise ValueError(sentence(_WHERE, wanted="a group, and samples", got=got, remedy="give samples=32"))
    declared = out_type if isinstance(out_type, tuple) else (out_type,)
    out_types = tuple(declare(one, None, _WHERE) for one in declared)
    if not all(isinstance(one, Invariant | Image) for one in out_types):
        remedy = "warps do not act on other types"
        raise ValueError(sentence(_WHERE, wanted='"invariant" or "image"', got=str(out_types), remedy=remedy))
    poses = [
        FlowPose(
            flow, PoseNetwork(flow, channels, hidden=hidden, kernel_size=kernel_size, depth=depth), samples
        )
        for flow in flows
    ]
    return CanonicalCoordinates(network, poses, out_types)
