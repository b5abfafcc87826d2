"""Training with Lightning: validation chooses the epoch, the test split is read once, a killed run resumes at
its last whole epoch.
"""

import dataclasses
import json
import logging
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from mackey.axes import Float, Int
from mackey.recipe import TrainConfig
from mackey.tasks import METRICS, AbstractMetric, AbstractSplit, AbstractTask, Accuracy, Split

AT_ONCE = 256  # samples in one call, where nothing is trained


@dataclass(frozen=True)
class Result:
    """What a run gave; scores are those of the best validation epoch.

    test: on the test samples as they are. rotated: on the same at random angles; None for a task that does
    not turn its training samples.
    """

    best_epoch: int
    validation: float
    test: float
    rotated: float | None
    seconds: float
    folder: Path
    metric: AbstractMetric

    def __str__(self) -> str:
        text = self.metric.text
        test = f"test {text(self.test)}" if self.rotated is None else f"test: upright {text(self.test)}"
        spun = "" if self.rotated is None else f", at random angles {text(self.rotated)}"
        return f"best epoch {self.best_epoch} (validation {text(self.validation)}); {test}{spun}"


class Batches(IterableDataset):
    """One epoch in an order, and at angles, drawn from (seed, epoch)."""

    def __init__(self, split: AbstractSplit, batch_size: int, seed: int, epoch: int, turned: bool) -> None:
        self.split, self.batch_size, self.turned = split, batch_size, turned
        self.draw = (seed, epoch)

    def __len__(self) -> int:
        return max(len(self.split) // self.batch_size, 1)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        """(*inputs, targets)."""
        seed, epoch = self.draw
        generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
        order = torch.randperm(len(self.split), generator=generator)
        for index in order[: len(self) * self.batch_size].split(self.batch_size):
            part = self.split.part(index)
            part = part.turned(generator) if self.turned else part
            yield *part.inputs, part.targets


class Learner(lightning.LightningModule):
    """The loss of the task's metric, AdamW, one cycle."""

    def __init__(self, model: nn.Module, task: AbstractTask, config: TrainConfig) -> None:
        super().__init__()
        self.model, self.task, self.config, self.metric = model, task, config, task.metric
        self.training_split, validation, _ = task.splits
        self.validation = validation.at_random(config.seed) if task.turned else validation

    def training_step(self, batch: Sequence[Tensor], index: int) -> Tensor:
        outputs, targets = self.model(*batch[:-1]), batch[-1]
        loss = self.metric.loss(outputs, targets, self.config.label_smoothing)
        self.log("loss", loss, on_step=False, on_epoch=True, prog_bar=True)
        score = self.metric.score(outputs, targets)
        self.log(self.metric.name, score, on_step=False, on_epoch=True, batch_size=len(targets))
        return loss

    def on_train_epoch_start(self) -> None:
        torch.manual_seed(
            1_000_003 * self.config.seed + self.current_epoch
        )  # inside fit's fork of the generator

    def validation_step(self, batch: Sequence[Tensor], index: int) -> None:
        score = self.metric.score(self.model(*batch[:-1]), batch[-1])
        self.log("validation", score, prog_bar=True, batch_size=len(batch[-1]))

    def train_dataloader(self) -> DataLoader:
        c = self.config
        turning = self.task.turned
        batches = Batches(self.training_split, c.batch_size, c.seed, self.current_epoch, turning)
        return DataLoader(batches, batch_size=None)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.validation.batches(AT_ONCE), batch_size=None)  # type: ignore[arg-type]

    def configure_optimizers(self) -> OptimizerLRScheduler:
        c = self.config
        optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=c.learning_rate, weight_decay=c.weight_decay
        )
        steps = c.epochs * len(Batches(self.training_split, c.batch_size, 0, 0, False))
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, c.learning_rate, total_steps=steps, pct_start=0.2
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class Record(Callback):
    """One JSON line an epoch, and the weights of the best validation epoch as safetensors."""

    def __init__(self, folder: Path, metric: AbstractMetric) -> None:
        self.folder, self.metric, self.start = folder, metric, time.perf_counter()

    @property
    def lines(self) -> list[dict[str, float | int]]:
        path = self.folder / "metrics.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        known = [
            line for line in self.lines if line["epoch"] < trainer.current_epoch
        ]  # a killed epoch runs again
        keys = ("loss", self.metric.name, "validation")
        values = {key: float(trainer.callback_metrics[key]) for key in keys}
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        seconds = time.perf_counter() - self.start
        self.start = time.perf_counter()
        line = {"epoch": trainer.current_epoch, **values, "learning_rate": rate, "seconds": seconds}
        gain = self.metric.gain
        if all(gain(values["validation"]) > gain(other["validation"]) for other in known):
            weights = {key: value.contiguous() for key, value in module.model.state_dict().items()}  # type: ignore[union-attr]
            partial = self.folder / "model.safetensors.partial"
            save_file(weights, partial)
            os.replace(partial, self.folder / "model.safetensors")
        _replace(self.folder / "metrics.jsonl", "".join(json.dumps(one) + "\n" for one in [*known, line]))


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all: a run may be killed at any moment."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    os.replace(partial, path)


