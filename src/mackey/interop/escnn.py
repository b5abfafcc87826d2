"""escnn's R2Conv (Weiler & Cesa 2019; Cesa, Lang & Weiler 2022): its weights in our Conv.

escnn expands a filter Σ_b w[o, i, b] B_b from a sampled basis that lies in the checkpoint. A steerable filter
is steerable in any basis: ours holds the same filter, found by least squares, and refuses one that it cannot
hold. Elements: rotations r^k, then r^k·m with the left–right mirror m; both libraries agree, so channels need
no reordering.
"""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.groups import FiniteGroup, cyclic, dihedral, lattice
from mackey.integrands import Linear
from mackey.nn import Conv
from mackey.reps import Rep, regular, trivial
from mackey.spaces import Grid

SYSTEM = "escnn R2Conv"
_BASIS = re.compile(r"_basisexpansion\.block_expansion_\('(.+)', '(.+)'\)\.sampled_basis")
# escnn builds its bases in float32; a filter farther than this from ours is not steerable in our sense.
_TOLERANCE = 1e-5

_REQUIRED = ("gspace", "in_type", "out_type", "kernel_size", "padding", "bias")
# What our Conv has no setting for: accepted at escnn's default only.
_ONLY_DEFAULT = {"dilation": 1, "groups": 1, "padding_mode": "zeros"}


def build(config: Mapping[str, Any], state_dict: Mapping[str, Tensor]) -> Conv:
    """Conv with the official weights. config: gspace "C4", in_type "reg_reg: 2", out_type "3", kernel_size,
    padding, bias; optionally stride.
    """
    _check_config(config)
    group = _group(str(config["gspace"]))
    grid = Grid(lattice(group))
    keys = [match for key in state_dict if (match := _BASIS.fullmatch(key))]
    if len(keys) != 1:
        raise _refusal(
            "one pair of representations in the checkpoint",
            str(len(keys)),
            "convert each pair of fields on its own",
        )
    wanted = ["weights", *(["bias", "bias_expansion"] if config["bias"] else [])]
    missing = [name for name in wanted if name not in state_dict]
    if missing:
        raise _refusal(
            f"{', '.join(wanted)} in the checkpoint", f"none of {', '.join(missing)}", "save all of it"
        )
    if "bias" in state_dict and not config["bias"]:
        raise _refusal("no bias in the checkpoint, as config says", "one", "set bias to True in config")
    in_type = FieldType(grid, _rep(keys[0][1], group), _fields(config, "in_type"))
    out_type = FieldType(grid, _rep(keys[0][2], group), _fields(config, "out_type"))
    conv = Conv(
        in_type,
        out_type,
        int(config["kernel_size"]),
        stride=int(config.get("stride", 1)),
        padding=int(config["padding"]),
        bias=bool(config["bias"]),
    ).to(state_dict["weights"].dtype)
    with torch.no_grad():
        _copy_filter(conv, state_dict["weights"], state_dict[keys[0][0]])
        _copy_bias(conv, state_dict)
    return conv


def _refusal(wanted: str, got: str, remedy: str) -> ValueError:
    return ValueError(sentence(f"interop {SYSTEM}", wanted=wanted, got=got, remedy=remedy))


def _check_config(config: Mapping[str, Any]) -> None:
    """Nothing is dropped in silence: a setting is mapped, at its default, or refused by name."""
    missing = [key for key in _REQUIRED if key not in config]
    if missing:
        raise _refusal(
            f"{', '.join(_REQUIRED)} in config",
            f"no {', '.join(missing)}",
            "give the arguments of the R2Conv",
        )
    unknown = [key for key in config if key not in (*_REQUIRED, "stride", *_ONLY_DEFAULT)]
    changed = [key for key, default in _ONLY_DEFAULT.items() if config.get(key, default) != default]
    if unknown or changed:
        raise _refusal(
            f"settings that our Conv has ({', '.join(_REQUIRED)}, stride)",
            ", ".join(f"{key}={config[key]!r}" for key in (*unknown, *changed)),
            "leave out what does not change the layer; the rest is not mapped yet",
        )


def _fields(config: Mapping[str, Any], key: str) -> int:
    """The number of fields in "reg_reg: 2" or "3"."""
    count = str(config[key]).split(":")[-1].strip()
    if not re.fullmatch(r"[1-9]\d*", count):
        raise _refusal(
            f'{key} as a number of equal fields, "3"', repr(config[key]), "other sums are not mapped yet"
        )
    return int(count)


def _group(name: str) -> FiniteGroup:
    match = re.fullmatch(r"([CD])(\d+)", name)
    if match is None:
        raise _refusal("gspace C_n or D_n", repr(name), "other groups are not mapped yet")
    return (cyclic if match[1] == "C" else dihedral)(int(match[2]))


def _rep(name: str, group: FiniteGroup) -> Rep:
    if name == "regular":
        return regular(group)
    if name in ("irrep_0", "irrep_0,0"):
        return trivial(group)
    raise _refusal("regular or trivial fields", repr(name), "other fibres are not mapped yet")


def _copy_filter(conv: Conv, weights: Tensor, sampled: Tensor) -> None:
    """Least squares of the official filter in our basis."""
    linear = conv.integrand
    assert isinstance(linear, Linear)
    fields = linear.out_type.multiplicity, linear.in_type.multiplicity
    taps = linear.out_type.rep.dim, linear.in_type.rep.dim, linear.kernel_size**2
    if tuple(sampled.shape[1:]) != taps or weights.numel() != fields[0] * fields[1] * len(sampled):
        raise _refusal(
            f"a basis of shape (n, {', '.join(map(str, taps))}) and {fields[0]}·{fields[1]}·n weights",
            f"{tuple(sampled.shape)} and {weights.numel()} weights",
            "check gspace, kernel_size, in_type and out_type in config",
        )
    official = weights.view(*fields, len(sampled)).double() @ sampled.double().flatten(1)
    ours = torch.as_tensor(linear.basis.dense).flatten(1)
    solution = torch.linalg.lstsq(ours.T, official.flatten(0, 1).T).solution
    off = float((ours.T @ solution - official.flatten(0, 1).T).abs().max() / official.abs().max())
    if off > _TOLERANCE:
        raise _refusal(
            "a filter in the span of our steerable kernels",
            f"a relative distance of {off:.2g}",
            "check the group, the representations and the frequency cut-off",
        )
    linear.weight.copy_(solution.view(-1, *fields))


def _copy_bias(conv: Conv, state_dict: Mapping[str, Tensor]) -> None:
    """The official bias, one number a trivial irrep, expanded by its own table and read in our invariants."""
    linear = conv.integrand
    assert isinstance(linear, Linear)
    if linear.bias is None:
        return
    table, bias = state_dict["bias_expansion"], state_dict["bias"]
    if tuple(table.shape) != (linear.out_type.channels, bias.numel()):
        raise _refusal(
            f"a bias_expansion of shape {(linear.out_type.channels, bias.numel())}",
            str(tuple(table.shape)),
            "check out_type in config",
        )
    expanded = (table @ bias).view(linear.out_type.multiplicity, -1)
    linear.bias.copy_(expanded @ torch.tensor(linear.out_type.rep.invariants).to(expanded).T)
