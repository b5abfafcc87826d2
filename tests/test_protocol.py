"""The protocol: validation chooses, the test split is only read, angles and order are drawn anew."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from mackey import tasks
from mackey.recipe import TrainConfig
from mackey.tasks import Split, Task
from mackey.train import Batches, Learner, Result, accuracy, fit

pytestmark = pytest.mark.filterwarnings(
    "ignore"
)  # Lightning and its metrics warn about torch's own deprecations


class Brightness(nn.Module):
    """Two classes from the mean of an image, which no turn changes much. Wrong at the start; the larger the
    slope, the longer training takes to turn it round.
    """

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor([slope, -slope]))

    def forward(self, images: Tensor) -> Tensor:
        return (images.mean((1, 2, 3)) - 0.2)[:, None] * self.slope


def split(count: int, seed: int, right: float = 1.0) -> Split:
    """Dark and bright discs; this fraction of the labels is right."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(2, (count,), generator=generator)
    axis = torch.arange(9) - 4
    disc = ((axis[:, None] ** 2 + axis**2) <= 12).float()
    images = disc * (0.2 + 0.7 * labels.float()[:, None, None]) + 0.02 * torch.rand(
        (count, 9, 9), generator=generator
    )
    wrong = torch.arange(count) >= right * count
    return Split(images[:, None], torch.where(wrong, 1 - labels, labels))


def task(validation: float = 1.0, test: float = 1.0, turned: bool = True) -> Task:
    parts = split(64, 0), split(40, 1, validation), split(40, 2, test)
    return Task("discs", 2, *parts, group="p4", turned=turned)


CONFIG = TrainConfig(epochs=3, batch_size=16, learning_rate=0.3, weight_decay=0.0, seed=2)


def run(given: Task, folder: Path, slope: float = 0.01) -> tuple[Result, nn.Module, list[dict[str, float]]]:
    """A fresh model trained on a task, and the lines that it wrote."""
    model = Brightness(slope)
    result = fit(model, given, CONFIG, folder, progress=False)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return result, model, [{key: line[key] for key in line if key != "seconds"} for line in lines]


@pytest.mark.parametrize("turned", [True, False])
def test_the_test_split_chooses_nothing(turned: bool, tmp_path: Path) -> None:
    """With scrambled test labels: the same metrics, epoch and weights; only the report at the end differs."""
    (one, first, lines), (two, second, others) = (
        run(task(validation=0.8, test=test, turned=turned), tmp_path / str(test)) for test in (1.0, 0.3)
    )
    assert lines == others and (one.best_epoch, one.validation) == (two.best_epoch, two.validation)
    assert torch.equal(first.slope, second.slope)
    assert one.test > two.test and (not turned or one.rotated > two.rotated)
    run(task(validation=0.2, turned=turned), tmp_path / "other")
    assert lines != run(task(validation=0.2, turned=turned), tmp_path / "again")[2], (
        "validation labels are read"
    )


@pytest.mark.parametrize("turned", [True, False])
def test_each_number_is_that_of_its_split(turned: bool, tmp_path: Path) -> None:
    """All of validation's labels are right and three tenths of test's, upright and at random angles alike."""
    given = task(validation=1.0, test=0.3, turned=turned)
    result, model, _ = run(given, tmp_path)
    assert result.validation == 1.0 and result.test == pytest.approx(0.3, abs=1e-6)
    assert result.rotated == (pytest.approx(0.3, abs=1e-6) if turned else None)
    assert accuracy(model, given.test.images, given.test.labels) == result.test


def test_the_saved_weights_are_the_best_on_validation_and_not_the_last(tmp_path: Path) -> None:
    """Validation labels that are all wrong: the more is learnt, the worse they get; epoch 0 is best."""
    given = task(validation=0.0)
    result, model, lines = run(given, tmp_path, slope=1.2)
    scores = [line["validation"] for line in lines]
    assert (
        len(scores) == 3
        and result.best_epoch == scores.index(max(scores))
        and result.validation == max(scores)
    )
    saved = load_file(tmp_path / "model.safetensors")
    assert torch.equal(saved["slope"], model.slope)
    seen = Learner(model, given, CONFIG).validation
    assert accuracy(model, seen.images, seen.labels) == pytest.approx(max(scores), abs=1e-6)
    assert max(scores) > scores[-1], "the last epoch must not be the best one, or this proves nothing"
    last = torch.load(tmp_path / "last.ckpt", weights_only=False)["state_dict"]["model.slope"]
    assert not torch.equal(saved["slope"], last)


