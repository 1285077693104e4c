"""What the public functions of viz return: one object, shown and saved in every form."""

from __future__ import annotations

from pathlib import Path

from .dot import paint_dot
from .figure import Engine
from .graphviz_backend import render
from .html import paint_html
from .layout import Direction
from .model import Picture
from .svg import paint_svg
from .text import paint_text

_THROUGH_GRAPHVIZ = {".png", ".pdf", ".jpg", ".jpeg"}


class View:
    """A picture with its painters; a notebook shows it by itself, `print` gives the text."""

    def __init__(
        self,
        picture: Picture,
        *,
        theme: str | None = None,
        direction: Direction | None = None,
        layout: Engine | None = None,
    ) -> None:
        self.picture = picture
        self.theme, self.direction, self.layout = theme, direction, layout

    def text(self) -> str:
        """The graph as aligned lines, one a node."""
        return paint_text(self.picture)

    def svg(self) -> str:
        """The drawing, complete in itself."""
        return paint_svg(
            self.picture, theme=self.theme, direction=self.direction, layout=self.layout
        )

    def html(self) -> str:
        """One page that opens offline: the drawing and its text."""
        return paint_html(
            self.picture, theme=self.theme, direction=self.direction, layout=self.layout
        )

    def dot(self) -> str:
        """Graphviz source in the same look."""
        return paint_dot(self.picture, theme=self.theme, direction=self.direction)

    def json(self) -> str:
        """The picture as data, numbers unrounded."""
        return self.picture.to_json()

    def _writers(self) -> dict[str, str]:
        """Which method writes which kind of file."""
        return {
            ".svg": "svg",
            ".html": "html",
            ".htm": "html",
            ".txt": "text",
            ".dot": "dot",
            ".gv": "dot",
            ".json": "json",
        }

    def save(self, path: str | Path) -> Path:
        """Write the file that the suffix names: svg, html, txt, dot, json, or png through Graphviz.

        Raises ValueError for another suffix.
        """
        path = Path(path)
        suffix, writers = path.suffix.lower(), self._writers()
        if suffix in writers:
            path.write_text(getattr(self, writers[suffix])(), encoding="utf-8", newline="\n")
        elif suffix in _THROUGH_GRAPHVIZ:
            path.write_bytes(render(self.dot(), suffix[1:]))
        else:
            known = ", ".join([*writers, *sorted(_THROUGH_GRAPHVIZ)])
            raise ValueError(f"cannot save as {path.name!r}: the suffixes known are {known}")
        return path

    def _repr_html_(self) -> str:
        return f'<div style="overflow-x:auto">{self.svg()}</div>'

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        nodes, edges = len(self.picture.nodes), len(self.picture.edges)
        name = self.picture.title or "graph"
        return f"<{type(self).__name__} of {name}: {nodes} nodes, {edges} edges>"
