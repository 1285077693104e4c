"""The recorded graph: nodes, leaves, and the order in which backward visits them.

A Tensor points to its node; a node never points to a Tensor. So there are no reference cycles, and
when the last name goes the whole graph goes with it. Every node carries a rising serial number, and
an operation's inputs always exist before its result does: **creation order is a topological
order**. Backward therefore visits the reachable nodes by falling serial number, without recursion.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from itertools import count
from operator import attrgetter
from typing import Any

import numpy as np

from .fading import Fading, fading
from .hooks import Extra, Hooked, extra_of
from .plan import Plan

__all__ = ["OUTPUT", "Extra", "Leaf", "Node", "Piece", "ancestors", "between", "extra_of"]
__all__ += ["is_output", "next_serial", "serial_of", "surface", "toposort"]

next_serial: Callable[[], int] = count(1).__next__
serial_of = attrgetter("serial")
F64 = np.dtype(np.float64)
# what PyTorch calls the nodes of operations that go by another name here
TORCH_NAMES = {"matmul": "mm", "linear": "addmm", "reshape": "view", "get_index": "index"}
TORCH_NAMES |= {"max_dim": "max", "min_dim": "min", "convert": "to_copy", "put_index": "index_put"}
TORCH_NAMES |= {"embedding_rows": "embedding", "assign_view": "copy_slices"}
WRAPPED = ("add", "sub", "mul", "div")  # PyTorch makes a tensor of a number that these are given
OUTPUT = "output"  # the name of the operation that picks one result of several
surface: dict[str, Any] = {}  # what PyTorch lists in ``autograd.graph`` and modules above define
answers: dict[str, Callable[[Any, str], Any]] = {}  # to what is asked of nodes below the Tensor


def __getattr__(name: str) -> Any:
    if name in surface:
        return surface[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Piece:
    """The gradient of the k-th result of an operation that has several, on its way to it."""

    __slots__ = ("k", "value")

    def __init__(self, k: int, value: Any) -> None:
        self.k, self.value = k, value


class Node(Hooked):
    """One operation's result in the graph.

    ``plan`` knows the operation and its backward; ``inputs`` are the nodes that gradient flows to
    (an input used twice stands twice), ``constants`` the other operands; ``saved`` holds what the
    rules named and is dropped (None) when backward has used it; ``value`` is kept for 0-d results,
    and for all under ``watch()``.
    """

    __slots__ = (
        "__weakref__",
        "constants",
        "dtype",
        "extra",
        "inputs",
        "params",
        "plan",
        "requires_grad",
        "saved",
        "serial",
        "shape",
        "value",
    )

    def __init__(
        self,
        plan: Plan,
        inputs: tuple[Any, ...],
        constants: tuple[Any, ...],
        saved: tuple[Any, ...] | None,
        params: tuple[Any, ...],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        value: Any,
    ) -> None:
        self.plan = plan
        self.inputs = inputs
        self.constants = constants
        self.saved = saved
        self.params = params
        self.shape = shape
        self.dtype = dtype
        self.value = value
        self.requires_grad = True
        self.extra: Extra | None = None
        self.serial = next_serial()

    @property
    def op(self) -> Any:
        """The operation (see ``chainrule.autograd.registry``)."""
        return self.plan.op

    def operands(self) -> list[Any]:
        """Every operand in call order: nodes, leaves, and plain numbers."""
        wanted, constants = iter(self.inputs), iter(self.constants)
        n = len(self.inputs) + len(self.constants)
        return [next(wanted) if self.plan.mask >> k & 1 else next(constants) for k in range(n)]

    def name(self) -> str:
        """PyTorch's name of the node: ``MulBackward0``."""
        words = TORCH_NAMES.get(self.plan.op.name, self.plan.op.name).split("_")
        return "".join(w[:1].upper() + w[1:] for w in words) + "Backward0"

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes that the gradient goes to next, as PyTorch lists them."""
        pairs: list[tuple[Any, int]] = []
        for operand in self.operands():
            if isinstance(operand, Node) and operand.requires_grad:
                whole = is_output(operand)
                pairs.append((operand.inputs[0], operand.params[0]) if whole else (operand, 0))
            elif isinstance(operand, (Node, Leaf)):
                pairs.append((operand if operand.requires_grad else None, 0))
            elif self.plan.op.name in WRAPPED:
                pairs.append((None, 0))
        return tuple(pairs)

    def __dir__(self) -> list[str]:
        saved: list[str] = answers["names"](self, "")
        return [n for n in super().__dir__() if "_saved_" not in n] + saved

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


class Leaf(Hooked):
    """A value that no recorded operation made: a parameter, an input, a constant.

    A leaf and its Tensor share the slot ``grad``. ``value`` is the data itself where gradient is
    asked for; for constants a weak reference, so that the graph keeps no data alive for a picture.
    """

    __slots__ = (
        "__weakref__",
        "_value",
        "dtype",
        "extra",
        "grad",
        "owner",
        "requires_grad",
        "serial",
        "shape",
    )

    plan = None
    inputs: tuple[Any, ...] = ()
    constants: tuple[Any, ...] = ()
    saved: tuple[Any, ...] = ()
    params: tuple[Any, ...] = ()

    def __init__(self, value: Any, requires_grad: bool) -> None:
        self.requires_grad = requires_grad
        self.shape: tuple[int, ...] = () if type(value) is float else value.shape
        self.dtype = F64 if type(value) is float else value.dtype
        self.grad: Any = None
        self.owner: weakref.ref[Any] | None = None  # the Tensor that asked for gradient
        self.extra: Extra | None = None
        self.serial = next_serial()
        self.value = value

    @property
    def value(self) -> Any:
        """The leaf's data, or None where a constant's data has gone."""
        v = self._value
        return v() if type(v) is weakref.ref or type(v) is Fading else v

    @value.setter
    def value(self, value: Any) -> None:
        weak = not self.requires_grad and type(value) is np.ndarray
        self._value = fading(value) if weak else value

    def keep_alive(self) -> None:
        """Hold the data even if no gradient is asked for (``watch()`` keeps every value)."""
        self._value = self.value

    @property
    def variable(self) -> Any:
        """The leaf's Tensor."""
        return answers["variable"](self, "variable")

    def operands(self) -> list[Any]:
        """A leaf has no operands."""
        return []

    def name(self) -> str:
        """PyTorch's name of a leaf's node."""
        return "torch::autograd::AccumulateGrad"

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """Nothing comes after a leaf."""
        return ()

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self):#x}>"


