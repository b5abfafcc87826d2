"""Constants of a module: exact originals behind its buffers, and results that depend on sizes only."""

from collections.abc import Callable, Hashable

import numpy as np
import torch
from torch import Tensor, nn


class AbstractConstants(nn.Module):
    """A module whose constants are buffers (persistent=False), copied anew from exact originals after every
    move.

    So no change of dtype leaves rounding behind, and a module built on the meta device is whole after
    to_empty().
    """

    def __init__(self) -> None:
        super().__init__()
        self._originals: dict[str, tuple[Tensor, bool]] = {}

    def hold(self, name: str, values: np.ndarray, *, precise: bool = False) -> None:
        """A buffer with these values; `precise`: real numbers stay in float32 at least."""
        original = torch.as_tensor(values, device="cpu")
        real = original.is_floating_point()
        dtype = torch.get_default_dtype() if real else original.dtype
        self._originals[name] = original, precise and real
        placed = original.to(torch.get_default_device(), dtype, copy=True)
        self.register_buffer(name, placed, persistent=False)

    def _apply(self, fn, recurse=True):  # type: ignore[no-untyped-def]
        result = super()._apply(fn, recurse)
        for name, (original, precise) in self._originals.items():
            moved: Tensor = self.get_buffer(name)
            dtype = torch.promote_types(moved.dtype, torch.float32) if precise else moved.dtype
            self.register_buffer(name, original.to(moved.device, dtype, copy=True), persistent=False)
        return result


class Memo:
    """The last tensor of each name, with the key it was made for. Empty on copy and on pickle.

    Nothing is kept while a graph is traced, and no fake tensor ever.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Hashable, Tensor]] = {}

    def get(self, name: str, key: Hashable, make: Callable[[], Tensor]) -> Tensor:
        """make(), or what it gave the last time if the key is the same."""
        if torch.compiler.is_compiling():
            return make()
        if name in self._kept and self._kept[name][0] == key:
            return self._kept[name][1]
        with torch.inference_mode(False), torch.no_grad():
            made = make()
        if type(made) is Tensor:
            self._kept[name] = key, made
        return made

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return Memo, ()
