"""Every group by the name that people write."""

import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from mackey.errors import sentence
from mackey.groups.abstract import AbstractGroup
from mackey.groups.euclidean import (
    affine,
    euclidean,
    scaled_rotations,
    scalings,
    similarity,
    special_euclidean,
    translation_group,
)
from mackey.groups.finite import FiniteGroup, cyclic, dihedral, mirror, octahedral
from mackey.groups.finite_products import finite_product
from mackey.groups.indefinite import indefinite_orthogonal, proper_orthogonal, symplectic
from mackey.groups.lattices import lattice, lattice_named
from mackey.groups.lie import AbstractLinearGroup
from mackey.groups.linear import general_linear, projective_linear, special_linear
from mackey.groups.permutations import alternating, symmetric
from mackey.groups.polyhedral import icosahedral, pyritohedral, tetrahedral
from mackey.groups.products import direct_product, semidirect_product
from mackey.groups.rotations import orthogonal, special_orthogonal
from mackey.groups.space_groups import PLANE_GROUPS, plane_group
from mackey.groups.unitary import special_unitary, unitary

_POLYHEDRAL: dict[str, Callable[[], FiniteGroup]] = {
    "T": tetrahedral,
    "Td": lambda: tetrahedral(True),
    "Th": pyritohedral,
    "O": octahedral,
    "Oh": lambda: octahedral(True),
    "I": icosahedral,
    "Ih": lambda: icosahedral(True),
    "±1": mirror,
}
_BY_SIZE: dict[str, Callable[[int], AbstractGroup[Any]]] = {
    "SO": special_orthogonal,
    "O": orthogonal,
    "U": unitary,
    "SU": special_unitary,
    "T": translation_group,
    "SE": special_euclidean,
    "E": euclidean,
    "SIM": similarity,
    "Aff": affine,
    "GL+": general_linear,
    "SL": special_linear,
    "PGL": projective_linear,
    "Sp": symplectic,
    "Alt": alternating,
    "A": alternating,
    "Sym": symmetric,
    "S": symmetric,
}
_BY_SIGNATURE = {"O": indefinite_orthogonal, "SO+": proper_orthogonal}
_ON_PIXELS = ("p3", "p6", "p6m")  # here rotations about a pixel; plane_group has those of a hexagonal lattice
# For people and for suggestions; most families go on to any size.
NAMES = (
    *("SO(2)", "SO(3)", "O(2)", "O(3)", "U(1)", "SU(2)", "SE(2)", "SE(3)", "E(2)", "E(3)", "SIM(2)"),
    *("T(2)", "T(3)", "SIM(3)", "Aff(2)", "GL+(2)", "GL+(3)", "SL(2)", "SL(3)", "PGL(3)", "Sp(4)", "O(1,3)"),
    *("SO+(1,3)", "R+", "R+×SO(2)", "R+×SO(3)", "S5", "A5", "C8", "D4", *_POLYHEDRAL),
    *("p1", "p2", "p4", "p4m", "p6m", "pm", "Z", "Z^2", "Z^3", "Z^3⋊O", "Z^3⋊Oh", "R^4⋊SO+(1,3)"),
)  # fmt: skip


@lru_cache
def named(name: str) -> AbstractGroup[Any]:
    """The group that people write so: "SO(3)", "O(1,3)", "SE(2)", "GL+(3)", "S5", "C8", "Ih", "p4m",
    "Z^3⋊O", "R+×SO(2)" (on the plane), "SO(2)×SO(3)", "C3×D4", "R^4⋊SO+(1,3)", "SO(3)⋉R^3".

    ⁺, ₊, ₙ and x stand for +, + and × too. Raises ValueError with the nearest names for any other.
    """
    plain = _plain(name)
    for read in (_single, _scaled_rotations, _semidirect, _lattice, _product):
        found = read(plain)
        if found is not None:
            return found
    near = get_close_matches(plain, NAMES, n=3, cutoff=0.4)
    raise ValueError(
        sentence(
            "groups.named",
            wanted="the name of a group, such as SO(3), SE(2), O(1,3), S5, D4, p4m or a product with ×",
            got=repr(name),
            remedy=f"did you mean {' or '.join(near)}?" if near else "or build one with groups.matrix_group",
        )
    )


