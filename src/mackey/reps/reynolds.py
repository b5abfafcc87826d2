"""The orthogonal projection of matrices on Hom_G(ρ, σ), and how far a matrix is from it."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mackey.axes import Float
from mackey.errors import sentence
from mackey.reps.abstract import AbstractRep
from mackey.reps.intertwiners import IntertwinerBlock, intertwiner_blocks


@dataclass(frozen=True, eq=False, repr=False)
class Projector:
    """W → P W, linear, differentiable, P² = P, P W = W exactly where W intertwines.

    Orthogonal in the Frobenius product. Where ρ and σ are orthogonal representations of a compact group this
    is the Reynolds operator, W → ∫ σ(g) W ρ(g)⁻¹ dg. Works block by block,
    without a dense basis of a sum.
    """

    rho: AbstractRep
    sigma: AbstractRep
    blocks: tuple[IntertwinerBlock, ...]
    bases: tuple[Tensor, ...]
    shape: tuple[int, int]

    def __call__(self, weight: Float[Tensor, "*b a d"]) -> Float[Tensor, "*b a d"]:
        _check_shape(self, weight)
        whole = torch.zeros_like(weight)
        for block, basis in zip(self.blocks, self.bases, strict=True):
            kept = basis.to(weight)
            part = weight[..., block.rows, block.columns]
            split = part.unflatten(-2, (-1, block.copies_out)).unflatten(-1, (-1, block.copies_in))
            inside = torch.einsum("koi,...opiq,kuv->...upvq", kept, split, kept)
            whole[..., block.rows, block.columns] = inside.flatten(-2).flatten(-3, -2)
        return whole

    def complement(self, weight: Float[Tensor, "*b a d"]) -> Float[Tensor, "*b a d"]:
        """W − P W."""
        return weight - self(weight)

    def defect(self, weight: Float[Tensor, "*b a d"]) -> Float[Tensor, "*b"]:
        """‖W − P W‖, the distance from the nearest intertwiner: 0 if and only if W is one."""
        return torch.linalg.matrix_norm(self.complement(weight))

    def __repr__(self) -> str:
        return f"Projector({self.rho} → {self.sigma})"


def projector(rho: AbstractRep, sigma: AbstractRep) -> Projector:
    """The orthogonal projection of (d_σ, d_ρ) matrices on Hom_G(ρ, σ)."""
    blocks = intertwiner_blocks(rho, sigma)
    return Projector(
        rho, sigma, blocks, tuple(_orthonormal(block.basis) for block in blocks), (sigma.dim, rho.dim)
    )


def _orthonormal(basis: np.ndarray) -> Tensor:
    """The same span, by Gram–Schmidt in order, as L⁻¹ of the Cholesky factor of the Gram matrix."""
    flat = basis.reshape(len(basis), -1)
    for _ in range(2):  # once more, for what rounding left
        flat = np.linalg.solve(np.linalg.cholesky(flat @ flat.T), flat)
    return torch.tensor(flat.reshape(basis.shape), device="cpu")


def _check_shape(projector: Projector, weight: Tensor) -> None:
    if tuple(weight.shape[-2:]) != projector.shape:
        raise ValueError(
            sentence(
                repr(projector),
                wanted=f"matrices of shape {projector.shape}, (d_σ, d_ρ)",
                got=str(tuple(weight.shape)),
                remedy="put batch axes first",
            )
        )
