"""How far the output of each layer is from g acting on its output."""

from dataclasses import dataclass

from mackey.audit.element import Element
from mackey.audit.experiment import Experiment
from mackey.audit.observed import Observed


@dataclass(frozen=True)
class LayerError:
    """error: |layer(gx) − g layer(x)| / |g layer(x)| in float64, g by the declared type of the layer, or else
    by the matrix on channels that explains most; None where nobody can tell. shape: of its output.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    error: float | None


def layer_errors(experiment: Experiment, element: Element) -> tuple[LayerError, ...]:
    """Of every layer that ran, in order of completion, less the whole network. Eight forward passes."""
    observed = Observed.of(experiment, element)
    found = []
    for name, call in observed.calls.items():
        if not name:
            continue
        residual = observed.out(name)
        known = residual is not None and residual.best < float("inf")
        error = residual.best if residual is not None and known else None
        found.append(LayerError(name, type(call.layer).__name__, tuple(call.out.shape), error))
    return tuple(found)
