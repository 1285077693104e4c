"""What a graph keeps for backward, buffer by buffer, and how it is let go on the walk back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..autograd.graph import Leaf, is_output, toposort
from ..autograd.views import owner_of
from .saved_bytes import arrays_in


@dataclass(frozen=True, slots=True)
class Kept:
    """One buffer: the operation that was first to keep it, and how many keep it in all.

    `what` is the operand or result that it holds; `last` counts the steps of the walk back after
    which nobody keeps it any more.
    """

    bytes: int
    op: str
    node: str
    what: str
    shape: tuple[int, ...]
    dtype: str
    line: str
    module: str
    users: int
    last: int


@dataclass(frozen=True, slots=True)
class Moment:
    """A step of the walk back: what is kept while it goes through a node, and the gradients there.

    `gradients` counts the gradients under way and those of leaves, each as an array of its own.
    """

    node: str
    op: str
    kept: int
    gradients: int
    pending: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        """Bytes in all."""
        return self.kept + self.gradients


def kept_by(order: Sequence[Any], roots: Sequence[Any], names: Mapping[Any, str]) -> list[Kept]:
    """The buffers that nodes saved, oldest first, each once; buffers of parameters are apart.

    Parameters (leaves that require gradient) hold their data whether there is a graph or not.
    """
    apart = {
        id(owner_of(node.value))
        for node in order
        if type(node) is Leaf and node.requires_grad and isinstance(node.value, np.ndarray)
    }
    turn = {node: k for k, node in enumerate(toposort(roots))}
    places = _places(order)
    found: dict[int, tuple[Any, Any, str, list[int]]] = {}
    shapes: dict[int, tuple[int, ...]] = {}  # as the operation sees it, where that is all of it
    for node in order:
        if node.plan is None or not node.saved:
            continue
        for name, value in zip(node.plan.saves, node.saved, strict=False):
            for array in arrays_in(value):
                owner = owner_of(array)
                if id(owner) not in apart:
                    made = found.setdefault(id(owner), (node, owner, name, []))
                    made[3].append(turn[node] if node.plan.frees else len(turn))
                    shapes.setdefault(id(owner), tuple(array.shape))

    def seen(owner: Any) -> tuple[int, ...]:
        shape = shapes[id(owner)]
        return shape if prod(shape) == owner.size else tuple(owner.shape)

    return [
        Kept(
            int(owner.nbytes), node.plan.op.name, names.get(node, ""), _what(node, name, names),
            seen(owner), str(owner.dtype), *places[node], len(set(turns)), max(turns),
        )
        for node, owner, name, turns in found.values()
    ]  # fmt: skip


def walk_back(roots: Sequence[Any], kept: Sequence[Kept], names: Mapping[Any, str]) -> list[Moment]:
    """The bytes at each step of a backward pass that lets go what it has used."""
    pending: dict[Any, int] = {root: _size(root) for root in roots if root.requires_grad}
    ends: dict[int, int] = {}
    for buffer in kept:
        ends[buffer.last] = ends.get(buffer.last, 0) + buffer.bytes
    held = sum(ends.values())
    moments = []
    for k, node in enumerate(toposort(roots)):
        for inp in node.inputs:
            arrived = _size(node) if is_output(node) else _size(inp)
            pending[inp] = (pending.get(inp, 0) + arrived) if is_output(node) else arrived
        if node.plan is not None:
            said = tuple((f"∂ of {names.get(n, n.plan.op.name if n.plan else 'a leaf')}", size)
                         for n, size in pending.items())  # fmt: skip
            op = node.plan.op.name
            moments.append(Moment(names.get(node, op), op, held, sum(pending.values()), said))
            pending.pop(node, None)
        held -= ends.get(k, 0)
    return moments


def _size(node: Any) -> int:
    """Bytes of a node's gradient; 0 for an operation with several results (see its pieces)."""
    if node.plan is not None and node.plan.op.several:
        return 0
    return int(prod(node.shape)) * int(node.dtype.itemsize)


def _what(node: Any, name: str, names: Mapping[Any, str]) -> str:
    """Which operand or result a saved array is, in the names of the graph."""
    op = node.plan.op
    if name == "out":
        return names.get(node, "") or "its result"
    if name in op.inputs and not op.variadic:
        operand = node.operands()[op.inputs.index(name)]
        return names.get(operand, "") or name
    return name


def _places(order: Sequence[Any]) -> dict[Any, tuple[str, str]]:
    """Line and module of each node; one with several results has those of a result."""
    found = {node: _place(node) for node in order}
    for node in order:
        if is_output(node):
            made = node.operands()[0]
            if not any(found.get(made, ("", ""))):
                found[made] = found[node]
    return found


def _place(node: Any) -> tuple[str, str]:
    extra = node.extra
    return ("", "") if extra is None else (extra.line or "", extra.module or "")
