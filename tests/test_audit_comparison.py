"""Two audits of one network: what training did to its symmetry; and promises of every kind."""

import json
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

import mackey as mk
from mackey.audit.comparison import Change

X = torch.randn(4, 1, 9, 9, generator=torch.Generator().manual_seed(0))
TRAINING = torch.randn(256, 1, 9, 9, generator=torch.Generator().manual_seed(1))


class Pooled(nn.Module):
    """One convolution whose filter starts symmetric under p4, a rectifier, a mean, a head."""

    def __init__(self, symmetric: bool = True, guarantee: mk.Guarantee | None = None) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(2)
        weight = torch.randn(6, 1, 3, 3, generator=draw, dtype=torch.float64)
        turned = [torch.rot90(weight, k, (-2, -1)) for k in range(4)]
        weight = (turned[0] + turned[2]) + (turned[1] + turned[3]) if symmetric else weight
        self.weight = nn.Parameter(weight)
        self.head = nn.Parameter(torch.randn(6, 2, generator=draw, dtype=torch.float64))
        if guarantee is not None:
            self.guarantee = guarantee

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(torch.conv2d(x, self.weight.to(x), padding=1)).mean((-1, -2)) @ self.head.to(x)


def train(net: Pooled, penalty: float) -> nn.Module:
    """30 steps to a target that turns change; the penalty is on what a quarter turn changes of the filter."""
    optimiser = torch.optim.SGD(net.parameters(), lr=0.02)
    x = TRAINING.double()
    target = torch.stack([(x[..., 1:] * x[..., :-1]).mean((1, 2, 3)), x.square().mean((1, 2, 3))], 1)
    for _ in range(30):
        optimiser.zero_grad()
        asymmetry = (torch.rot90(net.weight, 1, (-2, -1)) - net.weight).square().sum()
        ((net(x) - target).square().mean() + penalty * asymmetry).backward()
        optimiser.step()
    return net


def test_an_update_that_breaks_the_symmetry_is_seen_and_the_layer_named() -> None:
    net = Pooled()
    before = mk.audit(net, X.double(), group="p4")
    assert before.passed, str(before)
    found = mk.compare(before, mk.audit(train(net, penalty=0.0), X.double(), group="p4"))
    assert [one.element for one in found.worse] and len(found.worse) == 3
    assert found.ratio > 1e6 and found.changes[0].before < 1e-12 < 1e-4 < found.changes[0].after
    assert found.culprit_before is None and found.culprit_after.name == "the module itself"
    assert found.verdict.startswith("equivariant before and NOT equivariant after, under p4: worst")
    assert "; 3 got worse, most r" in found.verdict and "; now first broken by the module" in found.verdict
    assert " worse" in str(found) and "before" in str(found).splitlines()[2]
    again = json.loads(json.dumps(found.to_dict()))
    assert again["verdict"] == found.verdict and again["changes"][0]["is_worse"] is True


def test_an_update_of_symmetric_weights_alone_changes_nothing() -> None:
    """The head mixes invariants: training it alone keeps the symmetry."""
    net = Pooled()
    net.weight.requires_grad_(False)
    before = mk.audit(net, X.double(), group="p4")
    after = mk.audit(train(net, penalty=0.0), X.double(), group="p4")
    found = mk.compare(before, after)
    assert not found.worse and found.ratio == 1.0 and found.verdict.startswith("still equivariant under p4")
    assert found.promise is None
    same = mk.compare(before, before)
    assert not same.worse and same.ratio == 1.0


SOFT = mk.Guarantee("soft", "p4", "by a penalty")


def test_a_soft_promise_is_decided_by_the_comparison() -> None:
    net = Pooled(symmetric=False, guarantee=SOFT)
    before = mk.audit(net, X.double(), group="p4")
    assert before.promise.holds is None and "mackey.compare it" in before.promise.measured
    assert mk.compare(before, before).promise.holds is False, "nothing has happened"
    after = mk.audit(train(net, penalty=3.0), X.double(), group="p4")
    kept = mk.compare(before, after)
    assert kept.promise.holds is True and kept.ratio < 0.9 and not kept.worse, str(kept)
    assert "errors fell to" in kept.promise.measured and "none got worse" in kept.verdict
    assert "soft under p4 (by a penalty): holds" in str(kept)
    lost = mk.compare(after, before)
    assert lost.promise.holds is False and "did not fall" in lost.promise.measured
    none = mk.compare(before, mk.audit(Pooled(guarantee=SOFT), X.double(), group="p4"))
    assert none.promise.holds is True and "errors are rounding, after" in none.promise.measured
    assert none.verdict.startswith("NOT equivariant before and equivariant after, under p4")


def test_a_soft_promise_speaks_of_its_own_group_only() -> None:
    """Mirrors get worse by a thousand; the promise is about turns."""
    report = mk.audit(Pooled(symmetric=False, guarantee=SOFT), X.double(), group="p4m")
    assert set(report.promise.elements) == {"r90°", "r180°", "r270°"}
    rows = tuple(
        replace(row, error64=row.error64 * (0.1 if row.element in report.promise.elements else 1000))
        for row in report.rows
    )
    found = mk.compare(report, replace(report, rows=rows))
    assert found.promise.holds is True and len(found.worse) == 4 and found.ratio > 10


def test_changes_within_rounding_are_none_and_infinite_errors_have_a_ratio() -> None:
    def change(before: float, after: float) -> Change:
        return Change("r90°", "output 0", before, after, 1e-7, "rotation", True, 1e-10)

    assert change(1e-15, 9e-11).ratio == 1.0 and not change(1e-15, 9e-11).is_worse
    assert change(0.5, 0.5 + 1e-11).is_worse is False and change(0.5, 0.6).is_worse is True
    assert change(0.5, math.inf).is_worse and change(0.5, math.inf).ratio == math.inf
    assert not change(math.inf, math.inf).is_worse and change(math.inf, math.inf).ratio == 1.0
    assert not change(math.inf, 0.1).is_worse and change(math.inf, 0.1).ratio == 0.0


