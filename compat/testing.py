"""``chainrule.testing``: comparing tensors with PyTorch's tolerances and messages, making samples.

>>> import chainrule as cr
>>> cr.testing.assert_close(cr.tensor([1.0, 2.0]), cr.tensor([1.0, 2.0 + 1e-6]))
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd import Tensor, dtypes
from ..autograd.ops.creation import tensor
from ..autograd.ops.random import rand
from ..autograd.shapes import sizes

__all__ = ["assert_allclose", "assert_close", "make_tensor"]

NUMPY = (np.ndarray, np.generic)
# relative and absolute tolerance by dtype; everything else must be equal
TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}


class _Failed(Exception):
    """A comparison that failed, and where in the containers."""

    def __init__(self, text: str, path: tuple[Any, ...], kind: type[Exception]) -> None:
        super().__init__(text)
        self.text, self.path, self.kind = text, path, kind


class _Options:
    """What ``assert_close`` was asked for."""

    def __init__(self, rtol: float | None, atol: float | None, **rest: bool) -> None:
        if (rtol is None) != (atol is None):
            raise ValueError(
                "Both 'rtol' and 'atol' must be either specified or omitted, but got no "
                f"{'rtol' if rtol is None else 'atol'}."
            )
        self.rtol, self.atol = rtol, atol
        self.equal_nan, self.check_dtype = rest["equal_nan"], rest["check_dtype"]
        self.check_stride, self.subclasses = rest["check_stride"], rest["allow_subclasses"]

    def tolerances(self, *kinds: str) -> tuple[float, float]:
        """The given tolerances, or the widest of the dtypes that meet."""
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        pairs = [TOLERANCES.get(kind, (0.0, 0.0)) for kind in kinds]
        return max(p[0] for p in pairs), max(p[1] for p in pairs)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Raise AssertionError unless |actual - expected| <= atol + rtol·|expected| everywhere.

    Takes tensors, NumPy arrays, numbers, None, and sequences and mappings of them; shapes and
    (unless ``check_dtype=False``) dtypes must agree. Without tolerances those of the dtype are
    used: float32 rtol 1.3e-6, atol 1e-5. ``msg`` replaces the message, or makes one of it.

    >>> import chainrule as cr
    >>> cr.testing.assert_close(cr.tensor([1.0, 2.0]), cr.tensor([1.0, 2.5]))
    Traceback (most recent call last):
    AssertionError: Tensor-likes are not close!
    <BLANKLINE>
    Mismatched elements: 1 / 2 (50.0%)
    Greatest absolute difference: 0.5 at index (1,) (up to 1e-05 allowed)
    Greatest relative difference: 0.20000000298023224 at index (1,) (up to 1.3e-06 allowed)
    """
    options = _Options(
        rtol, atol, equal_nan=equal_nan, check_dtype=check_dtype, check_stride=check_stride,
        allow_subclasses=allow_subclasses,
    )  # fmt: skip
    try:
        _compare(actual, expected, options, ())
    except _Failed as failed:
        text = failed.text
        if failed.path:
            keys = "".join(f"[{key!r}]" for key in failed.path)
            text += f"\n\nThe failure occurred for item {keys}"
        if msg is not None and failed.kind is AssertionError:
            text = msg(text) if callable(msg) else msg
        raise failed.kind(text) from None


def _compare(actual: Any, expected: Any, options: _Options, path: tuple[Any, ...]) -> None:
    """Compare two values of any kind that is taken, containers item by item."""
    if isinstance(actual, Sequence) and isinstance(expected, Sequence) and not _text(actual):
        if len(actual) != len(expected):
            raise _Failed(
                f"The length of the sequences mismatch: {len(actual)} != {len(expected)}",
                path, AssertionError,
            )  # fmt: skip
        for k, pair in enumerate(zip(actual, expected, strict=True)):
            _compare(*pair, options, (*path, k))
    elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
        missing, more = set(expected) - set(actual), set(actual) - set(expected)
        if missing or more:
            lines = ["The keys of the mappings do not match:"]
            if missing:
                lines.append(f"Missing keys in the actual mapping: {sorted(missing)}")
            if more:
                lines.append(f"Additional keys in the actual mapping: {sorted(more)}")
            raise _Failed("\n".join(lines), path, AssertionError)
        for key in sorted(actual):
            _compare(actual[key], expected[key], options, (*path, key))
    elif actual is None or expected is None:
        if actual is not expected:
            raise _Failed(f"None mismatch: {actual} is not {expected}", path, AssertionError)
    else:
        _compare_values(actual, expected, options, path)


