"""The page of an audit: what stands in its data, and what a person sees and clicks in a browser."""

import base64
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, Route, expect, sync_playwright
from torch import Tensor, nn

import mackey as mk
from mackey.audit import Examination
from mackey.audit.page import page, to_json


class Small(nn.Module):
    """A convolution without symmetry, and what comes after it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.act = nn.ReLU()
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.stem(x)).mean((2, 3)))


class Pull(nn.Module):
    """Forces and their sizes: equivariant, or not, with a norm over components."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor, charge: Tensor) -> tuple[Tensor, Tensor]:
        force = ((x[:, :, None] - x[:, None]) * charge[:, None]).sum(2)
        return self.norm(force), force.norm(dim=-1).sum(1)


def images(seed: int = 0, size: int = 12) -> Tensor:
    return torch.randn(2, 1, size, size, generator=torch.Generator().manual_seed(seed))


def examined(norm: nn.Module) -> Examination:
    draw = torch.Generator().manual_seed(0)
    cloud = torch.randn(2, 6, 3, generator=draw), torch.randn(2, 6, 1, generator=draw)
    types = ("positions", "tokens"), ("vectors", "invariant")
    return mk.examine(Pull(norm), cloud, in_type=types[0], out_type=types[1], group="E(3)×Sym")


# The browser: Debian's chromium, headless. The gate installs it and says so in MACKEY_CHROMIUM.


@pytest.fixture(scope="module")
def browser() -> Any:
    program = os.environ.get("MACKEY_CHROMIUM") or shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


def opened(browser: Any, path: Path, **options: Any) -> tuple[Page, list[str]]:
    """The page, and what went wrong on it: errors of the script, and any request but for the page."""
    wrong: list[str] = []
    context = browser.new_context(**options)

    def watch(route: Route) -> None:
        if route.request.url != path.as_uri():
            wrong.append(route.request.url)
        route.continue_()

    context.route("**/*", watch)
    shown = context.new_page()
    shown.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    shown.on("pageerror", lambda error: wrong.append(str(error)))
    shown.goto(path.as_uri())
    return shown, wrong


def curve(found: Examination, output: str = "output 0") -> dict[float, float | None]:
    assert found.orbit is not None
    errors = next(c.errors for c in found.orbit.curves if c.output == output)
    return dict(zip(found.orbit.values, errors, strict=True))


def test_the_curve_of_an_equivariant_network_is_rounding_where_it_counts() -> None:
    model = mk.zoo.images.gcnn(group="p4", in_channels=1, classes=3, fields=2, depth=2).eval()
    found = mk.examine(model, images(size=9), group="p4")
    assert found.report.passed and found.orbit is not None and found.orbit.parameter == "angle"
    counted = [v for v, c in zip(found.orbit.values, found.orbit.counted, strict=True) if c]
    assert counted == [0.0, 90.0, 180.0, 270.0]
    errors = curve(found)
    assert all(errors[angle] is not None and errors[angle] < 1e-10 for angle in counted)  # type: ignore[operator]
    assert errors[45.0] is not None and errors[45.0] > 1e-6, "between the samples it aliases"
    assert all(layer.error is None or layer.error < 1e-8 for layer in found.layers)


def test_the_layers_show_where_it_breaks() -> None:
    found = mk.examine(Small().eval(), images(), group="p4")
    assert found.report.culprit is not None and found.report.culprit.name == "stem"
    errors = {layer.name: layer.error for layer in found.layers}
    assert list(errors) == ["stem", "act", "head"] and all(
        e is not None and e > 1e-3 for e in errors.values()
    )
    late = examined(nn.LayerNorm(3))
    assert [(layer.name, layer.kind) for layer in late.layers] == [("norm", "LayerNorm")]
    assert late.layers[0].error is not None and late.layers[0].error > 1e-2
    assert examined(nn.Identity()).layers[0].error is not None


@pytest.mark.parametrize("norm", [nn.Identity(), nn.LayerNorm(3)])
def test_clouds_turn_about_an_axis_that_is_no_coordinate(norm: nn.Module) -> None:
    found = examined(norm)
    assert found.orbit is not None and found.orbit.parameter == "angle" and all(found.orbit.counted)
    broken, right = curve(found), curve(found, "output 1")
    assert max(e for e in right.values() if e is not None) < 1e-12
    worst = max(e for e in broken.values() if e is not None)
    assert worst > 1e-2 if isinstance(norm, nn.LayerNorm) else worst < 1e-12
    roles = [(panel.role, panel.kind) for panel in found.orbit.panels]
    assert ("input", "points") in roles and ("output", "arrows") in roles and ("wanted", "arrows") in roles


def test_boosts_and_tested_elements_are_paths_too() -> None:
    momenta = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0)).double()
    metric = torch.tensor([1.0, -1, -1, -1]).double()

    class Masses(nn.Module):
        def forward(self, p: Tensor) -> Tensor:
            return ((p * metric) * p).sum(-1)

    found = mk.examine(Masses(), momenta, in_type="vectors", out_type="tokens@1", group="SO⁺(1,3)")
    assert found.orbit is not None and found.orbit.parameter == "rapidity"
    assert found.orbit.values[0] == -2.0 and found.orbit.values[-1] == 2.0
    sets = mk.examine(nn.Linear(3, 3), torch.randn(2, 5, 3), in_type="tokens", out_type="tokens", group="Sym")
    assert sets.orbit is not None and sets.orbit.parameter == "element"
    assert sets.orbit.labels[:3] == ("identity", "transposition", "cycle")


