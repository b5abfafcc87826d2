"""e3nn 0.6, egnn-pytorch 0.2, and a network on distances."""

from collections.abc import Callable
from functools import partial

import egnn_pytorch
import torch
from e3nn import nn as e3nn_nn
from e3nn import o3
from torch import Tensor, nn

from foreign.claim import Claim, Made, noise


def in_double(make: Callable[[], nn.Module]) -> nn.Module:
    """e3nn computes its constants in the default dtype, and offers no other way."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return make()
    finally:
        torch.set_default_dtype(before)


NODES, EDGE = "4x0e + 2x1o", "1x0e + 1x1o + 1x2e"
FIRST, SECOND, PRODUCT = "4x0e + 3x1o + 2x2e", "2x0e + 2x1o", "4x0e + 2x1o + 1x1e + 2x2e"


def _product() -> nn.Module:
    return o3.FullyConnectedTensorProduct(FIRST, SECOND, PRODUCT)


def tensor_product() -> Made:
    return in_double(_product), (noise(8, 23, dtype=torch.float64), noise(8, 8, dtype=torch.float64))


def tensor_product_in_float32() -> Made:
    return _product(), (noise(8, 23), noise(8, 8))


def e3nn_gate() -> Made:
    gate = e3nn_nn.Gate("4x0e", [torch.tanh], "3x0e", [torch.sigmoid], "2x1o + 1x2e")
    return nn.Sequential(o3.Linear(FIRST, gate.irreps_in), gate), noise(8, 23)


def e3nn_gate_with_bias() -> Made:
    """A plain layer behind e3nn's: the mistake is not e3nn's."""
    return nn.Sequential(*e3nn_gate()[0], nn.Linear(15, 15)), noise(8, 23)


def spherical_harmonics() -> Made:
    make = partial(o3.SphericalHarmonics, "1x0e + 1x1o + 1x2e", normalize=True)
    return in_double(make), noise(8, 3, dtype=torch.float64)


class Messages(nn.Module):
    """Tensor products of features with harmonics of differences, weighted by distances; then a norm."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.harmonics = o3.SphericalHarmonics("1x0e + 1x1o + 1x2e", normalize=True)
        self.product = o3.FullyConnectedTensorProduct(NODES, EDGE, NODES, shared_weights=False)
        self.weights = e3nn_nn.FullyConnectedNet([4, 8, self.product.weight_numel], torch.tanh)
        self.norm = norm

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        b, n = x.shape[:2]
        away = x[:, :, None] - x[:, None]
        near = torch.exp(-(away.norm(dim=-1, keepdim=True) - torch.arange(4).to(x)).square())
        weights = self.weights(near.flatten(0, 2)).unflatten(0, (b, n, n))
        sent = features[:, None].expand(-1, n, -1, -1)
        return self.norm(self.product(sent, self.harmonics(away), weights).mean(2))


def messages(norm: bool = False) -> Made:
    network = in_double(lambda: Messages(nn.LayerNorm(10) if norm else nn.Identity()))
    return network, (noise(2, 5, 3, dtype=torch.float64), noise(2, 5, 10, dtype=torch.float64))


FEATURES, COORDINATES = noise(2, 6, 5), noise(2, 6, 3)
EDGES, MASK = noise(2, 6, 6, 2), torch.tensor([[True] * 6, [True] * 4 + [False] * 2])


def egnn() -> Made:
    return egnn_pytorch.EGNN(dim=5), (FEATURES, COORDINATES)


def egnn_with_edges() -> Made:
    return egnn_pytorch.EGNN(dim=5, edge_dim=2, soft_edges=True), (FEATURES, COORDINATES, EDGES, MASK)


def egnn_neighbours() -> Made:
    options = {"num_nearest_neighbors": 3, "norm_coors": True}
    return egnn_pytorch.EGNN_Network(depth=2, dim=5, **options), (FEATURES, COORDINATES)


def egnn_attention() -> Made:
    options = {"global_linear_attn_every": 1, "global_linear_attn_dim_head": 4, "global_linear_attn_heads": 2}
    return egnn_pytorch.EGNN_Network(depth=1, dim=5, **options), (FEATURES, COORDINATES)


