"""Homogeneous spaces, grids and their symmetries, the integer rule."""

import itertools

import numpy as np
import pytest
import torch

from mackey import groups as G
from mackey import reps as R
from mackey import spaces as S
from mackey.fields import FieldType, Guarantee, weakest
from mackey.groups import FiniteGroup

S4 = G.symmetric(4).enumerate()
PERMUTATIONS = list(itertools.permutations(range(4)))


def space(group: FiniteGroup, generators: list[int]) -> S.HomogeneousSpace:
    return S.HomogeneousSpace(G.subgroup(group, generators))


POINTS = space(S4, [PERMUTATIONS.index(p) for p in ((0, 1, 3, 2), (0, 2, 3, 1))])
EDGES = space(S4, [PERMUTATIONS.index(p) for p in ((1, 0, 2, 3), (0, 1, 3, 2))])
PAIRINGS = space(S4, [PERMUTATIONS.index(p) for p in ((1, 0, 2, 3), (0, 1, 3, 2), (2, 3, 0, 1))])


@pytest.mark.parametrize(
    "X", [POINTS, EDGES, PAIRINGS, space(G.octahedral(), [1]), space(G.dihedral(4), [5])], ids=len
)
def test_section_and_cocycle(X: S.HomogeneousSpace) -> None:
    K, group = X.stabiliser, X.group
    for x in range(len(X)):
        assert X.act(X.section(x), 0) == x == X.project(X.section(x))
    for g, h in itertools.product(list(group.elements)[::3], repeat=2):
        for x in range(len(X)):
            combined = X.cocycle(group.compose(g, h), x)
            assert combined == K.group.compose(X.cocycle(g, X.act(h, x)), X.cocycle(h, x))


@pytest.mark.parametrize(("X", "Y", "count"), [(POINTS, EDGES, 2), (EDGES, EDGES, 3), (POINTS, POINTS, 2)])
def test_known_counts_of_linear_maps(X: S.HomogeneousSpace, Y: S.HomogeneousSpace, count: int) -> None:
    rho, sigma = R.trivial(X.stabiliser.group), R.trivial(Y.stabiliser.group)
    assert S.linear_map_count(X, rho, Y, sigma) == count


def test_double_coset_count_equals_the_characters() -> None:
    for X, Y in itertools.product([POINTS, EDGES, PAIRINGS], repeat=2):
        for rho in R.irreps(X.stabiliser.group):
            for sigma in R.irreps(Y.stabiliser.group):
                full = R.intertwiner_count(R.induce(rho, X.stabiliser), R.induce(sigma, Y.stabiliser))
                assert S.linear_map_count(X, rho, Y, sigma) == full


def test_orbits_of_the_stabiliser() -> None:
    assert [len(orbit) for orbit in EDGES.orbits] == [1, 4, 1]  # Sym(4) on edges: equal, adjacent, opposite
    for X in (POINTS, EDGES, PAIRINGS, space(G.dihedral(4), [5])):
        assert X.orbits[0] == (0,)
        for orbit in X.orbits:
            assert {X.act(h, orbit[-1]) for h in X.stabiliser.members} == set(orbit)
        assert sorted(itertools.chain(*X.orbits)) == list(range(len(X)))


def test_grid_turns_as_the_displayed_image() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    grid = S.Grid(G.p4m())
    assert torch.equal(grid.move(x, ((0, 0), 1)), torch.rot90(x, 1, (-2, -1)))
    assert torch.equal(grid.move(x, ((0, 0), 4)), x.flip(-1))


@pytest.mark.parametrize("name", ["p4m", "Z⋊±1", "Z^3⋊Oh"])
def test_move_is_the_action_on_coordinates(name: str) -> None:
    grid = S.Grid(G.named(name))
    sizes, H = (4,) * grid.dimension, grid.stabiliser
    x = torch.randn(1, 2, *sizes)
    points = grid.coordinates(sizes, x.device)
    field = points.T.reshape(1, grid.dimension, *sizes)
    for h in H.elements:
        wanted = torch.as_tensor(H.act(H.inverse(h), points.numpy())).T.reshape(field.shape)
        torch.testing.assert_close(grid.move(field, ((0,) * grid.dimension, h)), wanted)
        k = (7 * h + 3) % H.order
        zero = (0,) * grid.dimension
        assert torch.equal(
            grid.move(grid.move(x, (zero, k)), (zero, h)), grid.move(x, (zero, H.compose(h, k)))
        )


def test_exact_symmetry_shrinks_with_the_array() -> None:
    grid = S.Grid(G.p4m())
    assert len(grid.exact_symmetry((5, 5))) == 8
    assert len(grid.exact_symmetry((4, 6))) == 4
    assert [h for _, h in S.Grid(G.named("p8")).exact_symmetry((5, 5))] == [0, 2, 4, 6]
    with pytest.raises(ValueError, match="permutes the samples"):
        grid.move(torch.zeros(1, 1, 4, 6), ((0, 0), 1))
    with pytest.raises(ValueError, match="periodic"):
        grid.move(torch.zeros(1, 1, 4, 4), ((1, 0), 0))


def test_tokens_come_back() -> None:
    for domain, x in (
        (S.Grid(G.p4()), torch.randn(2, 12, 3, 4)),
        (S.GroupGrid(G.p4()), torch.randn(2, 12, 3, 4)),
        (S.Set(5), torch.randn(2, 5, 6)),
        (S.Sequence(), torch.randn(2, 5, 6)),
    ):
        assert torch.equal(domain.from_tokens(domain.to_tokens(x, 1), domain.sizes(x)), x)


