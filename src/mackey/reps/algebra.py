"""⊕, ⊗, *, powers, restriction, induction: tables from tables of finite groups, else expressions."""

from collections.abc import Sequence
from functools import reduce
from typing import Any, overload

from torch import Tensor

from mackey.axes import Float
from mackey.errors import sentence
from mackey.groups import AbstractGroup, AbstractMatrixGroup, FiniteGroup, Subgroup
from mackey.reps import finite
from mackey.reps.abstract import AbstractRep
from mackey.reps.finite import Rep
from mackey.reps.powers import ExteriorPower, SymmetricPower
from mackey.reps.restriction import Induced, restricted
from mackey.reps.sums import Block, DirectSum
from mackey.reps.tensors import Determinant, Dual, Scalar, TensorProduct

_HIGHEST = 64  # of ρ^k; beyond 12 only ρ of one dimension stays small


@overload
def trivial(group: FiniteGroup) -> Rep: ...
@overload
def trivial(group: AbstractGroup[Any]) -> AbstractRep: ...
def trivial(group: AbstractGroup[Any]) -> AbstractRep:
    """ρ(g) = 1."""
    return finite.trivial(group) if isinstance(group, FiniteGroup) else Scalar(group)


@overload
def direct_sum(parts: Sequence[Rep]) -> Rep: ...
@overload
def direct_sum(parts: Sequence[AbstractRep]) -> AbstractRep: ...
def direct_sum(parts: Sequence[AbstractRep]) -> AbstractRep:
    """ρ₁ ⊕ ρ₂ ⊕ …, block diagonal."""
    tables = [part for part in parts if isinstance(part, Rep)]
    if len(tables) == len(parts):
        return finite.direct_sum(tables)
    return DirectSum(tuple(Block(1, part) for part in parts))


@overload
def tensor(first: Rep, second: Rep) -> Rep: ...
@overload
def tensor(first: AbstractRep, second: AbstractRep) -> AbstractRep: ...
def tensor(first: AbstractRep, second: AbstractRep) -> AbstractRep:
    """ρ₁ ⊗ ρ₂, the first factor slowest."""
    if isinstance(first, Rep) and isinstance(second, Rep):
        return finite.tensor(first, second)
    return TensorProduct(first, second)


@overload
def dual(rep: Rep) -> Rep: ...
@overload
def dual(rep: AbstractRep) -> AbstractRep: ...
def dual(rep: AbstractRep) -> AbstractRep:
    """ρ*(g) = ρ(g⁻¹)ᵀ."""
    return finite.dual(rep) if isinstance(rep, Rep) else Dual(rep)


@overload
def power(rep: Rep, degree: int) -> Rep: ...
@overload
def power(rep: AbstractRep, degree: int) -> AbstractRep: ...
def power(rep: AbstractRep, degree: int) -> AbstractRep:
    """ρ ⊗ ρ ⊗ …, `degree` times; 1 for degree 0."""
    if not 0 <= degree <= _HIGHEST:
        remedy = "use reps.dual" if degree < 0 else "use a lower power"
        wanted = f"a degree of at least 0 and at most {_HIGHEST}"
        raise ValueError(sentence("reps.power", wanted=wanted, got=str(degree), remedy=remedy))
    return reduce(tensor, [rep] * degree) if degree else trivial(rep.group)


def symmetric_power(rep: AbstractRep, degree: int) -> AbstractRep:
    """Sym^k ρ."""
    return _as_table(SymmetricPower(rep, degree))


def exterior_power(rep: AbstractRep, degree: int) -> AbstractRep:
    """Λ^k ρ."""
    return _as_table(ExteriorPower(rep, degree))


def determinant(rep: AbstractRep) -> AbstractRep:
    """det ρ."""
    return _as_table(Determinant(rep))


def _as_table(rep: AbstractRep) -> AbstractRep:
    return finite.tabulated(rep) if isinstance(rep.group, FiniteGroup) else rep


@overload
def restrict(rep: Rep, subgroup: Subgroup) -> Rep: ...
@overload
def restrict(rep: AbstractRep, subgroup: Subgroup | AbstractMatrixGroup | FiniteGroup) -> AbstractRep: ...
def restrict(rep: AbstractRep, subgroup: Subgroup | AbstractMatrixGroup | FiniteGroup) -> AbstractRep:
    """ρ|_K: K a Subgroup of a finite group, or a group whose elements are matrices of the larger one."""
    if isinstance(subgroup, Subgroup):
        return finite.restrict(finite.tabulated(rep), subgroup)
    return restricted(rep, subgroup)


@overload
def induce(rep: Rep, subgroup: Subgroup) -> Rep: ...
@overload
def induce(rep: AbstractRep, subgroup: Subgroup) -> AbstractRep: ...
def induce(rep: AbstractRep, subgroup: Subgroup) -> AbstractRep:
    """Ind_K^G ρ for K in a finite group G, blocks over cosets."""
    return finite.induce(finite.tabulated(rep), subgroup)


def induce_to(
    rep: AbstractRep, group: AbstractMatrixGroup, transversal: Float[Tensor, "m n n"]
) -> AbstractRep:
    """Ind_K^G ρ for a matrix group G, ρ a representation of a subgroup K of finite index.

    transversal: one element of G for each coset, the identity first. From SO(n) to O(n) it has two.
    """
    return Induced(rep, group, transversal)
