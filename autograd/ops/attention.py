"""Attention: values averaged with weights softmax(q·kᵀ), in one operation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import dtypes
from ..declare import Array, export, op
from ..errors import ShapeError, refuse
from ..handle import Handle, make
from .compare import where
from .extreme import amax
from .random import dropout
from .reduce import check_tensor, total
from .shape import expand, reshape, unsqueeze
from .softmax import softmax_op

NEVER = float("-inf")
BOOLEAN = (np.dtype(bool), dtypes.bool_)  # of an array, and of a Tensor


def _wide(x: Any) -> Any:
    return x.astype(np.float32) if x.dtype.itemsize == 2 and x.dtype.kind != "b" else x


def _past(shape: Any) -> Any:
    """Which keys are not after the query, for scores of ``shape``."""
    return np.arange(shape[-2])[:, None] >= np.arange(shape[-1])


def _weights(query: Any, key: Any, mask: Any, scale: float, causal: bool) -> Any:
    """The softmax of the scaled products, in place; rows that may look nowhere are 0."""
    scores = np.matmul(query * query.dtype.type(scale), key.swapaxes(-1, -2))
    if mask is not None:
        shape = np.broadcast_shapes(scores.shape, mask.shape)
        if shape != scores.shape:
            scores = np.broadcast_to(scores, shape).copy()
        if mask.dtype.kind == "b":
            np.copyto(scores, NEVER, where=~mask)
        else:
            scores += mask
    if causal:
        np.copyto(scores, NEVER, where=~_past(scores.shape))
    if not scores.size:
        return scores
    top = np.maximum.reduce(scores, axis=-1, keepdims=True)
    closed = (mask is not None or causal) and (top == NEVER).any()
    scores -= np.where(top == NEVER, 0, top) if closed else top
    np.exp(scores, out=scores)
    share = np.add.reduce(scores, axis=-1, keepdims=True)
    scores /= np.where(share == 0, 1, share) if closed else share
    return scores


def recorded_weights(query: Any, key: Any, mask: Any, scale: float, causal: bool) -> Any:
    """The same weights made of operations, for what is to be differentiated or dropped out."""
    scores = (query * scale) @ key.mT
    if mask is not None:
        scores = where(mask, scores, NEVER) if mask.dtype in BOOLEAN else scores + mask
    if causal:
        allowed = _past(scores.shape)
        scores = where(make(allowed) if isinstance(scores, Handle) else allowed, scores, NEVER)
    if mask is None and not causal:
        return softmax_op(scores, -1)
    closed = amax(scores, -1, True) == NEVER
    return where(closed, 0.0, softmax_op(where(closed, 0.0, scores), -1))


def _fast(
    g: Any, query: Any, key: Any, value: Any, out: Any, weights: Any, scale: float, needs: Any
) -> list[Any]:
    kinds = [query.dtype, key.dtype, value.dtype]
    g, query, key, value, out = (_wide(a) for a in (g, query, key, value, out))
    grads: list[Any] = [None] * 4
    if needs[2]:
        grads[2] = np.matmul(weights.swapaxes(-1, -2), g)
    if any(needs[k] for k in (0, 1, 3)):
        slope = np.matmul(g, value.swapaxes(-1, -2))
        slope -= np.einsum("...i,...i->...", g, out)[..., None]  # Σ over keys of slope·weight
        slope *= weights
        grads[3] = slope
        factor = query.dtype.type(scale)
        if needs[0]:
            grads[0] = np.matmul(slope, key)
            grads[0] *= factor
        if needs[1]:
            grads[1] = np.matmul(slope.swapaxes(-1, -2), query)
            grads[1] *= factor
    for k, kind in enumerate(kinds):
        if grads[k] is not None:
            grads[k] = grads[k].astype(kind, copy=False)
    return grads


def _back(
    g: Any, query: Any, key: Any, value: Any, mask: Any, out: Any, weights: Any, scale: float,
    causal: bool, needs: Any,
) -> list[Any]:  # fmt: skip
    """Gradients of query, key, value and mask: from the kept weights, or as a formula."""
    if type(g) is np.ndarray and type(query) is np.ndarray:
        return _fast(g, query, key, value, out, weights, scale, needs)
    p = recorded_weights(query, key, mask, scale, causal)
    slope = g @ value.mT
    slope = p * (slope - total(p * slope, -1, True))
    return [slope @ key * scale, slope.mT @ query * scale, p.mT @ g, slope]


@op(
    lambda g, query, key, value, mask, out, weights, scale, causal, needs: _back(
        g, query, key, value, mask, out, weights, scale, causal, needs
    ),
    name="scaled_dot_product_attention",
    where=(),
    promote="keep",
    outputs=2,
    aux=("weights",),
    symbol="attention",
    tex=r"\operatorname{{softmax}}\left({0} {1}^T / \sqrt{{d}}\right) {2}",
    samples=lambda s: [
        (s(2, 3, 4), s(2, 5, 4), s(2, 5, 2), None, 0.5, False),
        (s(3, 4), s(3, 4), s(3, 4), None, 0.5, True),
        (s(2, 3, 2), s(2, 4, 2), s(2, 4, 3), np.array([[True, False, True, True]] * 3), 0.7, False),
        (s(2, 3, 2), s(2, 4, 2), s(2, 4, 3), s(3, 4), 0.7, False),
        (s(2, 2, 2), s(1, 3, 2), s(1, 3, 2), np.array([[True] * 3, [False] * 3]), 1.0, False),
    ],
)
def attention(
    query: Array, key: Array, value: Array, mask: Array, scale: float, causal: bool
) -> Any:
    """softmax(scale · q·kᵀ + mask) · v, and those weights.

    A boolean mask says where to look; a row that may look nowhere gives 0. The backward keeps the
    weights: dS = P·(dP − Σ ḡ·out).
    """
    refuse("scaled_dot_product_attention", query)
    wide = None if mask is None else _wide(mask)
    weights = _weights(_wide(query), _wide(key), wide, scale, causal)
    return np.matmul(weights, _wide(value)).astype(query.dtype, copy=False), weights


def _check(query: Any, key: Any, value: Any, mask: Any) -> None:
    check_tensor("scaled_dot_product_attention", query)
    three = (query, key, value)
    if min(t.ndim for t in three) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be at least 2 dimensional, but got query.dim: "
            f"{query.ndim} key.dim: {key.ndim} and value.dim: {value.ndim} instead."
        )
    if query.dtype is not key.dtype or query.dtype is not value.dtype:
        raise RuntimeError(
            f"Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{query.dtype} key.dtype: {key.dtype} and value.dtype: {value.dtype} instead."
        )
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ShapeError(
            "scaled_dot_product_attention: query (…, L, E), key (…, S, E) and value (…, S, V) do "
            f"not fit: {list(query.shape)}, {list(key.shape)}, {list(value.shape)}"
        )
    if mask is not None and mask.dtype.name not in ("bool", "float32", query.dtype.name):
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
            f"attn_mask.dtype: {mask.dtype} and  query.dtype: {query.dtype} instead."
        )


def _repeated(t: Any, heads: int) -> Any:
    """Each head repeated, so that there are ``heads``."""
    have = t.shape[-3]
    if have == heads:
        return t
    if have == 0 or heads % have:
        raise RuntimeError(
            "Number of heads in key and value must divide the number of heads in query, got "
            f"{have} and {heads}"
        )
    lead, tail = tuple(t.shape[:-3]), tuple(t.shape[-2:])
    wide = expand(unsqueeze(t, -3), (*lead, have, heads // have, *tail))
    return reshape(wide, (*lead, heads, *tail))


@export("F")
def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Any:  # fmt: skip
    """softmax(q·kᵀ·scale + mask)·v: query (…, L, E), key (…, S, E), value (…, S, V) → (…, L, V).

    ``scale`` is 1/√E by default. In a boolean mask True means *look there*; a row that may look
    nowhere gives 0. ``is_causal`` lets position i look at 0 … i; ``enable_gqa`` shares key and
    value heads among query heads. Source: Vaswani et al., "Attention Is All You Need", 2017.

    >>> import chainrule as cr
    >>> q, v = cr.zeros(1, 2, 4), cr.tensor([[[1.0], [3.0]]])
    >>> cr.nn.functional.scaled_dot_product_attention(q, q, v, is_causal=True)
    tensor([[[1.],
             [2.]]])
    """
    _check(query, key, value, attn_mask)
    if attn_mask is not None and is_causal:
        raise RuntimeError(
            "scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True"
        )
    if enable_gqa:
        key, value = (_repeated(t, query.shape[-3]) for t in (key, value))
    if scale is None:
        scale = 1 / math.sqrt(query.shape[-1]) if query.shape[-1] else 1.0
    mask = attn_mask
    if mask is not None and mask.dtype.name != "bool" and mask.dtype is not query.dtype:
        mask = mask.to(query.dtype)
    if dropout_p > 0.0:
        weights = recorded_weights(query, key, mask, scale, is_causal)
        return dropout(weights, dropout_p) @ value
    return attention(query, key, value, mask, scale, bool(is_causal))[0]
