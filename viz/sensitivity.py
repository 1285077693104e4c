"""Gradients and local derivatives for a picture: a reverse walk of its own, touching no `.grad`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..autograd import no_grad
from ..autograd.batched import Batched
from ..autograd.fitting import fit
from ..autograd.graph import Piece, is_output
from .replay import Values, saved_of

UNKNOWN = object()  # a gradient that depends on data that is not kept


def gradients(roots: Iterable[Any], order: Sequence[Any], values: Values) -> dict[Any, Any]:
    """The derivative of the sum of the roots by every node that it reaches.

    `order` lists the nodes oldest first. A node that cannot be answered maps to UNKNOWN; a node
    that no gradient reaches is absent.
    """
    pending: dict[Any, Any] = {}
    for root in roots:
        if root.requires_grad:
            _add(pending, root, _ones(root))
    with no_grad():
        for node in reversed(order):
            if node.plan is None or node not in pending or not node.requires_grad:
                continue
            g = pending[node]
            for operand, part in zip(node.inputs, _backward(node, g, values), strict=True):
                if part is not None:
                    _add(pending, operand, part)
    return {n: g for n, g in pending.items() if not isinstance(g, list)}


def local_numbers(node: Any, values: Values) -> list[Any]:
    """For a 0-d node, the derivative by each of its `inputs`: a number, or None for an array."""
    if node.shape:
        return [None] * len(node.inputs)
    with no_grad():
        parts = _backward(node, _ones(node), values)
    return [
        None if p is None or p is UNKNOWN or operand.shape else _real(p, node)
        for operand, p in zip(node.inputs, parts, strict=True)
    ]


def _backward(node: Any, g: Any, values: Values) -> Sequence[Any]:
    """One gradient for each of a node's inputs, in their shapes; None where there is none."""
    plan = node.plan
    saved = saved_of(node, values) if g is not UNKNOWN else None
    if saved is None:
        return [UNKNOWN] * len(node.inputs)
    if plan.op.several:
        g = _whole(node, g)
    try:
        parts = plan.backward(g, saved)
    except ArithmeticError:  # a Python float divided by zero: NumPy answers inf or nan
        parts = plan.backward(_as_numpy(g), tuple(map(_as_numpy, saved)))
    for k, part in enumerate(parts):
        values.arriving[node, k] = tuple(getattr(part, "shape", ()))
    return [
        p if p is None or type(p) is Piece else fit(p, operand)
        for operand, p in zip(node.inputs, parts, strict=True)
    ]


def _real(part: Any, node: Any) -> float | None:
    """A derivative as one number; of complex values it is none, inside vmap it is many."""
    if node.dtype.kind == "c" or type(part) is Batched or np.iscomplexobj(part):
        return None
    return float(part)


def contributions(node: Any, g: Any, values: Values) -> Sequence[Any]:
    """What a node with gradient `g` sends to each input of the operation behind it.

    Arrays in the inputs' shapes, None where nothing is sent, UNKNOWN where data is not kept.
    """
    if not is_output(node):
        with no_grad():
            return _backward(node, g, values)
    made = node.inputs[0] if node.inputs else node.operands()[0]
    with no_grad():
        return _backward(made, UNKNOWN if g is UNKNOWN else [Piece(node.params[0], g)], values)


def through(node: Any, values: Values) -> tuple[Any, list[Any]]:
    """The operation behind a node and its local derivatives, one for each of its inputs.

    One of several results stands for the operation that made them all.
    """
    if not is_output(node):
        return node, local_numbers(node, values)
    made = node.inputs[0] if node.inputs else node.operands()[0]
    if node.shape or not node.requires_grad:
        return made, [None] * len(made.inputs)
    with no_grad():
        parts = _backward(made, [Piece(node.params[0], _ones(node))], values)
    return made, [
        None if p is None or p is UNKNOWN or operand.shape else _real(p, node)
        for operand, p in zip(made.inputs, parts, strict=True)
    ]


def _add(pending: dict[Any, Any], node: Any, g: Any) -> None:
    old = pending.get(node)
    if type(g) is Piece:
        pending[node] = [*(old or ()), g] if old is not UNKNOWN else UNKNOWN
    elif old is None:
        pending[node] = g
    else:
        pending[node] = UNKNOWN if old is UNKNOWN or g is UNKNOWN else old + g


def _whole(node: Any, pieces: list[Piece]) -> list[Any]:
    """Gradients of all results of an operation with several; zeros where none came."""
    grads: list[Any] = [np.zeros(shape, dtype)[()] for shape, dtype in node.value]
    for piece in pieces:
        grads[piece.k] = grads[piece.k] + piece.value
    return grads


def _ones(node: Any) -> Any:
    if not node.shape and node.dtype == np.float64:
        return 1.0
    return np.ones(node.shape, node.dtype)[()]


def _as_numpy(value: Any) -> Any:
    return np.float64(value) if type(value) is float else value
