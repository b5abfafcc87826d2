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


def test_a_users_own_checkpoint(parity_folder: Path) -> None:
    with np.load(parity_folder / FILES[1]) as archive:
        state = {key[6:]: torch.as_tensor(archive[key]) for key in archive.files if key.startswith("param/")}
    config = {
        "gspace": "C4",
        "in_type": "reg_reg: 2",
        "out_type": "3",
        "kernel_size": 5,
        "padding": 2,
        "bias": True,
    }
    module = mk.interop.from_official("escnn R2Conv", config, state)
    assert isinstance(module, mk.nn.Conv)
    with pytest.raises(ValueError, match="gspace C_n or D_n, got 'SO2'"):
        mk.interop.from_official("escnn R2Conv", {**config, "gspace": "SO2"}, state)
    with pytest.raises(ValueError, match="one pair of representations"):
        mk.interop.from_official("escnn R2Conv", config, {})
    with pytest.raises(ValueError, match="span of our steerable kernels"):
        broken = {k: torch.randn_like(v) if "sampled_basis" in k else v for k, v in state.items()}
        mk.interop.from_official("escnn R2Conv", config, broken)


def test_unknown_system_is_refused_by_name(parity_folder: Path) -> None:
    with pytest.raises(ValueError, match="got 'GATr block'"):
        mk.interop.load(parity_folder / "gatr_block.npz")
    case = mk.interop.load(parity_folder / FILES[0])
    with pytest.raises(ValueError, match=r"wanted inputs \['x'\], got \['y'\]"):
        case.run({"y": case.inputs["x"]})
