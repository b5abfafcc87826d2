"""Hypothesis strategies for tests of equivariance: elements of groups, clouds, cells, images, edges."""

from mackey.errors import sentence

try:
    import hypothesis as _hypothesis  # noqa: F401
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        sentence(
            "mackey.testing.strategies",
            wanted="the package hypothesis",
            got="no such module",
            remedy="pip install hypothesis",
        )
    ) from missing

from mackey.testing.strategies.cells import PeriodicCell, periodic_cells
from mackey.testing.strategies.clouds import CLOUDS, Cloud, clouds
from mackey.testing.strategies.edges import edge_indices
from mackey.testing.strategies.group_elements import elements
from mackey.testing.strategies.images import IMAGES, Picture, images
from mackey.testing.strategies.types import types

__all__ = [
    "CLOUDS",
    "IMAGES",
    "Cloud",
    "PeriodicCell",
    "Picture",
    "clouds",
    "edge_indices",
    "elements",
    "images",
    "periodic_cells",
    "types",
]
