"""Every Lie group: axioms, action, membership, distance, generators, sampling; against scipy where it can."""

import copy
import pickle

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mackey import groups as G

COMPACT = [
    *map(G.special_orthogonal, (1, 2, 3, 4, 5)),
    *map(G.orthogonal, (2, 3)),
    *map(G.unitary, (1, 2, 3)),
    *map(G.special_unitary, (2, 3)),
    G.direct_product([G.orthogonal(2), G.special_orthogonal(3)]),
]
OTHERS = [
    G.translation_group(2),
    *map(G.special_euclidean, (1, 2, 3, 4)),
    *map(G.euclidean, (2, 3)),
    *map(G.similarity, (1, 2, 3)),
    *map(G.affine, (2, 3)),
    G.semidirect_product(G.lorentz()),
    G.scalings(),
    G.scalings(3),
    *map(G.scaled_rotations, (2, 3)),
    *map(G.general_linear, (1, 2, 3)),
    *map(G.special_linear, (2, 3)),
    G.projective_linear(3),
    G.lorentz(),
    G.lorentz(reflections=True),
    *(G.proper_orthogonal(p, q) for p, q in ((1, 1), (2, 1), (3, 1), (2, 2), (2, 3))),
    *map(G.symplectic, (2, 4)),
    G.direct_product([G.special_orthogonal(2), G.lorentz()]),
]
GROUPS = [*COMPACT, *OTHERS]
COUNT = 5
every_group = pytest.mark.parametrize("group", GROUPS, ids=str)
with_seed = given(seed=st.integers(0, 2**31))
few = settings(max_examples=3, deadline=None)


