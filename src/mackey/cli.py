"""The command line: mackey list | explain | train | audit | lint | demo | bench.

Heavy parts (Lightning, matplotlib) are loaded by `_command` alone, when a command that needs them runs, so
that `mackey --help` and `mackey list` answer at once.
"""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

import mackey as mk
from mackey.audit.badge import badge
from mackey.audit.page import to_json
from mackey.errors import sentence
from mackey.recipe import MODELS, POINT_MODELS, Recipe, TrainConfig, find
from mackey.targets import Target, load_target

try:
    from jsonargparse import ArgumentParser, Namespace
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from mackey.terminal import show_findings, show_report
except ModuleNotFoundError as missing:  # the core runs without them, the command line does not
    print(
        f'mackey: wanted the extra "train", got no module {missing.name}; pip install "mackey[train]"',
        file=sys.stderr,
    )
    raise SystemExit(2) from None


_IMAGE = "1,29,29"  # the shape of an input, where none is given


def _command(module: str) -> Any:
    """mackey.demo, mackey.train or mackey.tasks, loaded on demand."""
    return importlib.import_module(f"mackey.{module}")


def _models() -> dict[str, type[torch.nn.Module]]:
    """Every model with a name, the baselines of the tasks among them."""
    return {**MODELS, **POINT_MODELS, **_command("tasks").BASELINES}


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="mackey", description="One integral operator is every equivariant layer.", version=mk.__version__
    )
    commands = parser.add_subcommands()
    commands.add_subcommand(
        "list", ArgumentParser(description="Groups, representations, layers, models, tasks.")
    )
    explain = ArgumentParser(description="What a model, a group, a representation or a space of maps is.")
    explain.add_argument("model", help='images.gcsa, "SO(3)", "O(3): 2x0e + 1x1o" or "SO(3): V⊗V -> V⊗V"')
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
    commands.add_subcommand("lint", _target_parser("What breaks a symmetry and can be read off a network."))
    demo = ArgumentParser(description="Train G-CSA and a plain CNN on real digits, and certify both.")
    demo.add_argument("--out", type=Path, default=Path("runs/demo"))
    commands.add_subcommand("demo", demo)
    commands.add_subcommand(
        "bench", ArgumentParser(description="Measure speed against peers (a checkout only).")
    )
    return parser


def _target_parser(description: str) -> ArgumentParser:
    parser = ArgumentParser(description=description)
    parser.add_argument(
        "target", help="images.gcsa, the folder of a run, or FILE.py:build (a network, or it and its inputs)"
    )
    parser.add_argument("--group", default=None, help="default: the one that the network declares, or p4")
    parser.add_argument(
        "--shape", action="append", help=f"of one input without the batch axis, as {_IMAGE}; again for more"
    )
    return parser


def _audit_parser() -> ArgumentParser:
    audit = _target_parser(
        "Measure whether a network is equivariant. Exit code 1 if it is not, under the group asked for, or "
        "if it does not keep what it declares."
    )
    audit.add_argument("--in_type", action="append", help='"image" (default), "positions", …; one per input')
    audit.add_argument("--out_type", action="append", help='"invariant" (default), …; one per output')
    audit.add_argument("--amplify", type=bool, default=False, help="enlarge small weights first")
    audit.add_argument("--html", type=Path | None, default=None, help="write one page with pictures")
    audit.add_argument("--json", type=Path | None, default=None, help="write all numbers")
    audit.add_argument("--badge", type=Path | None, default=None, help="write an SVG badge")
    return audit


def list_everything(console: Console) -> None:
    """What there is, gathered from the public packages."""
    rows = [
        ("groups, by name", ", ".join(mk.groups.NAMES), "mackey.groups.named, any size"),
        ("groups, built", ", ".join(n for n in mk.groups.__all__ if n[0].islower()), "mackey.groups"),
        ("representations", ", ".join(n for n in mk.reps.__all__ if n[0].islower()), "mackey.reps"),
        ("layers", ", ".join(n for n in mk.nn.__all__ if not n.startswith("Abstract")), "mackey.nn"),
        ("lowerings", ", ".join(lowering.name for lowering in mk.LOWERINGS), "mackey.LOWERINGS"),
        ("tasks", ", ".join(_command("tasks").TASKS), "mackey.tasks"),
        *(("model", name, importlib.import_module(model.__module__).PAPER) for name, model in MODELS.items()),
        *(
            ("model", model.__module__, importlib.import_module(model.__module__).PAPER)
            for model in (mk.zoo.emlp, *(vars(mk.zoo.points)[name] for name in mk.zoo.points.__all__))
        ),
        ("wrappers", ", ".join(n for n in mk.wrap.__all__ if n[0].islower()), "mackey.wrap"),
        ("baselines", ", ".join(_command("tasks").BASELINES), "mackey.tasks"),
    ]
    table = Table(show_header=False, title=f"mackey {mk.__version__}")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def explain_model(console: Console, options: Namespace) -> None:
    """What `mackey.explain` finds, one block of lines for each layer: it fits a terminal of any width."""
    folderless = any(name.endswith(f".{options.model}") for name in MODELS)  # models have one in front
    if ":" in options.model or not ("." in options.model or folderless):
        console.print(str(mk.describe(options.model)), highlight=False, markup=False, soft_wrap=True)
        return
    if options.channels < 1 or options.size < 1:
        got = f"--channels {options.channels} --size {options.size}"
        raise ValueError(sentence("explain", wanted="numbers ≥ 1", got=got, remedy="raise them"))
    find(options.model)  # a model, and not a file that a target may be
    asked = {"group": options.group, "in_channels": options.channels}
    model = load_target(options.model, MODELS, asked).module
    explanation = mk.explain(model, (1, options.channels, options.size, options.size))
    console.print(f"[bold]{options.model}[/], {explanation.head}", highlight=False)
    for row in explanation.rows:
        console.print(f"\n[bold]{row.name}[/]  {row.kind}", highlight=False)
        for line in row.lines:
            console.print(Padding(Text(line), (0, 0, 0, 2)))


