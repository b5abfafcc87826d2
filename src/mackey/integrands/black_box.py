"""ω known only through its integral: λ(F) = ∫ω(F, g′)dg′ for any function λ of the whole field."""

from collections.abc import Callable

import torch
from torch import Tensor

from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.integrands.abstract import AbstractIntegrand
from mackey.spaces import Grid, Pose


class BlackBox(AbstractIntegrand):
    """[Φf](g) = λ(g⁻¹f), λ: (b, c·d, *spatial) → (b, c′·d′), on a periodic grid.

    Equivariant for every λ; the output is a field of the declared type only if λ(hf) = σ(h) λ(f), which
    nn.Integral checks. Source: Nyholm et al. 2025, Theorem 1 (ω(f, g′) = δ_e(g′) λ[f](e)).
    """

    def __init__(self, in_type: FieldType, out_type: FieldType, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__(in_type, out_type)
        if not isinstance(in_type.domain, Grid) or not in_type.domain.periodic:
            raise ValueError(
                sentence(
                    "BlackBox",
                    wanted="a periodic Grid, on which g⁻¹f can be formed",
                    got=str(in_type.domain),
                    remedy="use Grid(group, periodic=True)",
                )
            )
        self.function = function

    def message(self, here: Tensor, there: Tensor, pose: Pose) -> Tensor:
        raise NotImplementedError("a black box is known by its integral only")

    def integral_at(self, tokens: Tensor, pose: Pose, sizes: tuple[int, ...], target: int) -> Tensor:
        """λ(g⁻¹f): the field seen from the target, rolled so that the target lies at index size // 2."""
        if any(size % 2 == 0 for size in sizes):
            raise ValueError(
                sentence(
                    "BlackBox: not equivariant",
                    wanted="odd sizes, whose centre is a sample that H leaves in place",
                    got="×".join(map(str, sizes)),
                    remedy="crop or pad the field to odd sizes",
                )
            )
        array = self.in_type.domain.from_tokens(tokens, sizes)
        index = [int(i) for i in torch.unravel_index(torch.tensor(target), sizes)]
        centred = array.roll(
            [n // 2 - i for i, n in zip(index, sizes, strict=True)], list(range(2, array.ndim))
        )
        return self.function(centred).unflatten(1, (self.out_type.multiplicity, self.out_type.rep.dim))
