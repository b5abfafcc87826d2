"""What is tested: elements of the audited group, by what they do and not by their number in some table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mackey.actions import POINTS, AbstractTensorType, Acting, Field, Motion
from mackey.audit.element import Element
from mackey.audit.motions import motions_of
from mackey.errors import sentence
from mackey.groups import FiniteGroup

MOST = 10  # elements tested: with floors and both precisions that makes at most 30 forward passes


@dataclass(frozen=True)
class Tested:
    """The elements to test and those off the grid, which can only be measured with aliasing.

    scope: the group, or how much of it, where what is tested does not generate it. total: the elements of a
    finite group of motions, the identity apart.
    """

    group: str
    scope: str
    exact: list[Element]
    aliased: list[Element]
    notes: list[str]
    total: int | None = None

    def without(self, still: list[Element]) -> "Tested":
        """Less what the input cannot tell from the identity."""
        exact = [element for element in self.exact if element not in still]
        count = f"{len(exact)} of {self.total}" if self.total else f"{len(exact)}"
        names = ", ".join(e.label for e in still)
        note = f"not tested, because the input is symmetric under them: {names}"
        scope = f"{count} elements of {self.group}"
        return replace(self, exact=exact, scope=scope, notes=[*self.notes, note])


def tested(
    acting: Acting, types: Sequence[AbstractTensorType], tensors: Sequence[Tensor], generator: torch.Generator
) -> Tested:
    """Elements of every kind that the group has, each alone and one product of all."""
    exact, aliased, notes = [], [], []
    group, scope = acting.name, acting.name
    if acting.space is not None:
        most = MOST // 2 if acting.permutes else MOST
        drawn = motions_of(acting.space, types, tensors, generator, most)
        exact, aliased, notes = drawn.exact, drawn.aliased, drawn.notes
        if drawn.part:
            scope = f"{drawn.part} of {group}"
    if acting.permutes:
        moved = _permutations(acting, types, tensors, generator)
        exact += moved[:2] if exact else moved
        if acting.space is not None and len(moved):
            last = next((e for e in reversed(exact) if e.aspect != "permutation"), None)
            if last is not None:
                both = replace(last.motion, permutations=moved[-1].motion.permutations)
                exact.append(Element(f"{last.label} and permutation", "product", both))
        if acting.space is None and acting.permutations is None:
            sizes = _sizes(types, tensors)
            group = scope = "×".join(f"Sym({n})" for n in sizes.values())
    exact = _few(exact)
    linear = acting.linear
    total = linear.order - 1 if isinstance(linear, FiniteGroup) and not acting.permutes else None
    return Tested(group, scope, _distinct(exact), _distinct(aliased), notes, total)


def _few(elements: list[Element]) -> list[Element]:
    """At most MOST: of kinds that are there twice, the second is enough."""
    found = list(elements)
    for aspect in ("rotation", "permutation", "boost"):
        twice = [e for e in found if e.aspect == aspect][:-1]
        for e in twice[: max(0, len(found) - MOST)]:
            found.remove(e)
    return found


def _distinct(elements: list[Element]) -> list[Element]:
    """With a number after a label that is there already."""
    seen: dict[str, int] = {}
    found = []
    for e in elements:
        seen[e.label] = seen.get(e.label, 0) + 1
        found.append(replace(e, label=f"{e.label} ({seen[e.label]})") if seen[e.label] > 1 else e)
    return found


def _sizes(types: Sequence[AbstractTensorType], tensors: Sequence[Tensor]) -> dict[str, int]:
    """The length of every axis that permutations act on, by its name."""
    sizes: dict[str, int] = {}
    for declared, x in zip(types, tensors, strict=True):
        for name, axis in declared.axes(x).items():
            n = sizes.setdefault(name, x.shape[axis])
            if n != x.shape[axis]:
                raise ValueError(
                    sentence(
                        "audit",
                        wanted=f'axes "{name}" of one length, as the first input has {n}',
                        got=f"{x.shape[axis]} on axis {axis} of a tensor of shape {tuple(x.shape)}",
                        remedy='declare it "invariant" if the group does not permute it, or name its axis',
                    )
                )
    return sizes


def _permutations(
    acting: Acting, types: Sequence[AbstractTensorType], tensors: Sequence[Tensor], generator: torch.Generator
) -> list[Element]:
    """A cycle, a transposition (or generators) and random ones."""
    sizes = _sizes(types, tensors)
    if acting.permutations is not None:
        degree = len(acting.permutations.identity)
        by_rep = any(isinstance(t, Field) for t in types) and POINTS not in sizes
        sizes = {POINTS: degree} if by_rep else _of_group(degree, sizes)
    if not sizes or max(sizes.values()) < 2:
        raise ValueError(
            sentence(
                "audit",
                wanted="at least 2 tokens to permute",
                got=f"n = {max(sizes.values(), default=0)}",
                remedy='declare what is permuted, for example "tokens" (b, n, c) with n ≥ 2',
            )
        )
    found: list[Element] = []
    for shape in ("transposition", "cycle", "permutation 1", "permutation 2"):
        chosen = {name: _permutation(shape, n, acting, generator) for name, n in sizes.items()}
        if all(torch.equal(p, torch.arange(len(p))) for p in chosen.values()):
            continue
        known = [e.motion.permutations for e in found]
        if not any(all(torch.equal(p, k[name]) for name, p in chosen.items()) for k in known):
            found.append(Element(shape, "permutation", Motion(permutations=chosen)))
    return found


def _of_group(degree: int, sizes: dict[str, int]) -> dict[str, int]:
    n = sizes.get(POINTS)
    if n != degree:
        raise ValueError(
            sentence(
                "audit",
                wanted=f"{degree} tokens on axis 1, as the group permutes",
                got=f"{n}",
                remedy='give as many, or audit under "Sym"',
            )
        )
    return {POINTS: degree}


def _permutation(shape: str, n: int, acting: Acting, generator: torch.Generator) -> Tensor:
    group = acting.permutations
    if group is not None:
        first = {"transposition": 0, "cycle": 1}.get(shape)
        if first is None:
            return torch.as_tensor(group.sample(1, generator)[0])
        generators = list(group.generators)
        return torch.as_tensor(generators[first] if first < len(generators) else group.identity)
    if shape == "cycle":
        return torch.arange(n).roll(1)
    if shape == "transposition":
        p = torch.arange(n)
        p[: min(n, 2)] = p[: min(n, 2)].flip(0)
        return p
    return torch.randperm(n, generator=generator)
