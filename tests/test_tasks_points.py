"""Particles as a task: the same training, another metric; and its two plain baselines."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file
from torch import Tensor, nn

import mackey as mk
from mackey import cli, tasks
from mackey.recipe import POINT_MODELS, Recipe, TrainConfig, rebuild
from mackey.tasks import MeanSquareError, PointTask, Systems
from mackey.tasks.graph_network import IN_TYPES, OUT_TYPE
from mackey.train import Batches, fit, score, stored

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning and its metrics warn about torch's own
BASELINE = "baselines.gnn"
SMALL = {"width": 8, "layers": 1}


def systems(count: int, seed: int) -> Systems:
    """Free flight for one unit of time."""
    generator = torch.Generator().manual_seed(seed)
    x, v = (torch.randn(count, 4, 3, generator=generator) for _ in range(2))
    q = torch.randint(0, 2, (count, 4, 1), generator=generator).float() * 2 - 1
    return Systems(x, v, q, x + v)


def task(turned: bool = False) -> PointTask:
    return PointTask("flight", systems(96, 0), systems(40, 1), systems(50, 2), "E(3)", turned)


def recipe(epochs: int = 3) -> Recipe:
    config = TrainConfig(epochs, batch_size=16, learning_rate=1e-2, seed=4)
    return Recipe(BASELINE, SMALL, "nbody", config)


def test_a_run_keeps_the_least_error_and_what_rebuilds_it(tmp_path: Path) -> None:
    given, plan = task(), recipe()
    plan.save(tmp_path)
    model = plan.build(tasks.BASELINES)
    result = fit(model, given, plan.train, tmp_path, progress=False)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    scores = [line["validation"] for line in lines]
    assert result.validation == min(scores) and result.best_epoch == scores.index(min(scores))
    assert scores[-1] < scores[0] and set(lines[0]) >= {"loss", "mse", "validation", "learning_rate"}
    assert result == stored(tmp_path) and result.rotated is None
    assert str(result).startswith("best epoch") and "test MSE 0." in str(result) and "%" not in str(result)
    twin = rebuild(tmp_path, tasks.BASELINES)
    by_hand = (twin(*given.test.inputs) - given.test.after).square().mean()
    assert result.test == pytest.approx(float(by_hand), rel=1e-5)


# Killed without warning at the end of epoch `die`, before its checkpoint.
PROGRAM = """
import os, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_tasks_points import recipe, task
from mackey import tasks
from mackey.train import Record, fit

die, original = int(sys.argv[2]), Record.on_train_epoch_end

def record(self, trainer, module):
    print("epoch", trainer.current_epoch, flush=True)
    if trainer.current_epoch == die:
        os._exit(9)
    original(self, trainer, module)

