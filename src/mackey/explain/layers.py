"""What a module is made of, layer by layer: types, guarantee, parameters against theory, lowering and why not
others.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.integrate import reasons
from mackey.nn import AbstractIntegralLayer, AbstractLayer, Bilinear

# Layers without a product of matrices; like activations they are not counted.
_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.Embedding)


@dataclass(frozen=True)
class Row:
    """One layer. theory: the parameter count that the double-coset formula predicts, where it applies.

    parameters: those that no row above has counted. flops: of all calls, multiply–adds times two; 0 for
    activations, norms and pools, None where unknown. output: of the last call, () if it was not called by
    itself.
    """

    name: str
    kind: str
    in_type: str
    out_type: str
    guarantee: str
    parameters: int
    theory: int | None
    lowering: str
    why_not: dict[str, str]
    flops: int | None
    output: tuple[int, ...]

    @property
    def lines(self) -> list[str]:
        """What there is to say, a line each; name and kind are the heading."""
        theory = "" if self.theory is None else f" (theory {self.theory:,})"
        flops = "unknown" if self.flops is None else f"{self.flops:,}"
        numbers = f"{self.parameters:,} parameters{theory}, {flops} FLOPs; output {self.output or 'unknown'}"
        return [
            f"{self.in_type} → {self.out_type}",
            f"{self.guarantee}; {numbers}",
            *([f"lowering {self.lowering}"] if self.lowering else []),
            *(f"not {name}: {reason}" for name, reason in self.why_not.items()),
        ]


@dataclass(frozen=True)
class Explanation:
    """The rows of a module, its own guarantee, and all its parameters, each once; `str` is a table for the
    terminal.
    """

    title: str
    guarantee: str
    rows: tuple[Row, ...]
    parameters: int

    @property
    def flops(self) -> int:
        """Of the rows where it is known."""
        return sum(row.flops or 0 for row in self.rows)

    @property
    def head(self) -> str:
        """The module in one line."""
        least = "at least " if any(row.flops is None for row in self.rows) else ""
        return f"{self.title}: {self.guarantee}; {self.parameters:,} parameters, {least}{self.flops:,} FLOPs"

    def __str__(self) -> str:
        lines = [self.head, ""]
        for row in self.rows:
            lines += [f"{row.name}  {row.kind}", *(f"    {line}" for line in row.lines)]
        return "\n".join(lines)


Call = tuple[Tensor | None, Tensor | None]  # the first tensor in, the first tensor out


def explain(module: nn.Module, shape: tuple[int, ...] | Tensor) -> Explanation:
    """Explain a module for inputs of this shape, the batch axis included; it is run once on zeros, in eval
    mode.

    In place of a shape an input may be given, for a module that wants integers.
    """
    like = next(module.parameters(), torch.zeros(()))
    if not isinstance(shape, Tensor) and len(shape) < 2:
        raise ValueError(
            sentence(
                "explain",
                wanted="the shape of an input with its batch axis",
                got=str(tuple(shape)),
                remedy="for example (1, 3, 29, 29)",
            )
        )
    given = shape if isinstance(shape, Tensor) else torch.zeros(shape, dtype=like.dtype, device=like.device)
    layers = {name: layer for name, layer in module.named_modules() if _is_row(name, layer, module)}
    calls = _run(module, layers, given)
    counted: set[Tensor] = set()
    rows = [
        _row(name or type(module).__name__, layers[name], calls[name], counted)
        for name in sorted(layers, key=lambda name: not calls[name])  # those that were called, in order
        if calls[name] or any(True for _ in layers[name].parameters())
    ]
    guarantee = str(getattr(module, "guarantee", "no guarantee declared"))
    total = sum(parameter.numel() for parameter in module.parameters())
    return Explanation(type(module).__name__, guarantee, tuple(rows), total)


def _run(module: nn.Module, layers: dict[str, nn.Module], given: Tensor) -> dict[str, list[Call]]:
    """One call in eval mode, recorded; every module gets its own mode back."""
    calls: dict[str, list[Call]] = {name: [] for name in layers}
    hooks = [
        layer.register_forward_hook(_recorder(calls[name]), with_kwargs=True)
        for name, layer in layers.items()
    ]
    modes = {layer: layer.training for layer in module.modules()}
    try:
        module.eval()
        with torch.no_grad():
            module(given)
    finally:
        for layer, training in modes.items():
            layer.training = training
        for hook in hooks:
            hook.remove()
    return calls


def _recorder(calls: list[Call]) -> Callable[..., None]:
    def record(layer: nn.Module, inputs: Any, named: dict[str, Any], output: Any) -> None:
        calls.append((next(_tensors([inputs, named]), None), next(_tensors(output), None)))

    return record


def _tensors(values: Any) -> Iterator[Tensor]:
    """Every tensor inside tuples, lists and dicts."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))
    elif isinstance(values, tuple | list):
        for value in values:
            yield from _tensors(value)


def _is_row(name: str, layer: nn.Module, root: nn.Module) -> bool:
    """Layers that compute Φ_ω (as a whole), and every other module without children or with parameters of its
    own.
    """
    if any(isinstance(_parent(root, path), AbstractIntegralLayer) for path in _paths(name)):
        return False
    leaf = not any(True for _ in layer.children())
    own = any(True for _ in layer.parameters(recurse=False))
    return isinstance(layer, AbstractIntegralLayer) or leaf or own


def _paths(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(len(parts))] if name else []


def _parent(root: nn.Module, path: str) -> nn.Module:
    return root.get_submodule(path) if path else root


def _row(name: str, layer: nn.Module, calls: list[Call], counted: set[Tensor]) -> Row:
    integral = layer if isinstance(layer, AbstractIntegralLayer) else None
    mine = [p for p in layer.parameters(recurse=integral is not None) if p not in counted]
    counted.update(mine)
    into, to = (
        str(t) if isinstance(t := getattr(layer, key, None), FieldType) else "tensor"
        for key in ("in_type", "out_type")
    )
    flops = [_flops(layer, f, out) for f, out in calls]
    known = None if None in flops or (not calls and mine) else sum(f or 0 for f in flops)
    last = calls[-1][1] if calls else None
    return Row(
        name,
        type(layer).__name__,
        into,
        to,
        str(getattr(layer, "guarantee", "no guarantee declared")),
        sum(p.numel() for p in mine),
        None if integral is None else getattr(integral.integrand, "theory_count", None),
        "" if integral is None else integral.lowering.name,
        {} if integral is None else reasons(integral.integrand),
        known,
        () if last is None else tuple(last.shape),
    )


def _flops(layer: nn.Module, f: Tensor | None, out: Tensor | None) -> int | None:
    """Multiply–adds times two of one call, or None where nothing is known about the layer."""
    if isinstance(layer, AbstractIntegralLayer):
        return None if f is None else layer.lowering.flops(layer.integrand, f)
    if isinstance(layer, Bilinear):
        return None if f is None else layer.flops(len(f))
    if isinstance(layer, nn.Linear) and f is not None:
        return 2 * f.numel() * layer.out_features
    if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d) and out is not None:
        return 2 * out.numel() * layer.weight[0].numel()
    harmless = isinstance(layer, (AbstractLayer, *_NORMS)) or not any(True for _ in layer.parameters())
    return 0 if harmless else None
