"""Groups, representations and the linear maps between them, from the text that names them.

"SO(3)" · "O(3): 2x0e + 1x1o" · "SO(3): V⊗V -> V⊗V"
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mackey.errors import sentence
from mackey.groups import AbstractGroup, AbstractMatrixGroup, FiniteGroup, named
from mackey.reps import AbstractRep, blocks_of, intertwiner_count, parse, solve, tensor

_SHOWN = 6  # maps printed in full
_WIDE = 16  # rows or columns of a printed map
_DENSE = 2**24  # numbers in all maps; beyond it they are only counted


@dataclass(frozen=True)
class AboutGroup:
    """What is known of a group."""

    group: AbstractGroup[Any]

    def __str__(self) -> str:
        G = self.group
        claims = {"compact": G.is_compact, "finite": G.is_finite, "unimodular": G.is_unimodular}
        lines = [f"{G}: " + ", ".join(name if true else f"not {name}" for name, true in claims.items())]
        if isinstance(G, FiniteGroup):
            lines.append(
                f"order {G.order}, {len(G.conjugacy_classes)} conjugacy classes, acts on R^{G.dimension}"
            )
        if isinstance(G, AbstractMatrixGroup):
            lines.append(
                f"{G.size}×{G.size} matrices that move R^{G.dimension}; Lie algebra of dimension "
                f"{len(G.lie_algebra)}, {len(G.generators)} discrete generators; samples drawn from: {G.law}"
            )
        return "\n".join(lines)


@dataclass(frozen=True)
class AboutRep:
    """A representation, part by part."""

    rep: AbstractRep

    def __str__(self) -> str:
        rep, blocks = self.rep, blocks_of(self.rep)
        kinds = {
            "orthogonal": all(block.rep.is_orthogonal for block in blocks),
            "permutation": all(block.rep.is_permutation for block in blocks),
            "trivial": all(block.rep.is_trivial for block in blocks),
        }
        claims = (
            ", ".join(name for name, true in kinds.items() if true) or "neither orthogonal nor a permutation"
        )
        lines = [f"{rep} of {rep.group}: dimension {rep.dim}, {claims}"]
        free = sum(len(block.rep.invariants) * block.multiplicity for block in blocks)
        lines.append(f"invariant vectors: {free}")
        lines += [f"  {block.multiplicity} × {block.rep}, dimension {block.rep.dim} each" for block in blocks]
        return "\n".join(lines)


@dataclass(frozen=True)
class AboutMaps:
    """Hom_G(V, W): its dimension, where it comes from, and its basis."""

    source: AbstractRep
    target: AbstractRep

    def __str__(self) -> str:
        V, W = self.source, self.target
        count = intertwiner_count(V, W)
        lines = [f"{V} → {W} of {V.group}: dim Hom = {count} ({W.dim}×{V.dim} matrices)", ""]
        lines += self._pairs()
        if count * V.dim * W.dim > _DENSE:
            return "\n".join(
                [*lines, "", "Too many to write out: mackey.reps.intertwiner_blocks returns all"]
            )
        solution = solve(V, W)
        if len(solution.basis) == 0:
            lines += [
                "No equivariant linear map but zero: the two share no irreducible part.",
                *self._products(),
            ]
        lines += ["", str(solution)]
        for number, matrix in enumerate(solution.basis[:_SHOWN]):
            lines += ["", f"B{number + 1} =", _written(matrix)]
        if len(solution.basis) > _SHOWN:
            lines += ["", f"… and {len(solution.basis) - _SHOWN} more: mackey.reps.intertwiners returns all"]
        return "\n".join(lines)

    def _pairs(self) -> list[str]:
        """dim Hom for each pair of parts, and how often the pair occurs."""
        return [
            f"  {i.rep} → {o.rep}: {intertwiner_count(i.rep, o.rep)} for each of "
            f"{i.multiplicity}×{o.multiplicity} channels"
            for o in blocks_of(self.target)
            for i in blocks_of(self.source)
        ]

    def _products(self) -> list[str]:
        """Where a linear map cannot go a product may: dim Hom(ρ_i ⊗ ρ_j, σ)."""
        parts = [block.rep for block in blocks_of(self.source)]
        found = [
            f"  {a} ⊗ {b} → {o.rep}: {count}"
            for o in blocks_of(self.target)
            for k, a in enumerate(parts)
            for b in parts[k:]
            if a.dim * b.dim * o.rep.dim <= 4096 and (count := intertwiner_count(tensor(a, b), o.rep))
        ]
        return ["Products of two features that reach it:", *found] if found else []


def _written(matrix: np.ndarray) -> str:
    """Small matrices in full, large ones by their entries that are not zero."""
    if max(matrix.shape) <= _WIDE:
        return np.array2string(np.round(matrix, 4) + 0.0, suppress_small=True, max_line_width=200)
    rows, columns = np.nonzero(np.abs(matrix) > 1e-9)
    entries = [f"({i}, {j}) {matrix[i, j]:.4g}" for i, j in zip(rows[:24], columns[:24], strict=True)]
    return ", ".join(entries) + (f", … {len(rows)} entries" if len(rows) > 24 else "")


def describe(text: str) -> AboutGroup | AboutRep | AboutMaps:
    """A group ("SO(3)"), a representation ("O(3): 2x0e + 1x1o") or Hom ("SO(3): V⊗V -> V⊗V"); `str` tells."""
    name, colon, rest = text.partition(":")
    group = named(name.strip())
    if not colon:
        return AboutGroup(group)
    sides = rest.replace("→", "->").split("->")
    if len(sides) > 2 or not all(side.strip() for side in sides):
        raise ValueError(
            sentence(
                f"explain {text!r}",
                wanted='a group, "group: rep" or "group: rep -> rep"',
                got=f"{len(sides)} sides, or an empty one",
                remedy='for example "SO(3): 2x0e + 1x1o -> 1x2e"',
            )
        )
    reps = [parse(group, side) for side in sides]
    return AboutRep(reps[0]) if len(reps) == 1 else AboutMaps(*reps)
