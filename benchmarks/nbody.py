"""A plain graph network on five charged bodies: alone, averaged after training, augmented, and in frames.

python -m benchmarks.nbody: trains and measures, by mackey.train, what results/nbody.json does not hold yet.
python -m benchmarks.nbody afresh: all of it again, but for runs kept in runs/nbody.
python -m benchmarks.nbody times: measures times again; only on a machine that does nothing else.
Protocol of Satorras et al. 2021 (frame 30 to frame 40, 3000/2000/2000 systems), but a short training: EPOCHS.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import mackey
from benchmarks import runs
from benchmarks.measure import inference, interleaved, timing
from mackey import tasks
from mackey.recipe import Recipe, TrainConfig
from mackey.tasks import PointTask
from mackey.tasks.graph_network import IN_TYPES, OUT_TYPE
from mackey.train import score
from mackey.wrap import average

SEEDS = (0, 1, 2)
EPOCHS = 20
RATE = 4e-3  # of all, not searched
LONG = 8 * EPOCHS  # frames are 8 copies of a system: so many epochs of the plain network cost as much
# The network, whether systems are turned and mirrored in training, and epochs.
KINDS = {
    "plain": ("baselines.gnn", False, EPOCHS),
    "augmented": ("baselines.gnn", True, EPOCHS),
    "augmented-long": ("baselines.gnn", True, LONG),
    "frames": ("baselines.framed_gnn", False, EPOCHS),
}
POINTS = (8, 64)  # at least so many elements in the averages after training, on E(3)
NOTES = {
    "test": "mean square error over systems, bodies and coordinates",
    "error": "worst relative error over E(3) in float64, of mackey.audit on 8 test systems",
    "averaged": "the plain network of the same seed, averaged over a quadrature of O(3) after training",
}


def recipe(kind: str, seed: int) -> Recipe:
    model, _, epochs = KINDS[kind]
    config = TrainConfig(epochs, batch_size=100, learning_rate=RATE, weight_decay=1e-8, seed=seed)
    return Recipe(model, {}, "nbody", config)


def trained(kind: str, seed: int) -> nn.Module:
    plan, task = recipe(kind, seed), replace(tasks.nbody(), turned=KINDS[kind][1])
    return runs.trained(plan, plan.build(tasks.BASELINES), task, _folder(kind, seed))


def _folder(kind: str, seed: int) -> Path:
    return runs.RUNS / "nbody" / f"{kind}-{seed}"


def rows(kind: str, network: nn.Module) -> dict[str, nn.Module]:
    """What one training gives: the network, and its averages where it is plain."""
    if kind != "plain":
        return {kind: network}
    averages = [average(network, "E(3)", IN_TYPES, OUT_TYPE, points=n).eval() for n in POINTS]
    return {kind: network, **{f"averaged over {one.count}": one for one in averages}}


def measured(network: nn.Module, task: PointTask) -> dict[str, float]:
    """Test error, and error of equivariance."""
    few = tuple(t[:8] for t in task.test.inputs)
    report = mackey.audit(network, few, in_type=IN_TYPES, out_type=OUT_TYPE, group="E(3)")
    worst = max(row.error64 for row in report.rows if row.counted)
    return {"test": score(network, task.test, task.metric), "error": worst}


class Bound(nn.Module):
    """A network with its inputs after the first fixed, as `inference` calls it."""

    def __init__(self, network: nn.Module, velocities: Tensor, charges: Tensor) -> None:
        super().__init__()
        self.network, self.velocities, self.charges = network, velocities, charges

    def forward(self, positions: Tensor) -> Tensor:
        return self.network(positions, self.velocities, self.charges)


def times() -> None:
    """Median milliseconds of 100 systems forward, and seconds of one training epoch."""
    task, found = tasks.nbody(), runs.read("nbody")
    x, v, q = (t[:100] for t in task.test.inputs)
    networks = {
        name: one
        for kind in ("plain", "frames")
        for name, one in rows(kind, recipe(kind, 0).build(tasks.BASELINES).eval()).items()
    }
    forward = {name: inference(Bound(network, v, q), x) for name, network in networks.items()}
    speed = {name: timing(one).median for name, one in interleaved(forward, 3.0).items()}
    training = {
        kind: runs.seconds_an_epoch(
            recipe(kind, 0), recipe(kind, 0).build(tasks.BASELINES), replace(task, turned=turned)
        )
        for kind, (_, turned, _) in KINDS.items()
    }
    measured_now = {"milliseconds": speed, "seconds_an_epoch": training, "threads": torch.get_num_threads()}
    runs.write("nbody", {**found, "times": measured_now})


def main(found: dict[str, Any]) -> None:
    """Every network of every seed, written as soon as it is measured."""
    task = tasks.nbody()
    for seed in SEEDS:
        for kind in KINDS:
            if str(seed) in found["runs"].get(kind, {}):
                continue
            network = trained(kind, seed)
            facts = {
                "recipe": asdict(recipe(kind, seed)),
                "turned": KINDS[kind][1],
                "validation_by_epoch": runs.log(_folder(kind, seed)),
            }
            for name, one in rows(kind, network).items():
                row = {"parameters": tasks.parameter_count(one), **measured(one, task), **facts}
                found["runs"].setdefault(name, {})[str(seed)] = row
                print(name, seed, {key: row[key] for key in ("test", "error")}, flush=True)
            sizes = dict(zip(("train", "validation", "test"), map(len, task.splits), strict=True))
            plain = {
                "name": "nbody",
                "torch": torch.__version__,
                "seeds": SEEDS,
                "splits": sizes,
                "notes": NOTES,
            }
            runs.write("nbody", {**found, **plain})


if __name__ == "__main__":
    runs.command("nbody", main, times)
