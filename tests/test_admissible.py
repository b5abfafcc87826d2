"""The theorem of pointwise activations, against measured errors; user's representations as functions."""

import math
import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

import closed_groups as C
from mackey import groups as G
from mackey import reps as R
from mackey.reps.admissible import admissible, classify
from mackey.reps.from_function import from_function

Activation = Callable[[Tensor], Tensor]


def shifted(t: Tensor) -> Tensor:
    return 2 * t + 1


def doubling(t: Tensor) -> Tensor:
    return 2 * t


def periodic(t: Tensor) -> Tensor:
    """f(2t) = 2 f(t), and for no other scale between: t(1 + sin(2π log₂|t|)/10)."""
    wave = torch.sin(2 * math.pi * torch.log2(t.abs().clamp(min=1e-300)))
    return t.clamp(min=0) * (1 + wave / 10)


CLASSES: list[tuple[Activation, str]] = [
    (torch.relu, "not affine, positively homogeneous"),
    (F.leaky_relu, "not affine, positively homogeneous"),
    (torch.tanh, "not affine, odd"),
    (F.hardtanh, "not affine, odd"),
    (torch.abs, "not affine, positively homogeneous"),
    (torch.sigmoid, "not affine, f(0) = 0.5"),
    (F.gelu, "not affine"),
    (F.relu6, "not affine"),
    (doubling, "linear"),
    (shifted, "affine with f(0) = 1"),
]


@pytest.mark.parametrize(("activation", "said"), CLASSES, ids=[c[0].__name__ for c in CLASSES])
def test_the_class_of_an_activation_is_measured(activation: Activation, said: str) -> None:
    assert str(classify(activation)) == said


def test_a_clamp_far_out_is_not_linear() -> None:
    assert not classify(lambda t: t.clamp(-10, 10)).affine


def scaling() -> C.Closed:
    """diag(2, ½) and a swap: monomial matrices with positive entries."""
    swap = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    stretch = torch.diag(torch.tensor([2.0, 0.5], dtype=torch.float64))
    return C.Closed("2^Z", np.zeros((0, 2, 2)), (stretch, swap))


def boosts() -> C.Closed:
    """All diag(e^t, e^−t)."""
    return C.Closed("R", np.diag([1.0, -1.0])[None])


D4 = G.dihedral(4)
CASES: list[tuple[R.AbstractRep, set[str]]] = [
    (R.regular(D4), {"relu", "tanh", "sigmoid", "gelu", "doubling", "shifted", "periodic"}),
    (R.standard(G.symmetric(4)), {"relu", "tanh", "sigmoid", "gelu", "doubling", "shifted", "periodic"}),
    (R.standard(D4), {"tanh", "doubling"}),
    (R.sign(D4), {"tanh", "doubling"}),
    (R.standard(G.dihedral(3)), {"doubling"}),
    (R.standard(C.special_orthogonal(2)), {"doubling"}),
    (R.standard(C.orthogonal(3)), {"doubling"}),
    (R.trivial(C.orthogonal(3)), {"relu", "tanh", "sigmoid", "gelu", "doubling", "shifted", "periodic"}),
    (R.determinant(R.standard(C.orthogonal(3))), {"tanh", "doubling"}),
    (R.standard(scaling()), {"relu", "doubling", "periodic"}),
    (R.standard(boosts()), {"relu", "doubling"}),
]
ACTIVATIONS: list[Activation] = [torch.relu, torch.tanh, torch.sigmoid, F.gelu, doubling, shifted, periodic]


@pytest.mark.parametrize(("rep", "allowed"), CASES, ids=[f"{rep} of {rep.group}" for rep, _ in CASES])
def test_the_theorem_agrees_with_the_error(rep: R.AbstractRep, allowed: set[str]) -> None:
    for activation in ACTIVATIONS:
        answer = admissible(activation, rep)
        assert bool(answer) == (activation.__name__ in allowed), answer
        if answer:
            assert answer.error < 1e-11
            assert answer.element is None
            assert str(answer).startswith("admissible: the activation is")
            continue
        assert answer.error > 1e-3
        matrix = rep.at(answer.element)
        source = torch.Generator().manual_seed(1)
        x = 3 * torch.randn(500, rep.dim, generator=source, dtype=torch.float64)
        broken = (activation(x @ matrix.mT) - activation(x) @ matrix.mT).abs().max()
        assert broken > 1e-3
        assert str(answer).startswith("not equivariant: the activation is")
        assert rep.group.label(answer.element) in answer.reason


def test_affine_activations_need_rows_that_sum_to_one() -> None:
    """A change of basis of a permutation that keeps (1, 1, 1): stochastic rows, no permutation."""
    S3 = G.symmetric(3).enumerate()
    M = np.eye(3) + np.outer([1, 0, -1], [0.3, -0.5, 0.2])  # M 1 = 1
    rep = R.Rep(S3, M @ R.standard(S3).matrices @ np.linalg.inv(M), "mixed")
    assert admissible(shifted, rep)
    assert not admissible(torch.relu, rep)
    answer = admissible(shifted, R.sign(S3))
    assert "rows that do not sum to 1" in answer.reason


