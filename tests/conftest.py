"""Paths of the data that tests may read, and a seeded generator."""

import os
from pathlib import Path

import pytest
import torch


def _folder(variable: str) -> Path:
    value = os.environ.get(variable, "")
    if not Path(value).is_dir() or not value:
        pytest.skip(f"{variable} names no folder")
    return Path(value)


@pytest.fixture
def parity_folder() -> Path:
    """Golden files of official implementations."""
    return _folder("MACKEY_PARITY")


@pytest.fixture
def data_folder() -> Path:
    """Real data sets."""
    return _folder("MACKEY_DATA")


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
