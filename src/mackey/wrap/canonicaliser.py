"""One call that makes any network equivariant by a canonical pose."""

from torch import nn

from mackey.actions import AbstractTensorType, Acting, Declaration, Field, GroupLike, acting
from mackey.errors import sentence
from mackey.groups import LatticeGroup, Orthogonal, SpecialOrthogonal
from mackey.wrap.canonical import TIES, Canonicalised
from mackey.wrap.cloud_canonicaliser import CloudCanonicalised, PredictedPose
from mackey.wrap.cloud_vectors import CloudVectors
from mackey.wrap.clouds import CloudReader
from mackey.wrap.declared_types import types_of
from mackey.wrap.frame_averaging import sorted_inside
from mackey.wrap.gram_schmidt import vectors_needed
from mackey.wrap.image_scorer import ImageScorer
from mackey.wrap.listed_groups import finite_elements, finite_guarantee
from mackey.wrap.listed_motions import dtype_of
from mackey.wrap.posing import Posing

_WHERE = "wrap.canonicaliser"


def canonicaliser(
    network: nn.Module,
    group: GroupLike,
    in_type: Declaration,
    out_type: Declaration,
    *,
    scorer: nn.Module | None = None,
    predictor: nn.Module | None = None,
    mask: int | None = None,
    temperature: float = 1.0,
) -> Canonicalised | CloudCanonicalised:
    """φ(x) = ρ_out(c(x)) f(ρ_in(c(x))⁻¹x), where c is an equivariant network of its own.

    Finite groups ("p4", "p4m", "C8" on images; "O", "I" on points): the pose with the highest score, by
    wrap.ImageScorer(group, channels) or any `scorer` with s(h·x)[k] = s(x)[h⁻¹k].

    SE(d), E(d), SO(d), O(d) on clouds, d = 2 or 3: Gram–Schmidt of vectors, by wrap.CloudVectors or any
    `predictor` of vectors (b, k, d) that turn with the inputs. CloudVectors reads invariants that are
    declared as such ("4xtrivial"), not "tokens". mask: the number of the input that says which points are
    there. Under "SE(3)×Sym" the points of the canonical cloud are sorted as well.

    Raises ValueError for a group or a type that this cannot do. Source: Kaba et al., ICML 2023.
    """
    acts = acting(group)
    in_types, out_types = types_of(in_type, acts, _WHERE), types_of(out_type, acts, _WHERE)
    if isinstance(acts.linear, Orthogonal | SpecialOrthogonal):
        _refuse(scorer, "a predictor of vectors", "a scorer", "continuous", acts)
        network, acts = sorted_inside(network, acts, (in_types, out_types), mask)
        posing = Posing(acts, in_types, out_types, mask, _WHERE)
        needed = vectors_needed(acts.linear, _WHERE)
        if predictor is None:
            predictor = CloudVectors(CloudReader(_WHERE, acts, in_types, mask)).to(dtype_of(network))
        return CloudCanonicalised(network, PredictedPose(predictor, needed, proper=posing.proper), posing)
    _refuse(predictor, "a scorer", "a predictor of vectors", "finite", acts)
    _refuse(mask, "no mask", "a mask", "finite", acts)
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


def _refuse(given: nn.Module | int | None, wanted: str, got: str, kind: str, acts: Acting) -> None:
    """Raise where an argument is for the other kind of group."""
    if given is not None:
        remedy = f"{acts.name} is {kind}: see wrap.canonicaliser"
        raise ValueError(sentence(_WHERE, wanted=wanted, got=got, remedy=remedy))


def _image_scorer(acts: Acting, declared: AbstractTensorType) -> ImageScorer:
    """A scorer for scalar fields, whose type tells the number of channels."""
    if isinstance(declared, Field) and declared.field.rep.is_trivial and isinstance(acts.space, LatticeGroup):
        return ImageScorer(acts.space, declared.field.channels)
    remedy = "give scorer=wrap.ImageScorer(group, channels), or any module with one score for each element"
    raise ValueError(
        sentence(_WHERE, wanted="a scorer", got=f"none, for inputs of type {declared}", remedy=remedy)
    )
