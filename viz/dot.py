"""Paint a picture as Graphviz source in the same look: records and operator circles."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from .layout import Direction
from .model import Edge, Node, Picture
from .theme import Palette, find_theme
from .wording import (
    grad_words,
    is_broken,
    is_zero,
    local_text,
    quantity_text,
    shape_text,
    value_words,
)


def paint_dot(
    picture: Picture, *, theme: str | None = None, direction: Direction | None = None
) -> str:
    """Write DOT source; tensors are records of name, value and gradient, operators circles.

    Follows the light colours of the theme. Raises ValueError for an unknown theme.
    """
    colours = find_theme(theme).base
    rank = direction or ("TB" if picture.groups else "LR")
    title = f' label={_quote(picture.title)} labelloc="t" labeljust="l"' if picture.title else ""
    font = f'fontname="Helvetica,Arial,sans-serif" fontcolor="{colours.ink}"'
    lines = [
        "digraph chainrule {",
        f'  graph [rankdir={rank} bgcolor="transparent" nodesep=0.25 ranksep=0.4 {font}{title}]',
        f'  node [fontsize=13 {font} color="{colours.muted}"]',
        f'  edge [fontsize=11 {font} color="{colours.wire}" arrowsize=0.6]',
    ]
    lines += _members(picture, colours)
    arguments = picture.arguments()
    for node in picture.nodes:
        lines += [_edge(edge, picture) for edge in arguments[node.key]]
        if "backward" in picture.show:
            lines += [_way_back(edge, colours) for edge in arguments[node.key] if edge.local]
        if node.op:
            lines.append(f"  op{node.key} -> n{node.key} [arrowhead=none]")
    return "\n".join([*lines, "}"]) + "\n"


def _members(picture: Picture, colours: Palette) -> list[str]:
    """Nodes, each inside its group's cluster; clusters inside clusters."""
    inside: dict[int | None, list[str]] = {group.key: [] for group in picture.groups}
    inside[None] = []
    for node in picture.nodes:
        inside[node.group] += _node(node, picture, colours)
    for group in reversed(picture.groups):
        label = _quote(" ".join(filter(None, (group.title, group.detail))))
        look = f'style="rounded,filled" color="{colours.muted}" fillcolor="{colours.tint}"'
        body = [f"  {line}" for line in inside[group.key]]
        head = f'    label={label} labeljust="l" fontsize=12 {look}'
        cluster = [f"  subgraph cluster_{group.key} {{", head, *body, "  }"]
        inside[group.parent] = cluster + inside[group.parent]
    return inside[None]


def _node(node: Node, picture: Picture, colours: Palette) -> list[str]:
    if node.kind == "constant":
        text = node.name if node.auto_name else f"{node.name} = {quantity_text(node.value)}"
        return [f'  n{node.key} [shape=plaintext fontcolor="{colours.muted}" label={_quote(text)}]']
    lines = [f"  n{node.key} [shape=plain label=<{_table(node, picture, colours)}>]"]
    if node.op:
        shape = "circle" if len(node.op) == 1 else "box"
        look = "fixedsize=true width=0.42" if shape == "circle" else 'style="rounded"'
        ink = f'color="{colours.ink}"'
        size = "fontsize=17 " if shape == "circle" else ""
        lines.append(f"  op{node.key} [shape={shape} {look} {size}{ink} label={_quote(node.op)}]")
    return lines


def _table(node: Node, picture: Picture, colours: Palette) -> str:
    """A record: name, then shape, value and gradient in their colours."""
    cells = [f"<B>{escape(node.name)}</B>" if node.output else escape(node.name)]
    if node.shape:
        cells.append(_font(shape_text(node), colours.muted, 11))
    if "value" in picture.show:
        value = " ".join(filter(None, value_words(node, picture)))
        broken = is_broken(node.value)
        cells.append(_font(value, colours.grad if broken else colours.value, 13, bold=broken))
    if "grad" in picture.show:
        grad = " ".join(filter(None, grad_words(node, picture)))
        bold = is_zero(node.grad) or is_broken(node.grad)
        cells.append(_font(grad, colours.grad, 13, bold=bold))
    look: Mapping[str, str] = {"parameter": f'BORDER="2" COLOR="{colours.parameter}"'}
    border = look.get(node.kind, f'BORDER="1" COLOR="{colours.muted}"')
    if node.output:
        border = f'BORDER="2" COLOR="{colours.ink}"'
    rows = "".join(f"<TD>{cell}</TD>" for cell in cells)
    return f'<TABLE {border} CELLBORDER="0" CELLSPACING="0" CELLPADDING="4"><TR>{rows}</TR></TABLE>'


def _font(text: str, colour: str, size: int, *, bold: bool = False) -> str:
    inner = f"<B>{escape(text)}</B>" if bold else escape(text)
    return f'<FONT COLOR="{colour}" POINT-SIZE="{size}">{inner}</FONT>'


def _edge(edge: Edge, picture: Picture) -> str:
    label = ""
    if edge.local is not None and "local" in picture.show:
        label = f" [label={_quote(f' {local_text(edge.local, picture.precision)} ')}]"
    return f"  n{edge.source} -> op{edge.target}{label}"


def _way_back(edge: Edge, colours: Palette) -> str:
    """The same edge as gradient takes it; it does not move anything."""
    look = f'style=dashed color="{colours.grad}" constraint=false'
    return f"  op{edge.target} -> n{edge.source} [{look}]"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