def _text(value: Any) -> bool:
    return isinstance(value, (str, bytes))


def _compare_values(actual: Any, expected: Any, options: _Options, path: tuple[Any, ...]) -> None:
    """Compare two booleans, two numbers, or two tensors (arrays count as tensors)."""
    related = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
    if isinstance(actual, bool) and isinstance(expected, bool):
        if actual is not expected:
            raise _Failed(f"Booleans mismatch: {actual} is not {expected}", path, AssertionError)
        return
    if _is_number(actual) and _is_number(expected):
        if options.check_dtype and type(actual) is not type(expected):
            raise _Failed(
                f"The (d)types do not match: {type(actual)} != {type(expected)}.",
                path, AssertionError,
            )  # fmt: skip
        _compare_numbers(actual, expected, options, path)
        return
    tensors = isinstance(actual, Tensor) and isinstance(expected, Tensor)
    arrays = isinstance(actual, NUMPY) and isinstance(expected, NUMPY)
    if not (tensors or arrays) or not (options.subclasses or related):
        raise _Failed(
            "No comparison pair was able to handle inputs of type "
            f"{type(actual)} and {type(expected)}.",
            path, TypeError,
        )  # fmt: skip
    _compare_tensors(_as_tensor(actual), _as_tensor(expected), options, path)


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Number) and not isinstance(value, (np.generic, Tensor))


def _as_tensor(value: Any) -> Tensor:
    return value.detach() if isinstance(value, Tensor) else tensor(np.asarray(value))


def _compare_numbers(actual: Any, expected: Any, options: _Options, path: tuple[Any, ...]) -> None:
    kinds = [dtypes.PYTHON[bool if isinstance(v, bool) else type(v)].name
             for v in (actual, expected)]  # fmt: skip
    rtol, atol = options.tolerances(*kinds)
    if options.equal_nan and actual != actual and expected != expected:
        return
    if actual == expected:
        return
    away = abs(actual - expected)
    if math.isfinite(away) and away <= atol + rtol * abs(expected):
        return
    lines = _heading("Scalars", "Expected {0!r} but got {1!r}.", rtol, atol, expected, actual)
    relative = away / abs(expected) if expected else math.inf
    lines.append(f"Absolute difference: {away}{_allowed(atol)}")
    lines.append(f"Relative difference: {relative}{_allowed(rtol)}")
    raise _Failed("\n".join(lines), path, AssertionError)


def _heading(what: str, detail: str, rtol: float, atol: float, *values: Any) -> list[str]:
    word = "equal" if rtol == 0 and atol == 0 else "close"
    return [f"{what} are not {word}!\n", detail.format(*values)]


def _allowed(tolerance: float) -> str:
    return f" (up to {tolerance} allowed)" if tolerance else ""


def _compare_tensors(a: Tensor, b: Tensor, options: _Options, path: tuple[Any, ...]) -> None:
    if a.shape != b.shape:
        raise _Failed(
            f"The values for attribute 'shape' do not match: {a.shape} != {b.shape}.",
            path, AssertionError,
        )  # fmt: skip
    if options.check_dtype and a.dtype is not b.dtype:
        raise _Failed(
            f"The values for attribute 'dtype' do not match: {a.dtype} != {b.dtype}.",
            path, AssertionError,
        )  # fmt: skip
    if options.check_stride and a.stride() != b.stride():
        raise _Failed(
            f"The values for attribute 'stride()' do not match: {a.stride()} != {b.stride()}.",
            path, AssertionError,
        )  # fmt: skip
    rtol, atol = options.tolerances(a.dtype.name, b.dtype.name)
    kind = dtypes.promote_types(a.dtype, b.dtype)
    x, y = (np.asarray(t.to(kind)._data) for t in (a, b))
    wide = [v.astype(np.float32) if v.dtype.itemsize == 2 and kind.category == 2 else v
            for v in (x, y)]  # fmt: skip
    close: Any = np.isclose(wide[0], wide[1], rtol=rtol, atol=atol, equal_nan=options.equal_nan)
    if rtol == 0 and atol == 0 and not kind.category > 1:
        close = x == y
    if not close.all():
        raise _Failed(_mismatch(x, y, ~np.asarray(close), rtol, atol), path, AssertionError)