def source(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def close(actual: Tensor, expected: Tensor, rounding: float = 1e-10) -> None:
    """To 1e-10 of the largest number in the comparison."""
    size = max(1.0, float(expected.abs().max())) if expected.numel() else 1.0
    torch.testing.assert_close(actual, expected, rtol=0, atol=rounding * size)


@every_group
@few
@with_seed
def test_axioms_and_action(group: G.AbstractLieGroup, seed: int) -> None:
    generator = source(seed)
    a, b, c = (group.sample(COUNT, generator) for _ in range(3))
    x = normal(generator, COUNT, group.dimension)
    e = group.identity
    assert a.dtype == torch.float64 and a.shape == (COUNT, group.size, group.size)
    close(group.compose(group.compose(a, b), c), group.compose(a, group.compose(b, c)))
    close(group.compose(e, a), a)
    close(group.compose(a, group.inverse(a)), e.expand_as(a))
    close(group.compose(group.inverse(a), a), e.expand_as(a))
    torch.testing.assert_close(
        group.act(group.compose(a, b), x), group.act(a, group.act(b, x)), rtol=1e-9, atol=1e-9
    )
    close(group.act(e, x), x)
    close(group.act(a[:, None], x), torch.stack([group.act(g, x) for g in a]))


@every_group
@few
@with_seed
def test_elements_are_told_from_matrices(group: G.AbstractLieGroup, seed: int) -> None:
    generator = source(seed)
    a, b = (group.sample(COUNT, generator) for _ in range(2))
    members = torch.cat([a, a @ b, group.inverse(a), group.exp(normal(generator, 3, len(group.lie_algebra)))])
    assert group.violation(members).max() < 1e-10
    wrong = normal(generator, COUNT, group.size, group.size)
    negative = torch.where(torch.linalg.det(wrong)[:, None] < 0, 1, -1)
    wrong = torch.cat([negative[..., None] * wrong[:, :1], wrong[:, 1:]], 1)
    assert group.violation(wrong).min() > 1e-4
    assert (group.violation(torch.full_like(wrong, torch.nan)) > 1e-3).all()


@pytest.mark.parametrize("group", [g for g in GROUPS if not len(g.generators)], ids=str)
def test_mirror_images_are_told_from_elements(group: G.AbstractLieGroup, generator: torch.Generator) -> None:
    """In the group of all reflections, outside of the component of e."""
    mirror = torch.ones(group.size, dtype=torch.float64)
    mirror[0] = -1
    assert group.violation(group.sample(COUNT, generator) @ mirror.diag()).min() > 0.1


@pytest.mark.parametrize(
    "group", [G.lorentz(), *(G.proper_orthogonal(p, q) for p, q in ((1, 1), (2, 1), (2, 2)))], ids=str
)
def test_two_reflections_are_told_from_elements(
    group: G.AbstractLieGroup, generator: torch.Generator
) -> None:
    """One of time and one of space: of determinant 1."""
    both = torch.ones(group.size, dtype=torch.float64)
    both[[0, -1]] = -1
    assert group.violation(group.sample(COUNT, generator) @ both.diag()).min() > 0.1


@every_group
@few
@with_seed
def test_distance(group: G.AbstractLieGroup, seed: int) -> None:
    generator = source(seed)
    a, b, g = (group.sample(COUNT, generator) for _ in range(3))
    distance = group.distance(a, b)
    finite = distance.isfinite()
    assert (group.distance(g @ a, g @ b).isfinite() == finite).all()
    close(group.distance(g @ a, g @ b)[finite], distance[finite], 1e-8)
    close(group.distance(b, a)[finite], distance[finite], 1e-8)
    assert group.distance(a, a).max() < 1e-6
    if len(group.lie_algebra):
        step = 1e-3 * normal(generator, COUNT, len(group.lie_algebra))
        size = torch.linalg.matrix_norm(group.hat(step))
        assert (group.distance(a, a @ group.exp(step)) > 0.3 * size).all()
    if not len(group.generators):
        assert finite.all()


NESTED = [
    G.indefinite_orthogonal(2, 2),
    G.semidirect_product(G.direct_product([G.orthogonal(1), G.special_orthogonal(2)])),
    G.direct_product([G.lorentz(reflections=True), G.orthogonal(3)]),
]


@pytest.mark.parametrize("group", NESTED, ids=str)
def test_infinite_distances_spoil_no_gradient(group: G.AbstractLieGroup, generator: torch.Generator) -> None:
    near = group.exp(normal(generator, 3, len(group.lie_algebra)))
    a = torch.cat([near, *(g @ near for g in group.generators)]).requires_grad_()
    length = group.length(a)
    assert length.isinf().any() and length.isfinite().any()
    (slope,) = torch.autograd.grad(length[length.isfinite()].sum(), a)
    assert slope.isfinite().all() and slope.abs().max() > 0.1


@pytest.mark.parametrize(
    "group", [make(n) for n in (2, 3, 4) for make in (G.special_orthogonal, G.orthogonal)], ids=str
)
def test_length_of_a_rotation_is_its_angle(group: G.AbstractLieGroup, generator: torch.Generator) -> None:
    v = normal(generator, COUNT, len(group.lie_algebra))
    v = v / v.norm(dim=-1, keepdim=True) * torch.linspace(0.1, 3, COUNT, dtype=torch.float64)[:, None]
    close(group.length(group.exp(v)), v.norm(dim=-1))


@every_group
def test_generators_reach_other_components(group: G.AbstractLieGroup) -> None:
    for g in group.generators:
        assert group.violation(g) < 1e-12
        assert group.length(g).isinf()
        with pytest.raises(ValueError, match="an element without a logarithm"):
            group.log(g)


@every_group
@few
@with_seed
def test_exp_is_the_exponential(group: G.AbstractLieGroup, seed: int) -> None:
    algebra = group.lie_algebra
    v = normal(source(seed), COUNT, len(algebra))
    expected = np.stack([scipy.linalg.expm(np.tensordot(u, algebra, 1)) for u in v.numpy()])
    close(group.exp(v), torch.as_tensor(expected), 1e-11)
    close(group.vee(group.hat(v)), v, 1e-12)
    if isinstance(group, G.AbstractLinearGroup):
        nodes, weights = np.polynomial.legendre.leggauss(16)
        mean = sum(w / 2 * group.exp((1 + s) / 2 * v) for s, w in zip(nodes, weights, strict=True))
        close(group.average(v), mean)
        one = group.identity.expand(COUNT, -1, -1)
        close(group.average_inverse(v / 4) @ group.average(v / 4), one)


@every_group
@few
@with_seed
def test_log_inverts_exp(group: G.AbstractLieGroup, seed: int) -> None:
    v = normal(source(seed), COUNT, len(group.lie_algebra))
    v = 2.5 * v / group.hat(v).flatten(-2).norm(dim=-1, keepdim=True).clamp_min(2.5)
    close(group.log(group.exp(v)), v)


@pytest.mark.filterwarnings("ignore:logm result may be inaccurate:RuntimeWarning")  # of scipy
@every_group
@few
@with_seed
def test_exp_inverts_log_where_there_is_one(group: G.AbstractLieGroup, seed: int) -> None:
    """scipy finds a real logarithm exactly where we do; where we refuse it finds a complex one."""
    for a in group.sample(4, source(seed)):
        try:
            v = group.log(a)
        except ValueError as error:
            assert "without a logarithm" in str(error)
            if group.length(a).isfinite():
                tangent = np.asarray(scipy.linalg.logm(a.numpy()), dtype=complex)
                assert np.abs(tangent.imag).max() > 1e-2
        else:
            close(group.exp(v), a)


@every_group
def test_lie_algebra_closes(group: G.AbstractLieGroup) -> None:
    algebra = torch.as_tensor(group.lie_algebra)
    products = torch.einsum("aij,bjk->abik", algebra, algebra)
    brackets = products - products.transpose(0, 1)
    close(group.hat(group.vee(brackets)), brackets, 1e-13)
    for g in group.generators:
        moved = g @ algebra @ group.inverse(g)
        close(group.hat(group.vee(moved)), moved, 1e-13)


@every_group
def test_is_unimodular_is_the_modular_function(group: G.AbstractLieGroup) -> None:
    """Δ(a) = |det Ad_a|."""
    a = group.sample(6, source(3))[:, None]
    algebra = torch.as_tensor(group.lie_algebra)
    adjoint = group.vee(a @ algebra @ group.inverse(a))
    delta = torch.linalg.det(adjoint).abs()
    assert bool(((delta - 1).abs() < 1e-8).all()) == group.is_unimodular


@every_group
def test_is_compact_means_bounded(group: G.AbstractLieGroup) -> None:
    v = 1e3 * torch.eye(len(group.lie_algebra), dtype=torch.float64)
    assert bool(group.exp(v).abs().sum() < 1e3) == group.is_compact


@every_group
def test_shapes_and_dtypes(group: G.AbstractLieGroup, generator: torch.Generator) -> None:
    k, n, d = len(group.lie_algebra), group.size, group.dimension
    for batch in ((), (0,), (2, 3)):
        v = 0.3 * torch.randn(*batch, k, generator=generator)
        a = group.exp(v)
        assert a.shape == (*batch, n, n) and a.dtype == torch.float32
        assert group.log(a).shape == (*batch, k) and group.log(a).dtype == torch.float32
        torch.testing.assert_close(group.log(a), v, rtol=0, atol=1e-5)
        assert group.act(a, torch.zeros(*batch, d)).shape == (*batch, d)
        assert group.distance(a, a).shape == batch and group.violation(a).shape == batch
        assert group.distance(a, a).dtype == group.violation(a).dtype == torch.float32
        assert group.inverse(a).dtype == torch.float32
    assert group.sample(0, generator).shape == (0, n, n)


@every_group
def test_is_plain_data(group: G.AbstractLieGroup) -> None:
    group.lie_algebra  # noqa: B018 (a cached property must not break what follows)
    for other in (pickle.loads(pickle.dumps(group)), copy.deepcopy(group)):
        assert other == group and hash(other) == hash(group) and repr(other) == repr(group)
    assert group in {group} and [other for other in GROUPS if other == group] == [group]


@every_group
def test_works_inside_another_default_device(group: G.AbstractLieGroup, generator: torch.Generator) -> None:
    """Constants never follow `torch.device("meta")`, under which models may be built."""
    with torch.device("meta"):
        fresh = copy.copy(group)
        a = fresh.sample(2, generator)
        v = fresh.log(fresh.exp(fresh.vee(0.1 * fresh.hat(torch.ones(len(fresh.lie_algebra), device="cpu")))))
        found = [a, v, fresh.distance(a, a), fresh.violation(a), fresh.inverse(a), *fresh.generators]
        if group in COMPACT and group.size < 4:
            found += fresh.quadrature(3)
    assert all(x.device.type == "cpu" for x in found)


def matrix_coefficients(group: G.AbstractLieGroup, a: Tensor) -> Tensor:
    """The entries of a and their products two by two, (m, n² + n⁴)."""
    flat = a.flatten(-2)
    return torch.cat([flat, (flat[..., :, None] * flat[..., None, :]).flatten(-2)], -1)


def means_agree(first: Tensor, second: Tensor) -> bool:
    """Whether the means of two samples agree within 6.5 standard errors."""
    spread = ((first.var(0) + second.var(0)) / len(first)).sqrt()
    return bool(((first.mean(0) - second.mean(0)).abs() <= 6.5 * spread + 1e-12).all())


@pytest.mark.parametrize("group", [g for g in COMPACT if g.size > 1], ids=str)
def test_sample_is_invariant(group: G.AbstractLieGroup, generator: torch.Generator) -> None:
    """Means of entries and of their products are those of shifted samples: at most 2·10³ numbers a group, a
    chance of 4·10⁻⁷ to fail for a seed other than this one. A law that is not Haar is found.
    """
    count = 4000
    a, b = group.sample(count, generator), group.sample(count, generator)
    shift = group.sample(1, generator)
    plain = matrix_coefficients(group, a)
    assert group.law == "Haar"
    assert means_agree(plain, matrix_coefficients(group, shift @ b))
    assert means_agree(plain, matrix_coefficients(group, b @ shift))
    narrow = group.exp(0.5 * normal(generator, count, len(group.lie_algebra)))
    assert not means_agree(plain, matrix_coefficients(group, narrow))


@pytest.mark.parametrize(
    "group",
    [
        *map(G.special_orthogonal, (1, 2, 3)),
        *map(G.orthogonal, (1, 2, 3)),
        G.unitary(1),
        G.special_unitary(2),
        G.translation_group(2).linear,
        G.direct_product([G.orthogonal(2), G.special_orthogonal(3)]),
    ],
    ids=str,
)
def test_a_rule_has_points(group: G.AbstractLieGroup) -> None:
    assert len(group.quadrature(1).weights) >= 1
    for count in (0, -1):
        with pytest.raises(ValueError, match=rf"quadrature: wanted at least one point, got {count}"):
            group.quadrature(count)
