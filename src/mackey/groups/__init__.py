"""What acts: finite groups, permutations, lattices with a point group; subgroups and cosets."""

from mackey.groups.abstract import AbstractGroup
from mackey.groups.finite import FiniteGroup, apart, cyclic, dihedral, generated, mirror, octahedral
from mackey.groups.lattices import LatticeGroup, lattice, named, p1, p2, p4, p4m, pm, translations
from mackey.groups.matrix import AbstractMatrixGroup, Quadrature
from mackey.groups.permutations import Symmetric, symmetric
from mackey.groups.subgroups import (
    Subgroup,
    conjugate,
    cosets,
    double_cosets,
    intersection,
    stabiliser,
    subgroup,
)

__all__ = [
    "AbstractGroup",
    "AbstractMatrixGroup",
    "FiniteGroup",
    "LatticeGroup",
    "Quadrature",
    "Subgroup",
    "Symmetric",
    "apart",
    "conjugate",
    "cosets",
    "cyclic",
    "dihedral",
    "double_cosets",
    "generated",
    "intersection",
    "lattice",
    "mirror",
    "named",
    "octahedral",
    "p1",
    "p2",
    "p4",
    "p4m",
    "pm",
    "stabiliser",
    "subgroup",
    "symmetric",
    "translations",
]
