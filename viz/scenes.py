"""Places for every state of a foldable picture: one scene a group, stretched where groups open.

A *scene* is what stands directly in one group, laid out with the groups inside it closed. Opening
one puts its own scene there and stretches the scene around it: everything beyond moves away, in
straight columns and rows, so that nothing that was apart comes to overlap. Stretching only adds and
compares numbers on a grid of half pixels; the script of the page does the same sums.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from .layering import Box, Link, Spacing, arrange
from .layout import FRAME_PAD, FRAME_TAB, Point
from .model import Picture
from .nesting import Container, Item, Nest

_SPACING = Spacing(gap=16.0)
STEEP, WIDEST, APART = 0.3, 72.0, 14.0
HEAD = FRAME_PAD + FRAME_TAB


@dataclass(slots=True)
class Scene:
    """What stands directly in a group: along is down, across is to the right.

    `links` are (source item, target item, the step whose value the wire carries). `levels` are
    rows with groups: from, to, items. `beside` are neighbours in such rows: left place and item
    (−1 for a wire), right place and item.
    """

    items: list[Item]
    boxes: list[tuple[float, float, float]]
    starts: list[float]
    wires: list[float]
    links: list[tuple[int, int, int]]
    routes: list[list[Point]]
    length: float
    levels: list[tuple[float, float, list[int]]] = field(default_factory=list)
    beside: list[tuple[float, int, float, int]] = field(default_factory=list)
    tab: float = 0.0


@dataclass(slots=True)
class Placed:
    """A state of the picture with coordinates (x, y): nodes, closed groups, frames and wires."""

    nodes: dict[int, Point] = field(default_factory=dict)
    closed: dict[int, Point] = field(default_factory=dict)
    frames: dict[int, tuple[float, float, float, float]] = field(default_factory=dict)
    # points, the item that it ends at (a port: no arrow head), where that item's own wire is
    wires: list[tuple[list[Point], Item, float]] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


def make_scenes(
    picture: Picture,
    boxes: Mapping[int, Box],
    closed: Mapping[int, Box],
    tabs: Mapping[int, float],
    wanted: Iterable[int | None],
) -> dict[int | None, Scene]:
    """The scenes of these groups (None: of the whole picture), from a picture with all groups open.

    `boxes` are the sizes of nodes, `closed` those of closed groups, `tabs` the widths of titles.
    """
    nest = Nest.untangled(picture, [None] * len(picture.edges))
    leaves = {n.key for n in picture.nodes if n.kind in {"constant", "parameter"}}
    scenes: dict[int | None, Scene] = {}
    known: dict[object, Scene] = {}
    for key in wanted:
        if key in nest.containers and nest.containers[key].items:
            scene = _scene(nest.containers[key], boxes, closed, leaves, known)
            scene.tab = float(math.ceil(tabs.get(key, 0.0))) if key is not None else 0.0
            scenes[key] = scene
    return scenes


def _grid(length: float) -> float:
    """The next half pixel: sums of such numbers are exact."""
    return math.ceil(length * 2 - 1e-6) / 2


def _scene(
    container: Container,
    boxes: Mapping[int, Box],
    closed: Mapping[int, Box],
    leaves: set[int],
    known: dict[object, Scene],
) -> Scene:
    """Lay one group out; groups of the same form, such as repeated blocks, share their places."""
    sizes = []
    for kind, key in container.items:
        box = boxes[key] if kind == "node" else closed[key] if kind == "group" else Box(0, 0, 0)
        sizes.append(Box(_grid(box.length), _grid(box.low), _grid(box.high), box.spread))
    places = container.place
    links = [Link(places[p.source], places[p.target]) for p in container.links]
    for link in links:
        if container.items[link.target][0] == "out":
            link.arrives = 0.0
    of_kind = {
        kind: frozenset(i for i, item in enumerate(container.items) if item[0] == kind)
        for kind in ("in", "out")
    }
    near = [i for i, (kind, key) in enumerate(container.items) if kind == "node" and key in leaves]
    ends = [(places[p.source], places[p.target], p.origin) for p in container.links]
    form = (
        tuple((b.length, b.low, b.high, b.spread) for b in sizes),
        tuple((source, target) for source, target, _ in ends),
        tuple(kind for kind, _ in container.items),
        tuple(near),
    )
    if form in known:
        return replace(known[form], items=container.items, links=ends)
    made = arrange(
        sizes, links, first=of_kind["in"], last=of_kind["out"], close=frozenset(near),
        spacing=_SPACING,
    )  # fmt: skip
    scene = Scene(
        container.items,
        [(box.length, box.low, box.high) for box in sizes],
        [_grid(y) for y in made.starts],
        [_grid(x) for x in made.wires],
        ends,
        [[(_grid(y), _grid(x)) for y, x in route] for route in made.routes],
        _grid(made.length),
    )
    _find_neighbours(scene)
    known[form] = scene
    return scene


def _find_neighbours(scene: Scene) -> None:
    """The rows in which a group stands, and who stands or passes beside it there."""
    rows: dict[float, list[int]] = {}
    for i, start in enumerate(scene.starts):
        rows.setdefault(start, []).append(i)
    for start, items in sorted(rows.items()):
        if not any(scene.items[i][0] == "group" for i in items):
            continue
        end = start + max(scene.boxes[i][0] for i in items)
        scene.levels.append((start, end, items))
        there = [(scene.wires[i], i) for i in items]
        passing = {x for route in scene.routes for y, x in route[:-1] if y == start}
        taken = {x for x, _ in there}
        there += [(x, -1) for x in passing - taken]
        there.sort()
        scene.beside += [
            (a, i, b, j)
            for (a, i), (b, j) in pairwise(there)
            if any(k >= 0 and scene.items[k][0] == "group" for k in (i, j))
        ]


class _Settled:
    """An open group's size, and its scene's places."""

    def __init__(self) -> None:
        self.xs: dict[float, float] = {}
        self.ys: dict[float, float] = {}
        self.length = self.low = self.high = self.anchor = 0.0
        self.inside: dict[int, _Settled] = {}  # by item
        self.ports: dict[Item, float] = {}


def compose(scenes: Mapping[int | None, Scene], opened: Collection[int]) -> Placed:
    """Places for the state in which the groups `opened` are open (those that have a scene)."""
    root = _settle(None, scenes, opened)
    placed = Placed(width=root.low + root.high, height=root.length)
    _put(None, root, (root.low, 0.0), scenes, placed)
    return placed


def _settle(
    key: int | None, scenes: Mapping[int | None, Scene], opened: Collection[int]
) -> _Settled:
    """Stretch a scene to the present sizes of what stands in it, innermost first."""
    scene, found = scenes[key], _Settled()
    for i, (kind, inner) in enumerate(scene.items):
        if kind == "group" and inner in opened and inner in scenes:
            found.inside[i] = _settle(inner, scenes, opened)
    sizes = _sizes(scene, found)
    apart: dict[float, list[tuple[float, float]]] = {}
    for a, i, b, j in scene.beside:
        reach = (sizes[i][2] if i >= 0 else 0.0) + (sizes[j][1] if j >= 0 else 0.0)
        apart.setdefault(b, []).append((a, reach + APART))
    across = {x for route in scene.routes for _, x in route} | set(scene.wires)
    found.xs = _stretch(across, apart)
    tall: dict[float, list[tuple[float, float]]] = {}
    for start, end, items in scene.levels:
        tall.setdefault(end, []).append((start, max(sizes[i][0] for i in items)))
    for link, route in zip(scene.links, scene.routes, strict=True):
        ends = _ends(scene, link, route, found)
        for (p, q), (x, z) in zip(pairwise(route), pairwise(ends), strict=True):
            if q[0] > p[0] and x != z:
                need = min(WIDEST, _grid(STEEP * abs(x - z)))
                tall.setdefault(q[0], []).append((p[0], need))
    along = {y for route in scene.routes for y, _ in route} | set(scene.starts) | {scene.length}
    along |= {end for _, end, _ in scene.levels}
    found.ys = _stretch(along, tall)
    found.length = found.ys[scene.length]
    left = [found.xs[x] - size[1] for x, size in zip(scene.wires, sizes, strict=True)]
    right = [found.xs[x] + size[2] for x, size in zip(scene.wires, sizes, strict=True)]
    left += [found.xs[x] for route in scene.routes for _, x in route]
    right += [found.xs[x] for route in scene.routes for _, x in route]
    found.ports = {
        item: found.xs[x]
        for item, x in zip(scene.items, scene.wires, strict=True)
        if item[0] in {"in", "out"}
    }
    port = next((i for i, item in enumerate(scene.items) if item[0] == "in"), 0)
    found.anchor = found.xs[scene.wires[port]]
    found.low, found.high = found.anchor - min(left), max(right) - found.anchor
    if key is not None:
        found.low, found.high = found.low + FRAME_PAD, found.high + FRAME_PAD
        found.high += max(0.0, scene.tab + FRAME_PAD - found.low - found.high)
        found.length += HEAD + FRAME_PAD
    return found


def _sizes(scene: Scene, found: _Settled) -> list[tuple[float, float, float]]:
    """Length, low and high of every item, open groups at their present size."""
    sizes = list(scene.boxes)
    for i, inner in found.inside.items():
        sizes[i] = (inner.length, inner.low, inner.high)
    return sizes


def _stretch(
    places: Collection[float], apart: Mapping[float, list[tuple[float, float]]]
) -> dict[float, float]:
    """New places for old ones, in order and never closer, so that b ≥ a + distance holds."""
    new: dict[float, float] = {}
    before = None
    for place in sorted(places):
        at = place if before is None else new[before] + (place - before)
        for other, distance in apart.get(place, ()):
            at = max(at, new[other] + distance)
        new[place] = at
        before = place
    return new


def _ends(
    scene: Scene, link: tuple[int, int, int], route: list[Point], found: _Settled
) -> list[float]:
    """Where a wire's points are now, across: at an open group it begins and ends at a port."""
    across = [found.xs[x] for _, x in route]
    source, target, origin = link
    if source in found.inside:
        offset = _port(source, "out", origin, found)
        across[0] = across[1] = found.xs[scene.wires[source]] + offset
    if target in found.inside:
        offset = _port(target, "in", origin, found)
        across[-1] = found.xs[scene.wires[target]] + offset
    return across


