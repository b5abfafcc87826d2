"""Representations built from others, for groups of every kind: homomorphisms, tangents, names, subgroups."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mackey import groups as G
from mackey import reps

GROUPS = [
    G.special_orthogonal(2),
    G.special_orthogonal(3),
    G.orthogonal(3),
    G.lorentz(reflections=True),
    G.symplectic(4),
    G.special_linear(2),
    G.general_linear(2),
    G.special_euclidean(2),
    G.euclidean(2),
]
TEXTS = [
    "trivial",
    "V",
    "det",
    "V*",
    "V⊗V",
    "V⊗V*",
    "(V⊗V)*",
    "2xV + V⊗V + trivial",
    "Sym^2(V)",
    "Λ^2(V)",
    "Sym^3(V)",
    "2x(V + 3xtrivial)⊗V",
    "V^3",
    "det(V⊗V)",
]
seeds = st.integers(0, 2**31)


@pytest.mark.parametrize("group", GROUPS, ids=str)
@pytest.mark.parametrize("text", TEXTS)
def test_is_a_homomorphism_with_the_right_tangent(group: G.AbstractMatrixGroup, text: str) -> None:
    rep = reps.parse(group, text)
    a, b = group.sample(2, torch.Generator().manual_seed(3))
    assert rep.at(a).shape == (rep.dim, rep.dim)
    scale = float(rep.at(a).abs().max() * rep.at(b).abs().max()) * rep.dim
    assert float((rep.at(a) @ rep.at(b) - rep.at(a @ b)).abs().max()) < 1e-12 * max(scale, 1)
    assert torch.allclose(rep.at(group.identity), torch.eye(rep.dim, dtype=torch.float64), atol=1e-14)
    direction = group.hat(torch.linspace(-0.3, 0.4, len(group.lie_algebra), dtype=torch.float64))
    moved = torch.linalg.matrix_exp(rep.tangent(direction))
    torch.testing.assert_close(moved, rep.at(torch.linalg.matrix_exp(direction)), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("group", GROUPS, ids=str)
@pytest.mark.parametrize("text", TEXTS)
def test_names_are_read_back(group: G.AbstractMatrixGroup, text: str) -> None:
    rep = reps.parse(group, text)
    assert reps.parse(group, str(rep)) == rep
    assert hash(rep) == hash(reps.parse(group, text)) and pickle.loads(pickle.dumps(rep)) == rep


@pytest.mark.parametrize("group", GROUPS, ids=str)
@pytest.mark.parametrize("text", ["V⊗V*", "V⊗V", "2xV + V⊗V* + trivial", "Sym^2(V)", "Λ^2(V)"])
def test_invariants_are_all_vectors_that_stay(group: G.AbstractMatrixGroup, text: str) -> None:
    rep = reps.parse(group, text)
    found = torch.as_tensor(rep.invariants)
    for g in group.sample(4, torch.Generator().manual_seed(1)):
        moved = found @ rep.at(g).mT
        torch.testing.assert_close(moved, found, rtol=1e-9, atol=1e-9 * float(rep.at(g).abs().max()))
    # The fixed vectors of a few random elements: a generic finite set fixes no more than the group does.
    drawn = torch.cat(
        [group.sample(6, torch.Generator().manual_seed(2)), *[g[None] for g in group.generators]]
    )
    stack = (rep.at(drawn) - torch.eye(rep.dim, dtype=torch.float64)).flatten(0, 1)
    values = torch.linalg.svdvals(stack)
    assert len(found) == int((values < 1e-8 * max(float(values.max()), 1)).sum()) + max(
        0, rep.dim - len(values)
    )


@given(seeds, st.sampled_from(["Sym^2(V)", "Λ^2(V)", "Λ^3(V)", "det", "Sym^3(V)"]))
@settings(max_examples=30, deadline=None)
def test_powers_act_inside_the_tensor_power(seed: int, text: str) -> None:
    group = G.orthogonal(3)
    rep = reps.parse(group, text)
    (a,) = group.sample(1, torch.Generator().manual_seed(seed))
    if text == "det":
        assert float(rep.at(a)) == pytest.approx(float(torch.linalg.det(a)))
        return
    degree = int(text[text.index("^") + 1])
    whole = reps.power(reps.standard(group), degree).at(a)
    Q = torch.as_tensor(rep.embedding)
    torch.testing.assert_close(Q.mT @ Q, torch.eye(rep.dim, dtype=torch.float64))
    torch.testing.assert_close(whole @ Q, Q @ rep.at(a))


def test_dimensions_of_powers() -> None:
    V = reps.standard(G.special_orthogonal(4))
    assert [reps.symmetric_power(V, k).dim for k in (1, 2, 3)] == [4, 10, 20]
    assert [reps.exterior_power(V, k).dim for k in (1, 2, 3, 4)] == [4, 6, 4, 1]


def test_exterior_square_of_vectors_is_the_cross_product() -> None:
    """Λ²(V) of SO(3) in the basis e₁∧e₂, e₁∧e₃, e₂∧e₃ against the axial vector (e₂∧e₃, e₃∧e₁, e₁∧e₂)."""
    group = G.special_orthogonal(3)
    (a,) = group.sample(1, torch.Generator().manual_seed(0))
    order = torch.tensor([[0, 0, 1.0], [0, -1, 0], [1, 0, 0]], dtype=torch.float64)
    got = order @ reps.exterior_power(reps.standard(group), 2).at(a) @ order.mT
    torch.testing.assert_close(got, a)


def test_batches_and_dtypes() -> None:
    group = G.special_orthogonal(3)
    rep = reps.parse(group, "2xV + V⊗V + det")
    elements = group.sample(6, torch.Generator().manual_seed(0)).unflatten(0, (2, 3))
    assert rep.at(elements).shape == (2, 3, 16, 16)
    assert rep.at(elements[:0]).shape == (0, 3, 16, 16)
    assert rep.at(elements.float()).dtype == torch.float32
    torch.testing.assert_close(rep.at(elements)[1, 2], rep.at(elements[1, 2]))


def test_multiplicities_are_innermost() -> None:
    group = G.special_orthogonal(3)
    (a,) = group.sample(1, torch.Generator().manual_seed(0))
    x = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    got = reps.parse(group, "5xV").at(a) @ x.flatten()
    torch.testing.assert_close(got.view(3, 5), a @ x)


def test_restriction_to_a_finite_group_is_a_table() -> None:
    cube = G.octahedral()
    found = reps.restrict(reps.parse(G.special_orthogonal(3), "V⊗V"), cube)
    assert isinstance(found, reps.Rep)
    assert found == reps.tensor(reps.standard(cube), reps.standard(cube))


def test_restriction_to_a_matrix_group() -> None:
    V = reps.standard(G.orthogonal(3))
    found = reps.restrict(reps.power(V, 2), G.special_orthogonal(3))
    assert found.group == G.special_orthogonal(3) and len(reps.determinant(found).invariants) == 1
    with pytest.raises(ValueError, match=r"reps\.restrict\(V\): wanted a subgroup of SO\(3\).*off by"):
        reps.restrict(reps.standard(G.special_orthogonal(3)), G.orthogonal(3))
    with pytest.raises(ValueError, match="of size 2"):
        reps.restrict(V, G.special_orthogonal(2))
    with pytest.raises(ValueError, match="wanted a representation of a group of matrices"):
        reps.restrict(reps.standard(G.dihedral(4)), G.special_orthogonal(2))


def induced_sign() -> reps.AbstractRep:
    """From SO(3) to O(3), two cosets: 1 ⊕ det for the trivial representation."""
    mirror = torch.diag(torch.tensor([1.0, 1, -1], dtype=torch.float64))
    transversal = torch.stack([torch.eye(3, dtype=torch.float64), mirror])
    return reps.induce_to(reps.trivial(G.special_orthogonal(3)), G.orthogonal(3), transversal)


def test_induction_to_a_group_with_two_components() -> None:
    found = induced_sign()
    a, b = G.orthogonal(3).sample(2, torch.Generator().manual_seed(4))
    torch.testing.assert_close(found.at(a) @ found.at(b), found.at(a @ b))
    swap = (1 - torch.linalg.det(a)) / 2
    wanted = torch.stack([torch.stack([1 - swap, swap]), torch.stack([swap, 1 - swap])])
    torch.testing.assert_close(found.at(a), wanted)
    assert len(found.invariants) == 1 and hash(found) == hash(induced_sign()) and found == induced_sign()


def test_induced_vectors_carry_the_tangent() -> None:
    group = G.orthogonal(2)
    flip = torch.diag(torch.tensor([1.0, -1], dtype=torch.float64))
    transversal = torch.stack([torch.eye(2, dtype=torch.float64), flip])
    found = reps.induce_to(reps.standard(G.special_orthogonal(2)), group, transversal)
    X = torch.tensor([[0, -0.7], [0.7, 0]], dtype=torch.float64)
    torch.testing.assert_close(
        torch.linalg.matrix_exp(found.tangent(X)), found.at(torch.linalg.matrix_exp(X))
    )
    a, b = group.sample(2, torch.Generator().manual_seed(4))
    torch.testing.assert_close(found.at(a) @ found.at(b), found.at(a @ b))
    with pytest.raises(
        ValueError, match=r"reps\.induce: wanted one element of O\(2\) from each coset of SO\(2\)"
    ):
        reps.induce_to(reps.standard(G.special_orthogonal(2)), group, transversal[:1])
    signed = torch.where(transversal == 0, -0.0, transversal)
    assert reps.induce_to(reps.standard(G.special_orthogonal(2)), group, signed) == found


def test_induction_by_an_element_that_is_not_its_inverse() -> None:
    """The tangent is that of ρ at g⁻¹Xg, not at gXg⁻¹."""
    axis = torch.tensor([0.3, -0.5, 0.8], dtype=torch.float64)
    transversal = torch.stack([torch.eye(3, dtype=torch.float64), -G.special_orthogonal(3).exp(axis)])
    found = reps.induce_to(reps.standard(G.special_orthogonal(3)), G.orthogonal(3), transversal)
    for X in torch.as_tensor(G.orthogonal(3).lie_algebra):
        torch.testing.assert_close(
            torch.linalg.matrix_exp(found.tangent(X)), found.at(torch.linalg.matrix_exp(X))
        )


@pytest.mark.parametrize("rep", [induced_sign(), *(reps.parse(GROUPS[2], t) for t in TEXTS)], ids=str)
def test_autocast_rounds_no_matrix(rep: reps.AbstractRep) -> None:
    """Rounded to bfloat16, an element would lie in no coset of an induced representation."""
    group = G.orthogonal(3)
    a = group.sample(3, torch.Generator().manual_seed(1)).float()
    X = torch.as_tensor(group.lie_algebra).float()
    found = rep.at(a), rep.tangent(X)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        again = rep.at(a), rep.tangent(X)
    torch.testing.assert_close(again, found, rtol=0, atol=0)


def test_signs_after_a_name_add_up() -> None:
    group = G.special_linear(2)
    V = reps.standard(group)
    assert reps.parse(group, "V*²") == reps.power(reps.dual(V), 2)
    assert reps.parse(group, "V^2*") == reps.dual(reps.power(V, 2))


def test_induction_needs_finitely_many_cosets() -> None:
    """SO(3) has no discrete generators; its directions leave the one coset that is given."""
    turns = G.matrix_group([], [[[0.0, -1, 0], [1, 0, 0], [0, 0, 0]]], name="turns about z")
    with pytest.raises(ValueError, match=r"wanted one element of SO\(3\) from each coset of turns about z"):
        reps.induce_to(reps.trivial(turns), G.special_orthogonal(3), torch.eye(3, dtype=torch.float64)[None])


def test_finite_groups_by_name() -> None:
    D4 = G.dihedral(4)
    assert reps.parse(D4, "regular") == reps.regular(D4)
    assert reps.parse(D4, "V⊗V") == reps.tensor(reps.standard(D4), reps.standard(D4))
    both = reps.parse(D4, "2xA1 + 3xE")
    assert both.dim == 8 and [str(b.rep) for b in reps.blocks_of(both)] == ["A1", "E"]
    table = reps.tabulated(both)
    np.testing.assert_allclose(table.matrices[3], both.at(3).numpy())


BAD = [
    ("2x", "the end"),
    ("V +", "the end"),
    ("V V", "'V' after V"),
    ("0xV", "a multiplicity of 0"),
    ("W", r"'W'.*names of SO\(3\)"),
    ("(V", "where a parenthesis should close"),
    ("V^V", r"\^ before V"),
    ("V & V", "'& V' at character"),
    ("", "the end"),
    ("V^①", r"\^ before ①"),
]


@pytest.mark.parametrize(("text", "got"), BAD)
def test_what_cannot_be_read_is_refused(text: str, got: str) -> None:
    with pytest.raises(ValueError, match=rf"reps\.parse\('.*'\): wanted a sum of products.*got .*{got}"):
        reps.parse(G.special_orthogonal(3), text)


def test_other_spellings() -> None:
    group = G.orthogonal(3)
    pairs = [("Λ²(V)", "Λ^2(V)"), ("Sym^2 (V)", "Sym^2(V)"), ("V² + Alt3(V)", "V^2 + Λ^3(V)")]
    for text, same in pairs:
        assert reps.parse(group, text) == reps.parse(group, same)
    listed = G.symmetric(4).enumerate()
    found = reps.parse(listed, "2xS(3,1) + S(2,2)")
    assert [b.rep for b in reps.blocks_of(found)] == [reps.specht((3, 1)), reps.specht((2, 2))]
    assert reps.parse(listed, str(found)) == found
    with pytest.raises(ValueError, match=r"got 'S\(2,1\)'"):
        reps.parse(listed, "S(2,1)")


def test_high_powers_are_built_at_once() -> None:
    """Not by walking over all orders of the factors, 12! of them."""
    found = reps.symmetric_power(reps.standard(G.special_linear(2)), 12)
    np.testing.assert_allclose(found.embedding.T @ found.embedding, np.eye(13), atol=1e-14)
    (a,) = G.special_linear(2).sample(1, torch.Generator().manual_seed(0))
    values = torch.linalg.eigvals(a)
    character = sum(values[0] ** i * values[1] ** (12 - i) for i in range(13))
    torch.testing.assert_close(found.at(a).trace(), character.real)
    with pytest.raises(ValueError, match="wanted a degree of at least 0 and at most 64, got 3000"):
        reps.parse(G.special_orthogonal(3), "det^3000")


def test_bad_expressions_are_refused() -> None:
    V = reps.standard(G.special_orthogonal(3))
    with pytest.raises(ValueError, match="wanted representations of one group, got V of SO"):
        reps.tensor(V, reps.standard(G.special_orthogonal(2)))
    with pytest.raises(ValueError, match="wanted at most 4096 dimensions, got 6561"):
        reps.power(V, 8)
    with pytest.raises(ValueError, match="wanted a degree of at most 3"):
        reps.exterior_power(V, 4)
    with pytest.raises(ValueError, match="wanted a degree of at least 1"):
        reps.symmetric_power(V, 0)
    with pytest.raises(ValueError, match="wanted a degree of at least 0"):
        reps.power(V, -1)
    with pytest.raises(ValueError, match="wanted at least one part"):
        reps.DirectSum(())
    with pytest.raises(ValueError, match=r"reps\.tabulated\(V\): wanted a FiniteGroup"):
        reps.tabulated(V)


@pytest.mark.parametrize("group", [G.lorentz(), G.symplectic(4), G.special_euclidean(2)], ids=str)
def test_autocast_rounds_no_inverse(group: G.AbstractMatrixGroup) -> None:
    """V* goes through g⁻¹, for these groups a product of matrices."""
    rep = reps.dual(reps.standard(group))
    a = group.sample(3, torch.Generator().manual_seed(1)).float()
    found = rep.at(a)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(rep.at(a), found, rtol=0, atol=0)
