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


def build(config: Mapping[str, Any], state_dict: Mapping[str, Tensor]) -> Conv:
    """Conv with the official weights. config: gspace "C4", in_type "reg_reg: 2", out_type "3", kernel_size,
    padding.
    """
    group = _group(str(config["gspace"]))
    grid = Grid(lattice(group))
    keys = [match for key in state_dict if (match := _BASIS.fullmatch(key))]
    if len(keys) != 1:
        raise ValueError(
            sentence(
                f"interop {SYSTEM}",
                wanted="one pair of representations in the checkpoint",
                got=f"{len(keys)}",
                remedy="convert each pair of fields on its own",
            )
        )
    fields_in = int(str(config["in_type"]).split(":")[-1])
    in_type = FieldType(grid, _rep(keys[0][1], group), fields_in)
    out_type = FieldType(grid, _rep(keys[0][2], group), int(config["out_type"]))
    conv = Conv(
        in_type,
        out_type,
        int(config["kernel_size"]),
        padding=int(config["padding"]),
        bias=bool(config["bias"]),
    ).to(state_dict["weights"].dtype)
    with torch.no_grad():
        _copy_filter(conv, state_dict["weights"], state_dict[keys[0][0]])
        _copy_bias(conv, state_dict)
    return conv


def _group(name: str) -> FiniteGroup:
    match = re.fullmatch(r"([CD])(\d+)", name)
    if match is None:
        raise ValueError(
            sentence(
                f"interop {SYSTEM}",
                wanted="gspace C_n or D_n",
                got=repr(name),
                remedy="other groups are not mapped yet",
            )
        )
    return (cyclic if match[1] == "C" else dihedral)(int(match[2]))


def _rep(name: str, group: FiniteGroup) -> Rep:
    if name == "regular":
        return regular(group)
    if name in ("irrep_0", "irrep_0,0"):
        return trivial(group)
    raise ValueError(
        sentence(
            f"interop {SYSTEM}",
            wanted="regular or trivial fields",
            got=repr(name),
            remedy="other fibres are not mapped yet",
        )
    )


def _copy_filter(conv: Conv, weights: Tensor, sampled: Tensor) -> None:
    """Least squares of the official filter in our basis."""
    linear = conv.integrand
    assert isinstance(linear, Linear)
    fields = linear.out_type.multiplicity, linear.in_type.multiplicity
    official = weights.view(*fields, len(sampled)).double() @ sampled.double().flatten(1)
    ours = torch.as_tensor(linear.basis.dense).flatten(1)
    solution = torch.linalg.lstsq(ours.T, official.flatten(0, 1).T).solution
    off = float((ours.T @ solution - official.flatten(0, 1).T).abs().max() / official.abs().max())
    if off > _TOLERANCE:
        raise ValueError(
            sentence(
                f"interop {SYSTEM}",
                wanted="a filter in the span of our steerable kernels",
                got=f"a relative distance of {off:.2g}",
                remedy="check the group, the representations and the frequency cut-off",
            )
        )
    linear.weight.copy_(solution.view(-1, *fields))


def _copy_bias(conv: Conv, state_dict: Mapping[str, Tensor]) -> None:
    """The official bias, one number a trivial irrep, expanded by its own table and read in our invariants."""
    linear = conv.integrand
    assert isinstance(linear, Linear)
    if linear.bias is not None:
        expanded = (state_dict["bias_expansion"] @ state_dict["bias"]).view(linear.out_type.multiplicity, -1)
        linear.bias.copy_(expanded @ torch.as_tensor(linear.out_type.rep.invariants).to(expanded).T)
