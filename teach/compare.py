"""When an answer counts as right, when a guess fits it, and where two arrays differ most."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..viz.numbers import format_number
from .answers import Answer, place, shape_text

CLOSE = 1e-4  # relative; what is computed by another route, or by finite differences, is closer
TIGHT = 2e-5  # relative to the largest element: a guess at the mistake must fit as well as this
NOTHING = 1e-12  # below this both are zero but for rounding
SMALL = 1e-7  # where nothing but zero is right, float32's rounding of it is right too
FEWEST_DIGITS = 3  # what is typed with as many digits, rounded right, is right


def near(mine: Any, truth: Any, rtol: float, floor: Any = 0.0) -> Any:
    """Element by element: whether two arrays of one shape agree.

    `floor` is what the truth itself is uncertain by. Equal infinities agree, and nan with nan.

    >>> near(np.array([1.0, 2.0]), np.array([1.00001, 2.1]), 1e-4)
    array([ True, False])
    """
    mine, truth = np.asarray(mine), np.asarray(truth)
    with np.errstate(all="ignore"):
        size = np.abs(truth)
        largest = np.max(size, where=np.isfinite(size), initial=0.0)
        zero = 0.0 if largest else SMALL
        allowed = np.maximum(rtol * size, 0.1 * rtol * largest) + floor + NOTHING + zero
        same = np.abs(mine - truth) <= allowed
        odd = ~np.isfinite(truth)
        equal = (mine == truth) | (np.isnan(mine) & np.isnan(truth))
    return np.where(odd, equal, same & np.isfinite(mine))


def right(mine: Answer, truth: Any, rtol: float | None = None, floor: Any = 0.0) -> Any:
    """Element by element: whether an answer is right, to the digits that were typed."""
    close = near(mine.array, truth, CLOSE if rtol is None else rtol, floor)
    if mine.digits >= FEWEST_DIGITS and mine.rounded:
        close |= np.abs(mine.array - truth) <= mine.half_unit * (1 + 1e-9)
    return close


def to_the_digits(mine: Answer, truth: Any) -> bool:
    """Whether an answer is right only to the digits that were typed."""
    return mine.rounded and not bool(np.all(near(mine.array, truth, 1e-6)))


def fits(mine: Answer, guess: Any) -> bool:
    """Whether an answer is what a mistake gives, in every element.

    Numbers that were typed need to be right to their digits, two at least.
    """
    guess = np.asarray(guess)
    if guess.shape != mine.array.shape:
        return False
    if not np.all(np.isfinite(mine.array)) or not np.all(np.isfinite(guess)):
        return False
    with np.errstate(all="ignore"):
        largest = np.max(np.abs(guess), initial=0.0)
        allowed = TIGHT * largest + NOTHING
        if mine.rounded and mine.digits >= 2:
            allowed = np.maximum(allowed, mine.half_unit * (1 + 1e-9))
        return bool(np.all(np.abs(mine.array - guess) <= allowed))


def differs(guess: Any, truth: Any) -> bool:
    """Whether a guess is another answer than the truth, beyond all rounding."""
    guess, truth = np.asarray(guess), np.asarray(truth)
    if guess.shape != truth.shape:
        return True
    return not bool(np.all(near(guess, truth, 10 * CLOSE)))


def difference(mine: Answer, truth: Any, good: Any) -> str:
    """How far an answer is off, and where most: the last resort where no guess fits."""
    array, truth = mine.array, np.asarray(truth)
    with np.errstate(all="ignore"):
        gap = np.abs(array - truth)
    if not array.shape:
        if not np.isfinite(array):
            return f"Your answer is {format_number(_plain(array))}"
        return f"Your {format_number(_plain(array))} is off by {_short(gap)}"
    strange = ~np.isfinite(array) & ~good
    if np.any(strange):
        at = np.unravel_index(int(np.argmax(strange)), array.shape)
        return f"Your answer holds {format_number(_plain(array[at]))} at {place(at)}"
    gap = np.where(good, 0.0, gap)
    at = np.unravel_index(int(np.argmax(gap)), array.shape)
    count = int(np.sum(good))
    most = f"The largest difference is {_short(gap[at])}, at {place(at)}"
    return f"{count} of {array.size} elements are right. {most}"


def _plain(value: Any) -> Any:
    return np.asarray(value).item()


def _short(gap: Any) -> str:
    """A difference in three digits, without zeros at the end."""
    return format_number(float(f"{float(gap):.3g}"))


def shape_words(mine: tuple[int, ...], truth: tuple[int, ...], of: str = "") -> tuple[str, str]:
    """What is wrong with a shape: words for a mistake ("" where it has no name), and a sentence.

    >>> shape_words((3, 2), (2, 3))
    ('transposed', 'Your shape is (3, 2), the right one is (2, 3): transposed')
    """
    yours, right_one = shape_text(mine), shape_text(truth)
    says = of or f"the right one is {right_one}"
    head = f"Your shape is {yours}, {says}"
    if not mine:
        says = of or f"and an array of shape {right_one} is asked for"
        return "one number", f"Your answer is one number, {says}"
    if not truth:
        return "not one number", f"Your shape is {yours}, and one number is asked for"
    if sorted(mine) == sorted(truth) and len(mine) == len(truth):
        words = "transposed" if len(mine) == 2 else "the axes are in another order"
        return words, f"{head}: {words}"
    if [n for n in mine if n != 1] == [n for n in truth if n != 1]:
        words = "an axis of size 1 too " + ("many" if len(mine) > len(truth) else "few")
        if len(mine) == len(truth):
            words = "the axis of size 1 is in another place"
        return words, f"{head}: {words}"
    if len(mine) < len(truth):
        return "an axis is missing", f"{head}: an axis is missing"
    if len(mine) > len(truth):
        return "an axis too many", f"{head}: an axis too many"
    return "", head
