"""The values of a recorded graph: kept, saved, or computed again from unedited leaves.

0-d nodes keep their value; arrays are let go unless `watch()` was on. What is missing here is
taken from what backward saved, or replayed, operation by operation. Data that was edited in place
after it was used is not the data of this graph any more: it counts as not kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd import Leaf, Tensor, no_grad, registry
from ..autograd.graph import is_output
from ..autograd.handle import make, scalar_of
from ..autograd.saved import Packed, unpacked
from ..autograd.views import edits, owner_of

EDITED = "edited in place after it was used here"
GONE = "not kept: run the forward pass under watch() to see it"


class Values:
    """What every node of a graph held when it was recorded; `missing` says why where unknown."""

    def __init__(self, order: Sequence[Any], known: Iterable[Tensor] = ()) -> None:
        self.order = order
        self.found: dict[Any, Any] = {}
        self.missing: dict[Any, str] = {}
        self.arriving: dict[tuple[Any, int], tuple[int, ...]] = {}  # shapes of gradients, unsummed
        self._first_use = _first_uses(order)
        for tensor in known:
            self._keep(tensor._node, tensor._data)
        for node in order:
            if node not in self.found:
                self._recall(node)
        for node in order:
            if node.plan is not None and node.saved:
                self._read_saved(node)
        with no_grad():
            for node in order:
                if node not in self.found:
                    self._replay(node)

    def get(self, operand: Any) -> Any:
        """The data of a node, or a plain number itself; None when it is not known."""
        return self.found.get(operand) if hasattr(operand, "serial") else operand

    def _keep(self, node: Any, data: Any) -> None:
        """Take data for a node, unless it has been edited since."""
        used = self._first_use.get(node, float("inf"))
        since = used if type(node) is Leaf else min(used, node.serial)
        if _edited(data, node) > since:
            self.missing[node] = EDITED
        else:
            self.found[node] = data
            self.missing.pop(node, None)

    def _recall(self, node: Any) -> None:
        """What the node itself still has."""
        if node.value is None or (node.plan is not None and node.plan.op.several):
            return
        if node.plan is not None and type(node.value) is not np.ndarray:
            self.found[node] = node.value  # a number of the node's own, which no edit reaches
            self.missing.pop(node, None)
        else:
            self._keep(node, node.value)

    def _read_saved(self, node: Any) -> None:
        """What backward saved of arguments and result, where nobody edited it."""
        op, operands = node.plan.op, node.operands()
        for name, data in zip(node.plan.saves, node.saved, strict=False):
            if type(data) is np.ndarray and _edited(data, None) > node.serial:
                continue
            if type(data) is Packed:  # the user's hooks have it
                continue
            if name == "out" and not op.several:
                self.found.setdefault(node, data)
            elif name in op.inputs:
                origin = operands[op.inputs.index(name)]
                if hasattr(origin, "serial") and self.missing.get(origin) != EDITED:
                    self.found.setdefault(origin, data)

    def _replay(self, node: Any) -> None:
        if node in self.missing:
            return
        whole = is_output(node)
        made = node.operands()[0] if whole else node
        if made.plan is None or made.plan.op.several is not whole or not _can_run(made):
            self.missing[node] = GONE
            return
        inputs = [self.get(operand) for operand in made.operands()]
        if _unknown(inputs, made.operands()):
            self.missing[node] = GONE
            return
        out = run(made, inputs)
        out = out[node.params[0]] if whole else out
        if getattr(out, "shape", ()) == node.shape:
            self.found[node] = out
        else:
            self.missing[node] = GONE


def run(node: Any, inputs: Sequence[Any]) -> Any:
    """Compute a node's operation on raw inputs: raw data, or a tuple of them."""
    op = node.plan.op
    operands = node.operands()
    if op.call is None:
        return scalar_of(op.kernel(*inputs, *node.params))
    tensors = [
        make(v) if hasattr(o, "serial") else v for o, v in zip(operands, inputs, strict=True)
    ]
    result = op.call(tensors, *node.params) if op.variadic else op.call(*tensors, *node.params)
    if op.several:
        return tuple(part._data for part in result)
    return (result[0] if op.aux else result)._data


