"""Points with neighbours, cells, masks and numbers: what depends on an order, an origin or a stored box."""

import torch
from torch import Tensor, nn

from gallery.components import Invariants
from gallery.exhibit import Exhibit, Specimen, Verdict, cloud, noise, perceptron


class Neighbours(nn.Module):
    """Weights (b, i, j) of neighbours inside a radius: all of them, or the first in their order."""

    def __init__(self, max_num_neighbors: int | None) -> None:
        super().__init__()
        self.max_num_neighbors = max_num_neighbors

    def forward(self, x: Tensor) -> Tensor:
        square = (x[:, :, None] - x[:, None]).square().sum(-1)
        near = (square < 9.0) & (square > 0)
        if self.max_num_neighbors is not None:
            near = near & (near.cumsum(-1) <= self.max_num_neighbors)
        return near.to(x) * (1 - square / 9.0)


class KNN(nn.Module):
    """Weights 1/k of the k nearest; of equally near ones those that come first."""

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k

    def forward(self, x: Tensor) -> Tensor:
        square = (x[:, :, None] - x[:, None]).square().sum(-1)
        order = torch.sort(square, dim=-1, stable=True)[1][..., 1 : self.k + 1]
        return torch.zeros_like(square).scatter(-1, order, 1 / self.k)


class Graph(nn.Module):
    def __init__(self, graph: nn.Module) -> None:
        super().__init__()
        self.graph, self.net = graph, perceptron(2, 2)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return self.net(self.graph(x) @ h)


class Distances(nn.Module):
    """|x_i − x_j|², by differences or by |x|² + |y|² − 2x·y, which cancels far from the origin."""

    def __init__(self, expanded: bool) -> None:
        super().__init__()
        self.expanded = expanded

    def forward(self, x: Tensor) -> Tensor:
        if self.expanded:
            square = x.square().sum(-1)
            return square[:, :, None] + square[:, None] - 2 * x @ x.mT
        return (x[:, :, None] - x[:, None]).square().sum(-1)


