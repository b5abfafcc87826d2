"""The command line, as a person uses it: output, exit codes, and one sentence for each mistake."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console

import mackey as mk
from mackey import cli, demo, tasks
from mackey.recipe import Recipe, TrainConfig

pytestmark = pytest.mark.filterwarnings(
    "ignore"
)  # Lightning and its metrics warn about torch's own deprecations


def run(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    code = cli.run(list(arguments), Console(file=out, width=200))
    return code, " ".join(out.getvalue().split())  # as it reads, wherever its lines break


def test_list_names_what_there_is() -> None:
    code, text = run("list")
    assert code == 0
    for word in ("p4m", "regular", "Attention", "grid_conv", "images.gcsa", "digits", "Cohen & Welling"):
        assert word in text


def test_explain() -> None:
    code, text = run("explain", "images.gcsa", "--group", "p4", "--size", "13")
    assert code == 0 and "exact under p4" in text and "is not linear in f" in text


def test_audit_passes_and_fails_with_its_exit_code(tmp_path: Path) -> None:
    assert run("audit", "images.gcsa", "--shape", "1,13,13", "--group", "p4m")[0] == 0
    file = tmp_path / "net.py"
    file.write_text(
        "import torch\n\ndef build():\n"
        "    return torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten())\n"
    )
    code, text = run("audit", f"{file}:build", "--shape", "1,9,9")
    assert code == 1 and "NOT equivariant under p4" in text and "first broken by 0 (Conv2d)" in text


def test_train_then_audit_the_run(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("train:\n  epochs: 1\n  batch_size: 256\narguments:\n  fields: 2\n  depth: 1\n")
    code, text = run("train", "images.gcsa", "--config", str(config), "--out", str(tmp_path / "run"))
    assert code == 0 and "best epoch 0" in text
    assert json.loads((tmp_path / "run" / "config.json").read_text())["arguments"]["fields"] == 2
    assert run("audit", str(tmp_path / "run"), "--shape", "1,21,21")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("explain", "gcsa"), "images.gcsa, got 'gcsa'"),
        (("explain", "images.vit"), "images.gcsa, got 'images.vit'"),
        (
            ("train", "images.gcsa", "--task", "cifar"),
            "wanted digits | mnist | rotmnist | nbody, got 'cifar'",
        ),
        (("audit", "images.gcsa", "--shape", "1,a"), "positive numbers with commas between"),
        (("audit", "images.gcsa", "--shape", "1,-2,3"), "positive numbers with commas between"),
        (("explain", "images.gcsa", "--size", "0"), "numbers ≥ 1"),
        (("train", "images.gcsa", "--arguments.groop", "p4"), "got 'groop'; correct its name"),
        (("train", "images.gcsa", "--arguments.fields", "two"), "wanted fields: int, got 'two'"),
        (("train", "images.gcsa", "--train.epochs", "0"), "wanted epochs ≥ 1"),
        (("train", "images.gcsa", "--out", __file__), "wanted a folder, got the file"),
        (("bench",), "run it in a checkout of mackey"),
        (("audit", "missing.py:build"), "wanted FILE.py:build"),
        (("audit", "images.gcsa", "--shape", "1,12,12"), "nearest sizes that work are 11 and 13"),
        (("audit", "images.gcsa", "--group", "p4q"), "wanted p1, p2, p4"),
        (("audit", "."), "it has no config.json"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    arguments: tuple[str, ...],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert sentence in mistake(monkeypatch, capsys, *arguments)
    assert not list(tmp_path.iterdir()), "a mistake must leave nothing behind"


def mistake(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What `mackey` prints on stderr before it ends with exit code 2."""
    monkeypatch.setattr(sys, "argv", ["mackey", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    return capsys.readouterr().err


FILE = """
from __future__ import annotations
from dataclasses import dataclass
from torch import nn
from neighbour import CHANNELS

@dataclass
class Size:
    channels: int = CHANNELS

def build():
    return nn.Sequential(nn.Conv2d(Size().channels, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

number = 3

def five():
    return 5

def fails():
    raise KeyError("weights")
"""


def test_a_file_finds_its_neighbours_and_what_is_wrong_with_it_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "neighbour.py").write_text("CHANNELS = 1\n")
    (tmp_path / "net.py").write_text(FILE)
    (tmp_path / "broken.py").write_text("import nothing_of_that_name\n")
    assert "NOT equivariant" in run("audit", f"{tmp_path}/net.py:build", "--shape", "1,9,9")[1]
    for target, sentence in (
        ("net.py:number", "a function number in"),
        ("net.py:five", "wanted an nn.Module from"),
        ("net.py:fails", "KeyError: 'weights'; run it in Python first"),
        ("net.py:missing", "nothing of that name"),
        ("broken.py:build", "No module named 'nothing_of_that_name'"),
    ):
        assert sentence in mistake(monkeypatch, capsys, "audit", f"{tmp_path}/{target}")
    error = mistake(monkeypatch, capsys, "audit", f"{tmp_path}/net.py:build", "--shape", "3,9,9")
    assert "wanted a module that runs on these inputs" in error and "3 channels" in error


def test_a_finished_run_is_said_to_be_finished_and_other_settings_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    small = ("--arguments.width", "2", "--arguments.depth", "2", "--train.batch_size", "256")
    call = ("train", "baselines.plain", *small, "--out", str(folder), "--train.epochs")
    first = run(*call, "1")
    assert first[0] == 0 and "test: upright" in first[1]
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = run(*call, "1")
    assert again[0] == 0 and "finished already, nothing to train: best epoch 0" in again[1]
    assert "train.epochs 2 (was 1); use another --out" in mistake(monkeypatch, capsys, *call, "2")
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert run("audit", str(folder), "--shape", "1,21,21")[0] == 1, "a plain CNN is not equivariant"
    (folder / "model.safetensors").unlink()
    assert "no model.safetensors" in mistake(monkeypatch, capsys, "audit", str(folder))


PAIR = """
import torch

class Pull(torch.nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.norm = norm

    def forward(self, x, charge):
        force = ((x[:, :, None] - x[:, None]) * charge[:, None]).sum(2)
        return self.norm(force), force.norm(dim=-1).sum(1)

def right():
    return Pull(torch.nn.Identity())

def wrong():
    return Pull(torch.nn.LayerNorm(3)), (torch.randn(2, 6, 3), torch.randn(2, 6, 1))

def odd():
    return torch.nn.Identity(), "points"
"""
TYPES = ("--in_type", "positions", "--in_type", "tokens", "--out_type", "vectors", "--out_type", "invariant")


def test_several_inputs_by_shape_or_from_the_file_and_everything_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.py").write_text(PAIR)
    shapes = ("--shape", "6,3", "--shape", "6,1")
    code, text = run("audit", f"{tmp_path}/net.py:right", *shapes, *TYPES, "--group", "E(3)×Sym")
    assert code == 0 and "equivariant under E(3)×Sym" in text
    new = tmp_path / "new"
    files = [
        f"--{kind}={new / name}"
        for kind, name in (("html", "a.html"), ("json", "a.json"), ("badge", "a.svg"))
    ]
    code, text = run("audit", f"{tmp_path}/net.py:wrong", *TYPES, "--group", "E(3)×Sym", *files)
    assert code == 1 and "first broken by norm (LayerNorm)" in text and "fix" in text
    found = json.loads((new / "a.json").read_text())
    assert found["report"]["culprit"]["name"] == "norm" and found["findings"][0]["layer"] == "norm"
    assert "broken 1e" in (new / "a.svg").read_text() and "<h1>" in (new / "a.html").read_text()
    given = ("audit", f"{tmp_path}/net.py:wrong", *TYPES, "--group", "E(3)", "--shape", "6,3")
    assert "wanted no shapes: the file gives the inputs" in mistake(monkeypatch, capsys, *given)
    error = mistake(monkeypatch, capsys, "audit", f"{tmp_path}/net.py:odd")
    assert "got 'points'; return (network, (tensor, …))" in error


def test_a_model_that_is_not_of_images_brings_its_own_example() -> None:
    types = [word for name in ("positions", "vectors", "tokens") for word in ("--in_type", name)]
    code, text = run("audit", "points.frame_averaging", *types, "--out_type", "positions", "--group", "E(3)")
    assert code == 0 and "it holds" in text


def test_the_group_is_the_declared_one_and_the_exit_code_that_of_the_promise() -> None:
    code, text = run("audit", "images.gcsa", "--shape", "1,13,13")
    assert code == 0 and "exact under p4 (" in text and "it holds" in text


def test_a_model_without_a_named_group_is_explained_and_audited() -> None:
    assert "images.etn" in run("explain", "images.etn", "--size", "16")[1]
    code, text = run("audit", "images.etn", "--shape", "1,16,16", "--group", "p4")
    assert code == 0 and "continuum under rotation-scale" in text and "not decided" in text


def test_lint_has_an_exit_code_too(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(PAIR)
    code, text = run("lint", f"{tmp_path}/net.py:wrong")
    assert code == 1 and "norm (LayerNorm)" in text and "LN(Rv) ≠ R LN(v)" in text
    assert run("lint", f"{tmp_path}/net.py:right") == (0, "lint found nothing to look at")


def test_explain_breaks_no_word_at_80_columns() -> None:
    out = io.StringIO()
    cli.run(["explain", "images.gcsa"], Console(file=out, width=80))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    for word in (
        "Attention",
        "BatchNorm",
        "8×regular on Grid(p4m)",
        "lowering grid_conv",
        "14,368 parameters",
    ):
        assert word in text


def test_without_the_extra_the_command_line_says_what_to_install(tmp_path: Path) -> None:
    for absent in ("jsonargparse", "lightning"):
        arguments = ["mackey", "train", "images.gcsa", "--out", str(tmp_path / "run")]
        program = f"import sys; sys.modules[{absent!r}] = None; sys.argv = {arguments}; "
        program += "from mackey.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.returncode == 2 and 'pip install "mackey[train]"' in done.stderr
        assert "Traceback" not in done.stderr and not (tmp_path / "run").exists()


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run("--version")
    assert stopped.value.code == 0 and mk.__version__ in capsys.readouterr().out


def test_help_and_list_load_nothing_heavy() -> None:
    heavy = ("lightning", "matplotlib", "sklearn")
    program = f"import sys, mackey.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def few(turned: bool = True) -> tasks.Task:
    whole = tasks.digits()
    parts = [tasks.Split(s.images[:64], s.labels[:64]) for s in (whole.train, whole.validation, whole.test)]
    return tasks.Task("few", 10, parts[0], parts[1], parts[2], "p4", turned)


def test_demo_writes_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = TrainConfig(epochs=1, batch_size=32, seed=5)
    recipe = Recipe("images.gcsa", {"group": "p4", "fields": 2, "depth": 1}, train=config)
    seeds: list[int] = []
    original = tasks.turned
    monkeypatch.setattr(tasks, "turned", lambda split, seed: (seeds.append(seed), original(split, seed))[1])
    for name in ("config.json", "result.json", "last.ckpt"):  # of an earlier demo: this one starts afresh
        (tmp_path / "g-csa").mkdir(exist_ok=True)
        (tmp_path / "g-csa" / name).write_text("stale")
    assert demo.run(tmp_path, recipe, few())
    assert set(seeds) == {6}, "the averaged network sees the angles of the others, whatever the seed"
    for name in ("audit.html", "model.safetensors", "config.json", "metrics.jsonl"):
        for network in ("g-csa", "plain-cnn"):
            assert (tmp_path / network / name).stat().st_size > 0
    for name in ("accuracy_by_angle.png", "feature_maps.png"):
        assert (tmp_path / name).stat().st_size > 20_000
    text = capsys.readouterr().out
    assert "averaged" in text and "NOT equivariant under p4" in text
    assert "Accuracy on 64 test digits" in text
    assert run("audit", str(tmp_path / "plain-cnn"), "--shape", "1,21,21")[0] == 1
    assert run("audit", str(tmp_path / "g-csa"), "--shape", "1,21,21")[0] == 0


def test_lifted_maps_turn_and_move_on() -> None:
    """What the picture says: map h of the turned digit is map h − 1 of the digit, turned."""
    model = demo.RECIPE.build().eval()
    image = tasks.digits().test.images[:1]
    first, (before, after) = demo._strongest(demo._maps(model.get_submodule("lift"), image, model), 4)
    assert first % 4 == 0
    for h in range(4):
        torch.testing.assert_close(after[h], torch.rot90(before[h - 1], 1, (0, 1)))


def test_the_strongest_maps_are_chosen_by_one_rule() -> None:
    """For every network the run of |H| channels that varies most, as they lie, under their own names."""
    maps = torch.zeros(10, 5, 5)
    maps[5, 2, 2] = 1.0
    first, (before, after) = demo._strongest((maps, maps + 1), 4)
    assert first == 4 and torch.equal(before, maps[4:8]) and torch.equal(after, maps[4:8] + 1)
