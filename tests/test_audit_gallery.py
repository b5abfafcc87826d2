"""The gallery of known bad networks: each is blamed for what it does, and its repaired twin passes."""

import re
from itertools import product

import pytest
import torch
from torch import Tensor, nn

import mackey as mk
from gallery.exhibit import Exhibit, Specimen, image, noise
from gallery.orientations import GroupNet, between
from gallery.sampling import isotropic
from gallery.table import ALL, PAGE, error, line
from mackey.audit.report import Report
from mackey.spaces import nearest_sizes

REPORTS: dict[str, Report] = {}
FIGURE = re.compile(r" \d(?:\.\d+)?e[-+]\d+ | – ")


def reported(exhibit: Exhibit) -> Report:
    """Measured once for all tests."""
    if str(exhibit) not in REPORTS:
        REPORTS[str(exhibit)] = exhibit.bad.report()
    return REPORTS[str(exhibit)]


@pytest.mark.parametrize("exhibit", ALL, ids=str)
def test_the_culprit_is_named_with_cause_and_fix(exhibit: Exhibit) -> None:
    report, said = reported(exhibit), exhibit.verdict
    assert report.finding == said.finding, str(report)
    if not said.culprit:
        assert report.culprit is None
        return
    assert report.culprit is not None and report.culprit.name == said.culprit, str(report)
    assert re.search(said.cause, report.culprit.cause), report.culprit.cause
    assert re.search(said.fix, report.culprit.fix), report.culprit.fix


@pytest.mark.parametrize("exhibit", ALL, ids=str)
def test_the_repaired_twin_passes(exhibit: Exhibit) -> None:
    report = exhibit.right.report()
    assert report.passed, str(report)
    assert exhibit.right.lint() == ()


@pytest.mark.parametrize("exhibit", ALL, ids=str)
def test_lint_names_what_can_be_read_off(exhibit: Exhibit) -> None:
    said = exhibit.verdict.lint
    assert [finding.layer for finding in exhibit.bad.lint()] == ([said] if said else [])


def test_the_page_is_made_from_the_gallery() -> None:
    """`cd tests && python -m gallery.table` writes it; machines may differ by a factor of 3 in figures."""
    rows = [row for row in PAGE.read_text().splitlines() if row.startswith("| ")][1:]
    assert len(rows) == len(ALL)
    for row, exhibit in zip(rows, ALL, strict=True):
        report = reported(exhibit)
        assert without_figures(row) == without_figures(line(exhibit, report))
        if report.rows and report.finding != "equivariant":
            assert 1 / 3 < float(row.split(" | ")[6]) / error(report) < 3


def without_figures(row: str) -> str:
    return re.sub(r"\d(\.\d+)?e[-+]\d+", "…", row)


def test_no_two_exhibits_are_the_same() -> None:
    assert len({str(exhibit) for exhibit in ALL}) == len(ALL)
    assert {exhibit.verdict.finding for exhibit in ALL} == {
        "broken", "rounded", "imprecise", "random", "equivariant",
    }  # fmt: skip


def test_an_index_that_forgets_that_mirrors_turn_is_right_without_mirrors() -> None:
    def wrong() -> nn.Module:
        return GroupNet(8, lambda h, u, v: between(u, v, False))

    report = Specimen(wrong, image(3), "p4").report()
    assert report.passed, "only mirrors tell"


class Corner(nn.Module):
    """The first row of a map, or of a list of tokens: that is not invariant."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0] if x.ndim == 3 else x[:, :, 0].mean(-1)


class Foreign(nn.Module):
    """A right network in some layout of its own, and a wrong end."""

    def __init__(self, layout: str, end: nn.Module) -> None:
        super().__init__()
        self.layout = layout
        self.stem = isotropic(nn.Conv2d(1, 4, 3, padding=1))
        self.first = nn.Parameter(torch.randn(1, 1, 4))
        self.inner = nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 4), nn.Tanh())
        self.mix = nn.MultiheadAttention(4, 1, batch_first=True)
        self.end = end

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        if self.layout == "channels last":
            return self.end(self.inner(y.movedim(1, -1)).movedim(-1, 1))
        tokens = y.flatten(2).mT
        if self.layout == "class token":
            tokens = torch.cat([self.first.expand(len(x), -1, -1), tokens], 1)
        if self.layout == "windows":
            tokens = y.unflatten(3, (-1, 3)).unflatten(2, (-1, 3)).permute(0, 2, 4, 3, 5, 1)
            tokens = tokens.flatten(0, 2).flatten(1, 2)
        tokens = self.mix(*3 * [self.inner(tokens)])[0]
        if self.layout == "windows":
            parts = tokens.unflatten(1, (3, 3)).unflatten(0, (-1, 2, 2))
            return self.end(parts.permute(0, 5, 1, 3, 2, 4).flatten(4).flatten(2, 3))
        return self.end(tokens[:, 1:] if self.layout == "class token" else tokens)


@pytest.mark.parametrize("layout", ["channels last", "tokens", "class token", "windows"])
def test_right_layers_in_foreign_layouts_are_not_blamed(layout: str) -> None:
    x = noise(4, 1, 6, 6)
    report = mk.audit(Foreign(layout, Corner()), x, group="p4m")
    assert report.finding == "broken" and report.culprit.name == "end", str(report)


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_sizes_and_windows_that_lint_proposes_work(stride: int) -> None:
    for kernel, padding, size in product((1, 2, 3, 4, 5), (0, 1, 2), (7, 10, 11)):
        layer = nn.Sequential(nn.Conv2d(1, 1, kernel, stride, padding))
        found = mk.lint(layer, torch.zeros(1, 1, size, size))
        assert bool(found) == bool((size + 2 * padding - kernel) % stride)
        for finding in found:
            sizes, windows = finding.fix.split(", or a window of ")
            assert sizes == "size " + " or ".join(map(str, nearest_sizes(size, kernel, stride, padding)))
            assert all((size + 2 * padding - int(k)) % stride == 0 for k in windows.split(" or "))


def test_a_dilated_window_is_judged_by_its_reach() -> None:
    right = nn.Sequential(isotropic(nn.Conv2d(1, 1, 2, 2, dilation=2)))  # reaches 3
    x = noise(2, 1, 7, 7)
    assert mk.lint(right, x) == () and mk.audit(right, x, out_type="image").passed
    (found,) = mk.lint(right, x[..., :6, :6])
    assert "(6 + 0 − 3) mod 2" in found.message
    assert mk.audit(right, x[..., :6, :6], out_type="image").culprit.name == "0"
