"""[Φ_ω f](y) = Σ_x ω(s(y)⁻¹f, s(y)⁻¹x), one target at a time: the definition, the specification of every fast
path.

Never optimised. The sum over x ∈ G/H stands for the integral over G: with the fibre of ω right-invariant the
two agree (L2 of the theory notes; `tests/test_literal.py` sums over the whole finite group and compares).
"""

import math

import torch
from torch import Tensor

from mackey.integrands import AbstractIntegrand
from mackey.lowerings.abstract import AbstractLowering
from mackey.spaces import Pose


class Literal(AbstractLowering):
    """The integral as written. O(targets × sources)."""

    name = "literal"

    def why_not(self, omega: AbstractIntegrand) -> str | None:
        return None

    def __call__(self, omega: AbstractIntegrand, f: Tensor) -> Tensor:
        features = f if omega.pre is None else self(omega.pre, f)
        seen, value = omega.feature_type, omega.value_type
        sizes = seen.domain.sizes(features)
        targets = omega.output_sizes(sizes)
        tokens = seen.domain.to_tokens(features, seen.rep.dim)
        poses = seen.domain.poses(sizes, targets, omega.stride, f.device)
        displacement = poses.displacement.to(f.dtype)
        outputs = [
            omega.integral_at(tokens, Pose(displacement[t], poses.element[t]), sizes, t)
            for t in range(len(poses.element))
        ]
        out = value.domain.from_tokens(torch.stack(outputs, 1), targets)
        return out if omega.post is None else self(omega.post, out)

    def flops(self, omega: AbstractIntegrand, f: Tensor) -> int:
        sizes = omega.in_type.domain.sizes(f)
        pairs = math.prod(sizes) * math.prod(omega.output_sizes(sizes))
        return 2 * len(f) * pairs * omega.in_type.channels * omega.out_type.channels
