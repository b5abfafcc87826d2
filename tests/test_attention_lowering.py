"""What the attention lowering hands to scaled_dot_product_attention: one call, the last axis contiguous."""

from unittest import mock

import pytest
import torch

import mackey as mk
from cases import field


@pytest.mark.parametrize("kernel_size", [1, 3])
@pytest.mark.parametrize("axis", ["contract", "frame", "lift"])
def test_one_call_on_contiguous_rows(axis: str, kernel_size: int) -> None:
    """With strided rows torch leaves its fused path without a word, and all scores are held in memory."""
    layer = mk.nn.Attention(field("p4", "regular", 8), heads=2, axis=axis, kernel_size=kernel_size)
    fused = torch.nn.functional.scaled_dot_product_attention
    with mock.patch("torch.nn.functional.scaled_dot_product_attention", side_effect=fused) as called:
        layer(torch.randn(2, 32, 6, 6))
    (call,) = called.call_args_list
    assert [part.stride(-1) for part in call.args] == [1, 1, 1]
    assert torch._fused_sdp_choice(*call.args) == int(torch.nn.attention.SDPBackend.FLASH_ATTENTION.value)
