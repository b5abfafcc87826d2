"""Groups by name and groups of a user's own."""

import copy
import pickle
import re

import numpy as np
import pytest
import scipy.linalg
import torch

from mackey import groups as G
from mackey import reps

NAMES: list[tuple[str, object]] = [
    ("SO(3)", G.special_orthogonal(3)),
    ("O(2)", G.orthogonal(2)),
    ("U(1)", G.unitary(1)),
    ("SU(2)", G.special_unitary(2)),
    ("T(3)", G.translation_group(3)),
    ("SE(2)", G.special_euclidean(2)),
    ("E(3)", G.euclidean(3)),
    ("SIM(2)", G.similarity(2)),
    ("Aff(2)", G.affine(2)),
    ("GL+(3)", G.general_linear(3)),
    ("SL(2)", G.special_linear(2)),
    ("PGL(3)", G.projective_linear(3)),
    ("Sp(4)", G.symplectic(4)),
    ("O(1,3)", G.lorentz(reflections=True)),
    ("SO+(1,3)", G.lorentz()),
    ("SO+(2,3)", G.proper_orthogonal(2, 3)),
    ("R+", G.scalings()),
    ("R+ on R^3", G.scalings(3)),
    ("R+×SO(2)", G.scaled_rotations(2)),
    ("SO(2)×SU(2)", G.direct_product([G.special_orthogonal(2), G.special_unitary(2)])),
    ("R^4⋊SO+(1,3)", G.semidirect_product(G.lorentz())),
    ("Sym(5)", G.symmetric(5)),
    ("C8", G.cyclic(8)),
    ("D4", G.dihedral(4)),
    ("±1", G.mirror()),
    ("O", G.octahedral()),
    ("Oh", G.octahedral(True)),
    ("T", G.tetrahedral()),
    ("Td", G.tetrahedral(True)),
    ("Th", G.pyritohedral()),
    ("I", G.icosahedral()),
    ("Ih", G.icosahedral(True)),
    ("C3×D4", G.finite_product([G.cyclic(3), G.dihedral(4)])),
    ("p4m", G.p4m()),
    ("p6m", G.lattice(G.dihedral(6))),
    ("Z^3", G.translations(3)),
    ("Z^3⋊O", G.lattice(G.octahedral())),
    ("Z^4⋊C4×C2", G.lattice(G.finite_product([G.cyclic(4), G.cyclic(2)]))),
    ("p6 (hexagonal)", G.plane_group("p6")),
    ("p3m1 (hexagonal)", G.plane_group("p3m1")),
    ("pgg", G.plane_group("pgg")),
]


@pytest.mark.parametrize(("name", "group"), NAMES, ids=[name for name, _ in NAMES])
def test_names_read_and_print(name: str, group: object) -> None:
    assert G.named(name) == group and str(G.named(name)) == name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("S5", "Sym(5)"),
        ("SO⁺(1,3)", "SO+(1,3)"),
        ("GL⁺(2)", "GL+(2)"),
        ("R₊ × SO(2)", "R+×SO(2)"),
        ("SO(2)×R+", "R+×SO(2)"),
        ("SO(2)xSO(3)", "SO(2)×SO(3)"),
        ("SO(3) ⋉ R^3", "R^3⋊SO(3)"),
        ("R^5⋊(SO(2)×SO(3))", "R^5⋊SO(2)×SO(3)"),
        ("Z^2⋊D4", "p4m"),
        ("Z^3⋊Th", "Z^3⋊Th"),
    ],
)
def test_other_ways_to_write(written: str, name: str) -> None:
    assert str(G.named(written)) == name


