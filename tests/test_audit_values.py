"""The numbers of an audit, each against a module that is broken by a known amount in a known place."""

import pytest
import torch
from torch import Tensor, nn

import mackey as mk

X = torch.randn(4, 1, 9, 9, generator=torch.Generator().manual_seed(0))
RAMP = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None].expand(9, 9)


class Outputs(nn.Module):
    """The mean over space, several times; output i is broken by `off[i]` times a ramp over the image."""

    def __init__(self, *off: float) -> None:
        super().__init__()
        self.off = off

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(x.mean((-1, -2)) + off * (x * RAMP.to(x)).mean((-1, -2)) for off in self.off)


@pytest.mark.parametrize("off", [(0.0, 1.0), (1.0, 0.0), (0.0, 0.0, 1e-6)])
def test_every_output_counts(off: tuple[float, ...]) -> None:
    report = mk.audit(Outputs(*off), X.double(), out_type=("invariant",) * len(off), group="p4")
    assert not report.passed and report.worst == max(row.error64 for row in report.rows) > 1e-8
    for index, size in enumerate(off):
        errors = [row.error64 for row in report.rows if row.output == f"output {index}"]
        assert len(errors) == 3 and (max(errors) > 1e-8) == (size > 0)
    fine = mk.audit(Outputs(*(0.0,) * len(off)), X, out_type=("invariant",) * len(off), group="p4")
    assert fine.passed and len(fine.rows) == 3 * len(off)


def test_errors_are_relative_to_the_largest_number_and_named_by_element() -> None:
    """max|f(gx) − f(x)| / max|f(x)| by hand, for each of the three turns."""
    module, x = Outputs(1.0), X.double()
    report = mk.audit(module, x, out_type=("invariant",), group="p4")
    plain = module(x)[0]
    for turns, row in enumerate(report.rows, 1):
        difference = module(torch.rot90(x, turns, (-2, -1)))[0] - plain
        wanted = float(difference.abs().max() / plain.abs().max())
        assert row.element == f"r{90 * turns}°" and row.error64 == pytest.approx(wanted, rel=1e-9)
        assert row.error == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(("off", "passed"), [(1e-9, False), (1e-12, True)])
def test_the_tolerance_is_one_in_ten_thousand_million(off: float, passed: bool) -> None:
    scale = mk.audit(Outputs(1e-5), X.double(), out_type=("invariant",), group="p4").worst / 1e-5
    report = mk.audit(Outputs(off / scale), X.double(), out_type=("invariant",), group="p4")
    assert report.passed is passed and report.tolerance == 1e-10
    if not passed:
        assert report.worst == pytest.approx(off, rel=1e-3)


def test_float32_is_measured_apart_from_float64_beside_its_rounding() -> None:
    """floor: |f in float32 − f in float64|, both by hand; error: of the float32 module; error64: below."""
    torch.manual_seed(0)
    model = mk.zoo.images.gcnn("p4", fields=3, depth=3).eval()
    report = mk.audit(model, X, group="p4")
    with torch.no_grad():
        single = model(X).double()
        turned = [model(torch.rot90(X, k, (-2, -1))).double() for k in (1, 2, 3)]
        double = model.double()(X.double())
    for row, moved in zip(report.rows, turned, strict=True):
        assert row.floor == pytest.approx(float((single - double).abs().max() / double.abs().max()), rel=1e-6)
        assert row.error == pytest.approx(float((moved - single).abs().max() / single.abs().max()), rel=1e-6)
        assert 1e-9 < row.floor < 1e-5 and 1e-9 < row.error < 1e-5 and row.error64 < 1e-13
    exact = mk.audit(model, X.double(), group="p4")
    assert all(row.floor == 0 for row in exact.rows), "a float64 module is its own float64 copy"


class BrokenInTraining(nn.Module):
    """Invariant in eval mode only."""

    def forward(self, x: Tensor) -> Tensor:
        return (x * RAMP.to(x) if self.training else x).mean((-1, -2))


def test_the_mode_of_the_module_is_the_mode_of_the_audit() -> None:
    module = BrokenInTraining()
    assert not mk.audit(module.train(), X, group="p4").passed and module.training
    assert mk.audit(module.eval(), X, group="p4").passed and not module.training


class Faint(nn.Module):
    """Attention with a learned key at each place: as at initialisation, only much fainter."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.query = nn.Parameter(1e-7 * torch.randn(1, 4, generator=generator, dtype=torch.float64))
        self.key = nn.Parameter(1e-7 * torch.randn(81, 4, generator=generator, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        scores = (tokens @ self.query.to(x)) @ self.key.to(x).T
        return (scores.softmax(-1) @ tokens).mean(1)


def test_amplified_weights_show_what_near_uniform_attention_hides() -> None:
    module = Faint()
    before = module.query.clone()
    assert mk.audit(module, X.double(), group="p4").passed, "to rounding, as long as the weights are small"
    loud = mk.audit(module, X.double(), group="p4", amplify=True)
    assert not loud.passed and loud.worst > 1e-2 and any("weights amplified" in note for note in loud.notes)
    assert torch.equal(module.query, before)
