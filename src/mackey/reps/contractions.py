"""Invariants and equivariants of Cartesian tensors of O(n) and SO(n): contractions by δ and ε, with rank
control.

Source: the graphical calculus of symmetric tensor networks; completeness is Weyl's first fundamental theorem.
"""

import itertools
import string
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from mackey.errors import sentence
from mackey.reps.classical import Classical, Family
from mackey.reps.diagrams import Diagram, independent_diagrams, levi_civita

_MOST_SLOTS = 12  # 10395 pairings


@dataclass(frozen=True)
class Contraction:
    """One map from tensors of the ranks `inputs` to a tensor of rank `output` of R^n.

    Slots are numbered through the inputs in order, then the output. diagram: which are joined by δ, and
    which n by ε. equation: in einsum's letters, the inputs, then `deltas` times δ between two slots of the
    output, then ε if it occurs.
    """

    inputs: tuple[int, ...]
    output: int
    n: int
    diagram: Diagram
    equation: str
    deltas: int
    epsilon: Tensor = field(compare=False, repr=False)

    def __call__(self, *tensors: Tensor) -> Tensor:
        """The contraction of tensors (*b, n, …, n), (*b, n, …, n), …: (*b, n, …, n) of rank `output`."""
        _check_inputs(self, tensors)
        like = tensors[0]
        one = torch.eye(self.n, dtype=like.dtype, device=like.device)
        volumes = [self.epsilon.to(like)] * len(self.diagram.volumes)
        return torch.einsum(self.equation, *tensors, *[one] * self.deltas, *volumes)


def contractions(
    ranks: Sequence[int], n: int, *, output: int = 0, special: bool = False
) -> tuple[Contraction, ...]:
    """A basis of the O(n)-equivariant multilinear maps from tensors of these ranks to one of rank `output`.

    special: of SO(n), with ε. For small n many contractions depend on others; the first independent ones
    are kept, as many as dim Hom_G(T^ranks, T^output). On equal or symmetric tensors some agree.
    """
    slots = sum(ranks) + output
    if not ranks or min(ranks) < 0 or output < 0 or n < 1 or slots > _MOST_SLOTS:
        raise ValueError(
            sentence(
                "reps.contractions",
                wanted=f"ranks of at least 0, n of at least 1, and at most {_MOST_SLOTS} slots in all",
                got=f"ranks {list(ranks)}, output {output}, n = {n}",
                remedy="contract some tensors first",
            )
        )
    family = Family.SPECIAL_ORTHOGONAL if special else Family.ORTHOGONAL
    group = Classical(family, n, np.eye(n))
    drawn = independent_diagrams(group, (True,) * slots)
    has_volume = any(diagram.volumes for diagram in drawn)
    epsilon = torch.tensor(levi_civita(n) if has_volume else 0.0, dtype=torch.float64, device="cpu")
    found = []
    for diagram in drawn:
        equation, deltas = _equation(tuple(ranks), output, diagram)
        found.append(Contraction(tuple(ranks), output, n, diagram, equation, deltas, epsilon))
    return tuple(found)


def _equation(ranks: tuple[int, ...], output: int, diagram: Diagram) -> tuple[str, int]:
    """The einsum of a diagram, and how many δ it needs: a slot has the letter of its partner, unless both are
    in the output.
    """
    first_out = sum(ranks)
    letters = list(string.ascii_letters[: first_out + output])
    for i, j in diagram.pairs:
        if i < first_out:
            letters[j] = letters[i]
    ends = itertools.accumulate(ranks)
    terms = ["..." + "".join(letters[end - rank : end]) for end, rank in zip(ends, ranks, strict=True)]
    deltas = [letters[i] + letters[j] for i, j in diagram.pairs if i >= first_out]
    volumes = ["".join(letters[slot] for slot in volume) for volume in diagram.volumes]
    return ",".join([*terms, *deltas, *volumes]) + "->..." + "".join(letters[first_out:]), len(deltas)


def _check_inputs(contraction: Contraction, tensors: Sequence[Tensor]) -> None:
    ranks, n = contraction.inputs, contraction.n
    pairs = list(zip(tensors, ranks, strict=False))
    fits = all(t.ndim >= rank and set(t.shape[t.ndim - rank :]) <= {n} for t, rank in pairs)
    fits = fits and len(tensors) == len(ranks)
    if not fits:
        raise ValueError(
            sentence(
                "reps.Contraction",
                wanted=f"{len(ranks)} tensors whose last {list(ranks)} axes have length {n}",
                got=str([tuple(t.shape) for t in tensors]),
                remedy="put batch axes first",
            )
        )
