"""Layers that treat the components of vectors apart, and outputs that are not of their declared type."""

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


class Moment(nn.Module):
    """x_0 × x_1: a pseudovector."""

    def forward(self, v: Tensor) -> Tensor:
        return torch.linalg.cross(v[:, 0], v[:, 1])


class Doubled(nn.Module):
    """(x² − y², 2xy): turns twice as fast."""

    def forward(self, v: Tensor) -> Tensor:
        x, y = v.unbind(-1)
        return torch.stack([x.square() - y.square(), 2 * x * y], -1)


class Across(nn.Module):
    """How far v_j lies across v_0: |v − (v·u)u|, or the sum of the components of that."""

    def __init__(self, projects: bool) -> None:
        super().__init__()
        self.projects = projects

    def forward(self, v: Tensor) -> Tensor:
        u = nn.functional.normalize(v[:, :1], dim=-1)
        away = v - (v * u).sum(-1, keepdim=True) * u
        return away.norm(dim=-1, keepdim=True) if self.projects else away.sum(-1, keepdim=True)


class Orientations(nn.Module):
    """Σ_k o_k ReLU(o_k · v − 1/2) over a grid of directions o_k."""

    def __init__(self, grid: Tensor) -> None:
        super().__init__()
        self.register_buffer("grid", grid)
        self.act = nn.ReLU()

    def forward(self, v: Tensor) -> Tensor:
        return self.act(v @ self.grid.mT - 0.5) @ self.grid


class Invariants(nn.Module):
    """v, then numbers from it."""

    def __init__(self, middle: nn.Module, wide: int = 1) -> None:
        super().__init__()
        self.middle, self.net = middle, perceptron(wide, 2)

    def forward(self, *v: Tensor) -> Tensor:
        return self.net(self.middle(*v)).sum(1)


class Knowledge(nn.Module):
    """(Zᵀ x_i)_k for some directions Z: stored, or given with the input."""

    def __init__(self, stored: bool) -> None:
        super().__init__()
        self.z = nn.Parameter(torch.randn(2, 3)) if stored else None

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        return x @ (self.z if z is None else z).mT


class Ratio(nn.Module):
    """det(a, b)/det(c, d), which no linear map changes; with ε below it does."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, v: Tensor) -> Tensor:
        first, second = (torch.linalg.det(v[:, i : i + 2]) for i in (0, 2))
        return (first / (second.abs() + self.epsilon) * second.sign())[:, None]


class Traceless(nn.Module):
    """(√3 xz, √3 xy, y² − (x² + z²)/2, √3 yz, √3 (z² − x²)/2), which is 2e; √3 rounded to some dtype."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.register_buffer("root", torch.tensor(3.0, dtype=torch.float64).sqrt().to(dtype).double())

    def forward(self, v: Tensor) -> Tensor:
        x, y, z = v.unbind(-1)
        middle = y * y - x * x / 2 - z * z / 2
        mixed = [self.root * p for p in (x * z, x * y, y * z, (z * z - x * x) / 2)]
        return torch.stack([*mixed[:2], middle, *mixed[2:]], -1)


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


def sphere(count: int) -> Tensor:
    """A spiral of directions."""
    z = 1 - (2 * torch.arange(count) + 1) / count
    angle = torch.arange(count) * 2.399963
    r = (1 - z.square()).sqrt()
    return torch.stack([r * angle.cos(), r * angle.sin(), z], -1)


AXES = torch.cat([torch.eye(3), -torch.eye(3)])


def grid(directions: Tensor, group: str) -> Specimen:
    return Specimen(lambda: Orientations(directions), cloud(), group, "vectors", "vectors")


def numbers(middle, group: str = "SO(3)", wide: int = 1, n: int = 6, d: int = 3) -> Specimen:
    return Specimen(lambda: Invariants(middle(), wide), cloud(n, d), group, "vectors")


def known(stored: bool) -> Specimen:
    types = "vectors" if stored else ("vectors", "vectors")
    inputs = (lambda: (noise(5, 6, 3),)) if stored else (lambda: (noise(5, 6, 3), noise(5, 2, 3, seed=1)))
    return Specimen(lambda: Invariants(Knowledge(stored), 2), inputs, "O(3)", types)


