"""From ω to a way of computing it: LOWERINGS in order of preference, and the plan for one integrand."""

from mackey.errors import sentence
from mackey.integrands import AbstractIntegrand
from mackey.lowerings import SDPA, AbstractLowering, Blocks, GridConv, Literal, Pointwise

LOWERINGS: tuple[AbstractLowering, ...] = (SDPA(), Blocks(), Pointwise(), GridConv(), Literal())


def plan(omega: AbstractIntegrand, lowering: str | None = None) -> AbstractLowering:
    """The first lowering that can compute Φ_ω; or the one asked for by name, if it can."""
    if lowering is None:
        return next(candidate for candidate in LOWERINGS if candidate.why_not(omega) is None)
    for candidate in LOWERINGS:
        if candidate.name == lowering:
            reason = candidate.why_not(omega)
            if reason is not None:
                raise ValueError(f"lowering {lowering} cannot compute {type(omega).__name__}: {reason}")
            return candidate
    raise ValueError(
        sentence(
            "plan",
            wanted=f"a lowering among {', '.join(c.name for c in LOWERINGS)}",
            got=repr(lowering),
            remedy="leave it out to take the fastest",
        )
    )


def reasons(omega: AbstractIntegrand) -> dict[str, str]:
    """Why each lowering that cannot compute Φ_ω cannot."""
    return {
        candidate.name: reason for candidate in LOWERINGS if (reason := candidate.why_not(omega)) is not None
    }