def train_model(console: Console, options: Namespace) -> None:
    """Train by recipe, and say where everything lies; nothing is written before the recipe is known to be
    sound.
    """
    models = _models()
    find(options.model, models)
    task = _command("tasks").load(options.task, options.train.seed)
    arguments = {**task.arguments, **options.arguments}
    recipe = Recipe(options.model, arguments, options.task, options.train)
    model = recipe.build(models)
    task.check(model)
    folder = options.out or Path("runs") / f"{options.model.split('.')[-1]}-{options.task}"
    train = _command("train")
    recipe.save(folder)
    finished = train.stored(folder)
    if finished is not None:
        console.print(
            f"finished already, nothing to train: {finished}; to train again use another --out than {folder}"
        )
        return
    result = train.fit(model, task, recipe.train, folder)
    console.print(f"{result}; {result.seconds:.0f} s; written to {folder}")


def audit_model(console: Console, options: Namespace) -> bool:
    """Show the report, write what was asked for; whether the network keeps what it should."""
    target = _target(options)
    inputs = target.drawn(options.shape or (), _IMAGE)
    asked: dict[str, Any] = {
        "in_type": tuple(options.in_type or ["image"]),
        "out_type": tuple(options.out_type or ["invariant"]),
        "group": options.group or target.declared or "p4",
        "amplify": options.amplify,
    }
    if options.html is None:
        examined: dict[str, Any] = {}
        report = mk.audit(target.module, inputs, **asked)
    else:
        examination = mk.examine(target.module, inputs, title=options.target, **asked)
        examined, report = examination.to_dict(), examination.report
        _write(options.html, examination.html())
    show_report(console, report)
    data = {"target": options.target, "mackey": mk.__version__, "report": report.to_dict(), **examined}
    for path, text in ((options.json, to_json(data)), (options.badge, badge(report))):
        if path is not None:
            _write(path, text)
    promise = report.promise
    if options.group is None and target.declared and promise is not None and promise.holds is not None:
        return promise.holds
    return report.passed


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def lint_model(console: Console, options: Namespace) -> bool:
    """Show what can be read off the network; whether that is nothing."""
    target = _target(options)
    sized = options.shape or target.inputs is not None
    findings = mk.lint(target.module, target.drawn(options.shape or (), _IMAGE) if sized else None)
    show_findings(console, findings)
    return not findings


def _target(options: Namespace) -> Target:
    channels = (options.shape or [_IMAGE])[0].split(",")[0]
    known = {"in_channels": int(channels)} if channels.isdigit() else {}
    group = {} if options.group is None else {"group": options.group}
    return load_target(options.target, _models(), {**known, **group})


def bench() -> int:
    """Run the benchmarks of a checkout; the exit code."""
    if not Path("benchmarks/run.py").is_file():
        raise ValueError(
            sentence(
                "bench",
                wanted="the folder benchmarks, which the installed package does not have",
                got=f"none in {Path.cwd()}",
                remedy="run it in a checkout of mackey, or use make bench",
            )
        )
    return subprocess.run([sys.executable, "-m", "benchmarks.run"], check=False).returncode


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
    elif chosen.subcommand == "lint":
        return 0 if lint_model(console, options) else 1
    elif chosen.subcommand == "bench":
        return bench()
    else:
        return 0 if _command("demo").run(options.out) else 1
    return 0


def main() -> None:
    """Entry point; a mistake of the user is one sentence, not a traceback."""
    try:
        sys.exit(run(None, Console()))
    except ModuleNotFoundError as missing:
        mistake = sentence(
            "mackey",
            wanted='the extra "train"',
            got=f"no module {missing.name}",
            remedy='pip install "mackey[train]"',
        )
    except (ValueError, OSError) as reason:
        mistake = f"mackey: {reason}"
    Console(stderr=True).print(mistake, style="red", highlight=False, markup=False, soft_wrap=True)
    sys.exit(2)
