"""Data, splits, metric: one file a task."""

from collections.abc import Callable

from torch import nn

from mackey.errors import sentence
from mackey.tasks.baselines import GroupAveraged, PlainCNN, matched, parameter_count
from mackey.tasks.digits import digits
from mackey.tasks.rotmnist import mnist, rotmnist
from mackey.tasks.task import Split, Task, random_angles, rotate, turned

BASELINES: dict[str, type[nn.Module]] = {"baselines.plain": PlainCNN}
TASKS: dict[str, Callable[[int], Task]] = {"digits": digits, "mnist": mnist, "rotmnist": rotmnist}


def load(name: str, seed: int = 0) -> Task:
    """A task by name; raises ValueError with the names there are."""
    if name not in TASKS:
        raise ValueError(
            sentence(
                "task",
                wanted=" | ".join(TASKS),
                got=repr(name),
                remedy="see mackey list, or add a file in tasks/",
            )
        )
    return TASKS[name](seed)


__all__ = [
    "BASELINES",
    "GroupAveraged",
    "PlainCNN",
    "Split",
    "TASKS",
    "Task",
    "digits",
    "load",
    "matched",
    "mnist",
    "parameter_count",
    "random_angles",
    "rotate",
    "rotmnist",
    "turned",
]
