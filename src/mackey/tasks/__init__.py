"""Data, splits, metric: one file a task."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from torch import nn

from mackey.errors import sentence
from mackey.tasks.abstract import AbstractSplit, AbstractTask
from mackey.tasks.baselines import GroupAveraged, PlainCNN, PooledCNN, matched, parameter_count
from mackey.tasks.digits import digits
from mackey.tasks.graph_network import FramedGraphNetwork, GraphNetwork
from mackey.tasks.metric import METRICS, AbstractMetric, Accuracy, MeanSquareError
from mackey.tasks.nbody import nbody
from mackey.tasks.points import PointTask, Systems
from mackey.tasks.rotmnist import mnist, rotmnist
from mackey.tasks.task import Split, Task, random_angles, rotate, turned

BASELINES: dict[str, type[nn.Module]] = {
    "baselines.plain": PlainCNN,
    "baselines.pooled": PooledCNN,
    "baselines.gnn": GraphNetwork,
    "baselines.framed_gnn": FramedGraphNetwork,
}
IMAGE_TASKS: dict[str, Callable[[int], Task]] = {"digits": digits, "mnist": mnist, "rotmnist": rotmnist}
TASKS: dict[str, Callable[[int], AbstractTask]] = {**IMAGE_TASKS, "nbody": nbody}


def load(name: str, seed: int = 0) -> AbstractTask:
    """A task by name; raises ValueError with the names there are."""
    return _named(name, TASKS)(seed)


def load_images(name: str, seed: int = 0) -> Task:
    """A task of images by name; raises ValueError with the names there are."""
    return _named(name, IMAGE_TASKS)(seed)


Loader = TypeVar("Loader")


def _named(name: str, known: Mapping[str, Loader]) -> Loader:
    if name not in known:
        wanted, remedy = " | ".join(known), "see mackey list, or add a file in tasks/"
        raise ValueError(sentence("task", wanted=wanted, got=repr(name), remedy=remedy))
    return known[name]


__all__ = [
    "AbstractMetric",
    "AbstractSplit",
    "AbstractTask",
    "Accuracy",
    "BASELINES",
    "FramedGraphNetwork",
    "GraphNetwork",
    "GroupAveraged",
    "METRICS",
    "MeanSquareError",
    "PlainCNN",
    "PointTask",
    "PooledCNN",
    "Split",
    "Systems",
    "TASKS",
    "Task",
    "digits",
    "load",
    "load_images",
    "matched",
    "mnist",
    "nbody",
    "parameter_count",
    "random_angles",
    "rotate",
    "rotmnist",
    "turned",
]
