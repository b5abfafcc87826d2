"""Golden files of escnn, reproduced through mackey.interop."""

from pathlib import Path

import numpy as np
import pytest
import torch

import mackey as mk
from mackey.testing import relative

FILES = [
    f"escnn_r2conv_{group}_{fibres}.npz" for group in ("C4", "D4", "C8") for fibres in ("triv_reg", "reg_reg")
]


@pytest.mark.parametrize("name", FILES)
def test_escnn_convolution(parity_folder: Path, name: str) -> None:
    """Outputs to 1e-6 (escnn's tables are float32), and our own equivariance to rounding with the same
    weights.
    """
    case = mk.interop.load(parity_folder / name)
    outputs = case.run()
    assert set(outputs) == set(case.expected) == {"y"}
    assert relative(outputs["y"], case.expected["y"]) < 1e-6
    x = case.inputs["x"]
    quarter = ((0, 0), 2 if "C8" in name else 1)
    turned = case.module.in_type.transform(x, quarter)
    assert (
        relative(case.run({"x": turned})["y"], case.module.out_type.transform(outputs["y"], quarter)) < 1e-12
    )
    with np.load(
        parity_folder / name
    ) as archive:  # the recorded pair uses the same turn and the same channel order
        torch.testing.assert_close(turned, torch.as_tensor(archive["in2/x"]))


CONFIG = {
    "gspace": "C4",
    "in_type": "reg_reg: 2",
    "out_type": "3",
    "kernel_size": 5,
    "padding": 2,
    "bias": True,
}


@pytest.fixture
def state(parity_folder: Path) -> dict[str, torch.Tensor]:
    with np.load(parity_folder / "escnn_r2conv_C4_reg_reg.npz") as archive:
        return {key[6:]: torch.as_tensor(archive[key]) for key in archive.files if key.startswith("param/")}


def test_a_users_own_checkpoint(state: dict[str, torch.Tensor]) -> None:
    module = mk.interop.from_official("escnn R2Conv", CONFIG, state)
    assert isinstance(module, mk.nn.Conv)
    defaults = {"stride": 1, "dilation": 1, "groups": 1, "padding_mode": "zeros"}
    same = mk.interop.from_official("escnn R2Conv", {**CONFIG, **defaults}, state)
    x = torch.randn(1, 8, 7, 7, dtype=torch.float64)
    torch.testing.assert_close(module(x), same(x))
    with pytest.raises(ValueError, match="span of our steerable kernels"):
        broken = {k: torch.randn_like(v) if "sampled_basis" in k else v for k, v in state.items()}
        mk.interop.from_official("escnn R2Conv", CONFIG, broken)


def test_stride_is_mapped(state: dict[str, torch.Tensor]) -> None:
    """The strided layer reads every second sample of the dense one."""
    dense = mk.interop.from_official("escnn R2Conv", CONFIG, state)
    strided = mk.interop.from_official("escnn R2Conv", {**CONFIG, "stride": 2}, state)
    x = torch.randn(1, 8, 9, 9, dtype=torch.float64)
    torch.testing.assert_close(strided(x), dense(x)[..., ::2, ::2])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"gspace": "SO2"}, "gspace C_n or D_n, got 'SO2'"),
        ({"dilation": 2}, "got dilation=2"),
        ({"groups": 2}, "got groups=2"),
        ({"padding_mode": "circular"}, "got padding_mode='circular'"),
        ({"frequencies_cutoff": 3.0}, r"got frequencies_cutoff=3\.0"),
        ({"bias": False}, "no bias in the checkpoint"),
        ({"kernel_size": 7}, r"a basis of shape \(n, 4, 4, 49\).*got \(44, 4, 4, 25\)"),
        ({"gspace": "D4"}, r"\(n, 8, 8, 25\)"),
        ({"in_type": "reg_reg: 4"}, "3·4·n weights.*264 weights"),
        ({"in_type": "irreps: [0, 1]"}, "a number of equal fields"),
    ],
)
def test_settings_are_mapped_or_refused(
    state: dict[str, torch.Tensor], change: dict[str, object], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        mk.interop.from_official("escnn R2Conv", {**CONFIG, **change}, state)


@pytest.mark.parametrize("key", list(CONFIG))
def test_missing_settings_are_named(state: dict[str, torch.Tensor], key: str) -> None:
    with pytest.raises(ValueError, match=f"in config, got no {key}"):
        mk.interop.from_official("escnn R2Conv", {k: v for k, v in CONFIG.items() if k != key}, state)


def test_missing_tensors_are_named(state: dict[str, torch.Tensor]) -> None:
    for key in ("weights", "bias", "bias_expansion"):
        with pytest.raises(ValueError, match=f"in the checkpoint, got none of {key}"):
            mk.interop.from_official("escnn R2Conv", CONFIG, {k: v for k, v in state.items() if k != key})
    with pytest.raises(ValueError, match="one pair of representations"):
        mk.interop.from_official("escnn R2Conv", CONFIG, {})
    with pytest.raises(ValueError, match=r"a bias_expansion of shape \(12, 2\)"):
        mk.interop.from_official("escnn R2Conv", CONFIG, {**state, "bias": torch.zeros(2)})
    renamed = {key.replace("('regular', 'regular')", "('irrep_1', 'regular')"): v for key, v in state.items()}
    with pytest.raises(ValueError, match="regular or trivial fields, got 'irrep_1'"):
        mk.interop.from_official("escnn R2Conv", CONFIG, renamed)


def test_a_file_without_meta_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "plain.npz", a=1)
    with pytest.raises(ValueError, match=r"plain\.npz: wanted a golden file.*got entries a"):
        mk.interop.load(tmp_path / "plain.npz")


def test_unknown_system_is_refused_by_name(parity_folder: Path) -> None:
    with pytest.raises(ValueError, match="got 'GATr block'"):
        mk.interop.load(parity_folder / "gatr_block.npz")
    case = mk.interop.load(parity_folder / FILES[0])
    with pytest.raises(ValueError, match=r"wanted inputs \['x'\], got \['y'\]"):
        case.run({"y": case.inputs["x"]})


def test_a_filter_a_little_off_our_kernels_is_refused(state: dict[str, torch.Tensor]) -> None:
    """One part in a thousand, far below a random basis, far above what float32 tables leave."""
    noisy = {
        key: value + 1e-3 * value.abs().max() * torch.randn_like(value) if "sampled_basis" in key else value
        for key, value in state.items()
    }
    with pytest.raises(ValueError, match="span of our steerable kernels"):
        mk.interop.from_official("escnn R2Conv", CONFIG, noisy)
