"""What a lattice, a torus and fractional translations must satisfy to belong to a point group."""

from collections.abc import Mapping, Sequence

import numpy as np

from mackey.errors import sentence
from mackey.groups.finite import FiniteGroup

_ROUNDING = 1e-9


def in_lattice_coordinates(matrices: np.ndarray, basis: Sequence[Sequence[float]] | None) -> np.ndarray:
    """B⁻¹hB; h itself on Z^d."""
    if basis is None or not _is_basis(np.array(basis), matrices.shape[-1]):
        return matrices
    columns = np.array(basis)
    return np.linalg.solve(columns, matrices @ columns)


def _is_basis(basis: np.ndarray, dimension: int) -> bool:
    square = basis.shape == (dimension, dimension) and np.isfinite(basis).all()
    return bool(square and abs(np.linalg.det(basis)) > _ROUNDING)


def refuse_no_basis(where: str, basis: np.ndarray, d: int) -> None:
    if not _is_basis(basis, d):
        raise ValueError(
            sentence(
                where,
                wanted=f"a basis of R^{d}, a ({d}, {d}) matrix with the lattice vectors as columns",
                got=str(basis.tolist()),
                remedy="leave basis out for the square lattice",
            )
        )


def check_basis(where: str, point_group: FiniteGroup, basis: np.ndarray) -> None:
    refuse_no_basis(where, basis, point_group.dimension)
    if _off_integers(in_lattice_coordinates(point_group.matrices, basis.tolist())) > _ROUNDING:
        raise ValueError(
            sentence(
                where,
                wanted=f"a lattice that {point_group} maps to itself",
                got=f"the basis {basis.tolist()}",
                remedy="choose another basis, or a smaller point group",
            )
        )


def check_periods(
    where: str, point_group: FiniteGroup, matrices: np.ndarray, periods: tuple[int, ...]
) -> None:
    if len(periods) != point_group.dimension or any(n < 1 or n != int(n) for n in periods):
        raise ValueError(
            sentence(
                where,
                wanted=f"{point_group.dimension} periods of at least 1, whole numbers",
                got=str(periods),
                remedy="give the number of samples along each axis",
            )
        )
    sizes = np.array(periods)
    if _off_integers(matrices) > _ROUNDING or _off_integers(matrices * sizes / sizes[:, None]) > _ROUNDING:
        raise ValueError(
            sentence(
                where,
                wanted=f"a torus that {point_group} maps to itself",
                got=f"periods {periods}",
                remedy="use equal periods or a smaller H",
            )
        )


def check_glides(where: str, point_group: FiniteGroup, matrices: np.ndarray, glides: np.ndarray) -> None:
    """τ(h) + h·τ(k) − τ(hk) must be a lattice vector, and τ(e) = 0."""
    shape = (point_group.order, point_group.dimension)
    if glides.shape != shape or not np.isfinite(glides).all() or np.abs(glides[0]).max() > 0:
        raise ValueError(
            sentence(
                where,
                wanted=f"one translation for each element of {point_group}, shape {shape}, first 0",
                got=f"an array of shape {glides.shape}" + (", not 0 first" if glides.shape == shape else ""),
                remedy="or give a mapping from generators to translations",
            )
        )
    if _off_integers(matrices) > _ROUNDING:
        raise ValueError(
            sentence(
                where,
                wanted=f"a lattice that {point_group} maps to itself, for glides",
                got="the square lattice",
                remedy="give its basis",
            )
        )
    excess = glides[:, None] + np.einsum("hij,kj->hki", matrices, glides) - glides[point_group.table]
    off = np.abs(excess - np.rint(excess)).max(-1)
    if off.max() > _ROUNDING:
        h, k = (int(i) for i in np.argwhere(off > _ROUNDING)[0])
        raise ValueError(
            sentence(
                where,
                wanted="τ(h) + h·τ(k) − τ(hk) a lattice vector for all h, k",
                got=f"{excess[h, k].round(6).tolist()} for {point_group.label(h)}, {point_group.label(k)}",
                remedy="look the glides up in the International Tables, in primitive coordinates",
            )
        )


def completed_glides(
    point_group: FiniteGroup, matrices: np.ndarray, given: Mapping[int, Sequence[float | int]]
) -> np.ndarray:
    """τ on all of H from τ on generators, by τ(sh) = τ(s) + s·τ(h) modulo the lattice."""
    steps = {
        s: np.asarray(given.get(s, np.zeros(point_group.dimension)), float) for s in point_group.generators
    }
    unknown = sorted(set(given) - set(steps))
    if unknown or any(step.shape != (point_group.dimension,) for step in steps.values()):
        raise ValueError(
            sentence(
                f"groups.lattice({point_group})",
                wanted=f"glides in R^{point_group.dimension} for the generators {point_group.generators}",
                got=str(dict(given)),
                remedy="give one for every element otherwise",
            )
        )
    glides = np.full((point_group.order, point_group.dimension), np.nan)
    glides[0] = 0
    frontier = [0]
    for h in frontier:
        for s, step in steps.items():
            product = point_group.compose(s, h)
            if np.isnan(glides[product, 0]):
                moved = step + matrices[s] @ glides[h]
                glides[product] = np.mod(np.where(np.abs(moved - np.rint(moved)) < _ROUNDING, 0, moved), 1)
                frontier.append(product)
    return glides


def _off_integers(array: np.ndarray) -> float:
    return float(np.abs(array - np.rint(array)).max())
