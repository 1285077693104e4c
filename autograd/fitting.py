"""A gradient in the shape and dtype of the value it belongs to: broadcasting undone, once."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dtypes import BY_NP, F64
from .handle import Handle, cast, scalar_of

ndarray = np.ndarray


def sum_to(g: Any, shape: tuple[int, ...]) -> Any:
    """Undo broadcasting: sum ``g`` over the dimensions that were stretched."""
    lead = g.ndim - len(shape)
    dims = tuple(range(lead))
    dims += tuple(k + lead for k, n in enumerate(shape) if n == 1 and g.shape[k + lead] != 1)
    if isinstance(g, ndarray):
        g = np.add.reduce(g, axis=dims)
        return g if g.shape == shape else g.reshape(shape)
    return (g.sum(dims) if dims else g).reshape(shape)


def fit(g: Any, node: Any) -> Any:
    """A gradient in the shape and dtype of the value it belongs to."""
    if type(g) is ndarray and g.dtype is node.dtype and node.shape and g.ndim:
        return sum_to(g, node.shape)
    target = BY_NP[node.dtype]
    if isinstance(g, Handle):
        t: Any = g
        if t.shape != node.shape:
            t = sum_to(t, node.shape) if t.ndim else t.expand(node.shape)
        return t if t.dtype is target else t.to(target)
    if hasattr(type(g), "_apply"):  # a Tracer or Batched: its own operations
        g = g if tuple(g.shape) == tuple(node.shape) else type(g).fit(g, node.shape)
        return cast(g, target)
    shape = getattr(g, "shape", ())
    if shape != node.shape:
        g = sum_to(g, node.shape) if shape else np.broadcast_to(np.asarray(g), node.shape)
    if not node.shape and type(g) is ndarray:
        g = scalar_of(g[()])
    return cast(g, target)


def fits(g: Any, node: Any) -> bool:
    """Whether a gradient has the shape and dtype of a node's value."""
    return getattr(g, "shape", ()) == node.shape and getattr(g, "dtype", F64) is node.dtype
