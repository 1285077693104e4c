"""Where everything in a picture stands: layers inside frames, frames inside layers.

Each group is laid out by itself and then stands in its parent as one large box, so frames never
overlap and hold their own members only. A wire that crosses a frame goes through a port on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .layering import Arrangement, Box, Link, Spacing, arrange
from .model import Picture
from .nesting import Container, Item, Nest

Direction = Literal["LR", "TB"]
Point: TypeAlias = tuple[float, float]

FRAME_PAD = 12.0
FRAME_TAB = 22.0


@dataclass(frozen=True, slots=True)
class Layout:
    """Places in pixels, from the top left corner.

    `starts` maps a node to the point where its box begins, on its own wire; `routes` and `labels`
    (centres) follow the picture's edges; `frames` maps a group to x, y, width, height. Routes are
    points to pass through, or, when `splines` is set, the control points of cubic splines.
    """

    direction: Direction
    starts: Mapping[int, Point]
    routes: Sequence[Sequence[Point]]
    labels: Sequence[Point | None]
    frames: Mapping[int, tuple[float, float, float, float]]
    width: float
    height: float
    splines: bool = False


def lay_out(
    picture: Picture,
    boxes: Mapping[int, Box],
    labels: Sequence[Box | None],
    *,
    direction: Direction = "LR",
    tabs: Mapping[int, float] | None = None,
    spacing: Spacing | None = None,
) -> Layout:
    """Place a picture's nodes (`boxes` by key), edge labels (in edge order) and group frames.

    `tabs` gives the width of each group's title. A group that wires leave and enter again (a module
    called twice) gets no frame: its members stand in the frame around it.
    """
    nest = Nest.untangled(picture, labels)
    close = {node.key for node in picture.nodes if node.kind == "constant"}
    inner: dict[int | None, Arrangement] = {}
    frame_boxes: dict[int, Box] = {}
    for key in sorted(nest.containers, key=lambda c: -nest.depth[c]):
        container = nest.containers[key]
        if container.items:
            arrangement = _arrange_one(container, boxes, frame_boxes, inner, nest, close, spacing)
            inner[key] = arrangement
            if key is not None:
                frame_boxes[key] = _frame_box(arrangement, direction, (tabs or {}).get(key, 0.0))
    layout = _assemble(nest, inner, frame_boxes, direction)
    return layout if direction == "LR" else _turned(layout)


def _arrange_one(
    container: Container,
    boxes: Mapping[int, Box],
    frame_boxes: Mapping[int, Box],
    inner: Mapping[int | None, Arrangement],
    nest: Nest,
    close: set[int],
    spacing: Spacing | None,
) -> Arrangement:
    def box_of(item: Item) -> Box:
        kind, key = item
        if kind == "node":
            return boxes[key]
        return frame_boxes[key] if kind == "group" else Box(0.0, 0.0, 0.0)

    def port(item: Item, kind: Literal["in", "out"], origin: int) -> float:
        place = nest.containers[item[1]].place[(kind, origin)]
        return inner[item[1]].wires[place]

    links = []
    for piece in container.links:
        source, target = piece.source, piece.target
        leaves = port(source, "out", piece.origin) if source[0] == "group" else 0.0
        arrives = 0.0 if target[0] == "out" else None
        if target[0] == "group":
            arrives = port(target, "in", piece.origin)
        ends = container.place[source], container.place[target]
        links.append(Link(*ends, leaves, arrives, piece.label))
    kinds = {
        kind: frozenset(i for i, item in enumerate(container.items) if item[0] == kind)
        for kind in ("in", "out")
    }
    near = frozenset(
        i for i, (kind, key) in enumerate(container.items) if kind == "node" and key in close
    )
    sizes = [box_of(item) for item in container.items]
    return arrange(sizes, links, first=kinds["in"], last=kinds["out"], close=near, spacing=spacing)


def _frame_box(arrangement: Arrangement, direction: Direction, tab: float) -> Box:
    """The frame around an inner arrangement: padding, and room for the title's tab."""
    low, high = FRAME_PAD - arrangement.low, FRAME_PAD + arrangement.high
    length = arrangement.length + 2 * FRAME_PAD
    if direction == "LR":
        return Box(max(length, tab + FRAME_PAD), low + FRAME_TAB, high)
    missing = max(0.0, tab + FRAME_PAD - low - high)
    return Box(length + FRAME_TAB, low + missing / 2, high + missing / 2)


def _assemble(
    nest: Nest,
    inner: Mapping[int | None, Arrangement],
    frame_boxes: Mapping[int, Box],
    direction: Direction,
) -> Layout:
    """Put the arrangements into each other, outermost first, and join the pieces of each wire."""
    root = inner.get(None)
    if root is None:
        return Layout(direction, {}, [], [], {}, 0.0, 0.0)
    head = FRAME_PAD + (FRAME_TAB if direction == "TB" else 0.0)
    origin: dict[int | None, Point] = {None: (0.0, -root.low)}
    frames: dict[int, tuple[float, float, float, float]] = {}
    starts: dict[int, Point] = {}
    for container in sorted(inner, key=lambda c: nest.depth[c]):
        along, across = origin[container]
        arrangement = inner[container]
        for i, (kind, key) in enumerate(nest.containers[container].items):
            start, wire = along + arrangement.starts[i], across + arrangement.wires[i]
            if kind == "node":
                starts[key] = (start, wire)
            elif kind == "group":
                box = frame_boxes[key]
                origin[key] = (start + head, wire)
                frames[key] = (start, wire - box.low, box.length, box.low + box.high)
    routes: list[list[Point]] = []
    labels: list[Point | None] = []
    for pieces in nest.pieces:
        route: list[Point] = []
        label: Point | None = None
        for container, piece in pieces:
            along, across = origin[container]
            route += [(along + a, across + b) for a, b in inner[container].routes[piece]]
            place = inner[container].labels[piece]
            label = (along + place[0], across + place[1]) if place else None
        routes.append(route)
        labels.append(label)
    return Layout(direction, starts, routes, labels, frames, root.length, root.high - root.low)


def _turned(layout: Layout) -> Layout:
    """Swap along and across: left to right becomes top to bottom."""
    return Layout(
        layout.direction,
        {key: (y, x) for key, (x, y) in layout.starts.items()},
        [[(y, x) for x, y in route] for route in layout.routes],
        [(label[1], label[0]) if label else None for label in layout.labels],
        {key: (y, x, h, w) for key, (x, y, w, h) in layout.frames.items()},
        layout.height,
        layout.width,
    )
