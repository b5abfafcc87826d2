"""The command line, as a person uses it: output, exit codes, and one sentence for each mistake."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console

from mackey import cli, demo, tasks
from mackey.recipe import Recipe, TrainConfig

pytestmark = pytest.mark.filterwarnings(
    "ignore"
)  # Lightning and its metrics warn about torch's own deprecations


def run(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    code = cli.run(list(arguments), Console(file=out, width=200))
    return code, out.getvalue()


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
        (("explain", "images.vit"), "wanted images.gcnn | images.gcsa, got 'images.vit'"),
        (("train", "images.gcsa", "--task", "cifar"), "wanted digits | rotmnist, got 'cifar'"),
        (("audit", "images.gcsa", "--shape", "1,a"), "numbers with commas between"),
        (("audit", "missing.py:build"), "wanted FILE.py:build"),
        (("audit", "images.gcsa", "--shape", "1,12,12"), "nearest sizes that work are 11 and 13"),
        (("audit", "images.gcsa", "--group", "p4q"), "wanted p1, p2, p4"),
        (("audit", "."), "it has no config.json"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    arguments: tuple[str, ...],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["mackey", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    assert sentence in capsys.readouterr().err


def test_help_and_list_load_nothing_heavy() -> None:
    heavy = ("lightning", "matplotlib", "sklearn")
    program = f"import sys, mackey.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_demo_writes_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = tasks.digits()
    few = [tasks.Split(s.images[:64], s.labels[:64]) for s in (whole.train, whole.validation, whole.test)]
    task = tasks.Task("few", 10, few[0], few[1], few[2], "p4", True)
    config = TrainConfig(epochs=1, batch_size=32)
    recipe = Recipe("images.gcsa", {"group": "p4", "fields": 2, "depth": 1}, train=config)
    assert demo.run(tmp_path, recipe, task)
    for name in ("model.safetensors", "config.json", "metrics.jsonl"):
        assert (tmp_path / "g-csa" / name).stat().st_size > 0
    for name in ("accuracy_by_angle.png", "feature_maps.png"):
        assert (tmp_path / name).stat().st_size > 20_000
    text = capsys.readouterr().out
    assert "averaged" in text and "NOT equivariant under p4" in text


def test_lifted_maps_turn_and_move_on() -> None:
    """What the picture says: map h of the turned digit is map h − 1 of the digit, turned."""
    model = demo.RECIPE.build().eval()
    image = tasks.digits().test.images[:1]
    before, after = demo._strongest_field(demo._maps(model.get_submodule("lift"), image), 4)
    for h in range(4):
        torch.testing.assert_close(after[h], torch.rot90(before[h - 1], 1, (0, 1)))
