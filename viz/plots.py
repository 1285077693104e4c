"""Plots on matplotlib, where it is installed (extra ``viz``): all of them, and learning curves."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .plot_attention import attention_map, confusion_matrix
from .plot_boundary import decision_boundary
from .plot_figure import Plot
from .plot_functions import activation
from .plot_ink import BLUE, VERMILION, settings
from .plot_inputs import array
from .plot_pictures import feature_maps, filters, image_strip
from .plot_samples import latent_space, saliency
from .plot_surface import loss_surface


def learning_curves(
    history: Mapping[str, Sequence[float]] | Sequence[float],
    title: str = "Learning curves",
    *,
    x: str = "epoch",
    y: str = "loss",
    log: bool | None = None,
) -> Plot:
    """One line for each series over the epochs, from 1; `y` says what they are, with the unit.

    The axis is logarithmic (`log`) by default where all is positive and spans a factor of 10.

    >>> plot = learning_curves({"training": [1.0, 0.5], "test": [1.1, 0.7]}, y="loss (nats)")
    >>> [line.get_label() for line in plot.axes.lines], plot.axes.get_yscale()
    (['training', 'test'], 'linear')
    """
    series = history if isinstance(history, Mapping) else {y: history}
    curves = {str(name): array(values).astype(float) for name, values in series.items()}
    plot = Plot(title, x=x, y=y)
    plot.data |= curves
    if log is None:
        seen = np.concatenate([*curves.values(), np.empty(0)])
        seen = seen[np.isfinite(seen)]
        log = bool(seen.size and seen.min() > 0 and seen.max() >= 10 * seen.min())
    with settings():
        from matplotlib.ticker import MaxNLocator

        for name, values in curves.items():
            marker = {"marker": "o"} if len(values) == 1 else {}
            plot.axes.plot(np.arange(1, len(values) + 1), values, label=name, **marker)
        plot.axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if log:
            plot.axes.set_yscale("log")
    return plot


def figure_svg(figure: Any) -> str:
    """A Plot, or any matplotlib Figure as it is, as SVG text: the same bytes each time."""
    if isinstance(figure, Plot):
        return figure.svg()
    text = io.StringIO()
    with settings():
        figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
    svg = text.getvalue()
    return svg[svg.index("<svg") :]


__all__ = [
    "BLUE",
    "VERMILION",
    "activation",
    "attention_map",
    "confusion_matrix",
    "decision_boundary",
    "feature_maps",
    "figure_svg",
    "filters",
    "image_strip",
    "latent_space",
    "learning_curves",
    "loss_surface",
    "saliency",
]
