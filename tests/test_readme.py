"""The README says what is true: its code runs, its commands exist, and its figures are the measured ones."""

import re
import shlex

import pytest
from benchmarks import report

from mackey import cli

TEXT = report.README.read_text()


PRINTED = (
    "equivariant under p4m",
    "norm (LayerNorm), relative error",
    "3 linear maps from V⊗V to V⊗V of O(1,3), found exactly",
)
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize(("code", "printed"), list(zip(BLOCKS, PRINTED, strict=True)))
def test_python_blocks_run(code: str, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec("import torch, mackey as mk\n" + code, {})
    assert printed in capsys.readouterr().out


@pytest.mark.parametrize("line", re.findall(r"^mackey (.*?)(?: *#.*)?$", TEXT, re.MULTILINE))
def test_commands_parse(line: str) -> None:
    assert cli._parser().parse_args(shlex.split(line)).subcommand == line.split()[0]


def test_figures_are_those_of_the_results() -> None:
    assert TEXT.split(report.START)[1].split(report.END)[0].strip() == report.figures().strip()
