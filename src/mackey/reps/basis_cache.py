"""Bases kept on disk between processes, by a key that says all they depend on.

The folder is MACKEY_CACHE if that is set ("off" keeps nothing), else the user's cache folder. A result never
depends on the disk: what cannot be read is solved again, what cannot be written is said once.
"""

import hashlib
import os
import sys
import tempfile
import warnings
import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from mackey.errors import sentence

VERSION = 1  # raise it when the bases, or what their keys are made of, change
_VARIABLE = "MACKEY_CACHE"


def cache_folder() -> Path | None:
    """Where bases are kept; None where they are not."""
    named = os.environ.get(_VARIABLE)
    if named == "off":
        return None
    if named:
        return Path(named)
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = str(Path.home() / "Library" / "Caches")
    else:
        root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "mackey"


def key_of(texts: tuple[str, ...], arrays: tuple[np.ndarray, ...], tolerance: float) -> str:
    """A hash of names, shapes, every bit of the arrays, the tolerance and VERSION."""
    digest = hashlib.sha256(repr((VERSION, texts, float(tolerance))).encode())
    for array in arrays:
        digest.update(repr((array.shape, str(array.dtype))).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:40]


def load(key: str) -> dict[str, np.ndarray] | None:
    """What was stored under a key; None where nothing is, or where the file cannot be read."""
    folder = cache_folder()
    if folder is None:
        return None
    try:
        with (folder / f"{key}.npz").open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def store(key: str, values: dict[str, np.ndarray]) -> None:
    """Write under a key, whole or not at all; a folder that cannot be written is said once in a warning."""
    folder = cache_folder()
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=".tmp", dir=folder)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, allow_pickle=False, **values)
            part.replace(folder / f"{key}.npz")
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        _say_once(str(folder), error.strerror or type(error).__name__)


@lru_cache
def _say_once(folder: str, reason: str) -> None:
    warnings.warn(
        sentence(
            "mackey's cache of bases",
            wanted=f"a folder that can be written, {folder}",
            got=reason,
            remedy=f"bases are solved anew in each process; set {_VARIABLE} to another folder, or to off",
        ),
        stacklevel=2,
    )
