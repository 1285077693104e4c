"""Edges of the graph as values, and hooks on several gradients at once: ``autograd.graph``."""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import modes, views
from .dispatch import pick
from .graph import Leaf, Node, is_output, surface, toposort
from .handle import Handle, make, variable
from .hooks import RemovableHandle, add_hook


class GradientEdge(NamedTuple):
    """One result of a node, as a place that gradient arrives at: node, and which of its results.

    ``backward`` and ``grad`` take edges where they take tensors, so that a tensor need not be kept
    for the sake of its gradient. ``ownership_token`` is the engine's.
    """

    node: Any
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Any) -> GradientEdge:
    """The edge at which the gradient of ``tensor`` arrives.

    Raises RuntimeError for a tensor that does not require grad.

    >>> import chainrule as cr
    >>> x = cr.tensor(3.0, requires_grad=True)
    >>> y = x * x
    >>> edge = cr.autograd.graph.get_gradient_edge(y)
    >>> cr.autograd.grad(y * 5, edge)
    (tensor(5.),)
    """
    if not isinstance(tensor, Handle) or not tensor.requires_grad:  # type: ignore[attr-defined]
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require "
            "gradients: set requires_grad=True first"
        )
    node: Any = tensor._node
    if is_output(node):
        return GradientEdge(node.inputs[0], node.params[0], node)
    return GradientEdge(node, 0)


def at_edge(edge: GradientEdge, outputs: Sequence[Any] = ()) -> Any:
    """A tensor that stands for an edge: its node, shape and dtype; no memory."""
    node = edge.node
    if type(node) is Leaf:
        return variable(node)
    if not isinstance(node, Node):
        raise TypeError(f"GradientEdge: expected a node of the graph, got {type(node).__name__}")
    if node.plan.op.several and edge.ownership_token is None:
        roots = [o.node if isinstance(o, GradientEdge) else o._node for o in outputs]
        same = (
            n for n in toposort([r for r in roots if r is not None])
            if is_output(n) and n.inputs[0] is node and n.params[0] == edge.output_nr
        )  # fmt: skip
        shape, dtype = node.value[edge.output_nr]
        node = next(same, None) or pick(node, edge.output_nr, np.zeros(shape, dtype))
    elif edge.ownership_token is not None:
        node = edge.ownership_token
    return make(np.broadcast_to(np.zeros((), node.dtype), node.shape), node)


def increment_version(tensor: Any) -> None:
    """Note an in-place edit of a tensor (or several) that was made behind the engine's back.

    >>> import chainrule as cr
    >>> x = cr.zeros(2)
    >>> cr.autograd.graph.increment_version(x); x._version
    1
    """
    for t in (tensor,) if isinstance(tensor, Handle) else tensor:
        views.bump(t, "increment_version")


class _Handles(RemovableHandle):
    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()


def register_multi_grad_hook(
    tensors: Iterable[Any], fn: Callable[..., None], *, mode: str = "all"
) -> RemovableHandle:
    """Call ``fn(grads)`` once a backward, when the gradients of all ``tensors`` are known.

    ``grads`` has None for a tensor that this backward does not reach. With ``mode="any"``,
    ``fn(grad)`` is called with the first gradient that is known.

    >>> import chainrule as cr
    >>> x, y = (cr.tensor(v, requires_grad=True) for v in (2.0, 3.0))
    >>> handle = cr.autograd.graph.register_multi_grad_hook([x, y], print)
    >>> (x * y).backward()
    [tensor(3.), tensor(2.)]
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    nodes = [get_gradient_edge(t) for t in tensors]
    hooked = [e.ownership_token or e.node for e in nodes]
    lock = threading.Lock()
    walks: weakref.WeakKeyDictionary[Any, list[Any]] = weakref.WeakKeyDictionary()

    def one(k: int, grad: Any) -> None:
        task = modes.local.task
        with lock:
            state = walks.get(task)
            if state is None:
                reached = sum(1 for n in hooked if task.visits(n))
                state = walks[task] = [reached, [None] * len(hooked)]
            state[0] -= 1
            state[1][k] = grad
            done = state[0] == 0
        if done:
            fn(state[1])

    def first(grad: Any) -> None:
        task = modes.local.task
        with lock:
            seen = task in walks
            walks[task] = []
        if not seen:
            fn(grad)

    if mode == "any":
        return _Handles([add_hook(n, first) for n in hooked])
    return _Handles([add_hook(n, functools.partial(one, k)) for k, n in enumerate(hooked)])


surface.update(
    Node=Node,
    GradientEdge=GradientEdge,
    get_gradient_edge=get_gradient_edge,
    increment_version=increment_version,
    register_multi_grad_hook=register_multi_grad_hook,
)
