"""What every layer takes and gives while a module runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from mackey.audit.networks import Tensors, run


@dataclass(frozen=True)
class Call:
    """The first call of one layer: copies of the first tensor it was given, of the first it returned, and of
    the others that it returned.
    """

    layer: nn.Module
    given: Tensor
    out: Tensor
    others: Tensors = ()


def watch(module: nn.Module, inputs: Tensors) -> dict[str, Call]:
    """Calls by name, in order of completion."""
    return watched_run(module, inputs)[1]


def watched_run(module: nn.Module, inputs: Tensors) -> tuple[dict[str, Tensor], dict[str, Call]]:
    """The outputs by name, and the calls."""
    given: dict[str, Tensor] = {}
    seen: dict[str, Call] = {}

    def before(name: str):  # type: ignore[no-untyped-def]
        def record(layer: nn.Module, positional: tuple[Any, ...], named: dict[str, Any]) -> None:
            x = next(_tensors((positional, named)), None)
            if name not in given and x is not None:
                given[name] = x.detach().clone()  # a copy: the layer may write on it

        return record

    def after(name: str):  # type: ignore[no-untyped-def]
        def record(layer: nn.Module, positional: tuple[Any, ...], out: Any) -> None:
            found = () if name in seen or name not in given else tuple(_tensors(out))
            if found:
                y, *others = (tensor.detach().clone() for tensor in found)
                seen[name] = Call(layer, given[name], y, tuple(others))

        return record

    hooks = []
    for name, layer in module.named_modules():
        if "parametrizations" not in name.split("."):  # those take weights, not features
            hooks.append(layer.register_forward_pre_hook(before(name), with_kwargs=True))
            hooks.append(layer.register_forward_hook(after(name)))
    try:
        outputs = run(module, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return outputs, seen


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
        return
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple | list) else ()
    for part in parts:
        yield from _tensors(part)
