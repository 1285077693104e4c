"""A measured and laid-out picture, and the drawing of its parts as SVG elements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from typing import Literal

from .dot_layout import lay_out_with_dot
from .fonts import text_width
from .layout import Direction, Layout, Point, lay_out
from .marks import SMALL, Mark, Span, TextLine, label_box, make_label, make_mark
from .model import Histogram, Picture
from .outlines import header, outline, px, text_element
from .spoken import spoken_node
from .thumbnail_marks import add_plates, plate_bytes, room_of
from .thumbnail_svg import plate_svg
from .wording import derivative, tooltip

Engine = Literal["layers", "dot"]

MARGIN = 14.0
_ARROW = 6.0
_TITLE_HEIGHT = 30.0
_LEGEND_HEIGHT = 30.0
_NOTE_HEIGHT = 16.0
_PILL_HEIGHT = 20.0
_TWIN = 5.0  # pixels between a wire and the backward arrow beside it


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with the form and place of everything in it."""

    picture: Picture
    marks: dict[int, Mark]
    pills: tuple[tuple[tuple[Span, ...], float] | None, ...]
    layout: Layout


def default_direction(picture: Picture) -> Direction:
    """Left to right for expressions, top to bottom when modules are drawn."""
    return "TB" if picture.groups else "LR"


def measure(
    picture: Picture, direction: Direction | None = None, engine: Engine | None = None
) -> Figure:
    """Measure a picture's parts and place them, in layers (ours) or with Graphviz ("dot").

    Raises ValueError for an unknown engine, GraphvizMissingError where "dot" finds no program.
    """
    direction = direction or default_direction(picture)
    if engine not in {None, "layers", "dot"}:
        raise ValueError(f'layout is "layers" (the default) or "dot", got {engine!r}')
    named = picture.shown_names()
    marks = {
        node.key: make_mark(node, picture, direction, node.key in named) for node in picture.nodes
    }
    for mark in marks.values():
        add_plates(mark, picture, direction)
    pills = tuple(make_label(edge, picture) for edge in picture.edges)
    boxes = {key: mark.box for key, mark in marks.items()}
    rooms = [label_box(pill[1], direction) if pill else None for pill in pills]
    tabs = {group.key: _tab_width(group.title, group.detail) for group in picture.groups}
    place = lay_out_with_dot if engine == "dot" else lay_out
    layout = place(picture, boxes, rooms, direction=direction, tabs=tabs)
    return Figure(picture, marks, pills, layout)


def _tab_width(title: str, detail: str) -> float:
    return text_width(title, 12.0, bold=True) + text_width(detail, SMALL) + 24.0


