"""Fixtures that every test may use. Imports nothing of mackey: the shape-checking hook must come first."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

SEED = 0
os.environ.setdefault("MACKEY_CACHE", "off")  # no test reads or leaves bases in the user's cache folder


def folder_from_environment(variable: str) -> Path:
    """The folder named by an environment variable; the test is skipped, with the reason, where there is
    none.
    """
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set: it names the folder with the files this test reads")
    if not Path(value).is_dir():
        pytest.fail(f"{variable} is set to {value!r}, which is not a folder")
    return Path(value)


@pytest.fixture
def data_folder() -> Path:
    """MACKEY_DATA: data sets too large for the repository."""
    return folder_from_environment("MACKEY_DATA")


@pytest.fixture
def parity_folder() -> Path:
    """MACKEY_PARITY: golden files computed by the official projects."""
    return folder_from_environment("MACKEY_PARITY")


@pytest.fixture
def generator() -> torch.Generator:
    """A fresh source of randomness with a fixed seed."""
    return torch.Generator().manual_seed(SEED)


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """Weights are drawn when a test builds its modules: always the same ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        yield
