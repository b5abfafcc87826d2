"""Random modules: what is equivariant on average passes, a bias is caught, what is not known is said."""

import json

import pytest
import torch
from torch import Tensor, nn

import mackey as mk
from mackey.audit.sign_flips import compare_means, slope

X = torch.randn(4, 1, 9, 9, generator=torch.Generator().manual_seed(0))
PROMISE = mk.Guarantee("in_expectation", "p4")
RAMP = torch.linspace(-1, 1, 9)


class Draws(nn.Module):
    """The mean of squares, each times a random number of mean 1; `bias`: of a ramp that turns change."""

    calls = 0

    def __init__(self, noise: float, bias: float = 0.0, offset: float = 0.0, law: str = "normal") -> None:
        super().__init__()
        self.noise, self.bias, self.offset, self.law = noise, bias, offset, law
        self.guarantee = PROMISE

    def forward(self, x: Tensor) -> Tensor:
        Draws.calls += 1
        if not self.training:
            return x.square().mean((-1, -2))
        drawn = torch.randn_like(x)
        if self.law == "cauchy":
            drawn = drawn / torch.randn_like(x)
        if self.law == "rare":  # something in one call of eight, nothing in the others
            drawn = drawn * float(torch.rand(()) < 1 / 8)
        y = x.square() * (1 + self.noise * drawn) + self.bias * RAMP.to(x)[None, None, None] * x.square()
        return y.mean((-1, -2)) + self.offset


def test_a_mean_that_is_equivariant_passes_at_the_stated_cost() -> None:
    module, Draws.calls = Draws(0.15), 0
    report = mk.audit(module, X, group="p4", samples=256)
    assert 256 * 5 <= Draws.calls <= 256 * 5 + 30, "what was said, and the audit before it"
    assert report.finding == "in expectation" and report.passed and report.promise.holds is True, str(report)
    found = report.expectation
    assert found.samples == 256 and found.passes == 256 * 5 and len(found.rows) == 3
    assert all(row.bias < 3 * row.noise and row.limit < 0.1 for row in found.rows)
    for row in found.rows:
        assert abs(row.slope + 0.5) <= row.slope_half < 0.3, "the error of the mean falls like 1/√k"
    assert report.verdict.startswith(
        "equivariant in expectation under p4: no bias seen over 256 samples, at most"
    )
    assert (
        "of what another input changes (99.9 % sure); the error of its mean falls like k^-0."
        in report.verdict
    )
    assert "1280 forward passes for the means over 256 samples" in report.notes
    again = json.loads(json.dumps(report.to_dict()))
    assert again["expectation"]["rows"][0]["element"] == "r90°" and again["passed"] is True
    assert max(map(len, str(report).splitlines())) <= 80 and "limit" in str(report)


def test_what_declares_it_is_averaged_unasked_and_what_does_not_only_when_asked() -> None:
    report = mk.audit(Draws(0.15), X, group="p4")
    assert report.finding == "in expectation" and report.expectation.samples == 256
    assert [row.element for row in report.expectation.rows] == ["r90°", "r270°"]
    silent = Draws(0.15)
    del silent.guarantee
    assert mk.audit(silent, X, group="p4").expectation is None
    told = mk.audit(silent, X, group="p4").verdict
    assert told.startswith("NOT measurable under p4") and told.endswith(
        "or give samples=256 to measure its mean"
    )
    assert mk.audit(silent, X, group="p4", samples=128).passed
    declined = mk.audit(Draws(0.15), X, group="p4", samples=0)
    assert declined.finding == "random" and declined.promise.holds is None and not declined.passed
    assert "or give samples=256 for the mean" in declined.promise.measured


def test_a_bias_is_caught() -> None:
    report = mk.audit(Draws(0.15, bias=0.5), X, group="p4")
    assert report.finding == "biased" and not report.passed and report.promise.holds is False, str(report)
    assert report.verdict.startswith(
        "NOT equivariant in expectation under p4: the mean over 256 samples is biased"
    )
    assert "(a right mean is called biased once in 1000 audits)" in report.verdict
    assert report.worst > 0.1 and report.culprit.name == "the module itself"
    sharp = mk.audit(Draws(0.15, bias=0.03), X, group="p4", samples=2048)
    assert sharp.finding == "biased" and sharp.worst < 0.1, "ten times less takes more samples"


@pytest.mark.parametrize("seed", range(12))
def test_seeds_do_not_change_the_verdict(seed: int) -> None:
    """Of 24 audits with chance 1/1000 each one is wrong with probability 2.4 %; the seeds are fixed."""
    assert mk.audit(Draws(0.15), X, group="p4", seed=seed).finding == "in expectation"
    assert mk.audit(Draws(0.15, bias=0.5), X, group="p4", seed=seed).finding == "biased"


def test_what_too_few_samples_cannot_tell_is_not_decided() -> None:
    report = mk.audit(Draws(0.6), X, group="p4", samples=64)
    assert report.finding == "random" and not report.passed and report.promise.holds is None
    assert report.verdict.startswith("NOT decided under p4: no bias seen over 64 samples, at most")
    needed = report.expectation.needed
    assert 128 <= needed <= 1024 and f"give samples={needed}" in report.verdict
    assert mk.audit(Draws(0.6), X, group="p4", samples=needed).finding == "in expectation"


