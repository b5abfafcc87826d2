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
from mackey.reps.conventions import convert
from mackey.reps.coupling import clebsch_gordan
from mackey.reps.couplings import couplings
from mackey.reps.defining import standard
from mackey.reps.finite import Rep, quotient, regular, sign, tabulated
from mackey.reps.from_function import from_function
from mackey.reps.harmonics import spherical_harmonic, spherical_harmonics
from mackey.reps.intertwiners import (
    IntertwinerBlock,
    intertwiner_blocks,
    intertwiner_count,
    intertwiners,
    solve,
)
from mackey.reps.irreps import irrep_type, irreps, multiplicities, to_irreps
from mackey.reps.labels import irrep
from mackey.reps.notation import parse
from mackey.reps.permutation import Permuting
from mackey.reps.reynolds import Projector, projector
from mackey.reps.rotation_forms import angles_from_rotation, convert_rotation, rotation_from_angles
from mackey.reps.schur import AbstractIrrep
from mackey.reps.so2 import O2Irrep, SO2Irrep
from mackey.reps.so3 import O3Irrep, SO3Irrep, SU2Irrep
from mackey.reps.solution import Solution
from mackey.reps.specht import hook_dimension, specht
from mackey.reps.sums import Block, DirectSum, blocks_of
from mackey.reps.wigner import wigner_d

__all__ = [
    "AbstractIrrep",
    "AbstractRep",
    "Admissible",
    "Block",
    "CharacterTable",
    "Contraction",
    "DirectSum",
    "IntertwinerBlock",
    "O2Irrep",
    "O3Irrep",
    "Permuting",
    "Projector",
    "Rep",
    "SO2Irrep",
    "SO3Irrep",
    "SU2Irrep",
    "Solution",
    "admissible",
    "angles_from_rotation",
    "blocks_of",
    "character_table",
    "clebsch_gordan",
    "contractions",
    "convert",
    "convert_rotation",
    "couplings",
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
    "irrep",
    "irrep_type",
    "irreps",
    "multiplicities",
    "parse",
    "power",
    "projector",
    "quotient",
    "regular",
    "restrict",
    "rotation_from_angles",
    "sign",
    "solve",
    "specht",
    "spherical_harmonic",
    "spherical_harmonics",
    "standard",
    "symmetric_power",
    "tabulated",
    "tensor",
    "to_irreps",
    "trivial",
    "wigner_d",
]