def _port(item: int, kind: Literal["in", "out"], origin: int, found: _Settled) -> float:
    """How far from an open group's own wire the port of a value is."""
    inner = found.inside[item]
    return inner.ports[kind, origin] - inner.anchor


def _put(
    key: int | None,
    inner: _Settled,
    origin: Point,
    scenes: Mapping[int | None, Scene],
    placed: Placed,
) -> None:
    """Write down where everything of a scene stands; `origin` is where its anchor begins."""
    scene = scenes[key]
    left, top = origin[0] - inner.anchor, origin[1]
    sizes = _sizes(scene, inner)
    for i, (kind, what) in enumerate(scene.items):
        x, y = left + inner.xs[scene.wires[i]], top + inner.ys[scene.starts[i]]
        if i in inner.inside:
            length, low, high = sizes[i]
            placed.frames[what] = (x - low, y, low + high, length)
            _put(what, inner.inside[i], (x, y + HEAD), scenes, placed)
        elif kind == "node":
            placed.nodes[what] = (x, y)
        elif kind == "group":
            placed.closed[what] = (x, y)
    for link, route in zip(scene.links, scene.routes, strict=True):
        source, target, _ = link
        across = _ends(scene, link, route, inner)
        along = [inner.ys[y] for y, _ in route]
        along[0] = inner.ys[scene.starts[source]] + sizes[source][0]
        points = [(left + x, top + y) for x, y in zip(across, along, strict=True)]
        if scene.items[source][0] == "in":
            points.insert(0, (points[0][0], top - HEAD))
        if scene.items[target][0] == "out":
            points.append((points[-1][0], top - HEAD + inner.length))
        ends: Item = ("in", link[2]) if target in inner.inside else scene.items[target]
        placed.wires.append((points, ends, left + inner.xs[scene.wires[target]]))
