"""`summary` of what is no model: a tensor's history or a captured program, one row an operation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..autograd import Graph, Tensor, enable_grad
from ..autograd.graph import ancestors, is_output
from ..autograd.handle import make, scalar_of
from ..autograd.views import owner_of
from .captured import results_of
from .costs import cost_of
from .naming import name_nodes
from .saved_bytes import saved_by
from .summary_rows import Row, Totals


def count_graph(y: Any, inputs: Sequence[Any]) -> tuple[str, list[Row], Totals]:
    """Title, rows and totals; a captured Graph that is given no inputs runs on zeros."""
    if isinstance(y, Tensor) and inputs:
        raise TypeError("summary(y) takes one tensor; an input is for a model or a captured Graph")
    if isinstance(y, Graph) and not inputs:
        inputs = [make(scalar_of(np.zeros(v.shape, v.dtype)[()])) for v in y.inputs]
    with enable_grad():
        outputs, names = results_of(y, tuple(inputs), None, "summary")
    roots = [t._node for t in outputs if t._node is not None]
    if not roots:
        raise RuntimeError(
            "summary(): nothing was recorded for this tensor: set requires_grad=True on an input, "
            "or compute it under chainrule.watch()"
        )
    order = ancestors(roots)
    called, _ = name_nodes(order, outputs, names)
    leaves = _parameters(y, order, names)
    kept = saved_by([n for n in order if n.plan is not None], _buffers(leaves))
    rows, placed = list[Row](), set[Any]()
    for node in order:
        if node.plan is None or is_output(node):
            continue
        row = _row(node, called, len(rows))
        operands = [n for n in node.operands() if hasattr(n, "serial")]
        own = [n for n in operands if n in leaves and n not in placed]
        placed.update(own)
        row.parameters = sum(_count(n) for n in own)
        row.saved = kept.get(node, 0)
        rows.append(row)
    totals = Totals(rows=rows, saved=sum(kept.values()))
    totals.parameters = sum(map(_count, leaves))
    totals.trainable = sum(_count(n) for n in leaves if n.requires_grad)
    totals.parameter_bytes = sum(_count(n) * n.dtype.itemsize for n in leaves)
    totals.mult_adds = sum(row.mult_adds for row in rows)
    given = [n for n in order if n.plan is None and n not in leaves]
    totals.input_bytes = sum(_count(n) * n.dtype.itemsize for n in given)
    results = [n for n in order if n.plan is not None and not n.plan.op.several]
    totals.output_bytes = sum(_count(n) * n.dtype.itemsize for n in results)
    return f"{called.get(roots[0], type(y).__name__)}: {len(rows)} operations", rows, totals


def _parameters(y: Any, order: Sequence[Any], names: Any) -> dict[Any, None]:
    """The leaves that require gradient; of a captured program, the arrays it closed over."""
    if not isinstance(y, Graph) or not y.inputs:
        return {n: None for n in order if n.plan is None and n.requires_grad}
    closed = {names[v.name]._node for v, _ in y.constants if v.shape}
    return {n: None for n in order if n in closed}


def _buffers(leaves: Iterable[Any]) -> set[int]:
    return {id(owner_of(n.value)) for n in leaves if isinstance(n.value, np.ndarray)}


def _count(node: Any) -> int:
    return int(np.prod(node.shape))


def _row(node: Any, called: dict[Any, str], number: int) -> Row:
    op, operands = node.plan.op, [o for o in node.operands() if hasattr(o, "serial")]
    several = op.several and node.value
    shapes = tuple(tuple(o.shape) for o in operands)
    outputs = tuple(tuple(s) for s, _ in node.value) if several else (tuple(node.shape),)
    every = [tuple(getattr(o, "shape", ())) for o in node.operands()]
    cost = cost_of(op.name, every, outputs[0], dict(zip(op.params, node.params, strict=False)))
    name = called.get(node, str(number + 1))
    row = Row(name, op.name, 0, None, shapes, outputs)
    row.mult_adds = cost.multiply_adds
    return row
