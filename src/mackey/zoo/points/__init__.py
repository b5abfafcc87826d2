"""Published systems on point clouds, molecules and particles."""

from mackey.zoo.points.apen import Model as apen
from mackey.zoo.points.faenet import Model as faenet
from mackey.zoo.points.frame_averaging import Model as frame_averaging
from mackey.zoo.points.learned_canonicalization import Model as learned_canonicalization
from mackey.zoo.points.lloca import Model as lloca
from mackey.zoo.points.orbit_symmetrization import Model as orbit_symmetrization
from mackey.zoo.points.probabilistic_symmetrization import Model as probabilistic_symmetrization

__all__ = [
    "apen",
    "faenet",
    "frame_averaging",
    "learned_canonicalization",
    "lloca",
    "orbit_symmetrization",
    "probabilistic_symmetrization",
]