class Energy(nn.Module):
    """Σ_ij φ(|x_i − x_j|²)."""

    def __init__(self, expanded: bool) -> None:
        super().__init__()
        self.distances, self.net = Distances(expanded), perceptron(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(self.distances(x)[..., None]).sum((1, 2))


class Nearest(nn.Module):
    """Differences to the nearest image, in a cell given, or in one that was stored."""

    def __init__(self, cell: Tensor | None) -> None:
        super().__init__()
        self.register_buffer("cell", cell)

    def forward(self, x: Tensor, cell: Tensor | None = None) -> Tensor:
        rows = self.cell.expand(len(x), 3, 3) if cell is None else cell
        away = x[:, :, None] - x[:, None]
        parts = torch.einsum("bijk,bkl->bijl", away, torch.linalg.inv(rows))
        return torch.einsum("bijk,bkl->bijl", parts - parts.round(), rows)


class Crystal(nn.Module):
    def __init__(self, cell: Tensor | None) -> None:
        super().__init__()
        self.images, self.net = Nearest(cell), perceptron(1, 2)

    def forward(self, x: Tensor, cell: Tensor | None = None) -> Tensor:
        return self.net(self.images(x, cell).square().sum(-1, keepdim=True)).sum((1, 2))


class Numbered(nn.Module):
    """Adds the number of each node in the batch to its features, or nothing."""

    def __init__(self, numbered: bool) -> None:
        super().__init__()
        self.numbered = numbered

    def forward(self, h: Tensor) -> Tensor:
        order = torch.arange(h.shape[1], device=h.device).to(h) / h.shape[1]
        return torch.cat([h, order.expand(len(h), -1)[..., None] * self.numbered], -1)


class Sets(nn.Module):
    def __init__(self, numbered: bool) -> None:
        super().__init__()
        self.embed = nn.Linear(2, 4)
        self.number = Numbered(numbered)
        self.mix = nn.Linear(5, 3)

    def forward(self, h: Tensor) -> Tensor:
        return self.mix(self.number(self.embed(h))).tanh()


class Recurrent(nn.Module):
    """Nodes read one after the other; or each alone."""

    def __init__(self, read: nn.Module) -> None:
        super().__init__()
        self.read, self.net = read, perceptron(4, 2)

    def forward(self, h: Tensor) -> Tensor:
        y = self.read(h)
        return self.net(y[0] if isinstance(y, tuple) else y)


class Centre(nn.Module):
    """x less the mean over points that are there (mask 1), or over all places."""

    def __init__(self, masked: bool) -> None:
        super().__init__()
        self.masked = masked

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        count = mask.sum(1, keepdim=True) if self.masked else x.shape[1]
        return (x - (x * mask).sum(1, keepdim=True) / count) * mask


class Padded(nn.Module):
    def __init__(self, masked: bool) -> None:
        super().__init__()
        self.centre, self.net = Centre(masked), perceptron(1, 2)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return (self.net(self.centre(x, mask).square().sum(-1, keepdim=True)) * mask).sum(1)


class Radius(nn.Module):
    """|x − c|², where c is the centre or was forgotten."""

    def __init__(self, centred: bool) -> None:
        super().__init__()
        self.centred = centred

    def forward(self, x: Tensor) -> Tensor:
        if self.centred:
            x = x - x.mean(1, keepdim=True)
        return x.square().sum(-1, keepdim=True)


class Spectrum(nn.Module):
    """Eigenvectors of a graph as features of its nodes, as the solver gives them, or their squares."""

    def __init__(self, squared: bool) -> None:
        super().__init__()
        self.squared = squared

    def forward(self, a: Tensor) -> Tensor:
        vectors = torch.linalg.eigh(a + a.mT)[1][..., :3]
        return vectors.square() if self.squared else vectors


class Nodes(nn.Module):
    def __init__(self, squared: bool) -> None:
        super().__init__()
        self.codes, self.net = Spectrum(squared), perceptron(3, 2)

    def forward(self, a: Tensor) -> Tensor:
        return self.net(self.codes(a))


def lattice() -> tuple[Tensor, ...]:
    """The corners of a 3×3×1 lattice: many neighbours are equally near."""
    axis = torch.arange(3.0)
    corners = torch.stack(torch.meshgrid(axis, axis, torch.zeros(1), indexing="ij"), -1).view(1, 9, 3)
    return corners.expand(3, 9, 3).clone(), noise(3, 9, 2)


def scattered() -> tuple[Tensor, ...]:
    return noise(3, 9, 3), noise(3, 9, 2, seed=1)


def masked() -> tuple[Tensor, ...]:
    mask = (torch.arange(6)[None] < torch.tensor([6, 4, 3, 5])[:, None]).float()[..., None]
    return noise(4, 6, 3), mask


def crystal() -> tuple[Tensor, ...]:
    return 2 * noise(4, 5, 3), 3 * torch.eye(3) + 0.3 * noise(4, 3, 3, seed=1)


STORED = 3 * torch.eye(3) + 0.3 * noise(3, 3, seed=1)


def graph(make, inputs, group: str = "Sym") -> Specimen:
    first = "tokens" if group == "Sym" else "points"
    return Specimen(lambda: Graph(make()), inputs, group, (first, "tokens"), "tokens")


def cells(in_type) -> Specimen:
    return Specimen(lambda: Crystal(None), crystal, "SO(3)", in_type)


def sets(make) -> Specimen:
    return Specimen(make, lambda: (noise(5, 6, 2),), "Sym", "tokens", "tokens")


def padded(masks: bool) -> Specimen:
    return Specimen(lambda: Padded(masks), masked, "E(3)", ("points", "tokens"))


def points(make) -> Specimen:
    return Specimen(make, cloud(), "E(3)", "points")


def nodes(squared: bool) -> Specimen:
    return Specimen(lambda: Nodes(squared), lambda: (noise(4, 6, 6),), "Sym", "pairs", "tokens")


CUT, ALL_NEAR = "of several equally near neighbours is dropped", "all neighbours inside a radius"
FIXED, ORDER = "uses what does not turn", "depends on the order of its points"
EXHIBITS = [
    Exhibit(
        "graph of a radius", "at most two neighbours are kept",
        "max_num_neighbors of PyG, torchmd-net#21, fairchem#2117",
        graph(lambda: Neighbours(2), scattered), graph(lambda: Neighbours(None), scattered),
        Verdict("broken", "graph", "max_num_neighbors = 2 neighbours: which " + CUT, ALL_NEAR, "graph"),
    ),
    Exhibit(
        "graph of nearest neighbours", "ties on a lattice, under permutations",
        "rule: which of equals is taken depends on the order",
        graph(lambda: KNN(3), lattice), graph(lambda: Neighbours(None), lattice),
        Verdict("broken", "graph", "k = 3 neighbours: which " + CUT, ALL_NEAR, "graph"),
    ),
    Exhibit(
        "graph of nearest neighbours", "ties on a lattice, under rotations",
        "rule: which of equals is taken depends on rounding",
        graph(lambda: KNN(3), lattice, "SE(3)"), graph(lambda: Neighbours(None), lattice, "SE(3)"),
        Verdict("broken", "graph", "k = 3 neighbours: which " + CUT, ALL_NEAR, "graph"),
    ),
    Exhibit(
        "energy of distances", "|x|² + |y|² − 2x·y cancels far away in float32",
        "shifts by 1000 as in ml-peg#789",
        points(lambda: Energy(True)), points(lambda: Energy(False)),
        Verdict("imprecise", "distances", "difference of large numbers", "stable there"),
    ),
    Exhibit(
        "crystal", "its cell is stored and does not turn", "rule: the box is an input",
        Specimen(lambda: Crystal(STORED), lambda: crystal()[:1], "SO(3)", "vectors"),
        cells(("vectors", "cell")),
        Verdict("broken", "images", FIXED, "must come in as an input that moves"),
    ),
    Exhibit(
        "crystal", "its cell is declared invariant", "the test of equiformer_v2#5",
        cells(("vectors", "invariant")),
        cells(("vectors", "cell")), Verdict("broken", "images", FIXED, "must come in as an input that moves"),
    ),
    Exhibit(
        "point cloud", "coordinates that are not centred", "rule: no origin but the mean",
        points(lambda: Invariants(Radius(False))), points(lambda: Invariants(Radius(True))),
        Verdict("broken", "middle", "where the origin is", "subtract their mean"),
    ),
    Exhibit(
        "padded point clouds", "the mean counts places that are empty", "rule: masks before means",
        padded(False), padded(True),
        Verdict("broken", "centre", "where the origin is", "subtract their mean"),
    ),
    Exhibit(
        "set", "nodes are numbered in the order of the batch", "rule: nodes have no numbers",
        sets(lambda: Sets(True)), sets(lambda: Sets(False)),
        Verdict("broken", "number", ORDER, "do not depend on"),
    ),
    Exhibit(
        "set", "read by an LSTM", "rule: sets have no order",
        sets(lambda: Recurrent(nn.LSTM(2, 4, batch_first=True))), sets(lambda: Recurrent(nn.Linear(2, 4))),
        Verdict("broken", "read", ORDER, "do not depend on"),
    ),
    Exhibit(
        "graph transformer", "eigenvectors of the graph with signs of the solver",
        "rule: eigenvectors have no sign of their own",
        nodes(False), nodes(True), Verdict("broken", "codes", ORDER, "do not depend on"),
    ),
]  # fmt: skip
