"""The likely cause of a broken symmetry, read off the kind of layer, and what to do about it."""

from typing import Any

from torch import Tensor, nn

from mackey.audit.element import Element
from mackey.fields import FieldType
from mackey.spaces import nearest_sizes

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)


OUTSIDE = (
    "a tensor operation in its parent's forward adds or mixes what does not move with the input",
    "move it into a layer, and make what it adds the same at all positions",
)


def likely(layer: nn.Module, given: Tensor, element: Element) -> tuple[str, str]:
    """The likely cause, and what to do."""
    field = getattr(layer, "out_type", None)
    if isinstance(field, FieldType) and element.within(field.domain.group) is None:
        group = field.domain.group
        return f"it is built for {group}, which has no {element.label}", "build it for the audited group"
    if isinstance(layer, _CONVOLUTIONS + _POOLS):
        kernel, stride, padding = (_first(v) for v in (layer.kernel_size, layer.stride, layer.padding))
        size = given.shape[-1]
        if stride > 1 and (size + 2 * padding - kernel) % stride:
            good = " or ".join(map(str, nearest_sizes(size, kernel, stride, padding)))
            return (
                f"(size + 2·padding − kernel) mod stride = ({size} + {2 * padding} − {kernel}) mod {stride} "
                "≠ 0, so "
                "its samples do not turn with the image",
                f"give it size {good}, or an even kernel",
            )
        if isinstance(layer, _CONVOLUTIONS):
            return "its filters are not steerable", "use mackey.nn.Lift and mackey.nn.Conv"
        return "its windows do not turn with the input", "use mackey.nn.WindowMax or WindowMean"
    if type(layer).__module__ == nn.ReLU.__module__ and not isinstance(layer, nn.MultiheadAttention):
        return (
            "it acts channel by channel on channels that the group mixes: the filters before it are not "
            "steerable",
            "use mackey.nn.Lift and mackey.nn.Conv, whose channels the group only permutes",
        )
    if isinstance(layer, nn.Linear):
        return (
            "it mixes positions (or orientations) with a free matrix",
            "pool over space and group first, or use mackey.nn.Linear",
        )
    if isinstance(layer, nn.MultiheadAttention | nn.Embedding):
        return "its scores or codes depend on absolute positions", "use mackey.nn.Attention"
    if "Norm" in type(layer).__name__:
        return (
            "its statistics or scales differ between channels of one fibre",
            "use mackey.nn.BatchNorm or LayerNorm",
        )
    if "Dropout" in type(layer).__name__:
        return "it drops single channels of a fibre", "use mackey.nn.FieldDropout"
    return (
        "what it adds or mixes does not move with the input (a position code, a window, a padding)",
        "build it from layers with declared types",
    )


def _first(value: Any) -> int:
    return int(value[0]) if isinstance(value, tuple) else int(value)
