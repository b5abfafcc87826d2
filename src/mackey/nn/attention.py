"""Self-attention between fields: any axis policy, any position, pointwise or convolutional q, k, v."""

from mackey.fields import FieldType
from mackey.integrands import Attention as AttentionIntegrand
from mackey.integrands import Position
from mackey.nn.layer import AbstractIntegralLayer


class Attention(AbstractIntegralLayer):
    """W_O Σ_{g′} softmax_{g′}(⟨q(e), k(g′)⟩/√w + position) v(g′), one scaled_dot_product_attention call.

    axis: contract (N² scores, any orthogonal fibre) | frame (one map per orientation) | lift ((N|H|)²
    scores).
    position: none | twist (group RoPE) | ("table", n) | ("content", n), n samples an axis; normalise: softmax
    | mean | identity; window: odd size. Sources: Romero & Cordonnier 2021 (lift, content), Zaheer et al.
    (G-CSA), REViT (contract), Platonic (frame).
    """

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType | None = None,
        *,
        heads: int = 1,
        kernel_size: int = 1,
        axis: str = "contract",
        position: Position = "none",
        normalise: str = "softmax",
        window: int | None = None,
    ) -> None:
        super().__init__(
            AttentionIntegrand(
                in_type,
                out_type or in_type,
                heads=heads,
                kernel_size=kernel_size,
                axis=axis,
                position=position,
                normalise=normalise,
                window=window,
            )
        )
