"""assert_equivariant, alone and as a fixture of the pytest plugin, in runs of pytest on small projects."""

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from mackey.testing import assert_equivariant, strategies
from mackey.testing.assertions import UNLISTED

pytest_plugins = ["pytester"]

X = torch.randn(2, 1, 9, 9, generator=torch.Generator().manual_seed(0))
PLUGIN = ("-p", "pytest_mackey")
# Runs that audit are processes of their own: a run inside this one would unload, at its end, the parts of
# torch that it was the first to load, and torch cannot load them twice.


class Off(nn.Module):
    """Equivariant up to `size` on sets, and up to float64 rounding for size 0."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.register_buffer("size", torch.tensor(size, dtype=torch.float64))

    def forward(self, x):
        return x.sum(1) + self.size.to(x) * x[:, 0]


TOKENS = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(1))


def on_sets(module: nn.Module, tolerance: float | None = None):
    return assert_equivariant(module, TOKENS, in_type="tokens", group="Sym", tolerance=tolerance)


def test_what_is_equivariant_passes_and_returns_the_report() -> None:
    report = on_sets(Off(0.0))
    assert report.passed and report.group == "Sym(5)"


def test_a_failure_names_the_layer_its_cause_and_the_fix() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(AssertionError, match="Sequential: NOT equivariant under p4m") as caught:
        assert_equivariant(net, X)
    lines = str(caught.value).splitlines()
    assert "in float64 over 7 elements" in lines[0]
    assert lines[1].startswith("  first broken by 0 (Conv2d), relative error ") and "mackey.nn" in str(
        caught.value
    )
    assert any(line.startswith("  fix: ") for line in lines)
    assert sum(" under " in line for line in lines[1:]) == 5 and "  … and 2 more" in lines
    assert max(map(len, lines)) < 250


@pytest.mark.parametrize(
    ("size", "tolerance", "passes"),
    [(0.01, 0.1, True), (0.01, 1e-4, False), (0.01, None, False), (0.0, 1e-30, False), (0.0, 1e-5, True)],
)
def test_a_tolerance_bounds_the_error(size: float, tolerance: float | None, passes: bool) -> None:
    if passes:
        assert on_sets(Off(size), tolerance).worst <= (tolerance or 1e-10)
        return
    with pytest.raises(AssertionError, match="Off: ") as caught:
        on_sets(Off(size), tolerance)
    assert tolerance is None or f"tolerance of this test: {tolerance:.2g}" in str(caught.value)


def test_a_tolerance_bounds_the_error_in_the_dtype_of_the_module_too() -> None:
    class Cancelling(nn.Module):
        def forward(self, x):
            return (x + 1e5).sum(1) - 1e5 * x.shape[1]

    with pytest.raises(AssertionError, match="in float64 only"):
        on_sets(Cancelling())
    with pytest.raises(AssertionError, match="in float64 only"):
        on_sets(Cancelling(), 1e-6)
    assert on_sets(Cancelling(), 0.5).finding == "imprecise"


@pytest.mark.parametrize("tolerance", [None, 1e3])
def test_random_and_constant_networks_never_pass(tolerance: float | None) -> None:
    class Constant(nn.Module):
        def forward(self, x):
            return 0 * x.sum(1)

    with pytest.raises(AssertionError, match="Constant: VACUOUS under Sym"):
        on_sets(Constant(), tolerance)
    with pytest.raises(AssertionError, match="Dropout: NOT measurable under Sym") as caught:
        assert_equivariant(
            nn.Dropout(0.5), TOKENS, in_type="tokens", out_type="tokens", group="Sym", tolerance=tolerance
        )
    assert "train" in str(caught.value)


def test_weights_are_amplified_unless_told_otherwise() -> None:
    class Timid(nn.Module):
        """A position table of zeros, as many networks start with."""

        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Parameter(torch.zeros(5, 3))

        def forward(self, x):
            return (x + self.table).tanh().pow(2).sum(1)

    assert assert_equivariant(Timid(), TOKENS, in_type="tokens", group="Sym", amplify=False).passed
    with pytest.raises(AssertionError, match="Timid: NOT equivariant"):
        on_sets(Timid())


@pytest.mark.parametrize("tolerance", [0.0, -1.0, math.inf, math.nan])
def test_a_tolerance_that_is_none_is_refused(tolerance: float) -> None:
    with pytest.raises(ValueError, match="assert_equivariant tolerance: wanted a positive number, got"):
        on_sets(Off(0.0), tolerance)


EXAMPLE = """
import pytest
import torch
from torch import nn
from mackey.testing import assert_equivariant as direct


class Sum(nn.Module):
    def forward(self, x):
        return x.sum(1)


class First(nn.Module):
    def forward(self, x):
        return x[:, 0]


def test_sum(assert_equivariant, torch_generator):
    x = torch.randn(2, 5, 3, generator=torch_generator)
    report = assert_equivariant(Sum(), x, in_type="tokens", group="Sym")
    assert report.passed


def test_first(assert_equivariant, torch_generator):
    x = torch.randn(2, 5, 3, generator=torch_generator)
    assert_equivariant(First(), x, in_type="tokens", group="Sym")


def test_accepted():
    for x in torch.randn(2, 2, 5, 3, generator=torch.Generator().manual_seed(1)):
        direct(First(), x, in_type="tokens", group="Sym", tolerance=100.0)


@pytest.fixture
def audited():
    return direct(Sum(), torch.randn(2, 4, 3), in_type="tokens", group="Sym")


def test_in_a_fixture(audited, torch_generator):
    first = torch.rand(2, generator=torch_generator)
    assert torch.equal(first, torch.rand(2, generator=torch.Generator().manual_seed(0)))
