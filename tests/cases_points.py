"""Cases at a point: representations of Lie groups, permutations and finite groups."""

from collections.abc import Callable

import mackey as mk
from mackey import reps
from mackey.testing import Case


def features(group: str, rep: str) -> mk.FieldType:
    """One vector of a representation, both by name."""
    return mk.FieldType.at_point(reps.parse(mk.groups.named(group), rep))


def linear(group: str, source: str, target: str) -> Case:
    return Case(
        f"Point linear {group} {source} to {target}",
        lambda: mk.nn.Linear(features(group, source), features(group, target)),
        (),
    )


def made(name: str, make: Callable[[], mk.nn.AbstractLayer]) -> Case:
    return Case(f"Point {name}", make, ())


POINT_LAYERS = [
    linear("O(3)", "4x0e + 3x1o + 2x2e", "3x0e + 2x1o + 1x1e + 2x2e"),
    linear("SO(2)", "2x0 + 3x1 + 1x2", "2x1 + 2x0 + 2x2"),
    linear("O(2)", "2x0e + 3x1 + 1x0o", "2x1 + 2x0o + 1x0e"),
    linear("SU(2)", "2x0 + 2x1/2 + 1x1", "3x1/2 + 2x0 + 1x1"),
    linear("SO(3)", "2xV + V⊗V + 3xtrivial", "V⊗V + 4xV + 2xtrivial"),
    linear("S5", "2xV + V⊗V", "V⊗V + 2xV + trivial"),
    linear("D4", "3xA1 + 2xE + regular", "2xE + regular + 5xA2"),
    made("gate O(3)", lambda: mk.nn.Gate(features("O(3)", "4x0e + 3x1o + 2x0o + 1x2e"))),
    made("gate S5", lambda: mk.nn.Gate(features("S5", "2xtrivial + 3xV"))),
    made(
        "product O(3)",
        lambda: mk.nn.Bilinear(
            features("O(3)", "3x0e + 2x1o"), features("O(3)", "2x0e + 1x1o + 2x1e + 1x2e")
        ),
    ),
    made(
        "product SO(2)",
        lambda: mk.nn.Bilinear(features("SO(2)", "2x0 + 3x1"), features("SO(2)", "1x0 + 2x1 + 2x2")),
    ),
    made(
        "product D4", lambda: mk.nn.Bilinear(features("D4", "2xA1 + 2xE"), features("D4", "2xB1 + 3xE + A2"))
    ),
]
POINT_MODELS = [
    Case("EMLP O(3)", lambda: mk.zoo.emlp("O(3)", "2xV", "V + 2xtrivial", channels=32, depth=2), ())
]
