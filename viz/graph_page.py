"""A model graph in a page or a notebook: the figure, and the script that folds and unfolds it."""

from __future__ import annotations

from html import escape

from .html import page
from .live_figure import LiveFigure
from .live_page import HEADING, button, host
from .theme import find_theme


def fold_host(
    title: str, figure: LiveFigure, data: str, theme: str | None, *, in_page: bool = False
) -> str:
    """The figure with its controls and script; without scripts it is the figure as it is.

    Everything is found inside this element, so that several stand in one notebook. Raises
    ValueError for an unknown theme.
    """
    return host(
        figure,
        find_theme(theme),
        kind="cr-fold",
        name=f"Model graph: {title or 'modules'}",
        before=_CONTROLS,
        scripts=("graph.js",),
        call=f"foldGraph(host, {data});",
        page=in_page,
    )


def fold_page(title: str, figure: LiveFigure, text: str, data: str, theme: str | None) -> str:
    """Write the page: the figure that folds, and its text. Raises ValueError for a wrong theme."""
    name = title or "Model graph"
    body = (
        f"<main>\n<h1>{escape(name)}</h1>\n{fold_host(title, figure, data, theme, in_page=True)}"
        "<details>\n<summary>The same as text</summary>\n"
        f'<pre tabindex="0">{escape(text)}</pre>\n</details>\n</main>\n'
    )
    return page(name, body, find_theme(theme), HEADING)


_CONTROLS = (
    '<div class="cr-bar" role="toolbar" aria-label="Folding" hidden>\n'
    f"{button('fold', 'Fold one level')}\n{button('unfold', 'Unfold one level')}\n"
    '<span class="cr-hint">Click a module, or move to it with Tab and press Enter, '
    'to open or close it.</span>\n<span class="cr-said" aria-live="polite"></span>\n</div>'
)
