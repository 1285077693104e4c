"""The forms that every view has in common: notebook, text, SVG, HTML, DOT, JSON, and files."""

from __future__ import annotations

from html import escape
from pathlib import Path

from . import graphviz_backend, matplotlib_backend
from .theme import find_theme

_WRITERS = {
    ".svg": "svg",
    ".html": "html",
    ".htm": "html",
    ".txt": "text",
    ".dot": "dot",
    ".gv": "dot",
    ".json": "json",
}
_RENDERED = (".png", ".pdf", ".jpg", ".jpeg")


class Forms:
    """A view in every form: `print` it, show it in a notebook, or `save` it.

    Subclasses define the forms; one that has no meaning for them raises ValueError.
    """

    _said = "a view"  # what it is, and what writes DOT instead, for the error of `dot`
    _graph = "viz.draw() and viz.graph() write DOT"

    def __init__(self, *, theme: str | None = None) -> None:
        find_theme(theme)
        self.theme = theme

    def text(self) -> str:
        """Everything as plain text."""
        raise NotImplementedError

    def svg(self) -> str:
        """The figure, complete in itself."""
        raise NotImplementedError

    def html(self) -> str:
        """One page that opens offline."""
        raise NotImplementedError

    def json(self) -> str:
        """The facts as data, numbers unrounded."""
        raise NotImplementedError

    def dot(self) -> str:
        """Graphviz source. Raises ValueError for what is not a graph."""
        raise ValueError(
            f"{self._said}, not a graph, and has no DOT form: it can be had as text, svg, html, "
            f"json, png and pdf. {self._graph}"
        )

    def _writers(self) -> dict[str, str]:
        """Which method writes which kind of file."""
        return dict(_WRITERS)

    def save(self, path: str | Path) -> Path:
        """Write the file that the suffix names: svg, html, txt, dot, json, png, pdf or jpg.

        png, pdf and jpg need matplotlib, or, for graphs, Graphviz. Raises ValueError for another
        suffix or a form that the view does not have, GraphvizMissingError where neither is there.
        """
        path = Path(path)
        suffix, writers = path.suffix.lower(), self._writers()
        if suffix in writers:
            text = getattr(self, writers[suffix])()
            path.write_text(text, encoding="utf-8", newline="\n")
        elif suffix in _RENDERED:
            path.write_bytes(self._rendered(suffix[1:]))
        else:
            known = ", ".join([*writers, *_RENDERED])
            raise ValueError(f"cannot save as {path.name!r}: the suffixes known are {known}")
        return path

    def _rendered(self, kind: str) -> bytes:
        """The SVG in another format: our own look with matplotlib, else Graphviz's of the DOT."""
        if matplotlib_backend.is_there():
            page = find_theme(self.theme).base.page
            return matplotlib_backend.render(self.svg(), kind, page=page)
        if graphviz_backend.find_program() is not None:
            return graphviz_backend.render(self.dot(), kind)
        raise graphviz_backend.GraphvizMissingError(
            f"writing {kind} goes two ways, and neither is here: matplotlib "
            "(pip install chainrule[viz]) draws every view; for graphs Graphviz does too "
            "(its program `dot`, or pip install graphviz-pure). .svg, .html, .txt and .json need "
            "neither"
        )

    def _repr_html_(self) -> str:
        try:
            return f'<div style="overflow-x:auto">{self.svg()}</div>'
        except ValueError as error:  # too large to draw: a cell's end is no place to raise
            return f"<p>{escape(str(error))}</p>"

    def _repr_svg_(self) -> str | None:
        try:
            return self.svg()
        except ValueError:
            return None

    def __str__(self) -> str:
        return self.text()
