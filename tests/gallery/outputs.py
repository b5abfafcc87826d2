"""Outputs that are not of their declared type, and numbers that are not quite invariant."""

import torch
from torch import Tensor, nn

from gallery.components import ONE_BY_ONE, Invariants, Vectors, vectors
from gallery.exhibit import Exhibit, Specimen, Verdict, cloud, noise


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


class Ratio(nn.Module):
    """det(a, b)/det(c, d), which no linear map changes; with ε below it does."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, v: Tensor) -> Tensor:
        first, second = (torch.linalg.det(v[:, i : i + 2]) for i in (0, 2))
        return (first / (second.abs() + self.epsilon) * second.sign())[:, None]


class Traceless(nn.Module):
    """(√3 xz, √3 xy, y² − (x² + z²)/2, √3 yz, √3 (z² − x²)/2), which is 2e; √3 rounded to some dtype,
    and stored or made anew.
    """

    def __init__(self, dtype: torch.dtype, stored: bool) -> None:
        super().__init__()
        self.dtype = dtype
        self.register_buffer("stored", self.root() if stored else None)

    def root(self) -> Tensor:
        return torch.tensor(3.0, dtype=torch.float64).sqrt().to(self.dtype).double()

    def forward(self, v: Tensor) -> Tensor:
        x, y, z = v.unbind(-1)
        middle = y * y - x * x / 2 - z * z / 2
        root = self.root() if self.stored is None else self.stored
        mixed = [root * p for p in (x * z, x * y, y * z, (z * z - x * x) / 2)]
        return torch.stack([*mixed[:2], middle, *mixed[2:]], -1)


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


def ratio(epsilon: float) -> Specimen:
    return Specimen(lambda: Ratio(epsilon), cloud(4, 2), "GL+(2)", "vectors")


def traceless(dtype: torch.dtype, stored: bool) -> Specimen:
    def make() -> nn.Module:
        product = Traceless(dtype, stored)
        return Vectors(product=product).double() if stored else product

    return Specimen(make, lambda: (noise(5, 6, 3).double(),), "O(3)", "vectors", "1x2e")


EXHIBITS = [
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
        traceless(torch.float32, True), traceless(torch.float64, True), Verdict("rounded", "", "", ""),
    ),
    Exhibit(
        "tensor product in float64", "its constants are made in float32 at each call",
        "rule: constants are exact",
        traceless(torch.float32, False), traceless(torch.float64, False),
        Verdict(
            "broken", "the module itself", "as constants rounded to float32 leave", "constants in float64"
        ),
    ),
]  # fmt: skip
