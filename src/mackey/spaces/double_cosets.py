"""All linear maps between fields on G/H_in and G/H_out, one double coset at a time."""

from typing import NamedTuple

import numpy as np

from mackey.errors import sentence
from mackey.groups import conjugate, double_cosets, intersection
from mackey.groups.subgroups import Subgroup
from mackey.reps import Rep, intertwiners, restrict
from mackey.spaces.homogeneous import HomogeneousSpace


class Coset(NamedTuple):
    """One double coset H_out x H_in: its smallest element x, and a basis of Hom_K(ρ^x, σ), (r, d_σ, d_ρ).

    K = H_out ∩ x H_in x⁻¹, ρ^x(h) = ρ(x⁻¹hx). κ(x) is free in this space, and fixes κ on the coset.
    """

    element: int
    members: tuple[int, ...]
    basis: np.ndarray


def double_coset_bases(
    space_in: HomogeneousSpace, rho: Rep, space_out: HomogeneousSpace, sigma: Rep
) -> tuple[Coset, ...]:
    """The free values of κ, κ(hg′h′) = σ(h)κ(g′)ρ(h′), at one element of each double coset H_out\\G/H_in."""
    _check(space_in, rho, space_out, sigma)
    into, out = space_in.stabiliser, space_out.stabiliser
    found = []
    for members in double_cosets(out, into):
        x = members[0]
        common = intersection(out, conjugate(into, x))
        inner = _conjugated(rho, into, common, x)
        found.append(Coset(x, members, intertwiners(inner, restrict(sigma, _inside(out, common)))))
    return tuple(found)


def _inside(outer: Subgroup, inner: Subgroup) -> Subgroup:
    """K ≤ H as a subgroup of `H.group`, for two subgroups of one group."""
    return Subgroup(outer.group, tuple(outer.members.index(k) for k in inner.members))


def _conjugated(rho: Rep, into: Subgroup, common: Subgroup, x: int) -> Rep:
    """ρ^x on K: ρ^x(k) = ρ(x⁻¹kx)."""
    G = common.parent
    back = [G.compose(G.compose(G.inverse(x), k), x) for k in common.members]
    return Rep(common.group, rho.matrices[[into.members.index(h) for h in back]], f"{rho}^x")


def linear_maps(space_in: HomogeneousSpace, rho: Rep, space_out: HomogeneousSpace, sigma: Rep) -> np.ndarray:
    """A basis (count, |G|, d_σ, d_ρ) of the κ with κ(hg′h′) = σ(h)κ(g′)ρ(h′) for h ∈ H_out, h′ ∈ H_in.

    They give every G-equivariant map of fields, [Φf](g) = Σ_g′ κ(g⁻¹g′) f(g′), once. Each has Frobenius norm
    1 and is zero outside of one double coset; as many as `linear_map_count`. Source: Mackey.
    """
    G, into, out = space_in.group, space_in.stabiliser, space_out.stabiliser
    cosets = double_coset_bases(space_in, rho, space_out, sigma)
    whole = np.zeros((sum(len(coset.basis) for coset in cosets), G.order, sigma.dim, rho.dim))
    start = 0
    for coset in cosets:
        part = whole[start : start + len(coset.basis)]
        for a, h in enumerate(out.members):
            for b, k in enumerate(into.members):
                where = G.compose(G.compose(h, coset.element), k)
                part[:, where] = sigma.matrices[a] @ coset.basis @ rho.matrices[b]
        part /= np.sqrt((part**2).sum((1, 2, 3), keepdims=True))
        start += len(coset.basis)
    return whole


def field_matrix(kappa: np.ndarray, space_in: HomogeneousSpace, space_out: HomogeneousSpace) -> np.ndarray:
    """[Φf](s(y)) = Σ_x κ(s(y)⁻¹s(x)) f(s(x)) as a matrix (points, d_σ, points, d_ρ), for one κ."""
    G = space_in.group
    sources = np.array([space_in.section(point) for point in range(len(space_in))])
    targets = np.array([space_out.section(point) for point in range(len(space_out))])
    differences = G.table[G.inverses[targets][:, None], sources]
    return kappa[differences].transpose(0, 2, 1, 3)


def _check(space_in: HomogeneousSpace, rho: Rep, space_out: HomogeneousSpace, sigma: Rep) -> None:
    if space_in.group != space_out.group:
        raise ValueError(
            sentence(
                "spaces.linear_maps",
                wanted="two spaces of one group",
                got=f"spaces of {space_in.group} and of {space_out.group}",
                remedy="restrict to a common subgroup",
            )
        )
    for name, space, rep in (("ρ", space_in, rho), ("σ", space_out, sigma)):
        if rep.group != space.stabiliser.group:
            raise ValueError(
                sentence(
                    "spaces.linear_maps",
                    wanted=f"{name} of {space.stabiliser.group}",
                    got=f"{rep} of {rep.group}",
                    remedy="restrict it to the stabiliser",
                )
            )
