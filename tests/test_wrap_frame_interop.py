"""Golden files of Frame-Averaging and FAENet through mackey.interop: to 1e-8, frames as sets."""

from pathlib import Path

import numpy as np
import pytest
import torch

import mackey as mk
from mackey.interop import from_official, load


@pytest.mark.parametrize("suffix", ["", "2"])
def test_gnn(parity_folder: Path, suffix: str) -> None:
    """The authors' outputs with their weights, on both recorded inputs."""
    path = parity_folder / "frame_averaging_gnn.npz"
    case = load(path)
    with np.load(path) as archive:
        h, wanted = (
            torch.as_tensor(archive[key + suffix + name]) for key, name in (("in", "/h"), ("out", "/y"))
        )
    y = case.run({**case.inputs, "h": h})["y"]
    torch.testing.assert_close(y, wanted, rtol=0, atol=1e-8 * float(wanted.abs().max()))
    assert isinstance(case.module.model, mk.zoo.points.frame_averaging)


@pytest.mark.parametrize("suffix", ["", "2"])
def test_frames(parity_folder: Path, suffix: str) -> None:
    path = parity_folder / "frame_averaging_frames.npz"
    case = load(path)
    with np.load(path) as archive:
        golden = {key: torch.as_tensor(archive[key]) for key in archive.files if key != "meta"}
    found = case.run({"h": golden[f"in{suffix}/h"]})
    wanted = {name: golden[f"out{suffix}/{name}"] for name in case.expected}
    assert {name: y.shape for name, y in found.items()} == {name: y.shape for name, y in wanted.items()}
    torch.testing.assert_close(found["center"], wanted["center"], rtol=0, atol=1e-12)
    ours, theirs = (part["framed"].view(8, 2, 6, 6) for part in (found, wanted))
    for b in range(2):
        used = set()
        for k in range(8):
            error, match = (found["F"][b] - wanted["F"][b, k]).abs().amax((1, 2)).min(0)
            assert float(error) < 1e-8
            torch.testing.assert_close(ours[match, b], theirs[k, b], rtol=0, atol=1e-8)
            used.add(int(match))
        assert len(used) == 8


def test_frames_of_faenet(parity_folder: Path) -> None:
    case = load(parity_folder / "faenet_frames.npz")
    found = case.run()
    assert set(found) == set(case.expected) and len(found) == 6
    for method, count in (("all", 8), ("se3-all", 4)):
        names = [f"{part}_{method}" for part in ("pos", "cell", "rot")]
        assert found[names[2]].shape == case.expected[names[2]].shape == (count, 3, 3)
        used = set()
        for k in range(count):
            match = (found[names[2]] - case.expected[names[2]][k]).abs().amax((1, 2)).argmin()
            used.add(int(match))
            for name in names:
                assert float((found[name][match] - case.expected[name][k]).abs().max()) < 1e-8
        assert len(used) == count


def test_other_settings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"wanted fa_method among \['all', 'se3-all'\]"):
        from_official("FAENet frames", {"fa_method": "stochastic"}, {})
    with pytest.raises(ValueError, match=r"the settings .*n_nodes"):
        from_official("Frame Averaging frames", {}, {})
    with pytest.raises(ValueError, match="input_dim 6"):
        from_official("Frame Averaging GNN", {"input_dim": 7, "hidden_nf": 12, "n_layers": 3}, {})
