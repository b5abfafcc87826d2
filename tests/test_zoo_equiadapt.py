"""equiadapt: the authors' outputs with their weights; the published systems built from our parts."""

import json
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

import mackey as mk
from amplified import drawn, error

IMAGES = import_module("mackey.zoo.images.equiadapt")
POINTS = import_module("mackey.zoo.points.learned_canonicalization")
GOLDEN = [("gram_schmidt", 1e-12), ("vnsmall", 1e-12), ("c4_image", 1e-5)]


@pytest.mark.parametrize(("name", "tolerance"), GOLDEN)
def test_golden_files(parity_folder: Path, name: str, tolerance: float) -> None:
    """Frames and vectors to rounding; canonical images to the float32 of their interpolation. Also the moved
    input of each file.
    """
    path = parity_folder / f"equiadapt_{name}.npz"
    case = mk.interop.load(path)
    with np.load(path) as archive:
        moved = {
            key: torch.as_tensor(archive[key]) for key in archive.files if key.startswith(("in2", "out2"))
        }
    found, again = case.run(), case.run({k[4:]: v for k, v in moved.items() if k.startswith("in2/")})
    for key, wanted in case.expected.items():
        assert error(found[key], wanted) < tolerance
        assert error(again[key], moved[f"out2/{key}"]) < tolerance


@pytest.mark.parametrize("name", ["vnsmall", "c4_image"])
def test_foreign_settings_are_refused(parity_folder: Path, name: str) -> None:
    with np.load(parity_folder / f"equiadapt_{name}.npz") as archive:
        meta = json.loads(str(archive["meta"]))
        state = {key[6:]: torch.as_tensor(archive[key]) for key in archive.files if key.startswith("param/")}
    changes = {"vnsmall": {"pooling": "max"}, "c4_image": {"num_rotations": 8}}
    wanted = {"vnsmall": "wanted pooling='mean'", "c4_image": "wanted rotation, 4, got rotation, 8"}
    with pytest.raises(ValueError, match=wanted[name]):
        mk.interop.from_official(meta["system"], meta["args"] | changes[name], state)
    with pytest.raises(ValueError, match="wanted the settings"):
        mk.interop.from_official(meta["system"], {**meta["args"], "dropout": 0.5}, state)
    if name == "c4_image":
        key = "canonicalization_network.eqv_network.2.weights"
        with pytest.raises(ValueError, match=r"weights .4, 4, 4, 1, 1. and a bias"):
            mk.interop.from_official(meta["system"], meta["args"], {**state, key: state[key][:, :, :3]})


def test_the_official_frame_may_be_a_mirror(parity_folder: Path) -> None:
    """VNSmall has group SO(3), and the third vector of its frame stands on either side: of two clouds of the
    golden file one is seen in a mirror. Ours is a rotation for both, and the same but for that.
    """
    with np.load(parity_folder / "equiadapt_vnsmall.npz") as archive:
        vectors, official = (torch.as_tensor(archive[f"out/{key}"]) for key in ("vectors", "rotation"))
    ours = mk.wrap.gram_schmidt(vectors, proper=True).mT
    torch.testing.assert_close(torch.linalg.det(ours), torch.ones(2, dtype=torch.float64))
    assert error(ours[:, :2], official[:, :2]) < 1e-12
    sides = torch.linalg.det(official).round()
    assert error(ours[:, 2] * sides[:, None], official[:, 2]) < 1e-12


def test_equiadapt_is_exact_and_learns_the_prior() -> None:
    """All turns and mirrors of the pixels; the loss falls on upright images, and falls alike for all of a
    pretrained network's outputs.
    """
    model, (x,) = IMAGES.example()
    model, x = drawn(model), x.double()
    y = model(x)
    assert float(y.detach().std()) > 1e-3
    for k in range(4):
        for mirrored in (False, True):
            turned = torch.rot90(x.flip(-1) if mirrored else x, k, (-2, -1))
            assert error(model(turned), y) < 1e-10
    assert model.guarantee.kind == "exact"
    pretrained = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(169, 3))
    model = mk.zoo.images.equiadapt(network=pretrained, fields=4)
    before = model.prior_loss(x.float())
    before.backward()
    assert all(p.grad is None for p in pretrained.parameters()), "the prior teaches the scorer alone"
    assert any(p.grad is not None and float(p.grad.abs().max()) > 0 for p in model.parameters())


def test_learned_canonicalization_moves_with_the_particles(generator: torch.Generator) -> None:
    """A hundred elements of E(3), each with a permutation of the particles; the plain network is far off."""
    model, inputs = POINTS.example()
    model = drawn(model, 0.6)
    x, v, q = (torch.randn(part.shape, generator=generator, dtype=torch.float64) for part in inputs)
    with torch.no_grad():
        y = model(x, v, q)
        for g in mk.groups.named("E(3)").sample(100, generator).double():
            turn, p = g[:3, :3], torch.randperm(5, generator=generator)
            z = model((x @ turn.mT + g[:3, 3])[:, p], (v @ turn.mT)[:, p], q[:, p])
            assert error(z, (y @ turn.mT + g[:3, 3])[:, p]) < 1e-10
        plain = model.canonical.network
        assert error(plain(x @ turn.mT, v @ turn.mT, q), plain(x, v, q) @ turn.mT) > 1e-2
    assert (model.guarantee.kind, model.guarantee.group) == ("exact", "E(3)")


@pytest.mark.parametrize("module", [IMAGES, POINTS])
def test_gradients_dtype_and_state(module: ModuleType) -> None:
    model, inputs = module.example()
    model = model.eval()
    y = model(*inputs)
    y.square().sum().backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert grads and all(bool(g.isfinite().all()) for g in grads)
    twin, _ = module.example()
    twin.load_state_dict(model.state_dict())
    assert torch.equal(twin.eval()(*inputs), y)
    half = model.bfloat16()(*(x.bfloat16() for x in inputs))
    assert half.dtype == torch.bfloat16 and bool(half.isfinite().all())
    with torch.device("meta"):
        module.example()
    assert module.PAPER


@pytest.mark.unchecked
@pytest.mark.parametrize("module", [IMAGES, POINTS])
def test_compile_and_export(module: ModuleType) -> None:
    model, inputs = module.example()
    model = model.eval()
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*inputs), model(*inputs))
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(model, inputs, dynamic_shapes=tuple({0: batch} for _ in inputs))
    more = tuple(torch.cat([x, x[:1]]) for x in inputs)
    torch.testing.assert_close(program.module()(*more), model(*more))
