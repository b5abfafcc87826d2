"""Any network made equivariant under Sym(n): it sees its points sorted."""

import torch
from torch import Tensor, nn

from mackey.actions import (
    POINTS,
    AbstractTensorType,
    Declaration,
    EdgeIndex,
    Indexed,
    Scalars,
    Vectors,
    declare,
)
from mackey.axes import Float, Int
from mackey.errors import sentence
from mackey.fields import Guarantee
from mackey.wrap.declared_types import as_tuple

WHERE = "wrap.sorted_frames"
NOTE = "points with equal keys must be equal in all that the network sees; continuous only where no keys tie"
# Square roots of primes have no rational relation, so that mirror images of a point keep different keys.
_PRIMES = (2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0)


class SortedFrames(nn.Module):
    """⟨φ⟩(X) = 1/|F(X)| Σ_{p ∈ F(X)} p φ(p⁻¹X), F(X) all permutations that sort the points of X.

    One call of φ: all of F(X) shows it the same input, and the average of what it returns for equal points is
    their mean. Keys, in this order: whether a point is there (mask), scalars, Σ√p_i x_i over the vectors, and
    their coordinates. Source: Puny et al., ICLR 2022, sect. 3.2.
    """

    def __init__(
        self,
        network: nn.Module,
        in_types: tuple[AbstractTensorType, ...],
        out_types: tuple[AbstractTensorType, ...],
        *,
        mask: int | None = None,
    ) -> None:
        super().__init__()
        self.network, self.in_types, self.out_types, self.mask = network, in_types, out_types, mask
        self.guarantee = Guarantee("exact", "Sym", NOTE)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        keys = self.keys(*inputs)
        order = sorted_order(keys)
        out = self.network(*(along(x, one, order) for one, x in zip(self.in_types, inputs, strict=True)))
        outputs = as_tuple(out)
        if len(outputs) != len(self.out_types):
            raise _refusal(
                f"{len(self.out_types)} outputs, as declared", str(len(outputs)), "declare every one"
            )
        classes, back = tie_classes(keys, order), torch.argsort(order, 1)
        found = tuple(
            along(shared(y, one, classes), one, back) for one, y in zip(self.out_types, outputs, strict=True)
        )
        return found[0] if isinstance(out, Tensor) else found

    def keys(self, *inputs: Tensor) -> Float[Tensor, "b n c"]:
        """What the points are sorted by: their first number, among equals the second, and so on."""
        if len(inputs) != len(self.in_types):
            raise _refusal(f"{len(self.in_types)} inputs, as declared", str(len(inputs)), "declare every one")
        there = None if self.mask is None else inputs[self.mask].double()[..., None]
        scalars: list[Tensor] = [] if there is None else [-there]
        vectors: list[Tensor] = []
        for one, x in zip(self.in_types, inputs, strict=True):
            one.check(x, WHERE)
            if point_axes(x, one) == [1]:
                rows = x.double().reshape(*x.shape[:2], -1)
                rows = rows if there is None else torch.where(there > 0, rows, torch.zeros_like(rows))
                (scalars if isinstance(one, Scalars) else vectors).append(rows)
        projected = [_projection(torch.cat(vectors, -1)), *vectors] if vectors else []
        return torch.cat([*scalars, *projected], -1)

    def check(self, *inputs: Tensor, least: float = 1e-9) -> None:
        """Raise where the keys of two points of a sample differ, but by less than `least` of the largest:
        after a rotation, rounding decides which of them comes first.
        """
        keys = self.keys(*inputs)
        order = sorted_order(keys)
        step = keys.gather(1, order[..., None].expand(keys.shape)).diff(dim=1).abs()
        # The largest of all: a column of a flat cloud holds nothing but rounding.
        near = (step < least * keys.abs().amax((1, 2), keepdim=True)).all(-1) & (step > 0).any(-1)
        if bool(near.any()):
            sample = int(near.any(1).nonzero()[0])
            got = f"two of sample {sample} that are equal up to rounding"
            raise _refusal("points that are equal or apart", got, "merge points that coincide")


