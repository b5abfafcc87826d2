"""How a group acts on the tensors of anybody's network, by declared types."""

from mackey.actions.abstract import AbstractTensorType
from mackey.actions.acting import Acting, GroupLike, acting, linear_part
from mackey.actions.fields import Field
from mackey.actions.images import Image, array_matrix, array_shift
from mackey.actions.indexed import EdgeIndex, Indexed
from mackey.actions.motion import POINTS, Motion
from mackey.actions.names import NAMES, Declaration, TypeLike, declarations, declare
from mackey.actions.points import Features, Invariant, Matrices, Scalars, Vectors

__all__ = [
    "NAMES",
    "POINTS",
    "AbstractTensorType",
    "Acting",
    "Declaration",
    "EdgeIndex",
    "Features",
    "Field",
    "GroupLike",
    "Image",
    "Indexed",
    "Invariant",
    "Matrices",
    "Motion",
    "Scalars",
    "TypeLike",
    "Vectors",
    "acting",
    "array_matrix",
    "array_shift",
    "declarations",
    "declare",
    "linear_part",
]
