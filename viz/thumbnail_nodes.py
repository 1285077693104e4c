"""A drawing's nodes with thumbnails of the arrays that the engine held."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..autograd.batched import Batched
from .local import Traced
from .model import Node, Picture, Quantity, Summary
from .thumbnails import corner, thumbnail

MOST = 60  # nodes of a drawing that shows thumbnails unasked


def with_thumbnails(picture: Picture, traced: Traced) -> Picture:
    """The same picture, with thumbnails of the arrays that its nodes had."""
    engine = {key: node for node, key in traced.keys.items()}
    found, grads = traced.values.found, traced.grads
    with np.errstate(all="ignore"):
        nodes = [
            _pictured(node, found.get(engine[node.key]), grads.get(engine[node.key]))
            if node.shape and node.key in engine
            else node
            for node in picture.nodes
        ]
    return replace(picture, nodes=tuple(nodes))


def _pictured(node: Node, value: Any, grad: Any) -> Node:
    """A node with a thumbnail of its value, and of its gradient."""
    return replace(
        node,
        value=_with_thumbnail(node.value, value, around_zero=node.kind == "parameter"),
        grad=_with_thumbnail(node.grad, grad, around_zero=True),
    )


def _with_thumbnail(quantity: Quantity, data: Any, *, around_zero: bool) -> Quantity:
    if not isinstance(quantity, Summary) or quantity.elements is not None:
        return quantity
    array = data.value if type(data) is Batched else data
    if not isinstance(array, np.ndarray) or array.shape != quantity.shape or not array.size:
        return quantity
    made = thumbnail(array, around_zero=around_zero)
    return replace(quantity, thumbnail=made, corner=corner(array))
