"""How numbers change: real representations of any group, their irreps, and the maps between them."""

from mackey.reps.abstract import AbstractRep
from mackey.reps.finite import (
    Rep,
    direct_sum,
    dual,
    induce,
    quotient,
    regular,
    restrict,
    sign,
    standard,
    tabulated,
    tensor,
    trivial,
)
from mackey.reps.intertwiners import intertwiner_count, intertwiners
from mackey.reps.irreps import irrep_type, irreps, multiplicities, to_irreps

__all__ = [
    "AbstractRep",
    "Rep",
    "direct_sum",
    "dual",
    "induce",
    "intertwiner_count",
    "intertwiners",
    "irrep_type",
    "irreps",
    "multiplicities",
    "quotient",
    "regular",
    "restrict",
    "sign",
    "standard",
    "tabulated",
    "tensor",
    "to_irreps",
    "trivial",
]
