"""Places taken from Graphviz: its `dot` decides where things stand, our painters how they look.

Every node goes to `dot` as an empty box of the size it will have, every local derivative as a small
box between the two ends of its edge, every group as a cluster.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .graphviz_backend import render
from .layering import Box
from .layout import Direction, Layout, Point
from .model import Picture

_POINTS = 72.0  # Graphviz measures boxes in inches


def lay_out_with_dot(
    picture: Picture,
    boxes: Mapping[int, Box],
    labels: Sequence[Box | None],
    *,
    direction: Direction = "LR",
    tabs: Mapping[int, float] | None = None,
) -> Layout:
    """Place a picture's nodes, edge labels and frames as `lay_out` does, but with Graphviz.

    Raises GraphvizMissingError when no program is found.
    """
    source = _source(picture, boxes, labels, direction, tabs or {})
    drawn = json.loads(render(source, "json"))
    height = float(drawn["bb"].split(",")[3])
    objects = {item["name"]: item for item in drawn.get("objects", ())}
    starts = {
        node.key: _start(objects[f"n{node.key}"], boxes[node.key], direction, height)
        for node in picture.nodes
    }
    splines = {edge["piece"]: _points(edge["pos"], height) for edge in drawn.get("edges", ())}
    routes: list[list[Point]] = []
    centres: list[Point | None] = []
    for i, label in enumerate(labels):
        if label is None:
            routes.append(splines[f"e{i}"])
            centres.append(None)
            continue
        before, after = splines[f"a{i}"], splines[f"b{i}"]
        routes.append([*before, before[-1], after[0], *after])
        centres.append(_points(objects[f"l{i}"]["pos"], height)[0])
    frames = {
        group.key: _frame(objects[f"cluster_{group.key}"]["bb"], height)
        for group in picture.groups
        if f"cluster_{group.key}" in objects
    }
    width = float(drawn["bb"].split(",")[2])
    return Layout(direction, starts, routes, centres, frames, width, height, splines=True)


def _source(
    picture: Picture,
    boxes: Mapping[int, Box],
    labels: Sequence[Box | None],
    direction: Direction,
    tabs: Mapping[int, float],
) -> str:
    inside: dict[int | None, list[str]] = {group.key: [] for group in picture.groups}
    inside[None] = []
    for node in picture.nodes:
        inside[node.group].append(_sized(f"n{node.key}", boxes[node.key], direction))
    home = {node.key: node.group for node in picture.nodes}
    for i, (edge, room) in enumerate(zip(picture.edges, labels, strict=True)):
        if room is not None:
            inside[home[edge.target]].append(_sized(f"l{i}", room, direction))
    for group in reversed(picture.groups):
        tab = f'<TABLE BORDER="0" FIXEDSIZE="TRUE" WIDTH="{tabs.get(group.key, 0):.0f}" '
        label = f'label=<{tab}HEIGHT="14"><TR><TD></TD></TR></TABLE>> labeljust="l" margin=12'
        cluster = [f"subgraph cluster_{group.key} {{", label, *inside[group.key], "}"]
        inside[group.parent] = cluster + inside[group.parent]
    lines = [
        "digraph {",
        f"graph [rankdir={direction} nodesep=0.2 ranksep=0.25]",
        'node [shape=box fixedsize=true label=""]',
        "edge [arrowhead=none]",
        *inside[None],
    ]
    out, into = ("e", "w") if direction == "LR" else ("s", "n")
    for i, (edge, room) in enumerate(zip(picture.edges, labels, strict=True)):
        tail, head = f"n{edge.source}:{out}", f"n{edge.target}:{into}"
        if room is None:
            lines.append(f'{tail} -> {head} [piece="e{i}"]')
        else:
            lines.append(f'{tail} -> l{i}:{into} [piece="a{i}"]')
            lines.append(f'l{i}:{out} -> {head} [piece="b{i}"]')
    return "\n".join([*lines, "}"])


def _sized(name: str, box: Box, direction: Direction) -> str:
    along, across = box.length / _POINTS, 2 * max(box.low, box.high) / _POINTS
    width, height = (along, across) if direction == "LR" else (across, along)
    return f"{name} [width={width:.4f} height={height:.4f}]"


def _start(item: Mapping[str, Any], box: Box, direction: Direction, height: float) -> Point:
    """Where a node's box begins on its wire, from the centre that Graphviz gives."""
    x, y = _points(item["pos"], height)[0]
    return (x - box.length / 2, y) if direction == "LR" else (x, y - box.length / 2)


def _points(text: str, height: float) -> list[Point]:
    """Read "x,y x,y …"; Graphviz counts upwards, pictures downwards."""
    pairs = [pair.split(",") for pair in text.split()]
    return [(float(x), height - float(y)) for x, y in pairs]


def _frame(text: str, height: float) -> tuple[float, float, float, float]:
    left, bottom, right, top = map(float, text.split(","))
    return left, height - top, right - left, top - bottom
