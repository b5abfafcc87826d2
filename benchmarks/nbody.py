"""A plain graph network on five charged bodies: alone, with turned training data, averaged, and framed.

python -m benchmarks.nbody: results/nbody.json. Protocol of Satorras et al. 2021 (positions and velocities of
frame 30 to positions of frame 40, 3000/2000/2000 systems), but a short training: EPOCHS, not 10 000.
"""

import copy
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import mackey
from benchmarks.measure import inference, interleaved, timing
from mackey.groups import named
from mackey.wrap import frames

SEEDS = (0, 1, 2)
EPOCHS, BATCH, RATE, WIDTH, LAYERS = 20, 100, 4e-3, 48, 3
KINDS = ("plain", "augmented", "frames")
SAMPLES = 8  # rotations in an average at test time, as many as there are frames
IN, OUT = ("vectors", "vectors", "tokens"), "vectors"
RESULTS = Path(__file__).parent / "results" / "nbody.json"


@dataclass(frozen=True)
class Systems:
    """x, v, q: positions, velocities and charges before; y: positions after."""

    x: Tensor
    v: Tensor
    q: Tensor
    y: Tensor


def load() -> dict[str, Systems]:
    """nbody_charged5 below MACKEY_DATA, by split."""
    path = Path(os.environ["MACKEY_DATA"]) / "nbody_charged5" / "nbody_charged5_small.npz"
    with np.load(path) as d:
        return {
            split: Systems(
                torch.as_tensor(d[f"loc_{split}"][:, 1]),
                torch.as_tensor(d[f"vel_{split}"][:, 1]),
                torch.as_tensor(d[f"charge_{split}"]).float()[..., None],
                torch.as_tensor(d[f"loc_{split}"][:, 2]),
            )
            for split in ("train", "valid", "test")
        }


class GraphNetwork(nn.Module):
    """y_i = x_i + W h_i, h from rounds of messages φ(h_i, h_j, x_j − x_i, q_i q_j) between all pairs.

    Sees coordinates as they are: shifts and permutations leave it, turns do not.
    """

    def __init__(self, width: int = WIDTH, layers: int = LAYERS) -> None:
        super().__init__()
        self.first = nn.Linear(7, width)
        self.messages = nn.ModuleList(_mlp(2 * width + 4, width) for _ in range(layers))
        self.updates = nn.ModuleList(_mlp(2 * width, width) for _ in range(layers))
        self.last = nn.Linear(width, 3)

    def forward(self, x: Tensor, v: Tensor, q: Tensor) -> Tensor:
        n = x.shape[1]
        h = self.first(torch.cat([x - x.mean(1, keepdim=True), v, q], -1))
        pairs = torch.cat([x[:, None] - x[:, :, None], q[:, None] * q[:, :, None]], -1)
        for message, update in zip(self.messages, self.updates, strict=True):
            here, there = h[:, :, None].expand(-1, -1, n, -1), h[:, None].expand(-1, n, -1, -1)
            h = h + update(torch.cat([h, message(torch.cat([here, there, pairs], -1)).mean(2)], -1))
        return x + self.last(h)