"""


def test_summary_and_json_of_a_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_example=EXAMPLE)
    run = pytester.runpytest_subprocess(*PLUGIN, "--mackey-report", "--mackey-json", "made/audits.json")
    run.assert_outcomes(passed=3, failed=1)
    run.stdout.fnmatch_lines(
        [
            ">       assert_equivariant(First(), x, in_type=?tokens?, group=?Sym?)",
            "E       AssertionError: First: NOT equivariant under Sym(5): worst relative error *",
            "E*first broken by *",
            "E*fix: *",
            "*= mackey audits =*",
            "module group  finding           times float64 own dtype test",
            "Sum    Sym(5) equivariant       1     *e[+-]* *e[+-]* test_example.py::test_sum",
            "First  Sym(5) broken            1     *e+00 *e+00 * test_example.py::test_first",
            "First  Sym(5) broken (accepted) 2     *e+00 *e+00 * test_example.py::test_accepted",
            "Sum    Sym(4) equivariant       1     *e[+-]* *e[+-]* test_example.py::test_in_a_fixture",
            "written to made?audits.json",
            "FAILED test_example.py::test_first - AssertionError: First: NOT equivariant *",
        ]
    )
    assert "assertions.py" not in run.stdout.str(), "the traceback ends at the line of the test"
    audits = json.loads((pytester.path / "made" / "audits.json").read_text(encoding="utf-8"))["audits"]
    assert [a["module"] for a in audits] == ["Sum", "First", "First", "First", "Sum"]
    assert [a["accepted"] for a in audits] == [True, False, True, True, True]
    assert (
        audits[1]["passed"] is False
        and audits[1]["culprit"]["fix"]
        and audits[1]["verdict"].startswith("NOT")
    )
    assert audits[0]["rows"][0].keys() >= {"element", "output", "error", "error64", "floor"}


def test_nothing_is_printed_or_written_unasked(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_example=EXAMPLE)
    run = pytester.runpytest_subprocess(*PLUGIN, "--junitxml=run.xml")
    run.assert_outcomes(passed=3, failed=1)
    run.stdout.no_fnmatch_line("*mackey audits*")
    assert "mackey_audit" not in (pytester.path / "run.xml").read_text(encoding="utf-8")


def test_a_run_without_audits_says_so(pytester: pytest.Pytester) -> None:
    on_sets(Off(0.0))
    assert UNLISTED, "which the run must not take for one of its own"
    pytester.makepyfile("def test_one(): pass")
    run = pytester.runpytest_inprocess(*PLUGIN, "--mackey-report")
    run.stdout.fnmatch_lines(["*mackey audits*", "no test called assert_equivariant"])


def test_a_folder_as_json_file_is_refused(pytester: pytest.Pytester) -> None:
    (pytester.path / "made").mkdir()
    run = pytester.runpytest_inprocess(*PLUGIN, "--mackey-json", "made")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*--mackey-json: wanted a file, got the folder made; give a name in it"])


def test_errors_that_are_not_numbers_are_written_as_words(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import json, math
        def pytest_runtest_setup(item):
            row = dict(error=1.0, error64=math.inf, counted=True)
            audit = dict(module="M", group="G", finding="broken", worst=math.inf, rows=[row],
                         accepted=False, passed=False, test="t")
            item.user_properties.append(("mackey_audit", json.dumps(audit)))
        """
    )
    pytester.makepyfile("def test_one(): pass")
    pytester.runpytest_inprocess(*PLUGIN, "--mackey-json", "a.json").stdout.fnmatch_lines(
        ["M *broken *inf *t"]
    )
    text = (pytester.path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=pytest.fail)["audits"][0]["worst"] == "Infinity"


@pytest.mark.parametrize("twice", [False, True])
def test_conftest_can_name_the_plugin(pytester: pytest.Pytester, twice: bool) -> None:
    """Also where the entry point is installed, which has loaded it already."""
    pytester.makeconftest('pytest_plugins = ["mackey.testing.plugin"]')
    pytester.makepyfile(
        "def test_one(assert_equivariant, torch_generator): assert callable(assert_equivariant)"
    )
    run = pytester.runpytest_inprocess(*(PLUGIN if twice else ()), "--mackey-report")
    run.assert_outcomes(passed=1)
    run.stdout.fnmatch_lines(["*mackey audits*"])


@pytest.mark.unchecked
def test_those_who_do_not_use_the_plugin_do_not_load_torch(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import sys\ndef test_one(): assert not {'torch', 'mackey', 'numpy'} & set(sys.modules)"
    )
    folder = Path(__file__).parents[1] / "src"
    run = subprocess.run(
        [sys.executable, "-c", "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))", "-q", *PLUGIN],
        capture_output=True, text=True, check=False, cwd=pytester.path,
        env={"PYTHONPATH": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )  # fmt: skip
    assert run.returncode == 0 and "1 passed" in run.stdout, run.stdout + run.stderr


GUIDE = (Path(__file__).parents[1] / "docs" / "testing.md").read_text(encoding="utf-8")


def test_examples_of_the_guide_pass(pytester: pytest.Pytester) -> None:
    blocks = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    for number, code in enumerate(blocks):
        (pytester.path / f"test_guide_{number}.py").write_text(code, encoding="utf-8")
    pytester.runpytest_subprocess(*PLUGIN, "-W", "error").assert_outcomes(passed=len(blocks))


def test_names_in_the_guide_exist() -> None:
    assert set(re.findall(r"^\| `(\w+)\(", GUIDE, re.MULTILINE)) == {
        name for name in strategies.__all__ if name.islower()
    }
    assert all(kind in GUIDE for kind in (*strategies.CLOUDS, *strategies.IMAGES))
    assert set(re.findall(r"pytest (--mackey-\w+)", GUIDE)) == {"--mackey-report", "--mackey-json"}