def test_a_large_constant_does_not_hide_a_bias() -> None:
    """Errors are relative to what another input changes: 1000 + f is no better than f."""
    plain = mk.audit(Draws(0.15), X, group="p4").expectation.worst
    lifted = mk.audit(Draws(0.15, offset=1000.0), X, group="p4").expectation.worst
    assert lifted.limit == pytest.approx(plain.limit, rel=1e-6)
    noisy = mk.audit(Draws(1.5, bias=0.5, offset=1000.0), X, group="p4", samples=64)
    assert noisy.finding != "in expectation"


class PureNoise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.randn(len(x), 2).to(x) + 0 * x.mean()


def test_noise_that_does_not_depend_on_the_input_does_not_pass() -> None:
    report = mk.audit(PureNoise(), X, group="p4", samples=64)
    assert (
        report.finding == "random"
        and "for two inputs cannot be told apart; give samples=256" in report.verdict
    )


def test_a_mean_that_does_not_settle_does_not_pass() -> None:
    """Cauchy noise has no mean: that of k numbers is as large as one of them."""
    report = mk.audit(Draws(1e-3, law="cauchy"), X, group="p4", samples=1024)
    assert report.finding == "random" and not report.passed and report.promise.holds is None, str(report)


def test_faint_and_rare_noise_is_no_broken_symmetry() -> None:
    """Two calls may agree by chance or to six digits; the error is then another one at the second look."""
    faint = Draws(1e-8)
    for x in (X, X.double()):
        report = mk.audit(faint, x, group="p4", samples=0)
        assert report.finding == "random" and "faint or rare random numbers" in report.verdict, str(report)
        assert mk.audit(faint, x, group="p4").promise.holds is True
    findings = {
        mk.audit(Draws(0.15, law="rare"), X, group="p4", seed=seed, samples=0).finding for seed in range(8)
    }
    assert findings <= {"random", "equivariant"} and "random" in findings
    assert mk.audit(Draws(0.15, law="rare"), X, group="p4", samples=512, seed=1).promise.holds is not False


class Turned(nn.Module):
    """A network that knows no symmetry, on inputs turned by 16 random angles up to `most`, and back."""

    def __init__(self, most: float) -> None:
        super().__init__()
        self.most, self.generator = most, torch.Generator().manual_seed(0)
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 2))
        draw = torch.Generator().manual_seed(1)
        for parameter in self.net.parameters():
            parameter.data = torch.randn(parameter.shape, generator=draw) / 2
        self.guarantee = mk.Guarantee("in_expectation", "SO(2)")

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return self.net(x)
        angle = self.most * torch.rand(16 * len(x), generator=self.generator).to(x)
        c, s = angle.cos(), angle.sin()
        turn = torch.stack([torch.stack([c, -s], -1), torch.stack([s, c], -1)], -2)
        turned = self.net(x.repeat(16, 1, 1) @ turn.mT)
        return (turn.mT @ turned[..., None])[..., 0].unflatten(0, (16, -1)).mean(0)


POINTS = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(2))


def test_random_poses_are_unbiased_in_training_and_nothing_in_evaluation() -> None:
    kind = {"in_type": "positions", "out_type": "vector", "group": "SO(2)"}
    full = Turned(2 * torch.pi)
    report = mk.audit(full, POINTS, **kind, samples=256)
    assert report.finding == "in expectation" and report.promise.holds is True, str(report)
    evaluated = mk.audit(full.eval(), POINTS, **kind)
    assert evaluated.finding == "broken" and evaluated.promise.holds is False
    assert evaluated.promise.measured.endswith("no sample makes it smaller (measured in eval mode)")
    half = mk.audit(Turned(torch.pi), POINTS, **kind, samples=256)
    assert half.finding == "biased" and half.promise.holds is False, "half of the circle is not all of it"


def test_a_module_that_draws_nothing_is_judged_as_it_is() -> None:
    report = mk.audit(Draws(0.15).eval(), X, group="p4", samples=64)
    assert report.finding == "equivariant" and report.promise.holds is True and report.expectation is None
    assert any("samples were not drawn: two identical calls agree" in note for note in report.notes)


class Maps(nn.Module):
    """More numbers than are kept: 2·2·25·25; one of two outputs draws nothing."""

    def __init__(self, off: float) -> None:
        super().__init__()
        self.off = off

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = torch.cat([x, x.square()], 1)
        y = y * (1 + 0.5 * torch.randn_like(y))
        return y + self.off * nn.functional.pad(x[..., :5], (0, 20)), x.square().mean((1, 2, 3))


def test_large_outputs_are_sketched_and_exact_ones_are_exact() -> None:
    x = torch.randn(2, 1, 25, 25, generator=torch.Generator().manual_seed(3))
    for off, finding in ((0.0, "in expectation"), (1.0, "biased")):
        report = mk.audit(Maps(off), x, out_type=("image", "invariant"), group="p4", samples=256)
        assert report.finding == finding, str(report)
        assert all(
            row.limit == 0 and row.slope is None for row in report.expectation.rows if "1" in row.output
        )


