"""The command line: mackey list | explain | train | audit | demo | bench.

Heavy parts (Lightning, matplotlib) are loaded by `_command` alone, when a command that needs them runs, so
that `mackey --help` and `mackey list` answer at once.
"""

import importlib
import importlib.util
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

import mackey as mk
from mackey.errors import sentence
from mackey.recipe import MODELS, POINT_MODELS, Recipe, TrainConfig, find, rebuild

try:
    from jsonargparse import ArgumentParser, Namespace
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text
except ModuleNotFoundError as missing:  # the core runs without them, the command line does not
    print(
        f'mackey: wanted the extra "train", got no module {missing.name}; pip install "mackey[train]"',
        file=sys.stderr,
    )
    raise SystemExit(2) from None


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
    demo = ArgumentParser(description="Train G-CSA and a plain CNN on real digits, and certify both.")
    demo.add_argument("--out", type=Path, default=Path("runs/demo"))
    commands.add_subcommand("demo", demo)
    commands.add_subcommand(
        "bench", ArgumentParser(description="Measure speed against peers (a checkout only).")
    )
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
    model = find(options.model)(group=options.group, in_channels=options.channels)
    explanation = mk.explain(model, (1, options.channels, options.size, options.size))
    console.print(f"[bold]{options.model} under {options.group}[/], {explanation.head}", highlight=False)
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


def load_target(target: str, group: str, channels: int) -> torch.nn.Module:
    """A model by name, by run folder, or from FILE.py:build, a function without arguments (or a class)."""
    if Path(target).is_dir():
        return rebuild(Path(target), _models())
    path, _, name = target.partition(":")
    if not path.endswith(".py"):
        model = find(target, _models())
        options = {"group": group, "in_channels": channels}
        known = inspect.signature(model).parameters
        return model(**{key: value for key, value in options.items() if key in known}).eval()
    if not Path(path).is_file() or not name:
        remedy = "name a file and a function that builds"
        raise ValueError(sentence("audit", wanted="FILE.py:build", got=repr(target), remedy=remedy))
    build = vars(_executed(Path(path))).get(name)
    if not callable(build):
        got = "nothing of that name" if build is None else repr(build)
        wanted = f"a function {name} in {path}"
        raise ValueError(sentence("audit", wanted=wanted, got=got, remedy="check the name"))
    built = _attempt(f"{target} to build", build)
    if not isinstance(built, torch.nn.Module):
        wanted = f"an nn.Module from {target}"
        raise ValueError(sentence("audit", wanted=wanted, got=repr(built), remedy="return the network"))
    return built


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
            sentence("audit", wanted=wanted, got=got, remedy="run it in Python first")
        ) from reason


def _shape(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        wanted = "positive numbers with commas between, as 1,29,29"
        raise ValueError(sentence("audit --shape", wanted=wanted, got=text, remedy="correct it"))
    return tuple(int(part) for part in parts)


def audit_model(console: Console, options: Namespace) -> bool:
    """Print the report; whether it passed."""
    shape = _shape(options.shape)
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
