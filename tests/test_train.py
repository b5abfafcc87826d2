"""Training: resumable to the same numbers, nothing global touched, everything written."""

import json
from pathlib import Path

import pytest
import torch

import mackey as mk
from mackey import tasks
from mackey.recipe import Recipe, TrainConfig, read, rebuild
from mackey.train import Record, accuracy, fit

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
    assert accuracy(twin, task.test.images, task.test.labels) == result.upright
    assert read(tmp_path).arguments == plan.arguments


def test_a_killed_run_resumes_to_the_same_numbers(task: tasks.Task, tmp_path: Path) -> None:
    whole = fit(recipe().build(), task, CONFIG, tmp_path / "whole", progress=False)

    class Killed(Exception):
        pass

    original = Record.on_train_epoch_end

    def die(self, trainer, module):
        if trainer.current_epoch == 2:
            raise Killed
        original(self, trainer, module)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Record, "on_train_epoch_end", die)
        fit(recipe().build(), task, CONFIG, tmp_path / "killed", progress=False)
    resumed = fit(recipe().build(), task, CONFIG, tmp_path / "killed", progress=False)
    assert (resumed.best_epoch, resumed.validation, resumed.upright, resumed.rotated) == (
        whole.best_epoch,
        whole.validation,
        whole.upright,
        whole.rotated,
    )


def test_messages(task: tasks.Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"images.gcnn \| images.gcsa, got 'images.vit'"):
        Recipe("images.vit").build()
    with pytest.raises(ValueError, match=r"digits \| rotmnist, got 'cifar'"):
        tasks.load("cifar")
    with pytest.raises(ValueError, match="it has no config"):
        read(tmp_path)
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
    averaged = tasks.GroupAveraged(plain, mk.groups.p4()).eval()
    assert mk.audit(averaged, torch.randn(2, 1, 9, 9), group="p4").passed
    assert not mk.audit(plain.eval(), torch.randn(2, 1, 9, 9), group="p4").passed