def _mlp(size: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(size, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())


class SampleAveraged(nn.Module):
    """The mean of g f(g⁻¹x) over a few rotations, always the same ones."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        drawn = named("SO(3)").sample(SAMPLES, torch.Generator().manual_seed(7))
        self.network = network
        self.register_buffer("elements", torch.as_tensor(drawn).float())

    def forward(self, x: Tensor, v: Tensor, q: Tensor) -> Tensor:
        c = x.mean(1, keepdim=True)
        return torch.stack(
            [self.network((x - c) @ g, v @ g, q) @ g.mT + c for g in self.elements.to(x)]
        ).mean(0)


def error(network: nn.Module, s: Systems) -> float:
    """Mean square error over systems, bodies and coordinates."""
    with torch.no_grad():
        parts = [network(*(t[i : i + 500] for t in (s.x, s.v, s.q))) for i in range(0, len(s.x), 500)]
        return float((torch.cat(parts) - s.y).square().mean())


def trained(kind: str, seed: int, data: dict[str, Systems]) -> tuple[nn.Module, dict[str, object]]:
    """Adam with a cosine schedule; the weights of the epoch with the least validation error."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: nn.Module = GraphNetwork()
    if kind == "frames":
        network = frames(network, "O(3)", IN, OUT)
    generator, fit, start = torch.Generator().manual_seed(seed), data["train"], time.perf_counter()
    optimiser = torch.optim.Adam(network.parameters(), RATE, weight_decay=1e-8)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    best, state, logged = float("inf"), network.state_dict(), []
    for _ in range(EPOCHS):
        for index in torch.randperm(len(fit.x), generator=generator).split(BATCH):
            x, v, y = fit.x[index], fit.v[index], fit.y[index]
            if kind == "augmented":
                g = torch.as_tensor(named("O(3)").sample(len(index), generator)).to(x)
                x, v, y = (t @ g for t in (x, v, y))
            optimiser.zero_grad()
            (network(x, v, fit.q[index]) - y).square().mean().backward()
            optimiser.step()
        schedule.step()
        logged.append(error(network, data["valid"]))
        if logged[-1] < best:
            best, state = logged[-1], copy.deepcopy(network.state_dict())
    network.load_state_dict(state)
    return network, {"seconds": time.perf_counter() - start, "validation_by_epoch": logged}


def measured(network: nn.Module, data: dict[str, Systems]) -> dict[str, float]:
    """Test error as given and at random turns (fixed), equivariance error under O(3) in float64, ms."""
    s = data["test"]
    g = torch.as_tensor(named("O(3)").sample(len(s.x), torch.Generator().manual_seed(3))).float()
    turned = Systems(s.x @ g, s.v @ g, s.q, s.y @ g)
    report = mackey.audit(network, (s.x[:8], s.v[:8], s.q[:8]), in_type=IN, out_type=OUT, group="O(3)")
    worst = max(row.error64 for row in report.rows if row.counted)
    return {"test": error(network, s), "test_turned": error(network, turned), "error": worst}


class Bound(nn.Module):
    """A network with its inputs after the first fixed, as `inference` calls it."""

    def __init__(self, network: nn.Module, v: Tensor, q: Tensor) -> None:
        super().__init__()
        self.network, self.v, self.q = network, v, q

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x, self.v, self.q)


def milliseconds(data: dict[str, Systems]) -> dict[str, float]:
    """Median time of 100 systems, forward only."""
    s, plain = data["test"], GraphNetwork()
    networks = {"plain": plain, "averaged": SampleAveraged(plain), "frames": frames(plain, "O(3)", IN, OUT)}
    runs = {name: inference(Bound(net, s.v[:100], s.q[:100]), s.x[:100]) for name, net in networks.items()}
    return {name: timing(times).median for name, times in interleaved(runs, 3.0).items()}


def main() -> None:
    """Every network of every seed, written as soon as it is there."""
    data, found = load(), json.loads(RESULTS.read_text()) if RESULTS.is_file() else {"runs": []}
    done = {(run["model"], run["seed"]) for run in found["runs"]}
    for seed in SEEDS:
        for kind in KINDS:
            if (kind, seed) in done:
                continue
            network, facts = trained(kind, seed, data)
            rows = {kind: (network, facts)}
            if kind == "plain":
                rows["averaged"] = (SampleAveraged(network), facts)
            for name, (model, known) in rows.items():
                row = {"model": name, "seed": seed, **measured(model, data), **known}
                row["parameters"] = sum(p.numel() for p in model.parameters())
                found["runs"].append(row)
                print(
                    name, seed, {k: row[k] for k in ("test", "test_turned", "error", "seconds")}, flush=True
                )
            RESULTS.write_text(json.dumps({**found, **plain_facts()}, indent=1) + "\n")
    facts = {"threads": torch.get_num_threads(), "milliseconds_100_systems": milliseconds(data)}
    RESULTS.write_text(json.dumps({**found, **plain_facts(), **facts}, indent=1) + "\n")


def plain_facts() -> dict[str, object]:
    """How it was trained."""
    settings = {"epochs": EPOCHS, "batch": BATCH, "rate": RATE, "width": WIDTH, "layers": LAYERS}
    return {"torch": torch.__version__, "seeds": SEEDS, "settings": settings, "samples": SAMPLES}


if __name__ == "__main__":
    main()
