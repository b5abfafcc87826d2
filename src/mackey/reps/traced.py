"""What a compiler needs to know of functions of exact constants."""

from collections.abc import Callable
from typing import TypeVar

Table = TypeVar("Table", bound=Callable[..., object])


def constant(table: Table) -> Table:
    """A function of plain numbers whose result is a constant of a traced graph: not traced, called once.

    The mark that torch.compiler.assume_constant_result sets; that one would import all of torch._dynamo here.
    """
    table._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return table
