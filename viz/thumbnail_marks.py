"""The form of thumbnails: their sizes, the words beside them, and their place at a node."""

from __future__ import annotations

from .heat_png import fitted, uri_length
from .layout import Direction
from .marks import LINE, Mark, Plate, Span, TextLine, lengthen
from .model import HeatMap, Histogram, Picture, Quantity, Summary
from .numbers import MINUS, format_number

ROOM = 2_000  # bytes that the thumbnails and the numbers of a node may take ...
_ALL = 230_000  # ... and those of all nodes
_FIRST = 0.76  # of the room of a node, what the thumbnail of its value may take
_HISTOGRAM = (96.0, 14.0)
_OVERHANG = 3.0  # how far the mark of 0 goes beyond a histogram
_WIDEST, _TALLEST, _CELL = 72, 48, 8  # pixels
_COARSE = 32  # cells on a side that are drawn two pixels wide for all that
_SHORT, _LEAST = 24.0, 10.0  # pixels of a side
_DIGITS = 3  # of limits
_PITCH, _KEY, _GAP = 13.0, 7.0, 6.0
_APART = 5.0  # between a thumbnail and the lines of text above and below it


def room_of(picture: Picture) -> int:
    """Bytes that the thumbnails and numbers of each node may take."""
    return min(ROOM, _ALL // max(1, len(picture.nodes)))


def add_plates(mark: Mark, picture: Picture, direction: Direction) -> None:
    """Place the thumbnails of a node's value and gradient beside their numbers."""
    if picture.overlay is not None:
        return
    node, show, room = mark.node, picture.show, room_of(picture)
    first = int(room * _FIRST) if "grad" in show else room
    value = _plate(node.value, "value", first) if "value" in show else None
    left = room - plate_bytes(value) if value else room
    grad = _plate(node.grad, "grad", left) if "grad" in show else None
    if "value" in show and grad and isinstance(grad.thumbnail, Histogram):
        grad = None  # one histogram a node
    if value is None and grad is None:
        return
    place = _beside_wire if direction == "TB" else _along_wire
    place(mark, value, grad)


def plate_bytes(plate: Plate) -> int:
    """About how many bytes a thumbnail takes in a drawing."""
    if isinstance(plate.thumbnail, Histogram):
        return 10 * len(plate.thumbnail.counts)
    return uri_length(plate.data, plate.colours)


def _plate(quantity: Quantity, colour: str, room: int) -> Plate | None:
    if not isinstance(quantity, Summary) or quantity.thumbnail is None:
        return None
    if isinstance(quantity.thumbnail, Histogram):
        width, height = _HISTOGRAM
        return Plate(quantity.thumbnail, _HISTOGRAM, width, height + _OVERHANG, colour=colour)
    return _heat_plate(*fitted(quantity.thumbnail, room))


def _heat_plate(heat: HeatMap, data: bytes, colours: int) -> Plate:
    """The limits at the right of a heat map: the highest above, the lowest below."""
    width, height = _image_size(heat.rows, heat.columns)
    high = format_number(heat.high, _DIGITS)
    rows = [("most", high)]
    if 0 in heat.levels:
        rows.append(("odd", "not finite"))
    if heat.clipped:
        rows.append(("", f"{heat.clipped} clipped"))
    if heat.pooled != (1, 1):
        rows.append(("", "max pooled"))
    if heat.diverging:
        rows.append(("least", MINUS + high))
    else:
        rows.append(("none", format_number(heat.low, _DIGITS)))
    full = max(height, _PITCH * len(rows) - 3.0)
    step = (full - 10.0) / (len(rows) - 1)
    left = width + _GAP
    lines = tuple(
        TextLine((Span(text, "small", "muted"),), left + _KEY + 4.0, 9.0 + step * k, "start")
        for k, (_, text) in enumerate(rows)
    )
    keys = tuple((name, left, 1.5 + step * k) for k, (name, _) in enumerate(rows) if name)
    right = max(line.x + line.width for line in lines)
    return Plate(heat, (width, height), right, full, lines, keys, data, colours)


def _image_size(rows: int, columns: int) -> tuple[float, float]:
    """Square cells of whole pixels; a side that is very short is twice as long."""
    cell = max(1, min(_CELL, _WIDEST // columns, _TALLEST // rows))
    if cell == 1 and max(rows, columns) <= _COARSE:
        cell = 2
    width, height = float(columns * cell), float(rows * cell)
    wide, high = (min(2 * side, _SHORT) if side < _SHORT else side for side in (width, height))
    return max(wide, _LEAST), max(high, _LEAST)


def _along_wire(mark: Mark, value: Plate | None, grad: Plate | None) -> None:
    """Between the name and the value above the wire; the gradient's below all."""
    widest = max(plate.width for plate in (value, grad) if plate)
    lengthen(mark, max(0.0, widest + 14.0 - (mark.stub[1] - mark.stub[0])), "LR")
    middle = sum(mark.stub) / 2
    if value:
        number = max(line.y for line in mark.lines if line.y < 0)
        room = value.height + _APART
        mark.lines = [_moved(t, -room) if t.y < number else t for t in mark.lines]
        top = number - LINE * 0.8 - value.height - _APART / 2
        _put(mark, value, middle - value.width / 2, top)
        mark.box.low += room
    if grad:
        top = max((line.y for line in mark.lines), default=0.0) + _APART + 1.0
        _put(mark, grad, middle - grad.width / 2, top)
        mark.box.high = max(mark.box.high, top + grad.height + 2.0)


def _beside_wire(mark: Mark, value: Plate | None, grad: Plate | None) -> None:
    """Right of the wire: name, the value's thumbnail, the numbers, the gradient's thumbnail."""
    if value:
        _insert(mark, 1, value)
    if grad:
        _insert(mark, len(mark.lines), grad)


def _insert(mark: Mark, place: int, plate: Plate) -> None:
    """Put a thumbnail below the first lines of text; what is below moves down."""
    top = mark.lines[place - 1].y + _APART
    room = plate.height + _APART
    mark.lines[place:] = [_moved(line, room) for line in mark.lines[place:]]
    lengthen(mark, room, "TB")
    _put(mark, plate, mark.lines[0].x, top)
    mark.box.high = max(mark.box.high, mark.lines[0].x + plate.width)


def _moved(line: TextLine, down: float) -> TextLine:
    return TextLine(line.spans, line.x, line.y + down, line.anchor)


def _put(mark: Mark, plate: Plate, x: float, y: float) -> None:
    plate.x, plate.y = x, y
    mark.plates.append(plate)
