"""The ladder of imports and the budgets of the code, read off the syntax tree of src/mackey.

Each rule is a function from sources to violations, and each is also shown a source that breaks it: a check
that cannot fail is a defect.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "mackey"

# A part imports only parts before it. "" is mackey/__init__.py seen from outside: later parts may use it.
LADDER = (
    "errors", "axes", "groups", "reps", "spaces", "fields", "actions", "integrands", "lowerings",
    "integrate", "nn", "wrap", "explain", "audit", "", "zoo", "interop", "recipe", "tasks", "testing",
    "targets", "train", "plots", "terminal", "demo", "cli",
)  # fmt: skip
ONLY = {
    "actions": {"errors", "axes", "groups", "reps", "spaces", "fields"},
    "audit": {"errors", "axes", "groups", "reps", "spaces", "fields", "actions"},
    "zoo": {
        "",
        "axes",
        "errors",
        "groups",
        "reps",
        "spaces",
        "fields",
        "actions",
        "integrands",
        "nn",
        "wrap",
    },
}
NEVER = {"nn": {"lowerings"}}

CORE = {"torch", "numpy", "safetensors"}
APPLICATION = CORE | {
    "jsonargparse",
    "lightning",
    "matplotlib",
    "pooch",
    "rich",
    "scipy",
    "sklearn",
    "tensorboard",
}
FOREIGN = {
    "axes": CORE | {"jaxtyping"},
    "zoo": {"torch", "einops"},
    "tasks": APPLICATION,
    "testing": CORE | {"hypothesis", "pytest"},
    "train": APPLICATION,
    "plots": APPLICATION,
    "demo": APPLICATION,
    "terminal": APPLICATION,
    "cli": APPLICATION,
}
ZOO_STDLIB = {"abc", "collections", "dataclasses", "enum", "functools", "itertools", "math", "typing"}
NOT_IN_CORE = (
    "einops",
    "jsonargparse",
    "lightning",
    "matplotlib",
    "pooch",
    "rich",
    "scipy",
    "sklearn",
    "tensorboard",
)

VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
LINES_PER_FILE, LINES_PER_ZOO_FILE, LINES_PER_FUNCTION, ARGUMENTS_PER_FUNCTION = 300, 150, 60, 8

# (rule, file, subject): why this one may stand. An entry that no longer matches anything fails the test.
EXCEPTIONS: dict[tuple[str, str, str], str] = {}


@dataclass(frozen=True)
class Imported:
    """`import module` or `from module import name`."""

    line: int
    module: str
    name: str | None = None

    @property
    def full(self) -> str:
        return self.module if self.name is None else f"{self.module}.{self.name}"


@dataclass(frozen=True)
class Source:
    """One file, by its path inside the package."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def module(self) -> str:
        """nn/conv.py is mackey.nn.conv, nn/__init__.py is mackey.nn."""
        parts = PurePosixPath(self.path).with_suffix("").parts
        return ".".join(("mackey", *(parts[:-1] if parts[-1] == "__init__" else parts)))

    @property
    def part(self) -> str:
        return part_of(self.module) if self.path != "__init__.py" else ""

    @property
    def is_package(self) -> bool:
        return PurePosixPath(self.path).name == "__init__.py"

    @cached_property
    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        return [
            node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]

    @cached_property
    def imports(self) -> list[Imported]:
        return [imported for node in ast.walk(self.tree) for imported in self._imports_of(node)]

    def _imports_of(self, node: ast.AST) -> Iterator[Imported]:
        if isinstance(node, ast.Import):
            yield from (Imported(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                steps = self.module.split(".")
                kept = steps[: len(steps) - node.level + self.is_package]
                module = ".".join((*kept, module)) if module else ".".join(kept)
            yield from (Imported(node.lineno, module, alias.name) for alias in node.names)


@dataclass(frozen=True)
class Violation:
    """What is wrong in which file; `subject` is the name of the import, function or call at fault."""

    path: str
    line: int
    subject: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.subject}: {self.message}"


Rule = Callable[[list[Source]], Iterator[Violation]]


def part_of(name: str) -> str:
    """The part a dotted name of mackey belongs to; a name that mackey/__init__.py re-exports belongs to
    "".
    """
    second = (*name.split("."), "")[1]
    return second if second in LADDER else ""


def is_own(name: str) -> bool:
    return name.split(".")[0] == "mackey"


def imports_climb_down(sources: list[Source]) -> Iterator[Violation]:
    """A part imports only parts above it in DESIGN's list; some parts only a few of those."""
    for source in sources:
        name = source.path.split("/")[0].removesuffix(".py")
        if source.path == "__init__.py":
            continue
        if name not in LADDER:
            yield Violation(source.path, 1, name, "is not on the ladder; give it a place in LADDER")
            continue
        below = set(LADDER[: LADDER.index(source.part)])
        allowed = (ONLY.get(source.part, below) & below) - NEVER.get(source.part, set())
        for imported in source.imports:
            part = part_of(imported.full)
            if is_own(imported.full) and part != source.part and part not in allowed:
                message = f"{source.part} may import only {', '.join(sorted(allowed - {''}))}"
                yield Violation(source.path, imported.line, imported.full, message)


def zoo_imports_what_a_user_could(sources: list[Source]) -> Iterator[Violation]:
    """A zoo file imports mackey and its public packages by name, never a file inside one or another zoo
    file.
    """
    for source in sources:
        if source.part != "zoo" or source.is_package:
            continue
        for imported in source.imports:
            top, *inner = imported.module.split(".")
            if top == "mackey" and (len(inner) > 1 or part_of(imported.full) == "zoo"):
                yield Violation(
                    source.path, imported.line, imported.full, "import it from its public package"
                )
            if top in sys.stdlib_module_names and top not in ZOO_STDLIB:
                yield Violation(
                    source.path, imported.line, imported.full, "not what a published formula needs"
                )


def foreign_imports_are_declared(sources: list[Source]) -> Iterator[Violation]:
    """The core needs torch, numpy and safetensors; only the applications may use more, at the top of their
    files.
    """
    for source in sources:
        for imported in source.imports:
            top = imported.module.split(".")[0]
            known = top == "mackey" or top in sys.stdlib_module_names or top in FOREIGN.get(source.part, CORE)
            if not known:
                yield Violation(source.path, imported.line, imported.full, "not a dependency of this part")


def imports_have_no_cycle(sources: list[Source]) -> Iterator[Violation]:
    """No file imports itself through others."""
    paths = {source.module: source.path for source in sources}
    graph = {source.path: {paths[name] for name in _files(source, paths)} for source in sources}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle = error.args[1][::-1]
        yield Violation(cycle[0], 1, " -> ".join(cycle), "import cycle")


def _files(source: Source, modules: dict[str, str]) -> Iterator[str]:
    """The modules of ours that a file names: the longest prefix of each import that is a file."""
    for imported in source.imports:
        name = imported.full
        while name and name not in modules:
            name = name.rpartition(".")[0]
        if name:
            yield name


def imports_stand_at_the_top(sources: list[Source]) -> Iterator[Violation]:
    """No import inside a function, no star import, no postponed annotations (jaxtyping reads them at run
    time).
    """
    for source in sources:
        for function in source.functions:
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield Violation(source.path, node.lineno, function.name, "imports inside a function")
        for imported in source.imports:
            if imported.name == "*":
                yield Violation(source.path, imported.line, imported.module, "star import")
            if imported.full == "__future__.annotations":
                yield Violation(source.path, imported.line, imported.full, "hides shapes from jaxtyping")


def names_say_what_they_hold(sources: list[Source]) -> Iterator[Violation]:
    for source in sources:
        for name in PurePosixPath(source.path).with_suffix("").parts:
            if name.strip("_") in VAGUE_NAMES:
                yield Violation(source.path, 1, name, "name the one idea that the file holds")


def budgets_are_kept(sources: list[Source]) -> Iterator[Violation]:
    """Lines per file and function, arguments per function (self and cls are not counted)."""
    for source in sources:
        lines = len(source.text.splitlines())
        budget = LINES_PER_ZOO_FILE if source.part == "zoo" else LINES_PER_FILE
        if lines > budget:
            yield Violation(source.path, 1, source.module, f"{lines} lines, at most {budget}")
        for function in source.functions:
            length = (function.end_lineno or function.lineno) - function.lineno + 1
            if length > LINES_PER_FUNCTION:
                message = f"{length} lines, at most {LINES_PER_FUNCTION}"
                yield Violation(source.path, function.lineno, function.name, message)
            count = len(_arguments(function))
            if count > ARGUMENTS_PER_FUNCTION:
                message = f"{count} arguments, at most {ARGUMENTS_PER_FUNCTION}"
                yield Violation(source.path, function.lineno, function.name, message)


def _arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    listed = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    return [argument.arg for argument in listed if argument.arg not in {"self", "cls"}]


def signatures_are_explicit(sources: list[Source]) -> Iterator[Violation]:
    """No **kwargs, no hasattr: what a function takes and what an object has is written down."""
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and node.args.kwarg:
                name = "lambda" if isinstance(node, ast.Lambda) else node.name
                yield Violation(source.path, node.lineno, name, f"**{node.args.kwarg.arg} in a signature")
            if isinstance(node, ast.Name) and node.id == "hasattr":
                yield Violation(
                    source.path, node.lineno, "hasattr", "declare the attribute in a type instead"
                )


RULES: list[Rule] = [
    imports_climb_down, zoo_imports_what_a_user_could, foreign_imports_are_declared, imports_have_no_cycle,
    imports_stand_at_the_top, names_say_what_they_hold, budgets_are_kept, signatures_are_explicit,
]  # fmt: skip


def package_sources() -> list[Source]:
    files = sorted(PACKAGE.rglob("*.py"))
    return [Source(file.relative_to(PACKAGE).as_posix(), file.read_text(encoding="utf-8")) for file in files]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_package_keeps(rule: Rule) -> None:
    found = list(rule(package_sources()))
    excepted = {key for key in EXCEPTIONS if key[0] == rule.__name__}
    matched = {(rule.__name__, violation.path, violation.subject) for violation in found} & excepted
    remaining = [v for v in found if (rule.__name__, v.path, v.subject) not in excepted]
    assert not remaining, "\n" + "\n".join(map(str, remaining))
    assert matched == excepted, f"exceptions that are no longer needed: {excepted - matched}"


LONG_FUNCTION = "def f():\n" + "    pass\n" * LINES_PER_FUNCTION
MANY_ARGUMENTS = "def f(" + ", ".join(f"x{i}" for i in range(ARGUMENTS_PER_FUNCTION + 1)) + "): ..."
BROKEN: list[tuple[Rule, dict[str, str], str]] = [
    (imports_climb_down, {"groups/finite.py": "from mackey.reps import trivial"}, "mackey.reps.trivial"),
    (imports_climb_down, {"groups/finite.py": "from mackey import nn"}, "mackey.nn"),
    (imports_climb_down, {"groups/finite.py": "import mackey"}, "mackey"),
    (imports_climb_down, {"groups/finite.py": "from ..reps import trivial"}, "mackey.reps.trivial"),
    (
        imports_climb_down,
        {"integrands/linear.py": "import mackey.lowerings.literal"},
        "mackey.lowerings.literal",
    ),
    (imports_climb_down, {"nn/conv.py": "from mackey.lowerings import literal"}, "mackey.lowerings.literal"),
    (imports_climb_down, {"audit/error.py": "from mackey.nn import Linear"}, "mackey.nn.Linear"),
    (
        imports_climb_down,
        {"zoo/a.py": "from mackey.lowerings import LOWERINGS"},
        "mackey.lowerings.LOWERINGS",
    ),
    (imports_climb_down, {"newcomer.py": ""}, "newcomer"),
    (
        zoo_imports_what_a_user_could,
        {"zoo/images/a.py": "from mackey.nn.conv import Conv"},
        "mackey.nn.conv.Conv",
    ),
    (zoo_imports_what_a_user_could, {"zoo/images/a.py": "from mackey.zoo import b"}, "mackey.zoo.b"),
    (zoo_imports_what_a_user_could, {"zoo/images/a.py": "import subprocess"}, "subprocess"),
    (foreign_imports_are_declared, {"zoo/images/a.py": "import numpy"}, "numpy"),
    (foreign_imports_are_declared, {"nn/conv.py": "import lightning.pytorch"}, "lightning.pytorch"),
    (foreign_imports_are_declared, {"__init__.py": "from rich import print"}, "rich.print"),
    (
        imports_have_no_cycle,
        {"groups/a.py": "from mackey.groups.b import f", "groups/b.py": "from mackey.groups import a"},
        "->",
    ),
    (
        imports_have_no_cycle,
        {"groups/__init__.py": "from . import a", "groups/a.py": "from . import f"},
        "->",
    ),
    (
        imports_have_no_cycle,
        {"__init__.py": "from mackey import zoo", "zoo/__init__.py": "import mackey"},
        "->",
    ),
    (imports_stand_at_the_top, {"nn/conv.py": "def f():\n    import math"}, "f"),
    (imports_stand_at_the_top, {"nn/conv.py": "from math import *"}, "math"),
    (imports_stand_at_the_top, {"nn/a.py": "from __future__ import annotations"}, "__future__.annotations"),
    (names_say_what_they_hold, {"nn/_utils.py": ""}, "_utils"),
    (names_say_what_they_hold, {"common/conv.py": ""}, "common"),
    (budgets_are_kept, {"nn/conv.py": "\n" * (LINES_PER_FILE + 1)}, "mackey.nn.conv"),
    (budgets_are_kept, {"zoo/images/a.py": "\n" * (LINES_PER_ZOO_FILE + 1)}, "mackey.zoo.images.a"),
    (budgets_are_kept, {"nn/conv.py": LONG_FUNCTION}, "f"),
    (budgets_are_kept, {"nn/conv.py": MANY_ARGUMENTS}, "f"),
    (signatures_are_explicit, {"nn/conv.py": "def f(**options): ..."}, "f"),
    (signatures_are_explicit, {"nn/conv.py": "claim = hasattr(f, 'g')"}, "hasattr"),
]
SOUND: dict[str, str] = {
    "__init__.py": "from mackey import groups, nn\nfrom mackey.nn import Conv",
    "groups/__init__.py": "from mackey.groups.finite import cyclic",
    "groups/finite.py": "import math\nimport torch\nfrom mackey.errors import sentence",
    "errors.py": "def sentence(where): ...",
    "nn/__init__.py": "from .conv import Conv",
    "nn/conv.py": "from mackey.integrate import plan\nfrom mackey import groups",
    "integrate.py": "from mackey.lowerings.literal import Literal",
    "lowerings/literal.py": "class Literal:\n    def __call__(self, a, b, c, d, e, f, g, h): ...",
    "zoo/images/gcsa.py": "import math\nimport mackey as mk\nfrom einops import rearrange\n"
    "from mackey.nn import Conv",
    "cli.py": "import rich\nfrom mackey import zoo",
}


@pytest.mark.parametrize(
    ("rule", "files", "subject"), BROKEN, ids=[f"{b[0].__name__}-{b[2]}" for b in BROKEN]
)
def test_rule_finds(rule: Rule, files: dict[str, str], subject: str) -> None:
    found = list(rule([Source(path, text) for path, text in files.items()]))
    assert any(violation.subject == subject or subject == "->" in violation.subject for violation in found), (
        found
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_passes_sound_code(rule: Rule) -> None:
    assert not list(rule([Source(path, text) for path, text in SOUND.items()]))


def test_every_rule_has_a_source_that_breaks_it() -> None:
    assert {rule.__name__ for rule, _, _ in BROKEN} == {rule.__name__ for rule in RULES}


def modules_loaded_by(statement: str) -> set[str]:
    """Top-level modules in a fresh interpreter after one statement."""
    script = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT / "src"
    )
    return set(run.stdout.split())


@pytest.mark.unchecked
def test_importing_mackey_loads_the_core_only() -> None:
    heavy = modules_loaded_by("import mackey") & set(NOT_IN_CORE)
    assert not heavy, f"import mackey loads {sorted(heavy)}"


@pytest.mark.unchecked
def test_mackey_imports_where_only_the_core_is_installed() -> None:
    absent = f"import sys; sys.modules.update(dict.fromkeys({(*NOT_IN_CORE, 'jaxtyping')!r}))"
    assert "mackey" in modules_loaded_by(f"{absent}; import mackey")


@pytest.mark.unchecked
def test_loaded_modules_are_seen() -> None:
    assert "wave" in modules_loaded_by("import wave") - modules_loaded_by("pass")


# Folders of the machines we work on; split so that this file does not contain them.
MACHINE_PATH = re.compile(rb"(?<![\w.:/])/" + rb"(?:work|root|home|opt/wheels|opt/pypi|tmp/envs)/")


def committed_files() -> list[Path]:
    """What git tracks, or would track if added."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if listing.returncode:
        pytest.skip("not a git checkout: there is nothing committed to read")
    return [path for name in listing.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_no_committed_file_names_a_path_of_our_machines() -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for path in committed_files()
        if MACHINE_PATH.search(path.read_bytes())
    ]
    assert not found, f"absolute paths of one machine in {found}"


@pytest.mark.parametrize(
    ("text", "expected"), [("{}work/x", True), ("~{}home/me", True), ("the{}work/x", False)]
)
def test_machine_paths_are_found(text: str, expected: bool) -> None:
    line = f"see {text.format('/')}/file"
    assert bool(MACHINE_PATH.search(line.encode())) is expected
