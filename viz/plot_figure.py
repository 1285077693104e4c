"""`Plot`: a matplotlib figure that shows itself, in words too, on light and on dark pages."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any

from .html import page
from .plot_ink import settings
from .plot_svg import tidy_svg
from .plot_words import describe
from .theme import find_theme

LARGEST_SVG = 60_000  # bytes that a notebook's cell keeps as SVG; above, a PNG
_DPI = 144
_INSIDE = 5  # labels in a legend that still lies inside the axes
_SMALL_PICTURE = 256  # pixels a side


class Plot:
    """A plot to draw on with matplotlib: `plot.axes.plot(x, y, label="loss")`.

    `axes` is one Axes, or an array of them for several `rows` and `columns`; `size` is in inches.
    Labels make a legend by themselves. Colours are safe for the colour-blind, lines also differ by
    their dashes, and ink follows the reader's light or dark page. `data` may hold the numbers
    behind the plot and `notes` sentences for `text()`. Raises ImportError without matplotlib.

    >>> plot = Plot("A parabola", x="x", y="x²", size=(4, 3))
    >>> [line] = plot.axes.plot([-1, 0, 2], [1, 0, 4], label="square")
    >>> print(plot.text(), end="")
    A parabola
    x: x, −1.15 to 2.15
    y: x², −0.2 to 4.2
    square: 3 points, first 1 at −1, min 0 at 0, max 4 at 2, last 4 at 2
    """

    def __init__(
        self,
        title: str,
        *,
        x: str = "",
        y: str = "",
        size: tuple[float, float] = (6, 3.4),
        rows: int = 1,
        columns: int = 1,
    ) -> None:
        with settings():
            from matplotlib.figure import Figure

            self.figure: Any = Figure(figsize=size, layout="constrained")
            self.axes: Any = self.figure.subplots(rows, columns)
            self.title = title
            single = rows * columns == 1
            if title:
                self.figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
            if single:
                self.axes.set(xlabel=x, ylabel=y)
            elif x or y:
                self.figure.supxlabel(x, fontsize=10)
                self.figure.supylabel(y, fontsize=10)
        self.data: dict[str, Any] = {}
        self.notes: list[str] = []
        self._legends: list[Any] = []
        self._places: dict[Any, Any] = {}

    def text(self) -> str:
        """Title, axes with units and ends, each line's first, lowest, highest and last value."""
        with settings():
            return describe(self.title, self.figure.axes, self.notes)

    def svg(self) -> str:
        """The plot as SVG: the same bytes each time, no id that another figure has."""
        words = self.text()
        source = self._drawn("svg", metadata={"Date": None}, transparent=True).decode()
        return tidy_svg(source, self.title or "Plot", words, tuple(self.figure.get_size_inches()))

    def html(self) -> str:
        """One page that opens offline: the plot, and the same as text."""
        body = (
            f"<main>\n<figure>\n{self.svg()}</figure>\n<details>\n<summary>The same as text"
            f'</summary>\n<pre tabindex="0">{escape(self.text())}</pre>\n</details>\n</main>\n'
        )
        return page(self.title or "Plot", body, find_theme("auto"))

    def save(self, path: str | Path) -> Path:
        """Write the file that the suffix names: svg, png, pdf, html or txt.

        Raises ValueError for another suffix.
        """
        path = Path(path)
        writers: dict[str, Callable[[], str | bytes]] = {
            ".svg": self.svg,
            ".png": self._png,
            ".pdf": lambda: self._drawn("pdf", metadata={"CreationDate": None}),
            ".html": self.html,
            ".htm": self.html,
            ".txt": self.text,
        }
        if path.suffix.lower() not in writers:
            known = ", ".join(writers)
            raise ValueError(f"cannot save as {path.name!r}: the suffixes known are {known}")
        made = writers[path.suffix.lower()]()
        path.write_bytes(made.encode() if isinstance(made, str) else made)
        return path

    def _png(self) -> bytes:
        return self._drawn("png", dpi=_DPI, facecolor="white", metadata={"Software": None})

    def _drawn(self, kind: str, **options: Any) -> bytes:
        file = io.BytesIO()
        with settings():
            self._start_over()
            self._renew_legends()
            self._keep_pixels()
            self.figure.savefig(file, format=kind, **options)
        return file.getvalue()

    def _start_over(self) -> None:
        """Axes where they were before the first drawing: the layout depends on where it begins."""
        for axes in self.figure.axes:
            start = self._places.setdefault(axes, axes.get_position(original=True).frozen())
            axes.set_position(start)
            axes.set_in_layout(True)

    def _renew_legends(self) -> None:
        """A legend where something has a label, unless the caller made one; never a frame."""
        for legend in self._legends:
            with suppress(ValueError, NotImplementedError):  # the caller has cleared the axes
                legend.remove()
        self._legends = []
        for axes in self.figure.axes:
            labels = axes.get_legend_handles_labels()[1]
            if labels and axes.get_legend() is None:
                beside = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)}
                self._legends.append(axes.legend(**(beside if len(labels) > _INSIDE else {})))
            if (legend := axes.get_legend()) is not None:
                legend.set_frame_on(False)

    def _keep_pixels(self) -> None:
        """Small pictures go into the file pixel by pixel, so that they stay sharp at any size."""
        for axes in self.figure.axes:
            for image in axes.images:
                small = max(image.get_array().shape[:2]) <= _SMALL_PICTURE
                if small and image.get_interpolation() in {"auto", "antialiased", "nearest"}:
                    image.set_interpolation("none")

    # One of the two is None: a notebook keeps one form. Inline SVG in HTML, and not image/svg+xml,
    # which JupyterLab shows as an image that cannot see the notebook's theme.
    def _repr_html_(self) -> str | None:
        svg = self.svg()
        return _framed(svg) if len(svg) < LARGEST_SVG else None

    def _repr_png_(self) -> tuple[bytes, dict[str, int]] | None:
        if len(self.svg()) < LARGEST_SVG:
            return None
        width, height = (round(96 * length) for length in self.figure.get_size_inches())
        return _fewer_colours(self._png()), {"width": width, "height": height}

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<Plot {self.title!r}>"


def _fewer_colours(png: bytes) -> bytes:
    """A PNG with a palette, about half as large: a notebook is to stay small."""
    from PIL import Image  # matplotlib depends on it

    file = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256).save(file, "png", optimize=True)
    return file.getvalue()


def _framed(svg: str) -> str:
    return f'<div style="overflow-x:auto">{svg}</div>'
