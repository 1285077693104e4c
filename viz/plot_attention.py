"""Heat maps with words on both sides: `attention_map` and `confusion_matrix`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .numbers import format_number
from .plot_figure import Plot
from .plot_ink import sequential, settings, words_on
from .plot_inputs import Array, array

_WRITTEN = 8  # up to so many rows and columns the numbers are written in


def confusion_matrix(counts: Any, labels: Sequence[str], title: str = "Confusion matrix") -> Plot:
    """Counts (k, k) of (true class, predicted class), with the numbers written in.

    Raises ValueError where counts are not (k, k) for k labels.

    >>> print(confusion_matrix([[3, 1], [0, 4]], ["a", "b"]).text(), end="")
    Confusion matrix
    x: predicted: a, b
    y: true: a, b
    picture 2×2, 0 to 4
    a: 3 as a, 1 as b
    b: 4 as b
    """
    counts = array(counts)
    names = [str(label) for label in labels]
    if counts.shape != (len(names), len(names)):
        raise ValueError(
            f"confusion_matrix: counts of shape {counts.shape} for {len(names)} labels; "
            f"it must be ({len(names)}, {len(names)})"
        )
    side = 1.6 + 0.3 * len(names)
    plot = Plot(title, x="predicted", y="true", size=(side + 0.2, side))
    plot.data["counts"] = counts
    with settings():
        from matplotlib.colors import PowerNorm

        image = _heat(plot.axes, counts, names, names)
        # the root keeps single mistakes visible beside hundreds of hits
        image.set_norm(PowerNorm(0.5, vmin=0, vmax=counts.max() or 1))
        _write(plot.axes, image, counts)
        plot.axes.spines[:].set_visible(False)
    for name, row in zip(names, counts, strict=True):
        told = [f"{n} as {said}" for said, n in zip(names, row.tolist(), strict=True) if n]
        plot.notes.append(f"{name}: " + (", ".join(told) or "none"))
    return plot


def attention_map(
    weights: Any,
    queries: Sequence[str] | None = None,
    keys: Sequence[str] | None = None,
    *,
    title: str = "Attention weights",
    columns: int = 4,
) -> Plot:
    """Draw how much each query (row) attends to each key (column): deeper is more.

    Weights are (queries, keys), or (heads, queries, keys) for small multiples, also with one more
    axis of length 1 for the batch; one scale from 0 to the largest. `queries` and `keys` are the
    tokens (keys = queries by default). `data["weights"]` holds them. Raises ValueError for others.

    >>> plot = attention_map([[1.0, 0.0], [0.25, 0.75]], ["the", "cat"])
    >>> plot.notes[1]
    'cat: cat 0.75, the 0.25'
    """
    values = array(weights)
    if values.ndim == 4 and len(values) == 1:
        values = values[0]
    heads = values if values.ndim == 3 else values[None]
    if heads.ndim != 3 or not heads.size:
        raise ValueError(
            f"attention_map wants (queries, keys) or (heads, queries, keys) of one sample, "
            f"got {values.shape}"
        )
    rows = _tokens(queries, heads.shape[1], "queries")
    keys = queries if keys is None and heads.shape[1] == heads.shape[2] else keys
    across = _tokens(keys, heads.shape[2], "keys")
    columns = min(columns, len(heads))
    down = -(-len(heads) // columns)
    size = _size(heads, down, columns, (_room(rows), _room(across)))
    plot = Plot(title, x="key", y="query", rows=down, columns=columns, size=size)
    plot.figure.set_layout_engine("compressed")
    plot.data["weights"] = values
    grid = np.atleast_1d(plot.axes).reshape(-1)
    top = float(heads.max())
    with settings():
        for k, (axes, head) in enumerate(zip(grid, heads, strict=False)):
            image = _heat(axes, head, rows, across, top, turned=True)
            if len(heads) > 1:
                axes.set_title(f"head {k}")
                axes.tick_params(labelleft=k % columns == 0, labelbottom=k + columns >= len(heads))
            if len(heads) == 1 and max(head.shape) <= _WRITTEN:
                _write(axes, image, head)
            axes.spines[:].set_visible(False)
        for axes in grid[len(heads) :]:
            axes.remove()
        bar = plot.figure.colorbar(image, ax=list(grid[: len(heads)]), shrink=0.7, aspect=18,
                                   ticks=[0, top])  # fmt: skip
        bar.ax.set_yticklabels(["0", format_number(top, 2)])
        bar.outline.set_visible(False)
    for k, head in enumerate(heads):
        lead = f"head {k}, " if len(heads) > 1 else ""
        plot.notes += [lead + line for line in _most(head, rows, across)]
    return plot


def _tokens(tokens: Sequence[str] | None, count: int, what: str) -> list[str]:
    if tokens is None:
        return [str(k) for k in range(count)]
    if len(tokens) != count:
        raise ValueError(f"attention_map: {len(tokens)} {what} for weights with {count}")
    return [str(token) for token in tokens]


def _size(heads: Array, rows: int, columns: int, words: tuple[float, float]) -> tuple[float, float]:
    """Room for the cells, the words at the left and below, and the bar of colours."""
    left, below = (room + 0.9 for room in words)
    cell = 0.42 if len(heads) == 1 else 0.26
    high, wide = (max(n * cell, 0.9) for n in heads.shape[1:])
    shrink = min(
        1.0, (10 - left) / (columns * (wide + 0.15)), (12 - below) / (rows * (high + 0.35))
    )
    return shrink * columns * (wide + 0.15) + left, shrink * rows * (high + 0.35) + below


def _room(words: Sequence[str]) -> float:
    """Inches for the longest of the words."""
    return 0.085 * min(max(map(len, words), default=1), 18)


def _heat(
    axes: Any, values: Array, rows: Sequence[str], columns: Sequence[str],
    top: float | None = None, *, turned: bool = False,
) -> Any:  # fmt: skip
    top = float(values.max()) if top is None else top
    image = axes.imshow(values, cmap=sequential(), vmin=0, vmax=top or 1.0)
    slanted = {"rotation": 90} if turned and max(map(len, columns), default=0) > 2 else {}
    axes.set_xticks(range(len(columns)), columns, **slanted)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    return image


def _write(axes: Any, image: Any, numbers: Array) -> None:
    """Numbers in the cells, those that are not 0."""
    shades = image.cmap(image.norm(image.get_array()))
    for (row, column), n in np.ndenumerate(numbers):
        if n:
            text = str(n) if numbers.dtype.kind in "iu" else format_number(float(n), 2)
            axes.text(column, row, text, ha="center", va="center", fontsize=9,
                      color=words_on(shades[row, column]))  # fmt: skip


def _most(head: Array, rows: Sequence[str], keys: Sequence[str]) -> list[str]:
    """For each query the keys it attends to most."""
    lines = []
    for name, row in zip(rows, head, strict=True):
        order = np.argsort(-row, kind="stable")[:3]
        told = [f"{keys[k]} {format_number(float(row[k]), 2)}" for k in order if row[k] > 0]
        lines.append(f"{name}: " + ", ".join(told))
    return lines