def ratio(epsilon: float) -> Specimen:
    return Specimen(lambda: Ratio(epsilon), cloud(4, 2), "GL+(2)", "vectors")


def traceless(dtype: torch.dtype) -> Specimen:
    return Specimen(
        lambda: Vectors(product=Traceless(dtype)).double(),
        lambda: (noise(5, 6, 3).double(),),
        "O(3)",
        "vectors",
        "1x2e",
    )


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
        "VN layers with BatchNorm1d", vectors(train=True, norm=PerComponent),
        vectors(train=True, norm=lambda: ByLength(True)),
        Verdict("broken", "norm.bn", "differs between components of a vector", "mean square length"),
    ),
    Exhibit(
        "network of vectors at test time", "batch norm of components, by the batch that is given",
        "track_running_stats=False", vectors(norm=lambda: PerComponent(False)),
        vectors(norm=lambda: ByLength(False)),
        Verdict(
            "broken", "norm.bn", "differs between components of a vector", "mean square length", "norm.bn",
        ),
    ),
    Exhibit(
        "network of vectors", "ReLU on x, y, z", "rule of pointwise activations", vectors(act=nn.ReLU),
        vectors(act=Gated), Verdict("broken", "act", ONE_BY_ONE, "functions of their lengths"),
    ),
    Exhibit(
        "network of vectors", "the maximum over points of x, y, z apart", "max pooling of vectors",
        vectors(out_type="vector", pool=LargestOf), vectors(out_type="vector", pool=LongestOf),
        Verdict("broken", "pool", ONE_BY_ONE, "lengths, inner products"),
    ),
    Exhibit(
        "vector neurons", "a bias", "VN layers made from nn.Linear", vectors(mix=lambda: VectorNeurons(True)),
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
        "attention with knowledge Z", "Z is stored and does not turn", "Ma and Ying, fixed Z", known(True),
        known(False),
        Verdict("broken", "middle", "uses what does not turn", "must come in as an input"),
    ),
    Exhibit(
        "angular momentum", "a cross product typed as a vector", "1o for 1e: nequip#237, equiformer_v2#15",
        vectors("O(3)", "vector", moment=Moment), vectors("O(3)", "pseudovector", moment=Moment),
        Verdict("broken", "moment", "pseudovectors", "declare it as"),
    ),
    Exhibit(
        "angular momentum", "a pseudovector typed 1o", "the same, in features of e3nn",
        vectors("O(3)", "1x1o@0", moment=Moment), vectors("O(3)", "1x1e@0", moment=Moment),
        Verdict("broken", "moment", "pseudovectors", "declare it as"),
    ),
    Exhibit(
        "orientation of a molecule in the plane", "(cos 2θ, sin 2θ) typed as a vector", "OBB branch of REViT",
        vectors("SO(2)", d=2, angle=Doubled), vectors("SO(2)", "1x2", d=2, angle=Doubled),
        Verdict("broken", "angle", "frequency 2", "frequency 2"),
    ),
    Exhibit(
        "invariants of position and orientation", "components are summed in place of a length",
        "Rapidash (invariant2), error 0.74", numbers(lambda: Across(False)), numbers(lambda: Across(True)),
        Verdict("broken", "middle", ONE_BY_ONE, "lengths, inner products"),
    ),
    Exhibit(
        "convolution over a grid of orientations", "a grid that no rotation keeps",
        "PONITA: 0.59 with 4 to 0.014 with 64",
        grid(sphere(12), "SO(3)"), grid(AXES, "O"),
        Verdict("broken", "act", "channel by channel on channels that the group mixes", "only permutes"),
    ),
    Exhibit(
        "relative differential invariants", "ε below the line", "PDINet, ε = 1", ratio(1.0), ratio(0.0),
        Verdict("broken", "the module itself", "does not turn with them", "inner products"),
    ),
    Exhibit(
        "tensor product in float64", "its constants were rounded to float32", "e3nn after .double(): 2.9e-9",
        traceless(torch.float32), traceless(torch.float64),
        Verdict("broken", "product", "as constants rounded to float32 leave", "constants in float64"),
    ),
]  # fmt: skip
