"""What frames are predicted from: the vectors, positions and invariants that declared inputs hold."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mackey.actions import (
    AbstractTensorType,
    Acting,
    EdgeIndex,
    Features,
    Invariant,
    Matrices,
    Scalars,
    Vectors,
)
from mackey.axes import Bool, Float
from mackey.errors import sentence
from mackey.groups import AbstractMatrixGroup, SemidirectProduct
from mackey.reps import AbstractRep, blocks_of, standard
from mackey.reps.wigner import in_full_precision
from mackey.wrap.declared_types import is_position
from mackey.wrap.pca_frames import centre_of

_SAME = 1e-9
_KNOWN = (Vectors, Scalars, Matrices, Features, Invariant, EdgeIndex)


class Cloud(NamedTuple):
    """Points with a vectors each, s invariants each, and positions from their centre where they have any."""

    vectors: Float[Tensor, "b n a d"]
    scalars: Float[Tensor, "b n s"]
    positions: Float[Tensor, "b n d"] | None
    mask: Bool[Tensor, "b n"] | None

    def moved(self, g: Float[Tensor, "b d d"]) -> "Cloud":
        """g of each sample on its vectors and positions."""
        with in_full_precision(g):
            positions = None if self.positions is None else self.positions @ g.mT
            return self._replace(vectors=self.vectors @ g[:, None].mT, positions=positions)


@dataclass(frozen=True)
class CloudReader:
    """Reads a Cloud, in float64, from inputs of declared types.

    Vectors are "vectors" and every V (or "1o" of O(3), "1" of SO(3)) of a representation, in this order;
    invariants are its trivial parts ("tokens" have no say); positions are those of the first "positions".
    mask: the number of the input, bool (b, n), that says which points are there.
    """

    where: str
    acts: Acting
    types: tuple[AbstractTensorType, ...]
    mask: int | None = None
    _chosen: tuple["_Chosen", ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        if self.acts.permutes or not isinstance(self.acts.linear, AbstractMatrixGroup):
            wanted, remedy = (
                "a group of matrices, such as SO(3), E(3) or SO+(1,3)",
                "the network may permute points",
            )
            raise self._refusal(wanted, self.acts.name, remedy)
        for one in self.types:
            if not isinstance(one, _KNOWN):
                raise self._refusal("points, vectors and features", str(one), "use a wrapper for images")
            if isinstance(one, Vectors | Scalars | Matrices | Features) and one.axis != 1:
                got, remedy = (
                    f"{one} with points on axis {one.axis}",
                    "give tensors (b, n, …), one for each point",
                )
                raise self._refusal("points on axis 1", got, remedy)
            if isinstance(one, Features) and one.layout != "mackey":
                raise self._refusal("features in mackey's layout", one.layout, "use reps.convert before")
        object.__setattr__(self, "_chosen", tuple(map(_chosen_of, self.types)))
        if not self.count and self.position is None:
            wanted, got = "positions or vectors among the inputs", str(self.types)
            raise self._refusal(wanted, got, "declare what the frames are to be read from")

    @property
    def count(self) -> int:
        """a, the number of vectors of each point."""
        return sum(
            len(chosen.vectors) + self._is_plain(one)
            for one, chosen in zip(self.types, self._chosen, strict=True)
        )

    @property
    def scalars(self) -> int:
        """s, the number of invariants of each point."""
        return sum(len(chosen.scalars) for chosen in self._chosen)

    @property
    def position(self) -> int | None:
        """The number of the input with the positions; None where nothing translates."""
        found = [i for i, one in enumerate(self.types) if is_position(one)]
        return found[0] if found and isinstance(self.acts.space, SemidirectProduct) else None

    def centre(self, inputs: Sequence[Tensor]) -> Float[Tensor, "b 1 d"] | None:
        """The mean of the positions that are there."""
        if self.position is None:
            return None
        mask = None if self.mask is None else inputs[self.mask]
        return centre_of(inputs[self.position].double(), mask)[:, None]

    def read(self, inputs: Sequence[Tensor]) -> Cloud:
        """Everything centred."""
        if len(inputs) != len(self.types):
            wanted, got = f"{len(self.types)} inputs, as declared", str(len(inputs))
            raise self._refusal(wanted, got, 'declare every input; "invariant" for what does not move')
        centre, vectors, scalars = self.centre(inputs), [], []
        for one, chosen, x in zip(self.types, self._chosen, inputs, strict=True):
            one.check(x, self.where)
            if isinstance(one, Features):
                d = standard(one.rep.group).dim
                vectors += [x[..., i : i + d * m : m].double() for i, m in chosen.vectors]
                scalars += [x[..., i : i + 1].double() for i, _ in chosen.scalars]
            elif isinstance(one, Vectors) and self._is_plain(one):
                if x.ndim != 3:
                    got, remedy = f"shape {tuple(x.shape)}", 'declare several as a representation, "3xV"'
                    raise self._refusal("one vector for each point (b, n, d)", got, remedy)
                vectors.append(x.double() - centre if one.shifts and centre is not None else x.double())
        positions = None if centre is None else inputs[self.position or 0].double() - centre
        like = vectors[0] if positions is None else positions
        return Cloud(
            torch.stack(vectors, 2) if vectors else like[..., None, :][..., :0, :],
            torch.cat(scalars, -1) if scalars else like[..., :0],
            positions,
            None if self.mask is None else inputs[self.mask],
        )

    def _is_plain(self, one: AbstractTensorType) -> bool:
        """Whether a type is one polar vector for each point, apart from the positions."""
        if not isinstance(one, Vectors) or one.handed:
            return False
        return self.position is None or one is not self.types[self.position]

    def _refusal(self, wanted: str, got: str, remedy: str) -> ValueError:
        return ValueError(sentence(self.where, wanted=wanted, got=got, remedy=remedy))


class _Chosen(NamedTuple):
    """(first coordinate, stride) of every copy of V in a type, and of every trivial one."""

    vectors: tuple[tuple[int, int], ...] = ()
    scalars: tuple[tuple[int, int], ...] = ()


def _chosen_of(one: AbstractTensorType) -> _Chosen:
    if not isinstance(one, Features):
        return _Chosen()
    vectors, scalars, start = [], [], 0
    for block in blocks_of(one.rep):
        if is_vector(block.rep):
            vectors += [(start + copy, block.multiplicity) for copy in range(block.multiplicity)]
        elif block.rep.is_trivial:
            scalars += [(start + copy, 1) for copy in range(block.dim)]
        start += block.dim
    return _Chosen(tuple(vectors), tuple(scalars))


def is_vector(rep: AbstractRep) -> bool:
    """Whether ρ(g) = g."""
    V = standard(rep.group)
    if rep.dim != V.dim:
        return False
    off = [rep.generator_matrices - V.generator_matrices, rep.algebra_matrices - V.algebra_matrices]
    return bool(max(np.abs(part).max(initial=0) for part in off) < _SAME)
