"""φ(x) = ρ_out(c(x)) f(ρ_in(c(x))⁻¹x), c(x) = argmin_g E(g⁻¹x): E need not be equivariant."""

import torch
from torch import Tensor, nn

from mackey.actions import AbstractTensorType, Declaration, GroupLike, acting
from mackey.axes import Float
from mackey.errors import sentence
from mackey.groups import Orthogonal, SpecialOrthogonal
from mackey.wrap.canonical import TIES, Canonicalised
from mackey.wrap.cloud_canonicaliser import CloudCanonicalised
from mackey.wrap.declared_types import types_of
from mackey.wrap.gram_schmidt import vectors_needed
from mackey.wrap.listed_groups import finite_elements, finite_guarantee
from mackey.wrap.listed_motions import Elements, action, dtype_of
from mackey.wrap.pose_search import PoseSearch, energy_of
from mackey.wrap.posing import Posing

_WHERE = "wrap.optimised"


class EnergyScores(nn.Module):
    """s(x)[h] = −E(h⁻¹x): scores of poses, |H| evaluations of any network E; s(k·x)[h] = s(x)[k⁻¹h]."""

    def __init__(
        self, energy: nn.Module, elements: Elements, in_types: tuple[AbstractTensorType, ...]
    ) -> None:
        super().__init__()
        self.energy, self.count, self.in_types = energy, len(elements), in_types
        self.pull = nn.ModuleList(action(one, elements.inverses) for one in in_types).to(dtype_of(energy))

    def forward(self, *inputs: Tensor) -> Float[Tensor, "b m"]:
        found = []
        for h in range(self.count):
            moved = tuple(
                move(x, h) if one.moves else x
                for x, one, move in zip(inputs, self.in_types, self.pull, strict=True)
            )
            found.append(-energy_of(self.energy, moved, inputs[0].shape[0]))
        return torch.stack(found, 1)


def optimised(
    network: nn.Module,
    group: GroupLike,
    in_type: Declaration,
    out_type: Declaration,
    energy: nn.Module,
    *,
    mask: int | None = None,
    temperature: float = 1.0,
) -> Canonicalised | CloudCanonicalised:
    """φ(x) = ρ_out(c) f(ρ_in(c)⁻¹x), c(x) = argmin_g E(g⁻¹x); E: the tensors of the network to one number for
    each sample, (b,), by any network at all.

    Finite groups: all |H| poses; E learns through softmax(−E/temperature). SO(d), O(d), SE(d), E(d), d = 2 or
    3: `PoseSearch`, E twice differentiable, without batch norm in training; it learns by the implicit
    function theorem. `finder.steps` and `finder.refined` of the result say how long it searches. mask: the
    number of the input that says which points are there. Source: Kaba et al., ICML 2023, sect. 3.2.
    """
    acts = acting(group)
    in_types, out_types = types_of(in_type, acts, _WHERE), types_of(out_type, acts, _WHERE)
    if isinstance(acts.linear, Orthogonal | SpecialOrthogonal) and not acts.permutes:
        vectors_needed(acts.linear, _WHERE)
        return CloudCanonicalised(
            network, PoseSearch(energy), Posing(acts, in_types, out_types, mask, _WHERE)
        )
    if mask is not None:
        remedy = "let the network read it as one of its inputs"
        raise ValueError(sentence(_WHERE, wanted="no mask under a finite group", got="one", remedy=remedy))
    elements = finite_elements(acts, _WHERE)
    return Canonicalised(
        network,
        EnergyScores(energy, elements, in_types),
        elements,
        in_types=in_types,
        out_types=out_types,
        guarantee=finite_guarantee(acts, (*in_types, *out_types), TIES),
        temperature=temperature,
    )
