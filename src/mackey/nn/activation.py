"""Non-linearities that commute with the group: pointwise for permutations; norm, gated and Fourier for the
rest.
"""

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from mackey.axes import Float, merge_fibre, split_fibre
from mackey.errors import sentence
from mackey.fields import FieldType
from mackey.groups import FiniteGroup
from mackey.nn.layer import AbstractLayer
from mackey.reps import AbstractRep, Rep, multiplicities, regular, tabulated, to_irreps, trivial
from mackey.spaces import Grid, Point

Function = Callable[[Tensor], Tensor]


class Pointwise(AbstractLayer):
    """y_i = a(x_i): commutes with ρ(h) for every function a exactly when ρ(h) permutes the channels.

    Raises ValueError for any other representation. Source: Ông & Bökman, Lemma 1.
    """

    def __init__(self, in_type: FieldType, function: Function = torch.nn.functional.relu) -> None:
        super().__init__(in_type, in_type)
        if not in_type.rep.is_permutation:
            raise ValueError(
                sentence(
                    "activation.Pointwise: not equivariant",
                    wanted="a permutation representation",
                    got=_mixing(in_type.rep),
                    remedy="use nn.NormActivation, nn.Gated or nn.FourierActivation"
                    if isinstance(in_type.rep.group, FiniteGroup)
                    else "use nn.Gate or nn.NormActivation",
                )
            )
        self.function = function
        _check_pointwise(function, in_type)

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return self.function(x)


def _mixing(rep: AbstractRep) -> str:
    """A representation that mixes channels, with an element that does where elements can be listed."""
    H = rep.group
    if not isinstance(H, FiniteGroup):
        return f"{rep} of {H}, which mixes them"
    table = tabulated(rep)
    worst = next(h for h in H.elements if not Rep.is_permutation_matrix(table.matrices[h]))
    return f"{rep}, where h = {H.label(worst)} does not permute channels"


def _check_pointwise(function: Function, in_type: FieldType) -> None:
    """Raise if a function treats the channels of a fibre unlike: a PReLU with a slope for each does."""
    probe, dtype = function, torch.get_default_dtype()
    generator = torch.Generator().manual_seed(0)
    if isinstance(function, nn.Module):
        if any(parameter.is_meta for parameter in function.parameters()):
            return  # nothing to compute with yet
        probe, dtype = copy.deepcopy(function).to("cpu", torch.float64), torch.float64
        with torch.no_grad():  # fresh slopes are all equal, and a broken layer looks right
            for parameter in probe.parameters():
                parameter.copy_(torch.rand(parameter.shape, generator=generator))
    sizes = (3,) * (in_type.domain.dimension if isinstance(in_type.domain, Grid) else 1)
    x = torch.randn(in_type.shape(2, sizes), generator=generator, dtype=dtype, device="cpu")
    rep, H = in_type.rep, in_type.rep.group
    for h, matrix in zip(H.generators, rep.generator_matrices, strict=True):
        order = np.argsort(np.argmax(matrix, axis=0))
        with torch.no_grad():
            moved, wanted = (split_fibre(y, rep.dim) for y in (probe(_permuted(x, order)), probe(x)))
            error = float((moved - wanted[:, :, order]).abs().max())
        if not error < 1e-5:
            raise ValueError(
                sentence(
                    "activation.Pointwise: not equivariant",
                    wanted="one function for all channels of a fibre",
                    got=f"{function}, which differs by {error:.2g} when h = {H.label(h)} permutes them",
                    remedy="use one slope for all, as in nn.PReLU()",
                )
            )


def _permuted(x: Tensor, order: np.ndarray) -> Tensor:
    return merge_fibre(split_fibre(x, len(order))[:, :, order])


def _fibres_on_axis_2(x: Tensor, in_type: FieldType, where: str) -> Tensor:
    in_type.check(x, where)
    return split_fibre(x, in_type.rep.dim)


def _refuse_tokens(in_type: FieldType, where: str) -> None:
    if not isinstance(in_type.domain, Grid | Point):
        raise ValueError(
            sentence(
                where,
                wanted="fields on a Grid or Point",
                got=str(in_type),
                remedy="fibres on sets and sequences are scalars: use nn.Pointwise",
            )
        )


