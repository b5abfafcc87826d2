"""Logarithms at the identity and at angle π, in value and gradient; quadrature; polar coordinates."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from mackey import groups as G

NEAR = [math.pi - 10.0**-k for k in range(1, 8)]
AT = [*NEAR, math.pi]


def normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def axes(generator: torch.Generator, count: int) -> Tensor:
    found = torch.cat([normal(generator, count, 3), torch.eye(3, dtype=torch.float64)])
    return found / found.norm(dim=-1, keepdim=True)


def up_to_sign(first: Tensor, second: Tensor) -> Tensor:
    """|v − w| or |v + w|, whichever is smaller: at π both are logarithms."""
    return torch.minimum((first - second).norm(dim=-1), (first + second).norm(dim=-1))


def test_rotations_agree_with_scipy(generator: torch.Generator) -> None:
    v = 2 * normal(generator, 200, 3)
    R = G.rotation_exp(v)
    expected = Rotation.from_rotvec(v.numpy())
    torch.testing.assert_close(R, torch.as_tensor(expected.as_matrix()), rtol=0, atol=1e-14)
    torch.testing.assert_close(G.rotation_log(R), torch.as_tensor(expected.as_rotvec()), rtol=0, atol=1e-12)
    turn = torch.as_tensor(expected.as_quat(canonical=True, scalar_first=True))
    torch.testing.assert_close(G.quaternion(R), turn, rtol=0, atol=1e-14)
    torch.testing.assert_close(G.quaternion_rotation(-3 * turn), R, rtol=0, atol=1e-14)


@pytest.mark.parametrize("angle", [0.0, 1e-300, 1e-12, 1e-8, 1e-4, 0.1, 0.99, 1.0, 1.01, 2.0, *AT])
def test_space_log_is_accurate_at_every_angle(angle: float, generator: torch.Generator) -> None:
    v = angle * axes(generator, 50)
    found = G.rotation_log(torch.as_tensor(Rotation.from_rotvec(v.numpy()).as_matrix()))
    if angle < 3:
        torch.testing.assert_close(found, v, rtol=1e-13, atol=2e-16)
    else:
        assert up_to_sign(found, v).max() < 1e-14


@pytest.mark.parametrize("angle", AT)
def test_space_log_in_float32_near_a_half_turn(angle: float, generator: torch.Generator) -> None:
    """Rotations rounded to float32, against their logarithms in float64: 4 units in the last place of π. The
    sign may differ only where rounding moves the angle over π.
    """
    v = angle * axes(generator, 500)
    found = G.rotation_log(G.rotation_exp(v).float())
    assert found.dtype == torch.float32
    assert up_to_sign(found.double(), v).max() < 1e-6
    if math.pi - angle > 1e-6:
        assert (found.double() - v).norm(dim=-1).max() < 1e-6


@pytest.mark.parametrize("angle", [0.0, 1e-6, 1e-3, 1.0, *NEAR[:6]])
def test_rigid_log_in_float32(angle: float, generator: torch.Generator) -> None:
    """SE(3) elements rounded to float32: the coordinates are those of float64 to 2·10⁻⁶ at |v| ≤ 10."""
    SE = G.special_euclidean(3)
    v = torch.cat([3 * normal(generator, 203, 3), angle * axes(generator, 200)], -1)
    found = SE.log(SE.exp(v).float())
    assert (found.double() - v).abs().max() < 5e-6


def test_rigid_log_survives_float32_products(generator: torch.Generator) -> None:
    """log(a⁻¹b) of random pairs, all in float32, against float64: no outlier among 2·10⁵ pairs."""
    SE = G.special_euclidean(3)
    a, b = SE.sample(450, generator).float(), SE.sample(450, generator).float()
    pairs = SE.inverse(a)[:, None] @ b
    exact = SE.inverse(a.double())[:, None] @ b.double()
    found, wanted = SE.log(pairs).double(), SE.log(exact)
    flipped = (found[..., 3:] - wanted[..., 3:]).norm(dim=-1) > 1
    angle = wanted[..., 3:].norm(dim=-1)
    assert (angle[flipped] > math.pi - 1e-5).all() and flipped.sum() < 10
    assert (found - wanted)[~flipped].abs().max() < 1e-4
    assert (angle > 3.1).sum() > 1000


@pytest.mark.parametrize("angle", AT)
def test_plane_log_near_a_half_turn(angle: float) -> None:
    for sign in (1, -1):
        v = torch.tensor([sign * angle], dtype=torch.float64)
        assert up_to_sign(G.rotation_log(G.rotation_exp(v)), v) < 1e-15
        assert up_to_sign(G.rotation_log(G.rotation_exp(v).float()).double(), v) < 3e-7
        SE = G.special_euclidean(2)
        w = torch.cat([torch.tensor([3.0, -2.0], dtype=torch.float64), v])
        torch.testing.assert_close(SE.exp(SE.log(SE.exp(w))), SE.exp(w), rtol=0, atol=1e-14)


@pytest.mark.parametrize("n", [4, 5, 6])
@pytest.mark.parametrize(
    "angles",
    [(0, 0), (math.pi, 0), (math.pi, 1e-3), (math.pi - 1e-6, 0.5), (math.pi, math.pi), (1, 1), (2.1, 2.0944),
     (math.pi - 1e-9, math.pi - 1e-10), (math.pi - 1e-3, math.pi - 1e-3)],
)  # fmt: skip
def test_log_in_any_dimension(n: int, angles: tuple[float, float], generator: torch.Generator) -> None:
    SO = G.special_orthogonal(n)
    planes = [(0, 1), (2, 3)]
    tangent = torch.zeros(n, n, dtype=torch.float64)
    for (i, j), angle in zip(planes, angles, strict=True):
        tangent[j, i], tangent[i, j] = angle, -angle
    frame = SO.sample(30, generator)
    R = frame @ torch.linalg.matrix_exp(tangent) @ frame.mT
    v = SO.log(R)
    torch.testing.assert_close(SO.exp(v), R, rtol=0, atol=1e-13)
    torch.testing.assert_close(
        v.norm(dim=-1), torch.full((30,), math.hypot(*angles)).to(v), rtol=0, atol=1e-7
    )
    assert (SO.exp(SO.log(R.float())) - R.float()).abs().max() < 2e-6


@pytest.mark.parametrize("n", [4, 5, 6, 7, 9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_log_of_equal_angles(n: int, dtype: torch.dtype, generator: torch.Generator) -> None:
    """All planes turn by one angle, to rounding: no boundary inside the method may part them."""
    SO = G.special_orthogonal(n)
    angles = torch.linspace(0.05, math.pi, 60, dtype=torch.float64)
    angles = torch.cat([angles, torch.arange(1, 13).double() * math.pi / 12])
    blocks = torch.kron(torch.eye(n // 2), torch.tensor([[0.0, -1], [1, 0]])).double()
    tangent = torch.nn.functional.pad(blocks, (0, n % 2, 0, n % 2))
    frame = SO.sample(len(angles), generator)
    R = frame @ SO.exp(angles[:, None] * SO.vee(tangent)) @ frame.mT
    v = SO.log(R.to(dtype))
    rounding = 10 * torch.finfo(dtype).eps * n
    assert (SO.exp(v) - R.to(dtype)).abs().max() < rounding
    torch.testing.assert_close(
        SO.length(R.to(dtype)).double(), angles * (n // 2) ** 0.5, rtol=0, atol=10 * rounding
    )


@pytest.mark.parametrize("n", [2, 3])
def test_unitary_log_of_equal_phases(n: int, generator: torch.Generator) -> None:
    for group in (G.unitary(n), G.special_unitary(n)):
        frame = group.sample(20, generator)
        one = group.identity
        center = G.unitary(1).exp(torch.tensor([2 * math.pi / n], dtype=torch.float64))
        scalar = torch.kron(center, torch.eye(n, dtype=torch.float64))
        for a in (one, -one if isinstance(group, G.Unitary) or n == 2 else one, scalar, frame @ scalar):
            torch.testing.assert_close(group.exp(group.log(a)), a, rtol=0, atol=1e-12)


SMOOTH = [
    *map(G.special_orthogonal, (2, 3, 4)),
    *map(G.special_unitary, (2, 3)),
    *map(G.special_euclidean, (2, 3)),
    G.similarity(2),
    G.affine(2),
    G.general_linear(2),
    G.special_linear(2),
    G.lorentz(),
    G.proper_orthogonal(2, 2),
    G.symplectic(2),
    G.scalings(),
]


@pytest.mark.parametrize("group", SMOOTH, ids=str)
def test_gradients(group: G.AbstractLieGroup, generator: torch.Generator) -> None:
    """log(exp(v)·a) by finite differences, to second order, at a random point and at the identity."""
    v = (0.4 * normal(generator, len(group.lie_algebra))).requires_grad_()
    a = group.exp(0.4 * normal(generator, len(group.lie_algebra)))
    assert gradcheck(lambda v: group.log(group.exp(v) @ a), (v,))
    assert gradcheck(lambda v: group.distance(group.exp(v), a), (v,))
    zero = torch.zeros_like(v, requires_grad=True)
    assert gradcheck(lambda v: group.log(group.exp(v)), (zero,))
    assert gradgradcheck(lambda v: group.log(group.exp(v) @ a), (v,), atol=1e-4)


@pytest.mark.parametrize("group", SMOOTH, ids=str)
def test_gradients_are_finite_at_the_identity(group: G.AbstractLieGroup) -> None:
    for dtype in (torch.float32, torch.float64):
        e = group.identity.to(dtype).requires_grad_()
        for value in (group.log(e).sum(), group.distance(e, group.identity.to(dtype)), group.log(e).norm()):
            (slope,) = torch.autograd.grad(value, e)
            assert slope.isfinite().all()


HALF_TURNS = [
    *map(G.special_orthogonal, (2, 3, 4)),
    *map(G.special_euclidean, (2, 3)),
    G.lorentz(),
    G.orthogonal(3),
]


@pytest.mark.parametrize("group", HALF_TURNS, ids=str)
@pytest.mark.parametrize("off", [0.0, 1e-12, 1e-7, 1e-3])
def test_gradients_at_a_half_turn(group: G.AbstractLieGroup, off: float, generator: torch.Generator) -> None:
    """Along the curve exp((π − off + t)A) the logarithm moves by A, and every slope is finite."""
    algebra = torch.as_tensor(group.lie_algebra)
    skew = (algebra + algebra.mT).flatten(-2).norm(dim=-1) < 1e-12
    turn = torch.zeros(len(algebra), dtype=torch.float64)
    turn[int(skew.nonzero()[-1])] = 1
    frame = group.exp(0.3 * normal(generator, len(algebra)))
    a = (frame @ group.exp((math.pi - off) * turn) @ group.inverse(frame)).requires_grad_()
    v = group.log(a)
    torch.testing.assert_close(group.exp(v), a, rtol=0, atol=1e-12)
    direction = a.detach() @ frame @ group.hat(turn) @ group.inverse(frame)
    (slope,) = torch.autograd.grad((v**2).sum(), a)
    assert slope.isfinite().all()
    expected = 2 * float(v.detach() @ v.detach()) / (math.pi - off)
    assert float((slope * direction).sum()) == pytest.approx(expected, rel=1e-5)


def test_spin_covers_rotations_twice(generator: torch.Generator) -> None:
    SU, v = G.special_unitary(2), 2 * normal(generator, 100, 3)
    a, b = SU.exp(v), SU.sample(100, generator)
    turn = G.quaternion_rotation(G.spin_quaternion(a))
    torch.testing.assert_close(turn, G.rotation_exp(v), rtol=0, atol=1e-14)
    product = G.quaternion_rotation(G.spin_quaternion(a @ b))
    torch.testing.assert_close(
        product, turn @ G.quaternion_rotation(G.spin_quaternion(b)), rtol=0, atol=1e-14
    )
    torch.testing.assert_close(G.spin_matrix(G.spin_quaternion(b)), b, rtol=0, atol=1e-14)
    minus = (-SU.identity).requires_grad_()
    torch.testing.assert_close(SU.exp(SU.log(minus)), -SU.identity, rtol=0, atol=1e-14)
    assert torch.autograd.grad(SU.log(minus).sum(), minus)[0].isfinite().all()
    for off in (1e-3, 1e-9, 1e-15):
        v = (2 * math.pi - off) * axes(generator, 20)
        torch.testing.assert_close(SU.exp(SU.log(SU.exp(v))), SU.exp(v), rtol=0, atol=1e-13)


@pytest.mark.parametrize("signature", [(1, 3), (3, 1), (1, 2), (2, 1), (1, 1)])
def test_lorentz_log_is_onto(signature: tuple[int, int], generator: torch.Generator) -> None:
    """Also for half turns moved by a boost, which have no principal logarithm, and for null rotations."""
    group = G.proper_orthogonal(*signature)
    boost = group.exp(normal(generator, 40, len(group.lie_algebra)))
    compact = group.lie_algebra + np.swapaxes(group.lie_algebra, 1, 2)
    for index in range(len(group.lie_algebra)):
        if np.abs(compact[index]).max() > 0:
            continue
        turn = torch.zeros(len(group.lie_algebra), dtype=torch.float64)
        for angle in (math.pi, math.pi - 1e-9, 3.0, 1e-9):
            turn[index] = angle
            a = boost @ group.exp(turn) @ group.inverse(boost)
            size = a.abs().max()
            assert (group.exp(group.log(a)) - a).abs().max() < 1e-11 * size**2
    if signature == (1, 3):
        null = torch.tensor([0, 0.7, 0, 0.7, 0, 0], dtype=torch.float64)  # (L_y + K_x)³ = 0
        assert torch.linalg.matrix_power(group.hat(null), 3).abs().max() < 1e-15
        torch.testing.assert_close(group.log(group.exp(null)), null, rtol=0, atol=1e-12)


def test_principal_logs_agree_with_scipy(generator: torch.Generator) -> None:
    GL = G.general_linear(4)
    tangent = 0.6 * normal(generator, 20, 16)
    a = GL.exp(tangent)
    for matrix, found in zip(a, GL.hat(GL.log(a)), strict=True):
        np.testing.assert_allclose(found.numpy(), scipy.linalg.logm(matrix.numpy()).real, atol=1e-11)
    normal_matrix = torch.diag(torch.tensor([-2.0, -2.0, 3.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close(GL.exp(GL.log(normal_matrix)), normal_matrix, rtol=0, atol=1e-12)


def test_polar_coordinates_exist_everywhere(generator: torch.Generator) -> None:
    GL = G.general_linear(3)
    a = torch.cat([GL.sample(50, generator), torch.diag(torch.tensor([-2.0, -0.5, 1.0]).double())[None]])
    p, r = G.polar(a)
    torch.testing.assert_close(p @ r, a, rtol=0, atol=1e-12)
    torch.testing.assert_close(p, p.mT, rtol=0, atol=1e-12)
    assert (torch.linalg.eigvalsh(p) > 0).all() and G.special_orthogonal(3).violation(r).max() < 1e-12
    expected = [scipy.linalg.polar(m.numpy(), side="left") for m in a]
    np.testing.assert_allclose(p.numpy(), [e[1] for e in expected], atol=1e-11)
    torch.testing.assert_close(G.from_polar_coordinates(*G.polar_coordinates(a)), a, rtol=0, atol=1e-11)
    assert gradcheck(lambda a: G.polar_coordinates(a), (a[:2].clone().requires_grad_(),))
    assert gradcheck(lambda a: G.polar(a), ((2 * GL.identity).requires_grad_(),))


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("norm", [0.01, 0.047, 0.1, 0.58, 3.0])
def test_matrix_exp_of_one_matrix_is_that_of_many(norm: float, count: int) -> None:
    """torch's own, of one matrix, misses by 2e-10 at 0.047 (float64) and by 5e-5 at 0.58 (float32)."""
    v = torch.full((count, 1), norm, dtype=torch.float64)
    boost = G.proper_orthogonal(1, 1)
    expected = torch.stack([torch.cosh(v), torch.sinh(v)], -1).squeeze(1)
    torch.testing.assert_close(boost.exp(v)[:, 0], expected, rtol=1e-15, atol=1e-16)
    torch.testing.assert_close(boost.exp(v.float())[:, 0], expected.float(), rtol=2e-7, atol=0)


