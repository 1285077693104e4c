"""The form of each node: its shapes and lines of text, measured, before it has a place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from .fonts import text_width, wrap_name
from .layering import Box
from .layout import Direction
from .model import Absent, Edge, HeatMap, Histogram, Node, Picture, Quantity
from .wording import (
    grad_words,
    is_broken,
    is_symbol,
    is_zero,
    local_text,
    quantity_text,
    rule_says_number,
    shape_text,
    value_words,
)

Form = Literal["rect", "double", "parameter", "circle", "pill", "bare", "module", "failed"]

NUMBER, NAME, SYMBOL, SMALL, GLYPH = 13.0, 12.0, 15.0, 11.0, 19.0
LINE = 15.0
RADIUS = 15.0
_SIZES = {"number": NUMBER, "name": NAME, "symbol": SYMBOL, "small": SMALL, "glyph": GLYPH}
_BOX_HEIGHT = 28.0
_BARE_STUB, _LEAST_STUB = 10.0, 26.0
_CLEAR = 5.0  # between the wire and the text above or below it
_DESCENT = 0.3  # share of a line below its baseline
_BIG_GLYPHS = frozenset("+×÷−·∘⊙Σ∏@√∫<>≤≥=≠")


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text: `size` names its type size, `colour` its token, `style` the extras."""

    text: str
    size: str = "number"
    colour: str = "ink"
    style: str = ""

    @property
    def width(self) -> float:
        bold = "bold" in self.style or "badge" in self.style
        return text_width(self.text, _SIZES[self.size], bold=bold)


@dataclass(frozen=True, slots=True)
class TextLine:
    """Spans on one baseline; `x` is the anchor, relative to the node's start."""

    spans: tuple[Span, ...]
    x: float
    y: float
    anchor: Literal["start", "middle"]

    @property
    def width(self) -> float:
        return sum(span.width for span in self.spans)


@dataclass(frozen=True, slots=True)
class Shape:
    """An outline, relative to the node's start; x, y is its top left corner."""

    form: Form
    x: float
    y: float
    width: float
    height: float
    lines: tuple[TextLine, ...] = ()


@dataclass(slots=True)
class Plate:
    """A thumbnail and the words beside it, together a rectangle with its corner at x, y.

    `image` is the size of the thumbnail itself, at the left; `keys` are the samples of colour
    before the words, which name them. Of a heat map, `data` are its cells compressed for PNG, in
    so many `colours`.
    """

    thumbnail: Histogram | HeatMap
    image: tuple[float, float]
    width: float
    height: float
    lines: tuple[TextLine, ...] = ()
    keys: tuple[tuple[str, float, float], ...] = ()
    data: bytes = b""
    colours: int = 0
    colour: str = "value"
    x: float = 0.0
    y: float = 0.0


@dataclass(slots=True)
class Mark:
    """A node's outlines, its stub of wire, the numbers along it and the thumbnails by them."""

    node: Node
    shapes: list[Shape] = field(default_factory=list)
    lines: list[TextLine] = field(default_factory=list)
    plates: list[Plate] = field(default_factory=list)
    stub: tuple[float, float] = (0.0, 0.0)
    box: Box = field(default_factory=lambda: Box(0.0, 0.0, 0.0))


def make_mark(node: Node, picture: Picture, direction: Direction, named: bool) -> Mark:
    """Measure a node; `named` says whether an operation's name is written on its wire."""
    mark = Mark(node)
    main = _main_shape(node, picture, direction)
    mark.shapes.append(main)
    above, below = _value_lines(node, picture, named), _grad_lines(node, picture)
    reach = main.width if direction == "LR" else main.height
    stub = _stub_length(above, below, direction)
    mark.stub = (reach, reach + stub)
    place = _beside_wire if direction == "TB" else _along_wire
    mark.lines.extend(place(above, below, reach, stub))
    length = reach + stub
    if node.output and node.op:
        last = _centred("double", _name_spans(node), length, direction)
        mark.shapes.append(last)
        length += last.width if direction == "LR" else last.height
    mark.box = _bounding_box(mark, length, direction)
    return mark


