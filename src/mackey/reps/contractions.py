"""Invariants and equivariants of Cartesian tensors of O(n) and SO(n): contractions by δ and ε, with rank
control.

Source: the graphical calculus of symmetric tensor networks; completeness is Weyl's first fundamental theorem.
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

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
    which n by ε.
    """

    inputs: tuple[int, ...]
    output: int
    n: int
    diagram: Diagram

    @cached_property
    def equation(self) -> str:
        """In einsum's letters: the inputs, then a δ for each pair of output slots, then ε."""
        terms = [self._letters[start:end] for start, end in self._spans]
        terms = [f"...{term}" for term in terms]
        terms += [self._letters[i] + self._letters[j] for i, j in self._inner]
        terms += ["".join(self._letters[slot] for slot in volume) for volume in self.diagram.volumes]
        return ",".join(terms) + "->..." + self._letters[self._first_out :]

    @property
    def _first_out(self) -> int:
        return sum(self.inputs)

    @cached_property
    def _inner(self) -> tuple[tuple[int, int], ...]:
        """The pairs that need a δ: both in the output."""
        return tuple((i, j) for i, j in self.diagram.pairs if i >= self._first_out)

    @cached_property
    def _letters(self) -> str:
        """The letter of each slot: that of its partner, unless both are in the output."""
        letters = list(string.ascii_letters[: sum(self.inputs) + self.output])
        for i, j in self.diagram.pairs:
            if i < self._first_out:
                letters[j] = letters[i]
        return "".join(letters)

    @cached_property
    def _spans(self) -> tuple[tuple[int, int], ...]:
        ends = np.cumsum(self.inputs).tolist()
        return tuple((end - rank, end) for end, rank in zip(ends, self.inputs, strict=True))

    def __call__(self, *tensors: Tensor) -> Tensor:
        """The contraction of tensors (*b, n, …, n), (*b, n, …, n), …: (*b, n, …, n) of rank `output`."""
        _check_inputs(self, tensors)
        like = tensors[0]
        one = torch.eye(self.n, dtype=like.dtype, device=like.device)
        operands = [*tensors, *(one for _ in self._inner)]
        if self.diagram.volumes:
            volume = torch.tensor(levi_civita(self.n), dtype=like.dtype, device=like.device)
            operands += [volume for _ in self.diagram.volumes]
        return torch.einsum(self.equation, *operands)


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
    found = independent_diagrams(group, (True,) * slots)
    return tuple(Contraction(tuple(ranks), output, n, diagram) for diagram in found)


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