def _can_run(node: Any) -> bool:
    """Whether the operation behind a node can be computed again from its operands."""
    op = node.plan.op
    # an edit through a view lists those of its two operands only that gradient flows to
    if op.name not in registry or op.lifts:
        return False
    return op.call is not None or None not in node.operands()


def saved_of(node: Any, values: Values) -> tuple[Any, ...] | None:
    """What a node's backward needs: saved, or gathered again; None when that cannot be done."""
    if node.saved is not None and not _stale(node):
        return unpacked(node.saved)
    if node.plan.op.name not in registry:
        return None
    inputs = [values.get(operand) for operand in node.operands()]
    out = values.found.get(node)
    op = node.plan.op
    if _unknown(inputs, node.operands()):
        return None
    if op.aux or op.several or (out is None and "out" in node.plan.saves):
        with no_grad():
            out = _raw_result(node, inputs)
    return tuple(node.plan.save(inputs, out, node.params))


def _raw_result(node: Any, inputs: Sequence[Any]) -> Any:
    """All that the kernel returns, in the form in which `save` reads it."""
    op = node.plan.op
    if op.aux:
        out = op.kernel(inputs, *node.params) if op.variadic else op.kernel(*inputs, *node.params)
        return [scalar_of(o) for o in out]
    return run(node, inputs)


def evaluate(order: Sequence[Any], values: Values, changed: Mapping[Any, Any]) -> dict[Any, Any]:
    """Compute a graph again with other data at some nodes; keys and results as in `values.found`.

    Raises ValueError where an operation cannot be run again.
    """
    data: dict[Any, Any] = {}
    dirty = set(changed)
    with no_grad():
        for node in order:
            if node in changed:
                data[node] = changed[node]
                continue
            operands = node.operands()
            if not any(hasattr(o, "serial") and o in dirty for o in operands):
                data[node] = values.found.get(node)
                continue
            dirty.add(node)
            inputs = [data.get(o) if hasattr(o, "serial") else o for o in operands]
            unknown = any(
                v is None and o is not None for v, o in zip(inputs, operands, strict=True)
            )
            own = getattr(node.plan, "cls", None)  # a user's autograd.Function
            if unknown or (own is None and not _can_run(node)):
                why = "how is not recorded"
                if unknown:
                    why = "data that it needs was not kept (watch() keeps it)"
                raise ValueError(f"{node.plan.op.name} cannot be run again: {why}")
            whole: Any = inputs[0]
            if is_output(node):
                data[node] = whole[node.params[0]]
            else:
                data[node] = run(node, inputs) if own is None else _run_own(own, node, inputs)
    return data


def _run_own(own: Any, node: Any, inputs: Sequence[Any]) -> Any:
    """Call a user's Function again, on copies: it may edit what it is given."""
    args = [
        make(np.array(v)[()] if hasattr(v, "dtype") else v) if hasattr(o, "serial") else v
        for o, v in zip(node.operands(), inputs, strict=True)
    ]
    result = own.apply(*args)
    return tuple(part._data for part in result) if isinstance(result, tuple) else result._data


def _unknown(inputs: Sequence[Any], operands: Sequence[Any]) -> bool:
    """Whether the data of some operand is missing (an argument that was None is not)."""
    return any(v is None and o is not None for v, o in zip(inputs, operands, strict=True))


def _first_uses(order: Sequence[Any]) -> dict[Any, int]:
    """The serial number of the first operation that used each node."""
    found: dict[Any, int] = {}
    for node in order:
        for operand in node.operands():
            if hasattr(operand, "serial"):
                found[operand] = min(found.get(operand, node.serial), node.serial)
    return found


def _edited(data: Any, node: Any) -> int:
    """Serial number of the last in-place edit of this data (0: never)."""
    if type(data) is np.ndarray:
        edit = edits.get(id(owner_of(data)))
        return edit.serial if edit is not None else 0
    extra = getattr(node, "extra", None)
    return extra.edited if extra is not None else 0


def _stale(node: Any) -> bool:
    """Whether an array that the node saved has been edited since."""
    return any(
        type(data) is np.ndarray and _edited(data, None) > node.serial for data in node.saved
    )
