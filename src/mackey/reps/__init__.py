"""How numbers change: real representations of any group, their irreps, and the maps between them."""

from mackey.reps.abstract import AbstractRep
from mackey.reps.admissible import Admissible, admissible
from mackey.reps.algebra import (
    determinant,
    direct_sum,
    dual,
    exterior_power,
    induce,
    induce_to,
    power,
    restrict,
    symmetric_power,
    tensor,
    trivial,
)
from mackey.reps.characters import CharacterTable, character_table
from mackey.reps.contractions import Contraction, contractions
from mackey.reps.defining import standard
from mackey.reps.finite import Rep, quotient, regular, sign, tabulated
from mackey.reps.from_function import from_function
from mackey.reps.intertwiners import (
    IntertwinerBlock,
    intertwiner_blocks,
    intertwiner_count,
    intertwiners,
    solve,
)
from mackey.reps.irreps import irrep_type, irreps, multiplicities, to_irreps
from mackey.reps.permutation import Permuting
from mackey.reps.reynolds import Projector, projector
from mackey.reps.solution import Solution
from mackey.reps.specht import hook_dimension, specht
from mackey.reps.sums import Block, DirectSum, blocks_of

__all__ = [
    "AbstractRep",
    "Admissible",
    "Block",
    "CharacterTable",
    "Contraction",
    "DirectSum",
    "IntertwinerBlock",
    "Permuting",
    "Projector",
    "Rep",
    "Solution",
    "admissible",
    "blocks_of",
    "character_table",
    "contractions",
    "determinant",
    "direct_sum",
    "dual",
    "exterior_power",
    "from_function",
    "hook_dimension",
    "induce",
    "induce_to",
    "intertwiner_blocks",
    "intertwiner_count",
    "intertwiners",
    "irrep_type",
    "irreps",
    "multiplicities",
    "power",
    "projector",
    "quotient",
    "regular",
    "restrict",
    "sign",
    "solve",
    "specht",
    "standard",
    "symmetric_power",
    "tabulated",
    "tensor",
    "to_irreps",
    "trivial",
]
