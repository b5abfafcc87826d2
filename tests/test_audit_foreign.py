"""The audit on networks of other people: every claim of tests/foreign, and docs/audit.md as measured."""

import re

import pytest
import torch
from e3nn import o3
from torch import nn

import mackey as mk
from foreign.claim import Claim, noise, row
from foreign.points import FIRST, in_double, tensor_product_in_float32
from foreign.table import CLAIMS, DOC, END, START
from mackey import reps

TEXT = DOC.read_text(encoding="utf-8")
ROWS = TEXT.split(START)[1].split(END)[0].strip().splitlines()[2:]
IRREPS = f"e3nn: {FIRST}"


@pytest.mark.parametrize("claim", CLAIMS, ids=str)
def test_right_and_wrong_claims_are_told_apart(claim: Claim) -> None:
    """And the table says what was measured."""
    report = claim.audited()
    assert report.finding == claim.finding, str(report)
    assert (report.culprit.name if report.culprit else "") == claim.culprit, str(report)
    assert row(claim, report) in ROWS, "run: cd tests && python -m foreign.table"


def test_the_table_has_no_other_rows() -> None:
    assert len(ROWS) == len(CLAIMS) == len({str(claim) for claim in CLAIMS})


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
def test_examples_run_and_print_what_they_say(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(code, {})
    said = re.findall(r"^# (.*)", code, re.MULTILINE)
    assert said and " ".join(said) in " ".join(capsys.readouterr().out.split())


def test_an_output_of_another_type_is_named() -> None:
    moves = next(claim for claim in CLAIMS if claim.out_type == ("tokens", "vectors"))
    assert 'output 1 transforms as "positions"' in moves.audited().culprit.cause


def test_constants_of_float32_are_seen_in_a_module_turned_to_float64() -> None:
    module, (first, second) = tensor_product_in_float32()
    types = {"in_type": CLAIMS[0].in_type, "out_type": CLAIMS[0].out_type, "group": "O(3)"}
    report = mk.audit(module.double(), (first.double(), second.double()), **types)
    assert report.finding == "rounded" and 1e-10 < report.worst < 1e-7, str(report)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_scripted_layers_are_judged_and_cannot_be_looked_into() -> None:
    class Scripted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.jit.script(in_double(lambda: o3.Linear(FIRST, FIRST)))

        def forward(self, x):
            return self.linear(x)

    x = noise(8, 23, dtype=torch.float64)
    assert mk.audit(Scripted(), x, in_type=IRREPS, out_type=IRREPS, group="O(3)").passed
    wrong = mk.audit(Scripted(), x, in_type=IRREPS, out_type=FIRST, group="O(3)")
    assert wrong.finding == "broken" and wrong.culprit is None
    assert any("scripted" in note for note in wrong.notes)


def test_features_without_points_are_one_vector_for_the_sample() -> None:
    layer = in_double(lambda: o3.Linear(FIRST, FIRST))
    for shape in ((8, 23), (4, 3, 23)):
        x = noise(*shape, dtype=torch.float64)
        assert mk.audit(layer, x, in_type=IRREPS, out_type=IRREPS, group="O(3)").passed
    points = noise(4, 3, 23, dtype=torch.float64)
    assert mk.audit(layer, points, in_type=IRREPS, out_type=IRREPS, group="O(3)×Sym").passed


@pytest.mark.parametrize("group", ["A5", "S4"])
def test_permutations_act_by_a_representation_at_a_point(group: str) -> None:
    field = mk.FieldType.at_point(reps.parse(mk.groups.named(group), "V + V⊗V"))
    layer = mk.nn.Linear(field, field).double()
    x = noise(3, field.rep.dim, dtype=torch.float64)
    assert mk.audit(layer, x, in_type=field, out_type=field, group=group).passed
    plain = nn.Linear(field.rep.dim, field.rep.dim).double()
    assert mk.audit(plain, x, in_type=field, out_type=field, group=group).finding == "broken"


def test_a_stride_on_a_torus_is_not_missed() -> None:
    """By a single random shift it would be, where that is a multiple of the stride."""
    net = nn.Sequential(nn.Conv2d(1, 2, 2, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    for seed in range(4):
        report = mk.audit(net, noise(2, 1, 8, 8), in_type="periodic_image", group="Z^2", seed=seed)
        assert report.finding == "broken", str(report)
    assert {row.element for row in report.rows} >= {"roll along x", "roll along y"}


def test_an_output_with_other_points_is_refused() -> None:
    with pytest.raises(ValueError, match=r"wanted 6 points on axis 1, got shape \(4, 5, 8\)"):
        mk.audit(nn.Conv1d(6, 5, 1), noise(4, 6, 8), in_type="tokens", out_type="tokens", group="Sym")


class Pairs(nn.Module):
    """Mean of a function of the distances of all pairs, and of the places if wrong."""

    def __init__(self, wrong: float = 0.0) -> None:
        super().__init__()
        self.each = nn.Sequential(nn.Linear(1, 8), nn.SiLU(), nn.Linear(8, 2))
        self.wrong = wrong

    def forward(self, x):
        away = torch.cdist(x, x)[..., None]
        return self.each(away).mean((1, 2)) + self.wrong * x[:, 0, :2]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_distances_that_lose_digits_are_not_called_broken(dtype: torch.dtype) -> None:
    """cdist of more than 25 points multiplies matrices: the root of its rounding is 1e-8."""
    types = {"in_type": "positions", "out_type": "invariant", "group": "E(3)×Sym"}
    x = noise(2, 30, 3, dtype=dtype)
    report = mk.audit(Pairs().to(dtype), x, **types)
    assert report.finding == "imprecise" and report.worst > 1e-10, str(report)
    assert "loses digits even in float64" in report.verdict and "up to digits that it loses" in report.verdict
    for wrong in (1.0, 1e-4):
        assert mk.audit(Pairs(wrong).to(dtype), x, **types).finding == "broken"
    few = mk.audit(Pairs().to(dtype), x[:, :20], **types)
    assert few.finding != "broken", str(few)


def test_a_convolution_along_a_list_of_points_is_blamed_for_that() -> None:
    net = nn.Conv1d(8, 8, 3, padding=1)
    report = mk.audit(net, noise(4, 8, 6), in_type="tokens@2", out_type="tokens@2", group="Sym")
    assert report.finding == "broken" and "side by side in the list" in report.culprit.cause, str(report)
