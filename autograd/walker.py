"""The reverse walk: one loop that sends gradients from results back to leaves.

For each node, consumers first: take its pending gradient, run its hooks, let the operation's rules
turn it into one gradient per input, and add each to what that input has already. Undoing
broadcasting and dtype promotion happens here, once, and in no rule. The same loop serves
``backward`` (accumulate into leaves) and ``grad`` (capture at chosen inputs), on arrays or, when
the backward is itself to be recorded, on Tensors.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import views
from .dispatch import pick
from .dtypes import BY_NP, F64
from .graph import Leaf, Piece, between, toposort
from .handle import Handle, cast, make, scalar_of
from .hooks import run_hooks

ndarray = np.ndarray


def walk(
    seeds: Sequence[tuple[Any, Any]],
    wanted: set[Any] | None = None,
    *,
    keep: bool = False,
    recorded: bool = False,
    into_leaves: bool = True,
) -> dict[Any, Any]:
    """Send the seeds (node, gradient) back; return the gradients captured at ``wanted`` nodes."""
    order = toposort([node for node, _ in seeds])
    useful: set[Any] | None = None
    if wanted is not None:
        order = between(order, wanted)
        useful = set(order)
    pending: dict[Any, Any] = {}
    owned: set[Any] = set()  # nodes whose pending array is ours to add into
    captured: dict[Any, Any] = {}
    for node, g in seeds:
        if useful is None or node in useful:
            add(pending, owned, node, g, recorded)
    checking = views.edited_since(order)
    for node in order:
        g = pending.pop(node, None)
        if g is None:
            continue
        plan = node.plan
        if type(g) is list:
            g = whole(node, g, recorded)
        if node.extra is not None:
            g = run_hooks(node, g, make, recorded)
        if wanted is not None and node in wanted:
            captured[node] = g
            if into_leaves and plan is None:
                accumulate(node, g, recorded)
        if plan is None:
            if wanted is None:
                accumulate(node, g, recorded)
            continue
        saved = node.saved
        if saved is None:
            raise freed(node)
        if checking and saved:
            views.check_saved(node)
        inputs = node.inputs
        if useful is not None and not all([i in useful for i in inputs]):
            plan, saved, inputs = narrowed(node, useful)
        if recorded:
            grads = plan.backward(g, saved_tensors(node, plan, saved))
        else:
            try:
                grads = plan.backward(g, saved)
            except ArithmeticError:  # a Python float divided by zero: NumPy answers inf or nan
                grads = plan.backward(_as_numpy(g), tuple(map(_as_numpy, saved)))
        if not keep and plan.frees:
            node.saved = None
        for k, inp in enumerate(inputs):
            gi = grads[k]
            kind = type(gi)
            if kind is float:
                if inp.dtype is not F64 or inp.shape:
                    gi = fit(gi, inp)
            elif gi is None:  # a user's Function may say so
                continue
            elif kind is Piece:
                pass
            elif gi.shape != inp.shape or gi.dtype is not inp.dtype:
                gi = fit(gi, inp)
            old = pending.get(inp)
            if old is None:
                pending[inp] = [gi] if kind is Piece else gi
            elif kind is float and type(old) is float:
                pending[inp] = old + gi
            else:
                add(pending, owned, inp, gi, recorded)
    return captured


def add(pending: dict[Any, Any], owned: set[Any], node: Any, g: Any, recorded: bool) -> None:
    """Add to a pending gradient: the first is borrowed, the second allocates, then in place."""
    old = pending.get(node)
    if old is None:
        pending[node] = [g] if type(g) is Piece else g
    elif type(g) is Piece:
        old.append(g)
    elif recorded or type(old) is not ndarray:
        pending[node] = old + g
    elif node in owned and type(g) is ndarray:
        np.add(old, g, out=old)
    else:
        pending[node] = old + g
        owned.add(node)


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
    if hasattr(type(g), "_apply"):  # a Tracer: its own operations
        g = g if tuple(g.shape) == tuple(node.shape) else type(g).fit(g, node.shape)
        return g
    shape = getattr(g, "shape", ())
    if shape != node.shape:
        g = sum_to(g, node.shape) if shape else np.broadcast_to(np.asarray(g), node.shape)
    if not node.shape and type(g) is ndarray:
        g = scalar_of(g[()])
    return cast(g, target)


def _sole_count() -> int:
    """What ``getrefcount`` says of an object that only one local name holds."""
    fresh = np.zeros(1)
    return sys.getrefcount(fresh)


_SOLE = _sole_count()


def accumulate(leaf: Leaf, g: Any, recorded: bool) -> None:
    """Add a gradient into a leaf's ``grad``."""
    old = leaf.grad
    if recorded:
        leaf.grad = g if old is None else old + g
    elif old is None:
        # An array that nobody else holds (the walker's name and ours) is taken over; any other is
        # copied, because users edit what they find in .grad.
        if type(g) is ndarray and (sys.getrefcount(g) > _SOLE + 1 or g.base is not None):
            g = np.array(g, order="C")
        leaf.grad = make(g)
        if hasattr(g, "graph"):  # under capture: real data is put back at its end
            g.graph.leaves.append(leaf)
    elif old.requires_grad:
        leaf.grad = old + make(g)
    elif type(old._data) is ndarray and type(g) is ndarray:
        np.add(old._data, g, out=old._data)
        views.bump(old, "gradient accumulation")
    else:
        old._data = scalar_of(old._data + g)
    if leaf.extra is not None and leaf.extra.post:
        for hook in list(leaf.extra.post.values()):
            hook(make(leaf.value, leaf))


