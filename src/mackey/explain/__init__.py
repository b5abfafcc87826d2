"""What things are made of: a module layer by layer; a group, a representation, the maps between two."""

from mackey.explain.layers import Explanation, Row, explain
from mackey.explain.symbols import describe

__all__ = ["Explanation", "Row", "describe", "explain"]
