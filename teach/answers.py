"""Reading a learner's answer: unsolved holes, numbers, arrays, lists, tensors, functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..viz.numbers import format_number

_TYPED = 8  # a number with more digits than this was computed, not typed


class Unsolved(Exception):  # a state of the answer, not an error
    """The hole is still open; the message says more where there is more to say."""


class Unreadable(Exception):
    """The answer is not of the kind that was asked for; the message says so to the learner."""


@dataclass(frozen=True)
class Answer:
    """Numbers in an array, and half a unit of the last digit that was typed (0: exact)."""

    array: Any
    half_unit: Any
    digits: int = 17

    @property
    def rounded(self) -> bool:
        """Whether the numbers were typed with few digits."""
        return self.digits <= _TYPED


def open_hole(state: Unsolved) -> str:
    """The words beside "not yet"."""
    why = f"{state}"
    stop = "" if why.endswith("?") else "."
    return f"{why[0].upper()}{why[1:]}{stop}" if why else "Fill in the hole and run the cell again."


def unsolved(mine: Any, depth: int = 4) -> bool:
    """Whether an answer is `...` or None, or holds one.

    >>> unsolved(...), unsolved([1, None]), unsolved([1, 2])
    (True, True, False)
    """
    if mine is None or mine is Ellipsis:
        return True
    if depth and isinstance(mine, Mapping):
        return any(unsolved(v, depth - 1) for v in mine.values())
    if depth and isinstance(mine, (list, tuple)):
        return any(unsolved(v, depth - 1) for v in mine)
    if isinstance(mine, np.ndarray) and mine.dtype == object:
        return any(v is None or v is Ellipsis for v in mine.flat)
    return False


def called(function: Callable[..., Any], *args: Any) -> Any:
    """What a learner's function returns.

    Raises Unsolved where it returns an open hole or stumbles over one, Unreadable where it raises.
    """
    try:
        result = function(*args)
    except NotImplementedError as error:
        raise Unsolved("the function says that it is not implemented") from error
    except Exception as error:
        said = f"{type(error).__name__}: {error}".strip().rstrip(".:")
        if _stumbled(error):
            raise Unsolved(f"the function stops at a hole that is open ({said})") from error
        if "NoneType" in said:
            why = "is a hole open, a return missing, or a gradient None?"
            raise Unsolved(f"the function stops at a None ({said}): {why}") from error
        raise Unreadable(f"Your function raised {said}") from error
    if result is None:
        raise Unsolved("the function returns nothing: fill in its hole, or write its return")
    if unsolved(result):
        raise Unsolved
    return result


def _stumbled(error: BaseException) -> bool:
    """Whether an exception comes from an open hole: `...` where a number belongs."""
    if "ellipsis" in str(error).lower():
        return True
    trace = error.__traceback__
    package = __name__.split(".")[0]
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_globals.get("__name__", "").split(".")[0] != package and any(
            value is Ellipsis for value in frame.f_locals.values()
        ):
            return True
        trace = trace.tb_next
    return False


def read(mine: Any) -> Answer:
    """An answer as numbers: from a number, an array, a tensor, or nested lists of them.

    Raises Unsolved for an open hole, Unreadable for what is no number.
    """
    if unsolved(mine):
        raise Unsolved
    if callable(mine) and not isinstance(mine, (Tensor, np.ndarray, np.generic)):
        raise Unreadable("Your answer is a function: call it, and give what it returns")
    try:
        array = numbers(mine)
    except Unsolved:
        raise
    except Exception as error:
        raise Unreadable(_no_number(mine)) from error
    half, digits = _typed(mine, array.shape)
    return Answer(array, half, digits)


def numbers(value: Any) -> Any:
    """Any numbers as a NumPy array of float64, or complex128.

    >>> numbers([[1, 2], [3, 4.5]])
    array([[1. , 2. ],
           [3. , 4.5]])
    """
    array = np.asarray(_plain(value))
    if array.dtype == object:  # lists that hold arrays of one number, or a class with __float__
        array = np.array([float(v) for v in array.flat]).reshape(array.shape)
    if array.dtype.kind in "US" or array.dtype.kind not in "biufcV":
        raise TypeError(f"no numbers: {array.dtype}")
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return np.asarray(value._data)
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (np.ndarray, np.generic, int, float, complex)):
        return value
    if hasattr(value, "__array__"):
        return np.asarray(value)
    if isinstance(value, (str, bytes, Mapping, set)):
        raise TypeError("no number")
    return float(value)


def _no_number(mine: Any) -> str:
    kind = type(mine).__name__
    article = "an" if kind[:1].lower() in "aeiou" else "a"
    if isinstance(mine, str):
        return f"Your answer is a string, {mine[:40]!r}: give a number"
    if isinstance(mine, (list, tuple)):
        return f"Your {kind} is no array of numbers: its rows differ in length, or hold no numbers"
    held = [name for name in ("grad", "data", "value") if hasattr(mine, name)]
    if held:
        return f"Your answer is {article} {kind}: give the number in it (.{' or .'.join(held)})"
    return f"Your answer is {article} {kind}: give a number"


def _typed(mine: Any, shape: tuple[int, ...]) -> tuple[Any, int]:
    """Half a unit of the last typed digit of each number, and the least number of digits."""
    flat: list[Any] = []
    _flatten(mine, flat)
    if not flat or not all(type(v) is float and math.isfinite(v) for v in flat):
        return np.zeros(shape), 17
    parts = [_last_digit(v) for v in flat]
    digits = [count for count, _ in parts if count]
    half = np.array([unit / 2 for _, unit in parts]).reshape(shape)
    return half, min(digits, default=17)


def _flatten(value: Any, into: list[Any]) -> None:
    if isinstance(value, (list, tuple)):
        for v in value:
            _flatten(v, into)
    else:
        into.append(value)


def _last_digit(value: float) -> tuple[int, float]:
    """How many significant digits a float is written with, and the unit of the last."""
    _, digits, exponent = Decimal(repr(value)).as_tuple()
    count = len(digits) if any(digits) else 0
    return count, (10.0 ** int(exponent) if 0 < count <= _TYPED else 0.0)


def said(value: Any) -> str:
    """Numbers in a few words: the number itself, a short row, or the shape of an array.

    >>> said(-4.0), said([1.0, 2.5]), said(np.zeros((2, 3)))
    ('−4', '[1, 2.5]', 'an array of shape (2, 3)')
    """
    array = np.asarray(value)
    if not array.shape:
        return _number(array.item())
    if array.ndim == 1 and array.size <= 6:
        return f"[{', '.join(_number(v) for v in array.tolist())}]"
    return f"an array of shape {shape_text(array.shape)}"


def _number(value: Any) -> str:
    return format_number(value) if isinstance(value, complex) else format_number(float(value))


def shape_text(shape: Sequence[int]) -> str:
    """A shape as Python writes it: (3, 4).

    >>> shape_text((3, 4)), shape_text((3,)), shape_text(())
    ('(3, 4)', '(3,)', '()')
    """
    return str(tuple(int(n) for n in shape))


def place(index: Sequence[Any]) -> str:
    """A position in an array as it is written in Python: [0, 2]."""
    return f"[{', '.join(str(int(i)) for i in index)}]"
