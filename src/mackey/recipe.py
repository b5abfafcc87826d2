"""What a training run is, as plain data: the model by name with its arguments, the task, and how to train."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from mackey import zoo
from mackey.errors import sentence

MODELS: dict[str, type[torch.nn.Module]] = {
    f"images.{name}": getattr(zoo.images, name) for name in zoo.images.__all__
}


@dataclass
class TrainConfig:
    """AdamW with a one-cycle schedule; the best epoch on the validation split is kept."""

    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 1e-2
    weight_decay: float = 0.01
    label_smoothing: float = 0.0
    gradient_clip: float = 1.0
    seed: int = 0


@dataclass
class Recipe:
    """One run. arguments: keyword arguments of the model, in_channels and classes added from the task."""

    model: str
    arguments: dict[str, Any] = field(default_factory=dict)
    task: str = "digits"
    train: TrainConfig = field(default_factory=TrainConfig)

    def build(self) -> torch.nn.Module:
        """The model, its weights drawn from the recipe's seed; the global generator is left as it was."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.train.seed)
            return find(self.model)(**self.arguments)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n")


def find(name: str) -> type[torch.nn.Module]:
    """The class of a model by the name people type, "images.gcsa"; raises ValueError with the names there
    are.
    """
    if name not in MODELS:
        raise ValueError(
            sentence(
                "model",
                wanted=" | ".join(MODELS),
                got=repr(name),
                remedy="see mackey list, or give FILE.py:build",
            )
        )
    return MODELS[name]


def read(folder: Path) -> Recipe:
    """The recipe that a run wrote into its folder."""
    path = folder / "config.json"
    if not path.is_file():
        raise ValueError(
            sentence(
                "run",
                wanted="a folder written by mackey train",
                got=str(folder),
                remedy="it has no config.json",
            )
        )
    plain = json.loads(path.read_text())
    return Recipe(plain["model"], plain["arguments"], plain["task"], TrainConfig(**plain["train"]))


def rebuild(folder: Path) -> torch.nn.Module:
    """The trained model of a run, in eval mode, from config.json and model.safetensors."""
    model = read(folder).build()
    model.load_state_dict(load_file(folder / "model.safetensors"))
    return model.eval()
