"""How group elements act: signs, duals, fields on every domain; and what layers guarantee."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

import mackey as mk
from cases import field
from cases_more import periodic
from mackey import groups as G
from mackey import reps as R

PERMUTATIONS = list(itertools.permutations(range(4)))


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_sign_on_rotations_and_mirrors() -> None:
    assert R.sign(G.dihedral(4)).matrices.ravel().tolist() == [1, 1, 1, 1, -1, -1, -1, -1]
    assert R.sign(G.cyclic(4)).matrices.ravel().tolist() == [1, 1, 1, 1]
    assert R.sign(G.mirror()).matrices.ravel().tolist() == [1, -1]


def test_sign_on_permutations_counts_inversions() -> None:
    S4 = G.symmetric(4).enumerate()
    signs = R.sign(S4).matrices.ravel()
    for index, p in enumerate(PERMUTATIONS):
        inversions = sum(p[i] > p[j] for i, j in itertools.combinations(range(4), 2))
        assert signs[index] == (-1) ** inversions
    assert signs.sum() == 0


def skewed(group: G.FiniteGroup) -> R.Rep:
    """Vectors in a basis that is not orthonormal."""
    basis = np.array([[1.0, 2.0], [0.0, 0.5]])
    return R.Rep(group, np.linalg.inv(basis) @ group.matrices @ basis, "skewed")


@pytest.mark.parametrize("group", [G.cyclic(4), G.dihedral(4), G.dihedral(3)], ids=str)
def test_dual_keeps_the_pairing(group: G.FiniteGroup) -> None:
    """⟨ρ*(h)φ, ρ(h)x⟩ = ⟨φ, x⟩; for orthogonal ρ the dual is ρ itself, for others not."""
    rho = skewed(group)
    star = R.dual(rho)
    assert not rho.is_orthogonal and star != rho
    for h in group.elements:
        np.testing.assert_allclose(star.matrices[h].T @ rho.matrices[h], np.eye(2), atol=1e-12)
    assert R.dual(star) == rho and R.dual(R.standard(group)) == R.standard(group)
    np.testing.assert_allclose(star.character, rho.character[group.inverses], atol=1e-12)


def test_a_pixel_moves_right_and_up() -> None:
    """(t, h) with t = (right, up): translations in right-handed axes, on the torus of the array."""
    kind = periodic("p4", "trivial", 1)
    x = torch.zeros(1, 1, 5, 5)
    x[0, 0, 2, 3] = 1
    for motion, pixel in {
        ((1, 0), 0): (2, 4),
        ((0, 1), 0): (1, 3),
        ((2, -1), 0): (3, 0),
        ((0, 0), 1): (1, 2),
        ((1, 0), 1): (1, 3),
        ((0, 1), 2): (1, 1),
    }.items():
        moved = kind.transform(x, motion)
        assert moved.sum() == 1 and moved[0, 0][pixel] == 1, motion
    line = periodic("Z⋊±1", "trivial", 1)
    assert line.transform(torch.tensor([[[1.0, 2, 3, 4]]]), ((1,), 0)).tolist() == [[[4, 1, 2, 3]]]
    assert line.transform(torch.tensor([[[1.0, 2, 3, 4]]]), ((1,), 1)).tolist() == [[[1, 4, 3, 2]]]


def test_fibres_turn_with_the_pixels() -> None:
    """A quarter turn sends the arrow (1, 0) to (0, 1), and channel k of a regular fibre to k + 1."""
    arrow, frame = field("p4", "vector", 1), field("p4", "regular", 1)
    x, y = torch.zeros(1, 2, 3, 3), torch.zeros(1, 4, 3, 3)
    x[0, 0, 1, 2] = 1
    y[0, 3, 1, 2] = 1
    turned, shifted = arrow.transform(x, ((0, 0), 1)), frame.transform(y, ((0, 0), 1))
    assert turned[0, :, 0, 1].tolist() == [0, 1] and turned.abs().sum() == 1
    assert shifted[0, :, 0, 1].tolist() == [1, 0, 0, 0] and shifted.sum() == 1
    mirrored = field("p4m", "vector", 1).transform(x, ((0, 0), 4))
    assert mirrored[0, :, 1, 0].tolist() == [-1, 0] and mirrored.abs().sum() == 1


@pytest.mark.parametrize("size", [4, 5])
@pytest.mark.parametrize("fibre", ["regular", "vector", "irreps"])
@pytest.mark.parametrize("name", ["p4", "p4m", "Z⋊±1", "Z^3⋊O"])
def test_transform_is_an_action_of_the_torus_group(name: str, fibre: str, size: int) -> None:
    """(gh)·f = g·(h·f), translations and turns together."""
    kind = periodic(name, fibre, 2)
    sizes = (size,) * kind.domain.dimension
    torus = G.lattice(kind.domain.stabiliser, sizes)
    x = noise(*kind.shape(2, sizes))
    generator = torch.Generator().manual_seed(0)
    for g, h in zip(torus.sample(6, generator), torus.sample(6, generator), strict=True):
        both = kind.transform(kind.transform(x, h), g)
        torch.testing.assert_close(kind.transform(x, torus.compose(g, h)), both, rtol=0, atol=1e-12)
        torch.testing.assert_close(
            kind.transform(kind.transform(x, g), torus.inverse(g)), x, rtol=0, atol=1e-12
        )
    samples = mk.FieldType(
        mk.spaces.GroupGrid(kind.domain.group, True), R.trivial(G.cyclic(1, len(sizes))), 2
    )
    regular = periodic(name, "regular", 2)
    y, g = noise(*regular.shape(2, sizes)), torus.sample(1, generator)[0]
    assert torch.equal(samples.transform(y, g), regular.transform(y, g))


def layers_on_a_torus() -> list[mk.nn.AbstractLayer]:
    one, two = periodic("p4", "regular", 1), periodic("p4", "regular", 2)
    mixing = [mk.nn.Attention(one, two, axis=axis, window=3) for axis in ("contract", "frame", "lift")]
    return [
        mk.nn.Conv(one, periodic("p4", "irreps", 2), 3),
        mk.nn.Attention(one, two, kernel_size=3),
        *mixing,
    ]


@pytest.mark.parametrize(
    "layer", layers_on_a_torus(), ids=["convolution", "convolved", "contract", "frame", "lift"]
)
@pytest.mark.parametrize("size", [4, 5])
def test_lowered_layers_commute_with_translations_of_the_torus(layer: mk.nn.AbstractLayer, size: int) -> None:
    layer = layer.double()
    x = noise(2, layer.in_type.channels, size, size)
    with torch.no_grad():
        out = layer(x)
        for motion in (((1, 0), 0), ((0, -1), 0), ((2, 1), 1), ((-1, 3), 3)):
            moved = layer(layer.in_type.transform(x, motion))
            torch.testing.assert_close(moved, layer.out_type.transform(out, motion), rtol=0, atol=1e-12)


def test_permutations_move_the_points_of_a_set() -> None:
    """p sends point i to place p[i]; first b, then a is a·b."""
    domain = mk.spaces.Set(3)
    kind = mk.FieldType(domain, R.trivial(domain.stabiliser), 1)
    x = torch.tensor([[[10.0], [20], [30]]])
    assert kind.transform(x, (1, 2, 0)).ravel().tolist() == [30, 10, 20]
    for a, b in itertools.product(itertools.permutations(range(3)), repeat=2):
        both = kind.transform(kind.transform(x, b), a)
        assert torch.equal(kind.transform(x, domain.group.compose(a, b)), both)


def test_sequences_shift_and_lose_their_ends() -> None:
    domain = mk.spaces.Sequence()
    kind = mk.FieldType(domain, R.trivial(domain.stabiliser), 1)
    x = torch.arange(1.0, 6).view(1, 5, 1)
    for shift, wanted in {2: [0, 0, 1, 2, 3], -1: [2, 3, 4, 5, 0], 0: [1, 2, 3, 4, 5], 7: [0] * 5}.items():
        assert kind.transform(x, ((shift,), 0)).ravel().tolist() == wanted
    one, two = ((1,), 0), ((2,), 0)
    both = kind.transform(kind.transform(x, one), two)
    assert torch.equal(kind.transform(x, domain.group.compose(one, two)), both)


class Promise(mk.nn.AbstractLayer):
    """The identity, with a guarantee of this kind."""

    def __init__(self, kind: mk.FieldType, promised: str) -> None:
        super().__init__(kind, kind)
        self.promised = promised

    @property
    def guarantee(self) -> mk.Guarantee:
        return mk.Guarantee(self.promised, "p4")

    def forward(self, x):
        return x


@pytest.mark.parametrize(("name", "kind"), [("p4", "exact"), ("pm", "exact"), ("p8", "exact_on_grid")])
def test_guarantees_of_layers(name: str, kind: str) -> None:
    regular = field(name, "regular", 2)
    layers = [mk.nn.Conv(regular, regular, 3), mk.nn.BatchNorm(regular), mk.nn.Pointwise(regular)]
    for layer in (*layers, mk.nn.Sequential(*layers), mk.nn.Residual(layers[0])):
        assert layer.guarantee.kind == kind and layer.guarantee.group == name
    assert mk.zoo.images.gcnn(name, fields=2, depth=2).guarantee.kind == kind
    assert mk.zoo.images.gcsa(name, fields=2, depth=1).guarantee.kind == kind


def test_a_chain_promises_what_its_weakest_layer_promises() -> None:
    kind = field("p4", "regular", 2)
    exact = mk.nn.Pointwise(kind)
    for promised in mk.Guarantee.KINDS:
        weak = Promise(kind, promised)
        for order in ((weak, exact, exact), (exact, weak, exact), (exact, exact, weak)):
            assert mk.nn.Sequential(*order).guarantee.kind == promised
        assert mk.nn.Residual(weak).guarantee.kind == promised
    chain = mk.nn.Sequential(Promise(kind, "soft"), mk.nn.Sequential(exact, Promise(kind, "none")))
    assert chain.guarantee.kind == "none"
