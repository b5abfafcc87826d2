"""Contractions of Cartesian tensors: as many as theory says, independent, equivariant; projections on Hom."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import closed_groups as C
from mackey import groups as G
from mackey import reps as R
from mackey.reps.contractions import Contraction, contractions
from mackey.reps.reynolds import projector


def tensors(ranks: list[int], n: int, seed: int, batch: tuple[int, ...] = ()) -> list[Tensor]:
    source = torch.Generator().manual_seed(seed)
    shapes = [(*batch, *(n,) * rank) for rank in ranks]
    return [torch.randn(shape, generator=source, dtype=torch.float64) for shape in shapes]


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def turned(x: Tensor, g: Tensor, rank: int) -> Tensor:
    """g on each of the last `rank` axes."""
    for axis in range(x.ndim - rank, x.ndim):
        x = torch.tensordot(g, x, dims=([1], [axis])).movedim(0, axis)
    return x


def rotation(n: int, seed: int) -> Tensor:
    matrix = np.random.default_rng(seed).normal(size=(n, n))
    Q = np.linalg.qr(matrix)[0]
    Q[:, 0] *= np.linalg.det(Q)
    return torch.tensor(Q)


def test_matrices_have_three_invariants_of_degree_two() -> None:
    found = contractions([2, 2], 3)
    assert [c.equation for c in found] == ["...aa,...cc->...", "...ab,...ab->...", "...ab,...ba->..."]
    A, B = tensors([2, 2], 3, 0, (5,))
    trace = torch.einsum("bii->b", A) * torch.einsum("bii->b", B)
    values = [trace, (A * B).sum((-2, -1)), (A * B.mT).sum((-2, -1))]
    for contraction, value in zip(found, values, strict=True):
        torch.testing.assert_close(contraction(A, B), value, rtol=1e-13, atol=1e-13)


def test_products_of_vectors() -> None:
    a, b, c = tensors([1, 1, 1], 3, 1, (4,))
    (cross,) = contractions([1, 1], 3, output=1, special=True)
    torch.testing.assert_close(cross(a, b), torch.linalg.cross(a, b), rtol=0, atol=1e-14)
    (volume,) = contractions([1, 1, 1], 3, special=True)
    torch.testing.assert_close(
        volume(a, b, c), torch.linalg.det(torch.stack([a, b, c], -2)), rtol=0, atol=1e-13
    )
    assert not contractions([1, 1], 3, output=1)
    assert len(contractions([1, 1], 3, output=2)) == 3
    (first, *_) = contractions([1, 1], 3, output=2)
    torch.testing.assert_close(first(a, b), (a * b).sum(-1)[:, None, None] * torch.eye(3), rtol=0, atol=1e-14)
    (only,) = contractions([0, 0], 3)
    torch.testing.assert_close(only(a[:, 0], b[:, 0]), a[:, 0] * b[:, 0])


SHAPES = [
    ([2, 2], 0),
    ([1, 1, 1], 1),
    ([2, 1], 1),
    ([3], 1),
    ([2, 2, 2], 0),
    ([1, 2], 3),
    ([0, 2], 2),
    ([4], 0),
]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("special", [False, True])
def test_as_many_as_theory_says_and_independent(n: int, special: bool) -> None:
    group = C.special_orthogonal(n) if special else C.orthogonal(n)
    for ranks, output in SHAPES:
        found = contractions(ranks, n, output=output, special=special)
        wanted = R.intertwiner_count(C.tensors(group, sum(ranks)), C.tensors(group, output))
        assert len(found) == wanted
        if not found:
            continue
        values = []
        for seed in range(len(found) + 2):
            inputs = tensors(ranks, n, seed)
            values.append(torch.stack([c(*inputs).flatten() for c in found]))
        assert torch.linalg.matrix_rank(torch.cat(values, 1), rtol=1e-9) == len(found)


def test_few_dimensions_make_contractions_dependent() -> None:
    """Three matrices of R^2: 10 of 15."""
    assert len(contractions([2, 2, 2], 2)) == 10
    assert len(contractions([2, 2, 2], 3)) == 15
    assert len(contractions([2, 2, 2], 40, special=True)) == 15


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=3), st.integers(0, 2), st.integers(1, 4), st.booleans(),
    st.integers(0, 1000),
)  # fmt: skip
def test_equivariance(ranks: list[int], output: int, n: int, special: bool, seed: int) -> None:
    if n ** (sum(ranks) + output) > 5000:
        return
    g = rotation(n, seed)
    if not special and n:
        g = g @ torch.tensor(np.diag([(-1.0) ** seed, *[1.0] * (n - 1)]))
    inputs = tensors(ranks, n, seed, (2,))
    moved = [turned(x, g, rank) for x, rank in zip(inputs, ranks, strict=True)]
    for contraction in contractions(ranks, n, output=output, special=special):
        expected = turned(contraction(*inputs), g, output)
        assert contraction(*inputs).shape == (2, *(n,) * output)
        torch.testing.assert_close(contraction(*moved), expected, rtol=1e-11, atol=1e-11)


def test_contractions_differentiate_and_broadcast() -> None:
    found = contractions([2, 1], 3, output=1, special=True)
    A, v = tensors([2, 1], 3, 0)
    for contraction in found:
        assert torch.autograd.gradcheck(contraction, (A.requires_grad_(), v.requires_grad_()))
    many = found[0](A.expand(7, 3, 3), v)
    assert many.shape == (7, 3)
    assert found[0](A.float(), v.float()).dtype == torch.float32


@pytest.mark.parametrize(
    ("ranks", "output", "n"), [([], 0, 3), ([-1], 0, 3), ([2], -1, 3), ([2], 0, 0), ([7, 6], 1, 3)]
)
def test_ranks_that_make_no_sense_are_refused(ranks: list[int], output: int, n: int) -> None:
    with pytest.raises(ValueError, match=r"reps\.contractions: wanted ranks of at least 0.*got ranks \["):
        contractions(ranks, n, output=output)


def test_inputs_of_another_shape_are_refused() -> None:
    contraction: Contraction = contractions([2, 1], 3, output=1)[0]
    for inputs in (
        (torch.zeros(3, 3),),
        (torch.zeros(3, 3), torch.zeros(2)),
        (torch.zeros(3), torch.zeros(3)),
    ):
        with pytest.raises(ValueError, match=r"2 tensors whose last \[2, 1\] axes have length 3, got \["):
            contraction(*inputs)


# ---- the projection on Hom ----------------------------------------------------------------------------


def mixed(group: C.Closed) -> R.AbstractRep:
    V = R.standard(group)
    return R.DirectSum((R.Block(2, V), R.Block(3, R.trivial(group)), R.Block(1, R.tensor(V, V))))


def test_the_projection_is_that_on_the_dense_basis() -> None:
    group = C.orthogonal(3)
    rho, sigma = mixed(group), R.tensor(R.standard(group), R.standard(group))
    P = projector(rho, sigma)
    basis = torch.tensor(R.intertwiners(rho, sigma)).flatten(1)
    W = torch.randn(4, 2, sigma.dim, rho.dim, generator=seeded(), dtype=torch.float64)
    dense = (W.flatten(-2) @ basis.mT @ basis).unflatten(-1, (sigma.dim, rho.dim))
    torch.testing.assert_close(P(W), dense, rtol=0, atol=1e-13)
    torch.testing.assert_close(P(P(W)), P(W), rtol=0, atol=1e-14)
    torch.testing.assert_close(P.defect(W), torch.linalg.matrix_norm(W - dense), rtol=0, atol=1e-13)
    torch.testing.assert_close(P.complement(W) + P(W), W, rtol=0, atol=1e-14)
    assert P.defect(P(W)).max() < 1e-13
    assert str(P) == f"Projector({rho} → {sigma})"


@pytest.mark.parametrize("name", ["regular", "standard"])
def test_the_projection_is_the_average_over_the_group(name: str) -> None:
    """The Reynolds operator of an orthogonal representation, summed over all elements."""
    D4 = G.dihedral(4)
    rho = R.regular(D4) if name == "regular" else R.standard(D4)
    sigma = R.direct_sum([R.standard(D4), R.regular(D4), R.sign(D4)])
    W = torch.randn(sigma.dim, rho.dim, generator=seeded(), dtype=torch.float64)
    mean = sum(sigma.at(h) @ W @ rho.at(h).mT for h in D4.elements) / D4.order
    torch.testing.assert_close(projector(rho, sigma)(W), mean, rtol=0, atol=1e-14)


def test_the_projection_where_natural_maps_are_not_orthogonal() -> None:
    D3 = G.dihedral(3)
    M = np.random.default_rng(0).normal(size=(2, 2)) + 2 * np.eye(2)
    rho = R.Rep(D3, M @ R.standard(D3).matrices @ np.linalg.inv(M), "oblique")
    P = projector(rho, R.regular(D3))
    W = torch.randn(6, 2, generator=seeded(), dtype=torch.float64)
    torch.testing.assert_close(P(P(W)), P(W), rtol=0, atol=1e-13)
    assert abs(float((P(W) * P.complement(W)).sum())) < 1e-12
    for B in torch.tensor(R.intertwiners(rho, R.regular(D3))):
        assert P.defect(B) < 1e-13


def test_the_projection_differentiates() -> None:
    group = C.special_orthogonal(3)
    V = R.standard(group)
    P = projector(V, R.tensor(V, V))
    W = torch.randn(2, 9, 3, generator=seeded(), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(P, (W,))
    assert torch.autograd.gradcheck(P.defect, (W,))
    assert P(W.float()).dtype == torch.float32


def test_matrices_of_another_shape_are_refused() -> None:
    V = R.standard(C.special_orthogonal(3))
    with pytest.raises(
        ValueError, match=r"Projector\(V → V\): wanted matrices of shape \(3, 3\).*got \(3, 4\)"
    ):
        projector(V, V)(torch.zeros(3, 4))


@pytest.mark.unchecked
def test_projections_and_contractions_compile() -> None:
    group = C.orthogonal(3)
    P = projector(mixed(group), R.standard(group))
    W = torch.randn(3, P.shape[1], generator=seeded(), dtype=torch.float64)
    compiled = torch.compile(P.defect, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(W), P.defect(W))
    contraction = contractions([2, 1], 3, output=1, special=True)[-1]
    A, v = tensors([2, 1], 3, 0, (4,))
    compiled = torch.compile(contraction.__call__, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(A, v), contraction(A, v))
