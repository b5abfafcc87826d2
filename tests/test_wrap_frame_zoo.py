"""The frame-averaged GNN: the authors' outputs with their weights, and E(3)×Sym on fresh ones."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mackey.groups import named
from mackey.zoo.points import frame_averaging
from mackey.zoo.points.frame_averaging import example


@pytest.mark.parametrize("point", ["", "2"])
def test_golden_gnn(parity_folder: Path, point: str) -> None:
    with np.load(parity_folder / "frame_averaging_gnn.npz") as archive:
        golden = {key: torch.as_tensor(archive[key]) for key in archive.files if key != "meta"}
    model = frame_averaging(12, 3).double()
    renamed = {key[6:]: value for key, value in golden.items() if key.startswith("param/")}
    renamed = {
        key.replace("gcl_", "layers.").replace("embedding.0", "embedding"): value
        for key, value in renamed.items()
    }
    model.load_state_dict(renamed)
    h = golden[f"in{point}/h"].view(2, 5, 6)
    row, col = golden["in/row"], golden["in/col"]
    edges = torch.zeros(2, 5, 5, 2, dtype=torch.float64)
    edges[row // 5, row % 5, col % 5] = golden["in/edge_attr"]
    with torch.no_grad():
        y = model.from_edges(h[..., :3], h[..., 3:], edges).view(10, 3)
    wanted = golden[f"out{point}/y"]
    torch.testing.assert_close(y, wanted, rtol=0, atol=1e-8 * float(wanted.abs().max()))


def test_motions_and_permutations(generator: torch.Generator) -> None:
    """A hundred elements of E(3), mirrors and shifts among them, each with a permutation of the particles."""
    model, inputs = example()
    model = model.double()
    x, v, q = (torch.randn(part.shape, generator=generator, dtype=torch.float64) for part in inputs)
    with torch.no_grad():
        y = model(x, v, q)
        for g in named("E(3)").sample(100, generator).double():
            turn, p = g[:3, :3], torch.randperm(5, generator=generator)
            z = model((x @ turn.mT + g[:3, 3])[:, p], (v @ turn.mT)[:, p], q[:, p])
            torch.testing.assert_close(z, (y @ turn.mT + g[:3, 3])[:, p], rtol=1e-10, atol=1e-10)


def test_gradients(generator: torch.Generator) -> None:
    model, inputs = example()
    model = model.double()
    x, v, q = (torch.randn(part[:1].shape, generator=generator, dtype=torch.float64) for part in inputs)
    assert torch.autograd.gradcheck(lambda z: model(z, v, q), (x.requires_grad_(),))
    model(x, v, q).square().sum().backward()
    assert all(bool(torch.isfinite(p.grad).all()) for p in model.parameters())


@pytest.mark.unchecked
@pytest.mark.filterwarnings("ignore:.*should not be instantiated")  # the compiler's own reading of a Function
def test_compiled() -> None:
    model, inputs = example()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*inputs), model(*inputs))
