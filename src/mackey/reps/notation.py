"""Representations as people write them: "16x0e + 8x1o", "regular", "V⊗V*", "2xV + Sym^2(V)"."""

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from mackey.errors import sentence
from mackey.groups import AbstractGroup, FiniteGroup
from mackey.reps.abstract import AbstractRep
from mackey.reps.algebra import determinant, dual, exterior_power, power, symmetric_power, tensor, trivial
from mackey.reps.defining import standard
from mackey.reps.finite import regular, sign
from mackey.reps.irreps import irreps
from mackey.reps.labels import irrep, spelling
from mackey.reps.specht import specht
from mackey.reps.sums import Block, DirectSum

# A count and its x; an irrep label or a name; the signs of the grammar.
_TOKEN = re.compile(
    r"\s*(?:(?P<count>\d+)\s*[x×·]|(?P<power>(?:Sym|Alt|Λ)\s*\^?\s*\d+(?=\s*\())"
    r"|(?P<name>S\(\d+(?:,\d+)*\)|[^\W\d_]\w*|\d+(?:/\d+)?[eo]?)|(?P<sign>[-+⊕⊗*()^,]))"
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


@dataclass
class _Reader:
    """Recursive descent over the tokens: sum → count x product → power → dual → atom."""

    group: AbstractGroup[Any]
    text: str
    position: int = 0
    tokens: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        start = 0
        text = re.sub(
            "[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda found: "^" + found[0].translate(_SUPERSCRIPTS), self.text.rstrip()
        )
        while start < len(text):
            found = _TOKEN.match(text, start)
            if found is None:
                raise self.complaint(f"{text[start:].strip()!r} at character {start + 1}")
            kind = str(found.lastgroup)
            self.tokens.append((kind, found[kind]))
            start = found.end()

    def complaint(self, got: str) -> ValueError:
        return ValueError(
            sentence(
                f"reps.parse({self.text!r})",
                wanted="a sum of products such as 16x0e + 8x1o or 2xV⊗V* + Sym^2(V)",
                got=got,
                remedy=f"names of {self.group}: {', '.join(names(self.group))}",
            )
        )

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "the end")

    def take(self, *signs: str) -> str | None:
        kind, value = self.peek()
        if kind == "sign" and value in signs:
            self.position += 1
            return value
        return None

    def sum(self) -> AbstractRep:
        blocks = [self.term()]
        while self.take("+", "⊕"):
            blocks.append(self.term())
        alone = len(blocks) == 1 and blocks[0].multiplicity == 1
        return blocks[0].rep if alone else DirectSum(tuple(blocks))

    def term(self) -> Block:
        kind, value = self.peek()
        if kind != "count":
            return Block(1, self.product())
        self.position += 1
        if int(value) < 1:
            raise self.complaint(f"a multiplicity of {value}")
        return Block(int(value), self.product())

    def product(self) -> AbstractRep:
        found = self.factor()
        while self.take("⊗"):
            found = tensor(found, self.factor())
        return found

    def factor(self) -> AbstractRep:
        found = self.atom()
        while sign := self.take("*", "^"):
            if sign == "*":
                found = dual(found)
            else:
                kind, value = self.peek()
                if kind != "name" or not value.isdecimal():
                    raise self.complaint(f"^ before {value}")
                self.position += 1
                found = power(found, int(value))
        return found

    def atom(self) -> AbstractRep:
        kind, value = self.peek()
        self.position += 1
        if kind == "sign" and value == "(":
            inner = self.sum()
            self.close()
            return inner
        if kind == "power":
            self.take("(")
            inner = self.sum()
            self.close()
            make = symmetric_power if value.startswith("Sym") else exterior_power
            return make(inner, int(re.sub(r"\D", "", value)))
        if kind == "name" and value in ("det", "sign") and self.take("("):
            inner = self.sum()
            self.close()
            return determinant(inner)
        if kind == "name":
            return self.named(value)
        raise self.complaint(value)

    def close(self) -> None:
        if not self.take(")"):
            raise self.complaint(f"{self.peek()[1]} where a parenthesis should close")

    def named(self, name: str) -> AbstractRep:
        found = _named(self.group, name)
        if found is None:
            near = get_close_matches(name, names(self.group), 2, 0.4)
            raise self.complaint(f"{name!r}" + (f", near {' or '.join(near)}" if near else ""))
        return found


def _named(group: AbstractGroup[Any], name: str) -> AbstractRep | None:
    """A representation with a name of its own."""
    if name[0].isdigit() and spelling(group) is not None:
        return irrep(group, name)
    if name in ("1", "trivial"):
        return trivial(group)
    if name in ("V", "vector"):
        return standard(group)
    if name == "det" or (name == "sign" and not isinstance(group, FiniteGroup)):
        return determinant(standard(group))
    if isinstance(group, FiniteGroup):
        tables = {"regular": regular, "sign": sign}
        if name in tables:
            return tables[name](group)
        if name.startswith("S("):
            found = specht([int(row) for row in name[2:-1].split(",")])
            return found if found.group == group else None
        return next((rep for rep in irreps(group) if rep.name == name), None)
    return None


def names(group: AbstractGroup[Any]) -> list[str]:
    """What `parse` knows for a group, products and powers apart."""
    finite = ["regular", *(rep.name for rep in irreps(group))] if isinstance(group, FiniteGroup) else []
    labels = spelling(group)
    return [*([labels] if labels else []), "trivial", "V", "det", *finite]


def parse(group: AbstractGroup[Any], text: str) -> AbstractRep:
    """The representation of a group that a text names.

    A sum (+) of terms "m x ρ" or "ρ"; ρ a product (⊗) of V (the matrices themselves), trivial, det, regular,
    irreps ("1o" of O(3), "2" of SO(2), "1/2" of SU(2), "E" of a finite group), duals ρ*, powers ρ^k,
    Sym^k(ρ), Λ^k(ρ), S(3,1) of a listed Sym(4), sums in parentheses; ρ² is ρ^2. `str` of a representation
    made here parses to itself.
    """
    reader = _Reader(group, text)
    found = reader.sum()
    if reader.peek()[0] != "end":
        raise reader.complaint(f"{reader.peek()[1]!r} after {found}")
    return found
