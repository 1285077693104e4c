"""A recorded graph computed again in float64: the same operations on the same values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd import Tensor, enable_grad, no_grad
from ..autograd.fitting import fit
from ..autograd.graph import Piece, ancestors, is_output
from ..autograd.handle import make, scalar_of
from ..viz.replay import Values, saved_of

ELEMENTS = 2_000_000  # of all nodes together; a larger graph is not computed again
NODES = 20_000


class NoReplay(Exception):
    """The graph cannot be computed again: a value is gone, or an operation is not known."""


class Flow:
    """Gradient on its way through a graph, one node at a time; touches no `.grad`.

    `order` lists the nodes oldest first; `on_way` those on a route from `wrt` to `root`.
    """

    def __init__(self, order: Sequence[Any], values: Values, root: Any, wrt: Any, seed: Any):
        self.order, self.values, self.root, self.wrt = list(order), values, root, wrt
        self.on_way = _between(self.order, root, wrt)
        self._parts: dict[Any, list[Any]] = {}
        self._unit: dict[Any, float] = {}
        self._edges = [
            (node, k)
            for node in self.order
            if node in self.on_way and node.plan is not None and node is not wrt
            for k, operand in enumerate(node.inputs)
            if operand in self.on_way
        ]
        self._users: dict[Any, list[Any]] = {}
        for node, k in self._edges:
            self._users.setdefault(node.inputs[k], []).append(node)
        self.grads = self.walk({root: seed})

    def raw(self, node: Any, g: Any, saved: Any = None) -> list[Any]:
        """What a node's rules give its inputs, before broadcasting is undone."""
        if saved is None:
            saved = saved_of(node, self.values)
        if saved is None:
            raise NoReplay(node.plan.op.name)
        if node.plan.op.several:
            g = _whole(node, g)
        with no_grad(), np.errstate(all="ignore"):
            try:
                return list(node.plan.backward(g, saved))
            except ArithmeticError:  # a Python float divided by zero: NumPy answers inf or nan
                return list(node.plan.backward(_np(g), tuple(map(_np, saved))))

    def send(self, node: Any, g: Any, saved: Any = None) -> list[Any]:
        """What a node sends to each of its inputs, in their shapes."""
        return [
            p if p is None or type(p) is Piece else fit(p, operand)
            for operand, p in zip(node.inputs, self.raw(node, g, saved), strict=True)
        ]

    def parts(self, node: Any) -> list[Any]:
        """What a node sends to each of its inputs in this walk."""
        if node not in self._parts:
            g = self.grads.get(node)
            self._parts[node] = [None] * len(node.inputs) if g is None else self.send(node, g)
        return self._parts[node]

    def walk(self, seeds: Mapping[Any, Any], tweaks: Mapping[Any, Any] | None = None) -> Any:
        """Gradients of all nodes on the way, from gradients at some.

        `tweaks` maps nodes to functions of (g) that give what is sent instead.
        """
        pending: dict[Any, Any] = dict(seeds)
        for node in reversed(self.order):
            g = pending.get(node)
            if g is None or node.plan is None or node not in self.on_way or node is self.wrt:
                continue
            sent = tweaks[node](g) if tweaks and node in tweaks else self.send(node, g)
            for operand, part in zip(node.inputs, sent, strict=True):
                if part is not None and operand in self.on_way:
                    _add(pending, operand, part)
        return pending

    def walk_all(self) -> dict[Any, Any]:
        """The gradients of all nodes behind the root, those off the way too."""
        pending: dict[Any, Any] = {self.root: self.grads[self.root]}
        for node in reversed(self.order):
            g = pending.get(node)
            if g is not None and node.plan is not None:
                for operand, part in zip(node.inputs, self.send(node, g), strict=True):
                    if part is not None:
                        _add(pending, operand, part)
        return pending

    def carry(self, node: Any, g: Any) -> Any:
        """What a gradient at one node makes at `wrt`, in its shape; zeros without a route."""
        if node is self.wrt:
            return g
        if node.shape or self.wrt.shape or node.dtype.kind != "f":
            return self.arrived(self.walk({node: g}))
        if node not in self._unit:  # of single numbers, the walk with 1 says it for all
            self._unit[node] = float(self.arrived(self.walk({node: 1.0})))
        return self._unit[node] * g

    def arrived(self, grads: Mapping[Any, Any]) -> Any:
        """The gradient at `wrt`; zeros where none came."""
        g = grads.get(self.wrt)
        return np.zeros(self.wrt.shape) if g is None else g

    def value(self, operand: Any) -> Any:
        """What a node holds, or a plain number itself."""
        return self.values.get(operand)

    def edges(self) -> list[tuple[Any, int]]:
        """The edges on the way, as (consumer, place among its inputs), those near `wrt` first."""
        return self._edges

    def users(self, node: Any) -> list[Any]:
        """The nodes on the way that a node's gradient comes from, one that uses it twice twice."""
        return self._users.get(node, [])


