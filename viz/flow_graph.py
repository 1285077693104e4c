"""`flow` of what is no model: the sizes along a tensor's history, module by module or op by op."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .flow_record import FlowStep, Layer, Weight, note_shares, size_of
from .local import Traced, trace
from .naming import Names
from .sensitivity import UNKNOWN

MOST = 60  # operations that a chart lists
_KINDS = {"tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "ReLU"}


def step_of(outputs: Sequence[Any], names: Names) -> tuple[FlowStep, str]:
    """One step of a history: sizes of values and gradients, leaves as weights; and what is shown.

    Modules that `watch()` wrote down make the rows, else operations; of more than 60, every k-th.
    """
    traced = trace(outputs, names=names, fold_constants=True)
    operations = [n for n in traced.order if n in traced.keys and n.plan is not None]
    shown = _last_of_modules(operations)
    said = "modules"
    if len(shown) < 2:
        gap = -(-len(operations) // MOST)
        shown = {_name(n, traced): n for n in operations[::-1][::gap][::-1]}
        said = "operations" if gap == 1 else f"one operation in {gap} of {len(operations)}"
    step = FlowStep()
    for title, node in shown.items():
        step.layers[title] = _layer(title, node, traced)
    for node in traced.order:
        if node.plan is None and node in traced.keys and node.requires_grad:
            data, gradient = traced.values.found.get(node), _gradient(node, traced)
            if data is not None:
                name = traced.names[node]
                step.weights[name] = Weight(name, size_of(np.abs(data)), gradient)
    names_of = ", ".join(traced.names[root] for root in traced.roots)
    return step, f"{names_of}: {said}"


def _last_of_modules(operations: Sequence[Any]) -> dict[str, Any]:
    """The result of every innermost module, in order of the forward pass."""
    found: dict[str, Any] = {}
    for node in operations:
        path = node.extra.module if node.extra is not None else None
        if path:
            found.pop(path, None)
            found[path] = node
    return found


def _name(node: Any, traced: Traced) -> str:
    """The node's name; what the program did not name says how it was made."""
    shown = traced.picture.by_key()[traced.keys[node]]
    return f"{shown.name} = {shown.expression}" if len(shown.expression) < 30 else shown.name


def _layer(title: str, node: Any, traced: Traced) -> Layer:
    data = traced.values.found.get(node)
    kind = "" if "=" in title else node.plan.op.name
    layer = Layer(title, kind, gradient=_gradient(node, traced))
    if data is None or np.asarray(data).dtype.kind not in "fc":
        return layer
    array = np.abs(data) if np.iscomplexobj(data) else np.asarray(data, np.float64)
    layer.activation = size_of(array)
    if array.ndim:
        closing = _KINDS.get(node.plan.op.name, "")
        note_shares(layer, closing, array, 1 if array.ndim >= 4 else array.ndim - 1)
    return layer


def _gradient(node: Any, traced: Traced) -> float | None:
    found = traced.grads.get(node)
    return None if found is None or found is UNKNOWN else size_of(np.abs(found))
