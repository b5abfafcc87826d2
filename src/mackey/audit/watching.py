"""What every layer takes and gives while a module runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from mackey.audit.networks import Tensors, run


@dataclass(frozen=True)
class Call:
    """The first call of one layer: copies of the first tensor it was given and of the first it returned."""

    layer: nn.Module
    given: Tensor
    out: Tensor


def watch(module: nn.Module, inputs: Tensors) -> dict[str, Call]:
    """Calls by name, in order of completion."""
    given: dict[str, Tensor] = {}
    seen: dict[str, Call] = {}

    def before(name: str):  # type: ignore[no-untyped-def]
        def record(layer: nn.Module, positional: tuple[Any, ...], named: dict[str, Any]) -> None:
            x = _first_tensor((positional, named))
            if name not in given and x is not None:
                given[name] = x.detach().clone()  # a copy: the layer may write on it

        return record

    def after(name: str):  # type: ignore[no-untyped-def]
        def record(layer: nn.Module, positional: tuple[Any, ...], out: Any) -> None:
            y = _first_tensor(out)
            if name not in seen and name in given and y is not None:
                seen[name] = Call(layer, given[name], y.detach().clone())

        return record

    hooks = []
    for name, layer in module.named_modules():
        if "parametrizations" not in name.split("."):  # those take weights, not features
            hooks.append(layer.register_forward_pre_hook(before(name), with_kwargs=True))
            hooks.append(layer.register_forward_hook(after(name)))
    try:
        run(module, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _first_tensor(value: Any) -> Tensor | None:
    if isinstance(value, Tensor):
        return value
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple | list) else ()
    return next((found for part in parts if (found := _first_tensor(part)) is not None), None)
