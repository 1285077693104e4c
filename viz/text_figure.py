"""Lines of text as SVG: what a table or an answer in words looks like where a picture is wanted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from html import escape
from textwrap import wrap

from .fonts import MONO
from .graph_marks import px
from .style import style_sheet
from .text import columns_wide
from .theme import find_theme

_SIZE, _LINE, _MARGIN = 12.5, 18.0, 16.0
_ADVANCE = 0.615  # of the size: the widest of Menlo, DejaVu Sans Mono and SF Mono
_LONGEST = 100  # columns of a sentence; tables are kept as they are
_FORM = "& .line{font-family:" + MONO + ";font-size:12.5px;white-space:pre}"


def paint_lines(text: str, title: str, theme: str | None) -> str:
    """Set the lines of a text below each other; long sentences are wrapped.

    >>> paint_lines("a  b", "t", None).count("<text")
    1
    """
    lines = [part for line in text.rstrip("\n").split("\n") for part in _fitted(line)]
    width = _MARGIN * 2 + _SIZE * _ADVANCE * max(map(columns_wide, lines))
    height = _MARGIN * 2 + _LINE * len(lines)
    parts = [
        f'<text class="ink line" x="{px(_MARGIN)}" y="{px(_MARGIN + 13 + _LINE * k)}" '
        f'xml:space="preserve">{escape(line)}</text>'
        for k, line in enumerate(lines)
        if line
    ]
    facts = "\n".join([*parts, theme or "auto"])
    key = "cr-" + hashlib.sha256(facts.encode()).hexdigest()[:8]
    sheet = style_sheet(key, find_theme(theme), (), _FORM)
    size = f'width="{px(width)}" height="{px(height)}" viewBox="0 0 {px(width)} {px(height)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{key}" class="{key}" role="img" {size}>\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(text)}</desc>\n"
        f"<style>{sheet}</style>\n{chr(10).join(parts)}\n</svg>\n"
    )


def _fitted(line: str) -> Iterator[str]:
    """A sentence in lines with its indent; a row of a table, which has gaps, as it is."""
    body = line.lstrip(" ")
    indent = line[: len(line) - len(body)]
    if columns_wide(line) <= _LONGEST or "   " in body:
        yield line
        return
    for k, part in enumerate(wrap(body, _LONGEST - len(indent) - 2)):
        yield indent + ("  " if k else "") + part