def _plain(name: str) -> str:
    """Without spaces, with + for ⁺ and ₊, digits for subscripts, × for x between groups."""
    written = name.translate(str.maketrans("⁺₊₀₁₂₃₄₅₆₇₈₉", "++0123456789")).replace(" ", "")
    written = re.sub(r"(?<=[\w)+])[x*](?=[A-Z±])", "×", written)
    turned = re.fullmatch(r"(.+)⋉(R\^?\d*)", written)
    return f"{turned[2]}⋊{turned[1]}" if turned else written


def _single(name: str) -> AbstractGroup[Any] | None:
    if name in _POLYHEDRAL:
        return _POLYHEDRAL[name]()
    if name == "R+":
        return scalings()
    sized = re.fullmatch(r"([A-Za-z]+\+?)\(([1-9]\d*)\)", name) or re.fullmatch(r"([AS])([1-9]\d*)", name)
    if sized and sized[1] in _BY_SIZE:
        return _BY_SIZE[sized[1]](int(sized[2]))
    signed = re.fullmatch(r"(O|SO\+)\(([1-9]\d*),([1-9]\d*)\)", name)
    if signed:
        return _BY_SIGNATURE[signed[1]](int(signed[2]), int(signed[3]))
    planar = re.fullmatch(r"([CD])([1-9]\d*)", name)
    if planar:
        return (cyclic if planar[1] == "C" else dihedral)(int(planar[2]))
    return None


def _scaled_rotations(name: str) -> AbstractGroup[Any] | None:
    """R+×SO(n), on one R^n; R+onR^n."""
    both = re.fullmatch(r"R\+×SO\(([1-9]\d*)\)|SO\(([1-9]\d*)\)×R\+", name)
    if both:
        return scaled_rotations(int(both[1] or both[2]))
    alone = re.fullmatch(r"R\+onR\^?([1-9]\d*)", name)
    return scalings(int(alone[1])) if alone else None


def _semidirect(name: str) -> AbstractGroup[Any] | None:
    """R^n⋊H."""
    parts = re.fullmatch(r"R\^?([1-9]?\d*)⋊(.+)", name)
    if parts is None:
        return None
    linear = named(parts[2].removeprefix("(").removesuffix(")") if parts[2].startswith("(") else parts[2])
    if not isinstance(linear, AbstractLinearGroup) or linear.size != int(parts[1] or 1):
        moved = f"{linear} on R^{linear.size}" if isinstance(linear, AbstractLinearGroup) else str(linear)
        raise ValueError(
            sentence(
                "groups.named",
                wanted=f"a group of matrices that moves R^{parts[1] or 1}",
                got=moved,
                remedy=f"write R^{linear.size}⋊{linear}"
                if isinstance(linear, AbstractLinearGroup)
                else "for a finite group build groups.matrix_group(generators) first",
            )
        )
    return semidirect_product(linear)


def _product(name: str) -> AbstractGroup[Any] | None:
    """G×H×… of finite groups, or of Lie groups that move R^n by matrices."""
    if "×" not in name:
        return None
    factors = [named(part) for part in name.split("×")]
    finite = [factor for factor in factors if isinstance(factor, FiniteGroup)]
    if len(finite) == len(factors):
        return finite_product(finite)
    linear = [factor for factor in factors if isinstance(factor, AbstractLinearGroup)]
    if len(linear) == len(factors):
        return direct_product(linear)
    raise ValueError(
        sentence(
            "groups.named",
            wanted="a product of finite groups only, or of groups that move R^n by matrices only",
            got=name,
            remedy="make the finite factors matrix groups: groups.matrix_group(generators)",
        )
    )


def _lattice(name: str) -> AbstractGroup[Any] | None:
    """Z^d, Z^d⋊H, the plane groups, "p6 (hexagonal)", and what else `lattice_named` knows: p8, p8m."""
    parts = re.fullmatch(r"Z\^?([1-9]?\d*)(?:⋊(.+))?", name)
    if parts:
        dimension = int(parts[1] or 1)
        point_group = named(parts[2]) if parts[2] else cyclic(1, dimension)
        if isinstance(point_group, FiniteGroup) and point_group.dimension == dimension:
            return lattice(point_group)
        raise ValueError(
            sentence(
                "groups.named",
                wanted=f"a finite group that moves R^{dimension}",
                got=str(point_group),
                remedy="C_n and D_n move the plane, ±1 the line, T, Td, Th, O, Oh, I and Ih space",
            )
        )
    plane = name.removesuffix("(hexagonal)")
    if plane in PLANE_GROUPS and (plane[1] in "36" if plane != name else plane not in _ON_PIXELS):
        return plane_group(plane)
    return lattice_named(name) if re.fullmatch(r"p[1-9]\d*m?", name) else None
