"""Colour refinement: vertices of a graph that see different neighbours get different colours.

Weisfeiler, Leman 1968; several colourings at once, so that their colours mean the same.
"""

import numpy as np


def refined(codes: np.ndarray, colours: np.ndarray) -> np.ndarray | None:
    """The coarsest stable refinement of each of k colourings (k, n); None if they are not alike.

    codes (n, n): what kind of pair (i, j) is. Colours are small numbers that depend on the colouring of the
    whole, not on the numbering of the vertices. Neighbourhoods are compared by sums of 64-bit hashes: a
    collision would leave two vertices alike, never separate two that are.
    """
    count = 0
    while True:
        keys = codes.astype(np.uint64) * np.uint64(colours.max() + 1) + colours[:, None, :].astype(np.uint64)
        seen = _mixed(keys).sum(-1, dtype=np.uint64)
        signatures = np.stack([colours.astype(np.uint64).ravel(), seen.ravel()], 1)
        unique, labels = np.unique(signatures, axis=0, return_inverse=True)
        colours = labels.reshape(colours.shape)
        sizes = [np.bincount(row, minlength=len(unique)) for row in colours]
        if any(not np.array_equal(sizes[0], other) for other in sizes[1:]):
            return None
        if len(unique) == count:
            return colours
        count = len(unique)


def individualised(colours: np.ndarray, vertices: list[int]) -> np.ndarray:
    """Each colouring with one vertex of its own in a colour of its own."""
    changed = colours.copy()
    changed[np.arange(len(vertices)), vertices] = colours.max() + 1
    return changed


def smallest_cell(colouring: np.ndarray) -> int | None:
    """The colour of the fewest vertices, but more than one; None if every vertex has its own colour."""
    sizes = np.bincount(colouring)
    several = np.flatnonzero(sizes > 1)
    return None if not len(several) else int(several[np.argmin(sizes[several])])


def _mixed(keys: np.ndarray) -> np.ndarray:
    """A hash of 64 bits (splitmix64 of Steele, Lea, Flood 2014)."""
    mixed = (keys + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
