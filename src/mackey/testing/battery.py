"""The checks that every public layer and model must pass. Each raises AssertionError with what was
measured.
"""

import copy
import io
from collections.abc import Callable

import torch
from torch import Tensor, nn

from mackey.fields import FieldType
from mackey.lowerings import Literal
from mackey.nn import AbstractIntegralLayer
from mackey.spaces import Grid
from mackey.testing.case import Case

EXACT_FLOAT64 = 1e-12
EXACT_FLOAT32 = 5e-6
PARITY = 1e-9


def relative(value: Tensor, wanted: Tensor) -> float:
    """max|value − wanted| / max|wanted|; 0 for two empty tensors."""
    if wanted.numel() == 0 and value.shape == wanted.shape:
        return 0.0
    scale = wanted.detach().abs().max().clamp(min=torch.finfo(wanted.dtype).tiny)
    return float((value.detach() - wanted.detach()).abs().max() / scale)


def _generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _smooth(x: Tensor, field: FieldType) -> Tensor:
    """The same noise, blurred: errors that white noise averages out show on smooth inputs, and the other way
    round.
    """
    if not isinstance(field.domain, Grid):
        return x
    for axis in range(2, x.ndim):
        x = (x + x.roll(1, axis) + x.roll(-1, axis)) / 3
    return x


def _run(module: nn.Module, x: Tensor) -> Tensor:
    """One call with the same random numbers each time, on a copy, so that running statistics do not move."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return copy.deepcopy(module)(x)


def _transform_output(module: nn.Module, out: Tensor, element: object) -> Tensor:
    """σ acts on a declared output; undeclared outputs are invariant."""
    out_type = getattr(module, "out_type", None)
    if not isinstance(out_type, FieldType):
        return out
    in_type = module.in_type
    assert isinstance(in_type, FieldType)
    if out_type.domain == in_type.domain:
        return out_type.transform(out, element)
    assert isinstance(element, tuple)
    domain_element = element[1]
    return out_type.transform(out, domain_element)


def equivariance_error(case: Case, dtype: torch.dtype = torch.float64, training: bool = False) -> float:
    """The largest relative error over all exact symmetries, noise and smooth inputs, amplified weights."""
    module = case.module().to(dtype).train(training)
    worst = 0.0
    for seed in (1, 2):
        noise = case.field(module, _generator(seed)).to(dtype)
        field: FieldType = module.in_type  # type: ignore[assignment]
        for x in (noise, _smooth(noise, field)):
            out = _run(module, x)
            elements = field.domain.exact_symmetry(field.domain.sizes(x))
            for element in elements:
                moved = _run(module, field.transform(x, element))
                worst = max(worst, relative(moved, _transform_output(module, out, element)))
    return worst


def equivariance(case: Case) -> None:
    """f(gx) = g f(x): train and eval, float64 and float32."""
    for training in (False, True):
        for dtype, tolerance in ((torch.float64, EXACT_FLOAT64), (torch.float32, EXACT_FLOAT32)):
            error = equivariance_error(case, dtype, training)
            assert error <= tolerance, f"{case}: relative error {error:.2g} in {dtype}, training={training}"


def parity(case: Case) -> None:
    """The lowering equals the literal integral in value, and in the gradient of the input and of every
    parameter.
    """
    module = case.module()
    if not isinstance(module, AbstractIntegralLayer):
        return
    x = case.field(module, _generator()).requires_grad_()
    wanted, value = Literal()(module.integrand, x), module(x)
    assert relative(value, wanted) <= PARITY, (
        f"{case}: value differs from the integral by {relative(value, wanted):.2g}"
    )
    direction = torch.randn(value.shape, generator=_generator(3), dtype=value.dtype)
    sources = [x, *module.parameters()]
    fast = torch.autograd.grad(value, sources, direction)
    slow = torch.autograd.grad(wanted, sources, direction)
    for index, (a, b) in enumerate(zip(fast, slow, strict=True)):
        assert relative(a, b) <= PARITY, (
            f"{case}: gradient {index} differs from the integral's by {relative(a, b):.2g}"
        )


def basis_count(case: Case) -> None:
    """As many parameters as theory predicts."""
    module = case.module()
    if isinstance(module, AbstractIntegralLayer):
        theory = getattr(module.integrand, "theory_count", None)
        count = sum(p.numel() for p in module.parameters())
        assert theory is None or theory == count, f"{case}: {count} parameters, theory says {theory}"


def gradients(case: Case) -> None:
    """gradcheck on the input (one sample), and finite gradients at zero."""
    module = case.module(amplify=0.3).eval()
    x = case.field(module, _generator())[:1].requires_grad_()
    assert torch.autograd.gradcheck(module, (x,), fast_mode=True, atol=1e-5)
    zero = torch.zeros_like(x, requires_grad=True)
    module(zero).sum().backward()
    assert zero.grad is not None and bool(zero.grad.isfinite().all()), (
        f"{case}: gradient at zero is not finite"
    )


def dtypes(case: Case) -> None:
    """float32 in, float32 out; autocast bf16 runs and stays close; the meta device works; no global dtype is
    touched.
    """
    before = torch.get_default_dtype()
    module = case.module(amplify=0.3).float().eval()
    x = case.field(module, _generator()).float()
    out = module(x)
    assert out.dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = module(x)
    assert bool(low.isfinite().all()), f"{case}: not finite under bfloat16 autocast"
    assert relative(low.float(), out) < 0.15, f"{case}: bfloat16 differs by {relative(low.float(), out):.2g}"
    if getattr(getattr(module, "lowering", None), "name", "") == "literal":
        return  # the literal sum picks the sources in the support, which the meta device cannot
    assert copy.deepcopy(module).to("meta")(x.to("meta")).shape == out.shape
    assert torch.get_default_dtype() == before


def state(case: Case) -> None:
    """Train and eval have the same keys; a reload through bytes into a fresh copy is bit-equal, in eval mode
    too.
    """
    module = case.module()
    x = case.field(module, _generator())
    train_keys = list(module.train().state_dict())
    trained = {key: value.clone() for key, value in module.state_dict().items()}
    fresh = case.module(seed=9).eval()
    with torch.no_grad():
        fresh(x)  # fills caches with other weights first
    assert list(fresh.state_dict()) == train_keys, f"{case}: train and eval have different keys"
    buffer = io.BytesIO()
    torch.save(trained, buffer)
    buffer.seek(0)
    fresh.load_state_dict(torch.load(buffer, weights_only=True))
    with torch.no_grad():
        assert torch.equal(fresh(x), module.eval()(x)), f"{case}: reloaded weights give another output"


def compiles(case: Case) -> None:
    """torch.compile(fullgraph=True) with aot_eager gives the same output."""
    module = case.module(amplify=0.3).eval()
    x = case.field(module, _generator())
    torch._dynamo.reset()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    assert relative(compiled(x), module(x)) < 1e-12, f"{case}: compiled output differs"


def exports(case: Case) -> None:
    """torch.export with a dynamic batch, run at another batch size."""
    module = case.module(amplify=0.3).eval()
    x = case.field(module, _generator())
    program = torch.export.export(
        module, (x,), dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},)
    )
    more = torch.cat([x, x[:1]])
    assert relative(program.module()(more), module(more)) < 1e-12, f"{case}: exported output differs"


CHECKS: dict[str, Callable[[Case], None]] = {
    check.__name__: check for check in (equivariance, parity, basis_count, gradients, dtypes, state)
}
GRAPH_CHECKS: dict[str, Callable[[Case], None]] = {check.__name__: check for check in (compiles, exports)}
