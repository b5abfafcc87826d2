"""The character table of a finite group, over the reals."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from mackey.groups import AbstractGroup, FiniteGroup
from mackey.reps.finite import Rep
from mackey.reps.irreps import irrep_type, irreps


@dataclass(frozen=True)
class CharacterTable:
    """χ of every real irrep on every conjugacy class.

    types: "real", "complex" or "quaternionic", where ⟨χ, χ⟩ = 1, 2 or 4: a real irrep of the last two types
    is χ + χ̄ or 2χ of a complex one. classes: as in `group.conjugacy_classes`.
    """

    group: FiniteGroup
    irreps: tuple[Rep, ...]
    types: tuple[str, ...]

    @property
    def classes(self) -> tuple[tuple[int, ...], ...]:
        return self.group.conjugacy_classes

    @cached_property
    def class_sizes(self) -> tuple[int, ...]:
        return tuple(len(members) for members in self.classes)

    @cached_property
    def values(self) -> np.ndarray:
        """values[i, c] = χ_i on class c, (irreps, classes); read-only."""
        first = [members[0] for members in self.classes]
        rows = np.stack([psi.character[first] for psi in self.irreps])
        nearest = np.rint(rows)
        rows = np.where(np.abs(rows - nearest) < 1e-11, nearest, rows) + 0.0
        rows.setflags(write=False)
        return rows

    def inner(self, first: np.ndarray, second: np.ndarray) -> float:
        """⟨χ, φ⟩ = (1/|H|) Σ_C |C| χ(C) φ(C) for values on the classes."""
        return float((np.array(self.class_sizes) * first * second).sum() / self.group.order)

    def __str__(self) -> str:
        """One row for each irrep; a column is headed by the size of the class and its first element."""
        labels = [self.group.label(members[0]) for members in self.classes]
        heads = [f"{size}·[{label}]" for size, label in zip(self.class_sizes, labels, strict=True)]
        rows = [["irrep", *heads, "type"]]
        for psi, values, kind in zip(self.irreps, self.values, self.types, strict=True):
            rows.append([psi.name, *(f"{value:.6g}" for value in values), kind])
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
        ]
        return "\n".join([f"{self.group}, order {self.group.order}", *lines])


@lru_cache
def character_table(group: AbstractGroup[Any]) -> CharacterTable:
    """The real irreps of a finite group with their characters and types."""
    found = irreps(group)
    return CharacterTable(found[0].group, found, tuple(irrep_type(psi) for psi in found))
