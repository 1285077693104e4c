"""The formula of a whole graph, f = (x + y)·z, as long as it is short enough to be a title."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..autograd.sym import Sym
from .model import Edge, Node
from .rules import expression

_LONGEST = 60
_MOST_OPERATIONS = 24


def title_of(
    nodes: Sequence[Node],
    edges: Sequence[Edge],
    formulas: Mapping[int, tuple[Any, tuple[Any, ...]]],
) -> str:
    """Write the last output in terms of the leaves; of its direct arguments where that is long."""
    output = next((node for node in reversed(nodes) if node.output), None)
    if output is None or not output.op:
        return output.name if output else ""
    short = f"{output.name} = {output.expression}"
    by_key = {node.key: node for node in nodes}
    if len(formulas) > _MOST_OPERATIONS:
        return short if len(short) <= _LONGEST else output.name
    sources: dict[int, dict[int, int]] = {}
    for edge in edges:
        sources.setdefault(edge.target, {})[edge.slot] = edge.source
    written: dict[int, Sym] = {}
    for node in nodes:
        if node.key not in formulas:
            written[node.key] = _leaf(node)
            continue
        made, operands = formulas[node.key]
        parts = [
            written[sources[node.key][slot]] if slot in sources.get(node.key, {}) else _number(o)
            for slot, o in enumerate(operands)
        ]
        written[node.key] = expression(made, parts)
        if len(written[node.key].text()) > _LONGEST:
            return short if len(short) <= _LONGEST else output.name
    full = f"{output.name} = {written[output.key].text()}"
    return full if len(full) <= _LONGEST else by_key[output.key].name


def _leaf(node: Node) -> Sym:
    if node.kind == "constant" and isinstance(node.value, (int, float)):
        whole = type(node.value) is float and node.value.is_integer()
        return Sym(int(node.value) if whole else node.value)
    return Sym(node.name)


def _number(operand: Any) -> Sym:
    plain = operand is None or isinstance(operand, (bool, int, float))
    return Sym(operand if plain else str(operand))
