"""How equivariant a module is: |f(gx) − g f(x)| for each element and output, in its own dtype and in
float64.
"""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mackey.audit.blame import first_culprit
from mackey.audit.report import Report, Row
from mackey.audit.types import AbstractDeclared, Group, declare, elements_of, resolve_group
from mackey.errors import sentence
from mackey.fields import FieldType, Guarantee

TOLERANCE = 1e-10  # DESIGN: exact means an error at float64 below 1e-10

Declaration = str | FieldType | tuple[str | FieldType, ...]


def audit(
    module: nn.Module,
    inputs: Tensor | tuple[Tensor, ...],
    *,
    in_type: Declaration = "image",
    out_type: Declaration = "invariant",
    group: Group = "p4m",
    amplify: bool = False,
    seed: int = 0,
) -> Report:
    """Measure whether f(gx) = g f(x), and name the first layer that breaks it. Works on any module, on a copy
    of it.

    in_type, out_type: "image" (b, c, *spatial), "invariant", "tokens" (b, n, c), or a FieldType; one for each
    tensor. group: a name, a lattice or point group, or "Sym". amplify: enlarge small weights on the copy
    first; at default initialisation attention is nearly uniform, and a broken layer can look equivariant to
    1e-5. Raises ValueError for non-finite or undeclared inputs, unknown types and groups.
    """
    tensors = inputs if isinstance(inputs, tuple) else (inputs,)
    acting = resolve_group(group)
    in_types = _declarations(in_type, len(tensors), acting, "audit in_type")
    _check_inputs(tensors)
    generator = torch.Generator().manual_seed(seed)
    elements, notes = elements_of(tensors[0], in_types[0], acting, generator)
    own = _copy(module, amplify)
    random = _randomness(own, tensors)
    exact = copy.deepcopy(own).double()
    measured = _Measured(own, exact, tensors, in_types, out_type, acting)
    rows = [row for label, element in elements for row in measured.rows(label, element)]
    worst = max((row.error64 for row in rows), default=0.0)
    passed = worst <= TOLERANCE and not random
    culprit = None
    if worst > TOLERANCE and not random:
        element = dict(elements)[max(rows, key=lambda row: row.error64).element]
        doubles = tuple(_to(t, torch.float64) for t in tensors)
        culprit = first_culprit(exact, doubles, in_types, element, generator)
    guarantee = getattr(module, "guarantee", None)
    promised = isinstance(guarantee, Guarantee) and guarantee.kind == "exact"
    declared = str(guarantee) if not passed and promised else None
    mode = "train" if module.training else "eval"
    if TOLERANCE < worst < 1e-5:
        notes.append("an error of this size in float64 is what weights or tables stored in float32 leave")
    notes = [*random, f"measured in {mode} mode{', weights amplified' if amplify else ''}", *notes]
    return Report(
        str(acting or group), passed, worst, TOLERANCE, tuple(rows), culprit, declared, tuple(notes)
    )


@dataclass(frozen=True)
class _Measured:
    own: nn.Module
    exact: nn.Module
    tensors: tuple[Tensor, ...]
    in_types: tuple[AbstractDeclared, ...]
    out_type: Declaration
    group: Any

    def rows(self, label: str, element: Any) -> list[Row]:
        moved = tuple(t.move(x, element) for t, x in zip(self.in_types, self.tensors, strict=True))
        plain, turned = _run(self.own, self.tensors), _run(self.own, moved)
        plain64 = _run(self.exact, tuple(_to(x, torch.float64) for x in self.tensors))
        turned64 = _run(self.exact, tuple(_to(x, torch.float64) for x in moved))
        out_types = _declarations(self.out_type, len(plain), self.group, "audit out_type")
        found = []
        for index, declared in enumerate(out_types):
            wanted64 = declared.move(plain64[index], element)
            error = _relative(turned[index].double(), declared.move(plain[index], element).double())
            found.append(
                Row(
                    label,
                    f"output {index}",
                    error,
                    _relative(turned64[index], wanted64),
                    _relative(plain[index].double(), plain64[index]),
                )
            )
        return found


def _declarations(declared: Declaration, count: int, group: Any, where: str) -> tuple[AbstractDeclared, ...]:
    given = declared if isinstance(declared, tuple) else (declared,)
    if len(given) != count:
        raise ValueError(
            sentence(
                where,
                wanted=f"one type for each of {count} tensors",
                got=f"{len(given)}",
                remedy='declare every tensor; "invariant" for what does not move',
            )
        )
    return tuple(declare(one, group, where) for one in given)


def _check_inputs(tensors: tuple[Tensor, ...]) -> None:
    for index, x in enumerate(tensors):
        if x.is_floating_point() and not bool(x.isfinite().all()):
            bad = int((~x.isfinite()).sum())
            raise ValueError(
                sentence(
                    "audit",
                    wanted="finite inputs",
                    got=f"{bad} numbers that are not in tensor {index}",
                    remedy="an error cannot be measured on NaN or infinity; clean the input",
                )
            )


def _copy(module: nn.Module, amplify: bool) -> nn.Module:
    try:
        twin = copy.deepcopy(module)
    except (RuntimeError, TypeError) as reason:
        raise ValueError(
            sentence(
                "audit",
                wanted="a module that can be copied, since yours is not to change",
                got=str(reason),
                remedy="build the module afresh, before running it",
            )
        ) from reason
    if amplify:
        with torch.no_grad():
            for parameter in twin.parameters():
                if parameter.ndim > 1 and parameter.numel() > 1:
                    parameter.mul_(max(1.0, 0.5 / float(parameter.std().clamp(min=1e-12))))
    return twin


def _to(x: Tensor, dtype: torch.dtype) -> Tensor:
    return x.to(dtype) if x.is_floating_point() else x


def _run(module: nn.Module, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The outputs, with buffers put back, so that running statistics do not drift between calls."""
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    with torch.no_grad():
        out = module(*tensors)
        for name, buffer in module.named_buffers():
            buffer.copy_(before[name])
    return (out,) if isinstance(out, Tensor) else tuple(out)


def _relative(value: Tensor, wanted: Tensor) -> float:
    if value.shape != wanted.shape or not value.numel():
        return 0.0 if value.shape == wanted.shape else float("inf")
    error = (value - wanted).abs().max() / wanted.abs().max().clamp(min=1e-300)
    return float(error) if bool(error.isfinite()) else float("inf")


def _randomness(module: nn.Module, tensors: tuple[Tensor, ...]) -> list[str]:
    """Two identical calls must agree."""
    with torch.random.fork_rng(devices=[]):
        first, second = _run(module, tensors), _run(module, tensors)
    if all(_relative(a, b) < 1e-6 for a, b in zip(first, second, strict=True)):
        return []
    active = [name for name, m in module.named_modules() if m.training and "Dropout" in type(m).__name__]
    culprit = f"dropout is active in {', '.join(active)}" if active else "some layer draws random numbers"
    return [f"two identical calls disagree: {culprit}; call .eval() or audit the deterministic part"]
