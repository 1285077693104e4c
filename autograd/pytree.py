"""Trees of tensors: nested tuples, lists and dicts, taken apart into leaves and put together again.

What is neither of these (a tensor, a number, None, any other object) is a leaf. Named tuples,
``OrderedDict``, ``defaultdict`` and ``deque`` come back as what they were.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Spec:
    """The structure of a tree: its kind, what it needs besides its children, and the children.

    ``kind`` is None for a leaf. Two trees have the same structure exactly when their specs are
    equal; printed, a leaf is ``*``.
    """

    kind: Any = None
    context: Any = None
    children: tuple[Spec, ...] = ()

    @property
    def count(self) -> int:
        """How many leaves there are."""
        return 1 if self.kind is None else sum([c.count for c in self.children])

    def __repr__(self) -> str:
        return "*" if self.kind is None else repr(_build(self, list(self.children)))


LEAF = Spec()


def flatten(tree: Any) -> tuple[list[Any], Spec]:
    """The leaves of a tree from left to right, and its structure.

    >>> flatten({"a": 1, "b": [2, (3,)]})
    ([1, 2, 3], {'a': *, 'b': [*, (*,)]})
    """
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves)


def _flatten(tree: Any, leaves: list[Any]) -> Spec:
    kind = type(tree)
    context: Any = None
    parts: Sequence[Any]
    if kind in (tuple, list) or _is_named(tree):
        parts = tree
    elif kind in (dict, OrderedDict, defaultdict):
        parts = list(tree.values())
        factory = tree.default_factory if kind is defaultdict else None
        context = (tuple(tree), factory)
    elif kind is deque:
        parts, context = list(tree), tree.maxlen
    else:
        leaves.append(tree)
        return LEAF
    return Spec(kind, context, tuple([_flatten(part, leaves) for part in parts]))


def _is_named(tree: Any) -> bool:
    return isinstance(tree, tuple) and hasattr(type(tree), "_fields")


def unflatten(leaves: Sequence[Any], spec: Spec) -> Any:
    """The tree of this structure with these leaves.

    >>> leaves, spec = flatten({"a": 1, "b": (2, 3)})
    >>> unflatten([10, 20, 30], spec)
    {'a': 10, 'b': (20, 30)}
    """
    if len(leaves) != spec.count:
        raise ValueError(f"unflatten: {len(leaves)} leaves for a structure of {spec.count}: {spec}")
    return _unflatten(iter(leaves), spec)


def _unflatten(leaves: Any, spec: Spec) -> Any:
    if spec.kind is None:
        return next(leaves)
    return _build(spec, [_unflatten(leaves, child) for child in spec.children])


def _build(spec: Spec, parts: list[Any]) -> Any:
    """One level of a tree from its parts."""
    kind = spec.kind
    if kind in (dict, OrderedDict):
        return kind(zip(spec.context[0], parts, strict=True))
    if kind is defaultdict:
        return defaultdict(spec.context[1], zip(spec.context[0], parts, strict=True))
    if kind is deque:
        return deque(parts, spec.context)
    return kind(parts) if kind in (tuple, list) else kind(*parts)


def tree_map(fn: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """The tree of ``fn(leaf, ...)``; further trees have the structure of the first.

    >>> tree_map(lambda a, b: a + b, {"x": 1}, {"x": 2})
    {'x': 3}
    """
    leaves, spec = flatten(tree)
    columns = [leaves]
    for other in rest:
        others, found = flatten(other)
        if found != spec:
            raise ValueError(f"tree_map: the trees differ in structure: {spec} and {found}")
        columns.append(others)
    return unflatten([fn(*row) for row in zip(*columns, strict=True)], spec)
