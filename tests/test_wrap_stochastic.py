"""Stochastic frames: one of the golden frames each time, their mean the frame average, 1/√k from it."""

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import mackey as mk
from mackey.groups import named
from mackey.wrap.frame_averaging import frames
from mackey.wrap.stochastic_frames import stochastic_frames
from test_wrap_frame_groups import IN, OUT, Net, cloud


class Echo(nn.Module):
    """What the network sees, kept aside."""

    def forward(self, x: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        return x, cell


@pytest.mark.parametrize(("group", "name"), [("E(3)", "all"), ("SE(3)", "se3-all")])
def test_golden_frames_of_faenet(parity_folder: Path, group: str, name: str) -> None:
    """Positions and cell come as in one of the authors' frames, and in all of them in time.

    64 draws of 8 frames miss one with probability 8·(7/8)⁶⁴ = 0.0016; the seed is fixed.
    """
    with np.load(parity_folder / "faenet_frames.npz") as archive:
        golden = {key: torch.as_tensor(archive[key]) for key in archive.files if key != "meta"}
    wrapped = stochastic_frames(
        Echo(),
        group,
        ("positions", "cell"),
        ("invariant", "invariant"),
        generator=torch.Generator().manual_seed(0),
    )
    x, cell = golden["in/pos"].expand(64, -1, -1), golden["in/cell"].expand(64, -1, -1)
    seen = set()
    for at, axes in zip(*wrapped(x, cell), strict=True):
        # Columns by ascending moment here, by descending moment there.
        errors = (golden[f"out/pos_{name}"] - at.flip(-1)).abs().amax((1, 2))
        error, match = errors.min(0)
        if float(error) > 1e-10:  # a proper frame with its columns backwards is one with a sign changed
            errors = (golden[f"out/pos_{name}"] + at.flip(-1)).abs().amax((1, 2))
            error, match = errors.min(0)
            axes = -axes
        assert float(error) < 1e-10
        torch.testing.assert_close(axes.flip(-1), golden[f"out/cell_{name}"][match, 0], rtol=0, atol=1e-10)
        seen.add(int(match))
    assert len(seen) == len(golden[f"out/pos_{name}"])


def test_the_mean_over_draws_falls_with_slope_one_half(generator: torch.Generator) -> None:
    """log-log slope of the distance to the frame average against k = 1 … 256: −1/2 within 0.05."""
    x, v, h = (part[:1].expand(64, -1, -1) for part in cloud(3, generator))
    net = Net(3)
    with torch.no_grad():
        whole = frames(net, "E(3)", IN, OUT)(x, v, h)
        counts, errors = (1, 4, 16, 64, 256), []
        for count in counts:
            found = stochastic_frames(net, "E(3)", IN, OUT, samples=count, generator=generator)(x, v, h)
            errors.append([float((a - b).square().mean().sqrt()) for a, b in zip(found, whole, strict=True)])
    slopes = np.polyfit(np.log(counts), np.log(np.array(errors)), 1)[0]
    assert np.abs(slopes + 0.5).max() < 0.05, slopes
    assert min(errors[0]) > 0.01, "one frame alone is not the average"


def test_every_draw_is_a_frame_of_the_average(generator: torch.Generator) -> None:
    """All frames in turn, each once: their mean is the frame average to rounding."""
    x, v, h = cloud(3, generator)
    wrapped = stochastic_frames(Net(3), "SE(3)", IN, OUT, generator=generator)
    listed = wrapped.posing.poses((x, v, h))[0]
    torch.testing.assert_close(wrapped.averaged(x, v, h), frames(wrapped.network, "SE(3)", IN, OUT)(x, v, h))
    with torch.no_grad():
        drawn = torch.stack([wrapped(x, v, h)[2] for _ in range(20)])
        values = torch.stack([wrapped.network(*_turned(x, v, listed[:, k]), h)[2] for k in range(4)])
    distance = (drawn[:, None] - values).abs().amax(-1)  # draw, frame, sample
    assert float(distance.amin(1).max()) < 1e-12


def _turned(x: Tensor, v: Tensor, frame: Tensor) -> tuple[Tensor, Tensor]:
    return (x - x.mean(1, keepdim=True)) @ frame, v @ frame


def test_equivariant_on_average_only(generator: torch.Generator) -> None:
    """Equal draws on turned inputs: another frame of the same set. The guarantee says so."""
    x, v, h = cloud(3, generator)
    wrapped = stochastic_frames(Net(3), "E(3)", IN, OUT)
    assert wrapped.guarantee.kind == "in_expectation" and wrapped.guarantee.group == "E(3)"
    g = named("E(3)").sample(1, generator).double()[0]
    turned = (x @ g[:3, :3].mT + g[:3, 3], v @ g[:3, :3].mT, h)
    with torch.no_grad():
        for part in (wrapped.averaged, wrapped):
            change = (part(*turned)[2] - part(x, v, h)[2]).abs().max()
            assert (float(change) < 1e-12) is (part is not wrapped)
    with pytest.raises(ValueError, match="samples ≥ 1"):
        stochastic_frames(Net(3), "E(3)", IN, OUT, samples=0)
    with pytest.raises(ValueError, match="symmetric, or nearly so"):
        wrapped.check(torch.eye(3).double()[None], torch.eye(3).double()[None], h[:1, :3])


class Handed(nn.Module):
    """Products of coordinates, which proper frames keep and mirrors cancel, and what no frame keeps."""

    def forward(self, x: Tensor) -> Tensor:
        return x.roll(1, -1) * x.roll(2, -1) + (x + 0.5).sin()


def test_the_auditor_measures_the_mean(generator: torch.Generator) -> None:
    """Holds on average for the wrapped network, whose single draws do not."""
    x = torch.randn(4, 6, 3, generator=generator, dtype=torch.float64)
    wrapped = stochastic_frames(Handed(), "SE(3)", "positions", "vectors", samples=64, generator=generator)
    report = mk.audit(wrapped, x, in_type="positions", out_type="vectors", group="SE(3)")
    assert report.promise.holds, str(report)
    wider = mk.audit(wrapped, x, in_type="positions", out_type="vectors", group="E(3)")
    assert wider.finding == "biased" and wider.promise.holds, "more was asked than is declared"
    with torch.no_grad():
        mirrored = wrapped.averaged(-x) + wrapped.averaged(x)
    assert float(mirrored.abs().max()) > 1, "the mean over proper frames knows left from right"


def test_draws_come_from_the_generator(generator: torch.Generator) -> None:
    x, v, h = cloud(3, generator)
    state = torch.get_rng_state()
    wrapped = stochastic_frames(Net(3), "E(3)×Sym", IN, OUT, samples=2, generator=generator)
    state = torch.get_rng_state()
    kept = generator.get_state()
    first = wrapped(x, v, h)
    generator.set_state(kept)
    torch.testing.assert_close(wrapped(x, v, h), first, rtol=0, atol=0)
    assert float((wrapped(x, v, h)[2] - first[2]).detach().abs().max()) > 1e-3
    assert torch.equal(torch.get_rng_state(), state), "torch's own generator is untouched"
    twin = copy.deepcopy(stochastic_frames(Net(3), "E(3)", IN, OUT))
    assert all(part.shape == whole.shape for part, whole in zip(twin(x, v, h), first, strict=True))


@pytest.mark.parametrize("x", [torch.ones(1, 4, 3), torch.eye(3)[None, [0, 0, 0, 0]], torch.eye(3)[None]])
def test_gradients_are_finite(x: Tensor, generator: torch.Generator) -> None:
    """One place, points on a line, a triangle."""
    x = x.double().requires_grad_()
    v, h = (part[:1, : x.shape[1]] for part in cloud(3, generator)[1:])
    sum(y.sum() for y in stochastic_frames(Net(3), "E(3)", IN, OUT)(x, v, h)).backward()
    assert bool(torch.isfinite(x.grad).all())


@pytest.mark.unchecked
@pytest.mark.filterwarnings("ignore:.*should not be instantiated")  # the compiler's own reading of a Function
def test_compiled_and_exported(generator: torch.Generator) -> None:
    """With torch's own generator: graphs that draw anew on every call, near the average for many draws."""
    x, v, h = (part.clone() for part in cloud(3, generator))
    wrapped = stochastic_frames(Net(3), "E(3)", IN, OUT, samples=512)
    whole = wrapped.averaged(x, v, h)[2]
    compiled = torch.compile(wrapped, fullgraph=True, backend="aot_eager")
    program = torch.export.export(
        wrapped, (x, v, h), dynamic_shapes={"inputs": ({0: torch.export.Dim("b", min=2)},) * 3}, strict=False
    ).module()
    for call in (compiled, program):
        first, second = call(x, v, h)[2], call(x, v, h)[2]
        assert float((first - second).detach().abs().max()) > 1e-5, "drawn anew"
        assert float((first - whole).detach().abs().max()) < 0.15
    assert program(x[:3], v[:3], h[:3])[0].shape == (3, 7, 3)


def test_vmap_and_pickle(generator: torch.Generator) -> None:
    """Each sample of a vmap draws its own frame."""
    wrapped = pickle.loads(pickle.dumps(stochastic_frames(Handed(), "SE(3)", "positions", "vectors")))
    x = torch.randn(1, 5, 3, generator=generator, dtype=torch.float64).expand(16, -1, -1)
    y = torch.func.vmap(lambda z: wrapped(z[None])[0], randomness="different")(x)
    values = {tuple(part.round(decimals=8).flatten().tolist()) for part in y}
    assert 2 <= len(values) <= 4, "one of four frames each; 16 draws are all equal with probability 4⁻¹⁵"
