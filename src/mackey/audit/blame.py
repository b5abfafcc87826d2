"""Which layer breaks the symmetry first: every layer is watched on x and on gx, and judged by its declared
type, or, in a foreign network, by whether any linear action on its channels explains what came out.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mackey.audit.causes import OUTSIDE, likely
from mackey.audit.elements import Element
from mackey.audit.experiment import relative_error
from mackey.audit.networks import Tensors, redrawn
from mackey.audit.report import Culprit
from mackey.audit.types import AbstractDeclared, Field, Tokens
from mackey.audit.watching import watch
from mackey.fields import FieldType

_BROKEN = 1e-6  # above what weights rounded to float32 leave; a fit by least squares leaves about 1e-12
_SMALL = 1e-8  # where the whole network is wrong by less than that


class Residual(NamedTuple):
    """How badly g explains a tensor. best: with the best channel matrix; plain: with none; sure: whether
    there were more samples than unknowns.
    """

    best: float
    plain: float
    sure: bool


def first_culprit(
    module: nn.Module,
    inputs: Tensors,
    in_types: tuple[AbstractDeclared, ...],
    element: Element,
    generator: torch.Generator,
) -> Culprit | None:
    """The first layer, in order of execution, whose output is not g applied to its output on x; or what
    happens before it, if already its input is not. None if there is none, or nobody can look inside.
    """
    if any(isinstance(layer, torch.jit.ScriptModule) for layer in module.modules()):
        return None  # a scripted module takes no hooks
    plain, turned = [], []
    for draw in range(4):  # more inputs of the same kind, so that a fit has more samples than unknowns
        x = inputs if draw == 0 else tuple(_redraw(t, generator) for t in inputs)
        plain.append(watch(module, x))
        turned.append(watch(module, tuple(t.move(v, element) for t, v in zip(in_types, x, strict=True))))
    lead = next((t for t in in_types if t.grid is not None), next(t for t in in_types if t.moves))
    for threshold in (_BROKEN, _SMALL):
        scalar = True  # so far every layer gave scalars: the group moved samples and mixed no channels
        for name, call in plain[0].items():
            if any(name not in run for run in (*plain, *turned)):
                continue
            layer = call.layer
            before, after = (torch.cat([run[name].out for run in runs]) for runs in (plain, turned))
            out = _residual(getattr(layer, "out_type", None), before, after, lead, element)
            if out is None or out.best <= threshold:
                scalar = scalar and (out is None or out.plain <= threshold)
                continue
            before, after = (torch.cat([run[name].given for run in runs]) for runs in (plain, turned))
            given = _residual(getattr(layer, "in_type", None), before, after, lead, element)
            # Added position codes look like channels that g mixes, if there are fewer samples than channels:
            # where no layer made such channels, an operation outside did.
            if given is not None and given.sure and (given.plain if scalar else given.best) > threshold:
                where = f"what happens before {name or 'everything'}, outside any module"
                return Culprit(where, "functional code", given.plain, *OUTSIDE)
            cause, fix = likely(layer, call.given, element)
            return Culprit(name or "the module itself", type(layer).__name__, out.best, cause, fix)
    return None


def _redraw(x: Tensor, generator: torch.Generator) -> Tensor:
    return redrawn(x, generator) if x.is_floating_point() else x


def _residual(
    declared: object, before: Tensor, after: Tensor, lead: AbstractDeclared, element: Element
) -> Residual | None:
    """The best explanation of `after` as g acting on `before`; None if nobody can tell."""
    field = Field(declared) if isinstance(declared, FieldType) else None
    if field is not None and field.knows(element):
        error = relative_error(field.move(before, element), after)
        return Residual(error, error, True)
    return min((_fit(candidate, after) for candidate in _candidates(before, lead, element)), default=None)


def _candidates(x: Tensor, lead: AbstractDeclared, element: Element) -> list[Tensor]:
    """x with its samples moved, channels last: (samples, channels)."""
    if element.permutation is not None:
        if x.ndim == 3 and x.shape[1] == len(element.permutation):
            return [Tokens().move(x, element).flatten(0, 1)]
        return [x] if x.ndim == 2 else []
    grid = lead.grid
    own = None if grid is None else element.within(grid.group)
    if grid is None or own is None:
        return [x] if x.ndim == 2 else []
    if x.ndim == 2 + grid.dimension and grid.keeps(own[1], tuple(x.shape[2:])):
        return [grid.move(x, own).movedim(1, -1).flatten(0, -2)]
    if x.ndim == 3:
        side = round(x.shape[1] ** (1 / grid.dimension))
        if side**grid.dimension == x.shape[1]:  # tokens of a square image
            image = x.transpose(1, 2).unflatten(2, (side,) * grid.dimension)
            return [grid.move(image, own).flatten(2).transpose(1, 2).flatten(0, 1)]
    return [x] if x.ndim == 2 else []


def _fit(moved: Tensor, after: Tensor) -> Residual:
    """after = moved, or after = moved·M with the best channel matrix M, if it is determined."""
    channels = moved.shape[-1]
    after = (
        after.movedim(1, -1) if after.ndim > 3 or (after.ndim == 3 and after.shape[-1] != channels) else after
    )
    rows = after.reshape(-1, after.shape[-1])
    if rows.shape != moved.shape:
        return Residual(float("inf"), float("inf"), True)
    plain = relative_error(moved, rows)
    enough = len(moved) > 2 * channels
    if plain <= _SMALL or not enough or not moved.is_floating_point():
        return Residual(plain, plain, enough)
    half = len(moved) // 2  # fitted on one half, judged on the other: a fit to noise does not pass
    matrix = torch.linalg.lstsq(moved[:half], rows[:half], driver="gelsd").solution
    return Residual(min(plain, relative_error(moved[half:] @ matrix, rows[half:])), plain, True)
