"""FAENet: exact by all frames, on average by one; images of a crystal against brute force."""

import itertools
import pickle

import pytest
import torch
from torch import Tensor

import mackey as mk
from mackey.groups import named
from mackey.zoo.points.faenet import Model, example


def given(generator: torch.Generator, model: Model) -> tuple[Tensor, ...]:
    """The inputs of the wrapped network, and weights far from those of the start."""
    _, (x, atoms, cell) = example()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    return x.double(), atoms, atoms > 0, cell.double()


def test_all_frames_are_exact(generator: torch.Generator) -> None:
    """A hundred motions, mirrors among them, with a permutation of the atoms; one frame alone is far off."""
    model = example()[0].double()
    x, atoms, there, cell = given(generator, model)
    whole, order = model.averaged, torch.arange(5)
    with torch.no_grad():
        energy, forces = whole(x, atoms, there, cell)
        for g in named("E(3)").sample(100, generator).double():
            turn, p = g[:3, :3], order[torch.randperm(5, generator=generator)]
            moved = (x @ turn.mT + g[:3, 3])[:, p], atoms[:, p], there[:, p], cell @ turn.mT
            e, f = whole(*moved)
            torch.testing.assert_close(e, energy, rtol=1e-10, atol=1e-10)
            torch.testing.assert_close(f, (forces @ turn.mT)[:, p], rtol=1e-10, atol=1e-10)
            alone = whole.network(*moved)[1] - (whole.network(x, atoms, there, cell)[1] @ turn.mT)[:, p]
            assert float(alone.abs().max()) > 1e-3
        assert float(forces[1, 4].abs().max()) == 0 and float(forces.abs().max()) > 0.1


def test_one_frame_is_right_on_average(generator: torch.Generator) -> None:
    """2000 draws of energies and forces: their mean is that of all 8, within 5 standard errors (16 numbers,
    failure by chance below 1e-5).
    """
    model = example()[0].double()
    x, atoms, there, cell = (part[:1] for part in given(generator, model))
    assert model.guarantee.kind == "in_expectation" and model.guarantee.group == "E(3)"
    many = (x.expand(2000, -1, -1), atoms.expand(2000, -1), cell.expand(2000, -1, -1))
    with torch.no_grad():
        drawn, whole = model(*many), model.averaged(x, atoms, there, cell)
    for found, wanted in zip(drawn, whole, strict=True):
        error = found.std(0) / 2000**0.5
        assert bool(((found.mean(0) - wanted[0]).abs() < 5 * error + 1e-12).all())
        assert float(error.max()) > 1e-5, "draws differ"


def test_images_of_a_crystal(generator: torch.Generator) -> None:
    """The middle of a block of 27 cells, as a molecule, sees what a crystal sees: the same forces."""
    model = example()[0].double()
    x, atoms, _, cell = (part[:1] for part in given(generator, model))
    network = model.network.network
    torch.nn.init.zeros_(network.layers[1].up[3].weight)  # one layer of messages: neighbours of atoms inside
    torch.nn.init.zeros_(network.layers[1].up[3].bias)
    torch.nn.init.constant_(network.layers[0].norm.share, 0.0)  # a block has other means than a cell
    shifts = torch.tensor(list(itertools.product((0.0, 1, -1), repeat=3))).double() @ cell[0]
    block = (x + shifts[:, None]).reshape(1, -1, 3)
    kinds = atoms.repeat(1, 27)
    network.layers[0].norm.forward = plain
    with torch.no_grad():
        forces = network(x, atoms, atoms > 0, cell)[1]
        wanted = network(block, kinds, kinds > 0)[1][:, :5]
    torch.testing.assert_close(forces, wanted, rtol=1e-12, atol=1e-12)
    assert float(forces.abs().max()) > 0.1


def plain(h: Tensor, there: Tensor) -> Tensor:
    """No normalisation."""
    return h


@pytest.mark.parametrize("shape", ["one place", "line", "plane", "one atom", "triangle"])
def test_gradients_are_finite(shape: str, generator: torch.Generator) -> None:
    flat = torch.tensor([1.0, 1.0, 0.0]) if shape == "plane" else torch.tensor([1.0, 0.0, 0.0])
    x = torch.randn(1, 4, 3, generator=generator) * flat
    x = {"one place": torch.ones(1, 4, 3), "one atom": x[:, :1], "triangle": torch.eye(3)[None]}.get(shape, x)
    x = x.double().requires_grad_()
    model = Model(8, 8, 2, radial=4).double()
    energy, forces = model(x, torch.ones(x.shape[:2], dtype=torch.long))
    (energy.sum() + forces.square().sum()).backward()
    grads = [x.grad, *(p.grad for p in model.parameters())]
    assert all(bool(torch.isfinite(grad).all()) for grad in grads if grad is not None)


def test_padding_and_dtype(generator: torch.Generator) -> None:
    model = Model(8, 8, 2, radial=4)
    x, atoms = torch.randn(1, 4, 3, generator=generator), torch.tensor([[6, 1, 8, 0]])
    torch.manual_seed(0)
    energy, forces = model(x, atoms)
    torch.manual_seed(0)
    short = model(x[:, :3], atoms[:, :3])
    torch.testing.assert_close(energy, short[0])
    torch.testing.assert_close(forces[:, :3], short[1])
    assert energy.dtype == forces.dtype == torch.float32
    twin = Model(8, 8, 2, radial=4)
    assert (
        twin.load_state_dict(model.state_dict())
        and model.eval().state_dict().keys() == twin.state_dict().keys()
    )


@pytest.mark.unchecked
@pytest.mark.filterwarnings("ignore:.*should not be instantiated")  # the compiler's own reading of a Function
def test_compiled_and_exported() -> None:
    model, inputs = example()
    whole = model.averaged
    given = (inputs[0], inputs[1], inputs[1] > 0, inputs[2])
    compiled = torch.compile(whole, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*given), whole(*given), rtol=1e-4, atol=1e-4)
    torch.compile(model, fullgraph=True, backend="aot_eager")(*inputs)
    batch = {0: torch.export.Dim("b", min=2)}
    program = torch.export.export(whole, given, dynamic_shapes={"inputs": (batch,) * 4}, strict=False)
    again = tuple(torch.cat([part, part[:1]]) for part in given)
    torch.testing.assert_close(program.module()(*again), whole(*again), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["faenet", "apen"])
def test_meta_and_pickle(name: str) -> None:
    """Built without memory, constants excepted; saved and loaded whole."""
    with torch.device("meta"):
        model = getattr(mk.zoo.points, name)()
    assert all(p.is_meta for p in model.parameters()) and not any(b.is_meta for b in model.buffers())
    model = getattr(mk.zoo.points, name)()
    twin = pickle.loads(pickle.dumps(model))
    for key, value in model.state_dict().items():
        assert torch.equal(twin.state_dict()[key], value)
