"""`decision_boundary`: which class a model gives to every point of the plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .plot_figure import Plot
from .plot_ink import COLOURS, INK, settings
from .plot_inputs import Array, Classes, array, check_points, evaluate

_CONFIDENCE = (0.5, 0.7, 0.9, 1.0)  # the farther from one half, the deeper the shade
_SHADES = (0.10, 0.20, 0.32)
_REGION = 0.22  # the shade of a class's region where there are several outputs


def decision_boundary(
    model: Any,
    points: Any,
    labels: Any,
    *,
    names: Sequence[str] | None = None,
    steps: int = 100,
    logits: bool | None = None,
    title: str = "Decision boundary",
    x: str = "x₁",
    y: str = "x₂",
) -> Plot:
    """Colour the plane by the class that a model (n, 2) → (n,), (n, 1) or (n, k) gives.

    One output p is shaded by its probability, boundary at ½; where the grid's outputs leave 0 … 1
    (or `logits` is True) p = σ(output), boundary at 0. Several outputs: regions of the argmax.
    Points (n, 2) with labels (n,) lie on top. `data` has the grid `x`, `y` and its `classes`, and
    `probability` for one output. Raises ValueError for other shapes.

    >>> import chainrule as cr
    >>> points, labels = [[0.0, 0.0], [2.0, 2.0]], [0, 1]
    >>> plot = decision_boundary(lambda p: p.sum(1) - 2, points, labels, names=["low", "high"])
    >>> plot.data["classes"][0, 0].item(), plot.data["classes"][-1, -1].item()
    (0, 1)
    """
    points, labels = array(points), array(labels)
    check_points("decision_boundary", points, labels)
    classes = Classes(labels, names)
    xs, ys = (_reach(points[:, k], steps) for k in range(2))
    grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    grid = grid.astype(points.dtype if points.dtype.kind == "f" else np.float32)
    out = evaluate(model, grid)
    if out.ndim not in {1, 2} or len(out) != len(grid):
        raise ValueError(
            f"decision_boundary: the model gave {out.shape} for {grid.shape} points; "
            f"it must give (n,), (n, 1) or (n, classes)"
        )
    plot = Plot(title, x=x, y=y, size=(5.4, 4.2))
    plot.data = {"x": xs, "y": ys}
    with settings():
        if out.ndim == 1 or out.shape[1] == 1:
            _one_output(plot, classes, out.reshape(steps, steps), logits)
        else:
            _several_outputs(plot, classes, out.reshape(steps, steps, -1))
        classes.scatter(plot.axes, points)
        plot.axes.set(xlim=(xs[0], xs[-1]), ylim=(ys[0], ys[-1]))
    return plot


def _reach(values: Array, steps: int) -> Array:
    low, high = float(values.min()), float(values.max())
    margin = 0.1 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, steps)


def _one_output(plot: Plot, classes: Classes, out: Array, logits: bool | None) -> None:
    if len(classes.values) > 2:
        raise ValueError(
            f"decision_boundary: one output tells two classes apart, the labels have "
            f"{len(classes.values)}: give the model one output a class"
        )
    classes.as_two()
    if logits is None:
        logits = bool(out.min() < 0 or out.max() > 1)
    p = 0.5 + 0.5 * np.tanh(0.5 * out.astype(float)) if logits else out.astype(float)
    plot.data |= {"classes": (p > 0.5).astype(int), "probability": p}
    args = plot.data["x"], plot.data["y"]
    for code, score in ((1, p), (0, 1 - p)):
        if score.max() > 0.5:
            levels = [*_CONFIDENCE[:-1], max(1.0, float(score.max())) + 1e-9]
            colours = [(COLOURS[code], shade) for shade in _SHADES]
            plot.axes.contourf(*args, score, levels=levels, colors=colours)
    _line(plot, p - 0.5)
    deep = ", ".join(f"{level:g}" for level in _CONFIDENCE[1:-1])
    plot.notes.append(f"shaded by probability, deeper beyond {deep}; the line is one half")
    _count(plot, classes)


def _several_outputs(plot: Plot, classes: Classes, out: Array) -> None:
    count = out.shape[-1]
    known = {_code(value, count): code for code, value in enumerate(classes.values)}
    winner = out.argmax(-1)
    plot.data["classes"] = winner
    args = plot.data["x"], plot.data["y"]
    for k in range(count):
        lead = out[..., k] - np.delete(out, k, -1).max(-1)
        if lead.max() > 0:
            colour = COLOURS[known.get(k, len(known) + k) % len(COLOURS)]
            levels = [0.0, float(lead.max()) * 1.01]
            plot.axes.contourf(*args, lead, levels=levels, colors=[(colour, _REGION)])
            _line(plot, lead)
    _count(plot, classes, known)


def _code(value: Any, count: int) -> int:
    if value != int(value) or not 0 <= value < count:
        raise ValueError(
            f"decision_boundary: label {value} is no index of the model's {count} outputs"
        )
    return int(value)


def _line(plot: Plot, values: Array) -> None:
    if values.min() < 0 < values.max():
        style: dict[str, Any] = {"colors": [INK], "linewidths": 0.9, "linestyles": "solid"}
        line = plot.axes.contour(plot.data["x"], plot.data["y"], values, levels=[0.0], **style)
        line.set_label("_boundary")


def _count(plot: Plot, classes: Classes, known: dict[int, int] | None = None) -> None:
    """How much of the plane each class has."""
    for k in np.unique(plot.data["classes"]):
        code = int(k) if known is None else known.get(int(k), -1)
        name = classes.names[code] if 0 <= code < len(classes.names) else f"output {k}"
        share = float((plot.data["classes"] == k).mean())
        plot.notes.append(f"region of {name}: {share:.0%} of the area shown")
