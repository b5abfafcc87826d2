"""The likely cause of a broken symmetry, by the kind of layer and how what it takes moves; and what to do."""

from typing import NamedTuple

from torch import nn

from mackey.audit.element import Element
from mackey.audit.lint import broken_rules, is_windowed
from mackey.audit.manner import Manner
from mackey.audit.scene import Scene
from mackey.audit.watching import Call
from mackey.fields import FieldType

_ON_VECTORS = (Manner.VECTORS, Manner.CHANNELS_OF_VECTORS, Manner.POSITIONS)


class Cause(NamedTuple):
    """Why, and what to do."""

    why: str
    fix: str


OUTSIDE = Cause(
    "a tensor operation in its parent's forward adds or mixes what does not move with the input",
    "move it into a layer, and make what it adds the same at all positions",
)


def likely(name: str, call: Call, scene: Scene, manner: Manner, mirrors_only: bool) -> Cause:
    """manner: how what the layer takes moves. mirrors_only: whether it is broken by reflections alone."""
    layer, element = call.layer, scene.element
    field = getattr(layer, "out_type", None)
    if isinstance(field, FieldType) and element.within(field.domain.group) is None:
        group = field.domain.group
        return Cause(
            f"it is built for {group}, which has no {element.label}", "build it for the audited group"
        )
    if element.aspect == "translation" and is_windowed(layer):
        return _rolled(layer)
    found = broken_rules(name, layer, call.given)
    if found and "Norm" not in type(layer).__name__:  # what lint says of those is no reason for this error
        return Cause(f"{found[0].message}: {found[0].rule}", found[0].fix)
    if mirrors_only and manner in _ON_VECTORS:
        return Cause(
            "it turns with rotations and not with reflections: a cross product, a determinant or a frame of "
            "one hand changes sign there",
            "audit under rotations alone, declare pseudovectors, or use an even number of such products",
        )
    if manner in _ON_VECTORS:
        return _on_vectors(layer, manner, element)
    if is_windowed(layer) and element.aspect == "permutation":
        return Cause(
            "its windows join points that stand side by side in the list, and the group changes their order",
            "join points by distances or edges, or audit without permutations if their order means something",
        )
    if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        return Cause("its filters are not steerable", "use mackey.nn.Lift and mackey.nn.Conv")
    if is_windowed(layer):
        return Cause("its windows do not turn with the input", "use mackey.nn.WindowMax or WindowMean")
    if _is_pointwise(layer):
        return Cause(
            "it acts channel by channel on channels that the group mixes, and does not only permute",
            "use channels that the group only permutes (mackey.nn.Lift and mackey.nn.Conv to regular "
            "fields), or gate by norms (mackey.nn.NormActivation)",
        )
    return _of_kind(layer, scene, manner)


def _of_kind(layer: nn.Module, scene: Scene, manner: Manner) -> Cause:
    element = scene.element
    if isinstance(layer, nn.Linear):
        if manner is Manner.MIXED:
            return Cause(
                f"its input changes under {element.label} (its channels by a matrix), and free weights do "
                "not commute with that",
                "make its input invariant first, or use mackey.nn.Linear, which knows how it changes",
            )
        return Cause(
            "it mixes positions (or orientations) with a free matrix",
            "pool over space and group first, or use mackey.nn.Linear",
        )
    if isinstance(layer, nn.Embedding):
        return Cause("its codes depend on absolute positions", "use mackey.nn.Attention")
    if "Norm" in type(layer).__name__:
        return Cause(
            "its statistics or scales differ between channels of one fibre",
            "use mackey.nn.BatchNorm or LayerNorm",
        )
    if "Dropout" in type(layer).__name__:
        return Cause("it drops single channels of a fibre", "use mackey.nn.FieldDropout")
    if element.aspect == "permutation":
        return Cause(
            "its output depends on the order of its points: it numbers them, cuts them off, mixes them by "
            "place, or takes a sign that a solver chose",
            "use sums, means or maxima over points, with weights that do not depend on their order",
        )
    if scene.sizes is None:
        return Cause(
            f"no matrix on its channels explains how its output changes under {element.label}: it treats "
            "components one by one, or uses something that does not move with its input (a frame or its "
            "transpose, a sign that a solver chose, another input)",
            "compute from invariants and from sums with invariant weights; move all that has a direction",
        )
    return Cause(
        "what it adds or mixes does not move with the input (a position code, a relative index, a window, a "
        "padding)",
        "build it from layers with declared types, or make what it adds a function of differences",
    )


def _on_vectors(layer: nn.Module, manner: Manner, element: Element) -> Cause:
    if manner is Manner.POSITIONS and element.aspect in ("translation", "large translation"):
        return Cause(
            "its input are positions, and its output depends on where the origin is",
            "use differences of positions, or subtract their mean (over the points that are there)",
        )
    if isinstance(layer, nn.Linear) and manner is Manner.CHANNELS_OF_VECTORS and layer.bias is not None:
        return Cause("its bias is a fixed vector, which does not turn with the others", "bias=False")
    if isinstance(layer, nn.Linear):
        bias = "" if layer.bias is None else ", and adds a bias"
        return Cause(
            f"it mixes the components of vectors by a free matrix{bias}",
            "mix whole vectors by invariant weights without a bias (mackey.nn.Linear), or take their lengths "
            "and inner products",
        )
    if _is_pointwise(layer):
        return Cause(
            "it acts on the components of vectors one by one: σ(Rv) ≠ Rσ(v)",
            "multiply vectors by functions of their lengths (mackey.nn.NormActivation or Gated)",
        )
    if "Norm" in type(layer).__name__:
        return Cause(
            "its mean, variance or scale differs between components of a vector: N(Rv) ≠ R N(v)",
            "divide vectors by the root of their mean square length, or normalise invariants only",
        )
    return Cause(
        "its input are vectors, and its output does not turn with them: it treats components one by one, or "
        "uses what does not turn (a frame or its transpose, a sign that a solver chose, a cell, a constant)",
        "compute from lengths, inner products and sums of vectors with invariant weights; what has a "
        "direction must come in as an input that moves",
    )


def _rolled(layer: nn.Module) -> Cause:
    """A convolution or pool on a torus."""
    if any(int(s) > 1 for s in _all(layer.stride)):
        return Cause(
            f"stride {layer.stride} keeps only the shifts by multiples of it",
            "stride 1, or choose the phase by the input (the one of the largest norm)",
        )
    return Cause(
        "it pads with zeros at borders, which meet on a torus",
        'padding_mode="circular", or no padding of zeros',
    )


def _is_pointwise(layer: nn.Module) -> bool:
    return type(layer).__module__ == nn.ReLU.__module__ and not isinstance(layer, nn.MultiheadAttention)


def _all(value: object) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (int(value),)  # type: ignore[call-overload]
