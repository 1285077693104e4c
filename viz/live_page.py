"""The page around a live figure: controls, styles and scripts in one piece, no request."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files

from .fonts import SANS
from .live_figure import LiveFigure, variables
from .theme import Theme

ICONS = {
    "first": "M2.5 2h2v12h-2zM14 2v12L5.5 8z",
    "previous": "M11.5 2v12L3 8z",
    "play": "M4 1.5v13L14 8z",
    "pause": "M3.5 2h3.5v12h-3.5zM9 2h3.5v12h-3.5z",
    "next": "M4.5 2v12L13 8z",
    "last": "M11.5 2h2v12h-2zM2 2v12L10.5 8z",
}


# A page's heading for screen readers; the figure shows the same words as its title.
HEADING = "h1{position:absolute;width:1px;height:1px;margin:0;overflow:hidden;clip-path:inset(50%)}"


@cache
def asset(name: str) -> str:
    """The text of a file in assets/."""
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")


def button(action: str, label: str, *, icon: str = "", key: str = "", extra: str = "") -> str:
    """A button: an icon with a spoken label, or the label itself; `key` is shown beside it."""
    shown = escape(label)
    name = ""
    if icon:
        shown = f'<svg viewBox="0 0 16 16" aria-hidden="true"><path d="{ICONS[icon]}"/></svg>'
        name = f' aria-label="{escape(label)}"'
    hint = f' <kbd aria-hidden="true">{escape(key)}</kbd>' if key else ""
    keys = f' aria-keyshortcuts="{escape(key)}"' if key else ""
    return (
        f'<button type="button" class="cr-button{" cr-play" if action == "play" else ""}" '
        f'data-do="{action}"{name}{keys}{extra}>{shown}{hint}</button>'
    )


def as_data(value: object) -> str:
    """JSON that may stand inside a script element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def in_script(text: str) -> str:
    """Text that cannot end the script element around it."""
    return text.replace("</", "<\\/").replace("<!--", "<\\!--")


def host(
    figure: LiveFigure,
    theme: Theme,
    *,
    kind: str,
    name: str,
    before: str,
    scripts: Sequence[str],
    call: str,
    page: bool,
) -> str:
    """A live figure with controls `before` it; `call` is the script's last line, given `host`.

    Everything is found inside the host element and styled by classes, so that several figures
    stand side by side in a notebook. Without scripts the controls stay hidden.
    """
    own = f"{figure.key}-live"
    style = "\n".join([variables(f".{own}", theme), f".{own}{{font-family:{SANS}}}", _sheet()])
    body = "\n".join(map(asset, scripts))
    mine = f'document.querySelectorAll(".{own}:not([data-ready])")'
    script = f"(() => {{\n{in_script(body)}\nfor (const host of {mine}) {{ {call} }}\n}})();"
    where = ' data-page="1"' if page else ""
    return (
        f'<div class="cr-live {kind} {own}" role="group" aria-label="{escape(name)}" '
        f'tabindex="-1"{where}>\n<style>\n{style}\n</style>\n{before}\n'
        f'<div class="cr-scroll" tabindex="0" role="region" aria-label="Figure">\n{figure.svg}'
        f"</div>\n<script>\n{script}\n</script>\n</div>\n"
    )


def _sheet() -> str:
    return asset("live.css")
