"""Pooling as users call it: maxima, means and norms of windows, adaptive windows, unpooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..batched import peek
from ..declare import names
from ..errors import ShapeError, refuse
from ..handle import Handle
from .activation import relu
from .arithmetic import abs as abs_op
from .arithmetic import sign
from .pool import avg_pool, check_index, max_pool, max_pool_index, unpool
from .pool_kernels import Window, adaptive
from .reduce import check_tensor

LINE = "(C, L) or (N, C, L)"
PLANE = "(C, H, W) or (N, C, H, W)"
SPACE = "(C, D, H, W) or (N, C, D, H, W)"
SHAPES = {1: LINE, 2: PLANE, 3: SPACE}
Public = Callable[..., Any]


def numbers(value: Any, n: int, name: str, what: str) -> tuple[int, ...]:
    """One integer a dimension."""
    if not isinstance(value, (tuple, list)):
        return (int(value.__index__()),) * n
    found = tuple(int(v.__index__()) for v in value)
    if len(found) not in (1, n):
        raise RuntimeError(
            f"{name}: {what} must either be a single int, or a tuple of {n} ints, got {found}"
        )
    return found if len(found) == n else found * n


def _check_input(name: str, input: Any, n: int) -> None:
    check_tensor(name, input)
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(
            f"{name}: Expected {n + 1}D or {n + 2}D (batch mode) tensor for input, but got: "
            f"{list(input.shape)}"
        )
    if any(size == 0 for size in input.shape[input.ndim - n - 1 :]):
        raise RuntimeError(
            f"{name}: Expected {n + 1}D or {n + 2}D (batch mode) tensor with optional 0 dim batch "
            f"size for input, but got: {list(input.shape)}"
        )


def _window(
    name: str, size: int, kernel: int, stride: int, pad: int, dilation: int, ceil: bool
) -> Window:
    if kernel <= 0 or stride <= 0 or dilation <= 0:
        raise RuntimeError(
            f"{name}: kernel size ({kernel}), stride ({stride}) and dilation ({dilation}) should "
            "be greater than zero"
        )
    span = dilation * (kernel - 1) + 1
    if pad < 0 or 2 * pad > span:
        raise RuntimeError(
            "pad should be non-negative and at most half of effective kernel size, but got "
            f"pad={pad}, kernel_size={kernel} and dilation={dilation}"
        )
    room = size + 2 * pad - span
    count = (room + (stride - 1 if ceil else 0)) // stride + 1
    if ceil and (count - 1) * stride >= size + pad:
        count -= 1  # the last window would lie in the padding
    return Window(size, count, kernel, stride, pad, dilation)


def _windows(
    name: str, input: Any, n: int, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> tuple[Window, ...]:
    """The windows along each of the last ``n`` dimensions."""
    _check_input(name, input, n)
    kernel = numbers(kernel, n, name, "kernel_size")
    empty = stride is None or (isinstance(stride, (tuple, list)) and not stride)
    stride = kernel if empty else numbers(stride, n, name, "stride")
    padding = numbers(padding, n, name, "padding")
    dilation = numbers(dilation, n, name, "dilation")
    sizes = input.shape[input.ndim - n :]
    axes = tuple(
        _window(name, *of, ceil)
        for of in zip(sizes, kernel, stride, padding, dilation, strict=True)
    )
    if any(axis.count <= 0 for axis in axes):
        raise ShapeError(
            f"{name}: Given input size: {list(input.shape)}. Calculated output size: "
            f"{[axis.count for axis in axes]}. Output size is too small"
        )
    return axes


def _publish(function: Public, name: str, doc: str, *spaces: str) -> Public:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    for space in spaces:
        names[space][name] = function
    return function


def _maximum(name: str, n: int, *args: Any, indices: bool) -> Any:
    """The maxima of windows, with where they are."""
    input = args[0]
    axes = _windows(name, input, n, *args[1:])
    refuse(name, input._data, "bc")
    sizes = tuple(axis.size for axis in axes)
    out = max_pool(input, axes, sizes)
    return (out, max_pool_index(input, out, axes)) if indices else out


def _max_pools(n: int) -> Public:
    name = f"max_pool{n}d"

    def function(
        input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False, return_indices: bool = False,
    ) -> Any:  # fmt: skip
        args = (input, kernel_size, stride, padding, dilation, ceil_mode)
        return _maximum(name, n, *args, indices=return_indices)

    def with_indices(
        input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False, return_indices: bool = True,
    ) -> Any:  # fmt: skip
        args = (input, kernel_size, stride, padding, dilation, ceil_mode)
        return _maximum(name, n, *args, indices=True)

    doc = f"``{name}`` and the flat positions of the maxima, as two tensors."
    _publish(with_indices, f"{name}_with_indices", doc, "F", *(["torch"] if n == 1 else []))
    row = "[" * (n + 1) + "{}" + "]" * (n + 1)
    call = f"cr.nn.functional.{name}(cr.tensor({row.format('1.0, 3.0, 2.0, 0.0')})"
    kernel = "2" if n == 1 else str((1,) * (n - 1) + (2,))
    doc = f"""The maximum of every window of {SHAPES[n]}; ``stride`` is ``kernel_size`` by default.

    The padding is −∞; ``ceil_mode`` keeps a last window that runs over the end, unless it starts in
    the padding. The gradient goes to the first maximum; nan wins. ``return_indices`` adds the flat
    positions of the maxima.

    >>> import chainrule as cr
    >>> {call}, {kernel}).flatten()
    tensor([3., 2.])
    """
    return _publish(function, name, doc, "F", "torch")


max_pool1d, max_pool2d, max_pool3d = _max_pools(1), _max_pools(2), _max_pools(3)


def _average(
    name: str, n: int, input: Any, kernel: Any, stride: Any, padding: Any, ceil: bool,
    count_include_pad: bool, divisor: Any,
) -> Any:  # fmt: skip
    axes = _windows(name, input, n, kernel, stride, padding, 1, ceil)
    refuse(name, input._data, "bu" if input.dtype.name == "int64" else "bui")
    if divisor is not None and divisor == 0:
        raise RuntimeError("divisor must be not zero")
    if divisor is None:
        divisor = "padded" if count_include_pad else "inside"
    return avg_pool(input, axes, divisor)


def _avg_pools(n: int) -> Public:
    name = f"avg_pool{n}d"

    def line(
        input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
        ceil_mode: bool = False, count_include_pad: bool = True,
    ) -> Any:  # fmt: skip
        args = (input, kernel_size, stride, padding, ceil_mode, count_include_pad)
        return _average(name, n, *args, None)

    def function(
        input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
        ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: Any = None,
    ) -> Any:  # fmt: skip
        args = (input, kernel_size, stride, padding, ceil_mode, count_include_pad)
        return _average(name, n, *args, divisor_override)

    row = "[" * (n + 1) + "1.0, 3.0, 2.0, 0.0" + "]" * (n + 1)
    kernel = "2" if n == 1 else str((1,) * (n - 1) + (2,))
    doc = f"""The mean of every window of {SHAPES[n]}; ``stride`` is ``kernel_size`` by default.

    Zeros of the padding count unless ``count_include_pad=False``{
        "" if n == 1 else "; ``divisor_override`` divides the sum by another number"
    }.

    >>> import chainrule as cr
    >>> cr.nn.functional.{name}(cr.tensor({row}), {kernel}).flatten()
    tensor([2., 1.])
    """
    return _publish(line if n == 1 else function, name, doc, "F", *(["torch"] if n == 1 else []))


avg_pool1d, avg_pool2d, avg_pool3d = _avg_pools(1), _avg_pools(2), _avg_pools(3)


def _adaptive_axes(name: str, input: Any, n: int, output_size: Any) -> tuple[Any, ...]:
    _check_input(name, input, n)
    sizes = input.shape[input.ndim - n :]
    counts = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * n
    if len(counts) != n:
        raise RuntimeError(f"{name}: output_size must be {n} sizes, got {list(counts)}")
    pairs = zip(counts, sizes, strict=True)
    whole = [size if c is None else int(c.__index__()) for c, size in pairs]
    if any(c < 0 for c in whole):
        raise RuntimeError(f"{name}: elements of output_size must be non-negative, got {whole}")
    return tuple(adaptive(size, c) for size, c in zip(sizes, whole, strict=True))


def _adaptive_avg(n: int) -> Public:
    name = f"adaptive_avg_pool{n}d"

    def function(input: Any, output_size: Any) -> Any:
        axes = _adaptive_axes(name, input, n, output_size)
        refuse(name, input._data)
        return avg_pool(input, axes, "inside")

    doc = f"""The means of {SHAPES[n]} over ``output_size`` windows (None: as many as elements).

    Window k goes from ⌊k·size/out⌋ to ⌈(k + 1)·size/out⌉; neighbours may overlap.

    >>> import chainrule as cr
    >>> cr.nn.functional.{name}(cr.ones({", ".join(["2"] + ["4"] * n)}), 1).flatten()
    tensor([1., 1.])
    """
    return _publish(function, name, doc, "F", *(["torch"] if n == 1 else []))


def _adaptive_max(n: int) -> Public:
    name = f"adaptive_max_pool{n}d"

    def maximum(input: Any, output_size: Any, indices: bool) -> Any:
        axes = _adaptive_axes(name, input, n, output_size)
        refuse(name, input._data)
        out = max_pool(input, axes, tuple(axis.size for axis in axes))
        return (out, max_pool_index(input, out, axes)) if indices else out

    def function(input: Any, output_size: Any, return_indices: bool = False) -> Any:
        return maximum(input, output_size, return_indices)

    def with_indices(input: Any, output_size: Any, return_indices: bool = True) -> Any:
        return maximum(input, output_size, True)

    _publish(with_indices, f"{name}_with_indices", f"``{name}`` with positions, as two.", "F")
    if n == 1:
        names["torch"][name] = with_indices
    doc = f"""The maxima of {SHAPES[n]} over as many windows as ``output_size`` says.

    Windows as in ``adaptive_avg_pool{n}d``; ``return_indices`` adds the flat positions.

    >>> import chainrule as cr
    >>> cr.nn.functional.{name}(cr.ones({", ".join(["2"] + ["4"] * n)}), 1).flatten()
    tensor([1., 1.])
    """
    return _publish(function, name, doc, "F")


adaptive_avg_pool1d, adaptive_avg_pool2d = _adaptive_avg(1), _adaptive_avg(2)
adaptive_avg_pool3d = _adaptive_avg(3)
adaptive_max_pool1d, adaptive_max_pool2d = _adaptive_max(1), _adaptive_max(2)
adaptive_max_pool3d = _adaptive_max(3)


def _lp(n: int) -> Public:
    name = f"lp_pool{n}d"
    average = (avg_pool1d, avg_pool2d, avg_pool3d)[n - 1]

    def function(
        input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> Any:
        kernel = numbers(kernel_size, n, name, "kernel_size")
        mean = average(input**norm_type, kernel_size, stride, 0, ceil_mode)
        total = sign(mean) * relu(abs_op(mean)) * float(np.prod(kernel))
        return total ** (1.0 / norm_type)

    row = "[" * (n + 1) + "3.0, 4.0" + "]" * (n + 1)
    size = 2 if n == 1 else (1,) * (n - 1) + (2,)
    doc = f"""(Σ xᵖ)^(1/p) over every window of {SHAPES[n]}, p = ``norm_type``.

    >>> import chainrule as cr
    >>> cr.nn.functional.{name}(cr.tensor({row}), 2, {size}).item()
    5.0
    """
    return _publish(function, name, doc, "F")


lp_pool1d, lp_pool2d, lp_pool3d = _lp(1), _lp(2), _lp(3)


def _unpools(n: int) -> Public:
    name = f"max_unpool{n}d"

    def function(
        input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
        output_size: Any = None,
    ) -> Any:  # fmt: skip
        _check_input(name, input, n)
        if not isinstance(indices, Handle) or indices.dtype.name != "int64":  # type: ignore[attr-defined]
            raise RuntimeError(f"{name}: elements in indices should be type int64")
        if tuple(indices.shape) != tuple(input.shape):  # type: ignore[attr-defined]
            raise ShapeError(
                f"Expected shape of indices to be same as that of the input tensor "
                f"({list(input.shape)}) but got {list(indices.shape)}"  # type: ignore[attr-defined]
            )
        kernel = numbers(kernel_size, n, name, "kernel_size")
        strides = kernel if stride is None else numbers(stride, n, name, "stride")
        pads = numbers(padding, n, name, "padding")
        sizes = input.shape[input.ndim - n :]
        of = zip(sizes, kernel, strides, pads, strict=True)
        usual = [(m - 1) * s + k - 2 * p for m, k, s, p in of]
        found = usual if output_size is None else [int(s) for s in output_size][-n:]
        for size, least, step in zip(found, usual, strides, strict=True):
            if not least - step < size < least + step and output_size is not None:
                raise ValueError(
                    f"invalid output_size {found}: each must be within the stride of {usual}"
                )
        check_index(peek(indices._data), tuple(found))
        return unpool(input, indices, tuple(found))

    ones = ", ".join(["1"] * (n + 1))
    at = "[" * (n + 1) + "1" + "]" * (n + 1)
    doc = f"""Zeros with the values of {SHAPES[n]} at the positions that ``max_pool{n}d`` returned.

    >>> import chainrule as cr
    >>> cr.nn.functional.{name}(cr.ones({ones}), cr.tensor({at}), 2).flatten()[:2]
    tensor([0., 1.])
    """
    return _publish(function, name, doc, "F")


max_unpool1d, max_unpool2d, max_unpool3d = _unpools(1), _unpools(2), _unpools(3)
