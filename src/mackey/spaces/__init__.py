"""Where fields live: homogeneous spaces G/H, and the domains that sample them."""

from mackey.spaces.domain import AbstractDomain, Pose
from mackey.spaces.grid import Grid, GroupGrid, scalar_fibre
from mackey.spaces.homogeneous import HomogeneousSpace, linear_map_count
from mackey.spaces.sets import Sequence, Set

__all__ = [
    "AbstractDomain", "Grid", "GroupGrid", "HomogeneousSpace", "Pose", "Sequence", "Set", "linear_map_count",
    "scalar_fibre",
]
