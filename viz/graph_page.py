"""The page of a model graph: the figure, its text, and the script that folds and unfolds."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from .html import page
from .theme import Palette, find_theme


def fold_page(title: str, figure: str, text: str, data: str, theme: str | None) -> str:
    """Write the page; without scripts it shows the figure as it is.

    Raises ValueError for an unknown theme.
    """
    chosen = find_theme(theme)
    script = files(__package__).joinpath("assets/graph.js").read_text(encoding="utf-8")
    body = (
        '<main>\n<div class="tools" hidden>\n'
        '<button type="button" data-act="fold">Fold</button>\n'
        '<button type="button" data-act="unfold">Unfold one level</button>\n'
        '<span class="hint">Click a module, or move to it with Tab and press Enter, '
        'to open or close it.</span>\n<span class="said" aria-live="polite"></span>\n</div>\n'
        f"<figure>\n{figure}</figure>\n<details>\n<summary>The same as text</summary>\n"
        f'<pre tabindex="0">{escape(text)}</pre>\n</details>\n</main>\n'
        f'<script type="application/json" class="facts">{data}</script>\n'
        f"<script>\n{script}</script>\n"
    )
    style = [_FORM, _colours(chosen.base)]
    if chosen.dark is not None:
        style.append(f"@media (prefers-color-scheme:dark){{{_colours(chosen.dark)}}}")
    return page(title or "Model graph", body, chosen, "\n".join(style))


_FORM = """.tools{display:flex;flex-wrap:wrap;gap:8px 12px;align-items:center;margin:0 0 12px}
.tools[hidden]{display:none}
.tools button{font:inherit;font-size:14px;min-height:32px;padding:3px 12px;border-radius:6px;\
border:1px solid;cursor:pointer;background:none;color:inherit}
.tools button:disabled{opacity:.45;cursor:default}
.hint{font-size:13px}
.said{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
svg [role=button]{cursor:pointer;outline:none}
svg [role=button]:hover .module{stroke-width:2.25px}
svg [role=button] .hit{stroke:none;stroke-width:2px}
svg .sign{font-weight:700}"""


def _colours(palette: Palette) -> str:
    return (
        f".hint{{color:{palette.muted}}}.tools button{{border-color:{palette.muted}}}"
        f"button:focus-visible,pre:focus-visible,summary:focus-visible"
        f"{{outline:2px solid {palette.value};outline-offset:2px}}"
        f"svg [role=button]:focus-visible .hit{{stroke:{palette.value}}}"
    )
