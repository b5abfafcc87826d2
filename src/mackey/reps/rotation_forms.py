"""Rotations of space as matrices, quaternions, angles and vectors, in the orders that other libraries use."""

import torch
from torch import Tensor

from mackey.axes import Float
from mackey.groups import quaternion, quaternion_rotation, rotation_exp, rotation_log
from mackey.reps.conventions import unknown


def convert_rotation(values: Float[Tensor, "*b"], source: str, target: str) -> Float[Tensor, "*c"]:
    """The same rotations in another form, through the matrix.

    matrix: (…, 3, 3), R x. vector: (…, 3), the axis times the angle, right-handed. quaternion: (…, 4) as
    (w, x, y, z), of w ≥ 0. scipy: (x, y, z, w). e3nn: (…, 3), the angles α, β, γ of `rotation_from_angles`.
    """
    for name in (source, target):
        if name not in _FORMS:
            raise ValueError(unknown("reps.convert_rotation", name, _FORMS))
    return _FORMS[target][1](_FORMS[source][0](values))


def rotation_from_angles(angles: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3 3"]:
    """R_y(α) R_x(β) R_y(γ) of (α, β, γ): first γ about y, then β about x, then α about y."""
    (a, b, c), (d, e, f) = angles.cos().unbind(-1), angles.sin().unbind(-1)
    rows = [
        [a * c - d * b * f, d * e, a * f + d * b * c],
        [e * f, b, -e * c],
        [-d * c - a * b * f, a * e, a * b * c - d * f],
    ]
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def angles_from_rotation(rotation: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 3"]:
    """(α, β, γ) with 0 ≤ β ≤ π. At β = 0 and π only α ± γ is defined: γ is 0 there, without a gradient."""
    (_, b, c), (d, e, f), (_, h, i) = (row.unbind(-1) for row in rotation.unbind(-2))
    sine = torch.hypot(b, h)
    # Where y stays on its axis, z turns by α ± γ.
    on_axis = sine < 4 * torch.finfo(rotation.dtype).eps
    alpha = torch.where(on_axis, torch.atan2(c * e.sign(), i * e.sign()), torch.atan2(b, h))
    gamma = torch.where(on_axis, 0, torch.atan2(d, -f))
    return torch.stack([alpha, torch.atan2(sine, e), gamma], -1)


def _from_scipy(values: Tensor) -> Tensor:
    return quaternion_rotation(values.roll(1, -1))


def _to_scipy(rotation: Tensor) -> Tensor:
    return quaternion(rotation).roll(-1, -1)


def _same(rotation: Tensor) -> Tensor:
    return rotation


_FORMS = {
    "matrix": (_same, _same),
    "vector": (rotation_exp, rotation_log),
    "quaternion": (quaternion_rotation, quaternion),
    "scipy": (_from_scipy, _to_scipy),
    "e3nn": (rotation_from_angles, angles_from_rotation),
}
