"""Canonical poses of images and clouds under finite groups."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mackey as mk
from amplified import drawn, error, noise
from mackey.wrap import ImageScorer, canonicaliser

EXACT = 1e-10


def turned(x: Tensor, k: int, mirrored: bool) -> Tensor:
    """The displayed image mirrored left–right if so, then turned k times by 90° counter-clockwise."""
    return torch.rot90(x.flip(-1) if mirrored else x, k, (-2, -1))


class ToImage(nn.Module):
    """A network that knows up from down."""

    def __init__(self, channels: int = 2) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, channels, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        ramp = torch.linspace(0, 1, x.shape[-1], dtype=x.dtype)
        return self.layers(x) * (1 + ramp + ramp[:, None] ** 2)


class ToNumbers(nn.Module):
    """So many numbers of an image; also as one output beside the image."""

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.image, self.numbers = ToImage(), numbers

    def forward(self, x: Tensor) -> Tensor:
        return self.image(x).flatten(1)[:, : self.numbers].tanh()


def scored(group: str, network: nn.Module, out: Any) -> Any:
    scorer = ImageScorer(group, 2, fields=3, kernel_size=3)
    return drawn(canonicaliser(network, group, "image", out, scorer=scorer))


GROUPS = [("p4", False), ("p4m", True), ("C8", False), ("D4", True), ("p2m", True), ("p8m", True)]


@pytest.mark.parametrize(("group", "mirrors"), GROUPS)
@pytest.mark.parametrize("size", [8, 9])
def test_images_to_images_and_numbers(group: str, mirrors: bool, size: int) -> None:
    """Every element that permutes the pixels, odd and even sizes, white noise and smooth inputs."""
    image, numbers = scored(group, ToImage(), "image"), scored(group, ToNumbers(3), "invariant")
    x = noise(4, 2, size, size)
    x = torch.cat([x, (x + x.roll(1, 2) + x.roll(1, 3)) / 3])
    quarters = (0, 2) if group.startswith("p2") else range(4)
    for k in quarters:
        for mirrored in (False, True)[: 1 + mirrors]:
            assert error(image(turned(x, k, mirrored)), turned(image(x), k, mirrored)) < EXACT
            assert error(numbers(turned(x, k, mirrored)), numbers(x)) < EXACT
    assert error(ToNumbers(3).double()(turned(x, 2, False)), ToNumbers(3).double()(x)) > 1e-3
    wanted = "exact_on_grid" if "8" in group else "exact"
    assert image.guarantee.kind == wanted and "measure zero" in image.guarantee.note


def test_images_to_any_declared_type() -> None:
    """Regular fields, vectors of the sample, irreps, and several outputs at once."""
    G = mk.groups.p4m()
    H = G.point_group
    regular = mk.FieldType(mk.spaces.Grid(G), mk.reps.regular(H), 1)
    point = mk.FieldType(mk.spaces.Point(H), mk.reps.standard(H), 2)
    x = noise(3, 2, 7, 7)
    cases: list[tuple[nn.Module, Any]] = [
        (ToImage(8), regular),
        (ToNumbers(2), "vector"),
        (ToNumbers(4), point),
        (ToNumbers(5), "3xA1 + E"),
    ]
    for network, out in cases:
        wrapped = scored("p4m", network, out)
        declared = mk.actions.declare(out, H, "test")
        y = wrapped(x)
        for h in range(8):
            motion = mk.actions.Motion(torch.as_tensor(H.matrices[h]))
            wanted = declared.act(y, motion) if out != "3xA1 + E" else _rows(declared, y, motion)
            assert error(wrapped(turned(x, h % 4, h >= 4)), wanted) < EXACT
    assert error(drawn(ToNumbers(2))(turned(x, 1, False)), drawn(ToNumbers(2))(x)) > 1e-3


def _rows(declared: Any, y: Tensor, motion: Any) -> Tensor:
    return torch.cat([declared.act(row[None], motion) for row in y])


def test_symmetric_images_are_tied_and_still_exact() -> None:
    """The scores of x = kx agree for h and kh: outputs are averaged over both, so that φ(x) = kφ(x)."""
    wrapped = scored("p4m", ToImage(), "image")
    x = noise(2, 2, 9, 9)
    mirror = x + x.flip(-1)
    weights, _ = wrapped.canonical(mirror)
    assert torch.equal((weights > 0.4).sum(1), torch.tensor([2, 2]))
    y = wrapped(mirror)
    assert error(y.flip(-1), y) < EXACT
    for k in range(4):
        assert error(wrapped(turned(mirror, k, True)), turned(y, k, True)) < EXACT
    constant = torch.ones(1, 2, 9, 9, dtype=torch.float64)
    y = wrapped(constant)
    assert all(error(turned(y, k, True), y) < EXACT for k in range(4))


def test_the_canonical_image_is_the_same_for_all_of_an_orbit() -> None:
    wrapped, x = scored("p4m", ToImage(), "image"), noise(3, 2, 8, 8)
    weights, (canonical,) = wrapped.canonical(x)
    assert torch.equal(weights.amax(1), torch.ones(3, dtype=torch.float64)), "one pose is chosen"
    found = {
        wrapped.canonical(turned(x, k, m))[1][0].numpy(force=True).tobytes() for k in range(4) for m in (0, 1)
    }
    assert found == {canonical.numpy(force=True).tobytes()}
    back = [turned(x, k, m) for k in range(4) for m in (False, True)]
    assert all(any(torch.equal(canonical[i], one[i]) for one in back) for i in range(3))


def test_the_scorer_learns_the_prior() -> None:
    """Upright: a bright spot at the top. At first every pose is chosen; after training the identity."""
    torch.manual_seed(0)
    wrapped = canonicaliser(nn.Flatten(), "p4", "image", "invariant", scorer=ImageScorer("p4", 1, fields=4))
    generator = torch.Generator().manual_seed(0)
    images = 0.3 * torch.randn(64, 1, 11, 11, generator=generator)
    images[:, :, 1:4, 4:7] += 2
    optimiser = torch.optim.Adam(wrapped.parameters(), 1e-2)
    before = float(wrapped.prior_loss(images).detach())
    for _ in range(30):
        optimiser.zero_grad()
        wrapped.prior_loss(images).backward()
        optimiser.step()
    wrapped.eval()
    after = float(wrapped.prior_loss(images).detach())
    assert before > 1 > 0.1 > after
    assert torch.equal(wrapped(images), images.flatten(1)), "a pretrained network sees what it was trained on"
    assert torch.equal(wrapped(torch.rot90(images, 1, (-2, -1))), images.flatten(1))


def test_the_scorer_learns_from_the_task_alone() -> None:
    """The straight-through gradient reaches every weight of the scorer."""
    wrapped = scored("p4", ToNumbers(3), "invariant")
    wrapped(noise(4, 2, 7, 7)).square().sum().backward()
    grads = [p.grad for p in wrapped.scorer.parameters()]
    assert all(g is not None and bool(g.isfinite().all()) for g in grads)
    assert sum(float(g.abs().max()) > 0 for g in grads if g is not None) >= 4
    for x in (torch.zeros(1, 2, 7, 7), torch.ones(1, 2, 7, 7)):
        x = x.double().requires_grad_()
        wrapped(x).sum().backward()
        assert bool(x.grad.isfinite().all())


def test_low_precision_and_state() -> None:
    wrapped = scored("p4m", ToNumbers(3), "invariant").float()
    x = noise(2, 2, 8, 8).float()
    assert wrapped(x).dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert bool(wrapped(x).isfinite().all())
    other = canonicaliser(
        ToNumbers(3), "p4m", "image", "invariant", scorer=ImageScorer("p4m", 2, fields=3, kernel_size=3)
    )
    other.load_state_dict(wrapped.state_dict())
    assert torch.equal(other.eval()(x), wrapped(x))
    with torch.device("meta"):
        canonicaliser(ToNumbers(3), "C8", "image", "invariant", scorer=ImageScorer("C8", 2))


@pytest.mark.unchecked
@pytest.mark.parametrize("group", ["p4m", "C8"])
def test_images_compile_and_export(group: str) -> None:
    wrapped, x = scored(group, ToImage(), "image"), noise(2, 2, 8, 8)
    torch._dynamo.reset()
    compiled = torch.compile(wrapped, fullgraph=True, backend="aot_eager")
    assert error(compiled(x), wrapped(x)) < 1e-12
    program = torch.export.export(
        wrapped, (x,), dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},)
    )
    more = torch.cat([x, x[:1]])
    assert error(program.module()(more), wrapped(more)) < 1e-12


def test_messages() -> None:
    with pytest.raises(ValueError, match="wanted a scorer, got none"):
        canonicaliser(ToImage(), "p4", "image", "image")
    with pytest.raises(ValueError, match="depth ≥ 2"):
        ImageScorer("p4", 1, depth=1)
    with pytest.raises(ValueError, match="a finite group of turns and mirrors"):
        ImageScorer("SO(2)", 1)
    with pytest.raises(ValueError, match="a square image"):
        scored("p4", ToImage(), "image")(noise(1, 2, 6, 8))
    G = mk.groups.p4()
    field = mk.FieldType(mk.spaces.Grid(G), mk.reps.regular(G.point_group), 1)
    with pytest.raises(ValueError, match="no such element"):
        scored("p4m", ToImage(), field)
