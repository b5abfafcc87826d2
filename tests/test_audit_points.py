"""The audit on points, features, permutations and products: every kind of element, every declared type."""

import pytest
import torch
from torch import nn

import mackey as mk
from mackey.audit.report import Report

G = torch.Generator().manual_seed(0)
POSITIONS, CHARGES = torch.randn(4, 6, 3, generator=G), torch.randn(4, 6, 2, generator=G)


class Counts(nn.Module):
    """How often it is run, copies of it included."""

    calls = 0

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x):
        Counts.calls += 1
        x = x - x.mean(1, keepdim=True) if x.ndim == 3 else x
        return self.weight * x.square().flatten(1).sum(1)


class Messages(nn.Module):
    """Equivariant message passing: features from distances, coordinates along differences."""

    def __init__(self, wrong: str = "") -> None:
        super().__init__()
        self.message = nn.Sequential(nn.Linear(5, 16), nn.SiLU(), nn.Linear(16, 4))
        self.norm = nn.LayerNorm(3) if wrong == "norm" else nn.Identity()
        self.code = nn.Linear(3, 4) if wrong == "absolute" else None
        self.wrong = wrong

    def forward(self, x, h):
        away = x[:, :, None] - x[:, None]
        square = away.square().sum(-1, keepdim=True)
        pairs = torch.cat([square, h[:, :, None].expand(-1, -1, 6, -1), h[:, None].expand(-1, 6, -1, -1)], -1)
        m = self.message(pairs)
        if self.code is not None:
            m = m + self.code(x)[:, None]
        if self.wrong == "order":
            m = m * torch.arange(6).to(m)[None, None, :, None]
        moved = x + self.norm((away * m[..., :1]).mean(2))
        return moved, m.mean(2)


def audited(wrong: str = "", group: str = "E(3)×Sym", **options) -> Report:
    types = {"in_type": ("positions", "tokens"), "out_type": ("positions", "tokens"), **options}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return mk.audit(Messages(wrong), (POSITIONS, CHARGES), group=group, **types)


def test_a_right_network_passes_every_kind_of_element() -> None:
    report = audited()
    assert report.passed, str(report)
    aspects = {row.aspect for row in report.rows}
    assert aspects >= {"rotation", "reflection", "translation", "large translation", "permutation", "product"}
    assert max(map(len, str(report).splitlines())) <= 80


@pytest.mark.parametrize(
    ("wrong", "aspects", "culprit"),
    [
        ("norm", {"rotation"}, "norm"),
        ("absolute", {"translation"}, "code"),
        ("order", {"permutation"}, "what happens before norm, outside any module"),
    ],
)
def test_wrong_ones_fail_where_they_are_wrong(wrong: str, aspects: set[str], culprit: str) -> None:
    report = audited(wrong)
    assert report.finding == "broken" and report.culprit.name == culprit, str(report)
    assert {row.aspect for row in report.rows if row.error64 > 1e-6} >= aspects


COUNTED = [
    *(("positions", POSITIONS, group) for group in ("E(3)×Sym", "O(3)", "Z^3⋊Oh×Sym", "Ih×Sym")),
    *(("image", torch.randn(2, 1, 9, 9, generator=G), group) for group in ("p4m", "p8", "p6m", "O(2)")),
    ("image", torch.randn(2, 1, 5, 5, 5, generator=G), "Z^3⋊Oh"),
    ("periodic_image", torch.randn(2, 1, 5, 5, 5, generator=G), "Z^3⋊Oh"),
]


@pytest.mark.parametrize(("in_type", "x", "group"), COUNTED, ids=[f"{t} {g}" for t, _, g in COUNTED])
def test_an_audit_costs_at_most_thirty_passes(in_type: str, x: torch.Tensor, group: str) -> None:
    Counts.calls = 0
    report = mk.audit(Counts(), x, in_type=in_type, group=group)
    assert report.passed and Counts.calls <= 30, Counts.calls


@pytest.mark.parametrize(
    ("function", "out_type", "group"),
    [
        (lambda x: x.mean(1), "position", "E(3)"),
        (lambda x: torch.linalg.cross(x[:, 0] - x[:, 1], x[:, 1] - x[:, 2]), "pseudovector", "E(3)"),
        (lambda x: (x - x.mean(1, True)).mT @ (x - x.mean(1, True)), "matrix", "E(3)×Sym"),
        (lambda x: torch.linalg.det(x[:, :3] - x[:, 3:]), "pseudoscalar", "E(3)"),
        (lambda x: torch.cdist(x, x), "pairs", "E(3)×Sym"),
        (lambda x: torch.cdist(x, x).topk(2, largest=False).indices, "invariant", "E(3)"),
        (lambda x: x[:, :2] - x[:, 2:4], "cell", "E(3)"),
    ],
)
def test_every_type_moves_as_it_is_declared(function, out_type: str, group: str) -> None:
    class Does(nn.Module):
        def forward(self, x):
            return function(x)

    report = mk.audit(Does(), POSITIONS, in_type="positions", out_type=out_type, group=group)
    assert report.passed, str(report)
    if out_type not in ("invariant", "pairs"):
        wrong = mk.audit(Does(), POSITIONS, in_type="positions", out_type="invariant", group=group)
        assert wrong.finding == "broken"


