"""Sliding windows on NumPy: sums and maxima along one dimension after the other.

Sum and maximum over a window separate: k₁ + k₂ passes where a window has k₁·k₂ elements. Windows
are walked by *taps*: the t-th element of every window at once, as a slice. Adaptive windows that
differ in length are walked by index instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

ALL = slice(None)


@dataclass(frozen=True)
class Window:
    """Windows of one length along a dimension: ``count`` of them over ``size`` elements."""

    size: int
    count: int
    kernel: int
    stride: int
    pad: int = 0
    dilation: int = 1

    def taps(self) -> list[tuple[Any, Any]]:
        """For each tap: which windows have it inside the input, and the elements they have."""
        found = []
        for t in range(self.kernel):
            offset = t * self.dilation - self.pad
            low = max(0, -(offset // self.stride))
            high = max(low, min(self.count, (self.size - 1 - offset) // self.stride + 1))
            start = low * self.stride + offset
            stop = start + (high - low - 1) * self.stride + 1
            picked = slice(start, stop, self.stride) if high > low else slice(0, 0)
            found.append((slice(low, high), picked))
        return found

    def places(self) -> Any:
        """The position of each tap of each window, (kernel, count)."""
        windows = np.arange(self.count) * self.stride - self.pad
        return windows + np.arange(self.kernel)[:, None] * self.dilation

    def lengths(self, padded: bool) -> Any:
        """How many elements each window has; with its padding, or without."""
        start = np.arange(self.count) * self.stride - self.pad
        end = np.minimum(start + self.kernel, self.size + self.pad)
        return end - start if padded else np.minimum(end, self.size) - np.maximum(start, 0)

    @property
    def whole(self) -> bool:
        """Whether there is one window, which has all."""
        return self.count == 1 and self.kernel == self.size and not self.pad


@dataclass(frozen=True)
class Adaptive:
    """``count`` windows over ``size`` elements from ⌊k·size/count⌋ to ⌈(k + 1)·size/count⌉."""

    size: int
    count: int

    @property
    def whole(self) -> bool:
        """One window of them all is a ``Window``."""
        return False

    def bounds(self) -> tuple[Any, Any]:
        """Where the windows start and end."""
        k = np.arange(self.count)
        return k * self.size // self.count, -(-(k + 1) * self.size // self.count)

    def places(self) -> Any:
        """The position of each tap of each window; short windows repeat their last element."""
        start, end = self.bounds()
        longest = int((end - start).max(initial=1))
        return np.minimum(start + np.arange(longest)[:, None], end - 1)

    def taps(self) -> list[tuple[Any, Any]]:
        """All windows have every tap; see ``places``."""
        return [(ALL, row) for row in self.places()]

    def lengths(self, padded: bool) -> Any:
        """How many elements each window has."""
        start, end = self.bounds()
        return end - start


def adaptive(size: int, count: int) -> Window | Adaptive:
    """The windows of adaptive pooling: of one length where the sizes divide."""
    if count and size % count == 0 and size:
        return Window(size, count, size // count, size // count)
    return Adaptive(size, count)


Axes = tuple[Window | Adaptive, ...]


def along(ndim: int, dim: int, picked: Any) -> tuple[Any, ...]:
    """An index of one dimension."""
    return (ALL,) * (ndim + dim if dim < 0 else dim) + (picked,)


def maxima(x: Any, axes: Axes, start: int | None = None) -> Any:
    """The maximum of every window over the last dimensions (or those from ``start``); nan wins."""
    for k, axis in enumerate(axes):
        dim = (x.ndim - len(axes) if start is None else start) + k
        if axis.whole:
            x = np.maximum.reduce(x, axis=dim, keepdims=True)
            continue
        shape = (*x.shape[:dim], axis.count, *x.shape[dim + 1 :])
        taps = axis.taps()
        full = [t for t in taps if isinstance(t[1], np.ndarray) or t[0] == slice(0, axis.count)]
        out = np.empty(shape, x.dtype)
        if full:  # start from windows that all have
            two = full[:2]
            views = [x[along(x.ndim, dim, picked)] for _, picked in two]
            np.maximum(views[0], views[-1], out=out)
            taps = [t for t in taps if not any(t is s for s in two)]
        else:
            out.fill(lowest(x.dtype))
        for windows, picked in taps:
            target = out[along(x.ndim, dim, windows)]
            np.maximum(target, x[along(x.ndim, dim, picked)], out=target)
        x = out
    return x


def lowest(dtype: Any) -> Any:
    """What is below every value of a type."""
    return np.iinfo(dtype).min if dtype.kind in "iu" else -np.inf


def first(x: Any, axes: Axes, last: bool = False) -> Any:
    """Which tap of each window holds its maximum: the first one in row order, or the last.

    Dimensions from the last on; each element carries a score that is higher the earlier its tap,
    and 0 unless it is the maximum. Bytes and no branches: random masks are slow to branch on.
    """
    taps = [len(axis.places()) for axis in axes]
    whole = int(np.prod(taps))
    kind = np.uint8 if whole < 256 else np.int32
    score, below = np.ones(x.shape, kind), 1
    for k in range(len(axes) - 1, -1, -1):
        dim = x.ndim - len(axes) + k
        top = maxima(x, axes[k : k + 1], dim)
        found = np.zeros(top.shape, kind)
        for t, (windows, picked) in enumerate(axes[k].taps()):
            here = x[along(x.ndim, dim, picked)] == top[along(x.ndim, dim, windows)]
            lead = (t if last else taps[k] - 1 - t) * below
            value = (score[along(x.ndim, dim, picked)] + kind(lead)) * here
            target = found[along(x.ndim, dim, windows)]
            np.maximum(target, value, out=target)
        x, score, below = top, found, below * taps[k]
    return score - kind(1) if last else kind(whole) - score


def positions(x: Any, top: Any, axes: Axes) -> Any:
    """The flat position of each window's maximum in the last dimensions: of equals the first.

    Of nans it is the last, as in PyTorch.
    """
    taps = first(x, axes)
    if x.dtype.kind not in "iu":
        nans = np.isnan(top)
        if nans.any():
            taps = np.where(nans, first(np.isnan(x).view(np.uint8), axes, True), taps)
    tables = [axis.places() for axis in axes]
    counts = [len(t) for t in tables]
    each = np.unravel_index(np.arange(int(np.prod(counts))), counts)
    steps = [int(np.prod([a.size for a in axes[k + 1 :]])) for k in range(len(axes))]
    regular = [axis for axis in axes if isinstance(axis, Window)]
    if len(regular) == len(axes):  # the window's own position plus the tap's
        offset = np.zeros(len(each[0]), np.int64)
        for axis, step, tap in zip(regular, steps, each, strict=True):
            offset += axis.dilation * step * tap
        near: Any = np.take(offset, taps)
        for k, (table, step) in enumerate(zip(tables, steps, strict=True)):
            near += (table[0] * step).reshape(-1, *[1] * (len(axes) - 1 - k))
        return near
    flat = np.zeros(taps.shape, np.int64)
    for k, (each_axis, table) in enumerate(zip(axes, tables, strict=True)):
        at = np.arange(each_axis.count).reshape(-1, *[1] * (len(axes) - 1 - k))
        flat += table[each[k][taps], at] * steps[k]
    return flat


def sums(x: Any, axes: Axes) -> Any:
    """The sum of every window over the last dimensions."""
    if all(axis.whole for axis in axes):
        lead = x.shape[: x.ndim - len(axes)]
        flat = x.reshape(*lead, int(np.prod([axis.size for axis in axes])))
        return np.add.reduce(flat, axis=-1).reshape(*lead, *[1] * len(axes))
    for k, axis in enumerate(axes):
        dim = x.ndim - len(axes) + k
        if axis.whole:
            x = np.add.reduce(x, axis=dim, keepdims=True)
        elif isinstance(axis, Adaptive):
            start, end = axis.bounds()
            pairs = np.stack([start, end], 1).reshape(-1)
            edge = np.zeros((*x.shape[:dim], 1, *x.shape[dim + 1 :]), x.dtype)
            both = np.concatenate([x, edge], dim)  # so that the last end is an index
            if axis.size and axis.count:
                x = np.add.reduceat(both, pairs, dim)[along(x.ndim, dim, slice(None, None, 2))]
            else:
                x = np.repeat(edge, axis.count, dim)
        else:
            out = np.zeros((*x.shape[:dim], axis.count, *x.shape[dim + 1 :]), x.dtype)
            for windows, picked in axis.taps():
                out[along(x.ndim, dim, windows)] += x[along(x.ndim, dim, picked)]
            x = out
    return x


def spread(g: Any, axes: Axes) -> Any:
    """Each ``g`` added to all elements of its window: the adjoint of ``sums``."""
    for k, axis in enumerate(axes):
        dim = g.ndim - len(axes) + k
        shape = (*g.shape[:dim], axis.size, *g.shape[dim + 1 :])
        if axis.whole:
            g = np.broadcast_to(g, shape)
            continue
        if isinstance(axis, Adaptive):
            start, end = axis.bounds()
            at = np.arange(axis.size)[:, None]
            member = ((start <= at) & (at < end)).astype(g.dtype)
            g = np.moveaxis(np.tensordot(g, member, ([dim], [1])), -1, dim)
            continue
        out = np.zeros(shape, g.dtype)
        for windows, picked in axis.taps():
            out[along(g.ndim, dim, picked)] += g[along(g.ndim, dim, windows)]
        g = out
    return g


def divisors(axes: Axes, divisor: Any, dtype: Any) -> Any:
    """What window sums are divided by: a number, or an array where windows differ."""
    if not isinstance(divisor, str):
        return divisor
    counts = [a.lengths(divisor == "padded") for a in axes]
    if all(len(c) and (c == c[0]).all() for c in counts):
        return int(np.prod([c[0] for c in counts]))
    out: Any = np.ones((), dtype)
    for c in counts:
        out = np.multiply.outer(out, c.astype(dtype))
    return out