def test_panels_are_pictures_of_every_step() -> None:
    found = mk.examine(Small().eval(), images(), group="p4")
    assert found.orbit is not None
    for panel in found.orbit.panels:
        raw = np.frombuffer(base64.b64decode(panel.pixels), np.uint8)
        assert len(raw) == len(found.orbit.labels) * int(np.prod(panel.shape)) and raw.max() == 255
    one = next(p for p in found.orbit.panels if p.role == "input")
    steps = np.frombuffer(base64.b64decode(one.pixels), np.uint8).reshape(-1, *one.shape).astype(int)
    quarter = found.orbit.values.index(90.0)
    assert np.abs(np.rot90(steps[0]) - steps[quarter]).max() <= 1, "the input turns by 90° counter-clockwise"


def test_what_cannot_be_measured_has_a_page_all_the_same() -> None:
    drops = nn.Sequential(nn.Flatten(), nn.Dropout(0.5))
    found = mk.examine(drops, images(), group="p4")
    assert found.report.finding == "random" and found.orbit is None and found.layers == ()
    assert "NOT measurable" in found.html()


class Noisy(nn.Module):
    """Right on average: it declares so."""

    guarantee = mk.Guarantee("in_expectation", "p4")

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)) + 0.01 * torch.randn(x.shape[0], x.shape[1], dtype=x.dtype)


def test_a_mean_is_shown_by_its_bias_and_what_chance_leaves(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    mk.examine(Noisy(), images(), group="p4").save(path)
    shown, wrong = opened(browser, path)
    assert shown.locator("#finding").inner_text() == "in expectation"
    assert "at most" in shown.locator("#elements th").nth(3).inner_text()
    assert (
        shown.locator("#elements tbody tr").count() == 2
        and "256 samples" in shown.locator("#elements").inner_text()
    )
    assert shown.locator("#orbit").is_hidden() and wrong == []


def test_data_are_strict_json_and_cannot_leave_their_script() -> None:
    def refuse(constant: str) -> Any:
        raise AssertionError(constant)

    data = {"name": "</script><b>", "error": float("inf"), "list": (float("nan"), 1, True, None, "x")}
    assert json.loads(to_json(data), parse_constant=refuse) == {
        "name": "</script><b>",
        "error": None,
        "list": [None, 1, True, None, "x"],
    }
    text = page("a <b> & {{data}}", "verdict", data)
    assert "<title>a &lt;b&gt; &amp; {{data}}" in text and text.count("</script>") == 2
    found = mk.examine(Small().eval(), images(), group="p4", title="Small")
    inside = re.search(r'id="data">(.*?)</script>', found.html(), re.S)
    assert inside is not None
    assert json.loads(inside[1], parse_constant=refuse)["report"]["finding"] == "broken"


def colours(shown: Page, number: int) -> list[int]:
    """The pixels of one canvas."""
    script = "(c) => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)"
    found: list[int] = shown.locator("canvas").nth(number).evaluate(script)
    return found


def test_a_person_sees_the_verdict_and_turns_the_input(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    mk.examine(Small().eval(), images(), group="p4", title="a <small> network").save(path)
    shown, wrong = opened(browser, path)
    assert shown.locator("h1").inner_text() == "a <small> network"
    assert shown.locator("#finding").inner_text() == "broken"
    assert "stem (Conv2d)" in shown.locator("#culprit h2").inner_text()
    assert shown.locator("#layers tr.culprit").count() == 1
    assert shown.locator("#elements tbody tr").count() == 3
    assert shown.locator("#curve circle title").count() == 24
    before = colours(shown, 0)
    assert len(set(before)) > 20, "a picture, and not one colour"
    shown.locator("input[type=range]").focus()
    for _ in range(6):
        shown.keyboard.press("ArrowRight")
    assert shown.locator("#orbit output").inner_text().startswith("90°")
    after = colours(shown, 0)
    assert after != before
    image = np.array(before, float).reshape(336, 336, 4)
    turned = np.array(after, float).reshape(336, 336, 4)
    assert np.abs(np.rot90(image) - turned).mean() < 2 < np.abs(image - turned).mean()
    shown.get_by_role("button", name="Play").click()
    expect(shown.locator("#orbit output")).not_to_have_text(re.compile("^90°"))
    shown.get_by_role("button", name="Pause").click()
    stopped = shown.locator("#orbit output").inner_text()
    shown.wait_for_timeout(400)  # two steps of the player
    assert shown.locator("#orbit output").inner_text() == stopped
    with shown.expect_download() as download:
        shown.get_by_role("link", name="Save as JSON").click()
    assert json.loads(Path(download.value.path()).read_text())["report"]["finding"] == "broken"
    assert [line for line in wrong if not line.startswith("blob:")] == []


def test_the_page_of_a_cloud_fits_a_telephone_in_the_dark(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    examined(nn.Identity()).save(path)
    shown, wrong = opened(browser, path, viewport={"width": 390, "height": 800}, color_scheme="dark")
    assert shown.locator("#finding").inner_text() == "equivariant"
    assert shown.evaluate("document.documentElement.scrollWidth") <= 390
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 20, 27)"
    assert (
        shown.locator("#culprit").is_hidden()
        and "nothing to look at" in shown.locator("#findings").inner_text()
    )
    assert wrong == []
