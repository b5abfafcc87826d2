"""The README says what is true: its code runs, its commands exist, and its figures are the measured ones."""

import json
import re
import shlex
from dataclasses import asdict

import pytest
from benchmarks import nbody, report, wrapped, wrappers

from foreign.table import CLAIMS
from gallery.table import ALL as EXHIBITS
from mackey import cli

TEXT = report.README.read_text()


PRINTED = (
    "equivariant under p4m",
    "norm (LayerNorm), relative error",
    "3 linear maps from V⊗V to V⊗V of O(1,3), found exactly",
)
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize(("code", "printed"), list(zip(BLOCKS, PRINTED, strict=True)))
def test_python_blocks_run(code: str, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec("import torch, mackey as mk\n" + code, {})
    assert printed in capsys.readouterr().out


@pytest.mark.parametrize("line", re.findall(r"^mackey (.*?)(?: *#.*)?$", TEXT, re.MULTILINE))
def test_commands_parse(line: str) -> None:
    assert cli._parser().parse_args(shlex.split(line)).subcommand == line.split()[0]


def test_what_is_counted_is_there() -> None:
    assert f"verdicts\non {len(CLAIMS)} claims" in TEXT and f"[{len(EXHIBITS)} broken networks]" in TEXT


def test_figures_are_those_of_the_results() -> None:
    assert TEXT.split(report.START)[1].split(report.END)[0].strip() == report.figures().strip()


WRAPPED = {name: json.loads((report.RESULTS / f"{name}.json").read_text()) for name in ("wrappers", "nbody")}


@pytest.mark.parametrize("name", WRAPPED)
def test_every_run_in_a_table_can_be_repeated(name: str) -> None:
    """Its recipe is the one that the command named in the caption trains by; its log is whole."""
    recipe = {"wrappers": wrappers.recipe, "nbody": nbody.recipe}[name]
    for kind, seeds in WRAPPED[name]["runs"].items():
        trained = "plain" if kind.startswith("averaged") else kind
        for seed, run in seeds.items():
            assert json.loads(json.dumps(asdict(recipe(trained, int(seed))))) == run["recipe"], (kind, seed)
            assert len(run["validation_by_epoch"]) == run["recipe"]["train"]["epochs"], (kind, seed)
    assert f"`python -m benchmarks.{name} afresh`" in TEXT


def test_tables_show_every_network_that_was_measured() -> None:
    found = WRAPPED["wrappers"]
    rows = sum(len(next(iter(seeds.values()))["by_turns"]) for seeds in found["runs"].values() if seeds)
    assert wrapped.images(found).count("\n") == rows + 3
    assert wrapped.points(WRAPPED["nbody"]).count("\n") == len(WRAPPED["nbody"]["runs"]) + 3
    assert wrappers.PLANS.keys() == wrapped.IMAGES.keys()


def test_a_table_gives_means_and_deviations_and_says_what_is_not_measured() -> None:
    train = {"recipe": {"train": {"epochs": 20}}, "parameters": 1000}
    runs = {"plain": {str(seed): {**train, "test": 0.01 * (seed + 1), "error": 0.5} for seed in range(3)}}
    runs["frames"] = {"0": {**train, "test": 0.02, "error": 3e-16, "seconds": 12.4}}
    times = {"milliseconds": {"plain": 2.4}, "seconds_an_epoch": {}, "threads": 2}
    splits = {"train": 3000, "validation": 2000, "test": 2000}
    text = wrapped.points(
        {"name": "nbody", "runs": runs, "times": times, "splits": splits, "seeds": [0, 1, 2]}
    )
    assert "| GNN | 1,000 | 0.0200 ± 0.0100 | 0.5 | 2 | 20 epochs, – |" in text
    assert "| GNN in frames | 1,000 | 0.0200 (one seed) | 3e-16 | – | 20 epochs, 12 s |" in text
    assert "on 2,000 test systems, mean ± deviation over 3 seeds" in text
