"""Running somebody else's module: on copies and clones, with one sentence for what it raises or returns."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mackey.errors import sentence

Tensors = tuple[Tensor, ...]
_AMPLIFIED = 0.5  # DESIGN: the standard deviation at which attention is far from uniform


def prepared(module: nn.Module, amplify: bool, generator: torch.Generator) -> nn.Module:
    """A copy without gradients; amplify enlarges small weights, and draws those that are all zero."""
    if any(t.is_meta for t in (*module.parameters(), *module.buffers())):
        raise ValueError(
            sentence(
                "audit",
                wanted="a module with weights",
                got="weights on the meta device",
                remedy="load or initialise them first (module.to_empty)",
            )
        )
    module = getattr(
        module, "_orig_mod", module
    )  # what torch.compile wraps: compiling each copy takes minutes
    try:
        twin = copied(module)
    except (RuntimeError, TypeError) as reason:
        raise ValueError(
            sentence(
                "audit",
                wanted="a module that can be copied, since yours is not to change",
                got=str(reason),
                remedy="build the module afresh, before running it",
            )
        ) from reason
    for parameter in twin.parameters():
        parameter.grad = None
        if amplify:
            _enlarge(parameter, generator)
    return twin


def copied(module: nn.Module) -> nn.Module:
    """A copy whose weights are leaves; copies of scripted modules are not, where gradients are recorded."""
    with torch.no_grad():
        return copy.deepcopy(module)


def _enlarge(parameter: nn.Parameter, generator: torch.Generator) -> None:
    with torch.no_grad():
        if parameter.requires_grad and not bool(
            parameter.any()
        ):  # a zero-initialised gate hides what it gates
            drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(_AMPLIFIED * drawn)
        elif parameter.ndim > 1 and parameter.numel() > 1:
            parameter.mul_(max(1.0, _AMPLIFIED / float(parameter.std().clamp(min=1e-12))))


def in_float64(x: Tensor) -> Tensor:
    """The same numbers in double precision; integers and booleans stay, they index."""
    if x.is_complex():
        return x.to(torch.complex128)
    return x.double() if x.is_floating_point() else x


def numbers(y: Tensor) -> Tensor:
    """An output in double precision, integers and booleans too."""
    return y.to(torch.complex128 if y.is_complex() else torch.float64)


def run(
    module: nn.Module, tensors: Tensors, wanted: str = "a module that runs on these inputs"
) -> dict[str, Tensor]:
    """The outputs by name. The inputs are cloned and the buffers put back: a module may write on both."""
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    with torch.no_grad():
        try:
            out = module(*(x.detach().clone() for x in tensors))
        except Exception as reason:
            got = f"{type(reason).__name__}: {reason}"
            remedy = "run it by hand on the same inputs"
            raise ValueError(sentence("audit", wanted=wanted, got=got, remedy=remedy)) from reason
        for name, buffer in module.named_buffers():
            if name in before and buffer.shape == before[name].shape:
                buffer.copy_(before[name])
    found = dict(_named(out, ()))
    if not found:
        raise ValueError(
            sentence(
                "audit", wanted="a module that returns a tensor", got=repr(out), remedy="return its output"
            )
        )
    return found


def _named(out: Any, path: tuple[str, ...]) -> list[tuple[str, Tensor]]:
    """Tensors of nested tuples, lists and dicts, each by its path; None is left out."""
    if isinstance(out, Tensor):
        return [(f"output {'.'.join(path) or 0}", out.detach().clone())]
    if out is None:
        return []
    if isinstance(out, Mapping):
        return [pair for key, value in out.items() for pair in _named(value, (*path, str(key)))]
    if isinstance(out, tuple | list):
        return [pair for index, value in enumerate(out) for pair in _named(value, (*path, str(index)))]
    raise ValueError(
        sentence(
            "audit",
            wanted="tensors as outputs, alone or in tuples, lists and dicts",
            got=f"a {type(out).__name__}",
            remedy="return tensors, or wrap the module in one that does",
        )
    )


def check_inputs(tensors: Tensors) -> None:
    """Raise for an empty batch and for numbers that are not finite."""
    for index, x in enumerate(tensors):
        if not x.numel():
            got = f"tensor {index} of shape {tuple(x.shape)}"
            remedy = "nothing can be measured on no numbers"
            raise ValueError(sentence("audit", wanted="inputs with numbers in them", got=got, remedy=remedy))
        bad = int((~x.isfinite()).sum())
        if bad:
            raise ValueError(
                sentence(
                    "audit",
                    wanted="finite inputs",
                    got=f"{bad} numbers that are not in tensor {index}",
                    remedy="an error cannot be measured on NaN or infinity; clean the input",
                )
            )


def check_outputs(outputs: Mapping[str, Tensor], precision: str) -> None:
    """Raise where the output is not finite: an error cannot be measured there."""
    for name, y in outputs.items():
        bad = int((~y.isfinite()).sum())
        if bad:
            raise ValueError(
                sentence(
                    "audit",
                    wanted="finite outputs",
                    got=f"{name} with {bad} of {y.numel()} numbers that are not finite in {precision}",
                    remedy="look for NaN in the weights, or for an overflow",
                )
            )


def disagreement(module: nn.Module, first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> str | None:
    """What to say if two identical calls disagree."""
    if all(_close(first[name], second[name]) for name in first):
        return None
    active = [name for name, m in module.named_modules() if m.training and "Dropout" in type(m).__name__]
    culprit = f"dropout is active in {', '.join(active)}" if active else "some layer draws random numbers"
    return f"two identical calls disagree: {culprit}; call .eval() or audit the deterministic part"


def _close(a: Tensor, b: Tensor) -> bool:
    """Equal up to the order of summation of a parallel machine."""
    if a.shape != b.shape:
        return False
    a, b = numbers(a), numbers(b)
    return not a.numel() or bool((a - b).abs().max() <= 1e-6 * a.abs().max())


def shaken(module: nn.Module, relative: float, generator: torch.Generator) -> nn.Module:
    """A copy whose weights w are w(1 ± relative), signs at random: how rounding moves the output."""
    twin = copied(module)
    with torch.no_grad():
        for weight in (*twin.parameters(), *twin.buffers()):
            weight.copy_(shaken_tensor(weight, relative, generator))
    return twin


def shaken_tensor(x: Tensor, relative: float, generator: torch.Generator) -> Tensor:
    """x(1 ± relative); integers as they are."""
    if not x.is_floating_point():
        return x
    signs = 2.0 * torch.randint(2, x.shape, generator=generator).to(x) - 1
    return x * (1 + relative * signs)


def redrawn(x: Tensor, generator: torch.Generator) -> Tensor:
    """Another input of the same kind: normal with the same size, or the same integers in another order."""
    if x.is_floating_point():
        scale = float(x.abs().max()) or 1.0
        return scale / 2 * torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x)
    return x.flatten()[torch.randperm(x.numel(), generator=generator).to(x.device)].view(x.shape)
