"""Multi-head attention: what its weights mean, and what masks do."""

from __future__ import annotations

import pytest

import chainrule as cr
from chainrule import nn


def attention(**kw: object) -> nn.MultiheadAttention:
    return nn.MultiheadAttention(8, 2, batch_first=True, **kw).double()  # type: ignore[arg-type]


def test_weights_are_an_average_over_keys() -> None:
    x = cr.randn(3, 5, 8, dtype=cr.float64)
    out, weights = attention()(x, x, x)
    assert out.shape == (3, 5, 8)
    assert cr.allclose(weights.sum(-1), cr.ones(3, 5, dtype=cr.float64))


def test_with_and_without_weights_the_output_is_one() -> None:
    layer, x = attention(), cr.randn(3, 5, 8, dtype=cr.float64)
    padding = cr.zeros(3, 5, dtype=cr.float64)
    padding[1, 3:] = float("-inf")
    for mask in (None, cr.randn(5, 5, dtype=cr.float64)):
        kept, _ = layer(x, x, x, padding, True, mask)
        alone, nothing = layer(x, x, x, padding, False, mask)
        assert nothing is None
        assert cr.allclose(kept, alone, atol=1e-12)


def test_padding_is_not_looked_at() -> None:
    layer, x = attention(), cr.randn(2, 5, 8, dtype=cr.float64)
    padding = cr.tensor([[False] * 3 + [True] * 2] * 2)
    other = x.clone()
    other[:, 3:] = 7.0
    first, weights = layer(x, x, x, padding)
    second, _ = layer(x, other, other, padding)
    assert cr.allclose(first, second, atol=1e-12)
    assert weights[:, :, 3:].abs().max() == 0


def test_causal_output_does_not_see_later_positions() -> None:
    layer = attention()
    x = cr.randn(1, 5, 8, dtype=cr.float64, requires_grad=True)
    mask = nn.Transformer.generate_square_subsequent_mask(5, dtype=cr.float64)
    for need, causal in ((True, False), (False, False), (False, True)):
        out, _ = layer(x, x, x, need_weights=need, attn_mask=mask, is_causal=causal)
        (grad,) = cr.autograd.grad(out[:, 2].sum(), x)
        assert grad[:, 3:].abs().max() == 0
        assert grad[:, 2].abs().max() > 0


def test_gradient_flows_through_the_weights() -> None:
    layer, x = attention(), cr.randn(1, 4, 8, dtype=cr.float64)
    _, weights = layer(x, x, x)
    (weights**2).sum().backward()
    assert layer.in_proj_weight is not None
    assert layer.in_proj_weight.grad is not None
    assert layer.in_proj_weight.grad[:16].abs().max() > 0
    assert layer.in_proj_weight.grad[16:].abs().max() == 0  # the values' part


def test_one_tensor_three_times_is_projected_at_once() -> None:
    layer, x = attention(), cr.randn(2, 4, 8, dtype=cr.float64)
    with cr.watch():
        out, _ = layer(x, x, x)
    ops = [n.plan.op.name for n in cr.autograd.graph.ancestors([out._node]) if n.plan is not None]
    assert ops.count("linear") == 2
    other, _ = layer(x, x.clone(), x.clone())
    assert cr.allclose(out, other, atol=1e-12)


def test_mismatched_masks_warn() -> None:
    layer, x = attention(), cr.randn(2, 4, 8, dtype=cr.float64)
    with pytest.warns(UserWarning, match="mismatched key_padding_mask and attn_mask"):
        layer(x, x, x, cr.zeros(2, 4, dtype=cr.bool), attn_mask=cr.zeros(4, 4, dtype=cr.float64))
