"""What acts: finite groups, permutations, lattices with a point group; subgroups and cosets."""

from mackey.groups.abstract import AbstractGroup
from mackey.groups.custom import MatrixGroup, matrix_group
from mackey.groups.euclidean import (
    ScaledRotations,
    Scalings,
    affine,
    euclidean,
    scaled_rotations,
    scalings,
    similarity,
    special_euclidean,
    translation_group,
)
from mackey.groups.finite import FiniteGroup, apart, cyclic, dihedral, generated, mirror, octahedral
from mackey.groups.finite_products import finite_product, finite_semidirect_product
from mackey.groups.graphs import Graph, automorphisms
from mackey.groups.indefinite import (
    IndefiniteOrthogonal,
    Symplectic,
    indefinite_orthogonal,
    lorentz,
    proper_orthogonal,
    symplectic,
)
from mackey.groups.lattices import LatticeGroup, lattice, lattice_named, p1, p2, p4, p4m, pm, translations
from mackey.groups.lie import AbstractLieGroup, AbstractLinearGroup
from mackey.groups.linear import (
    GeneralLinear,
    ProjectiveLinear,
    SpecialLinear,
    from_polar_coordinates,
    general_linear,
    polar_coordinates,
    projective_linear,
    special_linear,
)
from mackey.groups.listed import listed
from mackey.groups.logarithms import polar
from mackey.groups.matrix import AbstractMatrixGroup, Quadrature
from mackey.groups.named_groups import NAMES, named
from mackey.groups.permutation_groups import (
    PermutationGroup,
    permutation_group,
    permutation_product,
    wreath_product,
)
from mackey.groups.permutations import AbstractPermutations, Alternating, Symmetric, alternating, symmetric
from mackey.groups.polyhedral import icosahedral, pyritohedral, tetrahedral
from mackey.groups.products import DirectProduct, SemidirectProduct, direct_product, semidirect_product
from mackey.groups.quadratures import rotation_degree, rotation_quadrature, spin_degree, spin_quadrature
from mackey.groups.rotation_maps import quaternion, quaternion_rotation, rotation_exp, rotation_log
from mackey.groups.rotations import Orthogonal, SpecialOrthogonal, orthogonal, special_orthogonal
from mackey.groups.space_groups import PLANE_GROUPS, plane_group, space_group
from mackey.groups.spin import spin_matrix, spin_quaternion
from mackey.groups.subgroups import (
    Subgroup,
    conjugate,
    cosets,
    double_cosets,
    intersection,
    stabiliser,
    subgroup,
)
from mackey.groups.unitary import SpecialUnitary, Unitary, special_unitary, unitary

__all__ = [
    "NAMES",
    "AbstractGroup",
    "Alternating",
    "AbstractLieGroup",
    "AbstractLinearGroup",
    "AbstractMatrixGroup",
    "AbstractPermutations",
    "DirectProduct",
    "FiniteGroup",
    "GeneralLinear",
    "Graph",
    "IndefiniteOrthogonal",
    "LatticeGroup",
    "MatrixGroup",
    "Orthogonal",
    "PLANE_GROUPS",
    "PermutationGroup",
    "ProjectiveLinear",
    "Quadrature",
    "ScaledRotations",
    "Scalings",
    "SemidirectProduct",
    "SpecialLinear",
    "SpecialOrthogonal",
    "SpecialUnitary",
    "Subgroup",
    "Symmetric",
    "Symplectic",
    "Unitary",
    "affine",
    "alternating",
    "apart",
    "automorphisms",
    "conjugate",
    "cosets",
    "cyclic",
    "dihedral",
    "direct_product",
    "double_cosets",
    "euclidean",
    "finite_product",
    "finite_semidirect_product",
    "from_polar_coordinates",
    "general_linear",
    "generated",
    "icosahedral",
    "indefinite_orthogonal",
    "intersection",
    "lattice",
    "lattice_named",
    "listed",
    "lorentz",
    "matrix_group",
    "mirror",
    "named",
    "octahedral",
    "orthogonal",
    "p1",
    "p2",
    "p4",
    "p4m",
    "permutation_group",
    "permutation_product",
    "plane_group",
    "pm",
    "polar",
    "polar_coordinates",
    "projective_linear",
    "proper_orthogonal",
    "pyritohedral",
    "quaternion",
    "quaternion_rotation",
    "rotation_degree",
    "rotation_exp",
    "rotation_log",
    "rotation_quadrature",
    "scaled_rotations",
    "scalings",
    "semidirect_product",
    "similarity",
    "space_group",
    "special_euclidean",
    "special_linear",
    "special_orthogonal",
    "special_unitary",
    "spin_degree",
    "spin_matrix",
    "spin_quadrature",
    "spin_quaternion",
    "stabiliser",
    "subgroup",
    "symmetric",
    "symplectic",
    "tetrahedral",
    "translation_group",
    "translations",
    "unitary",
    "wreath_product",
]