def sorted_frames(
    network: nn.Module, in_type: Declaration, out_type: Declaration, *, mask: int | None = None
) -> SortedFrames:
    """`network`, equivariant under permutations of the points: it sees them sorted.

    in_type, out_type: what each tensor is, such as ("positions", "tokens") and "vectors" (`mackey.actions`).
    mask: the number of the input, (b, n), that says which points are there; these come first. For
    E(n)×Sym put it inside: frames(sorted_frames(network, a, b), "E(3)", a, b) sorts the points of each frame.
    """
    given, returned = (
        tuple(declare(one, None, WHERE) for one in (kind if isinstance(kind, tuple) else (kind,)))
        for kind in (in_type, out_type)
    )
    if any(isinstance(one, EdgeIndex) for one in (*given, *returned)):
        raise _refusal("tensors with axes of points", "edge_index", "give the graph as pairs (b, n, n, …)")
    if not any(isinstance(one, Scalars | Vectors) and one.axis == 1 for one in given):
        raise _refusal(
            "tokens, positions or vectors of points on axis 1", str(given), "declare one to sort by"
        )
    return SortedFrames(network, given, returned, mask=mask)


def sorted_order(keys: Float[Tensor, "b n c"]) -> Int[Tensor, "b n"]:
    """The points in lexicographic order of their rows."""
    b, n, c = keys.shape
    order = torch.arange(n, device=keys.device).expand(b, n)
    for column in range(c - 1, -1, -1):
        order = order.gather(1, torch.argsort(keys[..., column].gather(1, order), dim=1, stable=True))
    return order


def point_axes(x: Tensor, one: AbstractTensorType) -> list[int]:
    """The axes of x that the points lie on."""
    if isinstance(one, Indexed):  # its axes by name hold a repeated name once
        return [1 + i for i, name in enumerate(one.names) if name == POINTS]
    return [axis for name, axis in one.axes(x).items() if name == POINTS]


def along(x: Tensor, one: AbstractTensorType, order: Int[Tensor, "b n"]) -> Tensor:
    """x with point order[i] at place i, on every axis of points; each sample by its own order."""
    for axis in point_axes(x, one):
        index = order.view(order.shape[0], *(1,) * (axis - 1), -1, *(1,) * (x.ndim - axis - 1))
        x = x.gather(axis, index.expand(*x.shape[:axis], -1, *x.shape[axis + 1 :]))
    return x


def tie_classes(keys: Float[Tensor, "b n c"], order: Int[Tensor, "b n"]) -> Int[Tensor, "b n"]:
    """The class of each sorted point: equal points share one number."""
    ranked = keys.gather(1, order[..., None].expand(keys.shape))
    fresh = (ranked[:, 1:] != ranked[:, :-1]).any(-1)
    return torch.cat([torch.zeros_like(order[:, :1]), fresh.long().cumsum(1)], 1)


def shared(y: Tensor, one: AbstractTensorType, classes: Int[Tensor, "b n"]) -> Tensor:
    """Values of equal points, one axis of points, by their mean: the average over all ways to sort them."""
    if point_axes(y, one) != [1]:
        return y
    index = classes.view(*classes.shape, *(1,) * (y.ndim - 2)).expand(y.shape)
    total = torch.zeros_like(y).scatter_add(1, index, y)
    count = torch.zeros_like(y).scatter_add(1, index, torch.ones_like(y))
    return total.gather(1, index) / count.gather(1, index)


def _projection(vectors: Float[Tensor, "b n d"]) -> Float[Tensor, "b n 1"]:
    """Σ √p x, summed in one order for every point, so that equal points have equal sums to the last bit."""
    total = torch.zeros_like(vectors[..., 0])
    for i, x in enumerate(vectors.unbind(-1)):
        total = total + (_PRIMES[i % len(_PRIMES)] + 20 * (i // len(_PRIMES))) ** 0.5 * x
    return total[..., None]


def _refusal(wanted: str, got: str, remedy: str) -> ValueError:
    return ValueError(sentence(WHERE, wanted=wanted, got=got, remedy=remedy))
