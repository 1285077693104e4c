"""Numbers and arrays of the engine in the form in which a picture holds them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.batched import Batched
from .model import Absent, Quantity, Summary
from .wording import quantity_text

_FEW = 4  # arrays of up to this many elements are written out


def number_name(value: Quantity) -> str:
    """What a constant is called: its number."""
    return quantity_text(value)


def plain(value: Any) -> Any:
    """A number of Python's own."""
    if isinstance(value, np.generic):
        return value.item()
    return value if isinstance(value, (bool, int, float, complex)) else str(value)


def quantity(data: Any, node: Any) -> Quantity:
    """The data of a node as a picture shows it: a number, or an array in a few numbers."""
    if data is None:
        return Absent.NOT_KEPT
    if type(data) is Batched:  # inside vmap: one for each example
        return summary(np.asarray(data.value))
    if not node.shape:
        found = data.item() if hasattr(data, "item") else data
        return found if isinstance(found, (bool, int, float, complex)) else float(found)
    return summary(np.asarray(data))


def summary(array: Any) -> Summary:
    """An array in a few numbers; statistics are of its finite elements."""
    shape, dtype = tuple(array.shape), str(array.dtype)
    real = np.abs(array) if array.dtype.kind == "c" else array
    flat = real.astype(np.float64).ravel()
    finite = flat[np.isfinite(flat)]
    none = float("nan") if flat.size else 0.0
    stats = _statistics(finite) if finite.size else (none, none, none, none, none)
    few = tuple(flat.tolist()) if 0 < flat.size <= _FEW else None
    odd = int(flat.size - finite.size)
    nans = int(np.isnan(flat).sum()) if odd else 0
    return Summary(shape, dtype, *stats, not_finite=odd, elements=few, nans=nans)


def _statistics(values: Any) -> tuple[float, float, float, float, float]:
    """Mean, standard deviation, Euclidean norm, least and largest of some numbers."""
    low, high = float(values.min()), float(values.max())
    largest = max(abs(low), abs(high))
    scale = 1.0
    if largest and not 1e-100 < largest < 1e100:  # squares would overflow or underflow
        scale, values = largest, values / largest
    mean, norm = float(values.mean()) * scale, float(np.sqrt(np.sum(values * values))) * scale
    return mean, float(values.std()) * scale, norm, low, high
