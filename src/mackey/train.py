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
from mackey.tasks import Split, Task, random_angles, rotate, turned


@dataclass(frozen=True)
class Result:
    """What a run gave; accuracies are those of the best validation epoch.

    test: on the test images as they are. rotated: on the same images at random angles; None for a task whose
    test images are turned already.
    """

    best_epoch: int
    validation: float
    test: float
    rotated: float | None
    seconds: float
    folder: Path

    def __str__(self) -> str:
        test = f"test {self.test:.1%}" if self.rotated is None else f"test: upright {self.test:.1%}"
        turned = "" if self.rotated is None else f", at random angles {self.rotated:.1%}"
        return f"best epoch {self.best_epoch} (validation {self.validation:.1%}); {test}{turned}"


class Batches(IterableDataset):
    """One epoch in an order, and at angles, drawn from (seed, epoch)."""

    def __init__(self, split: Split, batch_size: int, seed: int, epoch: int, turned: bool) -> None:
        self.split, self.batch_size, self.turned = split, batch_size, turned
        self.draw = (seed, epoch)

    def __len__(self) -> int:
        return max(len(self.split) // self.batch_size, 1)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        seed, epoch = self.draw
        generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
        order = torch.randperm(len(self.split), generator=generator)
        for index in order[: len(self) * self.batch_size].split(self.batch_size):
            images = self.split.images[index]
            if self.turned:
                images = rotate(images, random_angles(len(index), generator))
            yield images, self.split.labels[index]


class Classifier(lightning.LightningModule):
    """Cross-entropy, AdamW, one cycle."""

    def __init__(self, model: nn.Module, task: Task, config: TrainConfig) -> None:
        super().__init__()
        self.model, self.task, self.config = model, task, config
        self.validation = turned(task.validation, config.seed) if task.turned else task.validation

    def training_step(self, batch: Sequence[Tensor], index: int) -> Tensor:
        logits = self.model(batch[0])
        loss = nn.functional.cross_entropy(logits, batch[1], label_smoothing=self.config.label_smoothing)
        self.log("loss", loss, on_step=False, on_epoch=True, prog_bar=True)
        self.log("accuracy", (logits.argmax(-1) == batch[1]).float().mean(), on_step=False, on_epoch=True)
        return loss

    def on_train_epoch_start(self) -> None:
        torch.manual_seed(
            1_000_003 * self.config.seed + self.current_epoch
        )  # inside fit's fork of the generator

    def validation_step(self, batch: Sequence[Tensor], index: int) -> None:
        right = (self.model(batch[0]).argmax(-1) == batch[1]).float().mean()
        self.log("validation", right, prog_bar=True, batch_size=len(batch[1]))

    def train_dataloader(self) -> DataLoader:
        c = self.config
        batches = Batches(self.task.train, c.batch_size, c.seed, self.current_epoch, self.task.turned)
        return DataLoader(batches, batch_size=None)

    def val_dataloader(self) -> DataLoader:
        pairs = list(zip(self.validation.images.split(256), self.validation.labels.split(256), strict=True))
        return DataLoader(pairs, batch_size=None)  # type: ignore[arg-type]

    def configure_optimizers(self) -> OptimizerLRScheduler:
        c = self.config
        optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=c.learning_rate, weight_decay=c.weight_decay
        )
        steps = c.epochs * len(Batches(self.task.train, c.batch_size, 0, 0, False))
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, c.learning_rate, total_steps=steps, pct_start=0.2
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class Record(Callback):
    """One JSON line an epoch, and the weights of the best validation epoch as safetensors."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.start = folder, time.perf_counter()

    @property
    def lines(self) -> list[dict[str, float | int]]:
        path = self.folder / "metrics.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        known = [
            line for line in self.lines if line["epoch"] < trainer.current_epoch
        ]  # a killed epoch runs again
        values = {key: float(trainer.callback_metrics[key]) for key in ("loss", "accuracy", "validation")}
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        seconds = time.perf_counter() - self.start
        self.start = time.perf_counter()
        line = {"epoch": trainer.current_epoch, **values, "learning_rate": rate, "seconds": seconds}
        if all(values["validation"] > other["validation"] for other in known):
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
    training = model.training
    model.eval()
    with torch.no_grad():
        answers = torch.cat([model(part).argmax(-1) for part in images.split(256)])
    model.train(training)
    return float((answers == labels).float().mean())


def stored(folder: Path) -> Result | None:
    """What a finished run wrote into its folder; None if there is none or it has not finished."""
    path = folder / "result.json"
    if not path.is_file():
        return None
    plain = json.loads(path.read_text())
    return Result(**{key: plain[key] for key in _NUMBERS}, folder=folder)


_NUMBERS = ("best_epoch", "validation", "test", "rotated", "seconds")


def start_afresh(folder: Path) -> None:
    """Remove what an earlier run wrote, so that the next one starts at epoch 0."""
    for name in ("last.ckpt", "metrics.jsonl", "model.safetensors", "result.json", "config.json"):
        (folder / name).unlink(missing_ok=True)


def fit(model: nn.Module, task: Task, config: TrainConfig, folder: Path, *, progress: bool = True) -> Result:
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
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    last = folder / "last.ckpt"
    record = Record(folder)
    if not last.is_file():
        (folder / "metrics.jsonl").unlink(missing_ok=True)
    module = Classifier(model.train(), task, config)  # Lightning keeps the mode, and eval freezes statistics
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on workers and loggers
        trainer = _trainer(config, folder, record, progress)
        trainer.fit(module, ckpt_path=str(last) if last.is_file() else None, weights_only=False)
    model.load_state_dict(load_file(folder / "model.safetensors"))
    best = max(record.lines, key=lambda line: line["validation"])
    rotated = None
    if task.turned:
        spun = turned(task.test, config.seed + 1)
        rotated = accuracy(model, spun.images, spun.labels)
    test = accuracy(model, task.test.images, task.test.labels)
    seconds = time.perf_counter() - start
    result = Result(int(best["epoch"]), best["validation"], test, rotated, seconds, folder)
    plain = {key: value for key, value in dataclasses.asdict(result).items() if key in _NUMBERS}
    _replace(folder / "result.json", json.dumps(plain, indent=2) + "\n")
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