class NormActivation(AbstractLayer):
    """y = x · a(‖x‖ + b)/‖x‖ for each fibre x; zero stays zero with a finite gradient. ρ orthogonal."""

    def __init__(self, in_type: FieldType, function: Function = torch.nn.functional.relu) -> None:
        super().__init__(in_type, in_type)
        _refuse_tokens(in_type, "NormActivation")
        if not in_type.rep.is_orthogonal:
            raise ValueError(
                sentence(
                    "NormActivation",
                    wanted="an orthogonal representation",
                    got=str(in_type.rep),
                    remedy="change basis with reps.to_irreps",
                )
            )
        self.function = function
        self.bias = nn.Parameter(torch.zeros(in_type.multiplicity))

    def forward(self, x: Float[Tensor, "b channels *spatial"]) -> Float[Tensor, "b channels *spatial"]:
        fibres = _fibres_on_axis_2(x, self.in_type, "NormActivation")
        squared = fibres.square().sum(2, keepdim=True)
        present = squared > 0
        norm = torch.where(present, squared, torch.ones_like(squared)).sqrt()
        bias = self.bias.view(-1, *(1,) * (fibres.ndim - 2))
        factor = torch.where(present, self.function(norm + bias) / norm, torch.zeros_like(norm))
        return merge_fibre(fibres * factor)


class Gated(AbstractLayer):
    """y = x · sigmoid(s), s an invariant channel that comes with each fibre: in_type is ρ ⊕ trivial, out_type
    ρ.
    """

    def __init__(self, out_type: FieldType) -> None:
        _refuse_tokens(out_type, "Gated")
        gated = out_type.table + trivial(out_type.table.group)
        super().__init__(FieldType(out_type.domain, gated, out_type.multiplicity), out_type)

    def forward(self, x: Float[Tensor, "b channels_in *spatial"]) -> Float[Tensor, "b channels_out *spatial"]:
        fibres = _fibres_on_axis_2(x, self.in_type, "Gated")
        return merge_fibre(fibres[:, :, :-1] * fibres[:, :, -1:].sigmoid())


class FourierActivation(AbstractLayer):
    """y = Aᵀ a(A x): to functions on H, pointwise there, and back. A is an isometry with A ρ(h) = (copies of
    regular)(h) A.

    Exact for every finite H and every orthogonal ρ. Source: Ông & Bökman; Cesa et al. 2022.
    """

    _samples: Tensor

    def __init__(self, in_type: FieldType, function: Function = torch.nn.functional.relu) -> None:
        super().__init__(in_type, in_type)
        _refuse_tokens(in_type, "FourierActivation")
        self.function = function
        self.hold("_samples", _into_regular(in_type.table))

    def forward(self, x: Float[Tensor, "b channels *spatial"]) -> Float[Tensor, "b channels *spatial"]:
        fibres = _fibres_on_axis_2(x, self.in_type, "FourierActivation")
        samples = torch.einsum("sd,bcd...->bcs...", self._samples, fibres)
        return merge_fibre(torch.einsum("sd,bcs...->bcd...", self._samples, self.function(samples)))


def _into_regular(rep: Rep) -> np.ndarray:
    """An isometry A (copies·|H|, d) from ρ into as few copies of the regular representation as hold it."""
    if not rep.is_orthogonal:
        raise ValueError(
            sentence(
                "FourierActivation",
                wanted="an orthogonal representation",
                got=str(rep),
                remedy="change basis with reps.to_irreps",
            )
        )
    H = rep.group
    whole, _ = to_irreps(regular(H))
    mine, _ = to_irreps(rep)
    room = multiplicities(regular(H))
    copies = max(-(-count // room[psi]) for psi, count in multiplicities(rep).items())
    embedding = np.zeros((copies * H.order, rep.dim))
    start, column = 0, 0
    for psi, count in multiplicities(rep).items():
        for i in range(count):
            copy, slot = divmod(i, room[psi])
            first = start + slot * psi.dim
            rows = slice(copy * H.order, (copy + 1) * H.order)
            embedding[rows, column : column + psi.dim] = whole[:, first : first + psi.dim]
            column += psi.dim
        start += room[psi] * psi.dim
    return embedding @ mine.T
