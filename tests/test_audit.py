"""The audit on our models, on foreign ones, and on ones that are broken in known ways."""

import json

import pytest
import torch
from torch import nn

import mackey as mk
from mackey.audit.report import Report

X = torch.randn(4, 1, 13, 13, generator=torch.Generator().manual_seed(0))


class Quarter(nn.Module):
    """A foreign p4 network: one filter in four turns, 1×1 mixing by a circulant, maximum over turns, mean."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 1, 3, 3))
        self.squash = nn.Tanh()

    def forward(self, x):
        turned = torch.stack([torch.rot90(self.weight, k, (-2, -1)) for k in range(4)], 1).flatten(0, 1)
        maps = self.squash(torch.nn.functional.conv2d(x, turned, padding=1))
        return maps.unflatten(1, (3, 4)).amax(2).mean((-1, -2))


class Symmetric(nn.Module):
    """Convolutions with a 4-fold symmetric filter, then whatever `rest` does."""

    def __init__(self, rest: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        with torch.no_grad():
            self.conv.weight.copy_(
                (self.conv.weight * 1024).round() / 1024
            )  # so that the sums below are exact
            self.conv.weight.copy_(sum(torch.rot90(self.conv.weight, k, (-2, -1)) for k in range(4)))
        self.rest = rest

    def forward(self, x):
        return self.rest(self.conv(x))


def plain_cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 3),
    )


@pytest.mark.parametrize("make", [mk.zoo.images.gcsa, mk.zoo.images.gcnn])
@pytest.mark.parametrize("group", ["p4", "p4m"])
@pytest.mark.parametrize("amplify", [False, True])
def test_our_models_pass(make, group: str, amplify: bool) -> None:
    for training in (True, False):
        report = mk.audit(make(group).train(training), X, group=group, amplify=amplify)
        assert report.passed and report.worst < 1e-11, str(report)
        assert len(report.rows) == mk.groups.named(group).point_group.order - 1


def test_plain_cnn_is_caught_at_its_first_convolution() -> None:
    report = mk.audit(plain_cnn(), X, group="p4")
    assert not report.passed and report.culprit.name == "0" and report.culprit.kind == "Conv2d"
    assert "use mackey.nn.Lift" in report.verdict and str(report).startswith(
        "NOT equivariant under p4: worst"
    )


class Encoder(nn.Module):
    """A patch embedding that is the same in all orientations, then a position table outside any layer."""

    def __init__(self, size: float, width: int = 16) -> None:
        super().__init__()
        self.patch = nn.Conv2d(1, width, 3, 3)
        with torch.no_grad():
            self.patch.weight.copy_(torch.ones(width, 1, 3, 3) * torch.randn(width, 1, 1, 1))
        self.position = nn.Parameter(size * torch.randn(1, 9, width))
        self.encode = nn.TransformerEncoderLayer(width, 4, 32, batch_first=True, dropout=0.0)
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        tokens = self.patch(x).flatten(2).transpose(1, 2) + self.position
        return self.head(self.encode(tokens).mean(1))


@pytest.mark.parametrize("width", [4, 16], ids=["more tokens than channels", "fewer"])
def test_position_codes_added_outside_a_layer_are_blamed_and_not_the_layer_after(width: int) -> None:
    culprit = mk.audit(Encoder(0.02, width), X[..., :9, :9], group="p4").culprit
    assert culprit.name == "what happens before encode.self_attn, outside any module"
    assert mk.audit(Encoder(0.0, width), X[..., :9, :9], group="p4").passed
    amplified = mk.audit(Encoder(0.0, width), X[..., :9, :9], group="p4", amplify=True)
    assert not amplified.passed, "a table of zeros is drawn anew, or it hides what it does"


def test_layers_that_return_tuples_or_write_on_their_input_are_watched() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Linear(3, 5)
            self.act = nn.ReLU(inplace=True)
            self.read = nn.LSTM(5, 5, batch_first=True)

        def forward(self, x):
            return self.read(self.act(self.embed(x)))[0].mean(1)

    report = mk.audit(Recurrent(), torch.randn(4, 6, 3), in_type="tokens", group="Sym")
    assert report.culprit.name == "read" and report.culprit.kind == "LSTM"

    class Added(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mix, self.act = nn.Conv2d(1, 4, 1), nn.ReLU()
            self.register_buffer("code", torch.randn(13, 13))

        def forward(self, x):
            return self.act(self.mix(x).add_(self.code)).mean((-1, -2))

    assert mk.audit(Added(), X, group="p4").culprit.name == "what happens before act, outside any module"


def test_a_network_built_for_a_smaller_group_is_not_accused_of_a_promise() -> None:
    model = mk.zoo.images.gcnn("p4", fields=3, depth=2)
    for group in ("p4m", "pm"):
        report = mk.audit(model, X, group=group)
        assert not report.passed and report.promise.holds in (True, None) and "declares" not in report.verdict
        assert "it is built for p4, which has no" in report.culprit.cause


def test_foreign_network_passes_without_declarations_inside() -> None:
    assert mk.audit(Quarter(), X, group="p4").passed
    report = mk.audit(Quarter(), X, group="p4m")
    assert not report.passed, "it knows no mirrors"


def test_foreign_regular_maps_are_not_blamed() -> None:
    """The maps of a p4 network turn and shift cyclically: some channel matrix explains that; the head is to
    blame.
    """

    class Lifted(Quarter):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(12, 2)

        def forward(self, x):
            turned = torch.stack([torch.rot90(self.weight, k, (-2, -1)) for k in range(4)], 1).flatten(0, 1)
            return self.head(self.squash(torch.nn.functional.conv2d(x, turned, padding=1)).mean((-1, -2)))

    culprit = mk.audit(Lifted(), X, group="p4").culprit
    assert culprit is not None and culprit.name == "head"


def test_strided_layer_on_a_bad_size_is_named_with_sizes_that_work() -> None:
    bad = Symmetric(nn.Sequential(nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    report = mk.audit(bad, X, group="p4")
    assert report.culprit.name == "rest.0" and "size 12 or 14" in report.culprit.fix
    assert mk.audit(bad, X[..., :12, :12], group="p4").passed


def test_linear_on_flattened_pixels_is_named() -> None:
    report = mk.audit(Symmetric(nn.Sequential(nn.Flatten(), nn.Linear(4 * 169, 2))), X, group="p4")
    assert report.culprit.kind in ("Flatten", "Linear") and report.culprit.name.startswith("rest")


def test_weights_symmetric_to_float32_rounding_are_called_that() -> None:
    model = Symmetric(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    with torch.no_grad():
        model.conv.weight[0, 0, ::2, ::2] = 0.25  # the four corners
        model.conv.weight[0, 0, 0, 0] += 6e-8  # twice the spacing of floats there
    report = mk.audit(model, X, group="p4")
    assert report.finding == "rounded" and not report.passed and report.culprit is None
    assert "symmetric up to float32 rounding of its weights" in report.verdict
    with torch.no_grad():
        model.conv.weight[0, 0, 0, 0] += 1e-3
    report = mk.audit(model, X, group="p4")
    assert report.finding == "broken" and report.culprit.name == "conv"


def test_dropout_in_train_mode_is_said_first() -> None:
    model = Symmetric(nn.Sequential(nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    report = mk.audit(model.train(), X, group="p4")
    assert report.finding == "random" and "dropout is active in rest.0" in report.notes[0]
    assert report.notes[0] in report.verdict and "NOT measurable under p4" in report.verdict
    assert mk.audit(model.eval(), X, group="p4").passed


def test_the_users_module_does_not_change() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.AdaptiveAvgPool2d(1)).train()
    model(X).sum().backward()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    gradient = model[0].weight.grad.clone()
    mk.audit(model, X, group="p4", out_type="image", amplify=True)
    assert model.training and torch.equal(model[0].weight.grad, gradient)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


class DeepSets(nn.Module):
    def __init__(self, positions: bool) -> None:
        super().__init__()
        self.embed = nn.Linear(3, 8)
        self.code = nn.Embedding(6, 8) if positions else None
        self.act = nn.ReLU()

    def forward(self, x):
        h = self.embed(x)
        if self.code is not None:
            h = h + self.code(torch.arange(6))
        return self.act(h)


def test_sets() -> None:
    x = torch.randn(4, 6, 3)
    assert mk.audit(DeepSets(False), x, in_type="set", out_type="tokens", group="Sym").passed
    report = mk.audit(DeepSets(True), x, in_type="set", out_type="tokens", group="Sym")
    assert not report.passed and report.culprit.name == "what happens before act, outside any module"


def test_field_types_several_outputs_and_float64() -> None:
    grid = mk.spaces.Grid(mk.groups.p4())
    image = mk.FieldType(grid, mk.reps.trivial(grid.stabiliser), 1)

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lift = mk.nn.Lift(image, 2, 3)

        def forward(self, x):
            y = self.lift(x)
            return y, y.mean((1, 2, 3))

    model = Two()
    report = mk.audit(model.double(), X.double(), out_type=(model.lift.out_type, "invariant"), group="p4")
    assert report.passed and len(report.rows) == 6
    wrong = mk.audit(model, X.double(), out_type=("image", "invariant"), group="p4")
    assert not wrong.passed, "regular fields are not scalars"


def test_rectangles_and_one_broken_promise() -> None:
    model = mk.zoo.images.gcnn("p4", fields=2, depth=2)
    report = mk.audit(model, torch.randn(2, 1, 8, 12), group="p4")
    assert report.passed and "2 elements of p4 do not permute the 8×12 samples" in report.notes
    assert report.verdict.startswith("equivariant under 1 of 3 elements of p4: worst")
    assert [row.counted for row in report.rows] == [True, False, False]
    model.pool.forward = lambda x: x[:, :, 0, 0]
    broken = mk.audit(model, X, group="p4")
    assert not broken.passed and "; it declares exact under p4" in broken.verdict
    assert ", which does not hold; first broken by pool" in broken.verdict
    assert broken.culprit.name == "pool"


def test_report_is_json() -> None:
    report = mk.audit(plain_cnn(), X, group="p4")
    again = json.loads(json.dumps(report.to_dict()))
    assert again["verdict"] == report.verdict and again["culprit"]["kind"] == "Conv2d"
    assert isinstance(report, Report)
