"""Bring the operations of two graphs together: by module path, then by operation and order."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from ..autograd.graph import is_output


def align(
    first: Sequence[Any],
    second: Sequence[Any],
    labels: Sequence[Mapping[str, Any]] = ({}, {}),
) -> dict[Any, Any]:
    """Map nodes of the first graph to their counterparts in the second; both oldest first.

    Operations of the same module path are matched as two sequences of operation names; leaves, when
    they are the same operand of matched operations, else by their `labels`, one mapping of names
    to leaves for each graph. What is missing has no counterpart.
    """
    pairs: dict[Any, Any] = {}
    mine, theirs = _by_module(first), _by_module(second)
    for path, nodes in mine.items():
        pairs.update(_matched(nodes, theirs.get(path, [])))
    _match_rest(first, second, pairs)
    _match_leaves(pairs, labels)
    return pairs


def name_of(node: Any) -> tuple[Hashable, ...]:
    """What an operation must have in common with its counterpart."""
    if is_output(node):
        return (node.operands()[0].plan.op.name, node.params[0])
    return (node.plan.op.name,)


def _by_module(order: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for node in order:
        if node.plan is not None:
            path = (node.extra.module or "") if node.extra is not None else ""
            found.setdefault(path, []).append(node)
    return found


def _matched(first: Sequence[Any], second: Sequence[Any]) -> dict[Any, Any]:
    """Counterparts in two sequences: their common ends, then the longest common runs."""
    a, b = [name_of(n) for n in first], [name_of(n) for n in second]
    head = 0
    while head < min(len(a), len(b)) and a[head] == b[head]:
        head += 1
    tail = 0
    while tail < min(len(a), len(b)) - head and a[-1 - tail] == b[-1 - tail]:
        tail += 1
    pairs = dict(zip(first[:head], second[:head], strict=True))
    if tail:
        pairs.update(zip(first[-tail:], second[-tail:], strict=True))
    middle_a, middle_b = first[head : len(a) - tail], second[head : len(b) - tail]
    matcher = SequenceMatcher(None, a[head : len(a) - tail], b[head : len(b) - tail], False)
    for block in matcher.get_matching_blocks():
        pairs.update(
            zip(
                middle_a[block.a : block.a + block.size],
                middle_b[block.b : block.b + block.size],
                strict=True,
            )
        )
    return pairs


def _match_rest(first: Sequence[Any], second: Sequence[Any], pairs: dict[Any, Any]) -> None:
    """Operations whose module has another name in the other graph, or none: by order alone."""
    taken = set(pairs.values())
    rest = [n for n in first if n.plan is not None and n not in pairs]
    others = [n for n in second if n.plan is not None and n not in taken]
    strangers = {_path(n) for n in rest} - {_path(n) for n in second if n.plan is not None}
    unknown = {_path(n) for n in others} - {_path(n) for n in first if n.plan is not None}
    pairs.update(
        _matched(
            [n for n in rest if _path(n) in strangers],
            [n for n in others if _path(n) in unknown],
        )
    )


def _path(node: Any) -> str:
    return (node.extra.module or "") if node.extra is not None else ""


def _match_leaves(pairs: dict[Any, Any], labels: Sequence[Mapping[str, Any]]) -> None:
    taken = set(pairs.values())
    for node, other in list(pairs.items()):
        for mine, theirs in zip(node.operands(), other.operands(), strict=False):
            both = hasattr(mine, "serial") and hasattr(theirs, "serial")
            if not both or mine.plan is not None or theirs.plan is not None:
                continue
            if mine not in pairs and theirs not in taken:
                pairs[mine] = theirs
                taken.add(theirs)
    for label, mine in labels[0].items():
        theirs = labels[1].get(label)
        if theirs is not None and mine not in pairs and theirs not in taken:
            pairs[mine] = theirs