def harmonic_mean(group: G.AbstractLieGroup, rule: G.Quadrature, degree: int) -> Tensor:
    """∫ (x·g y)^k for k = 0 … degree, at fixed unit x and y."""
    source = torch.Generator().manual_seed(5)
    x, y = (v / v.norm() for v in (normal(source, group.size), normal(source, group.size)))
    values = torch.einsum("i,mij,j->m", x, rule.elements, y)
    return torch.stack([(rule.weights * values**k).sum() for k in range(degree + 1)])


def sphere_moment(dimension: int, k: int) -> float:
    """∫ u_1^k over the unit sphere of R^d: ∏ (2i − 1)/(d + 2i − 2)."""
    return 0.0 if k % 2 else math.prod((2 * i - 1) / (dimension + 2 * i - 2) for i in range(1, k // 2 + 1))


@pytest.mark.parametrize("count", [1, 2, 7, 30, 400])
@pytest.mark.parametrize(
    "group", [*map(G.special_orthogonal, (2, 3)), *map(G.orthogonal, (2, 3)), G.special_unitary(2)], ids=str
)
def test_quadrature_is_exact(group: G.AbstractLieGroup, count: int) -> None:
    """x·g y is the first coordinate of a uniform point of the sphere, whatever unit x and y are."""
    rule = group.quadrature(count)
    assert len(rule.weights) >= count and group.violation(rule.elements).max() < 1e-12
    torch.testing.assert_close(rule.weights.sum(), torch.ones(()).double(), rtol=0, atol=1e-14)
    assert (rule.weights > 0).all()
    half = -(-count // 2) if isinstance(group, G.Orthogonal) else count
    degree = {2: half - 1, 3: G.rotation_degree(half), 4: G.spin_degree(count)}[group.size]
    expected = torch.tensor([sphere_moment(group.size, k) for k in range(degree + 1)], dtype=torch.float64)
    torch.testing.assert_close(harmonic_mean(group, rule, degree), expected, rtol=0, atol=1e-13)
    if group.size == 2:
        assert (rule.weights == rule.weights[0]).all()


@pytest.mark.parametrize("degree", [0, 1, 2, 3, 8])
def test_stated_degree_is_sharp(degree: int) -> None:
    """D^k_kk = ((1 + cos β)/2)^k e^{ik(α + γ)} has mean 0 for k > 0; the rule sees that up to k = degree."""
    R = (rule := G.rotation_quadrature(degree)).elements
    z = torch.complex(R[:, 0, 0] + R[:, 1, 1], R[:, 1, 0] - R[:, 0, 1]) / 2
    means = torch.stack([(rule.weights * z**k).sum().abs() for k in range(1, degree + 2)])
    assert (means[:-1] < 1e-14).all() and means[-1] > 1e-2


def test_quadrature_of_products_and_circles() -> None:
    group = G.direct_product([G.special_orthogonal(2), G.unitary(1)])
    rule = group.quadrature(50)
    assert len(rule.weights) >= 50
    first, second = rule.elements[:, 0, 0], rule.elements[:, 2, 2]
    assert float((rule.weights * first**2 * second**2).sum()) == pytest.approx(1 / 4, abs=1e-14)
    assert abs(float((rule.weights * first * second).sum())) < 1e-14


def test_quadrature_of_products_with_unequal_weights() -> None:
    """R_zz² has mean 1/3 and cos² has 1/2, in either order of the factors."""
    for place, factors in ((2, ("SO(3)", "SO(2)")), (4, ("SO(2)", "SO(3)"))):
        rule = G.direct_product([G.named(name) for name in factors]).quadrature(1200)
        assert len(rule.weights.mul(1e12).round().unique()) > 1
        corner, cosine = rule.elements[:, place, place], rule.elements[:, (place + 1) % 5, (place + 1) % 5]
        assert float((rule.weights * corner**2).sum()) == pytest.approx(1 / 3, abs=1e-14)
        assert float((rule.weights * corner**2 * cosine**2).sum()) == pytest.approx(1 / 6, abs=1e-14)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_quadrature_of_reflections_has_both_components(n: int) -> None:
    """det has mean 0."""
    rule = G.orthogonal(n).quadrature(20)
    assert abs(float((rule.weights * torch.linalg.det(rule.elements)).sum())) < 1e-14


@pytest.mark.parametrize(
    "group",
    [G.special_euclidean(3), G.lorentz(), G.scalings(), G.direct_product([G.scalings(), G.unitary(1)])],
    ids=str,
)
def test_no_quadrature_without_a_finite_measure(group: G.AbstractLieGroup) -> None:
    with pytest.raises(ValueError, match="which is not compact: its Haar measure is infinite; average over"):
        group.quadrature(10)


@pytest.mark.parametrize("group", [G.special_orthogonal(4), G.unitary(2), G.special_unitary(3)], ids=str)
def test_no_quadrature_without_a_rule(group: G.AbstractLieGroup) -> None:
    with pytest.raises(ValueError, match="for which no rule is known here"):
        group.quadrature(10)


def test_unreached_elements_are_counted(generator: torch.Generator) -> None:
    a = G.special_linear(2).identity.repeat(5, 1, 1)
    a[3] = torch.tensor([[-2, 0], [0, -0.5]])
    a[4] = torch.tensor([[-1, 1], [0, -1]])
    with pytest.raises(
        ValueError, match=r"SL\(2\).log: .* got 2 of 5 elements without a logarithm, the first at index 3"
    ):
        G.special_linear(2).log(a)
    reflected = torch.diag(torch.tensor([1.0, -1.0]))
    with pytest.raises(ValueError, match=r"multiply the others by the generator of O\(2\)"):
        G.orthogonal(2).log(reflected)
    with pytest.raises(ValueError, match="elements of the component of the identity"):
        G.lorentz(reflections=True).log(G.lorentz(reflections=True).generators[0])
    with pytest.raises(ValueError, match="polar gives the factors"):
        G.symplectic(2).log(a)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: G.special_orthogonal(0), "n ≥ 1, got 0"),
        (lambda: G.projective_linear(4), "odd n ≥ 3, got 4"),
        (lambda: G.symplectic(3), "an even size, got 3"),
        (lambda: G.lorentz and G.proper_orthogonal(0, 3), r"p, q ≥ 1, got \(0, 3\)"),
        (lambda: G.direct_product([]), "at least one, got none"),
        (
            lambda: G.direct_product([G.special_euclidean(2)]),
            r"move R\^n by matrices, at least one, got SE\(2\)",
        ),
        (lambda: G.semidirect_product(G.projective_linear(3)), r"x → h x, got PGL\(3\)"),
    ],
)
def test_bad_sizes_are_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()