def test_semidirect_products_are_the_motions_they_are() -> None:
    assert G.named("R^3⋊SO(3)") == G.special_euclidean(3)
    assert G.named("R^2⋊R+×SO(2)") == G.similarity(2)
    assert G.named("R^2⋊GL+(2)") == G.affine(2)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("SO(33", r"groups.named: .* got 'SO\(33'; did you mean SO\(3\)"),
        ("SU2", r"did you mean SU\(2\)"),
        ("S0(3)", r"did you mean SO\(3\)"),
        ("p4q", "did you mean p4"),
        ("p4 (hexagonal)", "or build one with groups.matrix_group"),
        ("", "or build one with groups.matrix_group"),
        ("R^3⋊SO(2)", r"moves R\^3, got SO\(2\) on R\^2; write R\^2⋊SO\(2\)"),
        ("R^2⋊C4", "got C4; for a finite group build"),
        ("Z^3⋊D4", r"a finite group that moves R\^3, got D4"),
        ("SO(2)×D4", "a product of finite groups only"),
        ("SO(2)×", "wanted the name of a group"),
        ("PGL(4)", "odd n ≥ 3"),
    ],
)
def test_unknown_names(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        G.named(name)


ROTATION = np.array([[0.0, -1], [1, 0]])
BOOST = np.array([[0.0, 1], [1, 0]])
MIRROR = np.diag([1.0, -1.0])


def heisenberg() -> list[np.ndarray]:
    x, y, z = (np.zeros((3, 3)) for _ in range(3))
    x[0, 1] = y[1, 2] = z[0, 2] = 1
    return [x, y, z]


OWN = [
    G.matrix_group([MIRROR], [ROTATION], "my O(2)"),
    G.matrix_group([-np.eye(2), MIRROR], [BOOST], "my O(1,1)"),
    G.matrix_group([], heisenberg(), "Heisenberg"),
    G.matrix_group([], G.lorentz().lie_algebra, "my Lorentz"),
    G.matrix_group([ROTATION, MIRROR], [], "my D4"),
    G.matrix_group([], [np.kron(np.eye(2), ROTATION), np.kron(ROTATION, np.eye(2))], "torus"),
    G.matrix_group([np.diag([2.0, 1.0])], [np.array([[0.0, 1], [0, 0]])], "dyadic"),
]


@pytest.mark.parametrize("group", OWN, ids=str)
def test_own_groups(group: G.MatrixGroup, generator: torch.Generator) -> None:
    a, b, c = (group.sample(4, generator) for _ in range(3))
    k = len(group.lie_algebra)
    v = 0.3 * torch.randn(4, k, generator=generator, dtype=torch.float64)
    rounding = 1e-10 * max(1.0, float((a @ b).abs().max()))
    torch.testing.assert_close(a @ group.inverse(a), group.identity.expand_as(a), rtol=0, atol=rounding)
    expected = [scipy.linalg.expm(np.tensordot(u, group.lie_algebra, 1)) for u in v.numpy()]
    torch.testing.assert_close(group.exp(v), torch.as_tensor(np.stack(expected)), rtol=0, atol=1e-12)
    torch.testing.assert_close(group.log(group.exp(v)), v, rtol=0, atol=1e-10)
    x = torch.randn(4, group.size, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(group.act(a @ b, x), group.act(a, group.act(b, x)), rtol=1e-9, atol=1e-9)
    near = torch.cat([group.exp(v), *(g @ group.exp(v) for g in group.generators)])
    assert group.violation(near).max() < 1e-9
    assert group.violation(torch.randn(4, group.size, group.size, generator=generator).double()).min() > 1e-3
    assert group.violation(torch.full((group.size,) * 2, torch.nan).double()).isinf()
    distance = group.distance(near[:, None], near)
    assert distance.diagonal().max() < 1e-6
    torch.testing.assert_close(distance, distance.mT, rtol=0, atol=1e-7)
    moved = group.distance(c[0] @ near[:, None], c[0] @ near)
    torch.testing.assert_close(moved, distance, rtol=0, atol=1e-6)
    other = pickle.loads(pickle.dumps(copy.deepcopy(group)))
    assert other == group and hash(other) == hash(group) and str(other) == group.name
    assert [g for g in OWN if g == group] == [group]
    with pytest.raises(ValueError, match="for which no rule is known"):
        group.quadrature(3)


@pytest.mark.parametrize("group", OWN, ids=str)
def test_samples_do_not_follow_the_default_device(group: G.MatrixGroup) -> None:
    plain = group.sample(6, torch.Generator().manual_seed(1))
    with torch.device("meta"):
        found = group.sample(6, torch.Generator("cpu").manual_seed(1))
    torch.testing.assert_close(found, plain, rtol=0, atol=0)


def test_samples_reach_what_generators_reach(generator: torch.Generator) -> None:
    """All 8 elements of D4, each with chance ≥ 1/81 in a draw; both components of O(2)."""
    assert len(torch.unique(OWN[4].sample(2000, generator).round(), dim=0)) == 8
    positive = (torch.linalg.det(OWN[0].sample(200, generator)) > 0).double().mean()
    assert 0.3 < float(positive) < 0.7


def test_generators_tell_own_groups_apart() -> None:
    """SO(2) and O(2) have one Lie algebra; what is remembered of one must not answer for the other."""
    turns, both = G.matrix_group([], [ROTATION]), G.matrix_group([MIRROR], [ROTATION])
    assert turns != both
    for group, count in ((turns, 2), (both, 1), (turns, 2)):
        assert len(reps.intertwiners(reps.standard(group), reps.standard(group))) == count


def test_own_groups_agree_with_ours(generator: torch.Generator) -> None:
    mine, ours = OWN[0], G.orthogonal(2)
    a, b = ours.sample(20, generator), ours.sample(20, generator)
    assert mine.violation(a).max() < 1e-10
    torch.testing.assert_close(mine.distance(a, b), ours.distance(a, b), rtol=0, atol=1e-9)
    mine, ours = OWN[3], G.lorentz()
    a, b = ours.exp(torch.randn(10, 6, generator=generator).double()), ours.identity.expand(10, 4, 4)
    torch.testing.assert_close(mine.distance(a, b), ours.distance(a, b), rtol=0, atol=1e-9)
    torch.testing.assert_close(mine.log(a), ours.log(a), rtol=0, atol=1e-9)


def test_what_is_known_of_own_groups() -> None:
    assert [g.is_compact for g in OWN] == [True, False, False, False, True, True, False]
    assert not G.matrix_group([np.diag([2.0, 0.5])], []).is_compact
    assert [g.is_unimodular for g in OWN] == [True] * 6 + [False]
    assert not G.matrix_group([], G.affine(1).lie_algebra).is_unimodular
    reflected = torch.as_tensor(MIRROR)
    assert OWN[0].length(reflected).isinf() and OWN[0].length(-OWN[0].identity) == pytest.approx(np.pi)
    with pytest.raises(
        ValueError, match=r"my O.2..log: .* 1 of 2 elements without a logarithm, the first at index 1"
    ):
        OWN[0].log(torch.stack([OWN[0].identity, reflected]))
    plane = G.semidirect_product(OWN[0])
    a = plane.sample(5, torch.Generator().manual_seed(0))
    torch.testing.assert_close(a @ plane.inverse(a), plane.identity.expand_as(a), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("generators", "algebra", "message"),
    [
        ([], [], "square matrices of one size, at least one, got shapes none"),
        ([np.eye(2)], [np.zeros((3, 3))], "got shapes (2, 2), (3, 3)"),
        ([np.ones((2, 3))], [], "got shapes (2, 3)"),
        ([np.full((2, 2), np.nan)], [], "finite matrices"),
        ([np.ones((2, 2))], [], "invertible generators, got generator 0"),
        ([], [ROTATION, 2 * ROTATION], "independent matrices A_i, got 2 of rank 1"),
        ([], [ROTATION, 0 * ROTATION], "independent matrices A_i, got 2 of rank 1"),
        ([], [ROTATION, BOOST], "[A_0, A_1] outside their span by 1.4 of |A_0||A_1|"),
        ([], [0 * ROTATION], "independent matrices A_i, got 1 of rank 0"),
        ([np.zeros((0, 0))], [], "of one size, at least one, got shapes (0, 0)"),
        ([[[1, 0], [1]]], [], "real numbers in an array, got lists of different lengths"),
        ([1j * np.eye(2)], [], "real numbers in an array, got entries of type complex128"),
        ([[["a", "b"], ["c", "d"]]], [], "got entries of type <U1"),
        ([np.diag([2.0, 1.0])], [ROTATION], "g_0 A_0 g_0⁻¹ outside their span by 0.51 of its size"),
    ],
)
def test_what_does_not_close_is_refused(generators: list, algebra: list, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        G.matrix_group(generators, algebra, "mine")


def test_generators_may_be_lists_or_tensors() -> None:
    mine = G.matrix_group([MIRROR], [ROTATION])
    assert G.matrix_group([MIRROR.tolist()], [ROTATION.tolist()]) == mine
    tensors = [torch.as_tensor(m).float().requires_grad_() for m in (MIRROR, ROTATION)]
    assert G.matrix_group(tensors[:1], tensors[1:]) == mine


def test_units_do_not_make_a_basis_dependent() -> None:
    scales = np.array([1e-6, 1, 1e6])[:, None, None]
    turns = G.matrix_group([], scales * G.special_orthogonal(3).lie_algebra)
    v = torch.tensor([0.2, -0.3, 0.1], dtype=torch.float64)
    a = turns.exp(v / torch.as_tensor(scales.ravel()))
    torch.testing.assert_close(a, G.special_orthogonal(3).exp(v), rtol=0, atol=1e-12)
    torch.testing.assert_close(turns.vee(turns.hat(v)), v, rtol=0, atol=1e-12)
