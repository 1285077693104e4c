"""What to call the values of a graph: given names, the caller's variables, then v1, v2, …"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from types import FrameType
from typing import Any, TypeAlias

from ..autograd import Tensor

Names: TypeAlias = Mapping[str, Any] | Iterable[Tensor] | None
_LONGEST_LIST = 64  # tensors in a list are named w[0], w[1], … up to this many


def caller_frame() -> FrameType | None:
    """The innermost frame outside this package."""
    package = __name__.split(".")[0]
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").split(".")[0] != package:
            return frame
        frame = frame.f_back
    return None


def caller_variables() -> dict[str, Any]:
    """The local variables of whoever called into this package."""
    frame = caller_frame()
    return dict(frame.f_locals) if frame is not None else {}


def named_tensors(variables: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """Tensors among variables: themselves, in lists, and as parameters of modules by their path."""
    modules = [
        v for v in variables.values() if callable(getattr(type(v), "named_parameters", None))
    ]
    for name, value in variables.items():
        if name.startswith("_"):
            continue
        if isinstance(value, Tensor):
            yield name, value
        elif isinstance(value, (list, tuple)) and len(value) <= _LONGEST_LIST:
            yield from ((f"{name}[{i}]", t) for i, t in enumerate(value) if isinstance(t, Tensor))
        elif any(value is module for module in modules):
            # One model needs no prefix; of several, each parameter says whose it is.
            prefix = "" if len({id(m) for m in modules}) == 1 else f"{name}."
            yield from ((prefix + path, t) for path, t in value.named_parameters())


def name_nodes(
    order: Iterable[Any], outputs: Iterable[Tensor], names: Names
) -> tuple[dict[Any, str], dict[Any, Tensor]]:
    """Names for the nodes that have one, and the tensors that were found for nodes.

    A tensor's own `name` comes first, then `names` (a mapping, or named tensors in order; {} for
    none), else the caller's variables. No two nodes get the same name.
    """
    order = list(order)
    if names is None:
        variables: Mapping[str, Any] = caller_variables()
    elif isinstance(names, Mapping):
        variables = names
    else:
        variables = {t.name or f"t{i}": t for i, t in enumerate(names)}
    wanted = set(order)
    tensors: dict[Any, Tensor] = {t._node: t for t in outputs}
    found: dict[Any, str] = {}
    for name, tensor in named_tensors(variables):
        if tensor._node in wanted:
            tensors.setdefault(tensor._node, tensor)
            found.setdefault(tensor._node, name)
    for node in order:
        if node.extra is not None and node.extra.name:
            found[node] = node.extra.name
    return _made_unique(order, found), tensors


def _made_unique(order: list[Any], found: Mapping[Any, str]) -> dict[Any, str]:
    taken: set[str] = set()
    names: dict[Any, str] = {}
    for node in order:
        if node not in found:
            continue
        name, count = found[node], 2
        while name in taken:
            name, count = f"{found[node]}_{count}", count + 1
        taken.add(name)
        names[node] = name
    return names


def fresh_names(taken: Iterable[str]) -> Iterator[str]:
    """v1, v2, … without the names that are taken."""
    used = set(taken)
    count = 0
    while True:
        count += 1
        if f"v{count}" not in used:
            yield f"v{count}"
