"""What people hand to an audit: it works, or it is refused in one sentence that says why."""

import pytest
import torch
from torch import nn

import mackey as mk

X = torch.randn(4, 1, 9, 9, generator=torch.Generator().manual_seed(0))
P4 = mk.groups.p4()
REGULAR = mk.FieldType(mk.spaces.Grid(P4), mk.reps.regular(P4.point_group), 2)


class Returns(nn.Module):
    """An invariant, returned in some shape."""

    def __init__(self, wrap) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.wrap = wrap

    def forward(self, *inputs):
        return self.wrap(self.scale * inputs[-1].square().mean((1, 2, 3)), *inputs)


def test_a_field_of_another_group_is_read_by_its_matrices_or_refused() -> None:
    """Element 1 is a quarter turn in p4, a half turn in p2 and a mirror in pm."""
    layer = mk.nn.Conv(REGULAR, REGULAR, 3)
    x = torch.randn(2, 8, 9, 9)
    for group in ("p2", "p4"):
        assert mk.audit(layer, x, in_type=REGULAR, out_type=REGULAR, group=group).passed
    for group, fields in (("pm", 4), ("p4m", 1)):
        with pytest.raises(ValueError, match=r"whose group has no such element; .* under p4 or a subgroup"):
            mk.audit(layer, x, in_type=REGULAR, out_type=REGULAR, group=group)
        with pytest.raises(ValueError, match=r"whose group has no such element"):
            mk.audit(mk.nn.Lift(_scalar(group), fields, 3), X, out_type=REGULAR, group=group)
    plain = nn.Conv2d(8, 8, 3, padding=1)
    assert not mk.audit(plain, x, in_type=REGULAR, out_type=REGULAR, group="p2").passed


def _scalar(group: str) -> mk.FieldType:
    grid = mk.spaces.Grid(mk.groups.named(group))
    return mk.FieldType(grid, mk.reps.trivial(grid.stabiliser), 1)


@pytest.mark.parametrize(
    ("wrap", "names"),
    [
        (lambda y, x: {"logits": y, "mask": None}, ["output logits"]),
        (lambda y, x: (y, None), ["output 0"]),
        (lambda y, x: (y, {"aux": [y, y]}), ["output 0", "output 1.aux.0", "output 1.aux.1"]),
        (lambda y, x: y.sum(), ["output 0"]),
        (lambda y, x: torch.complex(y, y), ["output 0"]),
        (lambda y, x: y > y.mean(), ["output 0"]),
    ],
    ids=["dict", "None", "nested", "scalar", "complex", "bool"],
)
def test_outputs_in_any_shape(wrap, names: list[str]) -> None:
    report = mk.audit(Returns(wrap), 3 * X, out_type=("invariant",) * len(names), group="p4")
    assert report.passed, str(report)
    assert list(dict.fromkeys(row.output for row in report.rows)) == names


def test_inputs_in_any_order_and_container() -> None:
    assert mk.audit(Returns(lambda y, x: y), [X], group="p4").passed
    vector = torch.randn(4)
    for training in (True, False):
        both = Returns(lambda y, v, x: y + v).train(training)
        assert mk.audit(both, (vector, X), in_type=("invariant", "image"), group="p4").passed
    assert mk.audit(Returns(lambda y, x: y), X.clone().requires_grad_(), group="p4").passed


@pytest.mark.filterwarnings("ignore")  # torch.jit is deprecated
def test_modules_that_are_built_in_unusual_ways() -> None:
    class Registers(nn.Module):
        def forward(self, x):
            if "offset" not in dict(self.named_buffers()):
                self.register_buffer("offset", torch.zeros(1).to(x))
            return (x + self.offset).mean((1, 2, 3))

    module = Registers()
    assert mk.audit(module, X, group="p4").passed and not dict(module.named_buffers())
    scripted = torch.jit.script(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten()))
    report = mk.audit(scripted, X, group="p4")
    assert report.finding == "broken" and report.culprit is None
    assert any("scripted" in note for note in report.notes)
    assert mk.audit(Returns(lambda y, x: y).double(), X.double(), group="p4").passed


