"""One call that makes any network equivariant by a canonical pose."""

from torch import nn

from mackey.actions import AbstractTensorType, Acting, Declaration, Field, GroupLike, acting
from mackey.errors import sentence
from mackey.groups import LatticeGroup
from mackey.wrap.canonical import TIES, Canonicalised
from mackey.wrap.declared_types import types_of
from mackey.wrap.image_scorer import ImageScorer
from mackey.wrap.listed_groups import finite_elements, finite_guarantee

_WHERE = "wrap.canonicaliser"


def canonicaliser(
    network: nn.Module,
    group: GroupLike,
    in_type: Declaration,
    out_type: Declaration,
    *,
    scorer: nn.Module | None = None,
    temperature: float = 1.0,
) -> Canonicalised:
    """φ(x) = ρ_out(c(x)) f(ρ_in(c(x))⁻¹x), where c is an equivariant network of its own, the scorer.

    Finite groups ("p4", "p4m", "C8" on images; "O", "I" on points): the pose with the highest score, by
    wrap.ImageScorer(group, channels) or any module with s(h·x)[k] = s(x)[h⁻¹k].

    Raises ValueError for a group or a type that this cannot do. Source: Kaba et al., ICML 2023.
    """
    acts = acting(group)
    in_types, out_types = types_of(in_type, acts, _WHERE), types_of(out_type, acts, _WHERE)
    elements = finite_elements(acts, _WHERE)
    return Canonicalised(
        network,
        _image_scorer(acts, in_types[0]) if scorer is None else scorer,
        elements,
        in_types=in_types,
        out_types=out_types,
        guarantee=finite_guarantee(acts, (*in_types, *out_types), TIES),
        temperature=temperature,
    )


def _image_scorer(acts: Acting, declared: AbstractTensorType) -> ImageScorer:
    """A scorer for scalar fields, whose type tells the number of channels."""
    if isinstance(declared, Field) and declared.field.rep.is_trivial and isinstance(acts.space, LatticeGroup):
        return ImageScorer(acts.space, declared.field.channels)
    remedy = "give scorer=wrap.ImageScorer(group, channels), or any module with one score for each element"
    raise ValueError(
        sentence(_WHERE, wanted="a scorer", got=f"none, for inputs of type {declared}", remedy=remedy)
    )
