"""Convolution on NumPy, written once for n dimensions: windows copied into columns, then a product.

A batch (N, C, *S) is walked in stretches of some samples, or some output rows of one sample, whose
windows fill about a megabyte: that stays in the cache between the copy and the matrix product.
With stride 1 the padded dimensions are kept as one line, so that a kernel tap is one long shifted
copy; the few columns that run over the end of a row are computed and dropped.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np

STRETCH = 1 << 20  # bytes of columns made at a time
Pads = tuple[tuple[int, int], ...]
ALL = slice(None)


def out_size(size: int, kernel: int, stride: int, pads: tuple[int, int], dilation: int) -> int:
    """The number of windows along one dimension; not positive where the kernel does not fit."""
    return (size + pads[0] + pads[1] - dilation * (kernel - 1) - 1) // stride + 1


class Patches:
    """The windows of a batch, as columns of matrices (C, *kernel, samples, *positions)."""

    def __init__(
        self, shape: Any, kernel: Any, stride: Any, pads: Pads, dilation: Any, itemsize: int
    ) -> None:
        self.n, self.channels = shape[:2]
        self.kernel, self.pads = tuple(kernel), pads
        self.stride = tuple(stride)
        self.padded = [s + a + b for s, (a, b) in zip(shape[2:], pads, strict=True)]
        pairs = zip(shape[2:], kernel, stride, pads, dilation, strict=True)
        self.out = tuple(out_size(*p) for p in pairs)
        self.flat = all(s == 1 for s in stride)
        steps = [prod(self.padded[k + 1 :]) for k in range(len(kernel))]
        self.steps = steps  # elements from one padded row to the next
        self.taps = [d * s for d, s in zip(dilation, steps, strict=True)]
        tail = sum(t * (k - 1) for t, k in zip(self.taps[1:], kernel[1:], strict=True))
        self.length = prod(self.padded) + (tail if self.flat else 0)
        # what stands for one row of output: with stride 1, whole padded rows
        self.row = tuple(self.padded[1:] if self.flat else self.out[1:])
        each = max(self.channels * prod(kernel) * prod(self.row) * itemsize, 1)
        self.rows = self.out[0]
        if each * self.rows > 4 * STRETCH:
            self.rows = max(1, min(self.rows, STRETCH // each))
        self.batch = max(1, min(self.n, STRETCH // (each * max(self.rows, 1))))

    def columns(self, x: Any) -> Iterator[tuple[slice, slice, Any]]:
        """Samples, output rows, and their windows as columns: one stretch after the other."""
        taps, item = prod(self.kernel), x.itemsize
        line = np.zeros((self.channels, self.batch, self.length), x.dtype)
        box = line[:, :, : prod(self.padded)].reshape(self.channels, self.batch, *self.padded)
        matrix = np.empty(self.channels * taps * self.batch * self.rows * prod(self.row), x.dtype)
        strides = (line.strides[0], *[t * item for t in self.taps], line.strides[1])
        if self.flat:
            strides = (*strides, item)
        else:
            moves = zip(self.stride, self.steps, strict=True)
            strides = (*strides, *[s * t * item for s, t in moves])
        for n in range(0, self.n, self.batch):
            samples = slice(n, min(n + self.batch, self.n))
            count = samples.stop - n
            place(x[samples].swapaxes(0, 1), box[:, :count], self.pads)
            for r in range(0, self.out[0], self.rows):
                rows = slice(r, min(r + self.rows, self.out[0]))
                seen = (rows.stop - r, *self.row)
                positions = (prod(seen),) if self.flat else seen
                shape = (self.channels, *self.kernel, count, *positions)
                start = r * self.stride[0] * self.steps[0] * item
                windows: Any = np.ndarray(shape, x.dtype, line, start, strides)
                cols = matrix[: windows.size].reshape(shape)
                np.copyto(cols, windows)
                yield samples, rows, cols.reshape(self.channels * taps, -1)

    def crop(self, channels: int, count: int, rows: slice, flat: Any) -> Any:
        """The result of a product as (channels, samples, *positions), row ends cut off."""
        whole = flat.reshape(channels, count, rows.stop - rows.start, *self.row)
        return whole[(ALL, ALL, ALL, *[slice(0, n) for n in self.out[1:]])]


@functools.lru_cache(512)
def plan(shape: Any, kernel: Any, stride: Any, pads: Pads, dilation: Any, itemsize: int) -> Patches:
    """The ``Patches`` of a convolution, worked out once."""
    return Patches(shape, kernel, stride, pads, dilation, itemsize)


def place(x: Any, box: Any, pads: Pads) -> None:
    """Write ``x`` into the inside of ``box``; negative padding leaves its border out."""
    inner, outer = [ALL, ALL], [ALL, ALL]
    for size, (low, high) in zip(x.shape[2:], pads, strict=True):
        a, b = max(0, -low), size - max(0, -high)
        inner.append(slice(a, max(a, b)))
        outer.append(slice(max(low, 0), max(low, 0) + max(b - a, 0)))
    box[tuple(outer)] = x[tuple(inner)]


def _pointwise(kernel: Any, stride: Any, pads: Pads) -> bool:
    """Whether every window is one position: the convolution is a plain product."""
    return prod(kernel) == 1 == prod(stride) and not any(a or b for a, b in pads)


def forward(
    x: Any, weight: Any, bias: Any, stride: Any, pads: Pads, dilation: Any, groups: int
) -> Any:
    """Σ over channels and taps of weight · input: (N, C, *S), (O, C/groups, *K) → (N, O, *L)."""
    o, kernel = weight.shape[0], weight.shape[2:]
    w = np.ascontiguousarray(weight).reshape(groups, o // groups, -1)
    column = None if bias is None else bias.reshape(-1, 1, *[1] * len(kernel))
    if _pointwise(kernel, stride, pads):
        n, sizes = x.shape[0], x.shape[2:]
        flat = x.reshape(n, groups, w.shape[2], prod(sizes))
        out = np.matmul(w, flat).reshape(n, o, *sizes)
        if column is not None:
            np.add(out, column[:, 0], out=out)
        return out
    patches = plan(x.shape, kernel, stride, pads, dilation, x.itemsize)
    out = np.empty((x.shape[0], o, *patches.out), x.dtype)
    for samples, rows, cols in patches.columns(x):
        flat = np.matmul(w, cols.reshape(groups, w.shape[2], -1)) if groups > 1 else w[0] @ cols
        values = patches.crop(o, samples.stop - samples.start, rows, flat)
        target = out[samples, :, rows].swapaxes(0, 1)
        if column is None:
            np.copyto(target, values)
        else:
            np.add(values, column, out=target)
    return out


def weight_gradient(
    g: Any, x: Any, shape: Any, stride: Any, pads: Pads, dilation: Any, groups: int
) -> Any:
    """Σ over samples and positions of g · window: the gradient of the weight, of ``shape``."""
    o, kernel = shape[0], shape[2:]
    if _pointwise(kernel, stride, pads):
        n, length = x.shape[0], prod(x.shape[2:])
        a = g.reshape(n, groups, o // groups, length)
        b = x.reshape(n, groups, shape[1], length)
        return np.add.reduce(np.matmul(a, b.swapaxes(2, 3)), axis=0).reshape(shape)
    patches = plan(x.shape, kernel, stride, pads, dilation, x.itemsize)
    total = np.zeros((groups, o // groups, prod(shape[1:])), g.dtype)
    ragged = patches.row != patches.out[1:]
    for samples, rows, cols in patches.columns(x):
        part = g[samples, :, rows].swapaxes(0, 1)
        if ragged:  # zeros where the columns run over the end of a row
            box = np.zeros((*part.shape[:3], *patches.row), g.dtype)
            box[(ALL, ALL, ALL, *[slice(0, n) for n in patches.out[1:]])] = part
            part = box
        a = part.reshape(groups, o // groups, -1)
        total += np.matmul(a, cols.reshape(groups, total.shape[2], -1).swapaxes(1, 2))
    return total.reshape(shape)


def input_gradient(
    g: Any, weight: Any, shape: Any, stride: Any, pads: Pads, dilation: Any, groups: int
) -> Any:
    """Each g spread over its window by the weight: the gradient of the input, of ``shape``."""
    (o, c), kernel, sizes = weight.shape[:2], weight.shape[2:], shape[2:]
    split = weight.reshape(groups, o // groups, c, *kernel)
    n, length = g.shape[0], prod(g.shape[2:])
    each = max(groups * c * prod(kernel) * length * g.itemsize, 1)
    # windows of g are copied, windows of the result added up, which costs about twice as much
    turn = o < 2 * groups * c or each > 16 * STRETCH or _pointwise(kernel, stride, pads)
    if turn and all(s == 1 for s in stride):  # a convolution of g with the weight turned round
        turned = split.swapaxes(1, 2)[(..., *[slice(None, None, -1)] * len(kernel))]
        turned = turned.reshape(groups * c, o // groups, *kernel)
        around = []
        for s, m, k, d, (low, _) in zip(sizes, g.shape[2:], kernel, dilation, pads, strict=True):
            around.append((d * (k - 1) - low, s - m + low))
        return forward(g, turned, None, stride, tuple(around), dilation, groups)
    batch = max(1, min(n, STRETCH // each))
    wt = np.ascontiguousarray(split.reshape(groups, o // groups, -1).swapaxes(1, 2))
    out = np.empty(shape, g.dtype)
    for start in range(0, n, batch):
        part = g[start : start + batch]
        flat = part.reshape(len(part), o, length).swapaxes(0, 1).reshape(groups, o // groups, -1)
        cols = np.matmul(wt, flat).reshape(groups * c, *kernel, len(part), *g.shape[2:])
        folded = fold(cols, sizes, kernel, stride, pads, dilation)
        np.copyto(out[start : start + batch], folded.swapaxes(0, 1))
    return out


def fold(cols: Any, sizes: Any, kernel: Any, stride: Any, pads: Pads, dilation: Any) -> Any:
    """Windows (C, *K, N, *L) added up where they came from: (C, N, *sizes)."""
    channels, n = cols.shape[0], cols.shape[len(kernel) + 1]
    count = cols.shape[len(kernel) + 2 :]
    # an output_padding may reach past the last window
    ends = [
        max(s + a + b, (m - 1) * t + d * (k - 1) + 1)
        for s, (a, b), m, t, d, k in zip(sizes, pads, count, stride, dilation, kernel, strict=True)
    ]
    box = np.zeros((channels, n, *ends), cols.dtype)
    for tap in product(*[range(k) for k in kernel]):
        places = zip(tap, dilation, count, stride, strict=True)
        at = [slice(t * d, t * d + (m - 1) * s + 1, s) for t, d, m, s in places]
        target = box[(ALL, ALL, *at)]
        np.add(target, cols[(ALL, *tap)], out=target)
    if all(a >= 0 for a, _ in pads):
        inner = [slice(a, a + s) for s, (a, _) in zip(sizes, pads, strict=True)]
        return box[(ALL, ALL, *inner)]
    out = np.zeros((channels, n, *sizes), cols.dtype)
    turned = tuple((-a, s - e + a) for s, (a, _), e in zip(sizes, pads, ends, strict=True))
    place(box, out, turned)
    return out


def unfold(x: Any, kernel: Any, stride: Any, pads: Pads, dilation: Any) -> Any:
    """The windows of (N, C, *S) as (N, C, *K, *L)."""
    padded = [s + a + b for s, (a, b) in zip(x.shape[2:], pads, strict=True)]
    box = np.zeros((*x.shape[:2], *padded), x.dtype)
    place(x, box, pads)
    pairs = zip(x.shape[2:], kernel, stride, pads, dilation, strict=True)
    count = [out_size(*p) for p in pairs]
    inner = box.strides[2:]
    steps = [d * s for d, s in zip(dilation, inner, strict=True)]
    moves = [t * s for t, s in zip(stride, inner, strict=True)]
    shape = (*x.shape[:2], *kernel, *count)
    windows: Any = np.ndarray(shape, x.dtype, box, 0, (*box.strides[:2], *steps, *moves))
    return windows.copy()
