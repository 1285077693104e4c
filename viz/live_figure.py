"""A figure whose numbers change in the page: the usual drawing with handles for a script.

Every node and edge carries its key, every number its role; room is kept for the widest number that
will stand there, so nothing moves and nothing overlaps. Without scripts it is the complete figure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape

from .figure import Canvas, Figure, default_direction, way_back
from .layering import Box
from .layout import Direction, lay_out
from .marks import LINE, Mark, Span, TextLine, label_box, lengthen, make_label, make_mark
from .model import Node, Picture
from .style import style_sheet
from .text import paint_text
from .theme import Theme, tokens

Pill = tuple[tuple[Span, ...], float]
_HATCH = (
    '<defs><pattern id="hatch" class="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><path d="M0 0V6"/></pattern></defs>'
)
_WRONG = ("#B3001B", "#FF8095")  # on white 6.9 : 1, on the dark page 8.0 : 1


@dataclass(frozen=True, slots=True)
class LiveFigure:
    """An SVG with handles, and the class that its parts are styled under."""

    svg: str
    key: str


def paint_live(
    picture: Picture,
    roomy: Picture,
    theme: Theme,
    *,
    counters: Mapping[int, tuple[str, str]] | None = None,
    direction: Direction | None = None,
    backward: bool = False,
    salt: str = "",
) -> LiveFigure:
    """Draw `picture` with the room that `roomy` needs: the same picture with its widest numbers.

    `counters` are lines under nodes, each with the longest text that may stand there; `backward`
    draws a dashed arrow back beside each edge that gradient flows along.
    """
    direction = direction or default_direction(picture)
    figure = _measured(picture, roomy, direction, counters or {})
    canvas = _LiveCanvas(figure)
    canvas.backward = backward
    canvas.paint()
    text = paint_text(picture)
    facts = "\n".join([*canvas.parts, text, *tokens(theme.base).values(), salt])
    key = "cr-" + hashlib.sha256(facts.encode()).hexdigest()[:8]
    body = "\n".join(canvas.parts).replace(' id="', f' id="{key}-')
    width, height = canvas.size()
    style = "\n".join([style_sheet(key, theme), _live_style(key, theme)])
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{key}" role="group" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
        f"<title>{escape(picture.title or 'Computational graph')}</title>\n"
        f"<desc>{escape(text)}</desc>\n<style>{style}</style>\n{body}\n</svg>\n"
    )
    return LiveFigure(svg, key)


def _measured(
    picture: Picture,
    roomy: Picture,
    direction: Direction,
    counters: Mapping[int, tuple[str, str]],
) -> Figure:
    """Everything in its place, measured in the roomy picture, written from the real one."""
    marks = {
        node.key: _mark(node, wide, picture, roomy, direction, counters.get(node.key))
        for node, wide in zip(picture.nodes, roomy.nodes, strict=True)
    }
    wide_pills = [make_label(edge, roomy) for edge in roomy.edges]
    pills = tuple(
        (_with_role(make_label(edge, picture)), wide[1]) if wide else None
        for edge, wide in zip(picture.edges, wide_pills, strict=True)
    )
    rooms: list[Box | None] = [label_box(w[1], direction) if w else None for w in wide_pills]
    boxes = {key: mark.box for key, mark in marks.items()}
    return Figure(picture, marks, pills, lay_out(picture, boxes, rooms, direction=direction))


def _with_role(pill: Pill | None) -> tuple[Span, ...]:
    """The spans of a local derivative; the last one is its number."""
    spans = pill[0] if pill else ()
    if not spans:
        return (Span("", "small", style="of-local"),)
    return (*spans[:-1], replace(spans[-1], style=f"{spans[-1].style} of-local".strip()))


def _mark(
    node: Node,
    wide: Node,
    picture: Picture,
    roomy: Picture,
    direction: Direction,
    counter: tuple[str, str] | None,
) -> Mark:
    """A node's form with the room of `wide` and the numbers of `node`."""
    mark = make_mark(wide, roomy, direction, named=True)
    real = make_mark(node, picture, direction, named=True)
    mark.node = node
    mark.shapes = [replace(w, lines=_moved(r.lines, w.lines))
                   for r, w in zip(real.shapes, mark.shapes, strict=True)]  # fmt: skip
    mark.lines = [_hooked(line, node) for line in _moved(real.lines, mark.lines)]
    if counter:
        _add_counter(mark, *counter, direction)
    return mark


def _moved(
    real: list[TextLine] | tuple[TextLine, ...], wide: list[TextLine] | tuple[TextLine, ...]
) -> tuple[TextLine, ...]:
    return tuple(replace(r, x=w.x, y=w.y) for r, w in zip(real, wide, strict=True))


def _hooked(line: TextLine, node: Node) -> TextLine:
    """Give the number on a line its role: value or gradient."""
    last = line.spans[-1]
    if line.spans[0].style == "label":
        label = replace(line.spans[0], style="label of-label")
        number = replace(last, style=f"{last.style} of-grad".strip())
        return replace(line, spans=(label, number))
    is_value = last.colour in {"value", "badge"} or last.style == "absent"
    if not is_value or node.kind == "constant":
        return line
    number = replace(last, style=f"{last.style} of-value".strip())
    return replace(line, spans=(*line.spans[:-1], number))


