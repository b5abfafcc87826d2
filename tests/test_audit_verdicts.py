"""What the verdict of an audit may claim: the part of the group that was tested, and nothing from nothing."""

import pytest
import torch
from torch import nn

import mackey as mk
from mackey.actions import Image
from mackey.audit import aliased
from mackey.audit.motions import motions_of

X = torch.randn(4, 1, 13, 13, generator=torch.Generator().manual_seed(0))


class Does(nn.Module):
    """What a function does, with a parameter so that it has a dtype."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, *inputs):
        return self.function(self.weight, *inputs)


def head(zero: bool) -> nn.Module:
    net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3))
    if zero:
        nn.init.zeros_(net[-1].weight)
    return net


def test_the_tested_part_of_the_group_is_named_and_the_rest_measured_apart() -> None:
    model = mk.zoo.images.gcnn("p4", fields=3, depth=2).eval()
    report = mk.audit(model, X, group="p8")
    assert report.passed and report.verdict.startswith("equivariant under 3 of 7 elements of p8: worst")
    apart = [row for row in report.rows if not row.counted]
    assert [row.element for row in apart] == ["r45°", "r135°", "r225°"]
    assert report.worst < 1e-12 < min(row.error64 for row in apart), "off the grid it is only approximate"
    assert "off the grid, on smooth images: aliased, not counted" in str(report)
    own = mk.audit(mk.zoo.images.gcnn("p8", fields=3, depth=2).eval(), X, group="p8")
    assert "3 of 7 elements of p8" in own.verdict
    mean = mk.audit(Does(lambda w, x: w * x.mean((1, 2, 3))), X, group="p8")
    assert max(row.error64 for row in mean.rows) < 2e-3, (
        "a mean over smooth images hardly depends on the angle"
    )


def test_maps_are_compared_off_the_grid_too() -> None:
    grid = mk.spaces.Grid(mk.groups.named("p8"))
    image = mk.FieldType(grid, mk.reps.trivial(grid.stabiliser), 1)
    large = torch.randn(2, 1, 33, 33)
    lift = mk.nn.Lift(image, 2, 7)
    report = mk.audit(lift, large, in_type=image, out_type=lift.out_type, group="p8")
    right = max(row.error64 for row in report.rows if not row.counted)
    plain = nn.Conv2d(1, 16, 7, padding=3)
    wrong = mk.audit(plain, large, in_type=image, out_type=lift.out_type, group="p8")
    assert report.passed and right < 0.3 < min(row.error64 for row in wrong.rows), str(report)


def test_smooth_images_move_as_pixels_do() -> None:
    image, x = Image(), X[..., :9, :9]
    for element in motions_of(mk.groups.p4m(), [image], [x], torch.Generator().manual_seed(0), 8).exact:
        before, after = (
            aliased.smooth(x, image, g, torch.Generator().manual_seed(1)) for g in (None, element.motion)
        )
        moved = image.act(before, element.motion)
        torch.testing.assert_close(moved, after)
        torch.testing.assert_close(moved, aliased.resampled(before, image, element.motion))
        assert not torch.equal(before, after)


def test_a_large_group_is_tested_on_its_generators() -> None:
    voxels = torch.randn(1, 1, 5, 5, 5)
    report = mk.audit(Does(lambda w, x: w * x.amax((1, 2, 3, 4))), voxels, group="Z^3⋊Oh")
    assert report.passed and "under Z^3⋊Oh: worst" in report.verdict and len(report.rows) == 10
    assert any("10 of 47 elements were drawn, the generators among them" in note for note in report.notes)


@pytest.mark.parametrize(
    "module",
    [
        head(zero=True),
        Does(lambda w, x: 0 * w * x.mean((1, 2, 3))),
        Does(lambda w, x: w * torch.ones(4, 3)),
        Does(lambda w, x: (w * x.mean((1, 2, 3)))[:, None].softmax(-1)),
    ],
    ids=["zero-initialised head", "zeros", "ones", "softmax of one class"],
)
def test_an_output_that_does_not_depend_on_the_input_is_vacuous(module: nn.Module) -> None:
    report = mk.audit(module, X, group="p4")
    assert report.finding == "vacuous" and not report.passed and report.verdict.startswith("VACUOUS under p4")


def test_amplify_draws_what_is_all_zero() -> None:
    report = mk.audit(head(zero=True), X, group="p4", amplify=True)
    assert report.finding == "broken" and report.culprit.name == "0"
    frozen = head(zero=True)
    frozen[-1].weight.requires_grad_(False)
    assert mk.audit(frozen, X, group="p4", amplify=True).finding == "vacuous", "frozen zeros are meant"


def test_one_constant_output_of_several_is_noted() -> None:
    both = Does(lambda w, x: (w * x.mean((1, 2, 3)), w * torch.ones(3)))
    report = mk.audit(both, X, group="p4", out_type=("invariant", "invariant"))
    assert report.passed and "output 1 does not depend on the input" in report.notes


def test_rounding_near_zero_is_not_an_error_and_small_errors_are() -> None:
    invariant = Does(lambda w, x: w * (x - x.mean((-1, -2), keepdim=True)).mean((-1, -2)))
    assert mk.audit(invariant, X, group="p4").passed
    for size in (1e-6, 1e-15, 1e-25):  # the output is small, but not by rounding
        corner = Does(lambda w, x, size=size: size * w * (x.mean((1, 2, 3)) + 1e-3 * x[:, 0, 0, 0]))
        report = mk.audit(corner, X, group="p4")
        assert report.finding == "broken" and report.worst > 1e-4, size


def test_a_step_function_does_not_enlarge_the_rounding() -> None:
    """Its output jumps when the input changes by one bit: that is no measure of rounding."""
    halves = (2 * X).round() / 2 + 0.5
    jumpy = Does(lambda w, x: torch.ceil(w * x)[:, 0, 0, :3] + 0 * w)
    assert mk.audit(jumpy, halves, group="p4").finding == "broken"


def test_what_the_input_cannot_tell_is_not_claimed() -> None:
    half = X + X.flip((-1, -2))
    report = mk.audit(Does(lambda w, x: w * x.mean((1, 2, 3))), half, group="p4")
    assert report.passed and "2 of 3 elements of p4" in report.verdict
    assert any("symmetric under them: r180°" in note for note in report.notes)


def test_nothing_of_the_caller_changes() -> None:
    """Not the input, although the network writes on it; not the global generator, although it draws."""
    x, state = X.clone(), torch.get_rng_state()
    assert mk.audit(Does(lambda w, x: w * x.mul_(2).square().mean((1, 2, 3))), x, group="p4").passed
    mk.audit(nn.Sequential(nn.Dropout(0.5), nn.Flatten()), x, group="p4")
    assert torch.equal(x, X) and torch.equal(state, torch.get_rng_state())


def test_the_report_fits_80_columns() -> None:
    long = mk.groups.generated([[[0.0, -1.0], [1.0, 0.0]], [[-1.0, 0.0], [0.0, 1.0]]], "made")
    reports = [
        mk.audit(head(zero=False), X, group=long),
        mk.audit(head(zero=False), X, group="p8"),
        mk.audit(nn.Flatten(), torch.randn(2, 8, 1), in_type="tokens", group="Sym"),
        mk.audit(Does(lambda w, x: {"a name that is much too long": w * x[:, 0, 0]}), X, group="p4"),
    ]
    for report in reports:
        assert max(map(len, str(report).splitlines())) <= 80, str(report)
        assert report.to_dict()["passed"] is False and report.verdict in " ".join(str(report).split())