def test_integer_rule_is_exactly_the_condition_for_rotations() -> None:
    """Strided convolution with a 4-fold symmetric filter commutes with rot90 iff the rule holds: 0
    exceptions.
    """
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for size, kernel, stride, padding in itertools.product(
        range(5, 10), (1, 2, 3, 4, 5), (1, 2, 3), (0, 1, 2)
    ):
        x = torch.randn(1, 1, size, size, generator=generator, dtype=torch.float64)
        w = torch.randn(1, 1, kernel, kernel, generator=generator, dtype=torch.float64)
        w = sum(torch.rot90(w, k, (-2, -1)) for k in range(4))
        one = torch.nn.functional.conv2d(torch.rot90(x, 1, (-2, -1)), w, None, stride, padding)
        two = torch.rot90(torch.nn.functional.conv2d(x, w, None, stride, padding), 1, (-2, -1))
        exact = bool((one - two).abs().max() < 1e-12)
        holds = (size + 2 * padding - kernel) % stride == 0
        seen.add(holds)
        # padded zeros may hide the shift when a stride reads nothing but one sample
        assert exact == holds or (not holds and one.shape[-1] == 1)
        good = S.nearest_sizes(size, kernel, stride, padding)
        assert all((n + 2 * padding - kernel) % stride == 0 for n in good)
    assert seen == {True, False}


def test_types_and_guarantees() -> None:
    with pytest.raises(ValueError, match="fixes a point"):
        FieldType(S.Grid(G.p4()), R.regular(G.cyclic(2)), 1)
    with pytest.raises(ValueError, match="multiplicity"):
        FieldType(S.Grid(G.p4()), R.regular(G.cyclic(4)), 0)
    with pytest.raises(ValueError, match="exact_on_grid"):
        Guarantee("perfect", "p4")
    with pytest.raises(ValueError, match="1, 2 or 3 dimensions"):
        S.Grid(G.translations(4))
    chain = weakest([Guarantee("exact", "p8"), Guarantee("exact_on_grid", "p8"), Guarantee("exact", "p8")])
    assert chain.kind == "exact_on_grid" and str(chain) == "exact_on_grid under p8"
    assert np.isfinite(S.Grid(G.p4()).stencil(3)).all()


def test_group_grid_counts_values_of_the_group() -> None:
    """(b, c·|H|, *spatial): the shape of a type passes its own check, a remainder does not."""
    field = FieldType(S.GroupGrid(G.p4()), R.trivial(G.cyclic(1)), 3)
    assert field.shape(2, (5, 5)) == (2, 12, 5, 5)
    field.check(torch.zeros(field.shape(2, (5, 5))), "here")
    for channels in (13, 14):
        with pytest.raises(ValueError, match=rf"a multiple of \|H\| = 4 .*got shape \(2, {channels}, 5, 5\)"):
            field.check(torch.zeros(2, channels, 5, 5), "here")
    with pytest.raises(ValueError, match="12 channels"):
        field.check(torch.zeros(2, 16, 5, 5), "here")


def test_a_set_has_n_points() -> None:
    field = FieldType(S.Set(5), R.trivial(S.Set(5).stabiliser), 3)
    field.check(torch.zeros(2, 5, 3), "here")
    for act in (lambda x: field.check(x, "here"), lambda x: field.transform(x, (1, 0, 2, 3, 4))):
        with pytest.raises(ValueError, match=r"5 points on the second axis, got shape \(2, 7, 3\)"):
            act(torch.zeros(2, 7, 3))
    with pytest.raises(ValueError, match="n ≥ 1"):
        S.Set(0)


def test_a_torus_has_the_size_of_its_periods() -> None:
    grid = S.Grid(G.lattice(G.dihedral(2), (4, 6)), periodic=True)  # 4 along x, the columns; 6 along y
    x = torch.randn(1, 1, 6, 4)
    assert torch.equal(grid.move(x, ((4, 6), 0)), x)
    field = FieldType(grid, R.trivial(grid.stabiliser), 1)
    field.check(x, "here")
    for act in (lambda x: field.check(x, "here"), lambda x: grid.move(x, ((1, 0), 0))):
        with pytest.raises(ValueError, match="an array of 6×4, got 4×6"):
            act(torch.zeros(1, 1, 4, 6))
    with pytest.raises(ValueError, match="periodic=True for p2m on the 4×6 torus"):
        S.Grid(grid.group)


def test_hexagonal_lattices_are_refused() -> None:
    hexagonal = G.generated([[[0, -1], [1, -1]]], "three")
    with pytest.raises(ValueError, match="got three, whose matrices are not orthogonal"):
        S.Grid(G.lattice(hexagonal))


def test_arrays_smaller_than_the_kernel() -> None:
    with pytest.raises(
        ValueError, match=r"at least 5 samples along each axis.*got size 3×4; use a smaller kernel"
    ):
        S.strided_sizes("here", (3, 4), 5, 2, 0)


def test_field_types_say_what_they_want() -> None:
    grid = S.Grid(G.p4())
    with pytest.raises(ValueError, match=r"wanted a whole multiplicity of at least 1, got 0"):
        FieldType(grid, R.trivial(grid.stabiliser), 0)
    with pytest.raises(ValueError, match=r"wanted a representation of C1 on R\^1.* got trivial of C1;"):
        FieldType(S.Set(5), R.trivial(G.cyclic(1)), 3)
