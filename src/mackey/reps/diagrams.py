"""The invariant tensors of the classical groups, drawn: slots joined by δ or the form J, and one ε.

Brauer (1937): the invariants of O(n), Sp(n) and GL(n) are spanned by pairings of slots; SL(n) and SO(n) add
ε. For small n the diagrams are dependent; an independent set is chosen in a fixed order.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mackey.errors import sentence
from mackey.reps.cartesian import Cartesian
from mackey.reps.classical import Classical, Family

_MOST_NUMBERS = 2**27  # 1 GB of float64
_DEPENDENT, _INDEPENDENT = 1e-9, 1e-5


@dataclass(frozen=True)
class Diagram:
    """pairs: slots joined two by two; volumes: sets of n slots, each joined by ε."""

    pairs: tuple[tuple[int, int], ...]
    volumes: tuple[tuple[int, ...], ...] = ()


def matchings(slots: tuple[int, ...]) -> Iterator[tuple[tuple[int, int], ...]]:
    """All (m − 1)!! ways to pair the slots; the first slot with each other in turn."""
    if not slots:
        yield ()
        return
    first, *others = slots
    for place, other in enumerate(others):
        for rest in matchings(tuple(others[:place] + others[place + 1 :])):
            yield ((first, other), *rest)


def diagrams(group: Classical, up: tuple[bool, ...], odd: bool) -> Iterator[Diagram]:
    """A spanning set of the invariants in det^odd ⊗ V^±⊗…; δ and J before ε."""
    slots = tuple(range(len(up)))
    if group.family in (Family.GENERAL_LINEAR, Family.SPECIAL_LINEAR):
        yield from _directed(group, up)
        return
    both = group.family is Family.SPECIAL_ORTHOGONAL
    if (both or not odd or group.family is Family.SYMPLECTIC) and len(slots) % 2 == 0:
        yield from (Diagram(pairs) for pairs in matchings(slots))
    if both or (odd and group.family is Family.ORTHOGONAL):
        yield from _with_volume(slots, group.n)


def _with_volume(slots: tuple[int, ...], n: int) -> Iterator[Diagram]:
    if len(slots) < n or (len(slots) - n) % 2:
        return
    for volume in itertools.combinations(slots, n):
        rest = tuple(slot for slot in slots if slot not in volume)
        yield from (Diagram(pairs, (volume,)) for pairs in matchings(rest))


def _directed(group: Classical, up: tuple[bool, ...]) -> Iterator[Diagram]:
    """Pairings of V with V*; what is left over in groups of n, joined by ε, for SL(n)."""
    high = tuple(slot for slot, is_up in enumerate(up) if is_up)
    low = tuple(slot for slot, is_up in enumerate(up) if not is_up)
    more, fewer = (high, low) if len(high) >= len(low) else (low, high)
    count, rest = divmod(len(more) - len(fewer), group.n)
    if rest or (count and not group.has_volume):
        return
    for volumes in _volumes(more, group.n, count):
        left = tuple(slot for slot in more if not any(slot in volume for volume in volumes))
        for order in itertools.permutations(left):
            yield Diagram(tuple(zip(fewer, order, strict=True)), volumes)


def _volumes(slots: tuple[int, ...], n: int, count: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """`count` disjoint sets of n slots, by their smallest members."""
    if count == 0:
        yield ()
        return
    for volume in itertools.combinations(slots, n):
        later = tuple(slot for slot in slots if slot > volume[0] and slot not in volume)
        for rest in _volumes(later, n, count - 1):
            yield (volume, *rest)


def tensor_of(diagram: Diagram, group: Classical, up: tuple[bool, ...]) -> np.ndarray:
    """The invariant tensor (n, …, n): δ between V and V*, J⁻¹ between two V, J between two V*; ε with
    indices lowered by J.
    """
    whole, order = np.ones(()), []
    for i, j in diagram.pairs:
        whole = np.multiply.outer(whole, _joint(group, up[i], up[j]))
        order += [i, j]
    for volume in diagram.volumes:
        whole = np.multiply.outer(whole, _volume(group, tuple(up[slot] for slot in volume)))
        order += volume
    return np.ascontiguousarray(whole.transpose(np.argsort(order)))


def _joint(group: Classical, first: bool, second: bool) -> np.ndarray:
    if first != second:
        return np.eye(group.n)
    return np.linalg.inv(group.form) if first else group.form


def _volume(group: Classical, up: tuple[bool, ...]) -> np.ndarray:
    tensor = levi_civita(group.n)
    if group.family is Family.SPECIAL_LINEAR:
        return tensor
    for axis, is_up in enumerate(up):
        if not is_up:
            tensor = np.moveaxis(np.tensordot(group.form, tensor, (1, axis)), 0, axis)
    return tensor


@lru_cache(maxsize=8)
def levi_civita(n: int) -> np.ndarray:
    """ε, the sign of a permutation of n indices, else 0; read-only."""
    tensor = np.zeros((n,) * n)
    for order in itertools.permutations(range(n)):
        tensor[order] = (-1.0) ** sum(a > b for a, b in itertools.combinations(order, 2))
    tensor.setflags(write=False)
    return tensor


def diagram_basis(group: Classical, source: Cartesian, target: Cartesian) -> np.ndarray:
    """An orthonormal basis (count, a, d) of Hom_G(ρ, σ): Gram–Schmidt over the diagrams in order.

    Their number is checked against Weyl's count where ρ and σ are all of V^±⊗….
    """
    chosen, rows = _independent(group, source, target)
    expected = expected_count(group, source, target)
    assert expected in (None, len(chosen)), f"{len(chosen)} independent diagrams, theory says {expected}"
    return rows.reshape(len(rows), target.dim, source.dim)


def expected_count(group: Classical, source: Cartesian, target: Cartesian) -> int | None:
    """dim Hom_G by Weyl's formula; None for a proper subspace of V^±⊗…, such as Sym^k."""
    plain = source.embedding is None and target.embedding is None
    return _ambient_count(group, source, target) if plain else None


