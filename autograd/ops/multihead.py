"""Multi-head attention as a function: projections, heads, masks, and the way out."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ..declare import export
from ..handle import make
from .attention import scaled_dot_product_attention
from .join import cat, chunk, narrow, unbind
from .linalg import linear
from .padding import pad
from .random import dropout
from .reduce import mean
from .shape import expand, permute, reshape, squeeze, unsqueeze
from .softmax import softmax_op


def require(condition: bool, message: str) -> None:
    """Raise AssertionError, PyTorch's exception for arguments of attention that do not fit."""
    if not condition:
        raise AssertionError(message)


def is_float(t: Any) -> bool:
    """Whether a mask is added rather than asked."""
    return bool(t.dtype.is_floating_point)


def canonical_mask(
    mask: Any, mask_name: str, target_type: Any, other: Any = None, other_name: str = ""
) -> Any:
    """A mask to add: −inf where a boolean mask is True, a floating mask as it is."""
    if mask is None:
        return None
    boolean = mask.dtype.name == "bool"
    require(boolean or is_float(mask), f"only bool and floating types of {mask_name} are supported")
    if other is not None and other.dtype is not mask.dtype:
        warnings.warn(
            f"Support for mismatched {mask_name} and {other_name} is deprecated. Use same type for "
            "both instead.",
            stacklevel=3,
        )
    if not boolean:
        return mask
    added = np.zeros(tuple(mask.shape), target_type.np)
    added[np.asarray(mask._data)] = -np.inf
    return make(added)


def _check_shapes(query: Any, key: Any, value: Any, padding: Any, mask: Any, heads: int) -> bool:
    """Whether the input is a batch; raises AssertionError where dimensions do not fit."""
    d = query.dim()
    require(
        d in (2, 3),
        f"query should be unbatched 2D or batched 3D tensor but received {d}-D query tensor",
    )
    what = f"For {'batched (3-D)' if d == 3 else 'unbatched (2-D)'} `query`, expected"
    require(
        key.dim() == d and value.dim() == d,
        f"{what} `key` and `value` to be {d}-D but found {key.dim()}-D and {value.dim()}-D tensors "
        "respectively",
    )
    if padding is not None:
        require(
            padding.dim() == d - 1,
            f"{what} `key_padding_mask` to be `None` or {d - 1}-D but found {padding.dim()}-D "
            "tensor instead",
        )
    if mask is not None:
        require(
            mask.dim() in (2, 3),
            f"{what} `attn_mask` to be `None`, 2-D or 3-D but found {mask.dim()}-D tensor instead",
        )
        expected = (heads, query.shape[0], key.shape[0])
        require(
            d == 3 or mask.dim() == 2 or tuple(mask.shape) == expected,
            f"Expected `attn_mask` shape to be {expected} but got {mask.shape}",
        )
    return bool(d == 3)


def _check_sizes(query: Any, key: Any, value: Any, width: int, heads: int, separate: bool) -> None:
    e = query.shape[-1]
    require(e == width, f"was expecting embedding dimension of {width}, but got {e}")
    require(e % heads == 0, f"embed_dim {e} not divisible by num_heads {heads}")
    if separate:
        require(
            key.shape[:2] == value.shape[:2],
            f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}",
        )
    else:
        require(
            key.shape == value.shape,
            f"key shape {key.shape} does not match value shape {value.shape}",
        )


