"""equiadapt: the authors' outputs with their weights; the published systems built from our parts."""

from pathlib import Path

import numpy as np
import pytest
import torch

import mackey as mk
from amplified import error

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
