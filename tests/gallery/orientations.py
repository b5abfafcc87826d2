"""Fields with orientations on images: indices of the group axis, and layers that treat orientations apart."""

import torch
from torch import Tensor, nn

import mackey as mk
from gallery.exhibit import Exhibit, Specimen, Verdict, image

TURNS = 4


def moved(away: Tensor, g: int) -> Tensor:
    """Offsets (row, column) as g sees them: g = k + 4m is k quarter turns after m mirrors; this is g⁻¹."""
    for _ in range(g % TURNS):
        away = torch.stack([away[..., 1], -away[..., 0]], -1)
    return torch.stack([away[..., 0], -away[..., 1]], -1) if g >= TURNS else away


def between(u: int, v: int, mirrors_turn: bool) -> int:
    """u⁻¹v in p4m; without mirrors_turn as if turns and mirrors commuted."""
    sign = -1 if u >= TURNS and mirrors_turn else 1
    return sign * (v - u) % TURNS + TURNS * ((u >= TURNS) != (v >= TURNS))


class Lift(nn.Module):
    """(b, c, |H|, y, x): one filter in all orientations."""

    def __init__(self, channels: int, order: int) -> None:
        super().__init__()
        self.order = order
        self.weight = nn.Parameter(torch.randn(channels, 1, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        each = [
            torch.rot90(self.weight.flip(-1) if g >= TURNS else self.weight, g % TURNS, (-2, -1))
            for g in range(self.order)
        ]
        filters = torch.stack(each, 1).flatten(0, 1)
        return nn.functional.conv2d(x, filters, padding=1).unflatten(1, (-1, self.order))


class GroupAttention(nn.Module):
    """y(i, h) = Σ_u softmax_(j, v)(q(i, u)·k(j, v) + b(h⁻¹(x_j − x_i), index(h, u, v))) v(j, v).

    The index must be the same for (h, u, v) and (gh, gu, gv).
    """

    def __init__(self, channels: int, order: int, index) -> None:
        super().__init__()
        self.mix = nn.Linear(channels, 3 * channels)
        self.bias = nn.Parameter(torch.randn(9, 9, order))  # offsets −4…4 on both axes
        table = [[[index(h, u, v) for v in range(order)] for u in range(order)] for h in range(order)]
        self.register_buffer("index", torch.tensor(table))

    def forward(self, f: Tensor) -> Tensor:
        order, n = f.shape[2:4]
        tokens = f.permute(0, 3, 4, 2, 1).flatten(1, 3)  # b (y x u) c
        q, k, v = self.mix(tokens).chunk(3, -1)
        axis = torch.arange(n)
        places = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).flatten(0, 1)
        away = places[None] - places[:, None]  # i j 2
        outs = []
        for h in range(order):
            d = moved(away, h)
            b = self.bias[d[..., 0] + 4, d[..., 1] + 4][:, :, self.index[h]]  # i j u v
            b = b.permute(0, 2, 1, 3).flatten(2).flatten(0, 1)
            outs.append(((q @ k.mT + b).softmax(-1) @ v).unflatten(1, (n, n, order)).sum(3))
        return torch.stack(outs, -1).permute(0, 3, 4, 1, 2)


class GroupNet(nn.Module):
    def __init__(self, order: int, index) -> None:
        super().__init__()
        self.lift, self.attend = Lift(3, order), GroupAttention(3, order, index)

    def forward(self, x: Tensor) -> Tensor:
        return self.attend(self.lift(x).tanh()).amax(2).mean((-1, -2))


class Topped(nn.Module):
    """A lift to regular fields, `make(its type)`, and the maximum over orientations."""

    def __init__(self, make) -> None:
        super().__init__()
        grid = mk.spaces.Grid(mk.groups.p4())
        lift = mk.nn.Lift(mk.FieldType(grid, mk.reps.trivial(grid.stabiliser), 1), 4, 3)
        self.chain = nn.Sequential(lift, make(lift.out_type))
        self.top = mk.nn.GroupMax(lift.out_type)

    def forward(self, x: Tensor) -> Tensor:
        return self.top(self.chain(x)).mean((-1, -2))


class Gradients(nn.Module):
    """Fields of vectors, `make(their type)`, and the lengths."""

    def __init__(self, make) -> None:
        super().__init__()
        grid = mk.spaces.Grid(mk.groups.p4())
        vectors = mk.FieldType(grid, mk.reps.irreps(grid.stabiliser)[1], 3)
        conv = mk.nn.Conv(mk.FieldType(grid, mk.reps.trivial(grid.stabiliser), 1), vectors, 3)
        self.chain = nn.Sequential(conv, make(vectors))

    def forward(self, x: Tensor) -> Tensor:
        return self.chain(x).unflatten(1, (3, 2)).square().sum(2).mean((-1, -2))


class Normalised(nn.Module):
    """Means over images, and a batch norm between."""

    def __init__(self, stored: bool) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1, track_running_stats=stored)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x).tanh().mean((-1, -2))


