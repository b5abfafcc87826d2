"""How fast an error falls with resolution: rates that are facts of mathematics, and modules without any."""

import json
import math

import pytest
import torch
from torch import Tensor, nn

import mackey as mk
from mackey.actions import Field, Image, Motion
from mackey.audit.power_law import PowerLaw
from mackey.audit.rate import Measured, decided, judged
from mackey.audit.resolution import interpolated, sampled_field

X = torch.zeros(1, 1, 9, 9)  # only the shape counts
SHORT = (17, 25, 33, 49, 65)


def stencil(*taps: float) -> Tensor:
    """The sum of a one-dimensional stencil along both axes."""
    row, size = torch.tensor(taps, dtype=torch.float64), len(taps)
    kernel = torch.zeros(size, size, dtype=torch.float64)
    kernel[size // 2] += row
    kernel[:, size // 2] += row
    return kernel


SECOND = stencil(1, -2, 1)
FOURTH = stencil(-1 / 12, 4 / 3, -5 / 2, 4 / 3, -1 / 12)
ALONG_X = torch.tensor([[0, 0, 0], [1, -2, 1], [0, 0, 0]], dtype=torch.float64)


class Stencil(nn.Module):
    def __init__(self, kernel: Tensor, rate: float | None = None, kind: str = "continuum") -> None:
        super().__init__()
        self.register_buffer("kernel", kernel[None, None])
        self.guarantee = mk.Guarantee(kind, "SO(2)", "finite differences", rate)

    def forward(self, x: Tensor) -> Tensor:
        return torch.conv2d(x, self.kernel.to(x), padding=self.kernel.shape[-1] // 2)


@pytest.mark.parametrize(("kernel", "order"), [(SECOND, 2.0), (FOURTH, 4.0)], ids=["order 2", "order 4"])
def test_finite_differences_fall_at_their_order(kernel: Tensor, order: float) -> None:
    """The Laplacian commutes with turns; a stencil of order p does up to h^p."""
    found = mk.audit_rate(Stencil(kernel, order), X, out_type="image")
    assert found.finding == "falls" and abs(found.rate - order) < 0.03 * order, str(found)
    assert 0 < found.error < 0.05 and found.promise.holds is True and found.passed
    assert found.verdict.startswith(
        f"equivariant in the continuum under SO(2): the error falls like n^-{found.rate:.2f}"
    )
    assert "at n = 33, " in found.verdict and "at n = 129)" in found.verdict
    assert f"n^-{order:g} is promised" in found.promise.measured
    eighths = mk.audit_rate(Stencil(kernel), X, out_type="image", group="p8", at=(33, 49, 65, 97))
    assert {row.element for row in eighths.rows} == {"r45°", "r135°", "r225°"}
    assert abs(eighths.rate - order) < 0.05 * order and eighths.passed


def test_a_rate_that_is_not_reached_is_refused() -> None:
    found = mk.audit_rate(Stencil(SECOND, 4.0), X, out_type="image")
    assert found.finding == "falls" and found.promise.holds is False and not found.passed
    assert "continuum under SO(2), error like n^-4" in found.promise.declared
    asked = mk.audit_rate(Stencil(SECOND), X, out_type="image", rate=1.0)
    assert asked.promise.holds is True, "faster than promised is as promised"
    assert mk.audit_rate(Stencil(SECOND), X, out_type="image").promise.holds is True, (
        "without a rate: it falls"
    )
    other = mk.audit_rate(Stencil(SECOND, kind="soft"), X, out_type="image", at=SHORT)
    assert other.promise is None and other.passed, "what is declared says nothing about resolution"


@pytest.mark.parametrize(("part", "finding"), [(1.0, "constant"), (0.1, "constant"), (0.01, "stalls")])
def test_an_error_that_does_not_fall_is_refused(part: float, finding: str) -> None:
    """∂²/∂x² is in no continuum equivariant; a hundredth of it shows at fine resolutions only."""
    found = mk.audit_rate(Stencil(SECOND + part * ALONG_X), X, out_type="image")
    assert found.finding == finding and found.promise.holds is False and not found.passed, str(found)
    start = "NOT equivariant in the continuum" if finding == "constant" else "NOT shown to converge"
    assert found.verdict.startswith(f"{start} under SO(2)")


class Resized(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.interpolate(x, scale_factor=3, mode="bilinear", align_corners=False)


def test_bilinear_resampling_is_of_order_two() -> None:
    found = mk.audit_rate(Resized(), X, out_type="image", at=SHORT, rate=2.0)
    assert found.finding == "falls" and 1.6 < found.rate < 2.1 and found.worst.law.last > 1.8, str(found)
    assert found.promise.holds is True
    assert mk.audit_rate(Resized(), X, out_type="image", at=SHORT, rate=3.0).promise.holds is False


POINTS = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(0))


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 2))


def test_a_quadrature_is_measured_against_its_number_of_points() -> None:
    """The average of a smooth function over n turns converges faster than any power of n."""
    net = network()

    def build(n: int) -> nn.Module:
        return mk.wrap.average(net, "SO(2)", "positions", "invariant", points=n)

    found = mk.audit_rate(build, POINTS, at=(3, 4, 6, 8, 12, 16), in_type="positions", group="SO(2)")
    assert found.finding == "falls" and found.rate > 6 and found.promise.holds is True, str(found)
    fast = mk.audit_rate(build, POINTS, at=(2, 6, 48), in_type="positions", group="SO(2)", rate=2.0)
    assert fast.worst.law is None and fast.worst.at_least > 4 and fast.promise.holds is True, str(fast)
    assert "falls to rounding, at least like n^-" in fast.verdict
    one = mk.audit_rate(net, lambda n: POINTS, at=(1, 2, 3), in_type="positions", group="SO(2)")
    assert one.finding == "constant" and one.rate == pytest.approx(0.0, abs=1e-12), "n is of no use to it"


def test_what_is_exact_at_every_resolution_is_called_that() -> None:
    squares = mk.audit_rate(Stencil(SECOND), X, out_type="image", group="p4", at=(9, 17, 33), rate=2.0)
    assert squares.finding == "exact" and squares.rate is None and squares.error is None and squares.passed
    assert squares.promise.holds is True and "rounding at every resolution" in squares.verdict
    square = mk.audit_rate(Square(), X, at=(33, 49, 65))
    assert square.finding == "exact", (
        "the trapezoidal rule is exact for what is smooth and vanishes at the border"
    )


class Square(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.square().mean((1, 2, 3))


class Random(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.square().mean((1, 2, 3)) + torch.randn(())


class Same(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 0 * x.square().mean((1, 2, 3)) + 1


def test_an_output_that_is_constant_is_vacuous() -> None:
    found = mk.audit_rate(Same(), X, at=(9, 17, 33), rate=2.0)
    assert found.finding == "vacuous" and not found.passed and found.promise.holds is None
    assert found.verdict == "VACUOUS under SO(2): the output does not depend on the input"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"at": (17, 33)},
            r"audit_rate at: wanted at least three resolutions, each larger .*, got \(17, 33\)",
        ),
        ({"at": (33, 17, 65)}, r"each larger than the one before"),
        ({"at": (17, 17, 33)}, r"each larger than the one before"),
        ({"rate": -1.0}, r"audit_rate rate: wanted a positive number, got -1.0; leave it out"),
        ({"out_type": ("invariant", "invariant")}, r"audit out_type"),
    ],
)
def test_refused_in_one_sentence(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mk.audit_rate(Square(), X, **options)


def test_random_modules_are_sent_to_the_mean() -> None:
    with pytest.raises(ValueError, match=r"same result for the same input, got two identical .*samples=256"):
        mk.audit_rate(Random(), X, at=(9, 17, 33))


class Counts(nn.Module):
    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        Counts.calls += 1
        return x.square().square().mean((1, 2, 3))


def test_the_cost_is_stated_and_nothing_of_the_caller_changes() -> None:
    state, module = torch.get_rng_state(), Counts()
    found = mk.audit_rate(module, X, at=(17, 25, 33, 49, 65), group="SO(2)")
    assert Counts.calls <= 6 * 5 + 4, Counts.calls
    assert torch.equal(state, torch.get_rng_state())
    again = json.loads(json.dumps(found.to_dict()))
    assert again["verdict"] == found.verdict and again["finding"] == found.finding


def rows(
    errors: list[float], floor: float = 1e-12, sizes: tuple[int, ...] = (8, 16, 32, 64, 128)
) -> list[Measured]:
    pairs = zip(sizes, errors, strict=False)
    return [Measured(n, "r45°", "output 0", error, floor) for n, error in pairs]


@pytest.mark.parametrize(
    ("errors", "finding"),
    [
        ([8.0**-k for k in range(1, 6)], "falls"),
        ([0.3, 0.3, 0.3, 0.3, 0.3], "constant"),
        ([0.3, 0.31, 0.29, 0.3, 0.31], "constant"),
        ([0.1, 0.2, 0.3, 0.4, 0.5], "constant"),
        ([0.3, 0.01, 0.5, 0.02, 0.4], "undecided"),
        ([0.3, 1e-13, 0.5, 1e-13, 1e-13], "undecided"),
        ([1e-13] * 5, "exact"),
        ([0.1, 0.03, 1e-13, 1e-13, 1e-13], "falls"),
        ([0.1, 0.025, 0.02, 0.019, 0.019], "stalls"),
        ([math.inf] * 5, "constant"),
        ([0.64, 0.64, 0.16, 0.04, 0.01], "falls"),  # the same rule for several n
    ],
)
def test_what_a_series_says(errors: list[float], finding: str) -> None:
    (fall,) = judged(rows(errors), False)
    assert fall.finding == finding, fall
    assert str(fall)
    (coarse,) = judged(rows([1e-3] * 5, floor=1e-2), False)
    assert coarse.finding == "undecided", "below what interpolation leaves nothing is known"
    assert "rounding and interpolation leave" in str(coarse)


def test_what_promises_need() -> None:
    falls = [4.0**-k for k in range(5)]
    assert decided(None, None, rows(falls), False) is None
    for rate, holds in ((2.0, True), (2.1, True), (3.0, False)):
        assert decided(None, rate, rows(falls), False).holds is holds
    scattered = [1.0, 0.05, 0.12, 0.03, 0.001]
    assert decided(None, 2.0, rows(scattered), False).holds is None, "2 ± 1 does not decide about 2"
    assert "give more or finer" in decided(None, 2.0, rows(scattered), False).measured
    assert decided(None, 2.0, [], False).holds is None


def test_the_line_and_its_error_are_those_of_least_squares() -> None:
    law = PowerLaw.fit([1, 2, 4], [1.0, 0.5, 0.5])
    # y = 0, -1, -1 in units of log 2 at x = 0, 1, 2: slope -1/2, residuals 1/6, -1/3, 1/6 sum 1/6, over 2
    assert law.rate == pytest.approx(0.5) and law.error == pytest.approx(math.sqrt(1 / 6 / 2))
    assert law.half == pytest.approx(12.706 * law.error) and law.last == pytest.approx(0.0)


def turn(angle: float) -> Motion:
    c, s = math.cos(angle), math.sin(angle)
    return Motion(torch.tensor([[c, -s], [s, c]], dtype=torch.float64))


def test_fields_are_the_same_at_every_resolution_and_move_exactly() -> None:
    def field(n: int, motion: Motion | None = None) -> Tensor:
        return sampled_field(torch.zeros(2, 3, n, n), Image(), motion, torch.Generator().manual_seed(0))

    torch.testing.assert_close(field(27)[..., 1::3, 1::3], field(9), rtol=1e-12, atol=1e-14)
    quarter = turn(math.pi / 2)
    torch.testing.assert_close(field(9, quarter), torch.rot90(field(9), 1, (-2, -1)), rtol=1e-12, atol=1e-14)
    assert float(field(33)[..., 0, :].abs().max()) < 1e-6


def test_interpolation_is_exact_for_polynomials_and_turns_fibres() -> None:
    """Degree 9 in each variable stays below ten nodes."""
    axis = (torch.arange(15, dtype=torch.float64) - 7) / 7
    up, right = -axis[:, None], axis[None]
    image = (1 + right**3 * up + up**5 - 2 * right**2)[None, None]
    moved = interpolated(image, Image(), turn(0.3))
    c, s = math.cos(0.3), math.sin(0.3)
    x, y = c * right + s * up, -s * right + c * up  # where g brings it from
    wanted = (1 + x**3 * y + y**5 - 2 * x**2)[None, None]
    inside = (right**2 + up**2 < 0.9)[None, None]
    torch.testing.assert_close(moved[inside], wanted[inside], rtol=1e-10, atol=1e-10)
    grid = mk.spaces.Grid(mk.groups.named("p8"))
    vector = mk.FieldType(grid, mk.reps.regular(grid.stabiliser), 1)
    channels = torch.cat([image * k for k in range(8)], 1)
    eighth = interpolated(channels, Field(vector), turn(math.pi / 4))
    alone = interpolated(image, Image(), turn(math.pi / 4))
    assert float((eighth[:, 1] - 0 * alone[:, 0]).abs().max()) < 1e-12, "element 0 has come to place 1"
