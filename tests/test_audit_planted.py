"""Operations planted into right networks, some linear along an axis: they are named, not what follows."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import mackey as mk
from gallery.components import Gated, Length, Scaled, VectorNeurons
from gallery.exhibit import noise, perceptron
from gallery.orientations import GroupAttention, Lift, between
from gallery.sampling import isotropic

Does = Callable[[Tensor], Tensor]
W = noise(9)


class Planted(nn.Module):
    def __init__(self, does: Does) -> None:
        super().__init__()
        self.does = does

    def forward(self, x: Tensor) -> Tensor:
        return self.does(x)


class Lifted(nn.Module):
    """Group attention on p4, and something before or after it."""

    def __init__(self, planted: nn.Module, before: bool) -> None:
        super().__init__()
        self.lift = Lift(3, 4)
        self.attend = GroupAttention(3, 4, lambda h, u, v: between(u, v, True))
        self.planted, self.before = planted, before

    def forward(self, x: Tensor) -> Tensor:
        y = self.lift(x).tanh()
        y = self.attend(self.planted(y)) if self.before else self.planted(self.attend(y))
        return y.amax(2).mean((-1, -2))


def along(w: Tensor, x: Tensor, axis: int) -> Tensor:
    """One factor for each place of an axis."""
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    return w[: x.shape[axis]].view(shape).to(x)


ON_MAPS: dict[str, Does] = {
    "roll": lambda x: torch.roll(x, 1, -1),
    "sum along rows": lambda x: x.cumsum(-1),
    "one column less": lambda x: x * (torch.arange(9) < 8).to(x),
    "factors of columns": lambda x: x * along(W, x, -1),
    "code": lambda x: x + along(W, x, -1) * along(W, x, -2),
}
ON_ORIENTATIONS: dict[str, Does] = {
    "factors": lambda f: f * (1 + along(W, f, 2)),
    "constants": lambda f: f + along(W, f, 2),
    "first to all": lambda f: f + f[:, :, :1],
}
ON_TOKENS: dict[str, Does] = {
    "roll": lambda h: torch.roll(h, 1, 1),
    "sum": lambda h: h.cumsum(1),
    "less the first": lambda h: h - h[:, :1],
    "mixed": lambda h: h + torch.einsum("nm,bmc->bnc", noise(6, 6).to(h), h),
    "factors": lambda h: h * along(W, h, 1),
}
ON_VECTORS: dict[str, Does] = {
    "bias": lambda v: v + along(W, v, -1),
    "factors": lambda v: v * (2 + along(W, v, -1)),
    "onto a plane": lambda v: v * torch.tensor([1.0, 1.0, 0.0]).to(v),
    "sum of sizes": lambda v: v / v.abs().sum(-1, keepdim=True),
    "cross": lambda v: torch.linalg.cross(v, W[:3].expand_as(v).to(v)),
    "steps": lambda v: (4 * v).round() / 4,
}


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make().eval()


def chain(layers: list[nn.Module], does: Does, at: int) -> nn.Sequential:
    return nn.Sequential(*layers[:at], Planted(does), *layers[at:])


@pytest.mark.parametrize("at", [0, 2])
@pytest.mark.parametrize("name", ON_MAPS)
def test_on_maps(name: str, at: int) -> None:
    def make() -> nn.Module:
        convs = [isotropic(nn.Conv2d(i, 4, 3, padding=1)) for i in (1, 4)]
        ends = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)]
        return chain([convs[0], nn.Tanh(), convs[1], nn.Tanh(), *ends], ON_MAPS[name], at)

    report = mk.audit(seeded(make), noise(3, 1, 9, 9), group="p4m")
    assert report.finding == "broken" and report.culprit.name == str(at), str(report)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("name", ON_ORIENTATIONS)
def test_on_orientations(name: str, before: bool) -> None:
    model = seeded(lambda: Lifted(Planted(ON_ORIENTATIONS[name]), before))
    report = mk.audit(model, noise(4, 1, 5, 5), group="p4")
    assert report.finding == "broken" and report.culprit.name == "planted", str(report)


@pytest.mark.parametrize("at", [0, 2])
@pytest.mark.parametrize("name", ON_TOKENS)
def test_on_tokens(name: str, at: int) -> None:
    def make() -> nn.Module:
        mixing = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        return chain([nn.Linear(3, 8), nn.ReLU(), mixing, nn.Linear(8, 4)], ON_TOKENS[name], at)

    types = {"in_type": "tokens", "out_type": "tokens", "group": "Sym"}
    report = mk.audit(seeded(make), noise(3, 6, 3), **types)
    assert report.finding == "broken" and report.culprit.name == str(at), str(report)


@pytest.mark.parametrize("at", [0, 2])
@pytest.mark.parametrize("name", ON_VECTORS)
def test_on_vectors(name: str, at: int) -> None:
    def make() -> nn.Module:
        layers = [Scaled(), VectorNeurons(False), Gated(), Length(), perceptron(1, 2)]
        return chain(layers, ON_VECTORS[name], at)

    types = {"in_type": "vectors", "out_type": "tokens", "group": "SO(3)"}
    report = mk.audit(seeded(make), noise(3, 6, 3), **types)
    assert report.finding == "broken" and report.culprit.name == str(at), str(report)
