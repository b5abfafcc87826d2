"""The main job in one command: train an equivariant attention network and a plain CNN on real digits, certify
both.
"""

import time
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from mackey import tasks
from mackey.audit import examine
from mackey.groups import lattice_named
from mackey.plots import Maps, accuracy_by_angle, feature_maps
from mackey.recipe import MODELS, Recipe, TrainConfig
from mackey.tasks import GroupAveraged, Task, matched, parameter_count, rotate
from mackey.terminal import show_report
from mackey.train import Result, accuracy, fit, start_afresh

# Learning rates: for each network the best of a grid on validation splits of other seeds
# (benchmarks/results/learning_rates.json).
RECIPE = Recipe(
    "images.gcsa",
    {"group": "p4", "fields": 8, "depth": 2},
    "digits",
    TrainConfig(epochs=40, learning_rate=5e-3),
)
PLAIN_LEARNING_RATE = 2e-2
ANGLES = tuple(15.0 * step for step in range(24))
CERTIFICATE = "audit.html"
AVERAGED = "plain CNN averaged over the group"


def run(folder: Path, recipe: Recipe = RECIPE, task: Task | None = None) -> bool:
    """Train, compare, certify, draw; True if G-CSA passed its audit. A second call in the same folder starts
    afresh.
    """
    console, start = Console(), time.perf_counter()
    task = task or tasks.load_images(recipe.task, recipe.train.seed)
    group = str(recipe.arguments.get("group", task.group))
    networks: dict[str, nn.Module] = {}
    results: dict[str, Result] = {}
    for name, plan in (("G-CSA", recipe), ("plain CNN", plain_recipe(recipe, task))):
        network, run_folder = plan.build({**MODELS, **tasks.BASELINES}), folder / _slug(name)
        console.rule(f"training {name}: {parameter_count(network):,} parameters, digits at random angles")
        start_afresh(run_folder)
        plan.save(run_folder)
        networks[name] = network
        results[name] = fit(network, task, plan.train, run_folder)
    averaged = GroupAveraged(networks["plain CNN"], lattice_named(group))
    console.print(_table(networks, results, averaged, task, recipe.train.seed))
    examined = {
        name: examine(network.eval(), task.test.images[:16], group=group, title=name)
        for name, network in networks.items()
    }
    for name, examination in examined.items():
        console.rule(f"certificate of {name}")
        show_report(console, examination.report)
        examination.save(folder / _slug(name) / CERTIFICATE)
    files = _draw(folder, networks, averaged, task, group)
    files += [
        folder / _slug(name) / file
        for name in networks
        for file in (CERTIFICATE, "model.safetensors", "config.json", "metrics.jsonl")
    ]
    console.print(f"\nDone in {time.perf_counter() - start:.0f} s. Written:")
    for path in files:
        console.print(f"  {path}", soft_wrap=True, highlight=False)
    _next(console, folder)
    return examined["G-CSA"].report.passed


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")


def plain_recipe(recipe: Recipe, task: Task) -> Recipe:
    """A plain CNN of as many parameters as the recipe's model, trained in the same way but for its own
    learning rate.
    """
    width = matched(parameter_count(recipe.build()), task.in_channels, task.classes).head.in_features
    arguments = {"in_channels": task.in_channels, "classes": task.classes, "width": width}
    train = replace(recipe.train, learning_rate=PLAIN_LEARNING_RATE)
    return Recipe("baselines.plain", arguments, recipe.task, train)


def _next(console: Console, folder: Path) -> None:
    commands = (
        f"mackey audit {folder / 'g-csa'} --shape 1,21,21",
        f"mackey audit {folder / 'plain-cnn'} --shape 1,21,21",
        "mackey explain images.gcsa --group p4m",
        "mackey train images.gcsa --arguments.group p4m --out runs/p4m",
    )
    console.print("\nNext:", *(f"\n  {command}" for command in commands), soft_wrap=True, highlight=False)


def _table(
    networks: dict[str, nn.Module], results: dict[str, Result], averaged: nn.Module, task: Task, seed: int
) -> Table:
    table = Table(title=f"Accuracy on {len(task.test)} test digits that no choice has seen")
    for heading in ("network", "parameters", "training, s", "upright", "at random angles"):
        table.add_column(heading, justify="left" if heading == "network" else "right")
    for name, network in networks.items():
        r = results[name]
        assert r.rotated is not None, "the demo's digits are upright"
        row = (f"{parameter_count(network):,}", f"{r.seconds:.0f}", f"{r.test:.1%}", f"{r.rotated:.1%}")
        table.add_row(name, *row)
    spun = tasks.turned(task.test, seed + 1)  # the same angles as in `fit`
    upright = accuracy(averaged, task.test.images, task.test.labels)
    rotated = accuracy(averaged, spun.images, spun.labels)
    table.add_row(AVERAGED, f"{parameter_count(averaged):,}", "–", f"{upright:.1%}", f"{rotated:.1%}")
    return table


def _draw(
    folder: Path, networks: dict[str, nn.Module], averaged: nn.Module, task: Task, group: str
) -> list[Path]:
    shown = {**networks, AVERAGED: averaged}
    curves: dict[str, list[float]] = {name: [] for name in shown}
    for angle in ANGLES:
        images = rotate(task.test.images, torch.full((len(task.test),), angle))
        for name, network in shown.items():
            curves[name].append(accuracy(network, images, task.test.labels))
    polar, pictures = folder / "accuracy_by_angle.png", folder / "feature_maps.png"
    accuracy_by_angle(polar, ANGLES, curves, group)
    image, labels = task.test.images[:1], lattice_named(group).point_group.labels
    first = {"G-CSA": "lift", "plain CNN": "features.2"}  # up to the first ReLU of each
    rows = []
    for name, network in networks.items():
        maps = _maps(network.get_submodule(first[name]), image, network)
        start, (before, after) = _strongest(maps, len(labels))
        titles = [
            f"orientation {label}" if name == "G-CSA" else f"channel {start + index}"
            for index, label in enumerate(labels)
        ]
        rows.append(Maps(name, titles[: len(before)], before, after))
    feature_maps(pictures, image[0, 0], rows)
    return [polar, pictures]


def _maps(layer: nn.Module, image: Tensor, whole: nn.Module) -> tuple[Tensor, Tensor]:
    """The output of a layer (channels, h, w), for an image and for its quarter turn."""
    seen: list[Tensor] = []
    hook = layer.register_forward_hook(lambda module, given, out: seen.append(out[0]))
    with torch.no_grad():
        whole(image)
        whole(torch.rot90(image, 1, (-2, -1)))
    hook.remove()
    return seen[0], seen[1]


def _strongest(maps: tuple[Tensor, Tensor], order: int) -> tuple[int, tuple[Tensor, Tensor]]:
    """Of the runs of |H| channels that follow each other (for G-CSA: the fields) the one that varies most:
    its first channel, and its maps of both images.
    """
    runs = maps[0].split(order)
    best = max(range(max(len(maps[0]) // order, 1)), key=lambda index: float(runs[index].std()))
    return best * order, (runs[best], maps[1].split(order)[best])
