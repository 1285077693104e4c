"""What the functions of viz return that draw a graph: one object, shown and saved in every form."""

from __future__ import annotations

from html import escape

from .dot import paint_dot
from .figure import Engine
from .forms import Forms
from .html import paint_html
from .layout import Direction
from .model import Picture
from .numbers import format_count
from .svg import paint_svg
from .text import paint_text

MOST = 5_000  # nodes that are drawn


def at_full_size(html: str) -> str:
    """A drawing that scrolls in its box: notebooks shrink pictures to the width of a cell."""
    return html.replace(' role="', ' style="max-width:none" role="', 1)


class View(Forms):
    """A picture with its painters; a notebook shows it by itself, `print` gives the text."""

    _salt = ""  # keeps the ids of this kind of view apart from those of `draw`
    _ways_out = (
        "draw(…, wrt=x) shows only the routes to x, draw(…, depth=1) closes modules (run the "
        "forward pass under watch()), or draw an intermediate tensor"
    )

    def __init__(
        self,
        picture: Picture,
        *,
        theme: str | None = None,
        direction: Direction | None = None,
        layout: Engine | None = None,
    ) -> None:
        super().__init__(theme=theme)
        self.picture = picture
        self.direction, self.layout = direction, layout

    def _drawable(self) -> None:
        count = len(self.picture.nodes)
        if count > MOST:
            raise ValueError(
                f"a drawing of {format_count(count)} nodes helps nobody. Three ways out: "
                f"{self._ways_out}. `.text()` lists all nodes"
            )

    def text(self) -> str:
        """The graph as aligned lines, one a node."""
        return paint_text(self.picture)

    def svg(self) -> str:
        """The drawing, complete in itself. Raises ValueError above 5 000 nodes."""
        self._drawable()
        return paint_svg(
            self.picture,
            theme=self.theme,
            direction=self.direction,
            layout=self.layout,
            salt=self._salt,
        )

    def html(self) -> str:
        """One page that opens offline: drawing and text. Raises ValueError above 5 000 nodes."""
        self._drawable()
        return paint_html(
            self.picture, theme=self.theme, direction=self.direction, layout=self.layout
        )

    def dot(self) -> str:
        """Graphviz source in the same look."""
        return paint_dot(self.picture, theme=self.theme, direction=self.direction)

    def json(self) -> str:
        """The picture as data, numbers unrounded."""
        return self.picture.to_json()

    def _repr_html_(self) -> str:
        return at_full_size(super()._repr_html_())

    def _figure_html(self) -> str:
        """The drawing for a page, or why there is none: the words beside it stand all the same."""
        try:
            return f"<figure>\n{self.svg()}</figure>\n"
        except ValueError as error:
            return f"<p>{escape(str(error))}</p>\n"

    def __repr__(self) -> str:
        nodes, edges = len(self.picture.nodes), len(self.picture.edges)
        name = self.picture.title or "graph"
        return f"<{type(self).__name__} of {name}: {nodes} nodes, {edges} edges>"
