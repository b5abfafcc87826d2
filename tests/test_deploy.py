"""Both zoo models through the tools people deploy with: compile, export, ONNX, autocast, DDP; and import
time.
"""

import os
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest
import torch

import mackey as mk
from mackey.testing import relative

pytestmark = pytest.mark.unchecked
MODELS = [mk.zoo.images.gcsa, mk.zoo.images.gcnn]


@pytest.fixture(params=[(model, group) for model in MODELS for group in ("p4", "p4m")], ids=str)
def model(request: pytest.FixtureRequest) -> torch.nn.Module:
    make, group = request.param
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make(group).eval()


@pytest.mark.filterwarnings("default")  # the exporter itself uses what torch has deprecated
def test_onnx(model: torch.nn.Module, tmp_path) -> None:
    """onnxruntime agrees to 1e-5, at another batch size than the one exported."""
    x = torch.randn(3, 1, 13, 13)
    path = tmp_path / "model.onnx"
    torch.onnx.export(
        model, (x[:2],), path, dynamo=True, dynamic_shapes=({0: torch.export.Dim("batch")},), verbose=False
    )
    session = onnxruntime.InferenceSession(path)
    out = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
    with torch.no_grad():
        assert relative(torch.as_tensor(out), model(x)) < 1e-5


def test_training_step_compiles(model: torch.nn.Module) -> None:
    """fullgraph, forward and backward, gradients equal to eager."""
    x = torch.randn(2, 1, 13, 13)
    torch._dynamo.reset()
    compiled = torch.compile(model.train(), fullgraph=True, backend="aot_eager")
    compiled(x).square().mean().backward()
    gradients = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    model(x).square().mean().backward()
    for wanted, got in zip(model.parameters(), gradients, strict=True):
        torch.testing.assert_close(got, wanted.grad, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # inductor itself uses what torch has deprecated
def test_inductor(model: torch.nn.Module) -> None:
    x = torch.randn(2, 1, 13, 13)
    torch._dynamo.reset()
    assert relative(torch.compile(model, fullgraph=True)(x), model(x)) < 1e-4


def test_autocast(model: torch.nn.Module) -> None:
    x = torch.randn(2, 1, 13, 13)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model.train()(x).float().square().mean()
    loss.backward()
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters())


# In a process that ends without tearing down: joining gloo's threads may deadlock with Python's lock.
DDP = """
import os, sys, torch
model = torch.load(sys.argv[1], weights_only=False).train()
torch.distributed.init_process_group("gloo", init_method="file://" + sys.argv[2], rank=0, world_size=1)
wrapped = torch.nn.parallel.DistributedDataParallel(model)
wrapped(torch.randn(2, 1, 13, 13)).sum().backward()
os._exit(0 if all(p.grad is not None for p in model.parameters()) else 3)
"""


def test_ddp(model: torch.nn.Module, tmp_path) -> None:
    """One process over gloo: wraps, runs, and reduces gradients."""
    torch.save(model, tmp_path / "model.pt")
    command = [sys.executable, "-c", DDP, str(tmp_path / "model.pt"), str(tmp_path / "rendezvous")]
    done = subprocess.run(command, timeout=120, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_import_is_light(tmp_path: Path) -> None:
    """`import mackey` costs at most 0.3 s beyond torch and numpy (best of four, so that a busy machine
    cannot fail it), compiled to bytecode as pip leaves it.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(tmp_path)
    program = (
        "import time, torch, numpy; start = time.perf_counter(); import mackey;"
        "print(time.perf_counter() - start)"
    )
    costs = [
        float(
            subprocess.run(
                [sys.executable, "-c", program], capture_output=True, check=True, text=True, env=environment
            ).stdout
        )
        for _ in range(4)
    ]
    assert min(costs) < 0.3, costs