Record.on_train_epoch_end = record
plan = recipe()
fit(plan.build(tasks.BASELINES), task(turned=True), plan.train, Path(sys.argv[1]), progress=False)
"""


def test_a_killed_run_resumes_to_the_same_numbers(tmp_path: Path) -> None:
    """Bit-equal to a run that was not killed, turned systems and all."""
    plan, whole, killed = recipe(), tmp_path / "whole", tmp_path / "killed"
    expected = fit(plan.build(tasks.BASELINES), task(turned=True), plan.train, whole, progress=False)
    for die, code, epochs in ((1, 9, ["0", "1"]), (-1, 0, ["1", "2"])):
        command = [sys.executable, "-c", PROGRAM, str(killed), str(die), str(Path(__file__).parent)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        assert [line.split()[1] for line in done.stdout.splitlines() if line[:5] == "epoch"] == epochs
    found = stored(killed)
    assert found is not None and (found.validation, found.test) == (expected.validation, expected.test)
    one, two = (load_file(folder / "model.safetensors") for folder in (whole, killed))
    assert all(torch.equal(one[key], two[key]) for key in one)


class Echo(nn.Module):
    """The positions it is given, moved by a learnt step."""

    def __init__(self) -> None:
        super().__init__()
        self.step = nn.Parameter(torch.zeros(()))

    def forward(self, positions: Tensor, velocities: Tensor, charges: Tensor) -> Tensor:
        return positions + self.step * velocities


def test_turned_systems_move_with_their_targets() -> None:
    """An equivariant network errs equally on them; reflections are among the elements."""
    split = task().test
    spun = split.at_random(3)
    echo = Echo()
    assert not torch.equal(spun.positions, split.positions) and torch.equal(spun.charges, split.charges)
    assert score(echo, spun, MeanSquareError()) == pytest.approx(score(echo, split, MeanSquareError()))
    dots, turned = ((s.positions * s.after).sum(-1) for s in (split, spun))
    torch.testing.assert_close(dots, turned, rtol=1e-4, atol=1e-5)
    signs = [torch.linalg.det(s.positions[:, :3]).sign() for s in (split, spun)]
    assert 0 < int((signs[0] != signs[1]).sum()) < len(split), "half of 50, all or none with 2e-15"
    *inputs, targets = next(iter(Batches(split, 8, 0, 0, True)))
    torch.testing.assert_close(inputs[0] + inputs[1], targets)


def test_the_plain_network_averaged_and_framed() -> None:
    """Not equivariant alone, the nearer the finer the quadrature, exact in frames."""
    inputs = tuple(t[:4] for t in task().test.inputs)
    plain = tasks.GraphNetwork(8, 1).eval()
    networks = [
        plain,
        *(mk.wrap.average(plain, "E(3)", IN_TYPES, OUT_TYPE, points=n).eval() for n in (16, 128)),
        tasks.FramedGraphNetwork(8, 1).eval(),
    ]
    worst = []
    for network in networks:
        report = mk.audit(network, inputs, in_type=IN_TYPES, out_type=OUT_TYPE, group="E(3)")
        worst.append(max(row.error64 for row in report.rows if row.counted))
    assert worst[0] > 4 * worst[1] > 16 * worst[2] and worst[3] < 1e-12


@pytest.mark.parametrize("name", [*POINT_MODELS, BASELINE, "baselines.framed_gnn"])
def test_models_of_points_train_on_particles(name: str, tmp_path: Path) -> None:
    models = {**POINT_MODELS, **tasks.BASELINES}
    small = {"hidden": 6, "layers": 1} if name in POINT_MODELS else SMALL
    config = TrainConfig(epochs=1, batch_size=32)
    model = Recipe(name, small, "nbody", config).build(models)
    task().check(model)
    assert fit(model, task(), config, tmp_path, progress=False).test < 10


def test_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"a model of positions, velocities, charges, got PlainCNN"):
        fit(tasks.PlainCNN(), task(), TrainConfig(), tmp_path)
    with pytest.raises(ValueError, match=r"a model of images, got GraphNetwork, which takes positions, vel"):
        tasks.digits().check(tasks.GraphNetwork())
    with pytest.raises(ValueError, match=r"classes to smooth, got label_smoothing=0.1"):
        fit(Echo(), task(), TrainConfig(epochs=1, label_smoothing=0.1), tmp_path, progress=False)
    with pytest.raises(ValueError, match=r"digits \| mnist \| rotmnist, got 'nbody'"):
        tasks.load_images("nbody")
    monkeypatch.delenv("MACKEY_DATA", raising=False)
    with pytest.raises(
        ValueError, match=r"nbody_charged5_small.npz below MACKEY_DATA, got MACKEY_DATA=unset"
    ):
        tasks.load("nbody")


def test_an_error_that_is_no_number_is_the_worst() -> None:
    metric = MeanSquareError()
    assert metric.gain(float("nan")) < metric.gain(1e30) < metric.gain(0.1)


def test_nbody_protocol(data_folder: Path) -> None:
    """3000/2000/2000 published systems; standing still errs by 0.2715, straight flight by 0.1090."""
    given = tasks.nbody()
    assert [len(split) for split in given.splits] == [3000, 2000, 2000]
    x, v, y = given.test.positions, given.test.velocities, given.test.after
    assert float((x - y).square().mean()) == pytest.approx(0.2715, abs=5e-5)
    assert float((x + v - y).square().mean()) == pytest.approx(0.1090, abs=5e-5)
    assert set(given.test.charges.unique().tolist()) == {-1.0, 1.0}


def test_points_train_from_the_command_line(data_folder: Path, tmp_path: Path) -> None:
    """And a model of something else is refused before anything is written."""
    out = io.StringIO()
    small = [
        "--arguments.hidden",
        "6",
        "--arguments.layers",
        "1",
        "--train.epochs",
        "1",
        "--train.batch_size",
    ]
    command = ["train", "points.frame_averaging", "--task", "nbody", *small, "500", "--out"]
    assert cli.run([*command, str(tmp_path / "run")], Console(file=out, width=300)) == 0
    assert "best epoch 0 (validation MSE" in out.getvalue() and "; test MSE" in out.getvalue()
    assert json.loads((tmp_path / "run" / "result.json").read_text())["metric"] == "mse"
    with pytest.raises(
        ValueError, match=r"a model of positions, velocities, charges, got Model, which takes"
    ):
        cli.run(["train", "images.gcsa", "--task", "nbody", "--out", str(tmp_path / "other")], Console())
    with pytest.raises(ValueError, match=r"wanted arguments among hidden, .*got 'in_channels'"):
        cli.run(["train", "points.frame_averaging", "--out", str(tmp_path / "other")], Console())
    assert not (tmp_path / "other").exists()
