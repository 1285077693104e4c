"""Frames for modules: which nodes a module made, from the paths that `watch()` wrote down."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..autograd import Tensor
from .model import Absent, Edge, Group, Node
from .naming import Names, caller_variables


def group_nodes(
    nodes: Sequence[Node],
    edges: Sequence[Edge],
    paths: Mapping[int, str],
    tensors: Mapping[Any, Tensor],
    names: Names,
) -> tuple[tuple[Group, ...], list[Node]]:
    """Groups for all module paths, and the nodes with the group they belong to.

    A leaf that only one module uses stands inside it: its parameters, its constants, and data that
    it made for itself, such as the mask of a dropout.
    """
    if not paths:
        return (), list(nodes)
    details = module_details(names)
    keys: dict[str, int] = {}
    groups: list[Group] = []
    for path in dict.fromkeys(paths.values()):
        parent: int | None = None
        parts = path.split(".")
        for i, part in enumerate(parts):
            whole = ".".join(parts[: i + 1])
            if whole not in keys:
                keys[whole] = len(groups)
                groups.append(Group(len(groups), part, parent, details.get(whole, "")))
            parent = keys[whole]
    home = {key: keys[path] for key, path in paths.items()}
    users: dict[int, set[int | None]] = {}
    for edge in edges:
        users.setdefault(edge.source, set()).add(home.get(edge.target))
    beside = _beside_results(nodes, edges)
    for node in nodes:
        around = users.get(node.key, set())
        inner = node.kind in {"parameter", "constant"} or node.key in beside
        if inner and len(around) == 1 and None not in around:
            home[node.key] = next(k for k in around if k is not None)
    return tuple(groups), [replace(node, group=home.get(node.key)) for node in nodes]


def _beside_results(nodes: Sequence[Node], edges: Sequence[Edge]) -> set[int]:
    """Leaves that nobody named and no gradient reaches, used next to the result of an operation."""
    made = {node.key for node in nodes if node.op}
    near = {edge.target for edge in edges if edge.source in made}
    alone = {n.key for n in nodes if not n.op and n.auto_name and n.grad is Absent.NO_ROUTE}
    for edge in edges:
        if edge.target not in near:
            alone.discard(edge.source)
    return alone


def module_details(names: Names) -> dict[str, str]:
    """For each module path among the caller's variables, the module in short: Linear(64, 32)."""
    variables = names if isinstance(names, Mapping) else caller_variables()
    found: dict[str, str] = {}
    for value in variables.values():
        if callable(getattr(type(value), "named_modules", None)):
            for path, module in value.named_modules():
                found.setdefault(path, one_line(module))
    return found


def one_line(module: Any) -> str:
    """A module in short: Linear(64, 32), Conv2d(3, 64, 7×7, stride 2)."""
    extra = module.extra_repr() if hasattr(module, "extra_repr") else ""
    words = []
    for part in _TOP_COMMA.split(extra) if extra and "\n" not in extra else []:
        name, sign, value = part.strip().partition("=")
        value = value if sign else name
        numbers = value.strip("()").rstrip(",").split(", ")
        text = numbers[0] if len(set(numbers)) == 1 else "×".join(numbers)
        if not sign or name in {"in_features", "out_features"}:
            words.append(text)
        elif name == "kernel_size":
            words.append("×".join(numbers))
        elif name in _SAID and value not in _USUAL.get(name, ()):
            words.append(f"{name} {text}")
    return f"{type(module).__name__}({', '.join(words)})" if words else type(module).__name__


# commas outside brackets; settings worth a word; and the values that go without saying
_TOP_COMMA = re.compile(r",(?![^(]*\))")
_SAID = {"stride", "padding", "dilation", "groups", "p", "num_heads", "output_size", "dim"}
_USUAL = {"padding": ("0", "(0, 0)"), "dilation": ("1", "(1, 1)"), "groups": ("1",)}
_USUAL["stride"] = ("1", "(1,)", "(1, 1)", "(1, 1, 1)")
