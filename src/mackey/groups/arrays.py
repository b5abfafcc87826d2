"""Arrays of real numbers from what a user gives: lists, arrays, tensors."""

import numpy as np
from torch import Tensor

from mackey.errors import sentence


def as_numbers(where: str, given: object) -> np.ndarray:
    """A copy in float64. Raises ValueError for ragged lists, complex numbers, and what is no number."""
    if isinstance(given, Tensor):
        exact = given.detach().cpu()
        given = (exact if exact.is_complex() else exact.double()).numpy()
    try:
        array = np.asarray(given)
        if array.dtype.kind in "biufO":
            return array.astype(np.float64)
        got = f"entries of type {array.dtype}"
    except (TypeError, ValueError):
        got = "lists of different lengths, or entries that are no numbers"
    raise ValueError(
        sentence(
            where,
            wanted="real numbers in an array",
            got=got,
            remedy="give a NumPy array, a tensor, or lists of one length",
        )
    )
