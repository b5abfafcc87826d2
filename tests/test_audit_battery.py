"""The audit on every Case of the battery: right as it is, and broken where one layer of it is spoiled."""

import pytest
import torch
from torch import Tensor, nn

import mackey as mk
from cases import ALL, LAYERS, MODELS
from cases_more import MORE_ATTENTIONS, MORE_CONVOLUTIONS
from cases_points import POINT_MODELS
from mackey.audit import Report
from mackey.testing import Case

CASES = [*ALL, *MORE_CONVOLUTIONS, *MORE_ATTENTIONS]


def has_symmetry(case: Case) -> bool:
    """Whether anything but the identity acts exactly on arrays of the Case: no translation does, where zeros
    come in.
    """
    domain = case.make().in_type.domain
    return len(domain.exact_symmetry(case.sizes)) > 1 or getattr(domain, "periodic", False)


MOVED = [case for case in CASES if has_symmetry(case)]
STILL = [case for case in CASES if not has_symmetry(case)]


def audited(case: Case, module: nn.Module, out_type: mk.actions.TypeLike | None = None) -> Report:
    """Under the whole group of the Case, by the types that it declares."""
    core = module.layer if isinstance(module, Spoiled) else module
    declared = getattr(core, "out_type", None)
    declared = declared if isinstance(declared, mk.FieldType) else "invariant"
    x = case.field(core, torch.Generator().manual_seed(1))
    in_type = core.in_type
    return mk.audit(module, x, in_type=in_type, out_type=out_type or declared, group=in_type.domain.group)


class Marked(nn.Module):
    """Every number times a fixed number of its own: no group element commutes with that."""

    def forward(self, x: Tensor) -> Tensor:
        draw = torch.Generator().manual_seed(7)
        return x * (1 + 0.5 * torch.rand(x.shape[1:], generator=draw, dtype=torch.float64).to(x))


class Spoiled(nn.Module):
    """A layer with something before it and after it."""

    def __init__(self, layer: nn.Module, before: nn.Module, after: nn.Module) -> None:
        super().__init__()
        self.before, self.layer, self.after = before, layer, after

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.layer(self.before(x)))


def mixed(case: Case) -> bool:
    """Whether a number of the output can be told from another by some element of the group."""
    out_type = getattr(case.make(), "out_type", None)
    if not isinstance(out_type, mk.FieldType):
        return False
    return not isinstance(out_type.domain, mk.spaces.Point) or out_type.rep.dim > 1


@pytest.mark.parametrize("case", MOVED, ids=str)
def test_every_case_passes(case: Case) -> None:
    report = audited(case, case.module().eval())
    assert report.passed and report.worst < 1e-12, str(report)
    if report.promise is not None:  # quarter turns do not decide what is promised of all
        assert report.promise.holds is (None if report.promise.kind == "continuum" else True), str(report)


@pytest.mark.parametrize("case", [case for case in MOVED if case in LAYERS], ids=str)
def test_layers_pass_in_train_mode_unless_they_draw(case: Case) -> None:
    report = audited(case, case.module().train())
    assert report.finding == ("random" if "Dropout" in case.name else "equivariant"), str(report)


@pytest.mark.parametrize("case", STILL, ids=str)
def test_what_only_translations_move_is_refused_where_zeros_come_in(case: Case) -> None:
    with pytest.raises(ValueError, match="which has translations only; zero padding breaks those"):
        audited(case, case.module())


# The type checks of the hook cost ten times what these audits do; the audits above run under them.
@pytest.mark.unchecked
@pytest.mark.parametrize(("index", "case"), list(enumerate(MOVED)), ids=str)
def test_what_spoils_a_case_is_named(index: int, case: Case) -> None:
    """Every other Case is spoiled behind, if the group moves what comes out; the rest before."""
    behind = index % 2 == 1 and mixed(case)
    before, after = (nn.Identity(), Marked()) if behind else (Marked(), nn.Identity())
    report = audited(case, Spoiled(case.module().eval(), before, after))
    assert report.finding == "broken" and report.worst > 1e-3, str(report)
    assert report.culprit.name == ("after" if behind else "before"), str(report)
    assert report.culprit.kind == "Marked"


INNER = [
    (case, name)
    for case in (*MODELS[:4], MODELS[5], *POINT_MODELS)
    for name, layer in case.make().named_modules()
    if name and isinstance(layer, mk.nn.AbstractLayer) and layer.out_type.rep.dim > 1
]


@pytest.mark.unchecked
@pytest.mark.parametrize(("case", "name"), INNER, ids=str)
def test_every_layer_of_a_model_is_named_where_it_is_spoiled(case: Case, name: str) -> None:
    module = case.module().eval()
    module.get_submodule(name).register_forward_hook(lambda layer, given, out: Marked()(out))
    report = audited(case, module)
    assert report.finding == "broken" and report.culprit.name == name, str(report)


WRONG = [case for case in MOVED if mixed(case) and case in ALL][::4]


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_a_wrong_out_type_is_found(case: Case) -> None:
    """Fields as numbers that do not move."""
    report = audited(case, case.module().eval(), "invariant")
    assert report.finding == "broken" and report.worst > 1e-3, str(report)
