"""What a module is made of, layer by layer: types, guarantee, parameters against theory, lowering and why not
others.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.integrands import AbstractIntegrand
from mackey.integrate import reasons
from mackey.lowerings import AbstractLowering


@dataclass(frozen=True)
class Row:
    """One layer. theory: the parameter count that the double-coset formula predicts, where it applies."""

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


@dataclass(frozen=True)
class Explanation:
    """The rows of a module, and its own guarantee; `str` is a table for the terminal."""

    title: str
    guarantee: str
    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def flops(self) -> int:
        return sum(row.flops or 0 for row in self.rows)

    def __str__(self) -> str:
        head = f"{self.title}: {self.guarantee}; {self.parameters:,} parameters, {self.flops:,} FLOPs"
        lines = [head, ""]
        for row in self.rows:
            theory = "" if row.theory is None else f" (theory {row.theory:,})"
            flops = "" if row.flops is None else f", {row.flops:,} FLOPs"
            lines.append(f"{row.name}  {row.kind}  {row.in_type} → {row.out_type}")
            lines.append(
                f"    {row.guarantee}; {row.parameters:,} parameters{theory}{flops}; output {row.output}"
            )
            if row.lowering:
                lines.append(f"    lowering {row.lowering}")
            lines += [f"    not {name}: {reason}" for name, reason in row.why_not.items()]
        return "\n".join(lines)


def explain(module: nn.Module, shape: tuple[int, ...]) -> Explanation:
    """Explain a module for inputs of this shape, the batch axis included; it is run once on zeros, in eval
    mode.
    """
    if len(shape) < 2:
        raise ValueError(
            sentence(
                "explain",
                wanted="the shape of an input with its batch axis",
                got=str(tuple(shape)),
                remedy="for example (1, 3, 29, 29)",
            )
        )
    seen: dict[str, tuple[Tensor, Tensor]] = {}
    layers = {name: layer for name, layer in module.named_modules() if _is_row(name, layer, module)}
    hooks = [layer.register_forward_hook(_recorder(seen, name)) for name, layer in layers.items()]
    like = next(module.parameters(), torch.zeros(()))
    training = module.training
    try:
        module.eval()
        with torch.no_grad():
            module(torch.zeros(shape, dtype=like.dtype, device=like.device))
    finally:
        module.train(training)
        for hook in hooks:
            hook.remove()
    rows = tuple(_row(name or type(module).__name__, layers[name], *seen[name]) for name in seen)
    return Explanation(
        type(module).__name__, str(getattr(module, "guarantee", "no guarantee declared")), rows
    )


def _recorder(seen: dict[str, tuple[Tensor, Tensor]], name: str):  # type: ignore[no-untyped-def]
    def record(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        seen[name] = inputs[0], output

    return record


def _is_row(name: str, layer: nn.Module, root: nn.Module) -> bool:
    """Layers that compute Φ_ω (as a whole), and every other module without children."""
    inside = any(
        isinstance(getattr(_parent(root, path), "integrand", None), AbstractIntegrand)
        for path in _paths(name)
    )
    return not inside and (
        isinstance(getattr(layer, "integrand", None), AbstractIntegrand)
        or not any(True for _ in layer.children())
    )


def _paths(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(len(parts))] if name else []


def _parent(root: nn.Module, path: str) -> nn.Module:
    return root.get_submodule(path) if path else root


def _row(name: str, layer: nn.Module, f: Tensor, out: Tensor) -> Row:
    omega = getattr(layer, "integrand", None)
    parameters = sum(p.numel() for p in layer.parameters())
    into, to = (
        str(t) if isinstance(t := getattr(layer, key, None), FieldType) else "tensor"
        for key in ("in_type", "out_type")
    )
    guarantee = str(getattr(layer, "guarantee", "no guarantee declared"))
    if not isinstance(omega, AbstractIntegrand):
        flops = 2 * f.numel() * layer.out_features if isinstance(layer, nn.Linear) else None
        return Row(
            name, type(layer).__name__, into, to, guarantee, parameters, None, "", {}, flops, tuple(out.shape)
        )
    lowering = layer.lowering
    assert isinstance(lowering, AbstractLowering)
    return Row(
        name,
        type(layer).__name__,
        into,
        to,
        guarantee,
        parameters,
        getattr(omega, "theory_count", None),
        lowering.name,
        reasons(omega),
        lowering.flops(omega, f),
        tuple(out.shape),
    )