def accuracy(model: nn.Module, images: Float[Tensor, "n c h w"], labels: Int[Tensor, " n"]) -> float:
    """The fraction of right answers, in eval mode; the mode is put back."""
    return score(model, Split(images, labels), Accuracy())


def score(model: nn.Module, split: AbstractSplit, metric: AbstractMetric) -> float:
    """The metric on a whole split, in eval mode; the mode is put back."""
    training = model.training
    model.eval()
    with torch.no_grad():
        outputs = torch.cat([model(*batch[:-1]) for batch in split.batches(AT_ONCE)])
    model.train(training)
    return float(metric.score(outputs, split.targets))


def stored(folder: Path) -> Result | None:
    """What a finished run wrote into its folder; None if there is none or it has not finished."""
    path = folder / "result.json"
    if not path.is_file():
        return None
    plain = json.loads(path.read_text())
    metric = METRICS[plain.get("metric", Accuracy().name)]
    return Result(**{key: plain[key] for key in _NUMBERS}, folder=folder, metric=metric)


_NUMBERS = ("best_epoch", "validation", "test", "rotated", "seconds")


def start_afresh(folder: Path) -> None:
    """Remove what an earlier run wrote, so that the next one starts at epoch 0."""
    for name in ("last.ckpt", "metrics.jsonl", "model.safetensors", "result.json", "config.json"):
        (folder / name).unlink(missing_ok=True)


def fit(
    model: nn.Module, task: AbstractTask, config: TrainConfig, folder: Path, *, progress: bool = True
) -> Result:
    """Train in place, resuming from the folder if a run was killed there; the model ends with its best
    weights.

    Writes metrics.jsonl, model.safetensors, last.ckpt (Lightning's state after each epoch, for resuming) and,
    at the end, result.json. One folder is one run: in a finished one nothing is trained, and the stored
    result and weights come back. `Recipe.save` refuses the folder of a run with other settings.
    """
    finished = stored(folder)
    if finished is not None:
        model.load_state_dict(load_file(folder / "model.safetensors"))
        return finished
    task.check(model)
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    last = folder / "last.ckpt"
    record = Record(folder, task.metric)
    if not last.is_file():
        (folder / "metrics.jsonl").unlink(missing_ok=True)
    module = Learner(model.train(), task, config)  # Lightning keeps the mode, and eval freezes statistics
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on workers and loggers
        trainer = _trainer(config, folder, record, progress)
        trainer.fit(module, ckpt_path=str(last) if last.is_file() else None, weights_only=False)
    model.load_state_dict(load_file(folder / "model.safetensors"))
    best = max(record.lines, key=lambda line: task.metric.gain(line["validation"]))
    test = task.splits[2]
    spun = score(model, test.at_random(config.seed + 1), task.metric) if task.turned else None
    still, seconds = score(model, test, task.metric), time.perf_counter() - start
    result = Result(int(best["epoch"]), best["validation"], still, spun, seconds, folder, task.metric)
    plain = {key: value for key, value in dataclasses.asdict(result).items() if key in _NUMBERS}
    _replace(folder / "result.json", json.dumps({**plain, "metric": task.metric.name}, indent=2) + "\n")
    return result


def _trainer(config: TrainConfig, folder: Path, record: Record, progress: bool) -> lightning.Trainer:
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # save_top_k=0 would save nothing at all; a fixed name without a counter is overwritten after each epoch.
    keep = ModelCheckpoint(
        dirpath=folder,
        filename="last",
        save_top_k=1,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    return lightning.Trainer(
        max_epochs=config.epochs,
        accelerator="auto",
        devices=1,
        logger=False,
        enable_model_summary=False,
        enable_progress_bar=progress,
        gradient_clip_val=config.gradient_clip,
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=1,
        callbacks=[keep, record, *([RichProgressBar()] if progress else [])],
    )
