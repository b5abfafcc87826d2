"""Bases of linear maps between fields on G/H_in and G/H_out: counted, and compared with a null space."""

import itertools

import numpy as np
import pytest

from mackey import groups as G
from mackey import reps as R
from mackey import spaces as S
from mackey.groups import FiniteGroup

S4 = G.symmetric(4).enumerate()
PERMUTATIONS = list(itertools.permutations(range(4)))
D4 = G.dihedral(4)


def space(group: FiniteGroup, generators: list[int]) -> S.HomogeneousSpace:
    return S.HomogeneousSpace(G.subgroup(group, generators))


def permutations(*found: tuple[int, ...]) -> list[int]:
    return [PERMUTATIONS.index(p) for p in found]


POINTS = space(S4, permutations((0, 1, 3, 2), (0, 2, 3, 1)))
EDGES = space(S4, permutations((1, 0, 2, 3), (0, 1, 3, 2)))
PAIRINGS = space(S4, permutations((1, 0, 2, 3), (0, 1, 3, 2), (2, 3, 0, 1)))


def affine_plane() -> FiniteGroup:
    """Z_3² ⋊ D4: 72 affine maps of the plane over three elements, as matrices that permute its 9 points."""
    points = np.array(list(itertools.product(range(3), repeat=2)))
    steps = [(np.eye(2), t) for t in ((1, 0), (0, 1))]
    steps += [(D4.matrices[g], (0, 0)) for g in D4.generators]
    moved = [np.rint(points @ np.array(A).T + np.array(t)).astype(int) % 3 for A, t in steps]
    return G.generated([np.eye(9)[:, row @ [3, 1]] for row in moved], "Z_3²⋊D4")


PLANE = affine_plane()


def fixing(group: FiniteGroup, point: int) -> S.HomogeneousSpace:
    return S.HomogeneousSpace(G.stabiliser(group, np.eye(group.dimension)[point]))


def translations(group: FiniteGroup) -> S.HomogeneousSpace:
    """G/Z_3²: the elements of odd order that fix no point, and the identity."""
    still = np.trace(group.matrices, axis1=1, axis2=2)
    cubes = [group.compose(h, group.compose(h, h)) for h in group.elements]
    members = [h for h in group.elements if h == 0 or (still[h] < 0.5 and cubes[h] == 0)]
    return S.HomogeneousSpace(G.Subgroup(group, tuple(members)))


def trivially(X: S.HomogeneousSpace) -> R.Rep:
    return R.trivial(X.stabiliser.group)


def turning(X: S.HomogeneousSpace) -> R.Rep:
    """The first irrep of dimension 2."""
    return next(psi for psi in R.irreps(X.stabiliser.group) if psi.dim == 2)


EXAMPLES = {
    "points → edges": (POINTS, trivially(POINTS), EDGES, trivially(EDGES), 2),
    "edges → edges": (EDGES, trivially(EDGES), EDGES, trivially(EDGES), 3),
    "points → pairings with sign": (
        POINTS, trivially(POINTS), PAIRINGS, R.sign(PAIRINGS.stabiliser.group), 0,
    ),
    "D4/⟨m⟩ → D4/C4": (space(D4, [4]), trivially(space(D4, [4])), space(D4, [1]), turning(space(D4, [1])), 2),
    "image → D4": (
        fixing(PLANE, 0), trivially(fixing(PLANE, 0)), translations(PLANE), trivially(translations(PLANE)), 1,
    ),
    "image → regular": (
        fixing(PLANE, 0), trivially(fixing(PLANE, 0)), space(PLANE, []), trivially(space(PLANE, [])), 9,
    ),
}  # fmt: skip


def test_the_plane_is_what_it_says() -> None:
    assert PLANE.order == 72
    assert len(fixing(PLANE, 0)) == 9
    assert len(translations(PLANE)) == 8


