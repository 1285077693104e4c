"""`check.value`: a number, an array, a text or a function against the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .answers import Unreadable, Unsolved, open_hole, unsolved
from .functions import compared
from .judging import one
from .result import Result, show

_FIRST = "What it is compared with is not there yet: fill in the hole above."


def value(
    mine: Any,
    of: Any,
    at: Sequence[Any] | None = None,
    name: str | None = None,
    tol: float | None = None,
    mistakes: Mapping[str, Any] | None = None,
) -> Result:
    """Check a value against the truth `of`: numbers, arrays, tensors, texts, or functions.

    Lists and dicts of several shapes are compared item by item. With `at`, a list of arguments (a
    tuple each where there are several), both are functions and are compared there. `tol` is
    relative (1e-4 where none is given; what was typed with three digits or more needs to be right
    to these). `mistakes` maps the words of a mistake to the wrong value, or the wrong function,
    that it gives. Raises TypeError where `of` holds no numbers.

    >>> from chainrule.teach import check
    >>> _ = check.value(0.333, of=1 / 3)
    ✓ right: the value. It is right to the digits you gave.
    >>> _ = check.value(lambda x: 1 / x, of=lambda x: x, at=[1.0, 2.0], name="f")
    ✗ not right: f. At 2 your function gives 0.5. It is the reciprocal: 1 divided by the right ...
    """
    called_it = name or "the value"
    if unsolved(of):
        return show(Result("not yet", called_it, _FIRST))
    try:
        if at is None:
            verdict, words, mistake = one(mine, of, tol, mistakes or {})
        else:
            verdict, words, mistake = compared(mine, of, list(at), tol, mistakes or {})
    except Unsolved as state:
        return show(Result("not yet", called_it, open_hole(state)))
    except Unreadable as problem:
        return show(Result("not right", called_it, f"{problem}."))
    return show(Result(verdict, called_it, words, mistake))
