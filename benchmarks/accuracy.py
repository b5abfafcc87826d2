"""The demo's comparison over five seeds, and the search for its learning rates.

python -m benchmarks.accuracy [search]: results/accuracy.json, or results/learning_rates.json.
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

SEEDS, SEARCH_SEEDS = range(5), (100, 101, 102)
GRID = {"G-CSA": (2e-3, 5e-3, 1e-2, 2e-2), "plain CNN": (5e-3, 1e-2, 2e-2, 4e-2, 8e-2)}
AVERAGED = "plain CNN averaged over p4"
RESULTS = Path(__file__).parent / "results"


def recipes(seed: int, task: tasks.Task) -> dict[str, Recipe]:
    """Both recipes of the demo with another seed."""
    ours = replace(demo.RECIPE, train=replace(demo.RECIPE.train, seed=seed))
    return {"G-CSA": ours, "plain CNN": demo.plain_recipe(ours, task)}


def trained(recipe: Recipe, task: tasks.Task) -> tuple[nn.Module, list[float]]:
    """The network of the best validation epoch, and the validation accuracy of every epoch."""
    network = recipe.build({**MODELS, **tasks.BASELINES})
    with tempfile.TemporaryDirectory() as folder:
        fit(network, task, recipe.train, Path(folder), progress=False)
        lines = (Path(folder) / "metrics.jsonl").read_text().splitlines()
    return network, [json.loads(line)["validation"] for line in lines]


def compare() -> None:
    """Train both networks for every seed; test both, and the plain one averaged over the group."""
    found: dict[str, dict[str, list[float]]] = {}
    sizes: dict[str, int] = {}
    logs: dict[str, list[list[float]]] = {}
    for seed in SEEDS:
        task = tasks.load(demo.RECIPE.task, seed)
        spun = tasks.turned(task.test, seed + 1)
        networks = {}
        for name, recipe in recipes(seed, task).items():
            networks[name], log = trained(recipe, task)
            logs.setdefault(name, []).append(log)
        networks[AVERAGED] = tasks.GroupAveraged(networks["plain CNN"], named("p4"))
        for name, network in networks.items():
            row = found.setdefault(name, {"upright": [], "rotated": []})
            row["upright"].append(accuracy(network, task.test.images, task.test.labels))
            row["rotated"].append(accuracy(network, spun.images, spun.labels))
            sizes[name] = tasks.parameter_count(network)
            print(seed, name, {key: f"{values[-1]:.3f}" for key, values in row.items()}, flush=True)
    rows = [{"name": name, "parameters": sizes[name], **row} for name, row in found.items()]
    plain = {name: asdict(recipe) for name, recipe in recipes(0, tasks.load(demo.RECIPE.task)).items()}
    _write(
        "accuracy", {"seeds": list(SEEDS), "recipes": plain, "networks": rows, "validation_by_epoch": logs}
    )


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
    search() if sys.argv[1:] == ["search"] else compare()
