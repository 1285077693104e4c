"""One element of an array: the sum behind its derivative, the largest terms first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import Tensor, enable_grad, forward, no_grad
from ..autograd.graph import is_output
from ..autograd.handle import make, scalar_of
from .local import Traced
from .paths import consumers
from .replay import run
from .sensitivity import UNKNOWN

_LISTED = 5  # terms written out; up to one more costs no line
_MOVES = {"get_index", "select", "reshape", "transpose", "permute", "squeeze", "unsqueeze", "alias"}
_MOVES |= {"narrow", "diagonal", "diag", "flip", "roll", "expand", "unbind", "split", "output"}


@dataclass(frozen=True, slots=True)
class ElementTerm:
    """∂y/∂(an element of a consumer), times that element's derivative by ours."""

    node: int
    index: tuple[int, ...]
    gradient: float
    local: float
    product: float


@dataclass(frozen=True, slots=True)
class Element:
    """The element `index` of a node: its gradient is the `total` of `count` terms.

    `terms` are the largest of those that are not 0 (`nonzero` in all), and add up to `listed`;
    `reach` counts the elements of each consumer.
    """

    index: tuple[int, ...]
    terms: tuple[ElementTerm, ...]
    count: int
    nonzero: int
    total: float
    listed: float
    reach: tuple[tuple[int, int, int], ...]  # (consumer, elements that depend on ours, all)


def find_element(x: Tensor, traced: Traced) -> tuple[Any, tuple[int, ...]]:
    """The node of the graph that `x` was taken from by indexing, and the place of x in it.

    Raises ValueError when x is no element of a tensor of the graph.
    """
    steps, node = [], x._node
    while node is not None and node.plan is not None and node not in traced.keys:
        steps.append(node)
        node = next((o for o in node.operands() if hasattr(o, "serial")), None)
    if node is None or node not in traced.keys or any(not _moves(step) for step in steps):
        raise ValueError(
            f"x (shape {list(x.shape)}) is not part of the graph of y: y was not computed from it, "
            "or it was computed from a copy, by detach() or under no_grad()"
        )
    name = traced.names[node]
    places: Any = np.arange(int(np.prod(node.shape))).reshape(node.shape)
    with no_grad():
        for step in reversed(steps):
            places = places[step.params[0]] if is_output(step) else run(step, [places])
    if np.shape(places):
        raise ValueError(
            f"x is a part of {name} with shape {list(x.shape)}: explain(y, {name}) derives by all "
            f"of it, explain(y, {name}[{', '.join('0' * len(node.shape))}]) by one element"
        )
    return node, tuple(int(k) for k in np.unravel_index(int(places), node.shape))


def _moves(node: Any) -> bool:
    """Whether an operation only picks and moves elements of its one tensor."""
    return len(node.operands()) == 1 and node.plan.op.name in _MOVES


def element_of(traced: Traced, node: Any, index: tuple[int, ...]) -> Element | None:
    """The terms behind one element's derivative; None where data for them is not kept."""
    picture = traced.picture
    engine = {key: n for n, key in traced.keys.items()}
    y, x = traced.keys[traced.roots[0]], traced.keys[node]
    reached = dict.fromkeys(edge.target for edge in consumers(picture, x, y))
    found: list[ElementTerm] = []
    reach = []
    for key in reached:
        consumer = engine[key]
        g = traced.grads.get(consumer)
        slope = _slope(consumer, node, index, traced)
        if slope is None or g is None or g is UNKNOWN or np.iscomplexobj(g):
            return None
        products = np.asarray(g, np.float64) * slope
        at = np.argwhere(slope != 0) if np.ndim(slope) else [()] * int(slope != 0)
        places = [tuple(int(k) for k in place) for place in at]
        reach.append((key, len(places), int(np.size(slope))))
        found += [
            ElementTerm(key, p, float(np.asarray(g)[p]), float(slope[p]), float(products[p]))
            for p in places
        ]
    count = len(found)
    found = [term for term in found if term.product != 0]
    found.sort(key=lambda t: (-abs(t.product), t.node, t.index))
    most = _LISTED + 1 if len(found) == _LISTED + 1 else _LISTED
    listed = tuple(found[:most])
    total, part = (float(sum(t.product for t in terms)) for terms in (found, listed))
    moved = tuple(r for r in reach if r[1]) or tuple(reach)
    return Element(index, listed, count, len(found), total, part, moved)


def _slope(consumer: Any, node: Any, index: tuple[int, ...], traced: Traced) -> Any:
    """The derivative of each element of a consumer by one element of a node, in float64."""
    made = consumer.operands()[0] if is_output(consumer) else consumer
    data = [traced.values.get(operand) for operand in made.operands()]
    if any(d is None and o is not None for d, o in zip(data, made.operands(), strict=True)):
        return None
    one = np.zeros(node.shape)
    one[index] = 1.0
    start = make(scalar_of(np.asarray(traced.values.found[node], np.float64).copy()[()]))
    start.requires_grad_()
    args = [
        start if operand is node else _wide(value) if hasattr(operand, "serial") else value
        for operand, value in zip(made.operands(), data, strict=True)
    ]
    op = made.plan.op
    try:
        with enable_grad():
            out = op.call(args, *made.params) if op.variadic else op.call(*args, *made.params)
            parts = out if isinstance(out, tuple) else (out,)
            result = parts[consumer.params[0] if is_output(consumer) else 0]
            (tangent,) = forward.push([result._node], {start._node: one}, recorded=False)
    except (TypeError, ValueError, RuntimeError):
        return None
    return np.asarray(0.0 if tangent is None else tangent, np.float64) + np.zeros(consumer.shape)


def _wide(data: Any) -> Any:
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind == "f":
        data = scalar_of(np.asarray(data, np.float64)[()])
    return make(data)
