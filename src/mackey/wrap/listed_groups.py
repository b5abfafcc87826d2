"""The elements of a group as a list: all of a finite one, a quadrature of a compact one."""

from collections.abc import Sequence

import numpy as np

from mackey.actions import AbstractTensorType, Acting
from mackey.errors import sentence
from mackey.fields import Guarantee
from mackey.groups import (
    AbstractGroup,
    AbstractMatrixGroup,
    Alternating,
    FiniteGroup,
    LatticeGroup,
    PermutationGroup,
    Symmetric,
)
from mackey.wrap.listed_motions import Elements


def point_group(group: AbstractGroup | None) -> FiniteGroup | None:
    """The finite group that turns images or points; None for others."""
    if isinstance(group, LatticeGroup):
        return group.point_group
    return group if isinstance(group, FiniteGroup) else None


def finite_elements(acts: Acting, where: str) -> Elements:
    """All elements in the order of the group, the identity first. Raises ValueError for an infinite group."""
    H = point_group(acts.linear)
    if H is None and not acts.permutes:
        wanted, got = "a finite group", acts.name
        remedy = "choose a finite subgroup, or wrap.frames for O(n) and E(n)"
        raise ValueError(sentence(where, wanted=wanted, got=got, remedy=remedy))
    if H is None or acts.permutes:
        return _permutations(acts, where)
    return Elements(H.matrices, None, np.full(H.order, 1 / H.order))


def listed_elements(acts: Acting, points: int | None, where: str) -> Elements:
    """All elements of a finite group, or a quadrature of at least `points` of a compact one.

    Of a group with translations only the linear part is listed.
    """
    linear = acts.linear
    if linear is None or acts.permutes or point_group(linear) is not None:
        return finite_elements(acts, where)
    if not isinstance(linear, AbstractMatrixGroup) or not linear.is_compact:
        got, remedy = acts.name, "use wrap.local_frames, which needs no integral over the group"
        raise ValueError(sentence(where, wanted="a compact group", got=got, remedy=remedy))
    if points is None:
        wanted, got = f"the number of points of a quadrature of {linear}", "points=None"
        raise ValueError(sentence(where, wanted=wanted, got=got, remedy="give points=64, say"))
    rule = linear.quadrature(points)
    return Elements(rule.elements.numpy(), None, rule.weights.numpy())


def _permutations(acts: Acting, where: str) -> Elements:
    """All permutations of a group whose number of points is known."""
    if (
        not isinstance(acts.permutations, Symmetric | Alternating | PermutationGroup)
        or acts.space is not None
    ):
        wanted, remedy = "a number of points, such as Sym(5)", "or use wrap.sorted_frames, for any number"
        raise ValueError(sentence(where, wanted=wanted, got=acts.name, remedy=remedy))
    orders = np.argmax(acts.permutations.enumerate().matrices, 1)
    return Elements(None, orders, np.full(len(orders), 1 / len(orders)))


def finite_guarantee(acts: Acting, types: Sequence[AbstractTensorType], note: str) -> Guarantee:
    """exact, unless pixels are turned by angles that do not permute them; images: about the centre."""
    H = point_group(acts.space)
    if H is None or not any(one.is_sampled for one in types):
        return Guarantee("exact", acts.name, note)
    if not H.is_integral:
        clause = "exact for the elements that keep the pixels, interpolated for others"
        return Guarantee("exact_on_grid", acts.name, "; ".join(filter(None, (clause, note))))
    clause = "point group about the centre; translations as the network has them"
    return Guarantee("exact", acts.name, "; ".join(filter(None, (clause, note))))