def test_reports_that_were_not_made_in_the_same_way_are_refused() -> None:
    net, x = Pooled(symmetric=False), X.double()
    before = mk.audit(net, x, group="p4")
    for other, message in (
        (mk.audit(net, x, group="p4m"), r"two audits with the same group, got p4 before and p4m after"),
        (mk.audit(net, x, group="p4", seed=1), r"the same seed, got 0 before and 1 after"),
        (mk.audit(net, 2 * x, group="p4"), r"the same inputs, got \('4×1×9×9 float64 "),
        (mk.audit(net, x, group="p4", amplify=True), r"the same amplified, got False before and True"),
        (mk.audit(net.eval(), x, group="p4"), r"same mode, got train before and eval after; audit both"),
        (mk.audit(net.train(), x, group="p4", in_type="periodic_image"), r"the same in_type, got image"),
    ):
        with pytest.raises(ValueError, match=message):
            mk.compare(before, other)
    with pytest.raises(ValueError, match=r"the same rows"):
        mk.compare(before, replace(before, rows=before.rows[:1]))
    random = mk.audit(nn.Sequential(nn.Dropout(0.5), nn.Flatten()), X, group="p4")
    with pytest.raises(ValueError, match=r"two reports with errors, got before is random: NOT measurable"):
        mk.compare(random, before)


class Declares(nn.Module):
    """A p4-invariant function, with a part that is not; it promises what it is told to."""

    def __init__(self, kind: str, group: str = "p4", off: float = 0.0) -> None:
        super().__init__()
        self.off, self.guarantee = off, mk.Guarantee(kind, group)

    def forward(self, x: Tensor) -> Tensor:
        return x.square().mean((1, 2, 3)) + self.off * x[:, 0, 0, 0]


@pytest.mark.parametrize("kind", mk.Guarantee.KINDS)
def test_every_kind_of_promise_is_answered_or_says_what_is_missing(kind: str) -> None:
    kept = mk.audit(Declares(kind), X.double(), group="p4").promise
    assert kept.holds is True and kept.kind == kind and kept.elements == ("r90°", "r180°", "r270°")
    lost = mk.audit(Declares(kind, off=0.1), X.double(), group="p4")
    expected = {"exact": False, "exact_on_grid": False, "in_expectation": False, "none": True}
    assert lost.promise.holds is expected.get(kind), str(lost)
    assert {
        "continuum": "mackey.audit_rate(build, inputs",
        "soft": "mackey.compare it",
        "none": "it promises nothing; worst error",
        "in_expectation": "single calls agree",
    }.get(kind, "broken by r90°, r180°, r270°") in lost.promise.measured
    assert f"declared {kind} under p4" in str(lost) and lost.to_dict()["promise"]["kind"] == kind
    apart = mk.audit(Declares(kind, group="pm", off=0.1), X.double(), group="p4").promise
    assert apart.holds is None and "no tested element is in pm; audit under pm" in apart.measured


def test_promises_of_what_was_tested_on_the_grid_only_are_not_extended() -> None:
    """r90° permutes the samples, r45° does not: one resolution says nothing about the second."""
    for kind, holds in (("exact_on_grid", True), ("continuum", None)):
        promise = mk.audit(Declares(kind, "p8"), X.double(), group="p8").promise
        assert promise.holds is holds and "off the grid the error is 0.0" in promise.measured, promise


def test_promises_of_modules_that_cannot_be_measured() -> None:
    module = nn.Sequential(nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1))
    module.guarantee = mk.Guarantee("exact", "p4")
    report = mk.audit(module, X, group="p4")
    assert report.promise.holds is None and "call .eval(), or give samples=256" in report.promise.measured
    zero = Declares("exact")
    zero.forward = lambda x: torch.zeros(len(x)).to(x)
    vacuous = mk.audit(zero, X, group="p4")
    assert vacuous.promise.holds is None and "does not depend on the input" in vacuous.promise.measured


def test_the_setting_is_shown() -> None:
    report = mk.audit(Declares("exact"), X, group="p4", seed=5)
    assert report.setting.inputs[0].startswith("4×1×9×9 float32 ") and report.setting.seed == 5
    assert "measured on image to invariant, inputs 4×1×9×9 float32, seed 5" in str(report)
    assert report.to_dict()["setting"]["out_type"] == "invariant"
    other = mk.audit(Declares("exact"), X.bfloat16().double(), group="p4").setting.inputs
    assert other != mk.audit(Declares("exact"), X.double(), group="p4").setting.inputs


def test_rates_are_part_of_a_guarantee() -> None:
    first, second = mk.Guarantee("continuum", "SO(2)", rate=2.0), mk.Guarantee("continuum", "SO(2)", rate=4.0)
    assert str(first) == "continuum under SO(2), error like n^-2"
    assert mk.fields.weakest([first, second, mk.Guarantee("exact", "SO(2)")]).rate == 2.0
    assert mk.fields.weakest([first, mk.Guarantee("continuum", "SO(2)")]).rate is None
    assert mk.fields.weakest([first, mk.Guarantee("soft", "SO(2)")]).rate is None
    assert mk.Guarantee("exact", "p4", "note") == mk.Guarantee("exact", "p4", "note", None)
    for kind, rate in (("exact", 2.0), ("continuum", 0.0), ("continuum", math.inf), ("continuum", math.nan)):
        with pytest.raises(ValueError, match=r"Guarantee rate: wanted a positive number for the kind contin"):
            mk.Guarantee(kind, "SO(2)", rate=rate)
