"""Frame-Averaging (Puny et al., ICLR 2022, n-body): the authors' frames and the weights of their FA_GNN."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mackey.axes import Float, Int
from mackey.errors import sentence
from mackey.wrap.pca_frames import pca_frames
from mackey.zoo.points.frame_averaging import Model

_PARTICLES = 5  # to a sample; fixed in the authors' code
_ARGS = {"Frame Averaging frames": {"n_nodes"}, "Frame Averaging GNN": {"input_dim", "hidden_nf", "n_layers"}}


class Framed(nn.Module):
    """(position, velocity) rows to themselves in all 8 frames, the frames, and the centre, in the authors'
    layout: (8·b·n, 6), (b, 8, 3, 3), (b, 3, 1). Their frames depend on the signs that LAPACK gives
    eigenvectors; so do ours: compare them as sets.
    """

    def __init__(self, particles: int) -> None:
        super().__init__()
        self.particles = particles

    def forward(self, h: Float[Tensor, "m 6"]) -> tuple[Tensor, Tensor, Tensor]:
        x, v = h.unflatten(0, (-1, self.particles)).chunk(2, -1)
        frames, centre = pca_frames(x)
        parts = [torch.einsum("bkij,bni->kbnj", frames, part) for part in (x - centre[:, None], v)]
        return torch.cat(parts, -1).flatten(0, 2), frames, centre[..., None]


class Listed(nn.Module):
    """FA_GNN with the authors' arguments: rows of all samples, and edges (row receives, col sends)."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        h: Float[Tensor, "m 6"],
        row: Int[Tensor, " e"],
        col: Int[Tensor, " e"],
        edge_attr: Float[Tensor, "e c"],
    ) -> Float[Tensor, "m 3"]:
        n = _PARTICLES
        x, v = h.unflatten(0, (-1, n)).chunk(2, -1)
        edges = edge_attr.new_zeros(x.shape[0], n, n, edge_attr.shape[-1])
        edges = edges.index_put((row // n, row % n, col % n), edge_attr)
        return self.model.from_edges(x, v, edges).flatten(0, 1)


def frames(config: Mapping[str, Any], state_dict: Mapping[str, Tensor]) -> Framed:
    """create_frame: no weights."""
    _check("Frame Averaging frames", config)
    return Framed(int(config["n_nodes"]))


def gnn(config: Mapping[str, Any], state_dict: Mapping[str, Tensor]) -> Listed:
    """`zoo.points.frame_averaging` with the weights of FA_GNN; `.model` takes clouds of any size."""
    _check("Frame Averaging GNN", config)
    hidden, layers = int(config["hidden_nf"]), int(config["n_layers"])
    first = state_dict["gcl_0.edge_mlp.0.weight"]
    model = Model(hidden, layers, edge_features=first.shape[1] - 2 * hidden).to(first.dtype)
    model.load_state_dict(
        {
            key.replace("gcl_", "layers.").replace("embedding.0", "embedding"): value
            for key, value in state_dict.items()
        }
    )
    return Listed(model)


SYSTEMS = {"Frame Averaging frames": frames, "Frame Averaging GNN": gnn}


def _check(name: str, config: Mapping[str, Any]) -> None:
    if set(config) != _ARGS[name] or config.get("input_dim", 6) != 6:
        wanted = f"the settings {sorted(_ARGS[name])}, input_dim 6"
        raise ValueError(
            sentence(f"interop {name}", wanted=wanted, got=str(dict(config)), remedy="no other is mapped yet")
        )
