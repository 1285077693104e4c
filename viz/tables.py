"""Tables and bars that several views share: aligned text, HTML, and a small bar chart as SVG."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from .fonts import text_width
from .graph_marks import px
from .style import style_sheet
from .text import columns_wide
from .theme import find_theme
from .wording import short_line as without_folder

_MARGIN, _TITLE, _ROW, _BAR, _CURVE = 14.0, 30.0, 22.0, 180.0, 84.0
_COLOURS = (
    (".bar", "fill", "value"),
    (".more", "fill", "grad"),
    (".curve", "stroke", "value"),
    (".axis", "stroke", "wire"),
)
_FORM = "& .axis{stroke-opacity:.5}& .curve{fill:none;stroke-width:1.5px}"


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a chart: a label, a length, what is written beside it, and a second length."""

    label: str
    length: float
    text: str
    more: float = 0.0


def text_table(rows: Sequence[Sequence[str]], right: Sequence[bool]) -> str:
    """Align rows (the first holds the heads) into lines; `right` says which columns are numbers.

    >>> text_table([("op", "n"), ("exp", "12")], (False, True))
    'op     n\\nexp   12'
    """
    widths = [max(columns_wide(row[k]) for row in rows) for k in range(len(right))]
    lines = []
    for row in rows:
        cells = []
        for cell, width, flush in zip(row, widths, right, strict=True):
            gap = " " * (width - columns_wide(cell))
            cells.append(gap + cell if flush else cell + gap)
        lines.append("   ".join(cells).rstrip())
    return "\n".join(lines)


def html_table(rows: Sequence[Sequence[str]], right: Sequence[bool]) -> str:
    """The same rows as an HTML table in the look of `Report`."""
    looks = [' class="cr-number"' if flush else "" for flush in right]
    head = "".join(
        f'<th scope="col"{look}>{escape(cell)}</th>'
        for cell, look in zip(rows[0], looks, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{look}>{escape(cell)}</td>" for cell, look in zip(row, looks, strict=True))
        + "</tr>\n"
        for row in rows[1:]
    )
    return (
        f'<table class="cr-table">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n'
        "</table>\n"
    )


def cut(text: str, longest: int = 60) -> str:
    """A text of at most `longest` characters; what is left out is marked."""
    return text if len(text) <= longest else text[: longest - 1].rstrip(" ,") + "…"


def short_line(who: str) -> str:
    """A line of the user's without its folder, cut at 64 characters; other words as they are.

    >>> short_line("lib/train.py:12: y = model(x)")
    'train.py:12: y = model(x)'
    """
    return cut(without_folder(who), 64)


def bar_chart(
    title: str,
    bars: Sequence[Bar],
    said: str,
    theme: str | None,
    *,
    legend: Sequence[tuple[str, str]] = (),
    curve: Sequence[float] = (),
    curve_title: str = "",
) -> str:
    """Draw bars below each other, and a curve under them; `said` describes all in words.

    `legend` lists (class, words) for the lengths; the class is "bar" or "more".
    """
    parts = [_text(_MARGIN, _MARGIN + 12, title, "ink title")]
    labels = max((text_width(bar.label, 12.0) for bar in bars), default=0.0)
    left = _MARGIN + labels + 12.0
    most = max((bar.length + bar.more for bar in bars), default=0.0) or 1.0
    width = max(text_width(title, 15.0) + 2 * _MARGIN, left + _BAR + _MARGIN)
    y = _MARGIN + _TITLE
    for bar in bars:
        first, second = _BAR * bar.length / most, _BAR * bar.more / most
        parts.append(_text(left - 12.0, y + 14, bar.label, "ink name", "end"))
        for name, start, size in (("bar", 0.0, first), ("more", first, second)):
            if size > 0:
                parts.append(
                    f'<rect class="{name}" x="{px(left + start)}" y="{px(y + 4)}" '
                    f'width="{px(max(size, 1.0))}" height="13"/>'
                )
        parts.append(_text(left + first + second + 7, y + 15, bar.text, "ink small"))
        width = max(width, left + first + second + 7 + text_width(bar.text, 11.0) + _MARGIN)
        y += _ROW
    for name, words in legend:
        colour = "value" if name == "bar" else "grad"
        parts.append(_text(left, y + 16, words, f"{colour} small"))
        width = max(width, left + text_width(words, 11.0) + _MARGIN)
        y += 17.0
    if curve:
        y += 14.0
        parts += [_text(_MARGIN, y + 12, curve_title, "ink name"), *_curve(curve, y + 24.0)]
        width = max(width, text_width(curve_title, 12.0) + 2 * _MARGIN, 300.0 + 2 * _MARGIN)
        y += _CURVE
    return _figure(parts, width, y + _MARGIN, title, said, theme)


def _curve(values: Sequence[float], top: float) -> list[str]:
    """A line over steps, 300 pixels wide, from 0 at the bottom to its largest value."""
    height, most = 56.0, max(values) or 1.0
    wide = 300.0 / max(len(values) - 1, 1)
    points = "L".join(
        f"{px(_MARGIN + k * wide)} {px(top + height * (1 - v / most))}"
        for k, v in enumerate(values)
    )
    axis = f'<path class="axis" d="M{px(_MARGIN)} {px(top + height)}h300"/>'
    return [axis, f'<path class="curve" d="M{points}"/>']


def _text(x: float, y: float, words: str, look: str, anchor: str = "") -> str:
    placed = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text class="{look}" x="{px(x)}" y="{px(y)}"{placed}>{escape(words)}</text>'


def _figure(
    parts: Sequence[str], width: float, height: float, title: str, said: str, theme: str | None
) -> str:
    facts = "\n".join([*parts, said, theme or "auto"])
    key = "cr-" + hashlib.sha256(facts.encode()).hexdigest()[:8]
    size = f'width="{px(width)}" height="{px(height)}" viewBox="0 0 {px(width)} {px(height)}"'
    sheet = style_sheet(key, find_theme(theme), _COLOURS, _FORM)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{key}" class="{key}" role="img" {size}>\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(said)}</desc>\n"
        f"<style>{sheet}</style>\n{chr(10).join(parts)}\n</svg>\n"
    )
