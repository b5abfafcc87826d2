"""The axis letters of mackey, the shape types that use them, and the two views of a channel axis.

b batch · n point · m source point · c channel (multiplicity) · d fibre · g group element · h element of the
stabiliser

Shape types are jaxtyping's where it is installed (tests check them there). Without it the same annotations
mean plain `torch.Tensor`, so that the core depends on torch, numpy and safetensors only.
"""

from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
else:
    try:
        from jaxtyping import Bool, Float, Int
    except ModuleNotFoundError:

        class _PlainTensor:
            """Stands in for a jaxtyping dtype: `Float[Tensor, "b n"]` is then `Tensor`."""

            def __class_getitem__(cls, item: tuple[type, str]) -> type:
                return item[0]

        Bool = Float = Int = _PlainTensor

__all__ = ["Bool", "Float", "Int", "merge_fibre", "split_fibre"]


def split_fibre(x: Tensor, fibre: int) -> Tensor:
    """(b, c·d, *rest) as (b, c, d, *rest)."""
    return x.unflatten(1, (x.shape[1] // fibre, fibre))


def merge_fibre(x: Tensor) -> Tensor:
    """(b, c, d, *rest) as (b, c·d, *rest)."""
    return x.flatten(1, 2)
