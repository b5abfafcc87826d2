"""One irrep by its label: "1o" of O(3), "1/2" of SU(2), "3" of SO(2)."""

import re
from typing import Any

from mackey.errors import sentence
from mackey.groups import AbstractGroup, Orthogonal, SpecialOrthogonal, SpecialUnitary
from mackey.reps.schur import AbstractIrrep
from mackey.reps.so2 import O2Irrep, SO2Irrep
from mackey.reps.so3 import O3Irrep, SO3Irrep, SU2Irrep

# group: (what a label looks like, examples)
_SPELLINGS: dict[AbstractGroup[Any], tuple[str, str]] = {
    SpecialOrthogonal(2): (r"(\d+)", '"0", "1", "2", …'),
    Orthogonal(2): (r"(0)([eo])|([1-9]\d*)", '"0e", "0o", "1", "2", …'),
    SpecialOrthogonal(3): (r"(\d+)[eo]?", '"0", "1", "2", … (a parity "e" or "o" is ignored)'),
    Orthogonal(3): (r"(\d+)([eo])", '"0e", "0o", "1e", "1o", …'),
    SpecialUnitary(2): (r"(\d+)(/2)?", '"0", "1/2", "1", "3/2", …'),
}


def irrep(group: AbstractGroup[Any], label: str) -> AbstractIrrep:
    """The real irrep of SO(2), O(2), SO(3), O(3) or SU(2) that people call by this label."""
    if group not in _SPELLINGS:
        raise ValueError(
            sentence(
                "reps.irrep",
                wanted="a group whose irreps have labels: " + ", ".join(map(str, _SPELLINGS)),
                got=str(group),
                remedy="reps.irreps lists those of a finite group",
            )
        )
    pattern, examples = _SPELLINGS[group]
    match = re.fullmatch(pattern, label.strip())
    if not match:
        raise ValueError(
            sentence(
                f"reps.irrep of {group}",
                wanted=examples,
                got=repr(label),
                remedy="write one of these, without a multiplicity",
            )
        )
    return _build(group, match)


def _build(group: AbstractGroup[Any], match: re.Match[str]) -> AbstractIrrep:
    number = int(match[1] or match[3])
    if group == SpecialOrthogonal(2):
        return SO2Irrep(number)
    if group == Orthogonal(2):
        return O2Irrep(number, match[2] == "o")
    if group == SpecialOrthogonal(3):
        return SO3Irrep(number)
    if group == Orthogonal(3):
        return O3Irrep(number, 1 if match[2] == "e" else -1)
    if match[2] and number % 2 == 0:
        raise ValueError(
            sentence(
                "reps.irrep of SU(2)",
                wanted="an odd number of halves",
                got=repr(match[0]),
                remedy=f'write "{number // 2}"',
            )
        )
    return SU2Irrep(number if match[2] else 2 * number)


def spelling(group: AbstractGroup[Any]) -> str | None:
    """Examples of the labels of a group, or None if its irreps have none."""
    return _SPELLINGS[group][1] if group in _SPELLINGS else None
