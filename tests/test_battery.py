"""Every check of the battery on every Case; every public name has a Case."""

import pytest

import mackey as mk
from cases import ALL, LAYERS, MODELS
from cases_more import MORE_ATTENTIONS, MORE_CONVOLUTIONS
from cases_points import POINT_LAYERS, POINT_MODELS
from mackey.testing import CHECKS, GRAPH_CHECKS, Case

# The graph checks take a second each: one Case for each way of computing, and all models.
GRAPHS = [
    case
    for case in ALL
    if case in MODELS
    or case in [*LAYERS, *POINT_LAYERS, *POINT_MODELS]
    or any(
        word in case.name
        for word in (
            "regular→irreps 6^2 k4 s2",
            "p8 regular→regular 6",
            "O vector→irreps",
            "p4m regular contract",
            "p4 regular lift",
            "p2 regular frame",
            "sequence",
        )
    )
]
# Not in the battery, and why; each is tested in a file of its own.
ELSEWHERE = {
    mk.zoo.images.equiadapt: "it chooses a pose: a jump, whose gradient is a straight-through one "
    "(test_zoo_equiadapt.py, test_wrap_canonical.py)"
}
LITERAL_ONLY = ("Integral",)  # the literal sum is a loop for reading, not for compiling


@pytest.mark.parametrize("case", [*ALL, *MORE_CONVOLUTIONS, *MORE_ATTENTIONS], ids=str)
@pytest.mark.parametrize("check", CHECKS)
def test_battery(check: str, case: Case) -> None:
    CHECKS[check](case)


@pytest.mark.unchecked
@pytest.mark.parametrize("case", [c for c in GRAPHS if not c.name.startswith(LITERAL_ONLY)], ids=str)
@pytest.mark.parametrize("check", GRAPH_CHECKS)
def test_graph(check: str, case: Case) -> None:
    GRAPH_CHECKS[check](case)


def test_every_public_layer_and_model_has_a_case() -> None:
    built = {type(case.make()) for case in ALL}
    layers = {getattr(mk.nn, name) for name in mk.nn.__all__ if not name.startswith("Abstract")}
    models = {mk.zoo.emlp, *(getattr(mk.zoo.images, name) for name in mk.zoo.images.__all__)}
    missing = (layers | models) - built
    assert missing == ELSEWHERE.keys(), f"no Case for {missing - ELSEWHERE.keys()}"


def test_every_lowering_has_a_case() -> None:
    used = {case.make().lowering.name for case in ALL if isinstance(case.make(), mk.nn.AbstractIntegralLayer)}
    assert used == {lowering.name for lowering in mk.LOWERINGS}