def null_space(X: S.HomogeneousSpace, rho: R.Rep, Y: S.HomogeneousSpace, sigma: R.Rep) -> np.ndarray:
    """The projection on {κ : κ(hg′h′) = σ(h)κ(g′)ρ(h′)}, the average over H_out × H_in."""
    group, a, d = X.group, sigma.dim, rho.dim
    total = np.zeros((group.order, a, d, group.order, a, d))
    for i, h in enumerate(Y.stabiliser.members):
        for j, k in enumerate(X.stabiliser.members):
            block = np.einsum("op,ji->oipj", sigma.matrices[i], rho.matrices[j])
            for g in group.elements:
                total[group.compose(group.compose(h, g), k), :, :, g] += block
    size = group.order * a * d
    mean = total.reshape(size, size) / (len(Y.stabiliser.members) * len(X.stabiliser.members))
    assert np.abs(mean @ mean - mean).max() < 1e-12
    return mean


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_theory(name: str) -> None:
    X, rho, Y, sigma, count = EXAMPLES[name]
    found = S.linear_maps(X, rho, Y, sigma)
    assert found.shape == (count, X.group.order, sigma.dim, rho.dim)
    assert S.linear_map_count(X, rho, Y, sigma) == count
    mean = null_space(X, rho, Y, sigma)
    assert round(np.trace(mean)) == count
    flat = found.reshape(count, found[0].size if count else 0)
    if count:
        np.testing.assert_allclose(flat.T @ flat, mean, atol=1e-12)


def test_every_pair_of_irreps() -> None:
    """The span is that of the average over H_out × H_in, and each map satisfies the Mackey condition."""
    for X, Y in itertools.product([POINTS, EDGES, PAIRINGS], repeat=2):
        for rho in R.irreps(X.stabiliser.group):
            for sigma in R.irreps(Y.stabiliser.group):
                found = S.linear_maps(X, rho, Y, sigma)
                assert len(found) == S.linear_map_count(X, rho, Y, sigma)
                for i, h in list(enumerate(Y.stabiliser.members))[1:3]:
                    for j, k in list(enumerate(X.stabiliser.members))[1:3]:
                        moved = found[:, S4.table[S4.table[h], k]]
                        wanted = sigma.matrices[i] @ found @ rho.matrices[j]
                        np.testing.assert_allclose(moved, wanted, atol=1e-12)
                flat = found.reshape(len(found), 24 * sigma.dim * rho.dim)
                assert np.linalg.matrix_rank(flat, tol=1e-8) == len(found)
                np.testing.assert_allclose(np.linalg.norm(flat, axis=1), 1)


def test_maps_of_fields_commute_with_the_group() -> None:
    """On values at the sections, G acts by the induced representations."""
    for X, Y in ((POINTS, EDGES), (EDGES, PAIRINGS), (PAIRINGS, POINTS)):
        for rho in R.irreps(X.stabiliser.group)[-2:]:
            for sigma in R.irreps(Y.stabiliser.group)[-2:]:
                one, two = R.induce(rho, X.stabiliser), R.induce(sigma, Y.stabiliser)
                found = S.linear_maps(X, rho, Y, sigma)
                whole = [S.field_matrix(kappa, X, Y).reshape(two.dim, one.dim) for kappa in found]
                for W in whole:
                    for g in S4.generators:
                        np.testing.assert_allclose(two.matrices[g] @ W, W @ one.matrices[g], atol=1e-12)
                assert len(whole) == R.intertwiner_count(one, two)
                if whole:
                    flat = np.stack(whole).reshape(len(whole), -1)
                    assert np.linalg.matrix_rank(flat) == len(whole)


def test_one_basis_for_each_double_coset() -> None:
    rho = trivially(EDGES)
    cosets = S.double_coset_bases(EDGES, rho, EDGES, rho)
    assert [len(c.members) for c in cosets] == [4, 16, 4]
    assert sorted(itertools.chain(*(c.members for c in cosets))) == list(range(24))
    assert all(c.element == min(c.members) and c.basis.shape == (1, 1, 1) for c in cosets)


def test_wrong_representations_are_refused() -> None:
    rho, other = trivially(POINTS), space(D4, [4])
    with pytest.raises(
        ValueError, match=r"spaces\.linear_maps: wanted σ of .*, got trivial of .*; restrict it"
    ):
        S.linear_maps(POINTS, rho, EDGES, rho)
    with pytest.raises(ValueError, match=r"wanted two spaces of one group, got spaces of .* and of D4"):
        S.linear_maps(POINTS, rho, other, trivially(other))
