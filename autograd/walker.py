"""The reverse walk: one loop that sends gradients from results back to leaves.

For each node, consumers first: take its pending gradient, run its hooks, let the operation's rules
turn it into one gradient per input, and add each to what that input has already. Undoing
broadcasting and dtype promotion happens here, once, and in no rule. The same loop serves
``backward`` (accumulate into leaves) and ``grad`` (capture at chosen inputs), on arrays or, when
the backward is itself to be recorded, on Tensors.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import anomaly, modes, views
from .dtypes import F64
from .fitting import fit, fits
from .graph import WRAPPED, Leaf, Piece, between, toposort
from .handle import make, scalar_of, variable
from .hooks import run_after, run_before, run_hooks
from .saved import freed, narrowed, saved_tensors, unpacked

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
    nan = modes.anomaly and modes.check_nan
    timing = modes.local.timing if modes.watching else None  # a profile of this thread
    outer, modes.local.task = modes.local.task, Task(order, wanted)
    node = None
    try:
        for node in order:
            g = pending.pop(node, None)
            if g is None:
                continue
            plan, extra = node.plan, node.extra
            if type(g) is list:
                g = whole(node, g, recorded)
            if extra is not None:
                g = run_hooks(node, g, make, recorded)
            if wanted is not None and node in wanted:
                captured[node] = g
            if plan is None:
                if wanted is None or (into_leaves and node in wanted):
                    accumulate(node, g, recorded)
                continue
            saved, inputs, part = node.saved, node.inputs, False
            if useful is not None:
                part = not all([i in useful for i in inputs])
                if part and not any([i in useful for i in inputs]):
                    continue  # only its own gradient was asked for
            if saved is None:
                raise freed(node)
            if checking and saved:
                views.check_saved(node)
            if extra is not None:
                if extra.before:
                    g = run_before(node, g, make, recorded)
                    if g is None:
                        continue
                if extra.packed:
                    saved = unpacked(saved)
            if part and useful is not None:
                plan, saved, inputs = narrowed(node, useful, saved)
            if timing is not None:
                plan = timing.timed(node, plan)
            if recorded:
                grads = plan.backward(g, saved_tensors(node, plan, saved))
            else:
                try:
                    grads = plan.backward(g, saved)
                except ArithmeticError:  # a Python float divided by zero: NumPy answers inf or nan
                    grads = plan.backward(_as_numpy(g), tuple(map(_as_numpy, saved)))
            if nan or (extra is not None and extra.after):
                grads = looked_at(node, inputs, grads, g, recorded)
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
    except Exception as error:
        if modes.anomaly:
            anomaly.blame(error, node)
        raise
    finally:
        modes.local.task = outer
    return captured


class Task:
    """One walk under way: which nodes it visits, for hooks and checkpoints that ask."""

    __slots__ = ("__weakref__", "_members", "order", "wanted")

    def __init__(self, order: list[Any], wanted: set[Any] | None) -> None:
        self.order, self.wanted = order, wanted
        self._members: set[Any] | None = None

    def visits(self, node: Any) -> bool:
        """Whether the walk comes through the node."""
        if self._members is None:
            self._members = set(self.order)
        return node in self._members


def looked_at(node: Any, inputs: Sequence[Any], grads: Any, g: Any, recorded: bool) -> list[Any]:
    """The gradients of a node's inputs after the search for nan and the node's own hooks."""
    made = [
        gi if gi is None or type(gi) is Piece or fits(gi, i) else fit(gi, i)
        for gi, i in zip(grads, inputs, strict=True)
    ]
    if modes.anomaly and modes.check_nan:
        anomaly.check(node, inputs, made, g)
    if node.extra is None or not node.extra.after:
        return made
    every: list[Any] = []
    places: list[int] = []
    for operand in node.operands():  # where no gradient flows to, hooks see None
        if hasattr(operand, "serial") or node.plan.op.name in WRAPPED:
            if len(places) < len(inputs) and operand is inputs[len(places)]:
                places.append(len(every))
                every.append(made[len(places) - 1])
            else:
                every.append(None)
    every = run_after(node, every, g, make, recorded)
    return [every[k] for k in places]


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


def _sole_count() -> int:
    """What ``getrefcount`` says of an object that only one local name holds."""
    fresh = np.zeros(1)
    return sys.getrefcount(fresh)


_SOLE = _sole_count()
_adding = threading.Lock()  # threads may share parameters: no gradient may be lost


def accumulate(leaf: Leaf, g: Any, recorded: bool) -> None:
    """Add a gradient into a leaf's ``grad``."""
    if leaf.extra is not None and leaf.extra.before:
        g = run_before(leaf, g, make, recorded)
    with _adding:
        old = leaf.grad
        if recorded:
            leaf.grad = g if old is None else old + g
        elif old is None:
            # An array that nobody else holds (the walker's name and ours) is taken over; any other
            # is copied, because users edit what they find in .grad.
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
    extra = leaf.extra
    if extra is None:
        return
    for hook in list((extra.post or {}).values()):
        hook(variable(leaf))
    if extra.after:
        run_after(leaf, (), g, make, recorded)


def whole(node: Any, pieces: list[Piece], recorded: bool) -> list[Any]:
    """The pieces of an operation with several results, summed by result; zeros where none came."""
    grads: list[Any] = [None] * len(node.value)
    for p in pieces:
        grads[p.k] = p.value if grads[p.k] is None else grads[p.k] + p.value
    for k, meta in enumerate(node.value):
        if grads[k] is None and node.plan.materialize and meta is not None:
            zeros = scalar_of(np.zeros(*meta)[()])
            grads[k] = make(zeros) if recorded else zeros
    return grads


def _as_numpy(value: Any) -> Any:
    return np.float64(value) if type(value) is float else value
