"""Where fields live: homogeneous spaces G/H, and the domains that sample them."""

from mackey.spaces.domain import AbstractDomain, Pose
from mackey.spaces.double_cosets import double_coset_bases, field_matrix, linear_maps
from mackey.spaces.grid import Grid, GroupGrid, scalar_fibre
from mackey.spaces.homogeneous import HomogeneousSpace, linear_map_count
from mackey.spaces.point import Point
from mackey.spaces.sets import Sequence, Set
from mackey.spaces.strides import nearest_sizes, strided_sizes

__all__ = [
    "AbstractDomain",
    "Grid",
    "GroupGrid",
    "HomogeneousSpace",
    "Point",
    "Pose",
    "Sequence",
    "Set",
    "double_coset_bases",
    "field_matrix",
    "linear_map_count",
    "linear_maps",
    "nearest_sizes",
    "scalar_fibre",
    "strided_sizes",
]
