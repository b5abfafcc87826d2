"""Every planted bug is caught by the check that should catch it."""

import traceback
from pathlib import Path

import pytest
import torch

from cases import ALL, conv
from mackey.integrands.steerable import kernel_basis
from mackey.testing import CHECKS, Case
from mackey.testing.mutants import MUTANTS, NO_INTEGER_RULE, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_is_caught(mutant: Mutant) -> None:
    cases = [case for case in ALL if mutant.word in case.name]
    assert cases, f"no Case is named {mutant.word}"
    kernel_basis.cache_clear()
    try:
        with mutant.planted():
            survivors = [case.name for case in cases[:3] if _passes(mutant.check, case)]
    finally:
        kernel_basis.cache_clear()
    assert not survivors, f"{mutant.check} passes on {survivors}"


def _passes(check: str, case: Case) -> bool:
    """Whether a check is content. Only its own verdict counts, or the count that every kernel basis makes."""
    try:
        CHECKS[check](case)
    except AssertionError as verdict:
        raised_in = Path(traceback.extract_tb(verdict.__traceback__)[-1].filename).name
        assert raised_in in ("battery.py", "steerable.py"), f"{check} fails for another reason"
        return False
    return True


def test_the_integer_rule_is_needed() -> None:
    """Without the refusal a stride-2, k = 3 layer on an even size passes silently, and is broken."""
    case = conv("p4", "regular", "regular", 6, 3, stride=2)
    with pytest.raises(ValueError, match="nearest sizes that work are 5 and 7"):
        case.module()(case.field(case.module(), torch.Generator()))
    with NO_INTEGER_RULE.planted():
        assert not _passes("equivariance", case)
