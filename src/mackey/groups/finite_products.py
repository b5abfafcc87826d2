"""Direct and semidirect products of finite groups."""

from collections.abc import Sequence

import numpy as np

from mackey.errors import sentence
from mackey.groups.arrays import as_numbers
from mackey.groups.finite import FiniteGroup

_LIMIT = 5000


def finite_product(factors: Sequence[FiniteGroup]) -> FiniteGroup:
    """G₁ × G₂ × …: each factor moves its own coordinates. The last factor runs fastest in the numbering."""
    if not factors:
        raise ValueError(
            sentence(
                "groups.finite_product",
                wanted="at least one group",
                got="none",
                remedy="groups.cyclic(1) is the trivial group",
            )
        )
    product = factors[0]
    for factor in factors[1:]:
        _check_order(f"{product}×{factor}", product.order * factor.order)
        action = np.tile(np.arange(product.order), (factor.order, 1))
        matrices = _block_diagonal(
            np.repeat(product.matrices, factor.order, 0), np.tile(factor.matrices, (product.order, 1, 1))
        )
        product = _product(product, factor, action, matrices, f"{product}×{factor}")
    return product


def finite_semidirect_product(
    normal: FiniteGroup, quotient: FiniteGroup, action: np.ndarray, name: str | None = None
) -> FiniteGroup:
    """N ⋊ H: (n, h)(m, k) = (n·α_h(m), hk), with action[h, n] = α_h(n). Element (n, h) has number n·|H| + h.

    Its points are those of H beside the smaller of two: functions on N, moved by m → n·α_h(m), or |H| copies
    of the points of N. Raises ValueError unless α is a homomorphism from H to the automorphisms of N.
    """
    _check_order(name or f"{normal}⋊{quotient}", normal.order * quotient.order)
    action = _checked(normal, quotient, action)
    dimension = min(normal.order, normal.dimension * quotient.order)
    n, h = np.divmod(np.arange(normal.order * quotient.order), quotient.order)
    if dimension == normal.order:
        moved = normal.table[n[:, None], action[h]]
        points = np.zeros((len(n), dimension, dimension))
        points[np.arange(len(n))[:, None], moved, np.arange(dimension)] = 1
    else:
        points = _induced(normal, quotient, action, n, h)
    matrices = _block_diagonal(points, quotient.matrices[h])
    return _product(normal, quotient, action, matrices, name or f"{normal}⋊{quotient}")


def _induced(
    normal: FiniteGroup, quotient: FiniteGroup, action: np.ndarray, n: np.ndarray, h: np.ndarray
) -> np.ndarray:
    """(n, h) sends block k to block hk, by the matrix of α_{hk}⁻¹(n)."""
    d, count = normal.dimension, quotient.order
    points = np.zeros((len(n), count, d, count, d))
    every = np.arange(len(n))
    for k in quotient.elements:
        block = quotient.table[h, k]
        points[every, block, :, k, :] = normal.matrices[action[quotient.inverses[block], n]]
    return points.reshape(len(n), count * d, count * d)


def _checked(normal: FiniteGroup, quotient: FiniteGroup, action: np.ndarray) -> np.ndarray:
    where = "groups.finite_semidirect_product"
    action = as_numbers(where, action)
    shape = (quotient.order, normal.order)
    numbers = action.shape == shape and np.array_equal(
        np.sort(action, 1), np.tile(np.arange(shape[1]), (shape[0], 1))
    )
    if not numbers:
        raise ValueError(
            sentence(
                where,
                wanted=f"action of shape {shape}, a permutation of the elements of {normal} in each row",
                got=f"an array of shape {action.shape}",
                remedy=f"action[h, n] is the element to which h of {quotient} sends n",
            )
        )
    action = action.astype(np.int64)
    for h in quotient.elements:
        row = action[h]
        bad = np.argwhere(row[normal.table] != normal.table[np.ix_(row, row)])
        if len(bad):
            n, m = bad[0].tolist()
            raise ValueError(
                sentence(
                    where,
                    wanted=f"automorphisms of {normal}: α(nm) = α(n)α(m)",
                    got=f"another product for h = {h}, n = {n}, m = {m}",
                    remedy="conjugation by an element of a larger group always gives one",
                )
            )
        wrong = np.argwhere(action[h][action] != action[quotient.table[h]])
        if len(wrong):
            raise ValueError(
                sentence(
                    where,
                    wanted="α_h α_k = α_{hk}",
                    got=f"another automorphism for h = {h}, k = {wrong[0, 0]}",
                    remedy=f"list the automorphisms in the order of {quotient}.labels",
                )
            )
    return action


def _check_order(name: str, order: int) -> None:
    if order > _LIMIT:
        raise ValueError(
            sentence(
                f"groups.{name}",
                wanted=f"at most {_LIMIT} elements",
                got=str(order),
                remedy="use groups.PermutationGroup, which lists no elements",
            )
        )


def _product(
    normal: FiniteGroup, quotient: FiniteGroup, action: np.ndarray, matrices: np.ndarray, name: str
) -> FiniteGroup:
    order = normal.order * quotient.order
    n, h = np.divmod(np.arange(order), quotient.order)
    table = (
        normal.table[n[:, None], action[h[:, None], n[None]]] * quotient.order + quotient.table[h[:, None], h]
    )
    generators = [g * quotient.order for g in normal.generators] + list(quotient.generators)
    labels = [f"({a}, {b})" for a in normal.labels for b in quotient.labels]
    return FiniteGroup(name, table, matrices, tuple(generators), tuple(labels))


def _block_diagonal(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    a, b = first.shape[-1], second.shape[-1]
    matrices = np.zeros((len(first), a + b, a + b))
    matrices[:, :a, :a] = first
    matrices[:, a:, a:] = second
    return matrices
