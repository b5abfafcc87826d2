"""Training: resumable to the same numbers, nothing global touched, everything written."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import mackey as mk
from mackey import tasks
from mackey.recipe import Recipe, TrainConfig, read, rebuild
from mackey.train import accuracy, fit, start_afresh, stored

CONFIG = TrainConfig(epochs=3, batch_size=32, seed=3)
pytestmark = pytest.mark.filterwarnings(
    "ignore"
)  # Lightning and its metrics warn about torch's own deprecations


@pytest.fixture(scope="module")
def task() -> tasks.Task:
    whole = tasks.digits()
    few = [tasks.Split(s.images[:96], s.labels[:96]) for s in (whole.train, whole.validation, whole.test)]
    return tasks.Task("few", 10, *few, group="p4", turned=True)


def recipe() -> Recipe:
    return Recipe("images.gcsa", {"group": "p4", "fields": 2, "depth": 1}, train=CONFIG)


def test_a_run_writes_what_rebuilds_it(task: tasks.Task, tmp_path: Path) -> None:
    plan = recipe()
    plan.save(tmp_path)
    before = torch.random.get_rng_state()
    model = plan.build()
    result = fit(model, task, CONFIG, tmp_path, progress=False)
    assert torch.equal(before, torch.random.get_rng_state()) and torch.get_default_dtype() == torch.float32
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [0, 1, 2]
    assert max(line["validation"] for line in lines) == result.validation
    twin = rebuild(tmp_path)
    assert torch.equal(twin(task.test.images), model.eval()(task.test.images))
    assert accuracy(twin, task.test.images, task.test.labels) == result.test
    assert read(tmp_path).arguments == plan.arguments


def test_a_model_that_was_looked_at_is_trained_all_the_same(task: tasks.Task, tmp_path: Path) -> None:
    """After .eval() Lightning would train with frozen running statistics, without a word."""
    results = []
    for folder, training in (("fresh", True), ("seen", False)):
        model = recipe().build().train(training)
        results.append(fit(model, task, CONFIG, tmp_path / folder, progress=False).validation)
        assert float(model.get_buffer("lift.layers.1.running_mean").abs().max()) > 0
    assert results[0] == results[1]


# A run in a process of its own: killed without warning at the end of epoch `die`, before its checkpoint.
PROGRAM = """
import os, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from mackey import tasks
from mackey.recipe import Recipe, TrainConfig
from mackey.train import Record, fit

folder, die = Path(sys.argv[1]), int(sys.argv[2])
whole = tasks.digits()
few = [tasks.Split(s.images[:96], s.labels[:96]) for s in (whole.train, whole.validation, whole.test)]
task = tasks.Task("few", 10, few[0], few[1], few[2], "p4", True)
original = Record.on_train_epoch_end

def record(self, trainer, module):
    print("epoch", trainer.current_epoch, flush=True)
    if trainer.current_epoch == die:
        os._exit(9)
    original(self, trainer, module)

Record.on_train_epoch_end = record
recipe = Recipe("images.gcsa", {"group": "p4", "fields": 2, "depth": 1}, train=TrainConfig(4, 32, seed=3))
fit(recipe.build(), task, recipe.train, folder, progress=False)
"""


def run_program(folder: Path, die: int) -> tuple[int, list[int]]:
    """The exit code, and the epochs that ran."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), str(die)], capture_output=True, text=True
    )
    assert done.returncode in (0, 9), done.stderr
    epochs = [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("epoch")]
    return done.returncode, epochs


