"""The README says what is true: its code runs, its commands exist, and its figures are the measured ones."""

import re

import pytest
from benchmarks import report

from mackey import cli

TEXT = report.README.read_text()


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
def test_python_blocks_run(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(code, {})
    assert "equivariant under p4m" in capsys.readouterr().out


@pytest.mark.parametrize("line", re.findall(r"^mackey (.*?)(?: *#.*)?$", TEXT, re.MULTILINE))
def test_commands_parse(line: str) -> None:
    assert cli._parser().parse_args(line.split()).subcommand == line.split()[0]


def test_figures_are_those_of_the_results() -> None:
    assert TEXT.split(report.START)[1].split(report.END)[0].strip() == report.figures().strip()
