"""Paint a picture as text: one line a node, in topological order, with aligned columns."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from .array_words import range_text
from .model import Absent, Edge, Local, Node, Picture, Summary
from .stretched import KEY
from .wording import (
    derivative,
    grad_words,
    quantity_text,
    rule_says_number,
    shape_text,
    value_words,
)

_GAP = "   "
_WRAP = 3  # local derivatives on one line; more go below each other


def paint_text(picture: Picture) -> str:
    """List the nodes with operation, value, gradient and the local derivatives of their arguments.

    Reads well in a terminal and aloud: no box drawing, a header, one fact a column.
    """
    columns = _columns(picture)
    arguments = picture.arguments()
    names = {node.key: node.name for node in picture.nodes}
    rows: list[list[str]] = [list(columns)]
    headings: dict[int, list[str]] = {}
    titles = _group_titles(picture)
    group: int | None = None
    for node in picture.nodes:
        if node.group != group:
            group = node.group
            headings[len(rows)] = [f"{titles[group]}:" if group is not None else "outside:"]
        row = [_cell(column, node, picture) for column in columns]
        locals_ = _local_texts(node, arguments[node.key], names, picture.precision)
        rows += _with_locals(row, locals_, columns)
    lines = _align(rows, columns)
    for at in sorted(headings, reverse=True):
        lines[at:at] = headings[at]
    title = [picture.title, ""] if picture.title else []
    return "\n".join([*title, *lines, *_notes(picture)]) + "\n"


def _columns(picture: Picture) -> dict[str, bool]:
    """Column heads, and whether each is aligned on the right."""
    columns = {"node": False, "made by": False}
    if any(node.shape for node in picture.nodes):
        columns["shape"] = False
    if "value" in picture.show:
        columns[picture.overlay.above if picture.overlay else "value"] = True
        if any(_range(node, picture) for node in picture.nodes):
            columns["range"] = True
    if "grad" in picture.show:
        columns[_grad_head(picture)] = True
    if "local" in picture.show and any(edge.local for edge in picture.edges):
        columns["local derivatives"] = False
    return columns


def _grad_head(picture: Picture) -> str:
    if picture.overlay is not None:
        return picture.overlay.below
    return derivative(picture.of, "node") if picture.of else "gradient"


def _cell(column: str, node: Node, picture: Picture) -> str:
    if column == "node":
        return node.name
    if column == "made by":
        return node.expression or node.op or node.kind
    if column == "shape":
        return shape_text(node)
    over = picture.overlay
    if column == (over.above if over else "value"):
        return value_words(node, picture)[1]
    if column == "range":
        return _range(node, picture)
    if column == "local derivatives":
        return ""
    if node.kind == "constant":
        return ""
    sign, number = grad_words(node, picture)
    return f"norm {number}" if sign == "‖∂‖" else number


def _range(node: Node, picture: Picture) -> str:
    """The smallest and the largest element of an array's value."""
    if picture.overlay is not None or not isinstance(node.value, Summary):
        return ""
    return range_text(node.value, picture.precision)


def _local_texts(
    node: Node, edges: Sequence[Edge], names: Mapping[int, str], precision: int
) -> list[str]:
    sources = [edge.source for edge in edges]
    texts = []
    for edge in edges:
        if edge.local is None:
            continue
        which = f" (argument {edge.slot + 1})" if sources.count(edge.source) > 1 else ""
        left = derivative(node.name, names[edge.source]) + which
        texts.append(f"{left} = {_local_right(edge.local, precision)}")
    return texts


def _local_right(local: Local, precision: int) -> str:
    number = quantity_text(local.number, precision)
    if rule_says_number(local, precision):
        return number
    return local.rule if isinstance(local.number, Absent) else f"{local.rule} = {number}"


def _with_locals(row: list[str], texts: list[str], columns: dict[str, bool]) -> list[list[str]]:
    """Put the local derivatives into the row's last cell, or below each other when many."""
    if "local derivatives" not in columns or not texts:
        return [row]
    if len(texts) <= _WRAP:
        return [[*row[:-1], _GAP.join(texts)]]
    rest = [[*[""] * (len(row) - 1), text] for text in texts[1:]]
    return [[*row[:-1], texts[0]], *rest]


def _align(rows: list[list[str]], columns: dict[str, bool]) -> list[str]:
    widths = [max(columns_wide(row[i]) for row in rows) for i in range(len(columns))]
    lines = []
    for row in rows:
        cells = []
        for text, width, right in zip(row, widths, columns.values(), strict=True):
            space = " " * (width - columns_wide(text))
            cells.append(space + text if right else text + space)
        lines.append(_GAP.join(cells).rstrip())
    return lines


def columns_wide(text: str) -> int:
    """How many terminal columns a text takes."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _group_titles(picture: Picture) -> dict[int, str]:
    """Groups by key, with the titles around them: encoder / layer 0."""
    titles: dict[int, str] = {}
    for group in picture.groups:
        above = f"{titles[group.parent]} / " if group.parent is not None else ""
        titles[group.key] = above + " ".join(filter(None, (group.title, group.detail)))
    return titles


def _notes(picture: Picture) -> list[str]:
    notes = [f"{node.name}: {note}" for node in picture.nodes for note in node.notes]
    if "local" in picture.show and any(edge.local and edge.local.summed for edge in picture.edges):
        notes.append(KEY)
    return ["", *notes] if notes else []
