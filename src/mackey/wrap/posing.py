"""Tensors of declared types into frames and back: ρ_in(g)⁻¹x and ρ_out(g)y, each sample by its own frames."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mackey.actions import AbstractTensorType, Acting, EdgeIndex, Features, Matrices, Motion, Scalars, Vectors
from mackey.axes import Bool, Float
from mackey.errors import sentence
from mackey.groups import Orthogonal, SemidirectProduct, SpecialOrthogonal
from mackey.wrap.declared_types import is_position
from mackey.wrap.pca_frames import about, centre_of, pca_frames, principal_axes

_PLACED = (Vectors, Scalars, Matrices, Features)
_FLAT = 64  # a cloud is flat along an axis where it extends less than this many roundings of its size


@dataclass(frozen=True)
class Posing:
    """How frames of E(n), SE(n), O(n) or SO(n) move the inputs and outputs of a network.

    mask: the number of the input, bool (b, n), that says which points are there; padding has no say then.
    where: the wrapper, in messages.
    """

    acts: Acting
    in_types: tuple[AbstractTensorType, ...]
    out_types: tuple[AbstractTensorType, ...]
    mask: int | None
    where: str

    def __post_init__(self) -> None:
        linear = self.acts.linear
        if self.acts.permutes or not isinstance(linear, Orthogonal | SpecialOrthogonal):
            wanted, remedy = "E(n), SE(n), O(n) or SO(n)", "use another wrapper of mackey.wrap for this group"
            raise self._refusal(wanted, self.acts.name, remedy)
        for one in (*self.in_types, *self.out_types):
            if one.is_sampled:
                wanted, got = "points, vectors and features", f"{one}, which is sampled by pixels"
                raise self._refusal(wanted, got, "use a wrapper for images")
            if isinstance(one, _PLACED) and one.axis == 0:
                raise self._refusal("a batch on axis 0", f"{one} with points there", "give tensors (b, n, …)")
        if not any(isinstance(one, Vectors) for one in self.in_types):
            wanted, got = "positions or vectors among the inputs, to read the frames from", str(self.in_types)
            raise self._refusal(wanted, got, "declare one")
        shifted = any(map(is_position, self.out_types))
        if shifted and isinstance(self.acts.space, SemidirectProduct) and not self.translates:
            wanted, got = (
                "positions among the inputs, to place the outputs",
                f"{self.in_types} of {self.acts.name}",
            )
            raise self._refusal(
                wanted, got, 'declare the outputs "vectors", or wrap under E(n) with positions'
            )

    @property
    def proper(self) -> bool:
        """Whether mirror images stay apart."""
        return isinstance(self.acts.linear, SpecialOrthogonal)

    @property
    def dimension(self) -> int:
        """n of R^n."""
        assert isinstance(self.acts.linear, Orthogonal | SpecialOrthogonal), "checked when built"
        return self.acts.linear.dimension

    @property
    def source(self) -> int:
        """The input that the frames are read from: the first positions, else the first vectors."""
        vectors = [i for i, one in enumerate(self.in_types) if isinstance(one, Vectors)]
        return next((i for i in vectors if is_position(self.in_types[i])), vectors[0])

    @property
    def translates(self) -> bool:
        """Whether the frames have an origin of their own."""
        return isinstance(self.acts.space, SemidirectProduct) and is_position(self.in_types[self.source])

    def check(self, inputs: tuple[Tensor, ...]) -> None:
        """Raise unless the inputs can be of their types, all with one batch."""
        if len(inputs) != len(self.in_types):
            wanted, got = f"{len(self.in_types)} inputs, as declared", str(len(inputs))
            raise self._refusal(wanted, got, 'declare every input; "invariant" for what does not move')
        batch = inputs[self.source].shape[0]
        for one, x in zip(self.in_types, inputs, strict=True):
            one.check(x, self.where)
            if x.ndim and x.shape[0] != batch and not isinstance(one, EdgeIndex):
                wanted, got = f"{batch} samples on axis 0 of every input", f"shape {tuple(x.shape)}"
                raise self._refusal(wanted, got, "repeat what the samples share; numbers may have no axis")

    def cloud(self, inputs: tuple[Tensor, ...]) -> tuple[Float[Tensor, "b n d"], Bool[Tensor, "b n"] | None]:
        """The points or vectors that the frames are read from, and which of them are there."""
        x = inputs[self.source]
        points = x.reshape(x.shape[0], -1, x.shape[-1]).double()
        return points, None if self.mask is None else inputs[self.mask]

    def poses(self, inputs: tuple[Tensor, ...]) -> tuple[Float[Tensor, "b m d d"], Float[Tensor, "b d"]]:
        """F(X): rotations and the centre."""
        points, mask = self.cloud(inputs)
        return pca_frames(points, mask, centred=self.translates, proper=self.proper)

    def centre(self, inputs: tuple[Tensor, ...]) -> Float[Tensor, "b d"]:
        """The mean of the points that are there; 0 where the group does not translate."""
        points, mask = self.cloud(inputs)
        return centre_of(points, mask) if self.translates else torch.zeros_like(points[:, 0])

    def gaps(self, inputs: tuple[Tensor, ...]) -> Float[Tensor, " b"]:
        """The least |e_i − e_{i+1}|/e_max of each sample, e = √λ its extents along the principal axes;
        infinite where no choice of axes matters.

        Axes along which the cloud does not extend at all may be chosen freely where nothing but invariants
        and vectors come out and nothing but the cloud goes in.
        """
        points, mask = self.cloud(inputs)
        points = about(points, self.centre(inputs), mask)
        values, axes = principal_axes(points)
        extents = values.sqrt()
        gap = extents.diff(dim=-1) / extents[:, -1:].clamp(min=torch.finfo(values.dtype).tiny)
        if self._flat_is_free:
            reach = (points @ axes).abs().amax(1)
            eps = torch.finfo(inputs[self.source].dtype).eps
            flat = reach <= _FLAT * eps * inputs[self.source].detach().abs().amax().double()
            gap = torch.where(flat[:, 1:] & flat[:, :-1], torch.inf, gap)
        return gap.amin(-1)

    @property
    def _flat_is_free(self) -> bool:
        moving = [one for one in self.in_types if one.moves and not isinstance(one, EdgeIndex)]
        kinds = [isinstance(one, Vectors) and not one.handed for one in self.out_types if one.moves]
        return len(moving) == 1 and all(kinds)

    def centred(self, inputs: tuple[Tensor, ...], centre: Float[Tensor, "b d"]) -> tuple[Tensor, ...]:
        """X − c, in float64 where something moves."""
        return tuple(
            one.act(x.double(), Motion(translation=-centre)) if self.translates and is_position(one) else x
            for one, x in zip(self.in_types, inputs, strict=True)
        )

    def pull(
        self, inputs: tuple[Tensor, ...], frames: Float[Tensor, "b m d d"], dtypes: tuple[torch.dtype, ...]
    ) -> tuple[Tensor, ...]:
        """ρ_in(F)⁻¹ of centred inputs, (b·m, …): the frames of a sample stand together."""
        count, motion = frames.shape[1], Motion(linear=frames.flatten(0, 1).mT)
        return tuple(
            one.act(_repeat(x.double(), count), motion).to(dtype)
            if one.moves and not isinstance(one, EdgeIndex)
            else (x if isinstance(one, EdgeIndex) or not x.ndim else _repeat(x, count))
            for one, x, dtype in zip(self.in_types, inputs, dtypes, strict=True)
        )

    def push(
        self,
        outputs: tuple[Tensor, ...],
        frames: Float[Tensor, "b m d d"],
        weights: Float[Tensor, "b m"] | None = None,
    ) -> tuple[Tensor, ...]:
        """Σ_m w_m ρ_out(F_m) y, w = 1 by default, in float64 for types that move."""
        if len(outputs) != len(self.out_types):
            wanted, got = f"{len(self.out_types)} outputs, as declared", str(len(outputs))
            raise self._refusal(wanted, got, "declare every output")
        batch, count = frames.shape[:2]
        motion, found = Motion(linear=frames.flatten(0, 1)), []
        for one, y in zip(self.out_types, outputs, strict=True):
            if not y.ndim or y.shape[0] != batch * count:
                wanted, got = f"{batch * count} samples on axis 0 of every output", f"shape {tuple(y.shape)}"
                raise self._refusal(wanted, got, "let the network return one result for each sample")
            y = (one.act(y.double(), motion) if one.moves else y).unflatten(0, (batch, count))
            found.append(y.sum(1) if weights is None else (_against(weights, y) * y).sum(1))
        return tuple(found)

    def placed(self, outputs: tuple[Tensor, ...], centre: Float[Tensor, "b d"]) -> tuple[Tensor, ...]:
        """y + c for positions."""
        return tuple(
            one.act(y, Motion(translation=centre)) if is_position(one) and self.translates else y
            for one, y in zip(self.out_types, outputs, strict=True)
        )

    def _refusal(self, wanted: str, got: str, remedy: str) -> ValueError:
        return ValueError(sentence(self.where, wanted=wanted, got=got, remedy=remedy))


def _against(weights: Tensor, y: Tensor) -> Tensor:
    """Weights (b, m) with as many axes as y."""
    return weights.view(*weights.shape, *(1,) * (y.ndim - 2))


def _repeat(x: Tensor, count: int) -> Tensor:
    return x[:, None].expand(-1, count, *x.shape[1:]).flatten(0, 1)
