"""Layers that treat the components of vectors apart."""

import torch
from torch import Tensor, nn

from gallery.exhibit import Exhibit, Specimen, Verdict, cloud, noise, perceptron


class Scaled(nn.Module):
    """v φ(|v|²)."""

    def __init__(self) -> None:
        super().__init__()
        self.net = perceptron(1, 1)

    def forward(self, v: Tensor) -> Tensor:
        return v * self.net(v.square().sum(-1, keepdim=True))


class Vectors(nn.Module):
    """Vectors rescaled by invariants, then each of `parts`."""

    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        self.first = Scaled()
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, v: Tensor) -> Tensor:
        for part in self.children():
            v = part(v)
        return v


class PerComponent(nn.Module):
    """Batch norm with one mean and variance for each of x, y and z."""

    def __init__(self, stored: bool = True) -> None:
        super().__init__()
        self.bn = nn.BatchNorm1d(3, track_running_stats=stored)

    def forward(self, v: Tensor) -> Tensor:
        return self.bn(v.flatten(0, 1)).view(v.shape)


class ByLength(nn.Module):
    """v/√⟨|v|²⟩, the mean over batch and points, or over the points of a sample."""

    def __init__(self, batch: bool) -> None:
        super().__init__()
        self.batch = batch

    def forward(self, v: Tensor) -> Tensor:
        square = v.square().sum(-1, keepdim=True)
        return v / (square.mean() if self.batch else square.mean(1, keepdim=True)).sqrt()


class Unit(nn.Module):
    def forward(self, v: Tensor) -> Tensor:
        return nn.functional.normalize(v, dim=-1)


class Gated(nn.Module):
    """v tanh|v|."""

    def forward(self, v: Tensor) -> Tensor:
        return v * v.norm(dim=-1, keepdim=True).tanh()


class LargestOf(nn.Module):
    """The maximum over points of each component."""

    def forward(self, v: Tensor) -> Tensor:
        return v.amax(1)


class LongestOf(nn.Module):
    def forward(self, v: Tensor) -> Tensor:
        best = v.square().sum(-1).argmax(1)
        return v[torch.arange(len(v)), best]


class VectorNeurons(nn.Module):
    """Vectors (b, 3, n) as 3 rows of n channels, and a linear map of the channels."""

    def __init__(self, bias: bool) -> None:
        super().__init__()
        self.mix = nn.Linear(6, 6, bias=bias)

    def forward(self, v: Tensor) -> Tensor:
        return self.mix(v.mT).mT


class Invariants(nn.Module):
    """v, then numbers from it."""

    def __init__(self, middle: nn.Module, wide: int = 1) -> None:
        super().__init__()
        self.middle, self.net = middle, perceptron(wide, 2)

    def forward(self, *v: Tensor) -> Tensor:
        return self.net(self.middle(*v)).sum(1)


class Coordinates(nn.Module):
    """A sum of numbers of each point: of its coordinates, or of its distance to the centre."""

    def __init__(self, absolute: bool) -> None:
        super().__init__()
        self.absolute = absolute
        self.embed = nn.Linear(3 if absolute else 1, 8)
        self.net = nn.Sequential(nn.Tanh(), nn.Linear(8, 2))

    def forward(self, x: Tensor) -> Tensor:
        away = (x - x.mean(1, keepdim=True)).norm(dim=-1, keepdim=True)
        return self.net(self.embed(x if self.absolute else away)).sum(1)


class Length(nn.Module):
    def forward(self, v: Tensor) -> Tensor:
        return v.norm(dim=-1, keepdim=True)


class Knowledge(nn.Module):
    """(Zᵀ x_i)_k for some directions Z: stored, or given with the input."""

    def __init__(self, stored: bool) -> None:
        super().__init__()
        self.z = nn.Parameter(torch.randn(2, 3)) if stored else None

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        return x @ (self.z if z is None else z).mT


def vectors(
    group: str = "SO(3)", out_type: str = "vectors", d: int = 3, train: bool = False, **parts
) -> Specimen:
    return Specimen(
        lambda: Vectors(**{name: part() for name, part in parts.items()}),
        cloud(6, d),
        group,
        "vectors",
        out_type,
        train,
    )


