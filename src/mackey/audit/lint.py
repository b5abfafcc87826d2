"""What breaks a symmetry and can be read off a module without running a group over it."""

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from mackey.audit.watching import watch
from mackey.fields import FieldType
from mackey.spaces import nearest_sizes

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_WINDOWED = {
    1: (nn.Conv1d, nn.MaxPool1d, nn.AvgPool1d),
    2: (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d),
    3: (nn.Conv3d, nn.MaxPool3d, nn.AvgPool3d),
}
_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
_ODD = (nn.Tanh, nn.Softsign, nn.Hardtanh, nn.Tanhshrink, nn.Softshrink, nn.Hardshrink)
_PADDED = re.compile(r"(Zero|Constant|Reflection|Replication|Circular)Pad\dd")
_POSITION = re.compile(r"(^|[._])pos(ition)?(al)?s?($|_?e(mb|nc)|_?code|_?table|_)")
_NEIGHBOURS = ("max_num_neighbors", "max_neighbors", "max_neighbours", "num_nearest_neighbors")


@dataclass(frozen=True)
class Finding:
    """layer: its name in the module; kind: its class. rule: the mathematics that it breaks."""

    layer: str
    kind: str
    rule: str
    message: str
    fix: str

    def __str__(self) -> str:
        return (
            f"{self.layer or 'the module itself'} ({self.kind}): {self.message}; {self.rule}; fix: {self.fix}"
        )


Rule = Callable[[str, nn.Module, Tensor | None], Finding | None]


def broken_rules(name: str, layer: nn.Module, given: Tensor | None) -> list[Finding]:
    """What can be said of one layer alone. given: what it takes."""
    return [finding for rule in RULES if (finding := rule(name, layer, given)) is not None]


def is_windowed(layer: nn.Module) -> bool:
    """A convolution or a pool."""
    return any(isinstance(layer, kinds) for kinds in _WINDOWED.values())


def lint(module: nn.Module, inputs: Tensor | tuple[Tensor, ...] | None = None) -> tuple[Finding, ...]:
    """Findings in the order of the layers: strides that do not fit their sizes, one-sided padding, plain
    layers on fields that are not scalars, dropout of single components, truncated neighbour lists, absolute
    position codes, averages over the batch at test time.

    inputs: with them sizes are known, from one forward pass of a copy; without, strides are not judged. A
    finding is a reason to look, not a measurement: `mackey.audit` measures.
    """
    given: dict[str, Tensor] = {}
    if inputs is not None:
        tensors = inputs if isinstance(inputs, tuple) else (inputs,)
        given = {name: call.given for name, call in watch(copy.deepcopy(module), tensors).items()}
    found = []
    for name, layer in module.named_modules():
        found += broken_rules(name, layer, given.get(name))
        found += _after_declared(name, layer)
    return tuple(dict.fromkeys([*found, *_position_tables(module)]))


def _stride(name: str, layer: nn.Module, given: Tensor | None) -> Finding | None:
    d = next((d for d, kinds in _WINDOWED.items() if isinstance(layer, kinds)), 0)
    if not d or given is None or isinstance(layer.padding, str):
        return None
    for axis in range(d):
        kernel, stride, padding = (_at(v, axis) for v in (layer.kernel_size, layer.stride, layer.padding))
        size = given.shape[axis - d]
        reach = _at(getattr(layer, "dilation", 1), axis) * (kernel - 1) + 1
        rest = (size + 2 * padding - reach) % stride
        if rest:
            good = " or ".join(map(str, nearest_sizes(size, reach, stride, padding)))
            message = f"({size} + {2 * padding} − {reach}) mod {stride} ≠ 0 on axis {axis}"
            rule = "a strided window commutes with quarter turns and mirrors iff (n + 2p − k) mod s = 0"
            other = " or ".join(str(k) for k in (reach - (stride - rest), reach + rest) if k > 0)
            return Finding(name, type(layer).__name__, rule, message, f"size {good}, or a window of {other}")
    return None


def _padding(name: str, layer: nn.Module, given: Tensor | None) -> Finding | None:
    rule = "what is added on one side only moves the centre, about which turns and mirrors act"
    kind = type(layer).__name__
    if _PADDED.fullmatch(kind):
        sides = tuple(layer.padding)  # type: ignore[arg-type]
        uneven = [sides[i : i + 2] for i in range(0, len(sides), 2) if sides[i] != sides[i + 1]]
        if uneven:
            return Finding(
                name, kind, rule, f"pads {uneven[0][0]} before and {uneven[0][1]} after", "pad evenly"
            )
    if isinstance(layer, _CONVOLUTIONS) and layer.padding == "same":
        spans = [_at(layer.dilation, i) * (k - 1) for i, k in enumerate(layer.kernel_size)]
        if any(span % 2 for span in spans):
            message = f'padding="same" with a kernel of {layer.kernel_size[0]} pads one more on one side'
            return Finding(name, kind, rule, message, "use an odd kernel")
    if isinstance(layer, _TRANSPOSED) and any(layer.output_padding):
        message = f"output_padding = {max(layer.output_padding)} adds on one side"
        return Finding(
            name, kind, rule, message, "output_padding=0 with a kernel that fits, such as 4 for stride 2"
        )
    return None


