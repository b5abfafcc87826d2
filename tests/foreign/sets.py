"""torch's layers on sets and sequences, and Deep Sets."""

from functools import partial

import torch
from torch import Tensor, nn

from foreign.claim import Claim, Made, noise

SET = noise(4, 6, 8)


class Coded(nn.Module):
    """An encoder of tokens with position codes, learned or of sines, or none."""

    def __init__(self, codes: str, **options: bool) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True, **options)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.codes = nn.Embedding(6, 8) if codes == "learned" else None
        place = torch.arange(6)[:, None] / 10 ** (torch.arange(4) / 2)
        sines = torch.cat([place.sin(), place.cos()], -1) if codes == "sines" else torch.zeros(6, 8)
        self.register_buffer("sines", sines)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.sines
        x = x if self.codes is None else x + self.codes(torch.arange(6, device=x.device))
        return self.encoder(x)


class Causal(nn.Module):
    """Every token reads those before it."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=x.dtype)
        return self.attention(x, x, x, attn_mask=mask)[0]


class DeepSets(nn.Module):
    """ρ(Σ φ(x)), written by hand; wrong: the mean is weighted by place."""

    def __init__(self, wrong: bool = False) -> None:
        super().__init__()
        self.each = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16))
        self.all = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3))
        self.wrong = wrong

    def forward(self, x: Tensor) -> Tensor:
        y = self.each(x)
        weight = (
            torch.arange(1, 1 + x.shape[1], device=x.device).to(x)
            if self.wrong
            else torch.ones_like(x[0, :, 0])
        )
        return self.all((weight[:, None] * y).sum(1))


def causal() -> Made:
    return Causal(), SET


def deep_sets(wrong: bool = False) -> Made:
    return DeepSets(wrong), SET


def gru() -> Made:
    return nn.GRU(8, 5, batch_first=True), SET


class Bag(nn.Module):
    """Words with weights, summed."""

    def __init__(self) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(20, 5, mode="sum")

    def forward(self, words: Tensor, weights: Tensor) -> Tensor:
        return self.bag(words, per_sample_weights=weights)


def bag() -> Made:
    words = torch.randint(20, (4, 6), generator=torch.Generator().manual_seed(1))
    return Bag(), (words, noise(4, 6))


def encoder(codes: str = "none", **options: bool) -> Made:
    return Coded(codes, **options).eval(), SET


def transformer() -> Made:
    return nn.Transformer(8, 2, 1, 1, 16, batch_first=True).eval(), (SET, SET.flip(1))


def attention() -> Made:
    return nn.MultiheadAttention(8, 2, batch_first=True), (SET, SET, SET)


def norm() -> Made:
    return nn.BatchNorm1d(8).train(), SET.mT


def norm_of_vectors() -> Made:
    return nn.BatchNorm1d(6).train(), noise(4, 6, 3)


_FIRST = "what happens before encoder.layers.0.self_attn, outside any module"
_NORM = "what happens before encoder.layers.0.norm1, outside any module"
_SUM = "what happens before all.0, outside any module"
_LEARNED, _SINES = partial(encoder, "learned"), partial(encoder, "sines", norm_first=True)
_SELF, _WEIGHTED = "the module itself", partial(deep_sets, True)
_TWO, _FIXED = ("tokens", "tokens"), ("tokens", "invariant")

CLAIMS = (
    Claim("TransformerEncoder", encoder, "Sym", "tokens", "tokens", "equivariant"),
    Claim("TransformerEncoder, learned codes", _LEARNED, "Sym", "tokens", "tokens", "broken", _FIRST),
    Claim("TransformerEncoder, sines", _SINES, "Sym", "tokens", "tokens", "broken", _NORM),
    Claim("Transformer", transformer, "Sym", _TWO, "tokens", "equivariant"),
    Claim("Transformer", transformer, "Sym", _FIXED, "tokens", "broken", "decoder.norm"),
    Claim("MultiheadAttention", attention, "Sym", ("tokens",) * 3, ("tokens", "pairs"), "equivariant"),
    Claim("MultiheadAttention, causal", causal, "Sym", "tokens", "tokens", "broken", "attention"),
    Claim("GRU", gru, "Sym", "tokens", _FIXED, "broken", _SELF),
    Claim("Deep Sets", deep_sets, "Sym", "tokens", "invariant", "equivariant"),
    Claim("Deep Sets, weighted by place", _WEIGHTED, "Sym", "tokens", "invariant", "broken", _SUM),
    Claim("EmbeddingBag, weighted words", bag, "Sym", _TWO, "invariant", "equivariant"),
    Claim("EmbeddingBag, weighted words", bag, "Sym", _FIXED, "invariant", "broken", "bag"),
    Claim("BatchNorm1d, train mode", norm, "Sym", "tokens@2", "tokens@2", "equivariant"),
    Claim("BatchNorm1d, train mode", norm_of_vectors, "O(3)", "vectors", "vectors", "broken", _SELF),
)
