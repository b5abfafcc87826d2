"""How Φ_ω is computed: the literal sum and the fast paths that are tested equal to it."""

from mackey.lowerings.abstract import AbstractLowering
from mackey.lowerings.attention import SDPA
from mackey.lowerings.blocks import Blocks
from mackey.lowerings.grid_conv import GridConv
from mackey.lowerings.literal import Literal
from mackey.lowerings.pointwise import Pointwise

__all__ = ["SDPA", "AbstractLowering", "Blocks", "GridConv", "Literal", "Pointwise"]