def _heads(t: Any, heads: int, n: int = 1) -> Any:
    """(length, batch, n·embed_dim) as ``n`` tensors (batch, head, length, width)."""
    length, batch, e = t.shape
    if n == 1:
        return (permute(reshape(t, (length, batch, heads, e // heads)), (1, 2, 0, 3)),)
    parts = reshape(t, (length, batch, n, heads, e // n // heads))
    return unbind(permute(parts, (2, 1, 3, 0, 4)), 0)


def _packed(x: Any, weight: Any, bias: Any, start: int, n: int, heads: int) -> Any:
    """``n`` projections of one input by consecutive blocks of the packed weight, as one product."""
    e = weight.shape[1]
    w = weight if n == 3 else narrow(weight, 0, start * e, n * e)
    b = bias if n == 3 or bias is None else narrow(bias, 0, start * e, n * e)
    return _heads(linear(x, w, b), heads, n)


def _projected(
    query: Any, key: Any, value: Any, same: Any, weights: Any, bias: Any, heads: int
) -> Any:
    """Queries, keys and values, (batch, head, length, width) each."""
    weight, *separate = weights
    if weight is None:
        biases = (None,) * 3 if bias is None else chunk(bias, 3)
        three = zip((query, key, value), separate, biases, strict=True)
        return [_heads(linear(x, w, b), heads)[0] for x, w, b in three]
    if all(same):
        return _packed(query, weight, bias, 0, 3, heads)
    if same[1]:
        first = _packed(query, weight, bias, 0, 1, heads)
        return (*first, *_packed(key, weight, bias, 1, 2, heads))
    inputs = enumerate((query, key, value))
    return [_packed(x, weight, bias, k, 1, heads)[0] for k, x in inputs]


def _longer(t: Any, bias: Any) -> Any:
    """Keys or values with one more, learned, at the end."""
    batch, heads, _, width = t.shape
    return cat([t, expand(reshape(bias, (1, heads, 1, width)), (batch, heads, 1, width))], 2)


def _static(name: str, t: Any, batch: int, heads: int, width: int) -> Any:
    """Keys or values given ready-made, (batch·heads, length, width)."""
    n = batch * heads
    require(t.shape[0] == n, f"expecting {name}.size(0) of {n}, but got {t.shape[0]}")
    require(t.shape[2] == width, f"expecting {name}.size(2) of {width}, but got {t.shape[2]}")
    return reshape(t, (batch, heads, t.shape[1], width))


def _check_mask(mask: Any, batch: int, heads: int, target: int, source: int) -> Any:
    """The attention mask with four dimensions."""
    if mask is None:
        return None
    right = (target, source) if mask.dim() == 2 else (batch * heads, target, source)
    if tuple(mask.shape) != right:
        raise RuntimeError(
            f"The shape of the {mask.dim()}D attn_mask is {mask.shape}, but should be {right}."
        )
    if mask.dim() == 2:
        return reshape(mask, (1, 1, target, source))
    return reshape(mask, (batch, heads, target, source))


def _wider(mask: Any, padding: Any) -> tuple[Any, Any]:
    """Both masks with one more key, which may be looked at."""
    return tuple([None if t is None else pad(t, (0, 1)) for t in (mask, padding)])  # type: ignore[return-value]


def _merged(mask: Any, padding: Any, batch: int, source: int) -> Any:
    if padding is None:
        return mask
    for k, n in enumerate((batch, source)):
        require(
            padding.shape[k] == n,
            f"Expected key_padded_mask.shape[{k}] to be {n}, but got {padding.shape[k]}",
        )
    padding = reshape(padding, (batch, 1, 1, source))
    return padding if mask is None else mask + padding


def _with_weights(q: Any, k: Any, v: Any, mask: Any, drop: float) -> tuple[Any, Any]:
    """Attention, and its weights, through which gradient flows too."""
    scores = (q * math.sqrt(1.0 / q.shape[-1])) @ k.mT
    weights = softmax_op(scores if mask is None else scores + mask, -1)
    if drop > 0.0:
        weights = dropout(weights, drop)
    return weights @ v, weights


def _zero_key(t: Any) -> Any:
    lead = tuple(t.shape[:2])
    return cat([t, make(np.zeros((*lead, 1, t.shape[3]), t.dtype.np))], 2)


@export("F")
def multi_head_attention_forward(
    query: Any, key: Any, value: Any, embed_dim_to_check: int, num_heads: int,
    in_proj_weight: Any, in_proj_bias: Any, bias_k: Any, bias_v: Any, add_zero_attn: bool,
    dropout_p: float, out_proj_weight: Any, out_proj_bias: Any, training: bool = True,
    key_padding_mask: Any = None, need_weights: bool = True, attn_mask: Any = None,
    use_separate_proj_weight: bool = False, q_proj_weight: Any = None, k_proj_weight: Any = None,
    v_proj_weight: Any = None, static_k: Any = None, static_v: Any = None,
    average_attn_weights: bool = True, is_causal: bool = False,
) -> tuple[Any, Any]:  # fmt: skip
    """Concat(head₁, …)·W_Oᵀ, headᵢ = softmax(QᵢKᵢᵀ/√d)Vᵢ: what ``nn.MultiheadAttention`` computes.

    query (L, N, E), key (S, N, ·), value (S, N, ·) → (L, N, E), weights (N, L, S), or None. Masks:
    True or −inf means *do not look there*. Raises AssertionError or RuntimeError where shapes do
    not fit. Source: Vaswani et al., "Attention Is All You Need", 2017.

    >>> import chainrule as cr
    >>> x, w, eye = cr.ones(3, 1, 2), cr.ones(6, 2), cr.eye(2)
    >>> attend = cr.nn.functional.multi_head_attention_forward
    >>> out, p = attend(x, x, x, 2, 1, w, None, None, None, False, 0.0, eye, None)
    >>> out.shape, p[0, 0]
    (torch.Size([3, 1, 2]), tensor([0.3333, 0.3333, 0.3333]))
    """
    batched = _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    same = (query is key, key is value)
    if not batched:
        query, key, value = (unsqueeze(t, 1) for t in (query, key, value))
        if key_padding_mask is not None:
            key_padding_mask = unsqueeze(key_padding_mask, 0)
    length, batch, e = query.shape
    padding = canonical_mask(
        key_padding_mask, "key_padding_mask", query.dtype, attn_mask, "attn_mask"
    )
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module "
            "method `generate_square_subsequent_mask` to create this mask."
        )
    causal = is_causal and padding is None and not need_weights  # then the hint replaces the mask
    mask = None if causal else canonical_mask(attn_mask, "attn_mask", query.dtype)
    _check_sizes(query, key, value, embed_dim_to_check, num_heads, use_separate_proj_weight)
    first = (None, q_proj_weight, k_proj_weight, v_proj_weight)
    weights = first if use_separate_proj_weight else (in_proj_weight,)
    missing = None in weights[1:] if use_separate_proj_weight else in_proj_weight is None
    require(
        not missing, f"use_separate_proj_weight is {use_separate_proj_weight} but a weight is None"
    )
    q, k, v = _projected(query, key, value, same, weights, in_proj_bias, num_heads)
    mask = _check_mask(mask, batch, num_heads, length, key.shape[0])
    require((bias_k is None) == (bias_v is None), "bias_k and bias_v must be given together")
    if bias_k is not None:
        require(static_k is None, "bias cannot be added to static key.")
        require(static_v is None, "bias cannot be added to static value.")
        k, v = _longer(k, bias_k), _longer(v, bias_v)
        mask, padding = _wider(mask, padding)
    width = e // num_heads
    if static_k is not None:
        k = _static("static_k", static_k, batch, num_heads, width)
    if static_v is not None:
        v = _static("static_v", static_v, batch, num_heads, width)
    if add_zero_attn:
        k, v = _zero_key(k), _zero_key(v)
        mask, padding = _wider(mask, padding)
    mask = _merged(mask, padding, batch, k.shape[2])
    drop, found = dropout_p if training else 0.0, None
    if need_weights:
        out, found = _with_weights(q, k, v, mask, drop)
        found = mean(found, 1) if average_attn_weights else found
    else:
        out = scaled_dot_product_attention(q, k, v, mask, drop, causal)
    out = linear(
        reshape(permute(out, (2, 0, 1, 3)), (length, batch, e)), out_proj_weight, out_proj_bias
    )
    if not batched:
        return squeeze(out, 1), None if found is None else squeeze(found, 0)
    return out, found
