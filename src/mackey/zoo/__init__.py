"""One file, one published system, made of mackey.nn parts."""

from mackey.zoo import images, points
from mackey.zoo.emlp import Model as emlp

__all__ = ["emlp", "images", "points"]
