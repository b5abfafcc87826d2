"""Data sets too large for the package: files below the folder named by MACKEY_DATA."""

import os
from pathlib import Path

from mackey.errors import sentence


def archive(task: str, name: str) -> Path:
    """The path of a file such as "mnist/mnist.npz"; raises ValueError where there is none."""
    path = Path(os.environ.get("MACKEY_DATA", "")) / name
    if path.is_file():
        return path
    raise ValueError(
        sentence(
            f"task {task}",
            wanted=f"{name} below MACKEY_DATA",
            got=f"MACKEY_DATA={os.environ.get('MACKEY_DATA', 'unset')}",
            remedy="set MACKEY_DATA to the folder of data sets, or use --task digits",
        )
    )
