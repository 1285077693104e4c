"""Plots: the data is in the figure, and the bytes are the same each time."""

from __future__ import annotations

import numpy as np

from chainrule import viz


def test_learning_curves_hold_the_history() -> None:
    figure = viz.learning_curves({"training": [1.0, 0.5], "test": [1.1, 0.9]})
    lines = figure.axes[0].lines
    assert [list(line.get_ydata()) for line in lines] == [[1.0, 0.5], [1.1, 0.9]]
    assert figure.axes[0].get_xlabel() == "epoch"


def test_a_confusion_matrix_shows_its_counts() -> None:
    figure = viz.confusion_matrix([[5, 1], [0, 4]], ["a", "b"])
    assert [t.get_text() for t in figure.axes[0].texts] == ["5", "1", "4"]


def test_a_figure_is_the_same_bytes() -> None:
    figures = [viz.image_strip(np.eye(8)[None], ["one"], "title") for _ in range(2)]
    first, second = map(viz.figure_svg, figures)
    assert first == second
    assert first.startswith("<svg")
