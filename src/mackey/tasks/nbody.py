"""Five charged bodies: their positions 1000 steps later (protocol of Satorras et al., ICML 2021)."""

import numpy as np
import torch

from mackey.tasks.archive import archive
from mackey.tasks.points import PointTask, Systems


def nbody(seed: int = 0) -> PointTask:
    """3000 training, 2000 validation, 2000 test systems: from frame 30 to frame 40, 100 steps a frame.

    Reads nbody_charged5/nbody_charged5_small.npz below the folder named by MACKEY_DATA. The splits are
    published ones: no seed changes them.
    """
    del seed
    with np.load(archive("nbody", "nbody_charged5/nbody_charged5_small.npz")) as stored:
        parts = [_systems(stored, split) for split in ("train", "valid", "test")]
    return PointTask("nbody", parts[0], parts[1], parts[2], group="E(3)", turned=False)


def _systems(stored: np.lib.npyio.NpzFile, split: str) -> Systems:
    """Frames 20, 30 and 40 are stored."""
    frames, velocities, charges = (
        torch.as_tensor(stored[f"{key}_{split}"]) for key in ("loc", "vel", "charge")
    )
    return Systems(frames[:, 1], velocities[:, 1], charges.float()[..., None], frames[:, 2])