def make_label(edge: Edge, picture: Picture) -> tuple[tuple[Span, ...], float] | None:
    """The pill of an edge: its spans and its width; None when there is nothing to show."""
    if edge.local is None or "local" not in picture.show:
        return None
    text = local_text(edge.local, picture.precision)
    if not text:
        return None
    rule, equals, number = text.partition(" = ")
    spans: tuple[Span, ...] = (Span(text, "small"),)
    if equals and not rule_says_number(edge.local, picture.precision) and is_symbol(rule):
        spans = (Span(rule, "symbol", style="math"), Span(equals + number, "small"))
    elif is_symbol(text):
        spans = (Span(text, "symbol", style="math"),)
    return spans, sum(span.width for span in spans) + 14.0


def label_box(width: float, direction: Direction) -> Box:
    """The room that a pill of this width takes."""
    height = 20.0
    if direction == "LR":
        return Box(width, height / 2, height / 2)
    return Box(height, width / 2, width / 2)


def _main_shape(node: Node, picture: Picture, direction: Direction) -> Shape:
    if node.op:
        glyph = node.op
        if len(glyph) == 1:
            size = "glyph" if glyph in _BIG_GLYPHS else "symbol"
            return _centred("circle", [(Span(glyph, size),)], 0.0, direction)
        return _centred("pill", [(Span(glyph, "number"),)], 0.0, direction)
    if node.kind == "constant":
        number = quantity_text(node.value, picture.precision)
        text = number if node.auto_name else node.name
        if not node.auto_name and "value" in picture.show and not node.shape:
            text = f"{node.name} = {number}"
        return _centred("bare", [(Span(text, "number", "muted"),)], 0.0, direction)
    form: Form = "parameter" if node.kind == "parameter" else "rect"
    return _centred("double" if node.output else form, _name_spans(node), 0.0, direction)


def _name_spans(node: Node) -> list[tuple[Span, ...]]:
    if is_symbol(node.name):
        return [(Span(node.name, "symbol", style="math"),)]
    return [(Span(line, "name"),) for line in wrap_name(node.name)]


def _centred(
    form: Form, lines: list[tuple[Span, ...]], start: float, direction: Direction
) -> Shape:
    """A shape centred on the wire, beginning at `start` along it, with its lines inside."""
    widest = max(sum(span.width for span in line) for line in lines)
    height = max(_BOX_HEIGHT, LINE * len(lines) + 12.0)
    width = max(widest + {"bare": 4.0, "pill": 22.0, "double": 24.0}.get(form, 18.0), 30.0)
    if form == "circle":
        width = height = 2 * RADIUS
    if form == "bare":
        width, height = widest + 4.0, LINE + 3.0
    x, y = (start, -height / 2) if direction == "LR" else (-width / 2, start)
    middle = y + height / 2 - LINE * (len(lines) - 1) / 2
    placed = tuple(
        TextLine(line, x + width / 2, middle + i * LINE + _drop(line), "middle")
        for i, line in enumerate(lines)
    )
    return Shape(form, x, y, width, height, placed)


def _drop(line: tuple[Span, ...]) -> float:
    """From the middle of a line down to its baseline."""
    return max(_SIZES[span.size] for span in line) * 0.35


def _value_lines(node: Node, picture: Picture, named: bool) -> list[tuple[Span, ...]]:
    name: list[Span] = []
    if node.op and named and not node.output:
        lines = wrap_name(node.name)
        name = [Span(lines[-1] if len(lines) == 1 else "…" + lines[-1], "name")]
        if is_symbol(node.name):
            name = [Span(node.name, "symbol", style="math")]
    shape = shape_text(node)
    silent = "value" not in picture.show or _untouched(node.value, node, picture)
    if silent or node.kind == "constant":
        tail = [Span(shape, "small", "muted")] if shape else []
        found = _joined(name, tail, "  ")
        return [found] if found else []
    sign, number = value_words(node, picture)
    sign = "" if _alike(node, picture) else sign
    value = _number(node.value, f"{sign} {number}" if sign else number, "value")
    if not shape:
        return [_joined(name, [value], "  " if picture.overlay else " = ")]
    return [_joined(name, [Span(shape, "small", "muted")], "  "), (value,)]