def egnn_numbered() -> Made:
    return egnn_pytorch.EGNN_Network(depth=1, dim=5, num_positions=6), (FEATURES, COORDINATES)


class Distances(nn.Module):
    """An MLP on all distances, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(15, 16), nn.SiLU(), nn.Linear(16, 2))

    def forward(self, x: Tensor) -> Tensor:
        first, second = torch.triu_indices(6, 6, 1, device=x.device)
        return self.mlp((x[:, first] - x[:, second]).norm(dim=-1))


def distances() -> Made:
    return Distances(), COORDINATES


GATED = "e3nn: 4x0e + 2x1o + 1x2e"
CLOUD = ("tokens", "positions")
EDGED = ("tokens", "positions", "pairs", "tokens")
IN_O3, OUT_O3 = (f"e3nn: {FIRST}", f"e3nn: {SECOND}"), f"e3nn: {PRODUCT}"
PSEUDO, HARMONICS = OUT_O3.replace("1x1e", "1x1o"), "e3nn: 1x0e + 1x1o + 1x2e"
UNNAMED = ("tokens", "positions", "invariant", "tokens")
_INSIDE, _SELF, _E3 = "_compiled_main_left_right", "the module itself", "E(3)×Sym"
_EDGES = "what happens before edge_mlp.0, outside any module"
_NUMBERS = "what happens before layers.0.1.edge_mlp.0, outside any module"
_BEHIND = "what happens after node_mlp.3, outside any module"
GRAPH, _NORMED = ("positions", f"e3nn: {NODES}"), partial(messages, True)
_MOVED = ("tokens", "vectors")

CLAIMS = (
    Claim("e3nn tensor product", tensor_product, "O(3)", IN_O3, OUT_O3, "equivariant"),
    Claim("e3nn tensor product, float32", tensor_product_in_float32, "O(3)", IN_O3, OUT_O3, "rounded"),
    Claim("e3nn tensor product", tensor_product, "O(3)", IN_O3, PSEUDO, "broken", _INSIDE),
    Claim("e3nn tensor product", tensor_product, "O(3)", (FIRST, SECOND), OUT_O3, "broken", _INSIDE),
    Claim("e3nn Linear, Gate", e3nn_gate, "O(3)", IN_O3[0], GATED, "equivariant"),
    Claim("e3nn Linear, Gate, nn.Linear", e3nn_gate_with_bias, "O(3)", IN_O3[0], GATED, "broken", "2"),
    Claim("e3nn SphericalHarmonics", spherical_harmonics, "O(3)", "vector", HARMONICS, "equivariant"),
    Claim("e3nn SphericalHarmonics", spherical_harmonics, "O(3)", "pseudovector", HARMONICS, "broken", _SELF),
    Claim("e3nn messages", messages, _E3, GRAPH, GRAPH[1], "equivariant"),
    Claim("e3nn messages", messages, _E3, GRAPH, "e3nn: 4x0e + 2x1e", "broken", "norm"),
    Claim("e3nn messages, LayerNorm", _NORMED, _E3, GRAPH, GRAPH[1], "broken", "norm"),
    Claim("EGNN", egnn, _E3, CLOUD, CLOUD, "equivariant"),
    Claim("EGNN", egnn, _E3, CLOUD, _MOVED, "broken", _BEHIND),
    Claim("EGNN, edges and mask", egnn_with_edges, _E3, EDGED, CLOUD, "equivariant"),
    Claim("EGNN, edges and mask", egnn_with_edges, _E3, UNNAMED, CLOUD, "broken", _EDGES),
    Claim("EGNN network, 3 neighbours", egnn_neighbours, _E3, CLOUD, CLOUD, "equivariant"),
    Claim("EGNN network, attention", egnn_attention, _E3, CLOUD, CLOUD, "equivariant"),
    Claim("EGNN network, numbered", egnn_numbered, "E(3)", CLOUD, CLOUD, "equivariant"),
    Claim("EGNN network, numbered", egnn_numbered, _E3, CLOUD, CLOUD, "broken", _NUMBERS),
    Claim("MLP on distances", distances, "E(3)", "positions", "invariant", "equivariant"),
    Claim("MLP on distances", distances, _E3, "positions", "invariant", "broken", "mlp.0"),
)