def meta() -> nn.Module:
    with torch.device("meta"):
        return nn.Conv2d(1, 1, 3)


def broken_weights() -> nn.Module:
    net = nn.Sequential(nn.Conv2d(1, 1, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    nn.init.constant_(net[0].weight, float("nan"))
    return net


@pytest.mark.parametrize(
    ("module", "x", "options", "message"),
    [
        (Returns(lambda y, x: float(y.sum())), X, {}, r"wanted tensors as outputs.*got a float"),
        (Returns(lambda y, x: None), X, {}, r"a module that returns a tensor, got None"),
        (nn.LSTM(9, 5), X[:, 0], {"in_type": "tokens", "group": "Sym"}, "one type for each of 3 tensors"),
        (meta(), X, {}, "weights on the meta device"),
        (broken_weights(), X, {}, "wanted finite outputs, got output 0 with 4 of 4 numbers"),
        (nn.Conv2d(1, 1, 3).double(), X, {}, r"a module that runs on these inputs, got RuntimeError"),
        (nn.Conv2d(3, 1, 3), X, {}, r"a module that runs on these inputs.*3 channels"),
        (
            Returns(lambda y, x: nn.functional.conv2d(x, torch.ones(1, 1, 3, 3))),
            X,
            {},
            "also runs in float64",
        ),
        (Returns(lambda y, x: y), X, {"out_type": "image"}, r"audit out_type: wanted an image.*shape \(4,\)"),
        (Returns(lambda y, x: y), X[:0], {}, "inputs with numbers in them, got tensor 0 of shape"),
        (Returns(lambda y, x: y), X * 0, {}, "gx = x for all 3 elements tested; give inputs without"),
        (Returns(lambda y, x: y), X, {"in_type": "invariant"}, "wanted an input that the group moves"),
        (
            Returns(lambda y, x: y),
            X,
            {"group": "p1"},
            "turns or mirrors, got p1, which has translations only",
        ),
        (nn.Linear(3, 2), torch.randn(4, 1, 3), {"in_type": "set", "group": "Sym"}, "at least 2 tokens"),
        (nn.Linear(3, 2), torch.randn(4), {"in_type": "set", "group": "Sym"}, r"wanted tokens \(b, n, c\)"),
        (
            nn.Linear(3, 2),
            torch.randn(4, 5, 3),
            {"in_type": "set", "group": mk.groups.symmetric(6)},
            "wanted 6 tokens on axis 1",
        ),
        (Returns(lambda y, x: y), X, {"in_type": REGULAR}, "wanted 8 channels"),
        (Returns(lambda y, x: y), X, {"in_type": "picture"}, "a type among invariant"),
        (Returns(lambda y, x: y), X, {"group": "SO(9)"}, r"wanted 9 spatial axes.*got 2"),
        (Returns(lambda y, x: y), X[0], {}, "2 spatial axes"),
        (Returns(lambda y, x: y), X, {"group": "Sym"}, "at least 2 tokens"),
        (Returns(lambda y, x, z: y), (X, X), {}, "one type for each of 2 tensors, got 1"),
        (
            Returns(lambda y, x: y),
            X,
            {"out_type": ("invariant",) * 2},
            "one type for each of 1 tensors, got 2",
        ),
    ],
)
def test_refused_in_one_sentence(module: nn.Module, x, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mk.audit(module, x, **{"group": "p4", **options})


def test_more_messages() -> None:
    bad = X.clone()
    bad[0, 0, 0, :3] = float("nan")
    with pytest.raises(ValueError, match="finite inputs, got 3 numbers that are not in tensor 0"):
        mk.audit(Returns(lambda y, x: y), bad, group="p4")
    diagonal = mk.groups.generated([[[0.0, 1.0], [1.0, 0.0]]], "diagonal")
    with pytest.raises(ValueError, match="give a square input"):
        mk.audit(Returns(lambda y, x: y), X[..., :5], group=diagonal)


@pytest.mark.unchecked
@pytest.mark.parametrize("group", [None, 4])
def test_what_is_no_group_is_refused(group) -> None:
    with pytest.raises(ValueError, match='a name such as "p4m", "SE'):
        mk.audit(Returns(lambda y, x: y), X, group=group)
