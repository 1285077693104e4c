"""Plots on matplotlib, where it is installed (extra ``viz``): curves, matrices, pictures."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

INK, BLUE, VERMILION, GREY = "#1F2430", "#0072B2", "#B34400", "#55606E"


def _pyplot() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("this plot needs matplotlib: pip install chainrule[viz]") from None
    return Figure


def figure_svg(figure: Any) -> str:
    """A figure as SVG text, the same bytes each time."""
    import matplotlib as mpl

    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "chainrule", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
    svg = text.getvalue()
    return svg[svg.index("<svg") :]


def learning_curves(history: Mapping[str, Sequence[float]], title: str = "Learning curves") -> Any:
    """One line for each series over the epochs (from 1); shares a logarithmic axis for losses.

    >>> figure = learning_curves({"training loss": [1.0, 0.5], "test loss": [1.1, 0.7]})
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['training loss', 'test loss']
    """
    figure = _pyplot()(figsize=(6, 3.4), layout="constrained")
    axes = figure.subplots()
    for k, (name, values) in enumerate(history.items()):
        epochs = range(1, len(values) + 1)
        colour, style = (BLUE, VERMILION, GREY)[k % 3], ("-", "--", ":")[k % 3]
        axes.plot(epochs, values, color=colour, linestyle=style, label=name)
    axes.set(title=title, xlabel="epoch", ylabel="mean cross-entropy (nats)", yscale="log")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def confusion_matrix(counts: Any, labels: Sequence[str], title: str = "Confusion matrix") -> Any:
    """Counts of (true class, predicted class), with the numbers written in.

    >>> len(confusion_matrix([[3, 1], [0, 4]], ["a", "b"]).axes[0].texts)
    3
    """
    counts = np.asarray(counts)
    figure = _pyplot()(figsize=(4.6, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(np.sqrt(counts), cmap="Blues")  # the root keeps single mistakes visible
    dark = counts.max() * 0.4
    for (row, column), n in np.ndenumerate(counts):
        if n:
            colour = "white" if n > dark else INK
            axes.text(column, row, str(n), ha="center", va="center", color=colour, fontsize=9)
    axes.set(title=title, xlabel="predicted", ylabel="true")
    axes.set_xticks(range(len(labels)), labels)
    axes.set_yticks(range(len(labels)), labels)
    return figure


def image_strip(images: Any, captions: Sequence[str], title: str = "", columns: int = 8) -> Any:
    """Small grey images in a grid, a caption over each.

    >>> len(image_strip(np.zeros((3, 8, 8)), ["a", "b", "c"]).axes)
    3
    """
    images = np.asarray(images)
    rows = max(-(-len(images) // columns), 1)
    figure = _pyplot()(figsize=(columns * 0.95, rows * 1.2 + 0.3), layout="constrained")
    for k, (image, caption) in enumerate(zip(images, captions, strict=True)):
        axes = figure.add_subplot(rows, columns, k + 1)
        axes.imshow(image, cmap="gray_r", interpolation="nearest")
        axes.set_title(caption, fontsize=9, color=VERMILION)
        axes.set_xticks([])
        axes.set_yticks([])
    if title:
        figure.suptitle(title)
    return figure
