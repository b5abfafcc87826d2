"""Layers between representations at a point: Linear by blocks, Gate, Bilinear, EMLP."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import mackey as mk
from mackey import groups as G
from mackey import reps
from mackey.lowerings import Literal
from mackey.zoo.emlp import uniform

TYPES = [
    (G.special_orthogonal(3), "2xV + V⊗V + 3xtrivial", "V⊗V + 4xV + 2xtrivial"),
    (G.orthogonal(2), "3xV + Sym^2(V) + det", "2xV + 2xdet + V⊗V"),
    (G.lorentz(reflections=True), "4xV + V⊗V", "V⊗V + 2xtrivial + V"),
    (G.symplectic(4), "2xV + V⊗V", "trivial + V + V⊗V"),
    (G.special_linear(2), "2xV + V*⊗V", "V* + V⊗V* + 3xtrivial"),
    (G.dihedral(4), "3xA1 + 2xE + regular", "2xE + regular + 5xA2"),
    (G.special_orthogonal(2), "2xV + trivial", "3xV + V⊗V"),
]


def linear(group: G.AbstractGroup, source: str, target: str) -> mk.nn.Linear:
    """In float64, with weights and bias that are not small."""
    types = [mk.FieldType.at_point(reps.parse(group, text)) for text in (source, target)]
    layer = mk.nn.Linear(*types).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    return layer


@pytest.mark.parametrize(("group", "source", "target"), TYPES, ids=lambda x: str(x))
def test_linear_equals_the_literal_integral(group: G.AbstractGroup, source: str, target: str) -> None:
    layer = linear(group, source, target)
    x = torch.randn(5, layer.in_type.rep.dim, dtype=torch.float64, requires_grad=True)
    fast, slow = layer(x), Literal()(layer.integrand, x)
    torch.testing.assert_close(fast, slow, rtol=1e-11, atol=1e-11)
    sources = [x, *layer.parameters()]
    direction = torch.randn_like(fast)
    for a, b in zip(
        torch.autograd.grad(fast, sources, direction),
        torch.autograd.grad(slow, sources, direction),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("group", "source", "target"), TYPES, ids=lambda x: str(x))
def test_linear_has_every_equivariant_map(group: G.AbstractGroup, source: str, target: str) -> None:
    """As many weights as the null space of the constraints, found here by an SVD of the whole map."""
    layer = linear(group, source, target)
    rho, sigma = layer.in_type.rep, layer.out_type.rep
    rows = []
    for a, b in zip(rho.generator_matrices, sigma.generator_matrices, strict=True):
        rows.append(np.kron(b, np.eye(rho.dim)) - np.kron(np.eye(sigma.dim), a.T))
    for a, b in zip(rho.algebra_matrices, sigma.algebra_matrices, strict=True):
        rows.append(np.kron(b, np.eye(rho.dim)) - np.kron(np.eye(sigma.dim), a.T))
    values = np.linalg.svd(np.concatenate(rows), compute_uv=False)
    count = int((values < 1e-9 * values.max()).sum())
    weights = layer.integrand.weight.numel()
    assert weights == count
    assert layer.integrand.theory_count == sum(p.numel() for p in layer.parameters())


@pytest.mark.parametrize(("group", "source", "target"), TYPES, ids=lambda x: str(x))
def test_linear_commutes_with_the_group(group: G.AbstractGroup, source: str, target: str) -> None:
    layer = linear(group, source, target)
    x = torch.randn(5, layer.in_type.rep.dim, dtype=torch.float64)
    layer.requires_grad_(False)
    for element in group.sample(5, torch.Generator().manual_seed(1)):
        wanted = layer.out_type.transform(layer(x), element)
        moved = layer(layer.in_type.transform(x, element))
        assert float((moved - wanted).abs().max()) < 1e-12 * float(wanted.abs().max() + 1) * _size(
            layer, element
        )


def _size(layer: mk.nn.Linear, element: object) -> float:
    """How much an element stretches: rounding grows with it."""
    return max(1.0, float(layer.in_type.rep.at(element).abs().max()) * 10)


def test_output_starts_at_the_size_of_the_input() -> None:
    types = [
        mk.FieldType.at_point(reps.parse(G.orthogonal(3), t))
        for t in ("64xV + 64xtrivial + 16xV⊗V", "64xtrivial + 32xV⊗V + 64xV")
    ]
    torch.manual_seed(0)
    layer = mk.nn.Linear(*types)
    out = layer(torch.randn(4000, types[0].rep.dim)).detach()
    for part in out.split([b.dim for b in reps.blocks_of(types[1].rep)], 1):
        assert 0.8 < float(part.var()) < 1.25


def test_linear_refuses_other_layouts() -> None:
    V = reps.standard(G.orthogonal(3))
    many = mk.FieldType(mk.spaces.Point(V.group), V, 3)
    with pytest.raises(
        ValueError, match="wanted one field at a Point, its multiplicities written in the rep"
    ):
        mk.nn.Linear(many, many)
    with pytest.raises(ValueError, match="wanted both fields on"):
        mk.nn.Linear(mk.FieldType.at_point(V), mk.FieldType.at_point(reps.standard(G.special_orthogonal(3))))
    with pytest.raises(ValueError, match="Gate: wanted one field at a Point"):
        mk.nn.Gate(many)
    with pytest.raises(ValueError, match="Bilinear: wanted one field at a Point"):
        mk.nn.Bilinear(many, many)


def test_gate_by_hand() -> None:
    gate = mk.nn.Gate(mk.FieldType.at_point(reps.parse(G.orthogonal(3), "2xV + 3xtrivial + det")))
    assert str(gate.in_type.rep) == "2xV + 3xtrivial + det + 3xtrivial"
    x = torch.randn(4, 13)
    got = gate(x)
    gates = torch.sigmoid(x[:, 10:])
    vectors = x[:, :6].view(4, 3, 2) * gates[:, None, :2]
    wanted = torch.cat(
        [vectors.flatten(1), torch.nn.functional.silu(x[:, 6:9]), x[:, 9:10] * gates[:, 2:]], 1
    )
    torch.testing.assert_close(got, wanted)


def test_bilinear_contains_dot_and_cross_products() -> None:
    """V ⊗ V → trivial and V ⊗ V → V of SO(3) are multiples of a·b and a × b."""
    group = G.special_orthogonal(3)
    layer = mk.nn.Bilinear(
        *(mk.FieldType.at_point(reps.parse(group, t)) for t in ("2xV", "trivial + V"))
    ).double()
    assert layer.weight.numel() == 4  # for each of two maps: a₀b₁ and a₁b₀
    x = torch.randn(6, 3, 2, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, 0, 1, 0]))
        out = layer(x.flatten(1))
    a, b = x.unbind(-1)
    dot, cross = (a * b).sum(-1), torch.linalg.cross(a, b)
    ratio = out[:, 0] / dot
    torch.testing.assert_close(ratio, ratio[:1].expand(6))
    scale = (out[:, 1:] * cross).sum(-1) / cross.square().sum(-1)
    torch.testing.assert_close(out[:, 1:], scale[:1] * cross)


def test_bilinear_by_its_formula() -> None:
    """Each coupling has weights of its own, in order; as many products as the larger block has channels."""
    group = G.special_orthogonal(3)
    source, target = (reps.parse(group, t) for t in ("2xV + 3xtrivial", "2xtrivial + 3xV + V⊗V"))
    layer = mk.nn.Bilinear(*map(mk.FieldType.at_point, (source, target))).double()
    x = torch.randn(4, source.dim, dtype=torch.float64)
    parts = [x[:, :6].view(4, 3, 2), x[:, 6:].view(4, 1, 3)]
    weights, start = layer.weight.detach(), 0
    wanted = []
    for out in reps.blocks_of(target):
        total = torch.zeros(4, out.rep.dim, out.multiplicity, dtype=torch.float64)
        for i, j in ((0, 0), (0, 1), (1, 1)):
            ρ, σ = (reps.blocks_of(source)[k].rep for k in (i, j))
            maps = torch.as_tensor(reps.intertwiners(reps.tensor(ρ, σ), out.rep)) * out.rep.dim**0.5
            m, n = parts[i].shape[2], parts[j].shape[2]
            for C in maps.unflatten(-1, (ρ.dim, σ.dim)):
                for c in range(max(m, n)):
                    product = torch.einsum(
                        "oab,sa,sb->so", C, parts[i][..., c % m], parts[j][..., (c + 1) % n]
                    )
                    total += product[..., None] * weights[start : start + out.multiplicity]
                    start += out.multiplicity
        wanted.append(total.flatten(1))
    assert start == layer.weight.numel()
    torch.testing.assert_close(layer(x).detach(), torch.cat(wanted, 1), rtol=1e-12, atol=1e-12)


def test_products_start_at_the_size_of_the_input() -> None:
    """On each block of the output, however many products lead to it."""
    types = [
        mk.FieldType.at_point(reps.parse(G.orthogonal(3), t))
        for t in ("32xV + 16xtrivial", "64xtrivial + 64xV + 64xdet⊗V + 32xV⊗V")
    ]
    torch.manual_seed(0)
    layer = mk.nn.Bilinear(*types)
    out = layer(torch.randn(4000, types[0].rep.dim)).detach()
    for part in out.split([b.dim for b in reps.blocks_of(types[1].rep)], 1):
        assert 0.8 < float(part.square().mean()) < 1.25


def test_bilinear_names_what_it_leaves_out() -> None:
    hidden = mk.FieldType.at_point(reps.parse(G.orthogonal(3), "V + V⊗V"))
    layer = mk.nn.Bilinear(hidden, hidden, largest=300)
    assert layer.left_out == ("(V⊗V) ⊗ (V⊗V) → V⊗V",) or len(layer.left_out) == 1
    assert "1 couplings left out" in repr(layer)


@pytest.mark.parametrize("group", ["O(5)", "O(1,3)", "SO(3)", "Sp(4)", "SL(2)", "S5"])
def test_emlp_is_equivariant_for_any_group(group: str) -> None:
    model = mk.zoo.emlp(group, "3xV", "2xV + V⊗V", channels=40, depth=2).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    model.requires_grad_(False)
    x = torch.randn(4, model.in_type.rep.dim, dtype=torch.float64)
    out = model(x)
    assert float(out.std()) > 1e-3
    for element in model.in_type.rep.group.sample(3, torch.Generator().manual_seed(0)):
        wanted = model.out_type.transform(out, element)
        error = (model(model.in_type.transform(x, element)) - wanted).abs().max() / wanted.abs().max()
        assert float(error) < 1e-9, f"{group}: {float(error):.2g}"


def test_linear_equals_e3nn(parity_folder: Path) -> None:
    """The official weights and layout, brought over by reps.convert; path weights are 1/√fan-in."""
    golden = dict(np.load(parity_folder / "e3nn_linear.npz", allow_pickle=False))
    meta = json.loads(str(golden["meta"]))
    source, target = meta["args"]["irreps_in"], meta["args"]["irreps_out"]
    layer = linear(G.orthogonal(3), source, target)
    pieces, start = [], 0
    for path in meta["instructions"]:
        if path["i_in"] >= 0:
            size = int(np.prod(path["path_shape"]))
            pieces.append(golden["param/weight"][start : start + size] * path["path_weight"])
            start += size
    with torch.no_grad():
        layer.integrand.weight.copy_(torch.as_tensor(np.concatenate(pieces)))
        layer.integrand.bias.copy_(torch.as_tensor(golden["param/bias"]))
        x = reps.convert(torch.as_tensor(golden["in/x"]), "e3nn", "mackey", irreps=source)
        got = reps.convert(layer(x), "mackey", "e3nn", irreps=target)
    torch.testing.assert_close(got, torch.as_tensor(golden["out/y"]), rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["linear", "gate", "product"])
def test_constants_are_exact_after_double(kind: str) -> None:
    """Built in float32 and moved: 1e-14, where rounded constants would leave 1e-8."""
    field = mk.FieldType.at_point(reps.parse(G.orthogonal(3), "8x0e + 8x1o + 4x1e + 8x2e + 2x3o"))
    make = {
        "linear": lambda: mk.nn.Linear(field, field),
        "gate": lambda: mk.nn.Gate(field),
        "product": lambda: mk.nn.Bilinear(field, field),
    }[kind]
    layer, other = make(), make()
    layer = layer.double().requires_grad_(False)
    x = torch.randn(20, layer.in_type.channels, dtype=torch.float64)
    for element in G.orthogonal(3).sample(4, torch.Generator().manual_seed(2)):
        wanted = layer.out_type.transform(layer(x), element)
        error = (layer(layer.in_type.transform(x, element)) - wanted).abs().max() / wanted.abs().max()
        assert float(error) < 1e-14
    assert {b.dtype for b in other.buffers()} <= {torch.float32, torch.int64}, "moved with another module"
    assert set(layer.state_dict()) == {name for name, _ in layer.named_parameters()}


def test_emlp_refuses_an_output_that_would_stay_zero() -> None:
    with pytest.raises(
        ValueError, match=r"zoo\.emlp: wanted features before the output.*to 1, got 8xtrivial"
    ):
        mk.zoo.emlp("SU(2)", "2x1/2", "1", channels=16)
    with pytest.raises(ValueError, match="takes to V⊗V, got 2xV, none"):
        mk.zoo.emlp("O(3)", "2xV", "V + V⊗V", depth=0)
    with pytest.raises(ValueError, match="wanted channels ≥ 1 and depth ≥ 0, got channels=0, depth=3"):
        mk.zoo.emlp("O(3)", channels=0)
    mk.zoo.emlp("SU(2)", "2x1/2", "1", channels=48, depth=1)


def test_emlp_takes_duals_where_no_form_is_invariant() -> None:
    """A map V → V* of SE(2) exists, of rank one: V and V* are not the same."""
    SE2 = G.special_euclidean(2)
    assert reps.intertwiner_count(reps.standard(SE2), reps.dual(reps.standard(SE2))) == 1
    assert [str(b.rep) for b in uniform(SE2, 20).blocks] == ["trivial", "V", "V*"]


def test_wide_types_need_no_dense_matrices() -> None:
    """A dense basis of the invariants of the output would take 80 GB."""
    O3 = G.orthogonal(3)
    types = [mk.FieldType.at_point(reps.parse(O3, t)) for t in ("2x0e + 2x1o", "100000x0e + 3x1o")]
    layer = mk.nn.Linear(*types)
    assert layer.integrand.bias is not None and layer.integrand.bias.shape == (100000,)
    with torch.no_grad():
        layer.integrand.bias.copy_(torch.arange(100000.0))
    out = layer(torch.zeros(2, 8)).detach()
    torch.testing.assert_close(out[1], torch.cat([torch.arange(100000.0), torch.zeros(9)]))


def test_bias_runs_over_invariants_then_channels() -> None:
    """As `invariants` of the whole sum has it, row by row."""
    layer = linear(G.orthogonal(3), "trivial", "V + 3x(V⊗V + 2xtrivial) + 2xtrivial")
    bias = layer.integrand.bias
    assert bias is not None
    wanted = bias.detach().numpy() @ layer.out_type.rep.invariants
    found = layer.integrand.offset()
    assert found is not None
    np.testing.assert_allclose(found[0].detach().numpy(), wanted, atol=1e-14)


@pytest.mark.parametrize(
    ("group", "rep"), [("S5", "2xtrivial + 3xV"), ("O(3)", "5xtrivial"), ("O(1)", "2xV⊗V")]
)
def test_pointwise_layers_know_permutations_of_any_group(group: str, rep: str) -> None:
    field = mk.FieldType.at_point(reps.parse(G.named(group), rep))
    x = torch.randn(3, field.channels)
    torch.testing.assert_close(mk.nn.Pointwise(field)(x), x.relu())
    torch.testing.assert_close(mk.nn.GroupMax(field)(x), x.amax(1, keepdim=True))
    if group == "S5":
        slopes = torch.nn.PReLU(field.channels)
        with pytest.raises(ValueError, match="one function for all channels of a fibre, got PReLU"):
            mk.nn.Pointwise(field, slopes)


def test_layers_that_cannot_say_so() -> None:
    V = mk.FieldType.at_point(reps.parse(G.orthogonal(3), "2xV"))
    with pytest.raises(ValueError, match=r"got 2xV of O\(3\), which mixes them; use nn\.Gate or"):
        mk.nn.Pointwise(V)
    with pytest.raises(ValueError, match="GroupMax: not equivariant: wanted a permutation rep"):
        mk.nn.GroupMax(V)
    x = torch.randn(3, 6)
    torch.testing.assert_close(mk.nn.FibreNorm(V)(x), x.norm(dim=1, keepdim=True))


def test_what_is_said_of_point_layers() -> None:
    model = mk.zoo.emlp("O(3)", "2xV", "V", channels=32, depth=1)
    rows = {row.kind: row for row in mk.explain(model, (2, 6)).rows}
    assert "linear in f" not in "".join(rows["Linear"].why_not.values())
    product = mk.nn.Bilinear(
        *(mk.FieldType.at_point(reps.parse(G.orthogonal(3), t)) for t in ("2xV", "trivial"))
    )
    assert product.flops(5) == 2 * 5 * (2 * 9 + 2 * 1)  # two dot products by 9 numbers, then mixed
    assert rows["Bilinear"].flops == model.layers.get_submodule("layers.0").bilinear.flops(2) > 0


def test_audit_draws_from_lie_groups() -> None:
    model = mk.zoo.emlp("O(3)", "2xV", "V", channels=32, depth=1)
    x = torch.randn(3, 6)
    report = mk.audit(model, x, in_type=model.in_type, out_type=model.out_type, group="O(3)", amplify=True)
    assert report.passed and {row.aspect for row in report.rows} == {"rotation", "reflection", "product"}
    wrong = mk.audit(model, x, in_type=model.in_type, out_type="invariant", group="O(3)")
    assert wrong.finding == "broken"
    with pytest.raises(ValueError, match=r"whose group has no such element; .* under O\(3\)"):
        mk.audit(model, x, in_type=model.in_type, out_type=model.out_type, group="p4m")


@pytest.mark.parametrize("rows", [0, 1, 3000])
def test_without_gradients_the_values_are_the_same(rows: int) -> None:
    """Many rows of many channels go through a convolution then; few, and none, do not."""
    field = mk.FieldType.at_point(reps.parse(G.orthogonal(3), "64x0e + 64x1o"))
    layer, x = mk.nn.Linear(field, field), torch.randn(rows, 256)
    exact = copy.deepcopy(layer).double()(x.double()).detach()
    with torch.no_grad():
        torch.testing.assert_close(layer(x), exact.float(), rtol=1e-5, atol=1e-5)