def is_output(node: Any) -> bool:
    """Whether the node picks one of the results of an operation that has several."""
    return node.plan is not None and node.plan.op.name == OUTPUT


def toposort(roots: Iterable[Any]) -> list[Any]:
    """The nodes that gradient reaches from ``roots``, each after all that use it (outputs first).

    Gradient may be sent along this list: when a node's turn comes, all its consumers have been.
    """
    seen = {r for r in roots if r.requires_grad}
    order = list(seen)
    for node in order:  # the list grows while we go along it
        for i in node.inputs:
            if i not in seen:
                seen.add(i)
                order.append(i)
    order.sort(key=serial_of, reverse=True)
    return order


def between(order: list[Any], wanted: set[Any]) -> list[Any]:
    """The part of ``order`` (outputs first) that lies on a route to a wanted node."""
    useful = set(wanted)
    for node in reversed(order):
        if any(i in useful for i in node.inputs):
            useful.add(node)
    return [node for node in order if node in useful]


def ancestors(roots: Iterable[Any]) -> list[Any]:
    """Every node and leaf behind ``roots``, constants included, oldest first (for drawings)."""
    seen: dict[Any, None] = dict.fromkeys(roots)
    stack = list(seen)
    while stack:
        for operand in stack.pop().operands():
            if isinstance(operand, (Node, Leaf)) and operand not in seen:
                seen[operand] = None
                stack.append(operand)
    return sorted(seen, key=serial_of)
