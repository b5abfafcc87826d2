"""The representation that a group comes with."""

from typing import Any, overload

from mackey.errors import sentence
from mackey.groups import AbstractGroup, AbstractMatrixGroup, AbstractPermutations, FiniteGroup
from mackey.reps import finite
from mackey.reps.abstract import AbstractRep
from mackey.reps.finite import Rep
from mackey.reps.permutation import Permuting
from mackey.reps.tensors import Vector


@overload
def standard(group: FiniteGroup) -> Rep: ...
@overload
def standard(group: AbstractGroup[Any]) -> AbstractRep: ...
def standard(group: AbstractGroup[Any]) -> AbstractRep:
    """V: the matrix itself for matrix groups, as a table where the group is one; for a group of
    permutations, how it permutes coordinates.
    """
    if isinstance(group, FiniteGroup):
        return finite.standard(group)
    if isinstance(group, AbstractMatrixGroup):
        return Vector(group)
    if isinstance(group, AbstractPermutations):
        return Permuting(group)
    raise ValueError(
        sentence(
            "reps.standard",
            wanted="a group of matrices or of permutations",
            got=f"{group}, whose elements are neither",
            remedy="give its matrices with reps.from_function",
        )
    )
