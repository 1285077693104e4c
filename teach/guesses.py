"""Guesses at a mistake: what answer it gives, and the words that name it.

A guess is named only where it gives the learner's answer and differs from the truth; of several
that fit, the first two are named, so the order of the guesses is from telling to vague.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..viz.numbers import format_number
from .answers import Answer
from .compare import FEWEST_DIGITS, differs, fits

NAMED = 2  # so many guesses are named where several fit


@dataclass(frozen=True)
class Guess:
    """A mistake in short words, a sentence that holds these words, and the answer it gives.

    `anyway` marks one that was seen to fit by other means than its value; `vague` one that is named
    only where nothing else fits; `beside` has words of other sentences that say the same already;
    `own` marks a teacher's guess: where one fits, the general ones say less.
    """

    words: str
    sentence: str
    value: Any = None
    anyway: bool = False
    vague: bool = False
    beside: tuple[str, ...] = ()
    own: bool = False

    def known(self, others: Iterable[Guess]) -> bool:
        """Whether one of the others says the same."""
        return any(
            self.words == other.words or any(words in other.sentence for words in self.beside)
            for other in others
        )


def find(mine: Answer, truth: Any, guesses: Iterable[Guess]) -> list[Guess]:
    """The first guesses that fit, at most two; none whose answer the truth might be."""
    found: list[Guess] = []
    vague: list[Guess] = []
    for guess in guesses:
        if found and found[0].own and not guess.own:
            break
        if guess.known(found) or (guess.vague and (found or vague)):
            continue
        if guess.anyway or (fits(mine, guess.value) and differs(guess.value, truth)):
            (vague if guess.vague else found).append(guess)
            if len(found) == NAMED:
                break
    return found or vague


def sentence(found: list[Guess]) -> str:
    """The sentences of the guesses, joined."""
    if not found:
        return ""
    return " Or: ".join(f"{guess.sentence}." for guess in found)


def words(found: list[Guess]) -> str | None:
    """The short words of the guesses, or None."""
    return "; ".join(guess.words for guess in found) or None


def sign(mine: Answer, truth: Any, each: str = "element") -> Iterator[Guess]:
    """The right size and the wrong sign, in all elements or in some."""
    truth = np.asarray(truth)
    if mine.array.shape != truth.shape or not np.any(truth):
        return
    if not truth.shape:
        size = format_number(_plain(mine.array))
        said = f"Your {size} has the right size and the wrong sign"
        yield Guess("the wrong sign", said, -truth)
        return
    yield Guess("the wrong sign", f"Every {each} has the right size and the wrong sign", -truth)
    if np.iscomplexobj(truth) or np.iscomplexobj(mine.array):
        return
    turned = mine.array * truth < 0
    mixed = np.where(turned, -truth, truth)
    if np.any(turned) and not np.all(turned):
        count = f"{int(np.sum(turned))} of {truth.size} {each}s have"
        yield Guess("the wrong sign", f"{count} the right size and the wrong sign", mixed)


def zero(truth: Any) -> Iterator[Guess]:
    """Zero where something else is right."""
    yield Guess("zero", "Your answer is zero, and the right one is not", np.zeros(np.shape(truth)))


def factor_two(truth: Any) -> Iterator[Guess]:
    """Twice as much, or half of it."""
    truth = np.asarray(truth)
    said = "It is too large by a factor 2: something was counted twice"
    yield Guess("factor 2", said, 2 * truth)
    said = "It is too small by a factor ½: it is half of what it should be"
    yield Guess("factor ½", said, truth / 2)


def transposed(mine: Answer, truth: Any, what: str = "answer") -> Iterator[Guess]:
    """The right numbers with rows and columns exchanged."""
    truth = np.asarray(truth)
    if truth.ndim == 2 and min(truth.shape) > 1:
        yield Guess("transposed", f"It is the right {what} transposed", truth.T)


def ratio(mine: Answer, truth: Any) -> float | None:
    """The one number that an answer is too large by, in all elements; None where there is none.

    >>> ratio(Answer(np.array([2.0, 4.0]), 0), np.array([1.0, 2.0]))
    2.0
    """
    truth = np.asarray(truth)
    if mine.array.shape != truth.shape or not np.any(truth) or np.iscomplexobj(truth):
        return None
    if np.iscomplexobj(mine.array) or not np.all(np.isfinite(truth)):
        return None
    factor = float(np.sum(mine.array * truth) / np.sum(truth * truth))
    return factor if factor and fits(mine, factor * truth) else None


def rounding(mine: Answer, truth: Any) -> Iterator[Guess]:
    """Right as far as it goes: rounded to fewer digits than three, or cut off."""
    truth = np.asarray(truth)
    if not mine.rounded or mine.array.shape != truth.shape or not np.any(truth):
        return
    gap = np.abs(mine.array - truth)
    if mine.digits < FEWEST_DIGITS and np.all(gap <= mine.half_unit * (1 + 1e-9)):
        enough = bool(np.all(gap <= 0.06 * np.abs(truth)))
        if enough:
            said = "It is right as far as it goes, but rounded too early: give three digits"
            yield Guess("rounded too early", said, anyway=True)
    cut = (gap <= 2 * mine.half_unit) & (np.abs(mine.array) <= np.abs(truth))
    if mine.digits >= FEWEST_DIGITS and np.all(cut | (gap <= mine.half_unit)):
        said = "The digits were cut off, not rounded: look at the digit after the last"
        yield Guess("cut off, not rounded", said, anyway=True)


_UNARY: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("reciprocal", "It is the reciprocal: 1 divided by the right answer", lambda t: 1 / t),
    ("square root", "It is the square root of the right answer", np.sqrt),
    ("square", "It is the square of the right answer", np.square),
    ("one minus", "It is one minus the right answer", lambda t: 1 - t),
    ("off by one", "It is off by one: one too many", lambda t: t + 1),
    ("off by one", "It is off by one: one too few", lambda t: t - 1),
    ("logarithm", "It is the logarithm of the right answer", np.log),
    ("exponential", "It is the exponential of the right answer", np.exp),
)

_FACTORS: tuple[tuple[str, str, float], ...] = (
    ("×100", "It is 100 times too large: per cent where a fraction is asked for (×100)", 100.0),
    ("×100", "It is 100 times too small: a fraction where per cent is asked for (×100)", 0.01),
    ("log base", "It is a logarithm to base 2: the log base is e here (a factor ln 2)",
     1 / math.log(2)),
    ("log base", "It is a natural logarithm: the log base is 2 here (a factor ln 2)", math.log(2)),
    ("log base", "It is a logarithm to base 10: the log base is e here (a factor ln 10)",
     1 / math.log(10)),
    ("log base", "It is a natural logarithm: the log base is 10 here (a factor ln 10)",
     math.log(10)),
    ("degrees", "It is in degrees, and radians are asked for", 180 / math.pi),
    ("degrees", "It is in radians, and degrees are asked for", math.pi / 180),
    ("the wrong sign", "It has the wrong sign, and is too large by a factor 2", -2.0),
    ("the wrong sign", "It has the wrong sign, and is too small by a factor ½", -0.5),
)  # fmt: skip


def unary(truth: Any) -> Iterator[Guess]:
    """The right answer put through one function too many, or one too few."""
    with np.errstate(all="ignore"):
        for name, said, function in _UNARY:
            value = function(np.asarray(truth))
            if np.all(np.isfinite(value)):
                yield Guess(name, said, value, vague=True)


def factors(truth: Any) -> Iterator[Guess]:
    """The right answer in another unit."""
    for name, said, factor in _FACTORS:
        yield Guess(name, said, factor * np.asarray(truth), vague=True)


def counts(truth: Any, sizes: Iterable[int]) -> Iterator[Guess]:
    """A sum where a mean is asked for, or a mean where a sum is: a factor that is a size."""
    truth = np.asarray(truth)
    for n in dict.fromkeys(s for s in sizes if s > 1):
        said = f"It is {n} times too large: a sum where the mean is asked for (factor n = {n})"
        yield Guess("a sum where the mean is asked for", said, n * truth)
        said = f"It is {n} times too small: a mean where the sum is asked for (factor n = {n})"
        yield Guess("a mean where the sum is asked for", said, truth / n)


def multiple(mine: Answer, truth: Any) -> Iterator[Guess]:
    """Some whole number of times too large or too small; what is left when nothing else fits.

    Of single numbers, a large factor, or one with the wrong sign, is chance rather than a mistake.
    """
    factor = ratio(mine, truth)
    if factor is None or abs(factor) < 1e-6 or abs(factor) > 1e6:
        return
    tens = np.isclose(abs(math.log10(abs(factor))) % 1, 0, atol=1e-6)
    chance = factor < 0 or not 0.01 <= factor <= 100 or abs(mine.array.flat[0]) == 1
    if not np.shape(truth) and chance and not tens:
        return
    whole, part = round(abs(factor)), round(1 / abs(factor))
    turned = " and has the wrong sign" if factor < 0 else ""
    if whole > 1 and abs(abs(factor) - whole) < 1e-4 * whole:
        yield Guess(
            f"factor {whole}",
            f"It is too large by a factor {whole}{turned}",
            anyway=True,
            vague=True,
        )
    elif part > 1 and abs(1 / abs(factor) - part) < 1e-4 * part:
        yield Guess(f"factor 1/{part}", f"It is too small by a factor {part} (factor 1/{part})"
                    f"{turned}", anyway=True, vague=True)  # fmt: skip
    elif np.size(truth) > 2:
        way = "large" if abs(factor) > 1 else "small"
        times = format_number(max(abs(factor), 1 / abs(factor)))
        said = f"Every element is too {way} by the same factor {times}{turned}"
        yield Guess("the same factor", said, anyway=True, vague=True)


def _plain(value: Any) -> Any:
    return np.asarray(value).item()
