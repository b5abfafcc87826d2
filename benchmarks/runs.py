"""Training runs behind a table: kept in runs/, so that a killed benchmark goes on where it stopped."""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mackey.recipe import Recipe
from mackey.tasks import AbstractSplit, AbstractTask, PointTask, Split, Systems, Task
from mackey.train import fit, stored

RUNS = Path(__file__).parents[1] / "runs"
UNMEASURED = {"milliseconds": {}, "seconds_an_epoch": {}, "threads": 2}
RESULTS = Path(__file__).parent / "results"


def unseen(task: AbstractTask) -> AbstractTask:
    """Without its test split, which is read once, after all training."""
    return _with_test(task, task.splits[1])


def trained(plan: Recipe, network: nn.Module, task: AbstractTask, folder: Path) -> nn.Module:
    """The network of the best validation epoch; a run that is in the folder is not repeated."""
    if stored(folder) is None:
        plan.save(folder)
    fit(network, unseen(task), plan.train, folder, progress=False)
    return network.eval()


def log(folder: Path) -> list[float]:
    """The validation score of every epoch."""
    return [json.loads(line)["validation"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def seconds_an_epoch(plan: Recipe, network: nn.Module, task: AbstractTask) -> float:
    """Of training for one epoch, validation included; only on a machine that does nothing else."""
    one = replace(plan.train, epochs=1)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        fit(
            network, _with_test(task, task.splits[1].part(torch.arange(8))), one, Path(folder), progress=False
        )
        return time.perf_counter() - start


def _with_test(task: AbstractTask, test: AbstractSplit) -> AbstractTask:
    if isinstance(task, Task) and isinstance(test, Split):
        return replace(task, test=test)
    assert isinstance(task, PointTask) and isinstance(test, Systems)
    return replace(task, test=test)


def read(name: str) -> dict[str, Any]:
    """results/NAME.json, or nothing yet."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.is_file() else {"runs": {}, "times": UNMEASURED}


def write(name: str, found: Mapping[str, object]) -> None:
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")


def command(name: str, fill: Callable[[dict[str, Any]], None], times: Callable[[], None]) -> None:
    """`python -m benchmarks.NAME [afresh | times]`: see there."""
    asked = sys.argv[1:]
    if asked == ["times"]:
        times()
    elif asked in ([], ["afresh"]):
        fill({**read(name), "runs": {}} if asked else read(name))
    else:
        sys.exit(f"benchmarks.{name}: wanted afresh, times or nothing, got {' '.join(asked)}")
