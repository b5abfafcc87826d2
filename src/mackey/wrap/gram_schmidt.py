"""The frame of a few vectors: an element of SO(d) or O(d), d = 2 or 3, that turns as they do."""

from torch import Tensor

from mackey.axes import Float
from mackey.errors import sentence
from mackey.groups import AbstractGroup, Orthogonal, SpecialOrthogonal
from mackey.wrap.rotation_frames import mirrored_frames, plane_frames, space_frames


def vectors_needed(group: AbstractGroup | None, where: str) -> int:
    """How many vectors give a frame: d − 1 for SO(d), d for O(d). Raises ValueError for other groups."""
    if not isinstance(group, Orthogonal | SpecialOrthogonal) or group.n not in (2, 3):
        wanted, remedy = "SO(d), O(d), SE(d) or E(d), d = 2 or 3", "use wrap.frames, or wrap.optimised"
        raise ValueError(sentence(where, wanted=wanted, got=str(group), remedy=remedy))
    return group.n - int(isinstance(group, SpecialOrthogonal))


def gram_schmidt(vectors: Float[Tensor, "*b k d"], *, proper: bool) -> Float[Tensor, "*b d d"]:
    """F with columns u₁ = v₁/|v₁|, u₂ ∝ v₂ − (v₂·u₁)u₁, …, so that F(gv) = gF(v).

    proper: F ∈ SO(d) of the first d − 1 vectors, its last column u₁×u₂ (d = 2: a quarter turn of u₁). Else
    F ∈ O(d) of the first d, its last column on the side of the last vector: mirror images have mirrored
    frames. Where a vector lies within 10⁻⁷ of its length from the span of those before it, a fixed axis, or
    the proper frame, takes its place: orthonormal, finite, not equivariant.
    """
    d = vectors.shape[-1]
    if not proper:
        return mirrored_frames(vectors[..., :d, :]).mT
    return (plane_frames if d == 2 else space_frames)(vectors[..., : d - 1, :]).mT
