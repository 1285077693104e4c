"""What is said of arrays: a few elements, how many are not finite, the first numbers of many."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .model import HeatMap, Summary
from .numbers import MINUS, format_count, format_number, format_row, format_shape, superscript

_DIGITS = 3  # of numbers in tables
_SIDES = (8, 6, 4)  # of tables: the largest that there is room for
_PLAIN = range(-3, 5)  # exponents of ten that tables are written without


def elements_text(values: Sequence[float], shape: Sequence[int], precision: int) -> str:
    """Write out a few elements, in brackets as their axes nest.

    >>> elements_text([1.0, 2.5, -3.0, 0.0], (2, 2), 4)
    '[[1.0 2.5] [−3.0 0.0]]'
    """
    texts = format_row(values, precision)
    for size in reversed(shape):
        texts = [f"[{' '.join(texts[k : k + size])}]" for k in range(0, len(texts), size)]
    return " ".join(texts)


def odd_text(summary: Summary) -> str:
    """Count and name the elements that are not finite: `2 nan, 1 ∞`; "" where all are."""
    counts = ((summary.nans, "nan"), (summary.not_finite - summary.nans, "∞"))
    return ", ".join(f"{format_count(count)} {name}" for count, name in counts if count)


def spread_text(summary: Summary, precision: int) -> str:
    """Write mean ± standard deviation of the finite elements, and what is not finite."""
    size = math.prod(summary.shape)
    odd = odd_text(summary)
    if size == 0 or summary.not_finite == size:
        return odd or "empty"
    mean, std = format_number(summary.mean, precision), format_number(summary.std, precision)
    return f"{mean} ± {std}" + (f", {odd}" if odd else "")


def range_text(summary: Summary, precision: int) -> str:
    """Write the smallest and the largest finite element; "" where there is none."""
    size = math.prod(summary.shape)
    if summary.elements is not None or summary.not_finite == size:
        return ""
    low, high = summary.minimum, summary.maximum
    return f"{format_number(low, precision)} … {format_number(high, precision)}"


def picture_lines(summary: Summary, room: int) -> list[str]:
    """Say what a thumbnail shows, and the first numbers that `room` bytes have place for."""
    lines = []
    heat = summary.thumbnail
    if isinstance(heat, HeatMap) and heat.pooled != (1, 1):
        lines.append(f"max pooled: a cell stands for {format_shape(heat.pooled)} elements")
    if isinstance(heat, HeatMap) and heat.clipped:
        cells = "1 cell lies" if heat.clipped == 1 else f"{format_count(heat.clipped)} cells lie"
        lines.append(f"{cells} beyond the limits of the colours")
    return [*lines, *_table(summary, room)]


def _table(summary: Summary, room: int) -> list[str]:
    """The first rows and columns below a line that says so, as many as there is room for."""
    if not summary.corner:
        return []
    texts, factor = _row_texts(summary.corner)
    lines: list[str] = []
    for side in _SIDES:
        rows = [row[:side] for row in texts[:side]]
        size = (len(rows), len(rows[0])) if len(summary.shape) > 1 else (len(rows[0]),)
        whole = size == summary.shape
        head = "all numbers" if whole else f"first {format_shape(size)} numbers"
        lines = [f"{head}{factor}:", *map(" ".join, rows)]
        if sum(len(line.encode()) + 1 for line in lines) <= room:
            break
    return lines


def _row_texts(rows: Sequence[Sequence[float]]) -> tuple[list[list[str]], str]:
    """Numbers of one table with equally many decimals, and the power of ten before them all."""
    flat = [x for row in rows for x in row]
    largest = max(map(abs, flat))
    if not math.isfinite(largest) or math.isnan(sum(flat)):  # nan hides from max
        largest = max((abs(x) for x in flat if math.isfinite(x)), default=0.0)
    exponent = math.floor(math.log10(largest)) if largest else 0
    factor, scale = "", 1.0
    if exponent not in _PLAIN:
        factor, scale = f" × 10{superscript(exponent)}", 10.0 ** max(exponent, -300)
        exponent = 0
    decimals = max(0, _DIGITS - 1 - exponent)
    if scale == 1.0 and all(x.is_integer() for x in flat):
        decimals = 0
    pattern = " ".join([f"%.{decimals}f"] * len(rows[0]))
    return [_row(pattern, row, scale) for row in rows], factor


def _row(pattern: str, row: Sequence[float], scale: float) -> list[str]:
    """One row; an exact zero is a bare 0, so that 0.00 says "rounded"."""
    numbers = row if scale == 1.0 else [x / scale for x in row]
    texts = (pattern % tuple(numbers)).replace("-", MINUS).replace("inf", "∞").split()
    if 0.0 in row:
        texts = ["0" if x == 0.0 else text for x, text in zip(row, texts, strict=True)]
    return texts
