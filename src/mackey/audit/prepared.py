"""What is measured: copies of the module, its inputs with their types, and the elements that move them."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mackey.actions import Declaration, GroupLike, acting, declarations
from mackey.audit import networks
from mackey.audit.elements import Tested, tested
from mackey.audit.experiment import Experiment
from mackey.errors import sentence


@contextmanager
def prepared(
    module: nn.Module,
    inputs: Tensor | tuple[Tensor, ...] | list[Tensor],
    in_type: Declaration,
    out_type: Declaration,
    group: GroupLike,
    amplify: bool,
    seed: int,
) -> Iterator[Experiment]:
    """An experiment on copies of the module; while it lasts, the global generators are seeded and put back
    afterwards.
    """
    tensors = tuple(x.detach() for x in (inputs if isinstance(inputs, tuple | list) else (inputs,)))
    networks.check_inputs(tensors)
    moving = acting(group)
    in_types = declarations(in_type, list(tensors), moving.space, "audit in_type")
    cuda = sorted({x.device.index for x in (*tensors, *module.parameters()) if x.is_cuda})
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        own = networks.prepared(module, amplify, generator)
        exact = networks.copied(own).double()
        yield Experiment(own, exact, tensors, in_types, out_type, moving, generator)


def moving_elements(experiment: Experiment) -> Tested:
    """The elements of the group that move the input."""
    if not any(t.moves for t in experiment.in_types):
        raise ValueError(
            sentence(
                "audit in_type",
                wanted="an input that the group moves",
                got='"invariant" for every tensor',
                remedy='declare what moves, for example "image", "positions" or "tokens"',
            )
        )
    found = tested(experiment.acting, experiment.in_types, experiment.tensors, experiment.generator)
    doubles = experiment.doubles
    still = [e for e in found.exact if _same(experiment.moved(e), doubles)]
    if len(still) == len(found.exact):
        raise ValueError(
            sentence(
                "audit",
                wanted=f"inputs that {found.group} moves",
                got=f"gx = x for all {len(still)} elements tested",
                remedy="give inputs without that symmetry, such as noise",
            )
        )
    if not still:
        return found
    return found.without(still)


def _same(a: networks.Tensors, b: networks.Tensors) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
