"""A transformer on local features whose attention carries queries, keys and values from frame to frame."""

from torch import Tensor, nn
from torch.nn import functional as F

from mackey.axes import Bool, Float
from mackey.reps import AbstractRep
from mackey.wrap.transport import AbstractTransporting, TransportedAttention


class TransportedBlock(nn.Module):
    """x + W_O attention(W_qkv norm x), then x + W₂ gelu(W₁ norm x); norms without weights."""

    def __init__(self, rep: AbstractRep, heads: int, expansion: int) -> None:
        super().__init__()
        width = heads * rep.dim
        self.heads = heads
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.attention = TransportedAttention(rep)
        self.mix = nn.Sequential(
            nn.Linear(width, expansion * width), nn.GELU(), nn.Linear(expansion * width, width)
        )

    def forward(
        self,
        x: Float[Tensor, "b n c"],
        frames: Float[Tensor, "b n d d"],
        mask: Bool[Tensor, "b n"] | None = None,
    ) -> Float[Tensor, "b n c"]:
        q, k, v = self.qkv(self.norm(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        x = x + self.out(self.attention(q, k, v, frames, mask).transpose(1, 2).flatten(2))
        return x + self.mix(F.layer_norm(x, x.shape[-1:]))


class TransportedTransformer(AbstractTransporting):
    """Local features (b, n, in) to local features (b, n, out): W_in, blocks, W_out; heads of one ρ each.

    rep: how queries, keys and values of one head move from frame to frame, such as "8xtrivial + 2xV".
    Source: Spinner, Favaro et al., Lorentz Local Canonicalization, 2025.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        rep: AbstractRep,
        *,
        depth: int = 2,
        heads: int = 4,
        expansion: int = 4,
    ) -> None:
        super().__init__()
        width = heads * rep.dim
        self.first, self.last = nn.Linear(in_channels, width), nn.Linear(width, out_channels)
        self.blocks = nn.ModuleList(TransportedBlock(rep, heads, expansion) for _ in range(depth))

    def forward(
        self,
        x: Float[Tensor, "b n c"],
        frames: Float[Tensor, "b n d d"],
        mask: Bool[Tensor, "b n"] | None = None,
    ) -> Float[Tensor, "b n c_out"]:
        x = self.first(x)
        for block in self.blocks:
            x = block(x, frames, mask)
        return self.last(x)