def known(stored: bool) -> Specimen:
    types = "vectors" if stored else ("vectors", "vectors")
    inputs = (lambda: (noise(5, 6, 3),)) if stored else (lambda: (noise(5, 6, 3), noise(5, 2, 3, seed=1)))
    return Specimen(lambda: Invariants(Knowledge(stored), 2), inputs, "O(3)", types)


def lengths(mix) -> Specimen:
    return Specimen(lambda: Invariants(nn.Sequential(mix(), Length())), cloud(), "SO(3)", "vectors")


def coordinates(absolute: bool) -> Specimen:
    return Specimen(lambda: Coordinates(absolute), cloud(), "SE(3)", "points")


ONE_BY_ONE = "one by one"
EXHIBITS = [
    Exhibit(
        "network of vectors", "LayerNorm over x, y, z", "Pocket2Mol#16",
        vectors(norm=lambda: nn.LayerNorm(3)),
        vectors(norm=lambda: Unit()),
        Verdict("broken", "norm", "differs between components of a vector", "divide vectors by", "norm"),
    ),
    Exhibit(
        "network of vectors in training", "batch norm with a mean and a variance for each of x, y, z",
        "rule: statistics are shared along the fibre", vectors(train=True, norm=PerComponent),
        vectors(train=True, norm=lambda: ByLength(True)),
        Verdict("broken", "norm.bn", "differs between components of a vector", "mean square length"),
    ),
    Exhibit(
        "network of vectors at test time", "batch norm of components, by the batch that is given",
        "rule: f(x) does not depend on the batch", vectors(norm=lambda: PerComponent(False)),
        vectors(norm=lambda: ByLength(False)),
        Verdict(
            "broken", "norm.bn", "differs between components of a vector", "mean square length", "norm.bn",
        ),
    ),
    Exhibit(
        "network of vectors", "ReLU on x, y, z", "rule: pointwise needs permutations", vectors(act=nn.ReLU),
        vectors(act=Gated), Verdict("broken", "act", ONE_BY_ONE, "functions of their lengths"),
    ),
    Exhibit(
        "network of vectors", "the maximum over points of x, y, z apart",
        "rule: a maximum needs an order that turns keep",
        vectors(out_type="vector", pool=LargestOf), vectors(out_type="vector", pool=LongestOf),
        Verdict("broken", "pool", ONE_BY_ONE, "lengths, inner products"),
    ),
    Exhibit(
        "vector neurons", "a bias", "rule: a bias only in invariants",
        vectors(mix=lambda: VectorNeurons(True)),
        vectors(mix=lambda: VectorNeurons(False)),
        Verdict("broken", "mix.mix", "bias is a fixed vector", "bias=False"),
    ),
    Exhibit(
        "attention on vectors", "a free W_V on components", "Ma and Ying, W_V X g",
        vectors(value=lambda: nn.Linear(3, 3, bias=False)),
        vectors(value=lambda: VectorNeurons(False)),
        Verdict("broken", "value", "components of vectors by a free matrix", "mix whole vectors"),
    ),
    Exhibit(
        "lengths of hidden vectors", "a free matrix on components before them",
        "egnn-pytorch#10 (swapped inputs)",
        lengths(lambda: nn.Linear(3, 3, bias=False)), lengths(lambda: VectorNeurons(False)),
        Verdict("broken", "middle.0", "components of vectors by a free matrix", "mix whole vectors"),
    ),
    Exhibit(
        "PointNet", "a perceptron on absolute coordinates", "rule: no origin and no axes",
        coordinates(True), coordinates(False),
        Verdict("broken", "embed", "where the origin is", "use differences of positions"),
    ),
    Exhibit(
        "attention with knowledge Z", "Z is stored and does not turn", "Ma and Ying, fixed Z", known(True),
        known(False),
        Verdict("broken", "middle", "uses what does not turn", "must come in as an input"),
    ),
]  # fmt: skip
