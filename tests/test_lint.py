"""Static findings: each rule on a model that breaks it and on one that nearly does; none on what is right."""

import pytest
import torch
from torch import nn

import mackey as mk
from cases import ALL

GRID = mk.spaces.Grid(mk.groups.p4m())
LIFT = mk.nn.Lift(mk.FieldType(GRID, mk.reps.trivial(GRID.stabiliser), 1), 2, 3)
SIGNED = mk.FieldType(GRID, mk.reps.sign(GRID.stabiliser), 2)
TO_SIGNED = mk.nn.Conv(LIFT.out_type, SIGNED, 3)
IMAGE = torch.randn(2, 1, 9, 9)


class Named(nn.Module):
    """One child or table by a name, and attributes."""

    def __init__(self, **parts) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return x


class KNN(Named):
    """Its name says what it is."""


class Own(nn.Conv2d):
    """A convolution by another name."""


BROKEN = [
    (nn.Sequential(Own(1, 2, 3, stride=2)), IMAGE[..., :8], "0", "on axis 1", "size 7 or 9"),
    (nn.Sequential(nn.Conv2d(1, 2, 3, stride=2)), IMAGE[..., :8], "0", "on axis 1", "size 7 or 9"),
    (
        nn.Sequential(nn.Conv2d(1, 2, 5, 2, 2)),
        torch.randn(1, 1, 28, 28),
        "0",
        r"28 \+ 4 − 5\) mod 2",
        "27 or 29",
    ),
    (nn.Sequential(nn.MaxPool2d(2)), IMAGE, "0", r"\(9 \+ 0 − 2\) mod 2", "size 8 or 10"),
    (nn.Sequential(nn.ZeroPad2d((0, 2, 0, 2))), None, "0", "pads 0 before and 2 after", "evenly"),
    (nn.Sequential(nn.Conv2d(1, 2, 4, padding="same")), None, "0", "one more on one side", "odd kernel"),
    (Named(norm=nn.LayerNorm(3)), None, "norm", "components of a vector", "invariants only"),
    (nn.Sequential(nn.BatchNorm1d(4, track_running_stats=False)), None, "0", "over the batch", "running"),
    (Named(graph=Named(max_num_neighbors=32)), None, "graph", "max_num_neighbors = 32", "radius"),
    (Named(graph=KNN(k=4)), None, "graph", "k = 4 neighbours", "radius"),
    (Named(pos_embedding=nn.Embedding(9, 4)), None, "pos_embedding", "absolute position code", "relative"),
    (Named(position=nn.Parameter(torch.zeros(1, 9, 4))), None, "position", "absolute position", "relative"),
    (nn.Sequential(LIFT, nn.Dropout2d(0.5)), None, "1", "drops single components", "FieldDropout"),
    (nn.Sequential(LIFT, nn.BatchNorm2d(16)), None, "1", "plain BatchNorm2d", "mackey.nn"),
    (nn.Sequential(LIFT, nn.Conv2d(16, 8, 3)), None, "1", "plain Conv2d", "mackey.nn"),
    (nn.Sequential(TO_SIGNED, nn.ReLU()), None, "1", "pointwise ReLU", "NormActivation"),
]
RIGHT = [
    (nn.Sequential(nn.Conv2d(1, 2, 3, stride=2)), IMAGE),
    (nn.Sequential(nn.Conv2d(1, 2, 4, 2, 1)), torch.randn(1, 1, 28, 28)),
    (nn.Sequential(nn.ZeroPad2d((1, 1, 2, 2)), nn.Conv2d(1, 2, 3, padding="same")), None),
    (nn.Sequential(nn.Conv2d(1, 2, 3, stride=2)), None),
    (Named(norm=nn.LayerNorm(64), bn=nn.BatchNorm1d(4)), None),
    (Named(graph=Named(max_num_neighbors=None), table=nn.Embedding(9, 4)), None),
    (Named(postprocess=nn.Linear(3, 3), composition=nn.Linear(3, 3)), None),
    (nn.Sequential(LIFT, nn.ReLU(), mk.nn.FieldDropout(LIFT.out_type, 0.5)), None),
    (nn.Sequential(TO_SIGNED, nn.Tanh()), None),
]


@pytest.mark.parametrize(("module", "inputs", "layer", "message", "fix"), BROKEN)
def test_each_rule_finds_its_layer(module: nn.Module, inputs, layer: str, message: str, fix: str) -> None:
    (found,) = mk.lint(module, inputs)
    assert found.layer == layer and fix in found.fix and found.rule
    with pytest.raises(ValueError, match=message):
        raise ValueError(str(found))


@pytest.mark.parametrize(("module", "inputs"), RIGHT)
def test_near_misses_are_not_found(module: nn.Module, inputs) -> None:
    assert mk.lint(module, inputs) == ()


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_nothing_is_found_in_our_layers_and_models(case) -> None:
    assert mk.lint(case.module()) == ()


def test_a_plain_transformer_with_positions() -> None:
    class Vision(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pos_embed = nn.Parameter(torch.zeros(1, 5, 8))
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

        def forward(self, x):
            return self.layer(x + self.pos_embed)

    (found,) = mk.lint(Vision(), torch.randn(2, 5, 8))
    assert found.layer == "pos_embed" and "does not move with the input" in found.rule