def _components(name: str, layer: nn.Module, given: Tensor | None) -> Finding | None:
    if not isinstance(layer, nn.LayerNorm) or tuple(layer.normalized_shape) not in ((2,), (3,)):
        return None
    return Finding(
        name,
        "LayerNorm",
        "mean and variance over the components of a vector are not invariant: LN(Rv) ≠ R LN(v)",
        f"normalises over {layer.normalized_shape[0]} numbers, which look like the components of a vector",
        "divide vectors by their norm, or normalise invariants only",
    )


def _batch(name: str, layer: nn.Module, given: Tensor | None) -> Finding | None:
    if not isinstance(layer, _BATCH_NORMS) or layer.track_running_stats:
        return None
    return Finding(
        name,
        type(layer).__name__,
        "f(x) must not depend on what else is in the batch: else f(gx) of one sample is not defined",
        "averages over the batch also at test time (track_running_stats=False)",
        "keep running statistics, or normalise each sample",
    )


def _neighbours(name: str, layer: nn.Module, given: Tensor | None) -> Finding | None:
    limits = [(key, value) for key in _NEIGHBOURS if (value := _number(getattr(layer, key, None)))]
    if "knn" in type(layer).__name__.lower() and (k := _number(getattr(layer, "k", None))):
        limits.append(("k", k))
    if not limits:
        return None
    key, value = limits[0]
    return Finding(
        name,
        type(layer).__name__,
        "which of several equally near neighbours is dropped depends on their order: not equivariant at ties",
        f"keeps at most {key} = {value} neighbours",
        "take all neighbours inside a radius, with weights that vanish there",
    )


def _embedded(name: str, layer: nn.Module, given: Tensor | None) -> Finding | None:
    if isinstance(layer, nn.Embedding) and _POSITION.search(name):
        return _absolute(name, "Embedding")
    return None


def _position_tables(module: nn.Module) -> Iterator[Finding]:
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        inside = name.rpartition(".")[2]
        places = sum(n > 1 for n in tensor.shape) > 1  # a single code is the same everywhere
        if places and tensor.is_floating_point() and _POSITION.search(inside):
            yield _absolute(name, "table")


def _absolute(name: str, kind: str) -> Finding:
    rule = "a code of the place itself does not move with the input: permutations and shifts are broken"
    fix = "use codes of differences (relative positions), or none"
    return Finding(name, kind, rule, "absolute position code", fix)


RULES: tuple[Rule, ...] = (_stride, _padding, _components, _batch, _neighbours, _embedded)


def _after_declared(name: str, chain: nn.Module) -> Iterator[Finding]:
    """Plain layers that follow a layer with a declared type in a Sequential."""
    if not isinstance(chain, nn.Sequential):
        return
    layers = [(key, layer) for key, layer in chain.named_children() if not isinstance(layer, nn.Identity)]
    for (_, before), (key, layer) in pairwise(layers):
        field = getattr(before, "out_type", None)
        if isinstance(field, FieldType) and not field.rep.is_trivial:
            finding = _plain(f"{name}.{key}" if name else key, layer, field)
            if finding is not None:
                yield finding


def _plain(name: str, layer: nn.Module, field: FieldType) -> Finding | None:
    kind, on = type(layer).__name__, f"on {field}"
    if isinstance(layer, (nn.Linear, nn.LayerNorm, *_BATCH_NORMS, *_CONVOLUTIONS)):
        rule = "Wρ(h) = σ(h)W must hold, a bias must be invariant, statistics the same for all of a fibre"
        return Finding(
            name, kind, rule, f"plain {kind} {on}", f"use the layer of mackey.nn in place of {kind}"
        )
    if isinstance(layer, _DROPOUTS):
        rule = "a mask commutes with ρ(h) only if it is the same for all components of a fibre"
        return Finding(name, kind, rule, f"drops single components {on}", "use mackey.nn.FieldDropout")
    if type(layer).__module__ == nn.ReLU.__module__ and not field.rep.is_permutation:
        if field.rep.is_signed_permutation and isinstance(layer, _ODD):
            return None
        rule = "σ(ρ(h)v) = ρ(h)σ(v) pointwise only if ρ permutes components (with signs, if σ is odd)"
        return Finding(name, kind, rule, f"pointwise {kind} {on}", "use mackey.nn.NormActivation or Gated")
    return None


def _at(value: Any, axis: int) -> int:
    return int(value[axis]) if isinstance(value, tuple | list) else int(value)


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