def test_projective_action(generator: torch.Generator) -> None:
    """Cross ratios of four points of a line stay."""
    PGL = G.projective_linear(3)
    a = PGL.sample(1, generator)[0]
    torch.testing.assert_close(PGL.normalise(-5 * a), a, rtol=0, atol=1e-13)
    at = torch.tensor([0.0, 1.0, 3.0, 4.5], dtype=torch.float64)
    line = torch.tensor([0.2, -0.1]).double() + at[:, None] * torch.tensor([0.3, 0.5]).double()
    x = PGL.act(a, line)[:, 0]
    ratio = [(p[0] - p[2]) * (p[1] - p[3]) / ((p[1] - p[2]) * (p[0] - p[3])) for p in (at, x)]
    torch.testing.assert_close(ratio[0], ratio[1], rtol=1e-9, atol=0)


@pytest.mark.parametrize("n", [2, 3])
def test_maps_run_under_vmap(n: int, generator: torch.Generator) -> None:
    SE = G.special_euclidean(n)
    v = normal(generator, 4, len(SE.lie_algebra))
    torch.testing.assert_close(torch.func.vmap(lambda v: SE.log(SE.exp(v)))(v), SE.log(SE.exp(v)))
    jacobian = torch.func.jacrev(lambda v: SE.log(SE.exp(v)))(v[0] / 4)
    torch.testing.assert_close(jacobian, torch.eye(len(v[0])).double(), rtol=0, atol=1e-12)


@pytest.mark.unchecked
@pytest.mark.parametrize("n", [2, 3])
def test_maps_compile(n: int, generator: torch.Generator) -> None:
    SE = G.special_euclidean(n)
    a = SE.sample(5, generator)

    def both(a: Tensor) -> Tensor:
        return SE.exp(SE.log(a) / 2)

    compiled = torch.compile(both, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(a), both(a))
