"""Paint a picture as one HTML page: the SVG and its text form; no request, a script for keys."""

from __future__ import annotations

from html import escape

from .figure import Engine, default_direction
from .fonts import MONO, SANS
from .layout import Direction
from .live_page import as_data, asset, in_script
from .model import Picture
from .svg import paint_svg
from .text import paint_text
from .theme import Palette, Theme, find_theme


def paint_html(
    picture: Picture,
    *,
    theme: str | None = None,
    direction: Direction | None = None,
    layout: Engine | None = None,
) -> str:
    """Write a page that opens offline: the figure, and the same facts as text below it.

    The nodes have the focus in turn; arrow keys, with scripts, follow the edges. Raises
    ValueError for an unknown theme.
    """
    figure = paint_svg(picture, theme=theme, direction=direction, layout=layout)
    body = (
        f"<main>\n<figure>\n{figure}</figure>\n<details>\n<summary>The same as text</summary>\n"
        f'<pre tabindex="0">{escape(paint_text(picture))}</pre>\n</details>\n</main>\n'
        f"{_arrow_keys(picture, direction or default_direction(picture))}"
    )
    return page(picture.title or "Computational graph", body, find_theme(theme))


def _arrow_keys(picture: Picture, direction: Direction) -> str:
    """The script that takes the focus along the edges; the page is complete without it."""
    by_slot = sorted(picture.edges, key=lambda edge: edge.slot)
    edges = as_data(list(dict.fromkeys((edge.source, edge.target) for edge in by_slot)))
    turned = as_data(direction == "TB")
    call = f'walkAlongEdges(document.querySelector("figure > svg"), {edges}, {turned});'
    return f"<script>\n(() => {{\n{in_script(asset('draw.js'))}{call}\n}})();\n</script>\n"


def page(title: str, body: str, theme: Theme, style: str = "") -> str:
    """Wrap `body` into a complete page in the colours of a theme.

    >>> page("t", "<p>hi</p>", find_theme("light")).startswith("<!doctype html>")
    True
    """
    scheme = "light" if theme.dark is None else "light dark"
    if theme.dark is None and theme.base.page == "#15171C":
        scheme = "dark"
    sheet = [_colours(theme.base), _FORM, style]
    if theme.dark is not None:
        sheet.append(f"@media (prefers-color-scheme:dark){{{_colours(theme.dark)}}}")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f'<meta name="color-scheme" content="{scheme}">\n<title>{escape(title)}</title>\n'
        f"<style>\n{chr(10).join(filter(None, sheet))}\n</style>\n</head>\n"
        f"<body>\n{body}</body>\n</html>\n"
    )


_FORM = f"""body{{margin:0;font:15px/1.5 {SANS}}}
main{{padding:16px 20px 32px}}
figure{{margin:0 0 0 -14px;overflow-x:auto}}
figure svg{{max-width:none}}
summary{{cursor:pointer;padding:6px 0;width:max-content}}
pre{{font:13px/1.5 {MONO};overflow-x:auto;margin:4px 0}}"""


def _colours(palette: Palette) -> str:
    return f"body{{background:{palette.page};color:{palette.ink}}}summary{{color:{palette.muted}}}"
