"""On what an audit was made: two reports can be compared only if that is the same."""

import zlib
from dataclasses import dataclass

import torch
from torch import Tensor

from mackey.actions import Declaration


@dataclass(frozen=True)
class Setting:
    """in_type, out_type: as declared. inputs: shape, dtype and checksum of each. seed: of the elements."""

    in_type: str
    out_type: str
    inputs: tuple[str, ...]
    seed: int
    mode: str
    amplified: bool

    def __str__(self) -> str:
        shapes = ", ".join(one.rsplit(" ", 1)[0] for one in self.inputs)
        return f"{self.in_type} to {self.out_type}, inputs {shapes}, seed {self.seed}"


def described(declared: Declaration) -> str:
    """As people wrote it."""
    return ", ".join(map(str, declared)) if isinstance(declared, tuple) else str(declared)


def fingerprint(x: Tensor) -> str:
    """Shape, dtype and a checksum of the bytes."""
    sizes = "×".join(map(str, x.shape)) or "scalar"
    values = x.detach().cpu().resolve_conj().resolve_neg().contiguous().flatten()
    checksum = zlib.crc32(values.view(torch.uint8).numpy().tobytes())
    return f"{sizes} {str(x.dtype).removeprefix('torch.')} {checksum:08x}"
