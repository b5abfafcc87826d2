"""What a command is to look at: a model by name, a run, or whatever a file of the user's builds."""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from mackey.actions import acting
from mackey.errors import sentence
from mackey.fields import Guarantee
from mackey.recipe import find, rebuild

_BATCH = 8


@dataclass(frozen=True)
class Target:
    """inputs: those that the file gives with its network; None where they are to be drawn."""

    module: nn.Module
    inputs: tuple[Tensor, ...] | None = None

    @property
    def declared(self) -> str | None:
        """The group that the network declares; None where it declares none, or one without elements to test,
        such as the flows of `wrap.canonical_coordinates`.
        """
        guarantee = getattr(self.module, "guarantee", None)
        if not isinstance(guarantee, Guarantee) or guarantee.kind == "none":
            return None
        try:
            acting(guarantee.group)
        except ValueError:
            return None
        return guarantee.group

    def drawn(self, shapes: Sequence[str], default: str) -> tuple[Tensor, ...]:
        """Normal numbers of these shapes, a batch of 8; or the inputs that the file gives."""
        if self.inputs is not None:
            if shapes:
                wanted, got = "no shapes: the file gives the inputs", f"--shape {shapes[0]}"
                raise ValueError(sentence("--shape", wanted=wanted, got=got, remedy="leave it out"))
            return self.inputs
        generator = torch.Generator().manual_seed(0)
        sizes = [(_BATCH, *_shape(text)) for text in shapes or [default]]
        return tuple(torch.randn(size, generator=generator) for size in sizes)


def load_target(
    target: str, models: Mapping[str, type[nn.Module]], options: Mapping[str, Any] | None = None
) -> Target:
    """A model of images by name, with those of the options that it knows; another model by name, as its
    example; the folder of a run; or FILE.py:build, a function without arguments (or a class) that returns a
    network, or a network and its inputs.
    """
    if Path(target).is_dir():
        return Target(rebuild(Path(target), models))
    path, _, name = target.partition(":")
    if not path.endswith(".py"):
        model = find(target, models)
        known = inspect.signature(model).parameters
        if "in_channels" not in known:  # not of images: its own example says what it takes
            example, inputs = vars(sys.modules[model.__module__])["example"]()
            return Target(example.eval(), inputs)
        return Target(model(**{key: v for key, v in (options or {}).items() if key in known}).eval())
    if not Path(path).is_file() or not name:
        remedy = "name a file and a function that builds"
        raise ValueError(sentence("target", wanted="FILE.py:build", got=repr(target), remedy=remedy))
    build = vars(_executed(Path(path))).get(name)
    if not callable(build):
        got = "nothing of that name" if build is None else repr(build)
        wanted = f"a function {name} in {path}"
        raise ValueError(sentence("target", wanted=wanted, got=got, remedy="check the name"))
    return _built(target, _attempt(f"{target} to build", build))


def _built(target: str, built: Any) -> Target:
    module, given = built if isinstance(built, tuple) and len(built) == 2 else (built, None)
    inputs = (given,) if isinstance(given, Tensor) else given
    if isinstance(inputs, tuple | list) and inputs and all(isinstance(x, Tensor) for x in inputs):
        inputs = tuple(inputs)
    elif inputs is not None:
        wanted, remedy = f"tensors beside the network of {target}", "return (network, (tensor, …))"
        raise ValueError(sentence("target", wanted=wanted, got=repr(given), remedy=remedy))
    if not isinstance(module, nn.Module):
        wanted = f"an nn.Module from {target}"
        raise ValueError(sentence("target", wanted=wanted, got=repr(built), remedy="return the network"))
    return Target(module, inputs)


def _executed(path: Path) -> ModuleType:
    """The module of a file, found by its neighbours and by name (dataclasses look themselves up there)."""
    name = f"audited_{path.stem}"
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[name] = module
    loader = specification.loader
    _attempt(f"{path} to run", lambda: loader.exec_module(module))
    return module


def _attempt(wanted: str, act: Callable[[], Any]) -> Any:
    """The result of foreign code; whatever it raises becomes one sentence."""
    try:
        return act()
    except Exception as reason:
        got = f"{type(reason).__name__}: {reason}"
        raise ValueError(
            sentence("target", wanted=wanted, got=got, remedy="run it in Python first")
        ) from reason


def _shape(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        wanted = "positive numbers with commas between, as 1,29,29"
        raise ValueError(sentence("--shape", wanted=wanted, got=text, remedy="correct it"))
    return tuple(int(part) for part in parts)
