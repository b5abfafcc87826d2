"""G × H on R^a ⊕ R^b, and R^n ⋊ H: what is built from other Lie groups."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Float
from mackey.errors import sentence
from mackey.groups.lie import (
    AbstractLieGroup,
    AbstractLinearGroup,
    gaussian,
    is_unimodular_algebra,
    joint_length,
    no_quadrature,
    refuse_no_points,
    relative,
)
from mackey.groups.matrix import AbstractMatrixGroup, Quadrature


@dataclass(frozen=True, repr=False)
class DirectProduct(AbstractLinearGroup):
    """G × H × …, block-diagonal; coordinates one after the other. |a|² = Σ|a_i|²."""

    factors: tuple[AbstractLinearGroup, ...]

    @property
    def name(self) -> str:  # type: ignore[override]
        return "×".join(factor.name for factor in self.factors)

    @property
    def size(self) -> int:  # type: ignore[override]
        return sum(factor.size for factor in self.factors)

    @property
    def is_compact(self) -> bool:  # type: ignore[override]
        return all(factor.is_compact for factor in self.factors)

    @property
    def is_unimodular(self) -> bool:  # type: ignore[override]
        return all(factor.is_unimodular for factor in self.factors)

    @property
    def has_irreps(self) -> bool:  # type: ignore[override]
        return False

    @property
    def law(self) -> str:  # type: ignore[override]
        laws = [factor.law for factor in self.factors]
        return laws[0] if len(set(laws)) == 1 else "; ".join(laws)

    @property
    def generators(self) -> tuple[Tensor, ...]:  # type: ignore[override]
        return tuple(
            block_diagonal([g if i == k else other.identity for k, other in enumerate(self.factors)])
            for i, factor in enumerate(self.factors)
            for g in factor.generators
        )

    @cached_property
    def lie_algebra(self) -> np.ndarray:  # type: ignore[override]
        starts = np.cumsum([0, *(factor.size for factor in self.factors)])
        padded = [
            np.pad(
                factor.lie_algebra.reshape(-1, factor.size, factor.size),
                ((0, 0), *[(int(start), int(self.size - start - factor.size))] * 2),
            )
            for factor, start in zip(self.factors, starts[:-1], strict=True)
        ]
        return np.concatenate(padded)

    def inverse(self, a: Tensor) -> Tensor:
        return block_diagonal([f.inverse(part) for f, part in zip(self.factors, self.split(a), strict=True)])

    def split(self, a: Float[Tensor, "*b n n"]) -> list[Tensor]:
        """The element of each factor."""
        parts, start = [], 0
        for factor in self.factors:
            stop = start + factor.size
            parts.append(a[..., start:stop, start:stop])
            start = stop
        return parts

    def exp(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return block_diagonal([f.exp(v) for f, v in self._coordinates(coordinates)])

    def log(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b k"]:
        return torch.cat([f.log(part) for f, part in zip(self.factors, self.split(a), strict=True)], -1)

    def average(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return block_diagonal([f.average(v) for f, v in self._coordinates(coordinates)])

    def average_inverse(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        return block_diagonal([f.average_inverse(v) for f, v in self._coordinates(coordinates)])

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "m n n"]:  # type: ignore[override]
        return block_diagonal([factor.sample(count, generator) for factor in self.factors])

    def quadrature(self, count: int) -> Quadrature:
        """The product rule, each factor with the same number of points or more."""
        if not self.is_compact:
            raise no_quadrature(self.name, "which is not compact: its Haar measure is infinite")
        refuse_no_points(self.name, count)
        each = 1
        while each ** len(self.factors) < count:
            each += 1
        total = self.factors[0].quadrature(each)
        for factor in self.factors[1:]:
            rule = factor.quadrature(each)
            left = total.elements[:, None].expand(-1, len(rule.weights), -1, -1).flatten(0, 1)
            right = rule.elements.repeat(len(total.weights), 1, 1)
            weights = (total.weights[:, None] * rule.weights).flatten()
            total = Quadrature(block_diagonal([left, right]), weights)
        return total

    def length(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        each = [f.length(part) for f, part in zip(self.factors, self.split(a), strict=True)]
        return joint_length(torch.stack(each, -1))

    def violation(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        parts = self.split(a)
        worst = relative(a - block_diagonal(parts), a)
        for factor, part in zip(self.factors, parts, strict=True):
            worst = torch.maximum(worst, factor.violation(part))
        return worst

    def _coordinates(self, coordinates: Tensor) -> list[tuple[AbstractLinearGroup, Tensor]]:
        parts = coordinates.split([len(factor.lie_algebra) for factor in self.factors], -1)
        return list(zip(self.factors, parts, strict=True))


@dataclass(frozen=True, repr=False)
class SemidirectProduct(AbstractLieGroup):
    """R^n ⋊ H, x → h x + t, by the matrices [[h, t], [0, 1]]; coordinates: translations first, then H's.

    exp(u, v) = (exp v, ∫₀¹ exp(sv) ds u). |(t, h)|² = |h|² + (|t|² + |h⁻¹t|²)/2: √(|t|² + θ²) for isometries.
    """

    linear: AbstractLinearGroup
    name: str = field(compare=False)

    is_compact = False
    has_irreps = False

    @property
    def dimension(self) -> int:  # type: ignore[override]
        return self.linear.size

    @property
    def size(self) -> int:  # type: ignore[override]
        return self.linear.size + 1

    @property
    def law(self) -> str:  # type: ignore[override]
        return f"translations standard normal; {self.linear.name}: {self.linear.law}"

    @cached_property
    def is_unimodular(self) -> bool:  # type: ignore[override]
        return is_unimodular_algebra(self.lie_algebra, self.generators)

    @property
    def generators(self) -> tuple[Tensor, ...]:  # type: ignore[override]
        still = torch.zeros(self.dimension, dtype=torch.float64, device="cpu")
        return tuple(self.element(still, h) for h in self.linear.generators)

    @cached_property
    def lie_algebra(self) -> np.ndarray:  # type: ignore[override]
        n = self.dimension
        shifts = np.zeros((n, n + 1, n + 1))
        shifts[range(n), range(n), n] = 1
        turns = self.linear.lie_algebra.reshape(-1, n, n)
        return np.concatenate([shifts, np.pad(turns, ((0, 0), (0, 1), (0, 1)))])

    def element(self, translation: Float[Tensor, "*b d"], linear: Float[Tensor, "*b d d"]) -> Tensor:
        """[[h, t], [0, 1]]."""
        above = torch.cat([linear, translation[..., None]], -1)
        below = torch.zeros_like(above[..., :1, :])
        below = torch.cat([below[..., :-1], torch.ones_like(below[..., -1:])], -1)
        return torch.cat([above, below], -2)

    def split(self, a: Float[Tensor, "*b n n"]) -> tuple[Tensor, Tensor]:
        """(t, h)."""
        return a[..., :-1, -1], a[..., :-1, :-1]

    def inverse(self, a: Tensor) -> Tensor:
        """(−h⁻¹t, h⁻¹)."""
        t, h = self.split(a)
        back = self.linear.inverse(h)
        return self.element(-self.linear.act(back, t), back)

    def act(self, a: Tensor, points: Tensor) -> Tensor:  # type: ignore[override]
        t, h = self.split(a)
        return self.linear.act(h, points) + t

    def exp(self, coordinates: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n n"]:
        u, v = coordinates[..., : self.dimension], coordinates[..., self.dimension :]
        return self.element(self.linear.act(self.linear.average(v), u), self.linear.exp(v))

    def log(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b k"]:
        """(V⁻¹t, log h): reached where log h is."""
        t, h = self.split(a)
        v = self.linear.log(h)
        return torch.cat([self.linear.act(self.linear.average_inverse(v), t), v], -1)

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "m n n"]:  # type: ignore[override]
        translation = gaussian((count, self.dimension), generator)
        return self.element(translation, self.linear.sample(count, generator))

    def quadrature(self, count: int) -> Quadrature:
        raise no_quadrature(self.name, "which is not compact: its Haar measure is infinite")

    def length(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        t, h = self.split(a)
        back = self.linear.act(self.linear.inverse(h), t)
        moved = torch.cat([t, back], -1) / 2**0.5
        both = torch.cat([moved, self.linear.length(h)[..., None]], -1)
        return joint_length(both)

    def violation(self, a: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b"]:
        t, h = self.split(a)
        return torch.maximum(relative(a - self.element(t, h), a), self.linear.violation(h))


def block_diagonal(parts: Sequence[Tensor]) -> Tensor:
    """Square matrices (…, n_i, n_i) down the diagonal."""
    size = sum(part.shape[-1] for part in parts)
    rows, start = [], 0
    for part in parts:
        rows.append(torch.nn.functional.pad(part, (start, size - start - part.shape[-1])))
        start += part.shape[-1]
    return torch.cat(rows, -2)


def direct_product(factors: Sequence[AbstractMatrixGroup]) -> DirectProduct:
    """G × H × … on the sum of their spaces."""
    linear = tuple(factor for factor in factors if isinstance(factor, AbstractLinearGroup))
    if not linear or len(linear) < len(factors):
        raise ValueError(
            sentence(
                "groups.direct_product",
                wanted="groups that move R^n by matrices, at least one",
                got=", ".join(map(str, factors)) or "none",
                remedy="for translations build R^n ⋊ (G × H) with groups.semidirect_product",
            )
        )
    return DirectProduct(linear)


def semidirect_product(linear: AbstractMatrixGroup, name: str | None = None) -> SemidirectProduct:
    """R^n ⋊ H for any group H that moves R^n by matrices."""
    if not isinstance(linear, AbstractLinearGroup):
        raise ValueError(
            sentence(
                "groups.semidirect_product",
                wanted="a group that moves R^n by matrices, x → h x",
                got=str(linear),
                remedy="give the group of the linear parts only",
            )
        )
    return SemidirectProduct(linear, f"R^{linear.size}⋊{linear.name}" if name is None else name)