def test_connected_compact_groups_admit_trivial_actions_only() -> None:
    group = C.special_orthogonal(3)
    V = R.standard(group)
    for rep in (V, R.tensor(V, V), R.symmetric_power(V, 2), R.direct_sum([R.trivial(group), V])):
        for activation in (torch.relu, torch.tanh):
            answer = admissible(activation, rep)
            assert not answer
            assert "mixes coordinates" in answer.reason


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.booleans())
def test_random_monomial_matrices(seed: int, n: int, signed: bool) -> None:
    source = np.random.default_rng(seed)
    matrix = np.eye(n)[source.permutation(n)]
    if signed:
        matrix = matrix * source.choice([-1.0, 1.0], size=n)
    group = C.Closed("random", np.zeros((0, n, n)), (torch.tensor(matrix),))
    rep = R.standard(group)
    assert admissible(torch.tanh, rep)
    assert bool(admissible(torch.relu, rep)) == bool((matrix >= 0).all())


@pytest.mark.parametrize(
    ("activation", "got"),
    [(lambda t: t[:1], r"shape \(1,\)"), (lambda t: 1 / t, r"shape \(\d+,\)"), (lambda t: 3.0, "float")],
)
def test_what_is_no_activation_is_refused(activation: Activation, got: str) -> None:
    with pytest.raises(ValueError, match=rf"maps each number to a finite number, got .*{got}.*elementwise"):
        admissible(activation, R.sign(D4))


# ---- representations given as functions ---------------------------------------------------------------


def doubled(g: Tensor) -> Tensor:
    """g ⊕ det g."""
    return torch.block_diag(g, torch.linalg.det(g)[None, None])


def wrong(g: Tensor) -> Tensor:
    return g @ g


def transposed(g: Tensor) -> Tensor:
    return g.mT


def halved(g: Tensor) -> Tensor:
    return g / 2


def test_a_function_is_a_representation() -> None:
    group = C.orthogonal(3)
    rep = from_function(group, doubled, "mine")
    V = R.standard(group)
    same = R.direct_sum([V, R.determinant(V)])
    assert rep.dim == 4
    assert str(rep) == "mine"
    g = group.sample(5, torch.Generator().manual_seed(0))
    torch.testing.assert_close(rep.at(g), torch.stack([doubled(x) for x in g]), rtol=0, atol=1e-15)
    X = torch.as_tensor(group.lie_algebra)
    torch.testing.assert_close(rep.tangent(X), same.tangent(X), rtol=0, atol=1e-14)
    torch.testing.assert_close(rep.tangent(X[0]), same.tangent(X[0]), rtol=0, atol=1e-14)
    assert len(R.intertwiners(rep, same)) == 2
    assert rep == from_function(group, doubled, "mine")
    assert pickle.loads(pickle.dumps(from_function(D4, R.regular(D4).at, "table"))).dim == 8


def test_functions_of_permutations_and_tables() -> None:
    V = R.standard(G.symmetric(4))
    rep = from_function(V.group, V.at, "mine")
    assert len(R.intertwiners(rep, V)) == 2
    assert R.solve(rep, V).method == "orbits"
    with pytest.raises(ValueError, match=r"ρ\(a\)ρ\(b\) = ρ\(ab\), got a difference of .* for a = \("):
        from_function(V.group, lambda p: V.at(p).mT.contiguous(), "dual")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (wrong, r"SO\(3\), mine\): wanted ρ\(a\)ρ\(b\) = ρ\(ab\), got a difference of 0\.\d+ for a = "),
        (transposed, r"ρ\(ab\), got a difference"),
        (halved, r"ρ\(e\) = 1, got a difference of 0\.5"),
        (lambda g: g[0], r"a square float64 tensor for one element, got \(3,\)"),
        (lambda g: g.float(), r"got \(3, 3\) of torch\.float32"),
        (lambda g: 1.0, "got float"),
    ],
)
def test_what_is_no_homomorphism_is_refused(function: Callable[[Tensor], Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_function(C.special_orthogonal(3), function, "mine")


@pytest.mark.parametrize("turns", [1, 0.5, 0.25])
def test_a_period_of_the_first_step_is_no_excuse(turns: float) -> None:
    """exp(0.7 A) is 1, −1 or a quarter turn; another element mixes coordinates."""
    speed = 2 * np.pi * turns / 0.7
    group = G.matrix_group([], [[[0, -speed], [speed, 0]]])
    assert not admissible(torch.tanh, R.standard(group))


def test_every_direction_of_the_algebra_counts() -> None:
    """The first turns the other plane, and acts trivially here."""
    group = G.direct_product([G.special_orthogonal(2)] * 2)
    for corner in (slice(0, 2), slice(2, 4)):
        rep = from_function(group, lambda g, where=corner: g[where, where], "one plane")
        assert not admissible(torch.relu, rep)
