"""Declared types by the name that people write."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from mackey.actions.abstract import AbstractTensorType
from mackey.actions.acting import linear_part
from mackey.actions.fields import Field
from mackey.actions.images import Image
from mackey.actions.indexed import EdgeIndex, Indexed
from mackey.actions.points import Features, Invariant, Matrices, Scalars, Vectors
from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.groups import AbstractGroup, AbstractMatrixGroup, FiniteGroup
from mackey.reps import parse

TypeLike = str | FieldType | AbstractTensorType
Declaration = TypeLike | tuple[TypeLike, ...]

# Plural names: one for each point (axis 1, or axis 0 with "@0"). Singular names: one for the sample.
_MAKE: dict[str, Callable[[int | None], AbstractTensorType]] = {
    "points": lambda axis: Vectors(axis, shifts=True),
    "positions": lambda axis: Vectors(axis, shifts=True),
    "vectors": lambda axis: Vectors(axis),
    "pseudovectors": lambda axis: Vectors(axis, handed=True),
    "tokens": lambda axis: Scalars(axis),
    "set": lambda axis: Scalars(axis),
    "pseudoscalars": lambda axis: Scalars(axis, handed=True),
    "matrices": lambda axis: Matrices(axis),
}
_SINGULAR = {
    "position": "positions",
    "vector": "vectors",
    "pseudovector": "pseudovectors",
    "matrix": "matrices",
    "pseudoscalar": "pseudoscalars",
    "cell": "vectors",
    "edge_vectors": "vectors",
}
_FIXED: dict[str, AbstractTensorType] = {
    "invariant": Invariant(),
    "edge_attributes": Invariant(),
    "image": Image(),
    "scalars": Image(),
    "periodic_image": Image(periodic=True),
    "pairs": Indexed(("n", "n")),
    "edge_index": EdgeIndex(),
}
NAMES = (*_FIXED, *_MAKE, *_SINGULAR, "weights(h1,h0)")


def declare(declared: TypeLike, group: AbstractGroup[Any] | None, where: str) -> AbstractTensorType:
    """The action that a declaration names.

    "image" (b, c, *spatial) · "points" or "positions" (b, n, d), "vectors", "pseudovectors", "matrices"
    (b, n, d, d), "tokens" (b, n, c): one for each point, on axis 1, or on axis 0 as "positions@0" ·
    "position", "vector", "matrix", "pseudoscalar": one for the sample, on its last axes · "cell": rows that
    are vectors · "pairs" (b, n, n, …) · "edge_index": numbers of points · "edge_vectors", "edge_attributes":
    one for each listed edge · "weights(h1,h0)": axes after the batch by the name of their permutations, "."
    for none · "8x0e + 4x1o": a representation of the linear part of the group, (b, n, d) or (b, d), in
    mackey's layout; "e3nn: 8x0e" in e3nn's · "invariant" · a FieldType, or any type of `mackey.actions`.

    Raises ValueError with the names for any other.
    """
    if isinstance(declared, FieldType):
        return Field(declared)
    if isinstance(declared, AbstractTensorType):
        return declared
    name, _, place = declared.partition("@")
    axis = int(place) if place.isdigit() else 1
    if name in _FIXED and not place:
        return _FIXED[name]
    if name in _MAKE and (not place or place.isdigit()):
        return _MAKE[name](axis)
    if name in _SINGULAR and not place:
        return _MAKE[_SINGULAR[name]](None)
    named_axes = re.fullmatch(r"weights\(([^)]*)\)", declared)
    if named_axes:
        parts = [part.strip() for part in named_axes[1].split(",")]
        return Indexed(tuple(None if part == "." else part for part in parts))
    linear = linear_part(group)
    if linear is not None and re.search(r"\d|V|regular|trivial", name):
        layout, _, text = name.rpartition(":")
        features = Features(parse(linear, text.strip()), axis, layout.strip() or "mackey")
        return features if place else replace(features, axis=1)
    wanted = f"a type among {', '.join(NAMES)}, a representation such as 8x0e + 4x1o, or a FieldType"
    raise ValueError(sentence(where, wanted=wanted, got=repr(declared), remedy="declare what each tensor is"))


def declarations(
    declared: Declaration, tensors: Sequence[Tensor], group: AbstractGroup[Any] | None, where: str
) -> tuple[AbstractTensorType, ...]:
    """The type of each tensor, checked against it."""
    given = declared if isinstance(declared, tuple) else (declared,)
    if len(given) != len(tensors):
        wanted, got = f"one type for each of {len(tensors)} tensors", f"{len(given)}"
        remedy = 'declare every tensor; "invariant" for what does not move'
        raise ValueError(sentence(where, wanted=wanted, got=got, remedy=remedy))
    types = tuple(_placed(declare(one, group, where), one, x) for one, x in zip(given, tensors, strict=True))
    linear = linear_part(group)
    d = linear.dimension if isinstance(linear, FiniteGroup | AbstractMatrixGroup) else None
    for one, x in zip(types, tensors, strict=True):
        one.check(x, where)
        found = one.dimension(x)
        if d is not None and found not in (None, d):
            wanted = f"{d} spatial axes or components, since {group} moves R^{d}"
            remedy = "declare the type that it is, or a group of that space"
            raise ValueError(
                sentence(where, wanted=wanted, got=f"{found} in shape {tuple(x.shape)}", remedy=remedy)
            )
    return types


def _placed(found: AbstractTensorType, declared: TypeLike, x: Tensor) -> AbstractTensorType:
    """Features (b, d) by name, without an axis of points, are one vector for the sample."""
    alone = isinstance(found, Features) and isinstance(declared, str) and "@" not in declared and x.ndim == 2
    return replace(found, axis=None) if isinstance(found, Features) and alone else found
