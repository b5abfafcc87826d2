"""What needs the elements of a group refuses one that does not list them; shapes are checked in use too."""

from collections.abc import Callable

import pytest
import torch

from mackey import groups as G
from mackey import reps

SO3, S5 = G.special_orthogonal(3), G.symmetric(5)
NEEDING: dict[str, Callable[[G.AbstractGroup], object]] = {
    "irreps": reps.irreps,
    "regular": reps.regular,
    "sign": reps.sign,
}


@pytest.mark.parametrize("name", NEEDING)
def test_infinite_and_symbolic_groups_are_refused(name: str) -> None:
    where = rf"reps\.{name}: wanted a FiniteGroup, whose elements are listed, got "
    with pytest.raises(ValueError, match=where + r"SO\(3\); .*irreps of this group by label: reps\.irrep"):
        NEEDING[name](SO3)
    with pytest.raises(ValueError, match=where + r"Sym\(5\); call \.enumerate\(\) on it"):
        NEEDING[name](S5)
    with pytest.raises(ValueError, match=where + r"SL\(2\); restrict to a finite subgroup$"):
        NEEDING[name](G.special_linear(2))


def test_what_takes_a_representation_refuses_too() -> None:
    V = reps.standard(SO3)
    for take in (reps.multiplicities, reps.to_irreps, reps.tabulated, reps.irrep_type):
        with pytest.raises(ValueError, match=r"reps\.tabulated\(V\): wanted a FiniteGroup"):
            take(V)
    with pytest.raises(ValueError, match=r"reps\.irreps: wanted a FiniteGroup"):
        reps.character_table(SO3)


def test_expressions_of_a_finite_group_are_decomposed() -> None:
    D4 = G.dihedral(4)
    counts = reps.multiplicities(reps.parse(D4, "2xA1 + 3xE"))
    assert {str(psi): n for psi, n in counts.items() if n} == {"A1": 2, "E": 3}
    assert reps.irrep_type(reps.irrep(G.special_unitary(2), "1/2")) == "quaternionic"


@pytest.mark.unchecked
def test_shapes_in_use() -> None:
    """Without the annotations of the tests, as users run it."""
    with pytest.raises(
        ValueError, match=r"spherical_harmonics: wanted last axes of lengths \(3,\), got shape"
    ):
        reps.spherical_harmonics(2, torch.zeros(3, 4))
    with pytest.raises(
        ValueError, match=r"wigner_d: wanted last axes of lengths \(3, 3\), got shape \(3, 4\)"
    ):
        reps.wigner_d(2, torch.zeros(3, 4))
