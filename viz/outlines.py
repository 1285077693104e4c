"""Outlines and lines of text as SVG elements, relative to where their node starts."""

from __future__ import annotations

from html import escape

from .marks import Shape, Span, TextLine

_HEADER = 26


def outline(shape: Shape) -> list[str]:
    """The SVG elements of a shape, relative to its node's start."""
    x, y, width, height = shape.x, shape.y, shape.width, shape.height
    parts: list[str] = []
    if shape.form == "circle":
        centre = f'cx="{px(x + width / 2)}" cy="{px(y + height / 2)}"'
        parts.append(f'<circle class="op" {centre} r="{px(width / 2)}"/>')
    elif shape.form == "pill":
        parts.append(_rect("op", x, y, width, height, height / 2))
    elif shape.form == "double":
        parts.append(_rect("op", x, y, width, height, 4.0))
        parts.append(_rect("op", x + 3.5, y + 3.5, width - 7.0, height - 7.0, 2.0))
    elif shape.form == "parameter":
        parts.append(_rect("parameter", x, y, width, height, 3.0))
        corner = f"M{px(x + width - 9)} {px(y)}H{px(x + width)}V{px(y + 9)}Z"
        parts.append(f'<path class="corner" d="{corner}"/>')
    elif shape.form in {"module", "failed"}:
        parts.append(_rect(shape.form, x, y, width, height, 8.0))
    elif shape.form == "rect":
        parts.append(_rect("box", x, y, width, height, 3.0))
    parts.extend(text_element(line) for line in shape.lines)
    return parts


def header(width: float) -> str:
    """The strip that a frame's title stands on; what comes in from above passes behind it."""
    right = px(width - 0.5)
    corners = f"C0.5 4 4 0.5 8 0.5H{px(width - 8)}C{px(width - 4)} 0.5 {right} 4 {right} 8"
    return f'<path class="head" d="M0.5 {_HEADER}V8{corners}V{_HEADER}Z"/>'


def _rect(name: str, x: float, y: float, width: float, height: float, radius: float) -> str:
    size = f'width="{px(width)}" height="{px(height)}"'
    return f'<rect class="{name}" x="{px(x)}" y="{px(y)}" {size} rx="{px(radius)}"/>'


def text_element(line: TextLine) -> str:
    """A line of text as an SVG element."""
    anchor = ' text-anchor="middle"' if line.anchor == "middle" else ""
    place = f'x="{px(line.x)}" y="{px(line.y)}"{anchor}'
    if len(line.spans) == 1:
        span = line.spans[0]
        return f'<text class="{_classes(span)}" {place}>{escape(span.text)}</text>'
    runs = "".join(
        f'<tspan class="{_classes(span)}">{escape(span.text)}</tspan>' for span in line.spans
    )
    return f'<text {place} xml:space="preserve">{runs}</text>'


def _classes(span: Span) -> str:
    words = [span.colour, "" if span.size == "number" else span.size, *span.style.split()]
    return " ".join(dict.fromkeys(filter(None, words)))


def px(length: float) -> str:
    """Pixels with at most one decimal, never −0."""
    text = f"{length:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
