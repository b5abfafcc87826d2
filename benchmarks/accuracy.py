"""The demo's comparison over seeds and tasks, and the search for its learning rates.

python -m benchmarks.accuracy digits | rotmnist | search: results/accuracy_TASK.json or learning_rates.json.
"""

import json
import statistics
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import nn

from mackey import demo, tasks
from mackey.groups import named
from mackey.recipe import MODELS, Recipe
from mackey.train import accuracy, fit

SEEDS = {"digits": (0, 1, 2, 3, 4), "rotmnist": (0, 1, 2)}
EPOCHS = {"digits": demo.RECIPE.train.epochs, "rotmnist": 20}
SEARCH_SEEDS = (100, 101, 102)
GRID = {"G-CSA": (2e-3, 5e-3, 1e-2, 2e-2), "plain CNN": (5e-3, 1e-2, 2e-2, 4e-2, 8e-2)}
AVERAGED = "plain CNN averaged over p4"
RESULTS = Path(__file__).parent / "results"


def recipes(seed: int, task: tasks.Task) -> dict[str, Recipe]:
    """Both recipes of the demo with another seed, for another task."""
    train = replace(demo.RECIPE.train, seed=seed, epochs=EPOCHS[task.name])
    ours = replace(demo.RECIPE, task=task.name, train=train)
    return {"G-CSA": ours, "plain CNN": demo.plain_recipe(ours, task)}


def trained(recipe: Recipe, task: tasks.Task) -> tuple[nn.Module, list[float]]:
    """The network of the best validation epoch, and the validation accuracy of every epoch."""
    network = recipe.build({**MODELS, **tasks.BASELINES})
    with tempfile.TemporaryDirectory() as folder:
        fit(network, task, recipe.train, Path(folder), progress=False)
        lines = (Path(folder) / "metrics.jsonl").read_text().splitlines()
    return network, [json.loads(line)["validation"] for line in lines]


def compare(name: str) -> None:
    """Train both networks for every seed; test both, and the plain one averaged over the group."""
    found: dict[str, dict[str, list[float]]] = {}
    sizes: dict[str, int] = {}
    logs: dict[str, list[list[float]]] = {}
    for seed in SEEDS[name]:
        task = tasks.load(name, seed)
        networks = {}
        for kind, recipe in recipes(seed, task).items():
            networks[kind], log = trained(recipe, task)
            logs.setdefault(kind, []).append(log)
        networks[AVERAGED] = tasks.GroupAveraged(networks["plain CNN"], named("p4"))
        for kind, network in networks.items():
            row = found.setdefault(kind, {})
            for key, split in _tests(task, seed).items():
                row.setdefault(key, []).append(accuracy(network, split.images, split.labels))
            sizes[kind] = tasks.parameter_count(network)
            print(seed, kind, {key: f"{values[-1]:.4f}" for key, values in row.items()}, flush=True)
    rows = [{"name": kind, "parameters": sizes[kind], "accuracy": row} for kind, row in found.items()]
    plain = {kind: asdict(recipe) for kind, recipe in recipes(SEEDS[name][0], task).items()}
    sizes_of_splits = {"train": len(task.train), "validation": len(task.validation), "test": len(task.test)}
    facts = {"task": name, "splits": sizes_of_splits, "seeds": SEEDS[name], "recipes": plain}
    _write(f"accuracy_{name}", {**facts, "networks": rows, "validation_by_epoch": logs})


def _tests(task: tasks.Task, seed: int) -> dict[str, tasks.Split]:
    """The test split as it is, and at random angles where it is upright."""
    if not task.turned:
        return {"at random angles": task.test}
    return {"upright": task.test, "at random angles": tasks.turned(task.test, seed + 1)}


def search() -> None:
    """The best validation accuracy of each network at each learning rate, on seeds that `compare` leaves."""
    found: dict[str, dict[str, list[float]]] = {}
    for seed in SEARCH_SEEDS:
        task = tasks.load(demo.RECIPE.task, seed)
        for name, recipe in recipes(seed, task).items():
            for rate in GRID[name]:
                plan = replace(recipe, train=replace(recipe.train, learning_rate=rate))
                best = max(trained(plan, task)[1])
                found.setdefault(name, {}).setdefault(str(rate), []).append(best)
                print(seed, name, rate, f"{best:.3f}", flush=True)
    means = {name: {rate: statistics.mean(v) for rate, v in row.items()} for name, row in found.items()}
    best_rates = {name: max(row, key=lambda rate: row[rate]) for name, row in means.items()}
    _write("learning_rates", {"seeds": list(SEARCH_SEEDS), "validation": found, "best": best_rates})


def _write(name: str, found: dict[str, object]) -> None:
    RESULTS.mkdir(exist_ok=True)
    threads = {"torch": torch.__version__, "threads": torch.get_num_threads()}
    (RESULTS / f"{name}.json").write_text(json.dumps({**threads, **found}, indent=1) + "\n")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        search() if argument == "search" else compare(argument)
