"""State, copies, dtypes and devices: the bugs found in peers, as tests of ours."""

import copy
import io
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import mackey as mk
from cases import ALL, MODELS, field
from mackey.testing import Case, relative


def conv() -> mk.nn.Conv:
    return mk.nn.Conv(field("p4m", "irreps", 2), field("p4m", "regular", 2), 3)


def test_double_on_one_layer_touches_no_other() -> None:
    """escnn shares one basis module between layers, so that .double() on one breaks the others."""
    one, other = conv(), conv()
    x = torch.randn(1, other.in_type.channels, 5, 5)
    before = other(x)
    one.double()
    assert torch.equal(other(x), before)
    assert conv()(x).dtype == torch.float32


def test_double_has_no_float32_rounding_left() -> None:
    """e3nn keeps float32-rounded constants after .double(): its equivariance stays at 1e-9."""
    for make in (conv, lambda: mk.nn.FourierActivation(field("p4m", "irreps", 2))):
        layer = make().double()
        x = torch.randn(1, layer.in_type.channels, 5, 5, dtype=torch.float64)
        for g in layer.in_type.domain.exact_symmetry((5, 5)):
            moved = layer(layer.in_type.transform(x, g))
            assert relative(moved, layer.out_type.transform(layer(x), g)) < 1e-13
        assert layer.half().double().bfloat16().double()  # and back again
        assert relative(layer(layer.in_type.transform(x, g)), layer.out_type.transform(layer(x), g)) < 1e-13


def test_state_dict_of_train_mode_loads_right_in_eval_mode() -> None:
    """escnn accepts it and keeps a stale filter."""
    source, target = conv().train(), conv().eval()
    x = torch.randn(1, source.in_type.channels, 5, 5)
    with torch.no_grad():
        target(x)
        target.load_state_dict(source.state_dict())
        assert torch.equal(target(x), source.eval()(x))


def test_every_way_of_changing_weights_is_seen_in_eval_mode() -> None:
    layer = conv().eval()
    x = torch.randn(1, layer.in_type.channels, 5, 5)
    weight = layer.integrand.weight
    with torch.no_grad():
        for change in (
            lambda: weight.mul_(2),
            lambda: weight.data.mul_(2),
            lambda: setattr(weight, "data", weight.data.clone() * 2),
        ):
            before = layer(x)
            change()
            assert relative(layer(x), 2 * before) < 1e-6


@pytest.mark.parametrize("case", [c for c in ALL if "Integral" not in c.name][::7] + MODELS, ids=str)
def test_pickle_and_deepcopy_before_and_after_eval(case: Case) -> None:
    module = case.module()
    x = case.field(module, torch.Generator().manual_seed(0))
    for mode in (True, False):
        module.train(mode)
        module(x)
        for twin in (copy.deepcopy(module), _through_pickle(module)):
            twin.eval()
            with torch.no_grad():
                assert torch.equal(twin(x), copy.deepcopy(module).eval()(x))


def _through_pickle(module: torch.nn.Module) -> torch.nn.Module:
    buffer = io.BytesIO()
    torch.save(module, buffer)
    buffer.seek(0)
    pickle.loads(pickle.dumps(module))
    return torch.load(buffer, weights_only=False)


def test_state_dict_holds_parameters_and_running_statistics_only() -> None:
    for case in ALL:
        module = case.make()
        names = {name for name, _ in module.named_parameters()}
        extra = {key for key in module.state_dict() if key not in names}
        assert all(key.split(".")[-1] in ("running_mean", "running_var") for key in extra), (case, extra)


def test_safetensors_round_trip(tmp_path: Path) -> None:
    model = mk.zoo.images.gcsa("p4m", fields=4, depth=1).eval()
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    twin = mk.zoo.images.gcsa("p4m", fields=4, depth=1).eval()
    twin.load_state_dict(load_file(tmp_path / "model.safetensors"))
    x = torch.randn(2, 1, 13, 13)
    assert torch.equal(twin(x), model(x))


def test_works_from_a_read_only_install(tmp_path: Path) -> None:
    """escnn writes a cache inside site-packages; ours writes nothing anywhere."""
    package = Path(mk.__file__).parent
    before = {path: path.stat().st_mtime_ns for path in package.rglob("*") if "__pycache__" not in path.parts}
    program = (
        "import mackey as mk, torch; grid = mk.spaces.Grid(mk.groups.named('p6m'));"
        "f = mk.FieldType(grid, mk.reps.regular(grid.stabiliser), 2);"
        "mk.nn.Conv(f, f, 5)(torch.zeros(1, f.channels, 7, 7))"
    )
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, env=environment)
    assert before == {
        path: path.stat().st_mtime_ns for path in package.rglob("*") if "__pycache__" not in path.parts
    }
    assert list(tmp_path.iterdir()) == []


def test_global_state_is_untouched() -> None:
    seed = torch.random.get_rng_state()
    mk.nn.Integral(mk.integrands.Linear(field("p4", "regular", 1), field("p4", "vector", 1), kernel_size=3))
    assert torch.get_default_dtype() == torch.float32
    torch.random.set_rng_state(seed)
    once = conv().integrand.weight.clone()
    torch.random.set_rng_state(seed)
    assert torch.equal(once, conv().integrand.weight), (
        "weights follow torch.manual_seed as in any torch layer"
    )


@pytest.mark.parametrize("case", MODELS, ids=str)
@pytest.mark.parametrize("batch", [0, 1])
def test_empty_batch_and_one_image(case: Case, batch: int) -> None:
    module = case.module().eval()
    x = case.field(module, torch.Generator().manual_seed(0))[:batch]
    assert module(x).shape == (batch, 10)


def test_one_pixel_and_non_square() -> None:
    model = mk.zoo.images.gcnn("p4", fields=2, depth=2).eval()
    assert model(torch.zeros(1, 1, 1, 1)).shape == (1, 10)
    assert mk.zoo.images.gcsa("p4", fields=2, depth=1).eval()(torch.zeros(1, 1, 5, 9)).shape == (1, 10)


def test_bfloat16_module() -> None:
    layer = mk.nn.Attention(field("p4", "regular", 4), heads=2, position="twist").bfloat16()
    assert layer(torch.randn(1, 16, 4, 4).bfloat16()).dtype == torch.bfloat16


def test_eval_caches_the_filter_and_training_does_not() -> None:
    layer = conv()
    x = torch.randn(1, layer.in_type.channels, 5, 5)
    with torch.no_grad():
        layer.eval()(x)
        first = layer.integrand.filter()
        assert layer.integrand.filter() is first
        assert layer.train().integrand.filter() is not first
    keys = list(layer.state_dict())
    assert keys == list(layer.eval().state_dict()) == ["integrand.weight", "integrand.bias"]
