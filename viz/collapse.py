"""Close groups: show a module as one operation, with what goes in and what comes out."""

from __future__ import annotations

from dataclasses import replace

from .model import Edge, Group, Node, Picture


def collapse(picture: Picture, depth: int) -> Picture:
    """Keep the frames of the first `depth` levels open; each deeper module becomes one node.

    A closed module stands where its results are (one node for each value that leaves it); what was
    inside is counted in a note. Edges into it carry no local derivative: they stand for many.
    Raises ValueError for a depth below 0.

    >>> collapse(Picture((Node(0, "input", "x"),)), 1).nodes[0].name
    'x'
    """
    if depth < 0:
        raise ValueError(f"depth is 0 (all modules closed) or more, got {depth}")
    closed_in = _closing_groups(picture, depth)
    if not any(closed_in.get(node.group) is not None for node in picture.nodes):
        return picture
    inside = {n.key: closed_in[n.group] for n in picture.nodes if n.group in closed_in}
    exits = _exits(picture, inside)
    groups = {group.key: group for group in picture.groups}
    nodes = []
    for node in picture.nodes:
        home = inside.get(node.key)
        if home is None:
            nodes.append(node)
        elif node.key in exits:
            nodes.append(_closed(node, groups[home], picture, inside))
    edges = _edges(picture, inside, exits)
    kept = tuple(g for g in picture.groups if closed_in.get(g.key) is None)
    return replace(picture, nodes=tuple(nodes), edges=edges, groups=kept)


def _closing_groups(picture: Picture, depth: int) -> dict[int | None, int]:
    """For each group that is not drawn open, the outermost closed group around it."""
    level: dict[int, int] = {}
    closed_in: dict[int | None, int] = {}
    for group in picture.groups:
        level[group.key] = 0 if group.parent is None else level[group.parent] + 1
        if group.parent in closed_in:
            closed_in[group.key] = closed_in[group.parent]
        elif level[group.key] >= depth:
            closed_in[group.key] = group.key
    return closed_in


def _exits(picture: Picture, inside: dict[int, int]) -> set[int]:
    """Nodes in closed groups whose value leaves the group or is an output."""
    found = {node.key for node in picture.nodes if node.output and node.key in inside}
    for edge in picture.edges:
        home = inside.get(edge.source)
        if home is not None and inside.get(edge.target) != home:
            found.add(edge.source)
    return found


def _closed(node: Node, group: Group, picture: Picture, inside: dict[int, int]) -> Node:
    members = [n for n in picture.nodes if inside.get(n.key) == group.key]
    operations = sum(bool(n.op) for n in members)
    parameters = sum(n.kind == "parameter" for n in members)
    title = group.detail or group.title
    inner = f"{_counted(operations, 'operation')}, {_counted(parameters, 'parameter')}"
    note = f"{group.title}: {inner} inside"
    return replace(
        node,
        kind="operation",
        op=title,
        expression=title,
        tex="",
        group=group.parent,
        notes=(*node.notes, note),
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _edges(picture: Picture, inside: dict[int, int], exits: set[int]) -> tuple[Edge, ...]:
    """Edges between what is left: into a closed module, one from each value that enters it.

    Only values that a result depends on lead to it: a module called twice shows two calls.
    """
    place = {node.key: i for i, node in enumerate(picture.nodes)}
    arguments = picture.arguments()
    found: list[Edge] = []
    entered: dict[int, int] = {}  # for each node inside: a bit for the place of each value entering
    for node in picture.nodes:
        home = inside.get(node.key)
        if home is None:
            found += arguments[node.key]
            continue
        bits = 0
        for edge in arguments[node.key]:
            within = inside.get(edge.source) == home
            bits |= entered[edge.source] if within else 1 << place[edge.source]
        entered[node.key] = bits
        if node.key in exits:
            sources = [picture.nodes[i].key for i in _set_bits(bits)]
            found += [Edge(source, node.key, slot) for slot, source in enumerate(sources)]
    return tuple(found)


def _set_bits(bits: int) -> list[int]:
    """The places of the ones in a number's binary form, lowest first."""
    digits = bin(bits)[:1:-1]
    return [i for i, digit in enumerate(digits) if digit == "1"]
