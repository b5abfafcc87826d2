"""Small pictures of tensors, the first sample of the batch: images, points, arrows and bars as bytes."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mackey.actions import AbstractTensorType, Vectors
from mackey.audit.orbit import Panel

_SIDE, _POINTS, _BARS = 44, 64, 48  # 25 steps of 10 panels stay below 1 MB of base64


@dataclass(frozen=True)
class View:
    """How one tensor of `ndim` axes is drawn, the same at every step. batched: axis 0 is the batch. channel:
    the one shown of an image.
    """

    name: str
    role: str
    kind: str
    ndim: int
    batched: bool
    channel: int

    @classmethod
    def of(cls, name: str, role: str, x: Tensor, declared: AbstractTensorType | None) -> "View | None":
        """None for what has no picture."""
        if not x.ndim or not x.numel():
            return None
        if isinstance(declared, Vectors) and x.shape[-1] >= 2:
            kind = "points" if declared.shifts else "arrows"
            return cls(name, role, kind, x.ndim, declared.axis != 0 and x.ndim > 1, 0)
        if x.ndim >= 4 and x[0, 0].numel() > 1:
            varied = _real(x[0]).flatten(1).var(1, correction=0)
            return cls(name, role, "image", x.ndim, True, int(varied.argmax()))
        return cls(name, role, "image" if x.ndim == 3 else "bars", x.ndim, x.ndim > 1, 0)

    def frame(self, x: Tensor) -> Tensor:
        """The picture of one step: (h, w), (n, 3) or (n,)."""
        sample = _real(x[0] if self.batched else x)
        if self.kind in ("points", "arrows"):
            return _points(sample.reshape(-1, sample.shape[-1]))
        if self.kind == "bars":
            return sample.flatten()[:_BARS]
        if sample.ndim == 2:
            return sample[:_SIDE, :_SIDE]
        image = sample[self.channel]
        while image.ndim > 2:
            image = image[len(image) // 2]  # the middle slice of a volume
        steps = [-(-n // _SIDE) for n in image.shape]
        return image[:: steps[0], :: steps[1]]


def panel(view: View, frames: Sequence[Tensor]) -> Panel | None:
    """All steps in one scale; None if some have other shapes or numbers that are not finite."""
    if any(frame.shape != frames[0].shape for frame in frames):
        return None
    stack = torch.stack(list(frames))
    if not bool(stack.isfinite().all()):
        return None
    low, high = float(stack.min()), float(stack.max())
    if view.kind == "bars":
        low, high = min(low, 0.0), max(high, 0.0)
    if view.kind in ("points", "arrows"):  # one scale for all axes, the origin in the middle
        high = float(stack.abs().max()) or 1.0
        low = -high
    scale = 255.0 / (high - low) if high > low else 0.0
    pixels = ((stack - low) * scale).round().to(torch.uint8).numpy()
    shape = tuple(int(n) for n in stack.shape[1:])
    text = base64.b64encode(pixels.tobytes()).decode()
    return Panel(view.name, view.role, view.kind, shape, low, high, text)


def _real(x: Tensor) -> Tensor:
    x = x.detach().cpu()
    return (x.abs() if x.is_complex() else x).double()


def _points(points: Tensor) -> Tensor:
    """(n, 3): across, up, and depth; of a 4-vector x across and t up."""
    points = points[:_POINTS]
    order = [1, 0, 2] if points.shape[-1] == 4 else list(range(min(3, points.shape[-1])))
    return torch.nn.functional.pad(points[:, order], (0, 3 - len(order)))
