"""What a module declares, against what was measured."""

from torch import nn

from mackey.actions import Acting, acting
from mackey.audit.element import Element
from mackey.audit.report import Promise
from mackey.fields import FieldType, Guarantee
from mackey.groups import LatticeGroup, SemidirectProduct


def promised(module: nn.Module, broken_by: list[Element]) -> Promise | None:
    """The declared guarantee, and whether it holds for the elements that were tested; None if none is
    declared. What other guarantees than exact ones promise is not measured here.
    """
    guarantee = getattr(module, "guarantee", None)
    if not isinstance(guarantee, Guarantee):
        return None
    if guarantee.kind not in ("exact", "exact_on_grid"):
        return Promise(str(guarantee), None, "not measured: it promises nothing about single elements")
    group = _declared(module, guarantee)
    if group is None:
        return Promise(str(guarantee), not broken_by, "held against all elements tested")
    breaking = [e for e in broken_by if _inside(e, group)]
    if breaking:
        return Promise(str(guarantee), False, f"broken by {', '.join(e.label for e in breaking)}")
    outside = f"; {len(broken_by)} elements that break it are outside {guarantee.group}" if broken_by else ""
    return Promise(str(guarantee), True, f"no element of {guarantee.group} breaks it{outside}")


def _declared(module: nn.Module, guarantee: Guarantee) -> Acting | None:
    """The group that is promised; None for a group without a name: nobody can tell what it contains."""
    in_type = getattr(module, "in_type", None)
    try:
        return acting(in_type.domain.group if isinstance(in_type, FieldType) else guarantee.group)
    except ValueError:
        return None


def _inside(element: Element, group: Acting) -> bool:
    motion = element.motion
    if motion.permutations and not group.permutes:
        return False
    if motion.linear is None:
        return True
    if group.space is None or element.within(group.space) is None:
        return False
    shifts = motion.translation is not None and bool(motion.translation.any())
    return not shifts or isinstance(group.space, SemidirectProduct | LatticeGroup)
