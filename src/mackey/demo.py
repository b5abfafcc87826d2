"""The main job in one command: train an equivariant attention network and a plain CNN on real digits, certify
both.
"""

import time
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from mackey import tasks
from mackey.audit.measure import audit
from mackey.audit.report import Report
from mackey.groups import named
from mackey.plots import accuracy_by_angle, feature_maps
from mackey.recipe import Recipe, TrainConfig
from mackey.tasks import GroupAveraged, Task, matched, parameter_count, rotate
from mackey.train import Result, accuracy, fit

GROUP = "p4"
RECIPE = Recipe("images.gcsa", {"group": GROUP, "fields": 8, "depth": 2}, "digits", TrainConfig(epochs=40))
ANGLES = tuple(15.0 * step for step in range(24))


def run(folder: Path, recipe: Recipe = RECIPE, task: Task | None = None) -> bool:
    """Train, compare, certify, draw; True if G-CSA passed its audit. A second call in the same folder starts
    afresh.
    """
    console, start = Console(), time.perf_counter()
    task = task or tasks.load(recipe.task, recipe.train.seed)
    model = recipe.build()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.train.seed)
        plain = matched(parameter_count(model), task.in_channels, task.classes)
    networks: dict[str, nn.Module] = {"G-CSA": model, "plain CNN": plain}
    results: dict[str, Result] = {}
    for name, network in networks.items():
        console.rule(f"training {name}: {parameter_count(network):,} parameters, digits at random angles")
        results[name] = _fit_afresh(network, task, recipe.train, folder / name.lower().replace(" ", "-"))
    recipe.save(folder / "g-csa")
    averaged = GroupAveraged(plain, named(GROUP))
    console.print(_table(networks, results, averaged, task))
    reports = {
        name: audit(network.eval(), task.test.images[:16], group=GROUP) for name, network in networks.items()
    }
    for name, report in reports.items():
        _certificate(console, name, report)
    files = _draw(folder, networks, averaged, task)
    files += [folder / "g-csa" / name for name in ("model.safetensors", "config.json", "metrics.jsonl")]
    console.print(f"\nDone in {time.perf_counter() - start:.0f} s. Written:")
    for path in files:
        console.print(f"  {path}", soft_wrap=True, highlight=False)
    console.print(
        f"\nNext: mackey audit {folder / 'g-csa'} · mackey explain images.gcsa --group p4m · "
        "mackey train images.gcsa --arguments.group p4m --out runs/p4m",
        soft_wrap=True,
        highlight=False,
    )
    return reports["G-CSA"].passed


def _fit_afresh(network: nn.Module, task: Task, config: TrainConfig, folder: Path) -> Result:
    (folder / "last.ckpt").unlink(missing_ok=True)
    return fit(network, task, config, folder)


def _table(
    networks: dict[str, nn.Module], results: dict[str, Result], averaged: nn.Module, task: Task
) -> Table:
    table = Table(title="Accuracy on 360 test digits that no choice has seen")
    for heading in ("network", "parameters", "training, s", "upright", "at random angles"):
        table.add_column(heading, justify="left" if heading == "network" else "right")
    for name, network in networks.items():
        r = results[name]
        row = (f"{parameter_count(network):,}", f"{r.seconds:.0f}", f"{r.upright:.1%}", f"{r.rotated:.1%}")
        table.add_row(name, *row)
    spun = tasks.turned(task.test, RECIPE.train.seed + 1)
    upright = accuracy(averaged, task.test.images, task.test.labels)
    rotated = accuracy(averaged, spun.images, spun.labels)
    count = f"{parameter_count(averaged):,}"
    table.add_row("plain CNN averaged over the group", count, "–", f"{upright:.1%}", f"{rotated:.1%}")
    return table


def _certificate(console: Console, name: str, report: Report) -> None:
    console.rule(f"certificate of {name}: {'equivariant' if report.passed else 'not equivariant'}")
    console.print(str(report), highlight=False, markup=False)


def _draw(folder: Path, networks: dict[str, nn.Module], averaged: nn.Module, task: Task) -> list[Path]:
    shown = {**networks, "plain CNN averaged over the group": averaged}
    curves: dict[str, list[float]] = {name: [] for name in shown}
    for angle in ANGLES:
        images = rotate(task.test.images, torch.full((len(task.test),), angle))
        for name, network in shown.items():
            curves[name].append(accuracy(network, images, task.test.labels))
    polar, maps = folder / "accuracy_by_angle.png", folder / "feature_maps.png"
    accuracy_by_angle(polar, ANGLES, curves)
    image = task.test.images[:1]
    lifted = _maps(networks["G-CSA"].get_submodule("lift"), image)
    plain = _maps(networks["plain CNN"].get_submodule("features.2"), image, networks["plain CNN"])
    group = named(GROUP).point_group
    feature_maps(maps, image[0, 0], _strongest_field(lifted, group.order), plain, group.labels)
    return [polar, maps]


def _maps(layer: nn.Module, image: Tensor, whole: nn.Module | None = None) -> tuple[Tensor, Tensor]:
    """The output of a layer (channels, h, w), for an image and for its quarter turn."""
    seen: list[Tensor] = []
    hook = layer.register_forward_hook(lambda module, given, out: seen.append(out[0]))
    run: Callable[[Tensor], Tensor] = layer if whole is None else whole
    with torch.no_grad():
        run(image)
        run(torch.rot90(image, 1, (-2, -1)))
    hook.remove()
    return seen[0], seen[1]


def _strongest_field(maps: tuple[Tensor, Tensor], order: int) -> tuple[Tensor, Tensor]:
    """All orientations of the field that varies most."""
    fields = maps[0].unflatten(0, (-1, order))
    best = int(fields.flatten(1).std(1).argmax())
    return fields[best], maps[1].unflatten(0, (-1, order))[best]