def _add_counter(mark: Mark, text: str, longest: str, direction: Direction) -> None:
    """A line below the gradient; the stub of wire grows where the longest text needs it."""
    span = Span(text, "small", "muted", "of-count")
    width = Span(longest, "small").width
    if direction == "TB":
        line = TextLine((span,), 8.0, mark.stub[0] + 15.0 + LINE * len(mark.lines), "start")
        lengthen(mark, LINE, direction)
        mark.box.high = max(mark.box.high, line.x + width)
        mark.lines.append(line)
        return
    begin, end = mark.stub
    lengthen(mark, max(0.0, width + 14.0 - (end - begin)), direction)
    line = TextLine((span,), sum(mark.stub) / 2, 15.0 + LINE, "middle")
    mark.box.high = max(mark.box.high, line.y + 4.0)
    mark.lines.append(line)


class _LiveCanvas(Canvas):
    """Marks the elements of nodes and edges with their keys."""

    backward = False

    def _wires(self) -> None:
        start = len(self.parts)
        Canvas._wires(self)
        for i in range(len(self.figure.picture.edges)):
            for at in (start + 2 * i, start + 2 * i + 1):
                self.parts[at] = _tagged(self.parts[at], f'data-edge="{i}"')
        if self.backward:
            self.parts.append(_HATCH)
            self.parts += [twin for i in range(len(self.figure.picture.edges))
                           if (twin := self._twin(i, self.parts[start + 2 * i]))]  # fmt: skip

    def _twin(self, i: int, wire: str) -> str:
        """The way back beside a wire: the same path, dashed, with its tip at the source."""
        if self.figure.picture.edges[i].local is None:
            return ""
        path = wire.partition(' d="')[2].partition('"')[0]
        shift, tip = way_back(self.figure.layout.routes[i][0], self._turned)
        return (
            f'<g class="back" data-edge="{i}" transform="{shift}">'
            f'<path class="dash" d="{path}"/><path class="dart" d="{tip}"/></g>'
        )

    def _node(self, mark: Mark, wired: bool) -> None:
        start = len(self.parts)
        Canvas._node(self, mark, wired)
        key = mark.node.key
        self.parts[start] = _tagged(self.parts[start], f'class="node" data-node="{key}"')

    def _pills(self) -> None:
        start = len(self.parts)
        Canvas._pills(self)
        shown = [
            i
            for i, (pill, place) in enumerate(
                zip(self.figure.pills, self.figure.layout.labels, strict=True)
            )
            if pill is not None and place is not None
        ]
        for n, i in enumerate(shown):
            at = start + 2 * n
            self.parts[at] = f'<g class="local" data-edge="{i}">{self.parts[at]}'
            self.parts[at + 1] += "</g>"


def _tagged(element: str, attributes: str) -> str:
    """Put attributes into an element's opening tag."""
    name, _, rest = element.partition(" ")
    return f"{name} {attributes} {rest}"


def variables(selector: str, theme: Theme) -> str:
    """The theme's colours as CSS variables of an element, light and dark as the reader has it."""
    dark = theme.dark

    def block(palette_of: Theme, at_night: bool) -> str:
        palette = palette_of.dark if at_night and palette_of.dark else palette_of.base
        listed = {**tokens(palette), "wrong": _WRONG[at_night]}
        return ";".join(f"--cr-{name}:{colour}" for name, colour in listed.items())

    night = block(theme, True)
    day = block(theme, theme.base.page == "#15171C")
    lines = [f"{selector}{{{day}}}"]
    if dark is not None:
        places = ('[data-jp-theme-light="false"]', ".vscode-dark", ".vscode-high-contrast")
        light = ('[data-jp-theme-light="true"]', ".vscode-light")
        lines += [
            f"@media (prefers-color-scheme:dark){{{selector}{{{night}}}}}",
            ",".join(f"{place} {selector}" for place in light) + f"{{{day}}}",
            ",".join(f"{place} {selector}" for place in places) + f"{{{night}}}",
        ]
    return "\n".join(lines)


def _live_style(key: str, theme: Theme) -> str:
    """What the usual style sheet lacks: backward arrows, lit parts, wrong totals, focus."""
    root, base = f".{key}", theme.base
    grad = f"var(--cr-grad,{base.grad})"
    value = f"var(--cr-value,{base.value})"
    wrong = f"var(--cr-wrong,{_WRONG[0]})"
    wire = f"var(--cr-wire,{base.wire})"
    return "\n".join(
        [
            f"{root} .dash{{fill:none;stroke:{wire};stroke-width:1.25px;stroke-dasharray:3 4}}",
            f"{root} .dart{{fill:{wire}}}",
            f"{root} .back.on .dash{{stroke:{grad};stroke-width:2px}}",
            f"{root} .back.on .dart{{fill:{grad}}}",
            f"{root} .lit-value>.op,{root} .lit-value>.box,{root} .lit-value>.parameter"
            f"{{stroke:{value};stroke-width:3px}}",
            f"{root} .lit-grad>.op,{root} .lit-grad>.box,{root} .lit-grad>.parameter"
            f"{{stroke:{grad};stroke-width:3px}}",
            f"{root} .wire.on{{stroke:{value};stroke-width:2.25px}}",
            f"{root} .local.on .pill{{stroke:{grad};stroke-width:2px}}",
            f"{root} .later{{visibility:hidden}}",
            f"{root} .is-wrong{{fill:{wrong};font-weight:700}}",
            f"{root} .hatch path{{stroke:{wrong};stroke-width:2px}}",
            f"{root} .bad>.op,{root} .bad>.box,{root} .bad>.parameter"
            f"{{fill:url(#{key}-hatch);stroke:{wrong};stroke-width:2.5px}}",
            f"{root} .bad>.math,{root} .bad>.name{{stroke:var(--cr-page,{base.page});"
            "stroke-width:5px;paint-order:stroke;stroke-linejoin:round}",
            f"{root} .node:focus{{outline:none}}",
            f"{root} .node:focus-visible{{outline:2px solid {value};outline-offset:3px}}",
        ]
    )
