"""How equivariant a module is: |f(gx) − g f(x)| for each element and output, in its own dtype and in
float64.
"""

import copy
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from mackey.audit import networks
from mackey.audit.blame import first_culprit
from mackey.audit.elements import Element, Group, Tested, motions, permutations, resolve_group
from mackey.audit.experiment import FLOAT32, Declaration, Experiment, Outputs, declarations
from mackey.audit.networks import Tensors, in_float64
from mackey.audit.report import Report, Row
from mackey.audit.types import AbstractDeclared
from mackey.errors import sentence
from mackey.fields import FieldType, Guarantee
from mackey.groups import AbstractGroup, LatticeGroup, Symmetric, lattice_named

TOLERANCE = 1e-10  # DESIGN: exact means an error at float64 below 1e-10
_ROUNDINGS = 100  # so many roundings are still rounding: they add up over the layers


def audit(
    module: nn.Module,
    inputs: Tensor | tuple[Tensor, ...] | list[Tensor],
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
    first, and draw those that are all zero; at default initialisation attention is nearly uniform, and a
    broken layer can look equivariant to 1e-5.

    The error is relative to the largest number of the output. Where the output is so small that rounding
    shows (an invariant that is zero), it is relative to 1e12 times the change that relative changes of 2^-52
    in inputs and weights make: 100 such roundings pass, and nothing larger. Elements off the grid (r45° on
    pixels) have rows of their own, on smooth images, and do not count.

    Raises ValueError for inputs and groups on which nothing can be tested: not finite, empty, the same after
    every element, undeclared.
    """
    tensors = tuple(x.detach() for x in (inputs if isinstance(inputs, tuple | list) else (inputs,)))
    networks.check_inputs(tensors)
    acting = resolve_group(group)
    in_types = declarations(in_type, list(tensors), acting, "audit in_type")
    cuda = sorted({x.device.index for x in (*tensors, *module.parameters()) if x.is_cuda})
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        tested = _tested(tensors, in_types, acting, generator)
        own = networks.prepared(module, amplify, generator)
        exact = copy.deepcopy(own).double()
        experiment = Experiment(own, exact, tensors, in_types, out_type, acting, generator)
        report = _judge(module, experiment, tested)
    mode = (
        f"measured in {'train' if module.training else 'eval'} mode{', weights amplified' if amplify else ''}"
    )
    first = 1 if report.finding == "random" else 0
    return replace(report, notes=(*report.notes[:first], mode, *report.notes[first:]))


def _tested(
    tensors: Tensors,
    in_types: tuple[AbstractDeclared, ...],
    group: LatticeGroup | Symmetric | None,
    generator: torch.Generator,
) -> Tested:
    """The elements of the group that move the input."""
    moving = [(t, x) for t, x in zip(in_types, tensors, strict=True) if t.moves]
    if not moving:
        raise ValueError(
            sentence(
                "audit in_type",
                wanted="an input that the group moves",
                got='"invariant" for every tensor',
                remedy='declare what moves, for example "image" or "tokens"',
            )
        )
    lead, x = next(((t, x) for t, x in moving if t.grid is not None), moving[0])
    if isinstance(group, LatticeGroup):
        known = lead.grid is not None and lead.grid.dimension == group.dimension
        tested = motions(group, tuple(x.shape[2:]) if known else None, generator)
    else:
        tested = permutations(group.n if group is not None else x.shape[1], generator)
    still = [e for e in tested.exact if all(torch.equal(t.move(x, e), x) for t, x in moving)]
    if len(still) == len(tested.exact):
        raise ValueError(
            sentence(
                "audit",
                wanted=f"inputs that {tested.group} moves",
                got=f"gx = x for all {len(still)} elements tested",
                remedy="give inputs without that symmetry, such as noise",
            )
        )
    if not still:
        return tested
    note = f"not tested, because the input is symmetric under them: {', '.join(e.label for e in still)}"
    exact = [element for element in tested.exact if element not in still]
    return replace(tested, exact=exact, whole=False, notes=[*tested.notes, note])


def _judge(module: nn.Module, experiment: Experiment, tested: Tested) -> Report:
    """Random, vacuous, equivariant, rounded or broken, in this order."""
    plain = experiment.outputs(experiment.tensors)
    networks.check_outputs(plain.own, "its own dtype")
    networks.check_outputs(plain.exact, "float64")
    experiment.out_types(plain)
    count = f"{len(tested.exact)} of {tested.total} elements of {tested.group}"
    scope = tested.group if tested.whole else count
    empty = Report(tested.group, scope, "random", 0.0, TOLERANCE, (), None, None, tuple(tested.notes))
    again = networks.run(experiment.own, experiment.tensors)
    random = networks.disagreement(experiment.own, plain.own, again)
    if random is not None:
        return replace(empty, notes=(random, *tested.notes))
    depends = experiment.depends(plain)
    if not depends:
        return replace(empty, finding="vacuous")
    constant = [f"{name} does not depend on the input" for name in plain.own if name not in depends]
    rounding = experiment.rounding(plain)
    floors = {name: size * _ROUNDINGS / TOLERANCE for name, size in rounding.items()}
    rows = [row for element in tested.exact for row in experiment.rows(element, plain, floors)]
    failing = [row for row in rows if not row.error64 <= TOLERANCE]
    rows += [row for element in tested.aliased for row in experiment.aliased_rows(element, floors)]
    worst = max(row.error64 for row in rows if row.counted)
    found = replace(empty, rows=tuple(rows), worst=worst, notes=(*tested.notes, *constant))
    if not failing:
        return replace(found, finding="equivariant")
    if worst < 1e-5 and _is_rounding(experiment, plain, failing, floors):
        return replace(found, finding="rounded")
    elements = {element.label: element for element in tested.exact}
    most = elements[max(failing, key=lambda row: row.error64).element]
    doubles = tuple(in_float64(x) for x in experiment.tensors)
    culprit = first_culprit(experiment.exact, doubles, experiment.in_types, most, experiment.generator)
    if culprit is None:
        found = replace(found, notes=(*found.notes, "no layer could be named: see which are scripted"))
    declared = _promise(module, [elements[row.element] for row in failing])
    return replace(found, finding="broken", culprit=culprit, declared=declared)


def _is_rounding(
    experiment: Experiment, plain: Outputs, failing: list[Row], floors: Mapping[str, float]
) -> bool:
    """Whether rounding the weights to float32 (w to w(1 ± 2^-24)) moves the output as much as the error."""
    weights = [*experiment.own.parameters(), *experiment.own.buffers()]
    if not any(w.dtype == torch.float32 for w in weights):
        return False
    moved = experiment.changes(plain, FLOAT32)
    size = {name: max(float(y.abs().max()), floors[name]) for name, y in plain.exact.items()}
    return all(row.error64 * size[row.output] <= 4 * moved[row.output] for row in failing)


def _promise(module: nn.Module, broken_by: list[Element]) -> str | None:
    """What the module declares, if one of these elements is in the group that it declares."""
    guarantee = getattr(module, "guarantee", None)
    if not isinstance(guarantee, Guarantee) or guarantee.kind not in ("exact", "exact_on_grid"):
        return None
    group = _declared_group(module, guarantee)
    within = group is not None and any(element.within(group) is not None for element in broken_by)
    return str(guarantee) if within else None


def _declared_group(module: nn.Module, guarantee: Guarantee) -> AbstractGroup | None:
    in_type = getattr(module, "in_type", None)
    if isinstance(in_type, FieldType):
        return in_type.domain.group
    try:
        return lattice_named(guarantee.group)
    except ValueError:  # a group without a name: nobody can tell what it contains
        return None
