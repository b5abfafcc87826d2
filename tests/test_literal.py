"""The literal lowering against the full integral over G, on finite tori: Φ_ω f(g) = Σ_{g′∈G} ω(g⁻¹f,
g′)/|H|.
"""

import pytest
import torch
from torch import Tensor

import mackey as mk
from mackey.groups import LatticeGroup
from mackey.groups.lattices import Motion
from mackey.integrands.mackey import check_mackey
from mackey.lowerings import Literal
from mackey.testing import relative

SIZE = 3


def fibre(H: mk.groups.FiniteGroup, name: str) -> mk.reps.Rep:
    return {
        "regular": mk.reps.regular,
        "trivial": mk.reps.trivial,
        "irreps": lambda K: mk.reps.direct_sum(mk.reps.irreps(K)),
    }[name](H)


def lifted(f: Tensor, field: mk.FieldType, g: Motion, group: LatticeGroup) -> Tensor:
    """f̂(g) = ρ(h)⁻¹ f(x) for g = (x, h), from eq. (1); points are displacements from the centre of the
    array.
    """
    index = tuple(int(i) for i in (torch.tensor([-g[0][1], g[0][0]]) + SIZE // 2) % SIZE)
    back = torch.as_tensor(field.rep.matrices[group.point_group.inverse(g[1])])
    return f[:, :, index[0], index[1]].unflatten(1, (-1, field.rep.dim)) @ back.T


def over_the_whole_group(omega: mk.Integrand, f: Tensor, group: LatticeGroup, g: Motion) -> Tensor:
    """Σ over all g′ ∈ G of ω(g⁻¹f, g′), each source lifted; ω is given what it needs: F(e), F(g′) and the
    pose of g′.
    """
    field = omega.in_type
    sources = group.elements()
    here = lifted(f, field, g, group)[:, None]
    there = torch.stack([lifted(f, field, group.compose(g, s), group) for s in sources], 1)
    # F(g′) is right-covariant, F(g′h) = ρ(h)⁻¹F(g′): carry it to the section, where ω reads it
    for index, (_, h) in enumerate(sources):
        there[:, index] = there[:, index] @ torch.as_tensor(field.rep.matrices[h]).T
    steps = torch.tensor([[(t + SIZE // 2) % SIZE - SIZE // 2 for t in s[0]] for s in sources], dtype=f.dtype)
    pose = mk.spaces.Pose(steps, torch.zeros(len(sources), dtype=torch.long))
    return omega.at(here, there, pose)


@pytest.mark.parametrize("name", ["p1", "p2", "p4", "pm", "p4m"])
@pytest.mark.parametrize(
    ("fibre_in", "fibre_out"), [("trivial", "regular"), ("regular", "irreps"), ("irreps", "irreps")]
)
def test_linear(name: str, fibre_in: str, fibre_out: str) -> None:
    H = mk.groups.named(name).point_group
    torus = mk.groups.lattice(H, (SIZE, SIZE))
    grid = mk.spaces.Grid(mk.groups.named(name), periodic=True)
    into, out = mk.FieldType(grid, fibre(H, fibre_in), 2), mk.FieldType(grid, fibre(H, fibre_out), 2)
    omega = mk.integrands.Linear(into, out, kernel_size=3, bias=False).double()
    f = torch.randn(2, into.channels, SIZE, SIZE, dtype=torch.float64)
    with torch.no_grad():
        fast = Literal()(omega, f)
        for g in torus.sample(6, torch.Generator().manual_seed(0)):
            whole = over_the_whole_group(omega, f, torus, g) / H.order
            assert relative(whole, lifted(fast, out, g, torus)) < 1e-12, (
                "the output is not the integral, or no σ-field"
            )


@pytest.mark.parametrize("name", ["p2", "p4", "p4m"])
def test_attention(name: str) -> None:
    """Softmax over G equals softmax over G/H: the multiplicity |H| of each source cancels in the
    normaliser.
    """
    H = mk.groups.named(name).point_group
    torus = mk.groups.lattice(H, (SIZE, SIZE))
    field = mk.FieldType(mk.spaces.Grid(mk.groups.named(name), periodic=True), fibre(H, "irreps"), 2)

    class Plain(mk.Integrand):
        normalise = mk.integrands.Softmax()

        def score(self, here, there, pose):
            return (here * there).sum((-1, -2))[..., None]

        def message(self, here, there, pose):
            return there

    omega = Plain(field, field)
    check_mackey(omega)
    f = torch.randn(2, field.channels, SIZE, SIZE, dtype=torch.float64)
    fast = mk.nn.Integral(omega)(f)
    for g in torus.sample(6, torch.Generator().manual_seed(0)):
        assert relative(over_the_whole_group(omega, f, torus, g), lifted(fast, field, g, torus)) < 1e-12


def test_printed_condition_is_false_for_convolutions() -> None:
    """Eq. (3) read pointwise, ω(hF, g′) = σ(h) ω(F, g′), fails for a valid convolution; the diagonal form
    holds.
    """
    H = mk.groups.cyclic(4)
    field = mk.FieldType(mk.spaces.Grid(mk.groups.p4()), mk.reps.regular(H), 2)
    omega = mk.integrands.Linear(field, field, kernel_size=3).double()
    check_mackey(omega)
    there = torch.randn(1, 1, 2, 4, dtype=torch.float64)
    pose = mk.spaces.Pose(torch.tensor([[1.0, 0.0]], dtype=torch.float64), torch.zeros(1, dtype=torch.long))
    rho = torch.as_tensor(field.rep.matrices[1])
    literal_form = relative(
        omega.message(there, there @ rho.T, pose), omega.message(there, there, pose) @ rho.T
    )
    assert literal_form > 0.1


def test_known_filter_convolves_as_conv2d() -> None:
    """Under p1 a layer is a plain convolution: same weights, same numbers, no mirrored filter."""
    grid = mk.spaces.Grid(mk.groups.p1())
    field = mk.FieldType(grid, mk.reps.trivial(grid.stabiliser), 2)
    conv = mk.nn.Conv(field, field, 3).double()
    weight = torch.randn(2, 2, 3, 3, dtype=torch.float64)
    with torch.no_grad():
        conv.integrand.weight.copy_(weight.flatten(2).permute(2, 0, 1))
    x = torch.randn(1, 2, 5, 6, dtype=torch.float64)
    torch.testing.assert_close(conv(x), torch.nn.functional.conv2d(x, weight, padding=1))


def test_contract_under_p1_is_torch_multihead_attention() -> None:
    """With the trivial point group and the same weights: nn.MultiheadAttention, to rounding."""
    grid = mk.spaces.Grid(mk.groups.p1())
    field = mk.FieldType(grid, mk.reps.trivial(grid.stabiliser), 8)
    ours, theirs = (
        mk.nn.Attention(field, heads=2).double(),
        torch.nn.MultiheadAttention(8, 2, batch_first=True).double(),
    )
    with torch.no_grad():
        ours.integrand.pre.weight[0].copy_(theirs.in_proj_weight)
        ours.integrand.post.weight[0].copy_(theirs.out_proj.weight)
    x = torch.randn(2, 8, 3, 4, dtype=torch.float64)
    tokens = x.flatten(2).transpose(1, 2)
    wanted = theirs(tokens, tokens, tokens, need_weights=False)[0]
    torch.testing.assert_close(ours(x).flatten(2).transpose(1, 2), wanted)


def test_poster_attention_with_pointwise_maps_knows_no_positions() -> None:
    """Lifted attention without positions commutes with every permutation of the tokens (x, h), as the notes
    say.
    """
    grid = mk.spaces.Grid(mk.groups.p4())
    field = mk.FieldType(grid, mk.reps.regular(grid.stabiliser), 4)
    layer = mk.nn.Attention(field, heads=2, axis="lift").double()
    x = torch.randn(1, 16, 3, 3, dtype=torch.float64)
    order = torch.randperm(9)
    shuffled = x.flatten(2)[..., order].view_as(x)
    torch.testing.assert_close(layer(shuffled), layer(x).flatten(2)[..., order].view_as(x))