@pytest.mark.parametrize("k", [2, 3])
def test_an_output_of_another_frequency_is_named(k: int) -> None:
    class Angle(nn.Module):
        def forward(self, v):
            z = torch.view_as_complex(v.contiguous()) ** k
            return torch.view_as_real(z)

    v = torch.randn(8, 2, generator=G)
    report = mk.audit(Angle(), v, in_type="vector", out_type="vector", group="O(2)")
    assert report.finding == "broken" and f"frequency {k}" in report.culprit.cause, str(report)


def test_lorentz_groups_are_drawn_with_boosts() -> None:
    class Mass(nn.Module):
        def forward(self, p):
            metric = torch.tensor([1.0, -1, -1, -1]).to(p)
            return (p.sum(1).square() * metric).sum(-1)

    p = torch.randn(4, 5, 4, generator=G)
    report = mk.audit(Mass(), p, in_type="vectors", out_type="invariant", group="O(1,3)×Sym")
    assert report.passed and "boost of rapidity 3" in {row.element for row in report.rows}, str(report)

    class Energy(nn.Module):
        def forward(self, p):
            return p[..., 0].sum(1)

    wrong = mk.audit(Energy(), p, in_type="vectors", out_type="invariant", group="SO+(1,3)")
    rotations = [row for row in wrong.rows if row.aspect == "rotation"]
    assert wrong.finding == "broken" and max(row.error64 for row in rotations) < 1e-12


def test_e3nn_features_are_moved_in_their_own_layout() -> None:
    class Norms(nn.Module):
        def forward(self, f):
            return f[:, :2], f[:, 2:].unflatten(1, (2, 3)).norm(dim=-1)

    f = torch.randn(4, 8, generator=G)
    from_e3nn = mk.actions.Features(mk.reps.parse(mk.groups.named("O(3)"), "2x0e + 2x1o"), None, "e3nn")
    report = mk.audit(Norms(), f, in_type=from_e3nn, out_type=("invariant", "invariant"), group="O(3)")
    assert report.passed, str(report)
    own = mk.actions.Features(from_e3nn.rep, None)
    assert not mk.audit(Norms(), f, in_type=own, out_type=("invariant", "invariant"), group="O(3)").passed


def test_neurons_of_hidden_layers_are_permuted_by_name() -> None:
    class Norm(nn.Module):
        def forward(self, first, second):
            return torch.einsum("bhi,boh->boi", first.relu(), second)

    weights = torch.randn(4, 7, 3, generator=G), torch.randn(4, 2, 7, generator=G)
    types = ("weights(h1,.)", "weights(.,h1)")
    assert mk.audit(Norm(), weights, in_type=types, out_type="invariant", group="Sym").passed
    with pytest.raises(ValueError, match='axes "h1" of one length, as the first input has 7'):
        mk.audit(Norm(), weights, in_type=("weights(h1,.)", "weights(h1,.)"), group="Sym")


def test_digits_lost_in_float32_are_found_and_the_layer_is_named() -> None:
    class Logarithm(nn.Module):
        """θ/(2 sin θ)·(R − Rᵀ), unstable near π."""

        def forward(self, rotation):
            cosine = (rotation.diagonal(dim1=-1, dim2=-2).sum(-1) - 1) / 2
            angle = torch.arccos(cosine.clamp(-1, 1))
            return angle[:, None, None] / (2 * torch.sin(angle))[:, None, None] * (rotation - rotation.mT)

    class Length(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.logarithm = Logarithm()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, rotation):
            return self.scale * self.logarithm(rotation)

    axis = torch.nn.functional.normalize(torch.randn(16, 3, generator=G, dtype=torch.float64), dim=-1)
    near_pi = mk.groups.rotation_exp((torch.pi - 2e-3) * axis).float()
    exact = mk.groups.rotation_exp(1.0 * axis).float()
    options = {"in_type": "matrix", "out_type": "matrix", "group": "SO(3)"}
    report = mk.audit(Length(), near_pi, **options)
    assert report.finding == "imprecise" and not report.passed, str(report)
    assert "in float64 only" in report.verdict and "loses digits in torch.float32" in report.verdict
    assert report.culprit.name == "logarithm"
    assert mk.audit(Length(), exact, **options).passed


def test_images_under_lie_groups_are_tested_on_the_grid_and_off_it() -> None:
    x = torch.randn(2, 1, 9, 9, generator=G)
    net = nn.Sequential(nn.AvgPool2d(3), nn.Flatten(1))
    report = mk.audit(net, x, group="SO(2)")
    assert report.finding == "broken" and {r.aspect for r in report.rows} == {"rotation"}
    mean = mk.audit(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), x, group="O(2)")
    assert mean.passed and any(not row.counted for row in mean.rows)
    torus = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular"))
    types = {"in_type": "periodic_image", "out_type": "periodic_image"}
    rolled = mk.audit(torus, x, group="Z^2", **types)
    assert rolled.passed and rolled.rows[0].aspect == "translation"


def test_types_of_another_space_are_refused() -> None:
    with pytest.raises(ValueError, match=r"3 spatial axes or components, since SO\(3\) moves R\^3, got 2 in"):
        mk.audit(nn.Identity(), POSITIONS[..., :2], in_type="positions", out_type="positions", group="SO(3)")
