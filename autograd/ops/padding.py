"""Padding: a border of a constant, of reflected, repeated or wrapped elements; negative crops."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import Array, export, op
from .reduce import check_tensor

MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


class Borders(tuple[tuple[int, int], ...]):
    """How far to pad each dimension, (before, after); negative numbers crop."""

    __slots__ = ()

    def __neg__(self) -> Borders:
        return Borders((-before, -after) for before, after in self)


def _inside(size: int, before: int, after: int) -> tuple[slice, slice]:
    """What is kept of a dimension, and where it goes."""
    start, stop = max(0, -before), size - max(0, -after)
    length = max(stop - start, 0)
    return slice(start, start + length), slice(max(before, 0), max(before, 0) + length)


@op(
    {"input": lambda g, borders: pad_constant(g, -borders, 0.0)},
    where=(),
    promote="keep",
    symbol="pad",
    onnx="Pad",
    samples=lambda s: [
        (s(2, 3), Borders([(1, 0), (0, 2)]), 0.0),
        (s(4, 3), Borders([(-1, 0), (2, -1)]), 1.5),
        (s(3), Borders([(0, 0)]), 0.0),
        (s(0, 2), Borders([(1, 1), (0, 0)]), -1.0),
    ],
)
def pad_constant(input: Array, borders: Any, value: float = 0.0) -> Any:
    """``input`` with a border of ``value``; where the border is negative, cropped."""
    x = np.asarray(input)
    if not borders:
        return input
    pairs = list(zip(x.shape, borders, strict=True))
    inner, outer = zip(*[_inside(n, a, b) for n, (a, b) in pairs], strict=True)
    if all(a <= 0 >= b for a, b in borders):
        return x[inner]
    out = np.full([n + a + b for n, (a, b) in pairs], value, x.dtype)
    out[outer] = x[inner]
    return out


@op(
    {"input": lambda g, borders, mode: pad_edges_back(g, borders, mode)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="pad",
    onnx="Pad",
    samples=lambda s: [
        (s(2, 4), ((0, 0), (2, 3)), "reflect"),
        (s(2, 3), ((1, 1), (0, 2)), "replicate"),
        (s(1, 3), ((0, 0), (3, 2)), "circular"),
        (s(2, 1), ((0, 0), (2, 1)), "replicate"),
    ],
)
def pad_edges(input: Array, borders: Any, mode: str) -> Any:
    """``input`` with a border of its own elements: reflected, the edge repeated, or wrapped."""
    return np.pad(np.asarray(input), borders, mode=MODES[mode])  # type: ignore[call-overload]


@op(
    {"input": lambda g, borders, mode: pad_edges(g, borders, mode)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="padᵀ",
    samples=lambda s: [
        (s(2, 9), ((0, 0), (2, 3)), "reflect"),
        (s(4, 5), ((1, 1), (0, 2)), "replicate"),
        (s(1, 8), ((0, 0), (3, 2)), "circular"),
        (s(2, 4), ((0, 0), (2, 1)), "replicate"),
    ],
)
def pad_edges_back(input: Array, borders: Any, mode: str) -> Any:
    """The border added to the elements that it repeats: the way back of ``pad_edges``."""
    out = np.asarray(input)
    for dim, (before, after) in enumerate(borders):
        if before or after:
            line = np.moveaxis(out, dim, 0)
            n = len(line) - before - after
            inner = line[before : before + n].copy()
            head, tail = line[:before], line[before + n :]
            if mode == "reflect":
                inner[1 : before + 1] += head[::-1]
                inner[n - 1 - after : n - 1] += tail[::-1]
            elif mode == "replicate":
                inner[0] += np.add.reduce(head, axis=0)
                inner[n - 1] += np.add.reduce(tail, axis=0)
            else:
                inner[n - before :] += head
                inner[:after] += tail
            out = np.moveaxis(inner, 0, dim)
    return out


def _borders(input: Any, pad: Any) -> Borders:
    """The flat list, last dimension first, as a pair for each dimension."""
    flat = [int(p.__index__()) for p in pad]
    if len(flat) % 2:
        raise RuntimeError(f"Padding length must be divisible by 2, got {flat}")
    if len(flat) // 2 > input.ndim:
        raise RuntimeError(
            f"Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(flat)} and input of dimension {input.ndim}"
        )
    pairs = [(flat[k], flat[k + 1]) for k in range(0, len(flat), 2)]
    pairs += [(0, 0)] * (input.ndim - len(pairs))
    borders = Borders(reversed(pairs))
    for dim, (n, (before, after)) in enumerate(zip(input.shape, borders, strict=True)):
        if n + before + after < 0:
            raise RuntimeError(
                f"The input size {n}, plus negative padding {before} and {after}, resulted in a "
                f"negative output size, which is invalid. Check dimension {dim} of your input."
            )
    return borders


def _check_edges(input: Any, mode: str, flat: Any, borders: Borders) -> None:
    count = len(flat) // 2
    if not 1 <= count <= 3 or input.ndim not in (count + 1, count + 2):
        raise NotImplementedError(
            f"pad: mode '{mode}' pads the last 1, 2 or 3 dimensions of a tensor with one or two "
            f"more; got {input.ndim} dimensions and a padding of {len(flat)} numbers"
        )
    limits = {"reflect": -1, "circular": 0}
    for n, (before, after) in zip(input.shape[-count:], borders[-count:], strict=True):
        if mode == "circular":
            n += min(before, 0) + min(after, 0)  # what the crop leaves is wrapped
        if mode in limits and max(before, after) > n + limits[mode]:
            raise RuntimeError(
                f"Padding size should be {'less than' if mode == 'reflect' else 'at most'} the "
                f"corresponding input dimension for mode '{mode}', but got: padding ({before}, "
                f"{after}) of size {n} in {list(input.shape)}"
            )
        if n == 0 or n + before + after <= 0:
            raise RuntimeError(
                f"pad: mode '{mode}' needs a non-empty result and non-zero dimensions, got shape "
                f"{list(input.shape)} and padding ({before}, {after})"
            )


@export("F")
def pad(input: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """``input`` with borders: ``pad`` lists (before, after) of the last dimension first.

    ``mode``: ``'constant'`` (``value``, 0 by default), ``'reflect'``, ``'replicate'`` or
    ``'circular'``. Negative numbers crop.

    >>> import chainrule as cr
    >>> cr.nn.functional.pad(cr.tensor([[1.0, 2.0, 3.0]]), (1, 2))
    tensor([[0., 1., 2., 3., 0., 0.]])
    >>> cr.nn.functional.pad(cr.tensor([[1.0, 2.0, 3.0]]), (2, -1), mode="reflect")
    tensor([[3., 2., 1., 2.]])
    """
    check_tensor("pad", input)
    borders = _borders(input, pad)
    if mode == "constant":
        return pad_constant(input, borders, 0.0 if value is None else value)
    if mode not in MODES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}: it is 'constant', 'reflect', "
                                  "'replicate' or 'circular'")  # fmt: skip
    if value is not None:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    _check_edges(input, mode, pad, borders)
    grown = tuple((max(a, 0), max(b, 0)) for a, b in borders)
    cropped = Borders((min(a, 0), min(b, 0)) for a, b in borders)
    if not any(map(any, cropped)):
        return pad_edges(input, grown, mode)
    if mode == "circular":  # PyTorch wraps what the crop leaves, and mirrors what was there before
        return pad_edges(pad_constant(input, cropped, 0.0), grown, mode)
    return pad_constant(pad_edges(input, grown, mode), cropped, 0.0)