def scrambled(norm: nn.Module) -> nn.Module:
    """A batch norm that has seen data: its statistics differ between channels."""
    for buffer in (norm.running_mean, norm.running_var):
        buffer.copy_(torch.rand(buffer.shape) + 0.5)
    return norm


def gsa(h: int, u: int, v: int) -> int:
    return (v - u - h) % TURNS


def group_net(order: int, index) -> Specimen:
    return Specimen(
        lambda: GroupNet(order, index), image(5 if order == TURNS else 3), "p4" if order == TURNS else "p4m"
    )


def topped(make, train: bool = False) -> Specimen:
    return Specimen(lambda: Topped(make), image(7), "p4", train=train)


def gradients(make) -> Specimen:
    return Specimen(lambda: Gradients(make), image(7), "p4")


RIGHT_INDEX = "function of differences"
EXHIBITS = [
    Exhibit(
        "GSA-Nets group self-attention", "relative index h⁻¹(u⁻¹v): it changes when all three turn",
        "GSA-Nets (p4)",
        group_net(4, gsa), group_net(4, lambda h, u, v: between(u, v, True)),
        Verdict("broken", "attend", "a relative index", RIGHT_INDEX),
    ),
    Exhibit(
        "GE-ViT group self-attention", "relative index on p4m as if turns and mirrors commuted",
        "GE-ViT: its p4m path is broken, measured; by which error is not known",
        group_net(8, lambda h, u, v: between(u, v, False)), group_net(8, lambda h, u, v: between(u, v, True)),
        Verdict("broken", "attend", "a relative index", RIGHT_INDEX),
    ),
    Exhibit(
        "REViT in training", "dropout of single orientations", "REViT (PointwiseDropout)",
        topped(lambda field: nn.Dropout2d(0.5), True), topped(lambda field: mk.nn.FieldDropout(field)),
        Verdict(
            "random", "chain.1", "drops numbers one by one, also within a fibre", "FieldDropout", "chain.1",
        ),
    ),
    Exhibit(
        "batch norm of regular fields", "mean and variance for each orientation",
        "rule: statistics are shared along the fibre",
        topped(lambda field: scrambled(nn.BatchNorm2d(16))), topped(lambda field: mk.nn.BatchNorm(field)),
        Verdict(
            "broken", "chain.1", "differ between channels of one fibre", "mackey.nn.BatchNorm", "chain.1",
        ),
    ),
    Exhibit(
        "batch norm at test time",
        "statistics of the batch that is given (the whole batch turns: only lint sees it)",
        "metatensor#629", Specimen(lambda: Normalised(False), image(7), "p4m"),
        Specimen(lambda: Normalised(True), image(7), "p4m"),
        Verdict("equivariant", "", "", "", "norm"),
    ),
    Exhibit(
        "fields of vectors on images", "ReLU on components",
        "rule: pointwise needs permutations (Ông and Bökman, Lemma 1)",
        gradients(lambda field: nn.ReLU()), gradients(lambda field: mk.nn.NormActivation(field)),
        Verdict(
            "broken", "chain.1", "channel by channel on channels that the group mixes", "NormActivation",
            "chain.1",
        ),
    ),
]  # fmt: skip