def test_validation_is_turned_like_training() -> None:
    """At angles fixed by the seed; as it is for a task whose images are turned already."""
    one, two, other = (Learner(Brightness(), task(), TrainConfig(seed=seed)).validation for seed in (1, 1, 2))
    plain = task().validation
    assert torch.equal(one.images, two.images) and not torch.equal(one.images, other.images)
    assert not torch.equal(one.images, plain.images) and torch.equal(one.labels, plain.labels)
    still = Learner(Brightness(), task(turned=False), CONFIG).validation
    assert torch.equal(still.images, plain.images) and torch.equal(still.labels, plain.labels)


def marked(count: int) -> Split:
    """Image i: a bright spot right of the centre; its label is i."""
    images = torch.zeros(count, 1, 21, 21)
    images[:, :, 9:12, 15:18] = 1
    return Split(images, torch.arange(count))


def drawn(seed: int, epoch: int, turned: bool = True, count: int = 40) -> tuple[list[int], Tensor]:
    """The order of one epoch, and the angle in degrees at which each spot stands."""
    batches = list(Batches(marked(count), 8, seed, epoch, turned))
    order = torch.cat([labels for _, labels in batches]).tolist()
    images = torch.cat([images for images, _ in batches])[:, 0]
    axis = torch.arange(21.0) - 10
    x, y = (images * axis).sum((1, 2)), (images * -axis[:, None]).sum((1, 2))
    return order, torch.rad2deg(torch.atan2(y, x)) % 360


def test_order_and_angles_follow_seed_and_epoch() -> None:
    order, angles = drawn(0, 0)
    again, same = drawn(0, 0)
    assert order == again and torch.equal(angles, same) and sorted(order) == list(range(40))
    for seed, epoch in ((0, 1), (0, 2), (1, 0), (1, 1)):
        other, turns = drawn(seed, epoch)
        assert other != order and (turns - angles).abs().max() > 1, (seed, epoch)
    assert drawn(0, 1)[0] != drawn(1, 0)[0] and drawn(0, 2)[0] != drawn(2, 0)[0]
    assert len({tuple(drawn(3, epoch)[0]) for epoch in range(20)}) == 20


def test_training_images_stand_at_all_angles_or_as_they_are() -> None:
    _, angles = drawn(0, 0, count=400)
    counts = torch.histc(angles, 12, 0, 360)
    assert counts.min() > 10, (
        f"some angles are never shown: {counts.tolist()}"
    )  # 33 ± 6 expected; the seed is fixed
    images = [batch for batch, _ in Batches(marked(40), 8, 0, 0, False)]
    assert torch.equal(torch.cat(images), marked(40).images)
    assert Batches(marked(40), 8, 0, 0, True).split.images.equal(marked(40).images), (
        "the data stay as they are"
    )


def test_random_angles_cover_the_circle_evenly(generator: torch.Generator) -> None:
    angles = tasks.random_angles(36_000, generator)
    assert 0 <= float(angles.min()) < 0.1 and 359.9 < float(angles.max()) < 360
    counts = torch.histc(angles, 36, 0, 360)
    assert counts.min() > 850 and counts.max() < 1150  # 1000 ± 31, five standard deviations


@pytest.mark.parametrize("seed", [0, 1])
def test_digits_splits_share_no_image(seed: int) -> None:
    """As images, not only as indices: each of the 1797 digits lies in one split."""
    given = tasks.digits(seed)
    seen = [
        {image.numpy().tobytes() for image in part.images}
        for part in (given.train, given.validation, given.test)
    ]
    assert [len(images) for images in seen] == [1077, 360, 360]
    assert not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]
    assert given.turned and given.classes == 10
    for part in (given.train, given.validation, given.test):
        shares = torch.bincount(part.labels, minlength=10) / len(part)
        assert (shares - 0.1).abs().max() < 0.01, "each split has all digits"