@dataclass(slots=True)
class Canvas:
    """Collects the SVG elements of a figure, back to front."""

    figure: Figure
    legend: bool = True
    grey: bool = False
    parts: list[str] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0

    def paint(self) -> None:
        """Draw title, frames, wires, nodes, pills, notes and legend."""
        figure = self.figure
        top = MARGIN
        self._reach(figure.layout.width + 2 * MARGIN, 0.0)
        if figure.picture.title:
            self._title(figure.picture.title)
            top += _TITLE_HEIGHT
        self.parts.append(f'<g transform="translate({px(MARGIN)} {px(top)})">')
        self._frames()
        self._wires()
        self._tabs()
        consumed = {edge.source for edge in figure.picture.edges}
        for node in figure.picture.nodes:
            self._node(figure.marks[node.key], node.output or node.key in consumed)
        self._pills()
        self.parts.append("</g>")
        self._reach(0.0, top + figure.layout.height + MARGIN)
        self._notes()
        if self.legend:
            self._legend()

    def size(self) -> tuple[str, str]:
        """Width and height of all that was drawn."""
        return px(math.ceil(self.width)), px(math.ceil(self.height))

    def _reach(self, width: float, height: float) -> None:
        self.width, self.height = max(self.width, width), max(self.height, height)

    def _title(self, title: str) -> None:
        self.parts.append(
            f'<text class="ink title" x="{px(MARGIN)}" y="{px(MARGIN + 12)}">{escape(title)}</text>'
        )
        self._reach(text_width(title, 15.0) + 2 * MARGIN, 0.0)

    def _frames(self) -> None:
        for group in self.figure.picture.groups:
            if group.key not in self.figure.layout.frames:
                continue
            x, y, width, height = self.figure.layout.frames[group.key]
            self.parts.append(
                f'<rect class="frame" id="g{group.key}" x="{px(x)}" y="{px(y)}" '
                f'width="{px(width)}" height="{px(height)}" rx="8"/>'
            )

    def _tabs(self) -> None:
        """Headers of frames, over the wires that come in at the top."""
        for group in self.figure.picture.groups:
            if group.key not in self.figure.layout.frames:
                continue
            x, y, width, _ = self.figure.layout.frames[group.key]
            detail = f'<tspan class="small muted" dx="8">{escape(group.detail)}</tspan>'
            self.parts.append(
                f'<g transform="translate({px(x)} {px(y)})">{header(width)}</g>'
                f'<text class="name muted tab" x="{px(x + 12)}" y="{px(y + 17)}">'
                f"{escape(group.title)}{detail if group.detail else ''}</text>"
            )

    def _wires(self) -> None:
        layout, picture = self.figure.layout, self.figure.picture
        turned = layout.direction == "TB"
        fan: dict[int, int] = {}
        start = len(self.parts)
        for edge, route in zip(picture.edges, layout.routes, strict=True):
            fan[edge.source] = fan.get(edge.source, 0) + 1
            inset = self._inset(edge.target, route[-1])
            path = (_spline if layout.splines else _wire)(route, inset, turned)
            self.parts.append(f'<path class="wire" d="{path}"/>')
            self.parts.append(_arrow_head(route[-1], inset, turned))
        for key, count in fan.items():
            if count > 1 and not (self.figure.marks[key].node.output):
                x, y = self._end(key)
                self.parts.append(f'<circle class="tip" cx="{px(x)}" cy="{px(y)}" r="2.5"/>')
        if "backward" in picture.show:
            self._ways_back(start)

    def _ways_back(self, start: int) -> None:
        """Beside each wire that gradient flows along, a dashed one with its tip at the source."""
        figure = self.figure
        for i, (edge, route) in enumerate(
            zip(figure.picture.edges, figure.layout.routes, strict=True)
        ):
            if edge.local is not None:
                wire = self.parts[start + 2 * i].partition(' d="')[2].partition('"')[0]
                shift, tip = way_back(route[0], self._turned)
                self.parts.append(
                    f'<g transform="{shift}"><path class="dash" d="{wire}"/>'
                    f'<path class="dart" d="{tip}"/></g>'
                )

    def _end(self, key: int) -> Point:
        """Where a node's stub ends and its wires begin."""
        x, y = self.figure.layout.starts[key]
        length = self.figure.marks[key].box.length
        return (x, y + length) if self.figure.layout.direction == "TB" else (x + length, y)

    def _inset(self, key: int, arrival: Point) -> float:
        """How much further than the box a wire runs to touch a round outline."""
        shape = self.figure.marks[key].shapes[0]
        x, y = self.figure.layout.starts[key]
        turned = self.figure.layout.direction == "TB"
        offset = abs(arrival[0] - x) if turned else abs(arrival[1] - y)
        radius = shape.height / 2
        if shape.form == "pill" and turned:
            offset = max(0.0, offset - (shape.width / 2 - radius))
        if shape.form not in {"circle", "pill"}:
            return 0.0
        return radius - math.sqrt(max(radius * radius - offset * offset, 0.0))

    def _node(self, mark: Mark, wired: bool) -> None:
        x, y = self.figure.layout.starts[mark.node.key]
        stop = "" if mark.node.kind == "constant" else ' tabindex="0"'
        spoken = escape(spoken_node(mark.node, self.figure.picture))
        self.parts.append(
            f'<g id="n{mark.node.key}" role="img"{stop} aria-label="{spoken}" '
            f'transform="translate({px(x)} {px(y)})">'
        )
        room = room_of(self.figure.picture) - sum(map(plate_bytes, mark.plates))
        said = tooltip(mark.node, self.figure.picture, room)
        self.parts.append(f"<title>{escape(said)}</title>")
        begin, end = mark.stub
        line = f"M0 {px(begin)}V{px(end)}" if self._turned else f"M{px(begin)} 0H{px(end)}"
        if wired:
            self.parts.append(f'<path class="wire" d="{line}"/>')
        for shape in mark.shapes:
            self.parts.extend(outline(shape))
        self.parts.extend(text_element(line) for line in mark.lines)
        self.parts.extend(plate_svg(plate, grey=self.grey) for plate in mark.plates)
        self.parts.append("</g>")

    @property
    def _turned(self) -> bool:
        return self.figure.layout.direction == "TB"

    def _pills(self) -> None:
        for pill, place in zip(self.figure.pills, self.figure.layout.labels, strict=True):
            if pill is None or place is None:
                continue
            spans, width = pill
            x, y = place
            self.parts.append(
                f'<rect class="pill" x="{px(x - width / 2)}" y="{px(y - _PILL_HEIGHT / 2)}" '
                f'width="{px(width)}" height="{px(_PILL_HEIGHT)}" rx="{px(_PILL_HEIGHT / 2)}"/>'
            )
            self.parts.append(text_element(TextLine(spans, x, y + 4.0, "middle")))

    def _notes(self) -> None:
        picture = self.figure.picture
        for node in picture.nodes:
            for note in node.notes:
                self._line_below((Span(f"{node.name}: {note}", "small", "muted"),), _NOTE_HEIGHT)

    def _legend(self) -> None:
        """Say what is where, in the colours that are used."""
        picture = self.figure.picture
        said: list[Span] = []
        where = ("right of the wire", "under it") if self._turned else ("above the wire", "below")
        over = picture.overlay
        if "value" in picture.show:
            said.append(Span(f"{over.above if over else 'value'} {where[0]}", "small", "value"))
        if "grad" in picture.show and over is not None:
            said.append(Span(f"{over.below} {where[1]}", "small", "grad"))
        elif "grad" in picture.show:
            what = f"gradient {derivative(picture.of, '·')}" if picture.of else "gradient"
            said.append(Span(f"{what} {where[1]}", "small", "grad"))
        said += _key_of_thumbnails(self.figure)
        if any(self.figure.pills):
            said.append(Span("local derivative on the edge", "small", "ink"))
        if any(pill and edge.local and edge.local.summed
               for edge, pill in zip(picture.edges, self.figure.pills, strict=True)):  # fmt: skip
            said.append(Span("Σ: summed where an argument was broadcast", "small", "ink"))
        if "backward" in picture.show:
            said.append(Span("dashed: the way back", "small", "grad"))
        if said:
            dot = Span("   ·   ", "small", "muted")
            spans = tuple(span for word in said for span in (dot, word))[1:]
            self._line_below(spans, _LEGEND_HEIGHT)

    def _line_below(self, spans: tuple[Span, ...], height: float) -> None:
        line = TextLine(spans, MARGIN, self.height + height - MARGIN, "start")
        self.parts.append(text_element(line))
        self._reach(line.width + 2 * MARGIN, self.height + height)


