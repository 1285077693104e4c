"""Frames for modules: which nodes a module made, from the paths that `watch()` wrote down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..autograd import Tensor
from .model import Edge, Group, Node
from .naming import Names, caller_variables


def group_nodes(
    nodes: Sequence[Node],
    edges: Sequence[Edge],
    paths: Mapping[int, str],
    tensors: Mapping[Any, Tensor],
    names: Names,
) -> tuple[tuple[Group, ...], list[Node]]:
    """Groups for all module paths, and the nodes with the group they belong to.

    A leaf that only one module uses stands inside it: its parameters, its constants.
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
    for node in nodes:
        around = users.get(node.key, set())
        if node.kind in {"parameter", "constant"} and len(around) == 1 and None not in around:
            home[node.key] = next(k for k in around if k is not None)
    return tuple(groups), [replace(node, group=home.get(node.key)) for node in nodes]


def module_details(names: Names) -> dict[str, str]:
    """For each module path among the caller's variables, the module in short: Linear(64, 32)."""
    variables = names if isinstance(names, Mapping) else caller_variables()
    found: dict[str, str] = {}
    for value in variables.values():
        if callable(getattr(type(value), "named_modules", None)):
            for path, module in value.named_modules():
                found.setdefault(path, _one_line(module))
    return found


def _one_line(module: Any) -> str:
    extra = module.extra_repr() if hasattr(module, "extra_repr") else ""
    values = [part.strip().rpartition("=")[2] for part in extra.split(",")]
    sizes = ", ".join(v for v in values if v not in {"True", "False", "None", ""})
    return f"{type(module).__name__}({sizes})" if "\n" not in extra else type(module).__name__
