"""φ(x) = ρ_out(c(x)) f(ρ_in(c(x))⁻¹x) for a finite group: c(x) is the pose with the highest score."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mackey.actions import AbstractTensorType
from mackey.axes import Float
from mackey.fields import Guarantee
from mackey.wrap.declared_types import as_tuple
from mackey.wrap.listed_motions import Elements, action, dtype_of

_TIED = 256  # scores nearer than this many roundings of the largest one are equal
TIES = "up to inputs whose best scores agree to rounding by chance, a set of measure zero"


def chosen(scores: Float[Tensor, "b m"], temperature: float) -> Float[Tensor, "b m"]:
    """1 for the highest score, shared among equals; its gradient is that of softmax(s/T)."""
    scores = scores.float() if scores.dtype in (torch.bfloat16, torch.float16) else scores
    detached = scores.detach()
    slack = _TIED * torch.finfo(scores.dtype).eps * detached.abs().amax(1, keepdim=True)
    best = (detached >= detached.amax(1, keepdim=True) - slack).to(scores)
    soft = (scores / temperature).softmax(1)
    return best / best.sum(1, keepdim=True) + (soft - soft.detach())


def mixed(weights: Float[Tensor, "b m"], moved: Sequence[Tensor]) -> Tensor:
    """Σ_h p_h y_h, each sample with its own weights."""
    total = torch.zeros_like(moved[0])
    for index, y in enumerate(moved):
        total = total + weights[:, index].to(y).view(-1, *(1,) * (y.ndim - 1)) * y
    return total


class Canonicalised(nn.Module):
    """φ(x) = Σ_h p_h(x) ρ_out(h) f(Σ_k p_k(x) ρ_in(k)⁻¹x), p = 1 for the best score, shared among equals.

    scorer: the tensors of the network to scores (b, |H|) with s(h·x)[k] = s(x)[h⁻¹k], element 0 the identity;
    whatever p such scores give, φ is equivariant, so that symmetric inputs, whose scores are tied, are too.
    The scorer learns through softmax(s/temperature). Source: Kaba et al., ICML 2023.
    """

    def __init__(
        self,
        network: nn.Module,
        scorer: nn.Module,
        elements: Elements,
        *,
        in_types: tuple[AbstractTensorType, ...],
        out_types: tuple[AbstractTensorType, ...],
        guarantee: Guarantee,
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        self.network, self.scorer = network, scorer
        self.in_types, self.out_types, self.guarantee = in_types, out_types, guarantee
        self.temperature, self.count = temperature, len(elements)
        backwards = elements.inverses
        self.pull = nn.ModuleList(action(one, backwards) for one in in_types).to(dtype_of(network))
        self.push = nn.ModuleList(action(one, elements) for one in out_types).to(dtype_of(network))

    def scores(self, x: Tensor, *more: Tensor) -> Float[Tensor, "b m"]:
        """One number for each pose; the highest is c(x)."""
        return self.scorer(x, *more)

    def canonical(self, x: Tensor, *more: Tensor) -> tuple[Float[Tensor, "b m"], tuple[Tensor, ...]]:
        """p and c(x)⁻¹x, which is the same for all of the orbit of x."""
        weights = chosen(self.scores(x, *more), self.temperature)
        return weights, tuple(
            mixed(weights, [move(one, h) for h in range(self.count)]) if declared.moves else one
            for one, declared, move in zip((x, *more), self.in_types, self.pull, strict=True)
        )

    def forward(self, x: Tensor, *more: Tensor) -> Tensor | tuple[Tensor, ...]:
        weights, canonical = self.canonical(x, *more)
        out = self.network(*canonical)
        outputs = as_tuple(out)
        turned = tuple(
            mixed(weights, [move(one, h) for h in range(self.count)]) if declared.moves else one
            for one, declared, move in zip(outputs, self.out_types, self.push, strict=True)
        )
        return turned[0] if isinstance(out, Tensor) else turned

    def prior_loss(self, x: Tensor, *more: Tensor) -> Float[Tensor, ""]:
        """−log softmax(s)_e, the mean over the batch: small where the inputs count as canonical already.

        Added to the loss on upright data it keeps the accuracy of a pretrained network. Source: Mondal et
        al., NeurIPS 2023, eq. (5).
        """
        scores = self.scores(x, *more)
        return -scores.log_softmax(1)[:, 0].mean()
