"""A random module, run many times on x, on gx and on another input: is its mean equivariant?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mackey.actions import AbstractTensorType
from mackey.audit import networks
from mackey.audit.element import Element
from mackey.audit.expectation import Bias, Expectation
from mackey.audit.experiment import Experiment, Outputs
from mackey.audit.networks import numbers, redrawn
from mackey.audit.sign_flips import Mean, compare_means, slope
from mackey.errors import sentence

LEAST = 64  # samples: with fewer there is no slope, and what happens once in 20 calls may not be seen
_WIDTH = 1024  # numbers kept of each output
_ROUNDING = 1e-10  # DESIGN: an error below that is rounding

Named = Mapping[str, AbstractTensorType]


@dataclass(frozen=True)
class Sketch:
    """Sums of numbers with random signs in 1024 places: keeps lengths, on average exactly, to a few percent;
    few numbers are kept as they are. Source: Charikar, Chen, Farach-Colton 2002.
    """

    places: Tensor
    signs: Tensor

    @classmethod
    def of(cls, y: Tensor, generator: torch.Generator) -> "Sketch":
        count = numbers(y).numel() * (2 if y.is_complex() else 1)
        if count <= _WIDTH:
            return cls(torch.arange(count), torch.ones(count, dtype=torch.float64))
        places = torch.randint(_WIDTH, (count,), generator=generator)
        return cls(places, 2.0 * torch.randint(2, (count,), generator=generator).double() - 1)

    def __call__(self, y: Tensor) -> Tensor:
        y = numbers(y).cpu()
        flat = (torch.view_as_real(y) if y.is_complex() else y).flatten()
        if len(flat) != len(self.places):
            raise ValueError(
                sentence(
                    "audit samples",
                    wanted="outputs of one shape in all calls",
                    got=f"{len(flat)} numbers after {len(self.places)}",
                    remedy="pad what is drawn, or audit a layer before it",
                )
            )
        return torch.zeros(min(len(flat), _WIDTH), dtype=torch.float64).index_add_(
            0, self.places, self.signs * flat
        )


def check_samples(samples: int | None) -> None:
    """Raise for so few that nothing could follow."""
    if samples is not None and samples != 0 and samples < LEAST:
        raise ValueError(
            sentence(
                "audit samples",
                wanted=f"at least {LEAST}, or 0 for none",
                got=str(samples),
                remedy="means of fewer calls tell nothing; 256 is a good number",
            )
        )


def averaged(
    experiment: Experiment, elements: Sequence[Element], samples: int, plain: Outputs
) -> Expectation:
    """Compare the mean of f(gx) with that of g f(x), over calls that draw anew each time, in float64.

    The mean over another input says how large a bias would be large. Costs samples × (2 + elements) passes.
    """
    types = experiment.out_types(plain)
    sketches = {name: Sketch.of(y, experiment.generator) for name, y in plain.exact.items()}
    here, turned = _plain(experiment, elements, samples, types, sketches)
    others = _other(experiment, samples, sketches)
    keys = [(element.label, name) for element in elements for name in types]
    differences = []
    for element in elements:
        found = _runs(experiment, experiment.moved(element), samples, sketches)
        differences += [found[name] - turned[element.label, name] for name in types]
    scales = {name: float(y.square().sum(1).mean().sqrt()) for name, y in here.items()}
    passes, scale = samples * (1 + len(elements)), "it is"
    if others is not None:
        passes, scale = passes + samples, "another input changes"
        moved = [others[name] - here[name] for name in types]
        far = compare_means(moved, [_ROUNDING * scales[name] for name in types], experiment.generator)
        for name, one in zip(types, far, strict=True):
            scales[name] = (max(one.size**2 - one.noise**2, 0.0) ** 0.5) if one.rejected else 0.0
    sizes = {name: float(y.square().sum(1).mean().sqrt()) for name, y in here.items()}
    means = compare_means(differences, [_ROUNDING * sizes[name] for _, name in keys], experiment.generator)
    rows = tuple(
        _bias(*key, difference, mean, scales[key[1]], _ROUNDING * sizes[key[1]])
        for key, difference, mean in zip(keys, differences, means, strict=True)
    )
    return Expectation(samples, passes, rows, scale)


def _bias(label: str, name: str, difference: Tensor, mean: Mean, scale: float, zero: float) -> Bias:
    """In units of the scale; all zero where the difference is rounding."""
    if mean.limit <= zero:
        return Bias(label, name, 0.0, 0.0, 0.0, False, None, 0.0, 0.0)
    bias, noise, limit = (x / scale if scale > 0 else math.inf for x in (mean.size, mean.noise, mean.limit))
    ratio = mean.size / mean.noise if mean.noise > 0 else 0.0
    return Bias(label, name, bias, noise, limit, mean.rejected, *slope(difference), ratio, mean.skewed)


def _plain(
    experiment: Experiment,
    elements: Sequence[Element],
    samples: int,
    types: Named,
    sketches: Mapping[str, Sketch],
) -> tuple[dict[str, Tensor], dict[tuple[str, str], Tensor]]:
    """f(x) of every call, and g f(x) by element and output."""
    here: dict[str, list[Tensor]] = {name: [] for name in types}
    turned: dict[tuple[str, str], list[Tensor]] = {(e.label, name): [] for e in elements for name in types}
    for _ in range(samples):
        for name, y in _run(experiment, experiment.doubles).items():
            here[name].append(sketches[name](y))
            for element in elements:
                moved = types[name].act(numbers(y), element.motion)
                turned[element.label, name].append(sketches[name](moved))
    return {k: torch.stack(v) for k, v in here.items()}, {k: torch.stack(v) for k, v in turned.items()}


def _runs(
    experiment: Experiment, inputs: networks.Tensors, samples: int, sketches: Mapping[str, Sketch]
) -> dict[str, Tensor]:
    found: dict[str, list[Tensor]] = {name: [] for name in sketches}
    for _ in range(samples):
        for name, y in _run(experiment, inputs).items():
            found[name].append(sketches[name](y))
    return {name: torch.stack(values) for name, values in found.items()}


def _run(experiment: Experiment, inputs: networks.Tensors) -> dict[str, Tensor]:
    found = networks.run(experiment.exact, inputs)
    networks.check_outputs(found, "float64")
    return found


def _other(experiment: Experiment, samples: int, sketches: Mapping[str, Sketch]) -> dict[str, Tensor] | None:
    """f of another input of the same size; None if it refuses other numbers."""
    other = tuple(
        _another(x, experiment.generator) if t.moves else x
        for t, x in zip(experiment.in_types, experiment.doubles, strict=True)
    )
    try:
        return _runs(experiment, other, samples, sketches)
    except ValueError:
        return None


def _another(x: Tensor, generator: torch.Generator) -> Tensor:
    """Normal, with the mean and deviation of x; integers in another order."""
    if x.dtype != torch.float64 or x.numel() < 2:
        return redrawn(x, generator)
    drawn = torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x)
    return x.mean() + x.std() * drawn