def numbers(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def test_a_killed_run_resumes_to_the_same_numbers(tmp_path: Path) -> None:
    """Bit-equal weights and metrics, whether the run was killed or not."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run_program(whole, -1) == (0, [0, 1, 2, 3])
    assert run_program(killed, 2) == (9, [0, 1, 2]) and not (killed / "result.json").exists()
    assert run_program(killed, -1) == (0, [2, 3]), "epochs 0 and 1 must not be trained again"
    assert numbers(killed) == numbers(whole)
    one, two = (load_file(folder / "model.safetensors") for folder in (whole, killed))
    assert one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)
    results = [json.loads((folder / "result.json").read_text()) for folder in (whole, killed)]
    assert all(results[0][key] == results[1][key] for key in results[0] if key != "seconds")
    states = [torch.load(folder / "last.ckpt", weights_only=False) for folder in (whole, killed)]
    for key, value in states[0]["state_dict"].items():
        assert torch.equal(value, states[1]["state_dict"][key])


def test_a_finished_run_is_reported_and_not_trained_again(task: tasks.Task, tmp_path: Path) -> None:
    model = recipe().build()
    result = fit(model, task, CONFIG, tmp_path, progress=False)
    before = (tmp_path / "metrics.jsonl").read_bytes()
    again = recipe().build()
    assert fit(again, task, CONFIG, tmp_path, progress=False) == result == stored(tmp_path)
    assert all(
        torch.equal(a, b)
        for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True)
    )
    assert (tmp_path / "metrics.jsonl").read_bytes() == before
    start_afresh(tmp_path)
    assert not list(tmp_path.iterdir()) and stored(tmp_path) is None


def test_a_folder_is_one_run(tmp_path: Path) -> None:
    """Other settings in the folder of a run are refused before anything is written."""
    recipe().save(tmp_path)
    recipe().save(tmp_path)
    before = (tmp_path / "config.json").read_bytes()
    other = Recipe("images.gcsa", {"group": "p4m", "fields": 2, "depth": 1}, train=TrainConfig(9, 32, seed=3))
    with pytest.raises(
        ValueError, match=r"arguments.group p4m \(was p4\), train.epochs 9 \(was 3\); use another --out"
    ):
        other.save(tmp_path)
    assert (tmp_path / "config.json").read_bytes() == before
    with pytest.raises(ValueError, match=r"wanted a folder, got the file .*; give another --out"):
        recipe().save(tmp_path / "config.json")


def test_images_that_are_turned_already_give_one_number(task: tasks.Task, tmp_path: Path) -> None:
    """rotmnist: its test images lie at random angles, so that "upright" would be untrue."""
    still = tasks.Task("few", 10, task.train, task.validation, task.test, group="p4", turned=False)
    result = fit(recipe().build(), still, TrainConfig(epochs=1, batch_size=32), tmp_path, progress=False)
    assert result.rotated is None and "upright" not in str(result) and "angles" not in str(result)


def test_messages(task: tasks.Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"images.gcnn \| images.gcsa, got 'images.vit'"):
        Recipe("images.vit").build()
    with pytest.raises(ValueError, match=r"digits \| mnist \| rotmnist \| nbody, got 'cifar'"):
        tasks.load("cifar")
    with pytest.raises(ValueError, match="it has no config"):
        read(tmp_path)
    (tmp_path / "config.json").write_text('{"model": "images.gcsa"}')
    with pytest.raises(ValueError, match=r"a config.json written by mackey train"):
        read(tmp_path)
    recipe().save(tmp_path / "new")
    with pytest.raises(ValueError, match=r"no model.safetensors; train it for at least one epoch"):
        rebuild(tmp_path / "new")
    with pytest.raises(
        ValueError, match=r"arguments among group, in_channels.*got 'groop'; correct its name"
    ):
        Recipe("images.gcsa", {"groop": "p4"}).build()
    with pytest.raises(ValueError, match="wanted fields: int, got 'two'"):
        Recipe("images.gcsa", {"fields": "two"}).build()
    with pytest.raises(ValueError, match="epochs ≥ 1"):
        fit(recipe().build(), task, TrainConfig(epochs=0), tmp_path)
    monkeypatch.delenv("MACKEY_DATA", raising=False)
    with pytest.raises(ValueError, match=r"MACKEY_DATA=unset; set MACKEY_DATA"):
        tasks.load("rotmnist")


def test_quarter_turns_are_exact_and_counter_clockwise() -> None:
    x = torch.randn(4, 1, 9, 9)
    for quarter in range(4):
        turned = tasks.rotate(x, torch.full((4,), 90.0 * quarter - 360))
        assert torch.equal(turned, torch.rot90(x, quarter, (-2, -1)))
    near = tasks.rotate(x.double(), torch.full((4,), 90.001))
    assert float((near - torch.rot90(x, 1, (-2, -1))).abs().max()) < 1e-2


def test_splits_do_not_overlap_and_follow_the_seed() -> None:
    one, two, other = tasks.digits(0), tasks.digits(0), tasks.digits(1)
    assert torch.equal(one.test.images, two.test.images) and not torch.equal(
        one.test.images, other.test.images
    )
    assert [len(s) for s in (one.train, one.validation, one.test)] == [1077, 360, 360]
    assert one.size == 21 and one.in_channels == 1


def test_rotmnist_protocol(data_folder: Path) -> None:
    task = tasks.load("rotmnist")
    assert [len(s) for s in (task.train, task.validation, task.test)] == [10000, 2000, 50000]
    assert task.size == 29


def test_baselines() -> None:
    wanted = tasks.parameter_count(mk.zoo.images.gcsa("p4"))
    plain = tasks.matched(wanted, 1, 10)
    assert abs(tasks.parameter_count(plain) / wanted - 1) < 0.05
    pooled = tasks.PooledCNN(2, 5).eval()
    assert tasks.parameter_count(tasks.PooledCNN()) == 90_002 and pooled(torch.rand(3, 2, 29, 29)).shape == (
        3,
        5,
    )
    averaged = tasks.GroupAveraged(plain, mk.groups.p4()).eval()
    assert mk.audit(averaged, torch.randn(2, 1, 9, 9), group="p4").passed
    assert not mk.audit(plain.eval(), torch.randn(2, 1, 9, 9), group="p4").passed
