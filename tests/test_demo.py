"""What the demo claims: its verdict follows the audit, and its curves follow the angle."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mackey import demo, tasks
from mackey.audit import Examination
from mackey.recipe import Recipe, TrainConfig

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning warns about torch's own deprecations


def small() -> tuple[Recipe, tasks.Task]:
    whole = tasks.digits()
    few = [tasks.Split(s.images[:64], s.labels[:64]) for s in (whole.train, whole.validation, whole.test)]
    task = tasks.Task("few", 10, few[0], few[1], few[2], "p4", True)
    config = TrainConfig(epochs=1, batch_size=16, learning_rate=1e-2)
    return Recipe("images.gcsa", {"group": "p4", "fields": 4, "depth": 1}, train=config), task


def test_the_exit_follows_the_audit_of_the_equivariant_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examine = demo.examine

    def broken(*arguments: Any, **named: Any) -> Examination:
        found = examine(*arguments, **named)
        return replace(found, report=replace(found.report, finding="broken"))

    monkeypatch.setattr(demo, "examine", broken)
    assert not demo.run(tmp_path, *small())
    assert "NOT equivariant" in (tmp_path / "g-csa" / demo.CERTIFICATE).read_text()


def test_curves_are_of_turned_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant networks repeat every 90° and vary between; the average is not the plain network."""
    seen: dict[str, Sequence[float]] = {}

    def keep(path: Path, angles: Sequence[float], curves: Mapping[str, Sequence[float]], group: str) -> None:
        seen.update(curves)
        path.touch()

    def size_of_logits(model: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
        """In place of accuracy, which says little of networks that have hardly been trained."""
        with torch.no_grad():
            return float(model.eval()(images).double().square().mean())

    monkeypatch.setattr(demo, "accuracy_by_angle", keep)
    monkeypatch.setattr(demo, "accuracy", size_of_logits)
    demo.run(tmp_path, *small())
    for name in ("G-CSA", demo.AVERAGED):
        quarters = torch.tensor(seen[name]).view(4, 6)
        torch.testing.assert_close(quarters, quarters[:1].expand(4, 6), rtol=1e-5, atol=0)
        assert float(quarters[0].std()) > 1e-4 * float(quarters[0].mean()), "the angle changes nothing"
    plain = torch.tensor(seen["plain CNN"]).view(4, 6)
    assert float((plain - plain[:1]).abs().max()) > 1e-4 * float(plain.mean()), "it is not invariant"