def test_promises_of_other_kinds_are_not_decided_by_a_mean() -> None:
    for kind, holds in (("exact", None), ("soft", None), ("none", True)):
        module = Draws(0.15)
        module.guarantee = mk.Guarantee(kind, "p4")
        assert mk.audit(module, X, group="p4", samples=128).promise.holds is holds
    biased = Draws(0.15, bias=0.5)
    biased.guarantee = mk.Guarantee("exact", "p4")
    assert mk.audit(biased, X, group="p4", samples=128).promise.holds is False, "not even on average"
    elsewhere = Draws(0.15)
    elsewhere.guarantee = mk.Guarantee("in_expectation", "pm")
    assert mk.audit(elsewhere, X, group="p4", samples=64).promise.holds is None


def test_nothing_of_the_caller_changes_and_audits_can_be_repeated() -> None:
    module, state = Turned(6.28), torch.get_rng_state()
    before = module.generator.get_state()
    kind = {"in_type": "positions", "out_type": "vector", "group": "SO(2)", "samples": 64}
    first, second = (mk.audit(module, POINTS, **kind) for _ in range(2))
    assert first == second
    assert torch.equal(state, torch.get_rng_state()) and torch.equal(before, module.generator.get_state())


def test_a_wrapper_that_promises_the_mean_keeps_it() -> None:
    """FAENet's frames: one call is far off, the mean is not."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(15, 16), nn.Tanh(), nn.Linear(16, 3))
    points = torch.randn(3, 5, 3, generator=torch.Generator().manual_seed(4))
    module = mk.wrap.stochastic_frames(net, "SO(3)", "positions", "vector", samples=8)
    report = mk.audit(module, points, in_type="positions", out_type="vector", group="SO(3)", samples=256)
    assert report.finding == "in expectation" and report.promise.holds is True, str(report)


def test_a_page_of_a_random_module_is_made_without_orbits() -> None:
    page = mk.examine(Draws(0.15), X, group="p4")
    assert page.report.finding == "in expectation" and page.orbit is None


@pytest.mark.parametrize("samples", [1, 63, -5])
def test_too_few_samples_are_refused(samples: int) -> None:
    with pytest.raises(
        ValueError, match=r"audit samples: wanted at least 64, or 0 for none, got -?\d+; means"
    ):
        mk.audit(Draws(0.15), X, group="p4", samples=samples)


class Grows(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten()[: int(torch.randint(1, 9, ()))] + torch.randn(())


def test_outputs_of_random_shape_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"audit samples: wanted outputs of one shape in all calls, got \d numbers"
    ):
        mk.audit(Grows(), X, group="p4", samples=64)


def normal(count: int, width: int, generator: torch.Generator) -> Tensor:
    return torch.randn(count, width, generator=generator, dtype=torch.float64)


def test_flipped_signs_reject_as_seldom_as_they_say() -> None:
    """Of 180 families of 3 right means 0.18 are rejected on average: 3 or more with probability 1e-3."""
    generator = torch.Generator().manual_seed(0)
    wrong = limits = 0
    for _ in range(60):
        for width in (1, 5, 100):
            rows = [normal(64, width, generator) for _ in range(3)]
            shift = torch.zeros(width, dtype=torch.float64)
            shift[0] = 0.3
            wrong += any(one.rejected for one in compare_means(rows, [0.0] * 3, generator))
            shifted = compare_means([row + shift for row in rows], [0.0] * 3, generator)
            limits += any(one.limit < 0.3 for one in shifted)
    assert wrong <= 2 and limits <= 2


def test_flipped_signs_find_what_is_there_and_wait_where_noise_is_lopsided() -> None:
    generator = torch.Generator().manual_seed(1)
    (found,) = compare_means([normal(64, 5, generator) + 1.0], [0.0], generator)
    assert found.rejected and found.size == pytest.approx(5**0.5, rel=0.2) and found.limit > 5**0.5
    assert not compare_means([normal(64, 5, generator) + 1.0], [10.0], generator)[0].rejected, (
        "rounding, it was said"
    )
    rare = torch.full((64, 1), -1.0, dtype=torch.float64)
    rare[0] = 12.0
    (lopsided,) = compare_means([rare], [0.0], generator)
    assert not lopsided.rejected and lopsided.skewed


def test_the_slope_of_means_is_minus_one_half_and_of_a_constant_zero() -> None:
    generator = torch.Generator().manual_seed(2)
    for width in (1, 100):
        fall, half = slope(normal(4096, width, generator))
        assert abs(fall + 0.5) < half < 0.2
    fall, half = slope(normal(4096, 3, generator) + 10.0)
    assert abs(fall) < 0.02 and half < 0.02
    drift = normal(4096, 1, generator).cumsum(0)
    assert slope(drift)[0] > -0.2, "calls that depend on each other"
    assert slope(normal(63, 1, generator)) == (None, 0.0)
    assert slope(torch.zeros(64, 3, dtype=torch.float64)) == (None, 0.0)
