"""faenet (Duval et al., ICML 2023): frames of a crystal as the official frame_averaging_3D gives them."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mackey.axes import Float
from mackey.errors import sentence
from mackey.wrap.pca_frames import pca_frames

_METHODS = {"all": False, "se3-all": True}  # whether frames are proper


class Framed(nn.Module):
    """(pos, cell) to pos U, cell U and U for every frame U, three outputs for each method of `fa_method`.

    Columns by descending moment, about the mean of pos, as theirs are. Their order depends on the signs that
    LAPACK gives eigenvectors; so does ours: compare frames as sets.
    """

    def __init__(self, methods: tuple[str, ...]) -> None:
        super().__init__()
        self.methods = methods

    def forward(self, pos: Float[Tensor, "n 3"], cell: Float[Tensor, "1 3 3"]) -> tuple[Tensor, ...]:
        frames, centre = (part[0] for part in pca_frames(pos[None]))
        frames = frames.flip(-1)
        proper = frames[torch.linalg.det(frames) > 0]
        outputs: list[Tensor] = []
        for method in self.methods:
            turns = proper if _METHODS[method] else frames
            outputs += [(pos - centre) @ turns, cell @ turns[:, None], turns]
        return tuple(outputs)


def build(config: Mapping[str, Any], state_dict: Mapping[str, Tensor]) -> Framed:
    """No weights."""
    methods = config.get("fa_method", ())
    methods = (methods,) if isinstance(methods, str) else tuple(methods)
    if set(config) != {"fa_method"} or not methods or not set(methods) <= set(_METHODS):
        got, remedy = str(dict(config)), "for one frame at random use wrap.stochastic_frames"
        wanted = f"fa_method among {sorted(_METHODS)}"
        raise ValueError(sentence("interop FAENet frames", wanted=wanted, got=got, remedy=remedy))
    return Framed(methods)


SYSTEMS = {"FAENet frames": build}
