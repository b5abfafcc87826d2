"""The pytest plugin of mackey: `assert_equivariant` as a fixture, and a list of all audits of a run.

pytest loads this file in every run of every project that has mackey installed, so it imports neither mackey
nor torch: a fixture does, when a test asks for it.
"""

import importlib
import json
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_KEY = "mackey_audit"  # of the user properties of a test, through which audits reach xdist's controller
_ASSERTIONS = "mackey.testing.assertions"
SEED = 0


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mackey", "equivariance of networks, measured by mackey")
    group.addoption(
        "--mackey-report", action="store_true", help="list every audit made by assert_equivariant at the end"
    )
    group.addoption(
        "--mackey-json",
        metavar="FILE",
        type=Path,
        help="write every audit made by assert_equivariant to FILE",
    )


def pytest_configure(config: pytest.Config) -> None:
    file = config.getoption("--mackey-json")
    if file is not None and file.is_dir():
        raise pytest.UsageError(f"--mackey-json: wanted a file, got the folder {file}; give a name in it")
    if file is not None or config.getoption("--mackey-report"):
        audits = Audits(config, file)
        audits.take()  # of an earlier run in the same process
        config.pluginmanager.register(audits, "mackey-audits")


@pytest.fixture(scope="session")
def assert_equivariant() -> Callable[..., Any]:
    """`mackey.testing.assert_equivariant`: audits a network, and fails the test if it is not equivariant."""
    return importlib.import_module(_ASSERTIONS).assert_equivariant


@pytest.fixture
def torch_generator() -> Any:
    """A `torch.Generator` on the CPU with seed 0, a fresh one for every test."""
    return importlib.import_module("torch").Generator().manual_seed(SEED)


@dataclass(eq=False)
class Audits:
    """Carries the audits of each test to the end of the run, and prints and writes them there."""

    config: pytest.Config
    file: Path | None
    made: list[dict[str, Any]] = field(default_factory=list)

    def take(self) -> list[dict[str, Any]]:
        """What was audited since the last call, if anything loaded mackey."""
        assertions = sys.modules.get(_ASSERTIONS)
        found = []
        while assertions is not None and assertions.UNLISTED:
            found.append(assertions.UNLISTED.popleft().to_dict())
        return found

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """What was audited since the last report belongs to this test."""
        for audited in self.take():
            item.user_properties.append((_KEY, json.dumps({"test": item.nodeid, **audited})))
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":
            self.made += [json.loads(str(value)) for key, value in report.user_properties if key == _KEY]

    def pytest_sessionfinish(self) -> None:
        if self.file is None or getattr(self.config, "workerinput", None) is not None:
            return  # a worker of xdist: its controller writes the file
        self.file.parent.mkdir(parents=True, exist_ok=True)
        strict = json.loads(json.dumps(self.made), parse_constant=str)  # JSON has no NaN and no Infinity
        self.file.write_text(
            json.dumps({"audits": strict}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("mackey audits")
        for line in table(self.made):
            terminalreporter.line(line)
        if self.file is not None:
            terminalreporter.line(f"written to {self.file}")


def table(made: list[dict[str, Any]]) -> list[str]:
    """A line for each test, module, group and finding: how often, and the worst errors."""
    if not made:
        return ["no test called assert_equivariant"]
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for one in made:
        finding = one["finding"] + (" (accepted)" if one["accepted"] and not one["passed"] else "")
        alike.setdefault((one["module"], one["group"], finding, one["test"]), []).append(one)
    rows = [("module", "group", "finding", "times", "float64", "own dtype", "test")]
    for (module, group, finding, test), audits in alike.items():
        counted = [row for one in audits for row in one["rows"] if row["counted"]]
        worst = [
            f"{max(row[key] for row in counted):.1e}" if counted else "-" for key in ("error64", "error")
        ]
        rows.append((module, group, finding, str(len(audits)), worst[0], worst[1], test))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return [
        " ".join([*(f"{text:{width}}" for text, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    ]