def _mismatch(x: Any, y: Any, wrong: Any, rtol: float, atol: float) -> str:
    """How many elements differ, and where the greatest differences are."""
    if x.ndim == 0:
        lines = _heading("Scalars", "Expected {0!r} but got {1!r}.", rtol, atol, y.item(), x.item())
    else:
        count = int(wrong.sum())
        lines = _heading(
            "Tensor-likes", "Mismatched elements: {0} / {1} ({2:.1%})", rtol, atol,
            count, x.size, count / x.size,
        )  # fmt: skip
    wide = np.dtype(np.int64) if x.dtype.kind in "biu" else x.dtype
    with np.errstate(all="ignore"):
        away = np.asarray(np.abs(x.astype(wide) - y.astype(wide)))
        relative = np.asarray(away / np.abs(y))
        if x.dtype.kind in "biu":
            relative = relative.astype(np.float32)
    away, relative = (np.where(wrong, d, 0) for d in (away, relative))
    for word, d, tolerance in (("absolute", away, atol), ("relative", relative, rtol)):
        place = np.unravel_index(np.argmax(np.where(np.isnan(d), np.inf, d)), d.shape)
        value = d[place].item()
        if x.ndim == 0:
            lines.append(f"{word.capitalize()} difference: {value}{_allowed(tolerance)}")
        else:
            index = tuple(int(k) for k in place)
            lines.append(
                f"Greatest {word} difference: {value} at index {index}{_allowed(tolerance)}"
            )
    return "\n".join(lines)


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """The old form of ``assert_close``: nan equals nan, dtypes and devices may differ.

    >>> import chainrule as cr
    >>> cr.testing.assert_allclose(cr.tensor([1.0]), [1.0])
    """
    if not isinstance(actual, Tensor):
        actual = tensor(actual)
    if not isinstance(expected, Tensor):
        expected = tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        pairs = [TOLERANCES.get(t.dtype.name, (0.0, 0.0)) for t in (actual, expected)]
        rtol, atol = max(p[0] for p in pairs), max(p[1] for p in pairs)
    assert_close(
        actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False,
        msg=msg or None,
    )  # fmt: skip


def make_tensor(
    *shape: Any,
    dtype: Any,
    device: Any = "cpu",
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of uniform random values: [-9, 9) for floats and signed integers, [0, 10) for uint8.

    ``noncontiguous=True`` gives every other element of a larger one; ``exclude_zero=True`` puts 1
    (the smallest normal number, for floats) in place of 0.

    >>> import chainrule as cr
    >>> t = cr.testing.make_tensor(2, 3, dtype=cr.int32, low=0, high=5)
    >>> t.shape, t.dtype, bool((t >= 0).all() and (t < 5).all())
    (torch.Size([2, 3]), torch.int32, True)
    """
    kind = dtypes.as_dtype(dtype)
    size = sizes(shape)
    bottom, top = (0.0, 10.0) if kind is dtypes.uint8 else (-9.0, 9.0 + (kind.category == 1))
    if kind is dtypes.bool_:
        bottom, top = 0.0, 2.0
    bottom, top = bottom if low is None else low, top if high is None else high
    if not bottom < top:
        raise ValueError(f"make_tensor: low must be less than high, but got {low} >= {high}")
    spread = (*size[:-1], 2 * size[-1]) if noncontiguous and size else size
    parts = 2 if kind.is_complex else 1
    u = np.asarray(rand(parts, *spread, dtype=dtypes.float64, device=device)._data)
    values = bottom + u * (top - bottom)
    if kind.category < 2:
        values = np.floor(values)
    data = (values[0] + 1j * values[1] if kind.is_complex else values[0]).astype(kind.np)
    if exclude_zero:
        tiny = dtypes.float32 if kind.category < 2 else kind
        least = 1 if kind.category < 2 else float(np.finfo(np.float32).tiny)
        data[data == 0] = least if tiny is not dtypes.float16 else 6.103515625e-05
    made = tensor(data, device=device)
    if noncontiguous and size:
        made = made[..., ::2]
    made = made.detach()
    return made.requires_grad_() if requires_grad else made  # type: ignore[no-any-return]