def _between(order: Sequence[Any], root: Any, wrt: Any) -> set[Any]:
    ahead = {wrt}
    for node in order:
        if node.plan is not None and any(i in ahead for i in node.inputs):
            ahead.add(node)
    behind = {root}
    for node in reversed(order):
        if node in behind and node.plan is not None:
            behind.update(node.inputs)
    return ahead & behind


def _add(pending: dict[Any, Any], node: Any, g: Any) -> None:
    old = pending.get(node)
    if type(g) is Piece:
        pending[node] = [*(old or ()), g]
    else:
        pending[node] = g if old is None else old + g


def _whole(node: Any, pieces: Any) -> list[Any]:
    grads: list[Any] = [np.zeros(shape, dtype)[()] for shape, dtype in node.value]
    for piece in pieces:
        grads[piece.k] = grads[piece.k] + piece.value
    return grads


def _np(value: Any) -> Any:
    return np.float64(value) if type(value) is float else value


class Twin:
    """The graph behind a tensor, computed again: `node(n)` is the new node for an old one.

    Raises NoReplay where that cannot be done.
    """

    def __init__(self, of: Tensor, wrt: Tensor) -> None:
        self.order = ancestors([of._node])
        elements = sum(int(np.prod(n.shape)) for n in self.order)
        if elements > ELEMENTS or len(self.order) > NODES:
            raise NoReplay("too large")
        if wrt._node not in self.order:
            raise NoReplay("no route")
        self.values = Values(self.order, [of, wrt])
        self.made: dict[Any, Any] = {}
        with enable_grad(), np.errstate(all="ignore"):
            for old in self.order:
                self.made[old] = self._make(old)
        self.root, self.wrt = self.made[of._node], self.made[wrt._node]
        self.old = {t._node: n for n, t in self.made.items() if isinstance(t, Tensor)}

    def _make(self, old: Any) -> Any:
        if old.plan is None:
            data = self.values.found.get(old)
            if data is None:
                data = self._recovered(old)
            leaf = make(in_float64(data))
            return leaf.requires_grad_() if old.requires_grad else leaf
        return again(old, [self.made[o] if hasattr(o, "serial") else o for o in old.operands()])

    def _recovered(self, leaf: Any) -> Any:
        """The data of a constant that has gone, from a sum or difference it was part of.

        What backward needs is saved; sums and differences need nothing, so what they added is not.
        """
        for node in self.order:
            operands = node.operands()
            if node.plan is None or node.plan.op.name not in {"add", "sub"} or leaf not in operands:
                continue
            out, other = self.values.found.get(node), operands[1 - operands.index(leaf)]
            known = self.values.get(other)
            if out is None or known is None or leaf.requires_grad:
                continue
            a, b = np.asarray(out, np.float64), np.asarray(known, np.float64)
            full = a - b if node.plan.op.name == "add" else b - a
            full = a + b if node.plan.op.name == "sub" and operands[0] is leaf else full
            lead = (0,) * (full.ndim - len(leaf.shape))
            same = tuple(slice(n) for n in leaf.shape)  # the others are copies, by broadcasting
            return scalar_of(np.array(full[lead + same])[()])
        raise NoReplay(self.values.missing.get(leaf, "gone"))

    def new_order(self) -> list[Any]:
        """The new nodes, oldest first."""
        return ancestors([self.root._node])

    def new_values(self) -> Values:
        """What the new nodes hold."""
        tensors = [t for t in self.made.values() if isinstance(t, Tensor) and t._node is not None]
        return Values(self.new_order(), tensors)


def in_float64(data: Any) -> Any:
    """Floating data in float64; other data as it is."""
    array = np.asarray(data)
    if array.dtype.kind in "fV":
        return scalar_of(array.astype(np.float64)[()])
    return data


def again(old: Any, args: Sequence[Any]) -> Any:
    """One operation run again on other arguments; a tuple for one with several results."""
    if is_output(old):
        return args[0][old.params[0]]
    op = old.plan.op
    try:
        result = op.call(args, *old.params) if op.variadic else op.call(*args, *old.params)
    except Exception as error:
        raise NoReplay(op.name) from error
    return result[0] if op.aux else result