def _untouched(quantity: Quantity, node: Node, picture: Picture) -> bool:
    """Whether an overlay has nothing to say about a node: it is drawn without a number."""
    return picture.overlay is not None and isinstance(quantity, Absent) and not node.notes


def _alike(node: Node, picture: Picture) -> bool:
    """Whether the two numbers of an overlay are one."""
    return picture.overlay is not None and picture.overlay.alike and node.value == node.grad


def _joined(left: list[Span], right: list[Span], between: str) -> tuple[Span, ...]:
    gap = [Span(between, "small", "muted")] if left and right else []
    return (*left, *gap, *right)


def _grad_lines(node: Node, picture: Picture) -> list[tuple[Span, ...]]:
    if "grad" not in picture.show or node.kind == "constant":
        return []
    if _untouched(node.grad, node, picture) or _alike(node, picture):
        return []
    label, number = grad_words(node, picture)
    colour = "muted" if isinstance(node.grad, Absent) else "grad"
    written = _number(node.grad, number, "grad")
    gap = "\u2002" if written.style == "badge" else " "
    return [(Span(label + gap, "name", colour, "label"), written)]


def _number(quantity: Quantity, text: str, colour: str) -> Span:
    if isinstance(quantity, Absent):
        return Span(text, "number", "muted", "absent")
    if is_broken(quantity):
        return Span(text, "number", "badge", "badge")
    return Span(text, "number", colour, "bold" if is_zero(quantity) and colour == "grad" else "")


def _stub_length(
    above: list[tuple[Span, ...]], below: list[tuple[Span, ...]], direction: Direction
) -> float:
    lines = [*above, *below]
    if not lines:
        return _BARE_STUB
    if direction == "TB":
        return len(lines) * LINE + 8.0
    return max(_LEAST_STUB, max(sum(span.width for span in line) for line in lines) + 14.0)


def _along_wire(
    above: list[tuple[Span, ...]], below: list[tuple[Span, ...]], reach: float, stub: float
) -> list[TextLine]:
    middle = reach + stub / 2
    top = [
        TextLine(line, middle, -_CLEAR - LINE * (len(above) - 1 - i), "middle")
        for i, line in enumerate(above)
    ]
    bottom = [
        TextLine(line, middle, _CLEAR + 10.0 + LINE * i, "middle") for i, line in enumerate(below)
    ]
    return top + bottom


def _beside_wire(
    above: list[tuple[Span, ...]], below: list[tuple[Span, ...]], reach: float, stub: float
) -> list[TextLine]:
    return [
        TextLine(line, 8.0, reach + 15.0 + LINE * i, "start")
        for i, line in enumerate([*above, *below])
    ]


def lengthen(mark: Mark, extra: float, direction: Direction) -> None:
    """Make the stub longer; what stands on it or behind it moves along."""
    if extra <= 0.0:
        return
    begin, end = mark.stub
    mark.stub = (begin, end + extra)
    mark.box.length += extra
    if direction == "LR":
        mark.lines = [replace(line, x=line.x + extra / 2) for line in mark.lines]
    dx, dy = (extra, 0.0) if direction == "LR" else (0.0, extra)
    mark.shapes[1:] = [
        replace(s, x=s.x + dx, y=s.y + dy,
                lines=tuple(replace(t, x=t.x + dx, y=t.y + dy) for t in s.lines))
        for s in mark.shapes[1:]
    ]  # fmt: skip


def _bounding_box(mark: Mark, length: float, direction: Direction) -> Box:
    low = high = 2.0
    for shape in mark.shapes:
        size = shape.height if direction == "LR" else shape.width
        low, high = max(low, size / 2), max(high, size / 2)
    for line in mark.lines:
        if direction == "LR":
            low = max(low, -line.y + LINE * (1 - _DESCENT))
            high = max(high, line.y + LINE * _DESCENT)
        else:
            high = max(high, line.x + line.width)
    main = mark.shapes[0]
    across = main.height if direction == "LR" else main.width
    return Box(length, low, high, spread=across * (0.33 if main.form == "circle" else 0.25))
