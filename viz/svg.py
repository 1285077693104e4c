"""Paint a picture as SVG: complete without scripts, light and dark, the same bytes every time."""

from __future__ import annotations

import hashlib
from html import escape

from .figure import Canvas, Engine, Figure, measure
from .layout import Direction
from .model import Picture
from .style import style_sheet
from .text import paint_text
from .theme import Theme, find_theme
from .thumbnail_svg import RULES, has_plates, plate_form


def paint_svg(
    picture: Picture,
    *,
    theme: str | None = None,
    direction: Direction | None = None,
    layout: Engine | None = None,
    legend: bool = True,
    salt: str = "",
) -> str:
    """Draw a picture: value above each wire, gradient below, local derivative on every edge.

    `theme` is one of auto, light, dark, lecture, print; `layout` is "layers" (ours) or "dot". Ids
    are made from the content and `salt`, so several figures may stand on one page. Raises
    ValueError for an unknown theme or layout.
    """
    colours = find_theme(theme)
    figure = measure(picture, direction, layout)
    canvas = Canvas(figure, legend=legend, grey=theme == "print")
    canvas.paint()
    text = paint_text(picture)
    facts = "\n".join([*canvas.parts, text, theme or "auto", salt])
    key = "cr-" + hashlib.sha256(facts.encode()).hexdigest()[:8]
    body = "\n".join(canvas.parts).replace(' id="', f' id="{key}-')
    width, height = canvas.size()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{key}" class="{key}" role="group" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
        f"<title>{escape(_name(figure))}</title>\n<desc>{escape(text)}</desc>\n"
        f"<style>{_style(key, colours, figure, canvas.grey)}</style>\n{body}\n</svg>\n"
    )


_BACK = ((".dash", "stroke", "grad"), (".dart", "fill", "grad"))
_BACK_FORM = "& .dash{fill:none;stroke-width:1.25px;stroke-dasharray:3 4}"


_FOCUS: tuple[tuple[str, str, str], ...] = (("[tabindex]:focus-visible", "outline-color", "value"),)
_FOCUS_FORM = (
    "& [tabindex]:focus:not(:focus-visible){outline:none}"
    "& [tabindex]:focus-visible{outline-style:solid;"
    "outline-width:2px;outline-offset:3px}"
)


def _style(key: str, colours: Theme, figure: Figure, grey: bool) -> str:
    rules, form = _FOCUS, _FOCUS_FORM
    if "backward" in figure.picture.show:
        rules, form = (*rules, *_BACK), form + _BACK_FORM
    if has_plates(figure.marks):
        rules, form = (*rules, *RULES), form + plate_form(grey)
    return style_sheet(key, colours, rules, form)


def _name(figure: Figure) -> str:
    return figure.picture.title or "Computational graph"
