"""The command line: mackey list | explain | train | audit | demo.

Heavy parts (Lightning, matplotlib) are loaded by `_command` alone, when a command that needs them runs, so
that `mackey --help` and `mackey list` answer at once.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser, Namespace
from rich.console import Console
from rich.table import Table

import mackey as mk
from mackey.errors import sentence
from mackey.recipe import MODELS, Recipe, TrainConfig, find, rebuild


def _command(module: str) -> Any:
    """mackey.demo, mackey.train or mackey.tasks, loaded on demand."""
    return importlib.import_module(f"mackey.{module}")


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="mackey", description="One integral operator is every equivariant layer.")
    commands = parser.add_subcommands()
    commands.add_subcommand(
        "list", ArgumentParser(description="Groups, representations, layers, models, tasks.")
    )
    explain = ArgumentParser(description="What a model is made of, layer by layer.")
    explain.add_argument("model", help="for example images.gcsa")
    explain.add_argument("--group", default="p4m")
    explain.add_argument("--channels", type=int, default=1)
    explain.add_argument("--size", type=int, default=29)
    commands.add_subcommand("explain", explain)
    train = ArgumentParser(description="Train a model on a task; resumes where a killed run stopped.")
    train.add_argument("--config", action="config")
    train.add_argument("model", help="for example images.gcsa")
    train.add_argument("--task", default="digits")
    train.add_argument("--arguments", type=dict[str, Any], default={}, help="keyword arguments of the model")
    train.add_argument("--train", type=TrainConfig, default=TrainConfig())
    train.add_argument("--out", type=Path, default=None, help="folder of the run; default runs/MODEL-TASK")
    commands.add_subcommand("train", train)
    commands.add_subcommand("audit", _audit_parser())
    demo = ArgumentParser(description="Train G-CSA and a plain CNN on real digits, and certify both.")
    demo.add_argument("--out", type=Path, default=Path("runs/demo"))
    commands.add_subcommand("demo", demo)
    return parser


def _audit_parser() -> ArgumentParser:
    audit = ArgumentParser(description="Measure whether a network is equivariant; exit code 1 if it is not.")
    audit.add_argument("target", help="images.gcsa, the folder of a run, or FILE.py:build")
    audit.add_argument("--group", default="p4")
    audit.add_argument("--in_type", default="image")
    audit.add_argument("--out_type", default="invariant")
    audit.add_argument("--shape", default="1,29,29", help="one input without the batch axis")
    audit.add_argument("--amplify", type=bool, default=False, help="enlarge small weights first")
    return audit


def list_everything(console: Console) -> None:
    """What there is, gathered from the public packages."""
    rows = [
        (
            "groups",
            ", ".join(("p1", "p2", "p4", "p8", "pm", "p2m", "p4m", "Z", "Z⋊±1", "Z^3", "Z^3⋊O", "Z^3⋊Oh")),
            "",
        ),
        ("groups, built", ", ".join(n for n in mk.groups.__all__ if n[0].islower()), "mackey.groups"),
        ("representations", ", ".join(n for n in mk.reps.__all__ if n[0].islower()), "mackey.reps"),
        ("layers", ", ".join(n for n in mk.nn.__all__ if not n.startswith("Abstract")), "mackey.nn"),
        ("lowerings", ", ".join(lowering.name for lowering in mk.LOWERINGS), "mackey.LOWERINGS"),
        ("tasks", ", ".join(_command("tasks").TASKS), "mackey.tasks"),
        *(("model", name, importlib.import_module(model.__module__).PAPER) for name, model in MODELS.items()),
    ]
    table = Table(show_header=False, title=f"mackey {mk.__version__}")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def explain_model(console: Console, options: Namespace) -> None:
    """The table of `mackey.explain`."""
    model = find(options.model)(group=options.group, in_channels=options.channels)
    explanation = mk.explain(model, (1, options.channels, options.size, options.size))
    title = f"{options.model} under {options.group}: {explanation.parameters:,} parameters"
    title += f", {explanation.flops:,} FLOPs; {explanation.guarantee}"
    table = Table(title=title, show_lines=True)
    for heading in ("layer", "types", "parameters (theory)", "lowering", "why not another", "FLOPs"):
        table.add_column(heading, overflow="fold")
    for row in explanation.rows:
        theory = "" if row.theory is None else f" ({row.theory:,})"
        why = "\n".join(f"{name}: {reason}" for name, reason in row.why_not.items())
        flops = "" if row.flops is None else f"{row.flops:,}"
        types = f"{row.in_type} → {row.out_type}\n{row.guarantee}"
        table.add_row(
            f"{row.name}\n{row.kind}", types, f"{row.parameters:,}{theory}", row.lowering, why, flops
        )
    console.print(table)


def train_model(console: Console, options: Namespace) -> None:
    """Train by recipe, and say where everything lies."""
    find(options.model)
    task = _command("tasks").load(options.task, options.train.seed)
    arguments = {"in_channels": task.in_channels, "classes": task.classes, **options.arguments}
    recipe = Recipe(options.model, arguments, options.task, options.train)
    folder = options.out or Path("runs") / f"{options.model.split('.')[-1]}-{options.task}"
    recipe.save(folder)
    result = _command("train").fit(recipe.build(), task, recipe.train, folder)
    console.print(
        f"best epoch {result.best_epoch} (validation {result.validation:.1%}); test: upright "
        f"{result.upright:.1%}, at random angles {result.rotated:.1%}; {result.seconds:.0f} s; "
        f"written to {folder}"
    )


def load_target(target: str, group: str, channels: int) -> torch.nn.Module:
    """A model by name, by run folder, or from FILE.py:build, a function without arguments (or a class)."""
    if Path(target).is_dir():
        return rebuild(Path(target))
    path, _, name = target.partition(":")
    if not path.endswith(".py"):
        return find(target)(group=group, in_channels=channels).eval()
    if not Path(path).is_file() or not name:
        raise ValueError(
            sentence(
                "audit",
                wanted="FILE.py:build",
                got=repr(target),
                remedy="name a file and a function that builds",
            )
        )
    specification = importlib.util.spec_from_file_location(Path(path).stem, path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    build: Callable[[], torch.nn.Module] | None = getattr(module, name, None)
    if build is None:
        raise ValueError(
            sentence("audit", wanted=f"{name} in {path}", got="nothing of that name", remedy="check it")
        )
    return build()


def audit_model(console: Console, options: Namespace) -> bool:
    """Print the report; whether it passed."""
    try:
        shape = tuple(int(part) for part in options.shape.split(","))
    except ValueError:
        wanted = "numbers with commas between, as 1,29,29"
        raise ValueError(
            sentence("audit --shape", wanted=wanted, got=options.shape, remedy="correct it")
        ) from None
    model = load_target(options.target, options.group, shape[0])
    inputs = torch.randn((8, *shape), generator=torch.Generator().manual_seed(0))
    report = mk.audit(
        model,
        inputs,
        in_type=options.in_type,
        out_type=options.out_type,
        group=options.group,
        amplify=options.amplify,
    )
    console.print(str(report), highlight=False, markup=False, soft_wrap=True)
    return report.passed


def run(arguments: list[str] | None, console: Console) -> int:
    """Run one command; the exit code."""
    parser = _parser()
    chosen = parser.instantiate_classes(parser.parse_args(arguments))
    options = chosen.get(chosen.subcommand)
    if chosen.subcommand == "list":
        list_everything(console)
    elif chosen.subcommand == "explain":
        explain_model(console, options)
    elif chosen.subcommand == "train":
        train_model(console, options)
    elif chosen.subcommand == "audit":
        return 0 if audit_model(console, options) else 1
    else:
        return 0 if _command("demo").run(options.out) else 1
    return 0


def main() -> None:
    """Entry point; a mistake of the user is one sentence, not a traceback."""
    try:
        sys.exit(run(None, Console()))
    except ValueError as mistake:
        Console(stderr=True).print(
            f"mackey: {mistake}", style="red", highlight=False, markup=False, soft_wrap=True
        )
        sys.exit(2)
