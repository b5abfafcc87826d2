"""Which layer breaks the symmetry first: every leaf is watched on x and on gx, and judged by its declared
type, or, in a foreign network, by whether any linear action on its channels explains what came out."""

from typing import Any

import torch
from torch import Tensor, nn

from mackey.audit.report import Culprit
from mackey.audit.types import AbstractDeclared, Field, Image, Tokens
from mackey.fields import FieldType
from mackey.spaces import nearest_sizes

_BROKEN = 1e-8  # float64; a fit by least squares leaves about 1e-12
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)


def first_culprit(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    in_types: tuple[AbstractDeclared, ...],
    element: Any,
    generator: torch.Generator,
) -> Culprit | None:
    """The first module, in order of execution, whose output is not g applied to its output on x; None if none
    is.
    """
    plain, turned = [], []
    for draw in range(4):  # more inputs of the same kind, so that a fit has more samples than unknowns
        x = inputs if draw == 0 else tuple(_redraw(t, generator) for t in inputs)
        plain.append(_watch(module, x))
        turned.append(_watch(module, tuple(t.move(v, element) for t, v in zip(in_types, x, strict=True))))
    for name, (layer, _, _) in plain[0].items():
        if any(name not in run for run in (*plain, *turned)):
            continue
        before = torch.cat([run[name][2] for run in plain])
        after = torch.cat([run[name][2] for run in turned])
        error = _broken_by(layer, before, after, in_types[0], element)
        if error is not None and error > _BROKEN:
            cause, fix = _likely(layer, plain[0][name][1])
            return Culprit(name or "the module itself", type(layer).__name__, error, cause, fix)
    return None


def _redraw(x: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(x.shape, generator=generator, dtype=x.dtype) if x.is_floating_point() else x


def _watch(module: nn.Module, inputs: tuple[Tensor, ...]) -> dict[str, tuple[nn.Module, Tensor, Tensor]]:
    """(module, its input, its output) by name, in order of completion; leaves and modules with declared
    types.
    """
    seen: dict[str, tuple[nn.Module, Tensor, Tensor]] = {}

    def recorder(name: str):  # type: ignore[no-untyped-def]
        def record(layer: nn.Module, given: tuple[Any, ...], out: Any) -> None:
            if name not in seen and given and isinstance(out, Tensor) and isinstance(given[0], Tensor):
                seen[name] = layer, given[0].detach(), out.detach()

        return record

    hooks = [layer.register_forward_hook(recorder(name)) for name, layer in module.named_modules()]
    try:
        with torch.no_grad():
            module(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _broken_by(
    layer: nn.Module, before: Tensor, after: Tensor, in_type: AbstractDeclared, element: Any
) -> float | None:
    """The relative residual of the best explanation of `after` as g acting on `before`; None if nobody can
    tell.
    """
    out_type = getattr(layer, "out_type", None)
    if isinstance(out_type, FieldType):
        return _residual(Field(out_type).move(before, element), after)
    moved = _candidates(before, in_type, element)
    return min((_fit(candidate, after) for candidate in moved), default=None)


def _candidates(x: Tensor, in_type: AbstractDeclared, element: Any) -> list[Tensor]:
    """x with its samples moved, channels last: (samples, channels)."""
    if isinstance(in_type, Tokens):
        if x.ndim == 3 and x.shape[1] == len(element):
            return [in_type.move(x, element).flatten(0, 1)]
        return [x] if x.ndim == 2 else []
    grid = (
        in_type.grid
        if isinstance(in_type, Image)
        else getattr(getattr(in_type, "field", None), "domain", None)
    )
    dimension = getattr(grid, "dimension", None)
    if grid is None or dimension is None:
        return []
    if x.ndim == 2 + dimension and grid.keeps(element[1], tuple(x.shape[2:])):
        return [grid.move(x, element).movedim(1, -1).flatten(0, -2)]
    if x.ndim == 3:
        side = round(x.shape[1] ** (1 / dimension))
        if side**dimension == x.shape[1]:  # tokens of a square image
            image = x.transpose(1, 2).unflatten(2, (side,) * dimension)
            return [grid.move(image, element).flatten(2).transpose(1, 2).flatten(0, 1)]
    return [x] if x.ndim == 2 else []


def _fit(moved: Tensor, after: Tensor) -> float:
    """Residual of after = moved, or of after = moved·M with the best channel matrix M, if it is
    determined.
    """
    channels = moved.shape[-1]
    after = (
        after.movedim(1, -1) if after.ndim > 3 or (after.ndim == 3 and after.shape[-1] != channels) else after
    )
    rows = after.reshape(-1, after.shape[-1])
    if rows.shape != moved.shape:
        return float("inf")
    plain = _residual(moved, rows)
    if plain <= _BROKEN or len(moved) <= 2 * channels:
        return plain
    half = len(moved) // 2  # fitted on one half, judged on the other: a fit to noise does not pass
    matrix = torch.linalg.lstsq(moved[:half], rows[:half], driver="gelsd").solution
    return min(plain, _residual(moved[half:] @ matrix, rows[half:]))


def _residual(wanted: Tensor, value: Tensor) -> float:
    if wanted.shape != value.shape:
        return float("inf")
    return float((value - wanted).abs().max() / wanted.abs().max().clamp(min=1e-300))


def _likely(layer: nn.Module, given: Tensor) -> tuple[str, str]:
    """The likely cause, and what to do."""
    if isinstance(layer, _CONVOLUTIONS + _POOLS):
        kernel, stride, padding = (_first(v) for v in (layer.kernel_size, layer.stride, layer.padding))
        size = given.shape[-1]
        if stride > 1 and (size + 2 * padding - kernel) % stride:
            good = " or ".join(map(str, nearest_sizes(size, kernel, stride, padding)))
            return (
                f"(size + 2·padding − kernel) mod stride = ({size} + {2 * padding} − {kernel}) mod {stride} "
                "≠ 0, so "
                "its samples do not turn with the image",
                f"give it size {good}, or an even kernel",
            )
        if isinstance(layer, _CONVOLUTIONS):
            return "its filters are not steerable", "use mackey.nn.Lift and mackey.nn.Conv"
        return "its windows do not turn with the input", "use mackey.nn.WindowMax or WindowMean"
    if type(layer).__module__ == nn.ReLU.__module__ and not isinstance(layer, nn.MultiheadAttention):
        return (
            "it acts channel by channel on channels that the group mixes: the filters before it are not "
            "steerable",
            "use mackey.nn.Lift and mackey.nn.Conv, whose channels the group only permutes",
        )
    if isinstance(layer, nn.Linear):
        return (
            "it mixes positions (or orientations) with a free matrix",
            "pool over space and group first, or use mackey.nn.Linear",
        )
    if isinstance(layer, nn.MultiheadAttention | nn.Embedding):
        return "its scores or codes depend on absolute positions", "use mackey.nn.Attention"
    if "Norm" in type(layer).__name__:
        return (
            "its statistics or scales differ between channels of one fibre",
            "use mackey.nn.BatchNorm or LayerNorm",
        )
    if "Dropout" in type(layer).__name__:
        return "it drops single channels of a fibre", "use mackey.nn.FieldDropout"
    return (
        "what it adds or mixes does not move with the input (a position code, a window, a padding)",
        "build it from layers with declared types",
    )


def _first(value: Any) -> int:
    return int(value[0]) if isinstance(value, tuple) else int(value)