def _key_of_thumbnails(figure: Figure) -> list[Span]:
    """How histograms are read; heat maps have samples of their colours beside them."""
    shown = [plate.thumbnail for mark in figure.marks.values() for plate in mark.plates]
    if not any(isinstance(thumbnail, Histogram) for thumbnail in shown):
        return []
    return [Span("histogram of the elements, with a line at 0", "small", "muted")]


def _wire(route: Sequence[Point], inset: float, turned: bool) -> str:
    """A smooth path: straight along the flow, S-curves where it steps aside."""
    points = [(y, x) for x, y in route] if turned else list(route)
    along, across = points[-1]
    points[-1] = (along + inset - _ARROW + 1.0, across)
    path = [f"M{_pair(points[0], turned)}"]
    for (a, b), (c, d) in pairwise(points):
        if c <= a and b == d:
            continue
        if abs(b - d) < 0.5:
            path.append(f"L{_pair((c, d), turned)}")
        else:
            middle = (a + c) / 2
            curve = [(middle, b), (middle, d), (c, d)]
            path.append("C" + " ".join(_pair(point, turned) for point in curve))
    return "".join(path)


def _spline(route: Sequence[Point], inset: float, turned: bool) -> str:
    """A path through the control points of cubic splines, and on to a round outline."""
    shown = [_pair((y, x) if turned else (x, y), turned) for x, y in route]
    path = f"M{shown[0]}"
    for i in range(1, len(shown) - 2, 3):
        path += f"C{shown[i]} {shown[i + 1]} {shown[i + 2]}"
    reach = inset - _ARROW + 1.0
    x, y = route[-1]
    return f"{path}L{_pair((y + reach, x) if turned else (x + reach, y), turned)}"


def _arrow_head(tip: Point, inset: float, turned: bool) -> str:
    along, across = (tip[1], tip[0]) if turned else tip
    along += inset
    corners = [(along, across), (along - _ARROW, across - 3.0), (along - _ARROW, across + 3.0)]
    path = "L".join(_pair(corner, turned) for corner in corners)
    return f'<path class="tip" d="M{path}Z"/>'


def way_back(start: Point, turned: bool) -> tuple[str, str]:
    """How far a backward arrow stands beside its wire, as a transform; and its tip, as a path."""
    x, y = start
    if turned:
        return f"translate({_TWIN:.0f} 0)", f"M{x:.1f} {y:.1f}l-3.5 7h7z"
    return f"translate(0 {_TWIN:.0f})", f"M{x:.1f} {y:.1f}l7 -3.5v7z"


def _pair(point: Point, turned: bool) -> str:
    along, across = point
    return f"{px(across)} {px(along)}" if turned else f"{px(along)} {px(across)}"
