"""A plot in words: its axes with their units and ends, and what every line does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from .numbers import format_count, format_number

_WRITTEN = 12  # bars and positions up to here are written out


def describe(title: str, axes: list[Any], notes: list[str]) -> str:
    """Title, axes, lines, notes: one fact a line."""
    lines = [title] if title else []
    for part in axes:
        if not _is_bar_of_colours(part):
            lines += _axes(part)
    return "\n".join([*lines, *notes]) + "\n"


def _is_bar_of_colours(axes: Any) -> bool:
    return hasattr(axes, "_colorbar")


def _axes(axes: Any) -> Iterator[str]:
    heading = next((t for t in (axes.get_title(side) for side in _SIDES) if t), "")
    if heading:
        yield heading
    if axes.axison:
        yield from _directions(axes)
    for line in axes.lines:
        own = not _private(line) and line.get_transform() == axes.transData
        if own and len(line.get_xdata()):
            yield _line(line)
    for bars in axes.containers:
        yield _bars(bars, axes)
    for marks in axes.collections:
        if not _private(marks):
            yield from _marks(marks)
    for image in axes.images:
        yield _image(image)


def _private(artist: Any) -> bool:
    """Whether a plot has named this as a part of something that it tells itself."""
    label = str(artist.get_label())
    return label.startswith("_") and not label.startswith("_child")


_SIDES = ("left", "center", "right")


def _directions(axes: Any) -> Iterator[str]:
    for letter, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        label = axis.get_label_text()
        if not (label or axes.lines or axes.collections) or not len(axis.get_ticklocs()):
            continue
        if _named(axis):
            words = [text.get_text() for text in axis.get_ticklabels()]
            more = ", …" if len(words) > _WRITTEN else ""
            yield f"{letter}: {label + ': ' if label else ''}{', '.join(words[:_WRITTEN])}{more}"
            continue
        low, high = sorted(axis.get_view_interval())
        scale = ", logarithmic" if axis.get_scale() == "log" else ""
        name = f"{letter}: {label}, " if label else f"{letter}: "
        yield f"{name}{format_number(low, 3)} to {format_number(high, 3)}{scale}"


def _named(axis: Any) -> bool:
    """Whether the ticks are names that somebody gave, not numbers."""
    places, words = (
        type(v).__name__ for v in (axis.get_major_locator(), axis.get_major_formatter())
    )
    return places == "StrCategoryLocator" or (places, words) == ("FixedLocator", "FuncFormatter")


def _line(line: Any) -> str:
    x, y = (_plain(values) for values in line.get_data(orig=True))
    label = str(line.get_label())
    name = "a line" if label.startswith("_") else label
    seen = np.flatnonzero(np.isfinite(y))
    if not len(seen):
        return f"{name}: {len(y)} points, none finite"
    low, high = seen[np.argmin(y[seen])], seen[np.argmax(y[seen])]
    places = {"first": seen[0], "min": low, "max": high, "last": seen[-1]}
    told = [f"{word} {format_number(float(y[k]))} at {_at(x[k])}" for word, k in places.items()]
    if len(y) == 1:
        return f"{name}: one point, {told[0].removeprefix('first ')}"
    pieces = 1 + int(np.count_nonzero(np.diff(seen) > 1))
    gaps = f" in {pieces} pieces" if pieces > 1 else ""
    return f"{name}: {format_count(len(seen))} points{gaps}, " + ", ".join(told)


def _plain(values: Any) -> npt.NDArray[np.float64]:
    return np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan)


def _at(place: float) -> str:
    return format_number(int(place) if place == int(place) else float(place))


def _bars(bars: Any, axes: Any) -> str:
    upright = getattr(bars, "orientation", "vertical") != "horizontal"
    axis = axes.xaxis if upright else axes.yaxis
    names = {round(float(k), 6): t.get_text() for k, t in _ticks(axis)}
    values, places = [], []
    for bar in bars:
        values.append(float(bar.get_height() if upright else bar.get_width()))
        low, size = (bar.get_x(), bar.get_width()) if upright else (bar.get_y(), bar.get_height())
        places.append(round(float(low + size / 2), 6))
    told = [
        f"{names.get(p) or _at(p)} {format_number(v)}" for p, v in zip(places, values, strict=True)
    ]
    label = str(bars.get_label())
    name = "bars" if label.startswith("_") else label
    if len(told) > _WRITTEN:
        top = sorted(range(len(values)), key=lambda k: -abs(values[k]))[:_WRITTEN]
        return f"{name}: {len(told)}, the longest: " + ", ".join(told[k] for k in top)
    return f"{name}: " + ", ".join(told)


def _ticks(axis: Any) -> Iterator[tuple[float, Any]]:
    return zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)


def _marks(marks: Any) -> Iterator[str]:
    label = str(marks.get_label())
    name = "" if label.startswith("_") else label
    levels = getattr(marks, "levels", None)
    if levels is not None:
        if not marks.filled:
            ends = f"{format_number(float(levels[0]))} to {format_number(float(levels[-1]))}"
            many = (
                f"{len(levels)} levels, {ends}" if len(levels) > 1 else f"level {ends.split()[0]}"
            )
            yield f"{name or 'contour lines'}: {many}"
    elif type(marks).__name__ == "PathCollection":
        yield f"{name or 'points'}: {format_count(len(marks.get_offsets()))}"


def _image(image: Any) -> str:
    values = np.ma.asarray(image.get_array())
    shape = "×".join(map(str, values.shape[:2]))
    if values.ndim > 2 or not values.count():
        return f"picture {shape}"
    low, high = format_number(float(values.min())), format_number(float(values.max()))
    return f"picture {shape}, {low} to {high}"