def whole(node: Any, pieces: list[Piece], recorded: bool) -> list[Any]:
    """The pieces of an operation with several results, summed by result; zeros where none came."""
    grads: list[Any] = [None] * len(node.value)
    for p in pieces:
        grads[p.k] = p.value if grads[p.k] is None else grads[p.k] + p.value
    for k, (shape, dtype) in enumerate(node.value):
        if grads[k] is None and node.plan.materialize:
            zeros = scalar_of(np.zeros(shape, dtype)[()])
            grads[k] = make(zeros) if recorded else zeros
    return grads


def narrowed(node: Any, useful: set[Any]) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """The plan, saved values and inputs of a node for the inputs that somebody asked for."""
    plan = node.plan
    if "ctx" in plan.saves:  # a user's Function computes all its gradients at once
        return plan, node.saved, node.inputs
    places = plan.wanted or range(len(node.inputs))  # none are listed where all are wanted
    kept = [k for k, i in zip(places, node.inputs, strict=True) if i in useful]
    small = plan.op.plan(sum(1 << k for k in kept))
    saved = tuple([node.saved[plan.saves.index(name)] for name in small.saves])
    return small, saved, tuple([i for i in node.inputs if i in useful])


def saved_tensors(node: Any, plan: Any, saved: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a node saved, as Tensors linked to the nodes they came from."""
    op, operands = plan.op, node.operands()

    def link(value: Any, origin: Any) -> Any:
        if hasattr(origin, "serial"):
            return make(value, origin)
        return value if origin is None or type(value) in (int, float, bool) else make(value)

    made = []
    for name, value in zip(plan.saves, saved, strict=True):
        if name == "out" and op.several:
            made.append(tuple([make(v, pick(node, k, v)) for k, v in enumerate(value)]))
        elif name == "out":
            made.append(make(value, node))
        elif name == "inputs":
            made.append(tuple([link(v, o) for v, o in zip(value, operands, strict=True)]))
        elif name in op.inputs:
            made.append(link(value, operands[op.inputs.index(name)]))
        else:
            made.append(make(value) if name in op.aux else value)
    return tuple(made)


def _as_numpy(value: Any) -> Any:
    return np.float64(value) if type(value) is float else value


def freed(node: Any) -> RuntimeError:
    """The error of a second walk through a graph whose saved values are gone."""
    line = node.extra.line if node.extra is not None else None
    return RuntimeError(
        "Trying to backward through the graph a second time: the values that "
        f"{node.plan.op.name} saved were freed by the first backward. Say retain_graph=True the "
        "first time to go back twice, or compute the result again."
        + (f" The operation was recorded at {line}." if line else "")
    )
