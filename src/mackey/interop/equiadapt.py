"""equiadapt (Kaba et al. 2023; Mondal et al. 2023): Gram–Schmidt, VNSmall, the C4 canonicaliser of images.

Theirs gives frames of SO(3) no determinant: with the third vector on the wrong side the network sees a mirror
image. The modules here reproduce that; `wrap.canonicaliser` does not. Images are turned by interpolation in
theirs and by exact quarter turns here.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mackey.actions import Vectors, acting
from mackey.axes import Float
from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.groups import cyclic, lattice
from mackey.integrands import Linear
from mackey.nn import Conv, Lift, Pointwise, Sequential, SpaceMean
from mackey.reps import regular, trivial
from mackey.spaces import Grid
from mackey.wrap import Canonicalised, CloudReader, VectorNeurons, canonicaliser, gram_schmidt

_PREFIX = "canonicalization_network."
_PARTS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
_LAYERS = {"conv_pos": ("edges", "bn2d"), "conv1": ("points.0", "bn1d"), "conv2": ("points.2", "bn1d")}


class _Frames(nn.Module):
    def forward(self, vectors: Float[Tensor, "b 3 3"]) -> Float[Tensor, "b 3 3"]:
        return gram_schmidt(vectors, proper=False).mT


class _Cloud(nn.Module):
    """(b, 3, n) to the canonical cloud, the frame as rows, and the predicted vectors."""

    def __init__(self, network: VectorNeurons) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Float[Tensor, "b 3 n"]) -> tuple[Tensor, Tensor, Tensor]:
        vectors = self.network(x.mT)[:, :3]
        rows = gram_schmidt(vectors, proper=False).mT
        return rows @ x, rows, vectors


class _Scores(nn.Module):
    """Lifting convolution, ReLU, convolution; the mean over fields and space."""

    def __init__(self, layers: Sequential) -> None:
        super().__init__()
        self.layers, self.pool = layers, SpaceMean(layers.out_type)

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k"]:
        return self.pool(self.layers(images)).unflatten(1, (self.layers.out_type.multiplicity, -1)).mean(1)


class _Images(nn.Module):
    """Images to canonical images and scores."""

    def __init__(self, canonical: Canonicalised) -> None:
        super().__init__()
        self.canonical = canonical

    def forward(self, x: Float[Tensor, "b c h w"]) -> tuple[Tensor, Tensor]:
        _, (turned,) = self.canonical.canonical(x)
        return turned, self.canonical.scores(x)


def frames(config: Mapping[str, Any], state_dict: Mapping[str, Tensor]) -> nn.Module:
    """Vectors (b, 3, 3) to orthonormal rows: no weights."""
    _check("equiadapt Gram-Schmidt", config, set())
    return _Frames()


def cloud(config: Mapping[str, Any], state_dict: Mapping[str, Tensor]) -> nn.Module:
    """VNSmall with the official weights; pooling other than the mean is refused."""
    name = "equiadapt point-cloud canonicalisation"
    _check(name, config, {"n_knn", "pooling"})
    if config["pooling"] != "mean":
        raise _refusal(name, "pooling='mean'", repr(config["pooling"]), "no other is mapped yet")
    first, last = (state_dict[f"{_PREFIX}{layer}.map_to_feat.weight"] for layer in ("conv_pos", "conv2"))
    reader = CloudReader(name, acting("SO(3)"), (Vectors(),))
    options = {"vectors": len(last), "channels": len(first), "neighbours": int(config["n_knn"])}
    network = VectorNeurons(reader, **options).to(first.dtype)
    norms = {"points.1.lengths": "bn1.bn1d"}
    found = {}
    for theirs, (ours, kind) in _LAYERS.items():
        norms[f"{ours}.norm.lengths"] = f"{theirs}.batchnorm.{kind}"
        found[f"{ours}.value.weight"] = state_dict[f"{_PREFIX}{theirs}.map_to_feat.weight"]
        found[f"{ours}.direction.weight"] = state_dict[f"{_PREFIX}{theirs}.map_to_dir.weight"]
    for mine, other in norms.items():
        found |= {f"{mine}.{part}": state_dict[f"{_PREFIX}{other}.{part}"] for part in _PARTS}
    network.load_state_dict(found)
    return _Cloud(network)


def images(config: Mapping[str, Any], state_dict: Mapping[str, Tensor]) -> nn.Module:
    """The canonicaliser of images under quarter turns, with the official weights."""
    name = "equiadapt image canonicalisation C4"
    known = {"in_shape", "out_channels", "kernel_size", "group_type", "num_rotations", "num_layers"}
    _check(name, config, known)
    if (config["group_type"], config["num_rotations"]) != ("rotation", 4):
        got = f"{config['group_type']}, {config['num_rotations']}"
        raise _refusal(name, "rotation, 4", got, "theirs interpolates filters for other angles")
    fields = int(config["out_channels"])
    grid = Grid(lattice(cyclic(4)))
    image = FieldType(grid, trivial(grid.stabiliser), int(config["in_shape"][0]))
    feature = FieldType(grid, regular(grid.stabiliser), fields)
    layers: list[Any] = [Lift(image, fields, int(config["kernel_size"]), padding=0)]
    for _ in range(int(config["num_layers"]) - 1):
        layers += [Pointwise(feature), Conv(feature, feature, 1)]
    with torch.no_grad():
        for index, layer in enumerate(layers):
            if isinstance(layer, Lift | Conv):
                _copy(
                    name,
                    layer,
                    *(state_dict[f"{_PREFIX}eqv_network.{index}.{p}"] for p in ("weights", "bias")),
                )
    scorer = _Scores(Sequential(*layers)).to(next(iter(state_dict.values())).dtype)
    wrapped = canonicaliser(nn.Identity(), "p4", "image", "image", scorer=scorer)
    assert isinstance(wrapped, Canonicalised)
    return _Images(wrapped)


def _copy(name: str, layer: Lift | Conv, weights: Tensor, bias: Tensor) -> None:
    """The filter of pose k is turned k times, its taps over the group shifted by k; in our basis."""
    linear = layer.integrand
    assert isinstance(linear, Linear)
    fields = linear.out_type.multiplicity, linear.in_type.multiplicity
    taps = () if isinstance(layer, Lift) else (4,)
    wanted = (*fields, *taps, linear.kernel_size, linear.kernel_size)
    if weights.shape != wanted or bias.shape != wanted[:1]:
        got = f"{tuple(weights.shape)} and {tuple(bias.shape)}"
        raise _refusal(name, f"weights {wanted} and a bias {wanted[:1]}", got, "check the settings")
    poses = [torch.rot90(weights.roll(k, 2) if taps else weights, k, (-2, -1)) for k in range(4)]
    official = torch.stack(poses, 2).double().flatten(2).flatten(0, 1)
    ours = torch.as_tensor(linear.basis.dense).flatten(1)
    linear.weight.copy_(torch.linalg.lstsq(ours.T, official.T).solution.view_as(linear.weight))
    assert linear.bias is not None
    expanded = bias[:, None].expand(-1, 4).double()
    linear.bias.copy_(expanded @ torch.as_tensor(linear.out_type.rep.invariants).double().T)


SYSTEMS = {
    "equiadapt Gram-Schmidt": frames,
    "equiadapt point-cloud canonicalisation": cloud,
    "equiadapt image canonicalisation C4": images,
}


def _check(name: str, config: Mapping[str, Any], known: set[str]) -> None:
    if set(config) != known:
        got = ", ".join(sorted(config)) or "none"
        raise _refusal(name, f"the settings {sorted(known)}", got, "no other setting is mapped yet")


def _refusal(name: str, wanted: str, got: str, remedy: str) -> ValueError:
    return ValueError(sentence(f"interop {name}", wanted=wanted, got=got, remedy=remedy))
