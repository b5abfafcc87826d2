"""What a training run is, as plain data: the model by name with its arguments, the task, and how to train."""

import dataclasses
import inspect
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from mackey import zoo
from mackey.errors import sentence

# Those that take images.
MODELS: dict[str, type[torch.nn.Module]] = {
    f"images.{name}": getattr(zoo.images, name) for name in zoo.images.__all__
}
# Those that take positions, velocities and charges; other zoo models are built in Python.
POINT_MODELS: dict[str, type[torch.nn.Module]] = {"points.frame_averaging": zoo.points.frame_averaging}


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

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2:
            got = f"{self.epochs} epochs of {self.batch_size}"
            raise ValueError(
                sentence("train", wanted="epochs ≥ 1, batch_size ≥ 2", got=got, remedy="raise them")
            )


@dataclass
class Recipe:
    """One run. arguments: keyword arguments of the model, those of the task among them."""

    model: str
    arguments: dict[str, Any] = field(default_factory=dict)
    task: str = "digits"
    train: TrainConfig = field(default_factory=TrainConfig)

    def build(self, models: Mapping[str, type[torch.nn.Module]] = MODELS) -> torch.nn.Module:
        """The model, its weights drawn from the recipe's seed; the global generator is left as it was."""
        model = find(self.model, models)
        _check_arguments(self.model, model, self.arguments)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.train.seed)
            return model(**self.arguments)

    def save(self, folder: Path) -> None:
        """Write config.json; raises ValueError where the folder holds a run with other settings."""
        plain = json.loads(json.dumps(dataclasses.asdict(self)))  # as it will be read: tuples are lists
        if folder.exists() and not folder.is_dir():
            raise ValueError(
                sentence("run", wanted="a folder", got=f"the file {folder}", remedy="give another --out")
            )
        if (folder / "config.json").is_file():
            differences = _differences(dataclasses.asdict(read(folder)), plain)
            if differences:
                raise ValueError(
                    sentence(
                        f"run in {folder}",
                        wanted="the settings it was started with",
                        got=", ".join(differences),
                        remedy="use another --out, or remove that folder",
                    )
                )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(plain, indent=2) + "\n")


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """ "train.epochs 12 (was 3)" for each setting that differs."""
    found: list[str] = []
    for key in dict.fromkeys([*old, *new]):
        before, after = old.get(key, "unset"), new.get(key, "unset")
        if isinstance(before, dict) and isinstance(after, dict):
            found += _differences(before, after, f"{prefix}{key}.")
        elif before != after:
            found.append(f"{prefix}{key} {after} (was {before})")
    return found


def _check_arguments(name: str, model: type[torch.nn.Module], arguments: Mapping[str, Any]) -> None:
    """Raise unless the model takes these arguments, each of its declared type."""
    known = inspect.signature(model).parameters
    types = typing.get_type_hints(model.__init__)
    for key, value in arguments.items():
        if key not in known:
            raise ValueError(
                sentence(
                    f"model {name}",
                    wanted=f"arguments among {', '.join(known)}",
                    got=repr(key),
                    remedy="correct its name",
                )
            )
        declared = types.get(key)
        simple = declared if isinstance(declared, type) else typing.get_args(declared)
        accepted = (simple, int) if simple is float else simple
        if isinstance(simple, type) and not isinstance(value, accepted):
            raise ValueError(
                sentence(
                    f"model {name}", wanted=f"{key}: {simple.__name__}", got=repr(value), remedy="correct it"
                )
            )


def find(name: str, models: Mapping[str, type[torch.nn.Module]] = MODELS) -> type[torch.nn.Module]:
    """The class of a model by the name people type, "images.gcsa"; raises ValueError with the names there
    are.
    """
    if name not in models:
        raise ValueError(
            sentence(
                "model",
                wanted=" | ".join(models),
                got=repr(name),
                remedy="see mackey list, or give FILE.py:build",
            )
        )
    return models[name]


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
    try:
        plain = json.loads(path.read_text())
        return Recipe(plain["model"], plain["arguments"], plain["task"], TrainConfig(**plain["train"]))
    except (ValueError, KeyError, TypeError) as reason:
        raise ValueError(
            sentence(
                "run",
                wanted="a config.json written by mackey train",
                got=f"{path}, which cannot be read ({reason})",
                remedy="use another folder",
            )
        ) from reason


def rebuild(folder: Path, models: Mapping[str, type[torch.nn.Module]] = MODELS) -> torch.nn.Module:
    """The trained model of a run, in eval mode, from config.json and model.safetensors."""
    model, weights = read(folder).build(models), folder / "model.safetensors"
    if not weights.is_file():
        raise ValueError(
            sentence(
                "run",
                wanted=f"weights in {folder}",
                got="no model.safetensors",
                remedy="train it for at least one epoch first",
            )
        )
    model.load_state_dict(load_file(weights))
    return model.eval()
