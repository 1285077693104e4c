"""`check.shape`: a shape, or a thing that should have it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import Tensor
from .answers import Unreadable, Unsolved, open_hole, shape_text, unsolved
from .compare import shape_words
from .result import Result, show


def shape(mine: Any, of: Any, name: str | None = None) -> Result:
    """Check a shape against that of a tensor or array, or against a shape itself.

    `mine` is a tuple or list of sizes, one size, a text like "3×4", or a tensor or array whose own
    shape is meant. Raises TypeError where `of` has no shape.

    >>> from chainrule.teach import check
    >>> _ = check.shape((4, 3), of=(3, 4), name="the shape of W.grad")
    ✗ not right: the shape of W.grad. Your shape is (4, 3), the right one is (3, 4): transposed.
    """
    called_it = name or "the shape"
    if unsolved(of):
        return show(Result("not yet", called_it, "Fill in the hole above."))
    truth = _truth(of)
    try:
        if unsolved(mine):
            raise Unsolved
        sizes = _sizes(mine)
    except Unsolved as state:
        return show(Result("not yet", called_it, open_hole(state)))
    except Unreadable as problem:
        return show(Result("not right", called_it, f"{problem}."))
    if sizes == truth:
        return show(Result("right", f"{called_it} is {_words(truth)}"))
    words, sentence = _compared(sizes, truth)
    return show(Result("not right", called_it, f"{sentence}.", words or None))


def _words(sizes: tuple[int, ...]) -> str:
    return shape_text(sizes) if sizes else "(), that of one number"


def _compared(sizes: tuple[int, ...], truth: tuple[int, ...]) -> tuple[str, str]:
    if not sizes:
        return "one number", "Yours is the shape of one number, and there are more here"
    if not truth:
        return "not one number", f"Your shape is {shape_text(sizes)}; it is one number: shape ()"
    if len(sizes) == len(truth):
        off = [k for k, (a, b) in enumerate(zip(sizes, truth, strict=True)) if a != b]
        if len(off) == 1 and sorted(sizes) != sorted(truth):
            k = off[0]
            words = f"axis {k} has another size"
            return words, f"Your shape is {shape_text(sizes)}: {words}"
    if len(sizes) == 1 and sizes[0] == int(np.prod(truth)) and truth.count(1) < len(truth) - 1:
        return "the number of elements", f"{sizes[0]} is the number of elements, not the shape"
    if len(sizes) == 1 and sizes[0] == len(truth):
        return "the number of axes", f"{sizes[0]} is the number of axes, not the shape"
    words, sentence = shape_words(sizes, truth)
    if "the right one" in sentence and words not in {"transposed", "the axes are in another order"}:
        sentence = f"Your shape is {shape_text(sizes)}" + (f": {words}" if words else "")
        sentence += "" if words else ", and that is not the one"
    return words, sentence


def _truth(of: Any) -> tuple[int, ...]:
    if isinstance(of, (Tensor, np.ndarray, np.generic)):
        return tuple(of.shape)
    if isinstance(of, (tuple, list)) and all(isinstance(n, (int, np.integer)) for n in of):
        return tuple(int(n) for n in of)
    if isinstance(of, (int, float)):
        return ()
    raise TypeError(f"check.shape(): of= is a tensor, an array or a shape, got {type(of).__name__}")


def _sizes(mine: Any) -> tuple[int, ...]:
    if isinstance(mine, (Tensor, np.ndarray, np.generic)):
        return tuple(mine.shape)
    if isinstance(mine, bool):
        raise Unreadable("A shape is a tuple of sizes, such as (3, 4)")
    if isinstance(mine, int):
        return (mine,)
    if isinstance(mine, str):
        if re.fullmatch(r"[\s\d×xX*,()\[\]]+", mine) is None:
            raise Unreadable(f"A shape is a tuple of sizes, such as (3, 4), not {mine!r}")
        return tuple(int(n) for n in re.findall(r"\d+", mine))
    if isinstance(mine, Sequence):
        if all(_whole(n) for n in mine):
            return tuple(int(n) for n in mine)
        raise Unreadable("A shape is a tuple of whole numbers, such as (3, 4)")
    raise Unreadable(f"A shape is a tuple of sizes, such as (3, 4), not a {type(mine).__name__}")


def _whole(n: Any) -> bool:
    return isinstance(n, (int, np.integer)) and not isinstance(n, bool)
