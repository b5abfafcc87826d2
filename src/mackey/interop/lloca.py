"""lloca (Spinner, Favaro et al., 2025): frames, transport, attention and transformer of the official package.

Its features stand channel by channel, "8x0n+2x1n" with each vector's (E, x, y, z) together; ours component by
component, the channel innermost. Weights are reordered once; tensors of features at the border of a module.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mackey.errors import sentence
from mackey.groups import lorentz
from mackey.reps import AbstractRep, Block, DirectSum, power, standard
from mackey.wrap import Transport, TransportedAttention, TransportedTransformer, polar_frames, rest_boost

_ARGS = {
    "LLoCa attention": {"attn_reps", "num_heads"},
    "LLoCa tensor transport": {"reps"},
    "LLoCa frames": set(),
    "LLoCa transformer": {
        "in_channels",
        "attn_reps",
        "out_channels",
        "num_blocks",
        "num_heads",
        "multi_query",
    },
}


class _Frames(nn.Module):
    def forward(self, p: Tensor, refs: Tensor) -> tuple[Tensor, Tensor]:
        return polar_frames(p, refs), rest_boost(p)


class _Ordered(nn.Module):
    """Official order in, official order out."""

    order: Tensor
    back: Tensor

    def __init__(self, order: Tensor) -> None:
        super().__init__()
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("back", torch.argsort(order), persistent=False)


class _Carried(_Ordered):
    def __init__(self, rep: AbstractRep, order: Tensor) -> None:
        super().__init__(order)
        self.transport = Transport(rep).double()

    def forward(self, x: Tensor, frames: Tensor) -> Tensor:
        return self.transport.localise(x[..., self.order], frames)[..., self.back]


class _Attention(_Ordered):
    def __init__(self, rep: AbstractRep, order: Tensor) -> None:
        super().__init__(order)
        self.attention = TransportedAttention(rep).double()

    def forward(self, q: Tensor, k: Tensor, v: Tensor, frames: Tensor) -> Tensor:
        q, k, v = (x[..., self.order] for x in (q, k, v))
        return self.attention(q, k, v, frames)[..., self.back]


def frames(config: Mapping[str, Any], state_dict: Mapping[str, Tensor]) -> nn.Module:
    """(p, refs) to (frames, boost): no weights."""
    _check("LLoCa frames", config)
    return _Frames()


def transport(config: Mapping[str, Any], state_dict: Mapping[str, Tensor]) -> nn.Module:
    """(x, frames) to x in the frames: no weights."""
    _check("LLoCa tensor transport", config)
    return _Carried(*_features(config["reps"]))


def attention(config: Mapping[str, Any], state_dict: Mapping[str, Tensor]) -> nn.Module:
    """(q, k, v, frames) to y, all local: no weights."""
    _check("LLoCa attention", config)
    return _Attention(*_features(config["attn_reps"]))


def transformer(config: Mapping[str, Any], state_dict: Mapping[str, Tensor]) -> TransportedTransformer:
    """TransportedTransformer with the official weights. multi_query is refused."""
    name = "LLoCa transformer"
    _check(name, config)
    if config.get("multi_query"):
        raise _refusal(name, "multi_query=False", "True", "one key and value for all heads is not mapped yet")
    rep, order = _features(config["attn_reps"])
    heads, width = int(config["num_heads"]), int(config["num_heads"]) * rep.dim
    wanted = state_dict["blocks.0.mlp.0.weight"].shape[0] // width
    model = TransportedTransformer(
        int(config["in_channels"]),
        int(config["out_channels"]),
        rep,
        depth=int(config["num_blocks"]),
        heads=heads,
        expansion=wanted,
    ).to(state_dict["linear_in.weight"].dtype)
    # Theirs (3, channel, head), ours (3, head, our channel); after attention (head, channel) in both.
    rows = torch.arange(3 * width).view(3, rep.dim, heads)[:, order].transpose(1, 2).flatten()
    columns = torch.arange(width).view(heads, rep.dim)[:, order].flatten()
    names = {"first": "linear_in", "last": "linear_out"}
    found = {
        f"{ours}.{part}": state_dict[f"{theirs}.{part}"] for ours, theirs in names.items() for part in _PARTS
    }
    for i in range(int(config["num_blocks"])):
        ours, theirs = f"blocks.{i}", f"blocks.{i}"
        for part in _PARTS:
            found[f"{ours}.qkv.{part}"] = state_dict[f"{theirs}.attention.qkv_linear.linear.{part}"][rows]
            found[f"{ours}.out.{part}"] = state_dict[f"{theirs}.attention.out_linear.{part}"]
            found[f"{ours}.mix.0.{part}"] = state_dict[f"{theirs}.mlp.0.{part}"]
            found[f"{ours}.mix.2.{part}"] = state_dict[f"{theirs}.mlp.3.{part}"]
        found[f"{ours}.out.weight"] = found[f"{ours}.out.weight"][:, columns]
    model.load_state_dict(found)
    return model


_PARTS = ("weight", "bias")
SYSTEMS = {
    "LLoCa frames": frames,
    "LLoCa tensor transport": transport,
    "LLoCa attention": attention,
    "LLoCa transformer": transformer,
}


def _features(text: str) -> tuple[AbstractRep, Tensor]:
    """ "8x0n+2x1n" as a representation, and where each of our coordinates stands in theirs.

    n and p say how reflections act; SO⁺(1, 3) has none.
    """
    V, blocks, order, start = standard(lorentz()), [], [], 0
    for term in text.replace(" ", "").split("+"):
        match = re.fullmatch(r"(\d+)x([0-4])[np]", term)
        if match is None:
            raise _refusal(
                "LLoCa", "sums such as 8x0n+2x1n, tensors of order 4 at most", repr(text), "check it"
            )
        count, rep = int(match[1]), power(V, int(match[2]))
        blocks.append(Block(count, rep))
        order.append(start + np.arange(count * rep.dim).reshape(count, rep.dim).T.ravel())
        start += count * rep.dim
    return DirectSum(tuple(blocks)), torch.as_tensor(np.concatenate(order))


def _check(name: str, config: Mapping[str, Any]) -> None:
    unknown, missing = set(config) - _ARGS[name], _ARGS[name] - set(config)
    if unknown or missing:
        got = ", ".join(
            [*(f"{key}={config[key]!r}" for key in sorted(unknown)), *(f"no {k}" for k in sorted(missing))]
        )
        raise _refusal(name, f"the settings {sorted(_ARGS[name])}", got, "no other setting is mapped yet")


def _refusal(name: str, wanted: str, got: str, remedy: str) -> ValueError:
    return ValueError(sentence(f"interop {name}", wanted=wanted, got=got, remedy=remedy))