def _ambient_count(group: Classical, source: Cartesian, target: Cartesian) -> int:
    up = target.up + source.dual.up
    return group.invariant_count(sum(up), len(up) - sum(up), (source.volumes + target.volumes) % 2 == 1)


def independent_diagrams(group: Classical, up: tuple[bool, ...]) -> tuple[Diagram, ...]:
    """The first independent set of diagrams of V^±⊗…, in the order of `diagrams`.

    Pairings of m slots are independent if and only if m ≤ 2n (Brauer 1937); then none is drawn in full.
    """
    proper = group.family is Family.SPECIAL_ORTHOGONAL and len(up) < group.n  # too few slots for ε
    if proper or (group.family is Family.ORTHOGONAL and len(up) <= 2 * group.n):
        return tuple(diagrams(group, up, False))
    return tuple(_independent(group, Cartesian(group.n), Cartesian(group.n, up))[0])


def _independent(group: Classical, source: Cartesian, target: Cartesian) -> tuple[list[Diagram], np.ndarray]:
    """The diagrams that are independent of those before them, and their orthonormalised rows (count, a·d)."""
    up, most = target.up + source.dual.up, _ambient_count(group, source, target)
    _refuse_large(source, target, most)
    chosen: list[Diagram] = []
    rows = np.zeros((most, target.dim * source.dim))
    for diagram in diagrams(group, up, (source.volumes + target.volumes) % 2 == 1):
        if len(chosen) == most:
            break
        tensor = tensor_of(diagram, group, up).reshape(target.ambient, source.ambient)
        tensor = tensor / np.linalg.norm(tensor)
        tensor = tensor if target.embedding is None else target.embedding.T @ tensor
        tensor = tensor if source.embedding is None else tensor @ source.embedding
        rest = _remainder(rows[: len(chosen)], tensor.ravel())
        if rest is not None:
            rows[len(chosen)] = rest
            chosen.append(diagram)
    return chosen, rows[: len(chosen)]


def _remainder(rows: np.ndarray, vector: np.ndarray) -> np.ndarray | None:
    """What is left of a vector off the span of orthonormal rows, made of length 1; None if nothing is."""
    rest = vector
    for _ in range(2):
        rest = rest - rows.T @ (rows @ rest)
    left = np.linalg.norm(rest)
    if left < _DEPENDENT:
        return None
    assert left > _INDEPENDENT, f"a diagram lies {left:.1e} off the span of others"
    return rest / left


def _refuse_large(source: Cartesian, target: Cartesian, count: int) -> None:
    numbers = max(target.dim * source.dim * count, target.ambient * source.ambient)
    if numbers > _MOST_NUMBERS:
        raise ValueError(
            sentence(
                f"reps.intertwiners: tensors of rank {len(source.up)} and {len(target.up)} of R^{source.n}",
                wanted=f"at most {_MOST_NUMBERS} numbers in a dense basis",
                got=f"{count} maps of shape ({target.dim}, {source.dim})",
                remedy="use lower ranks, or irreps",
            )
        )
