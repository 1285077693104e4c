"""How a tensor shows itself at the end of a notebook's cell: its graph, or a line about it."""

from __future__ import annotations

from html import escape
from math import prod
from typing import Any

from ..autograd import Tensor
from ..autograd.batched import Batched
from ..autograd.graph import Leaf
from .costs import cost_of
from .draw_view import draw
from .numbers import format_count

MOST = 60  # nodes that are drawn
_COUNTED = 20_000  # beyond, counting would take longer than a reader waits
_ELEMENTS, _PRODUCTS = 1_000_000, 200_000_000  # of arrays that a drawing may have to compute again


def tensor_html(tensor: Tensor) -> str | None:
    """The drawn graph of a recorded result of up to 60 nodes; above, its text and one line.

    None for a tensor without a history, and where there is nothing to show: text will do.
    """
    node = tensor._node
    if node is None or isinstance(node, Leaf) or type(tensor._data) is Batched:
        return None
    nodes = _history(node)
    if len(nodes) <= MOST and not _heavy(nodes):
        try:
            return draw(tensor)._repr_html_()
        except (RuntimeError, ValueError, TypeError, ArithmeticError):
            return None  # the end of a cell is no place to raise: its text tells the rest
    return f"<pre>{escape(repr(tensor))}</pre>\n<p>{escape(_line(nodes))}</p>"


def _history(root: Any) -> list[Any]:
    """The nodes behind one, at most so many that counting is quick."""
    seen, waiting = {root: None}, [root]
    while waiting and len(seen) <= _COUNTED:
        for operand in waiting.pop().operands():
            if hasattr(operand, "serial") and operand not in seen:
                seen[operand] = None
                waiting.append(operand)
    return list(seen)


def _heavy(nodes: list[Any]) -> bool:
    """Whether a drawing, which may compute arrays again, would keep its reader waiting."""
    elements = products = 0
    for node in nodes:
        elements += prod(node.shape)
        if not isinstance(node, Leaf):
            op = node.plan.op
            shapes = [tuple(getattr(o, "shape", ())) for o in node.operands()]
            params = dict(zip(op.params, node.params, strict=False))
            products += cost_of(op.name, shapes, tuple(node.shape), params).multiply_adds
    return elements > _ELEMENTS or products > _PRODUCTS


def _line(nodes: list[Any]) -> str:
    leaves = [node for node in nodes if isinstance(node, Leaf)]
    count = len(nodes) - len(leaves)
    wanted = sum(leaf.requires_grad for leaf in leaves)
    many = "1 leaf that requires" if wanted == 1 else f"{format_count(wanted)} leaves that require"
    made = "1 operation" if count == 1 else f"{format_count(count)} operations"
    said = f"{made} from {many} grad" if len(nodes) <= _COUNTED else f"more than {made}"
    large = " of large arrays" if len(nodes) <= MOST else ""
    return (
        f"computed by {said}{large}. chainrule.viz.draw(y) draws it, viz.draw(y, wrt=x) a part, "
        "viz.graph(model, x) a model by its modules"
    )
