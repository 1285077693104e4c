"""Fractional max pooling: windows at random places, so that sizes shrink by any factor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..batched import peek
from ..declare import names
from ..handle import make
from .pool import flat_pick
from .pooling import numbers
from .random import rand
from .reduce import check_tensor


def _starts(draws: Any, size: int, count: int, kernel: int) -> Any:
    """Where the windows begin: rising in steps of two neighbouring sizes; (planes, count).

    Start i is ⌊(i + u)·α⌋ − ⌊u·α⌋ with α = (size − kernel)/(count − 1) and u one draw a plane; the
    last window ends with the input. Computed in the dtype of the draws, as PyTorch does.
    """
    out = np.full((len(draws), count), size - kernel)
    if count > 1:
        kind = draws.dtype.type
        alpha = kind(size - kernel) / kind(count - 1)
        steps = np.arange(count - 1, dtype=draws.dtype) + draws[:, None]
        out[:, :-1] = (steps * alpha).astype(np.int64) - (draws * alpha).astype(np.int64)[:, None]
    return out


def _positions(x: Any, starts: list[Any], kernel: tuple[int, ...]) -> Any:
    """The flat position of each window's maximum (nan first, then the first of equals).

    ``x`` (planes, sizes …), one array of starts (planes, count) a dimension.
    """
    n, sizes = len(kernel), x.shape[1:]
    flat = np.zeros((len(x), *[1] * 2 * n), np.int64)
    for k in range(n):
        along = starts[k][:, :, None] + np.arange(kernel[k])
        shape = [len(x), *[1] * 2 * n]
        shape[1 + k], shape[1 + n + k] = along.shape[1:]
        flat = flat * sizes[k] + along.reshape(shape)
    flat = flat.reshape(*flat.shape[: n + 1], -1)
    rows = np.arange(len(x)).reshape(-1, *[1] * (n + 1))
    best = x.reshape(len(x), -1)[rows, flat].argmax(-1)  # argmax takes nan for the largest
    return np.take_along_axis(flat, best[..., None], -1)[..., 0]


def _count(name: str, input: Any, n: int, size: Any, ratio: Any) -> tuple[int, ...]:
    """How many windows along each dimension."""
    if size is None and ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    if size is not None:
        return numbers(size, n, name, "output_size")
    each = ratio if isinstance(ratio, (tuple, list)) else (ratio,) * n
    return tuple([int(s * r) for s, r in zip(input.shape[-n:], each, strict=True)])


def _fractional(n: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    name = f"fractional_max_pool{n}d"
    # One draw a dimension; the 2-D form takes them last dimension first.
    order = (1, 0) if n == 2 else (0, 1, 2)

    def both(
        input: Any,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Any = None,
    ) -> Any:
        check_tensor(name, input)
        if input.ndim not in (n + 1, n + 2):
            raise RuntimeError(
                f"{name}: Expected {n + 1}D or {n + 2}D (batch mode) tensor, but got: "
                f"{list(input.shape)}"
            )
        count = _count(name, input, n, output_size, output_ratio)
        kernel, sizes = numbers(kernel_size, n, name, "kernel_size"), tuple(input.shape[-n:])
        for k in range(n):
            if count[k] + kernel[k] - 1 > sizes[k] or count[k] < 1:
                raise RuntimeError(
                    f"{name}: {count[k]} windows of {kernel[k]} do not fit in dimension {k - n} of "
                    f"an input of shape {list(input.shape)}"
                )
        lead = tuple(input.shape[:-n])
        if _random_samples is None:
            batch = lead if len(lead) == 2 else (1, *lead)
            _random_samples = rand(*batch, n, dtype=input.dtype)
        draws = np.asarray(peek(_random_samples._data)).reshape(-1, n)
        starts = [_starts(draws[:, order[k]], sizes[k], count[k], kernel[k]) for k in range(n)]
        x = np.asarray(peek(input._data)).reshape(-1, *sizes)
        index = make(_positions(x, starts, kernel).reshape(*lead, *count))
        return flat_pick(input, index, sizes), index

    def function(
        input: Any,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Any = None,
    ) -> Any:
        pair = both(input, kernel_size, output_size, output_ratio, True, _random_samples)
        return pair if return_indices else pair[0]

    shape = ", ".join(["1"] * 2 + ["8"] * n)
    function.__doc__ = f"""The maxima of windows at random places: ``output_size`` of them, or
    ``output_ratio`` (between 0 and 1) of the input's size, (N, C, …) or (C, …).

    ``_random_samples`` (N, C, {n}) replaces the draws. Raises ValueError where neither is given,
    RuntimeError for windows that do not fit. Source: Graham, "Fractional max-pooling", 2014.

    >>> import chainrule as cr
    >>> cr.nn.functional.{name}(cr.zeros({shape}), 2, output_ratio=0.7).shape[-1]
    5
    """
    both.__doc__ = f"``{name}`` with the flat positions of the maxima, as two."
    for made, public in ((function, name), (both, f"{name}_with_indices")):
        made.__name__ = made.__qualname__ = public
        names["F"][public] = made
    return function, both


fractional_max_pool2d, fractional_max_pool2d_with_indices = _fractional(2)
fractional_max_pool3d, fractional_max_pool3d_with_indices = _fractional(3)
