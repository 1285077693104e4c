"""Values against the truth: numbers, arrays, texts, and lists and dicts of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.graph import ancestors
from . import guesses
from .answers import Answer, Unreadable, Unsolved, numbers, read, unsolved
from .compare import difference, right, shape_words, to_the_digits
from .guesses import Guess
from .result import Verdict

Judged = tuple[Verdict, str, str | None]  # verdict, words, mistake


def one(mine: Any, of: Any, tol: float | None, mistakes: Mapping[str, Any]) -> Judged:
    """One value against the truth; raises Unsolved and Unreadable."""
    if callable(of) and not isinstance(of, Tensor):
        raise TypeError("check.value(): of= is a function, so at=[…] must say where to compare it")
    if unsolved(mine):
        raise Unsolved
    if callable(mine) and not isinstance(mine, Tensor):
        raise Unreadable("Your answer is a function, and a value is asked for: call it")
    if isinstance(of, (str, bytes)):
        return _text(mine, str(of))
    if isinstance(of, Mapping):
        return _named(mine, of, tol, mistakes)
    if isinstance(of, (list, tuple)) and _ragged(of):
        return _items(mine, of, tol, mistakes)
    truth = known(of)
    own = (_own(words, wrong) for words, wrong in mistakes.items())
    return judge(read(mine), truth, tol, own, sizes_of(of))


def _text(mine: Any, of: str) -> Judged:
    if not isinstance(mine, str):
        return "not right", "A text is asked for, in quotation marks.", None
    if " ".join(mine.casefold().split()) == " ".join(of.casefold().split()):
        return "right", "", None
    return "not right", f"It is not {mine!r}.", None


def _ragged(of: Sequence[Any]) -> bool:
    """Whether a list holds arrays of several shapes, or texts: then each is compared by itself."""
    if any(isinstance(v, (str, bytes, Mapping)) for v in of):
        return True
    nested = [isinstance(v, (list, tuple)) and _ragged(v) for v in of]
    return any(nested) or len({np.shape(known(v)) for v in of}) > 1


def _items(mine: Any, of: Sequence[Any], tol: float | None, mistakes: Mapping[str, Any]) -> Judged:
    if not isinstance(mine, (list, tuple)) or len(mine) != len(of):
        return "not right", f"{len(of)} values are asked for, in a list.", None
    for k, (a, b) in enumerate(zip(mine, of, strict=True)):
        given = {w: v[k] for w, v in mistakes.items() if isinstance(v, (list, tuple))}
        verdict, words, mistake = one(a, b, tol, given)
        if verdict != "right":
            return verdict, f"Number {k + 1} of {len(of)}: {words}", mistake
    return "right", "", None


def _named(
    mine: Any, of: Mapping[Any, Any], tol: float | None, mistakes: Mapping[str, Any]
) -> Judged:
    if not isinstance(mine, Mapping):
        return "not right", "A dict is asked for.", None
    for key, b in of.items():
        if key not in mine:
            return "not right", f"{key!r} is missing.", "missing"
        given = {w: v[key] for w, v in mistakes.items() if isinstance(v, Mapping) and key in v}
        verdict, words, mistake = one(mine[key], b, tol, given)
        if verdict != "right":
            return verdict, f"{key}: {words}", mistake
    return "right", "", None


def known(of: Any) -> Any:
    """The truth as numbers; raises TypeError where there are none."""
    try:
        return numbers(of)
    except Exception as error:
        raise TypeError(f"check.value(): of= holds no numbers ({type(of).__name__})") from error


def _own(words: str, wrong: Any) -> Guess:
    """A guess of the teacher's."""
    value = wrong() if callable(wrong) and not isinstance(wrong, Tensor) else wrong
    return Guess(words, capital(words), numbers(value), own=True)


def capital(words: str) -> str:
    """Words as the beginning of a sentence; a name of one letter stays as it is, being another
    quantity in capitals.
    """
    if words[1:2] == " " and words[0] != "a":
        return words
    return words[:1].upper() + words[1:]


def sizes_of(of: Any) -> list[int]:
    """Sizes that a sum and a mean may differ by: those of the value, and of what it came from."""
    shapes = [np.shape(known(of))]
    if isinstance(of, Tensor) and of._node is not None:
        shapes += [node.shape for node in ancestors([of._node])[-200:]]
    return sorted({n for shape in shapes for n in (*shape, int(np.prod(shape)))})


def judge(
    answer: Answer,
    truth: Any,
    tol: float | None,
    own: Iterable[Guess],
    sizes: Sequence[int] = (),
) -> Judged:
    """Numbers against the truth."""
    if answer.array.shape != truth.shape:
        found = guesses.find(answer, truth, chain(own, guesses.transposed(answer, truth)))
        if not found:
            words, sentence = shape_words(answer.array.shape, truth.shape)
            return "not right", f"{sentence}.", words or None
    else:
        good = right(answer, truth, tol)
        if np.all(good):
            rounded = to_the_digits(answer, truth)
            return "right", "It is right to the digits you gave." if rounded else "", None
        found = guesses.find(answer, truth, chain(own, usual(answer, truth, sizes)))
        if not found:
            return "not right", f"{difference(answer, truth, good)}.", None
    return "not right", guesses.sentence(found), guesses.words(found)


def usual(
    answer: Answer, truth: Any, sizes: Sequence[int], each: str = "element"
) -> Iterator[Guess]:
    """The usual mistakes with a value, the most telling first."""
    yield from guesses.rounding(answer, truth)
    yield from guesses.sign(answer, truth, each)
    yield from guesses.factor_two(truth)
    yield from guesses.transposed(answer, truth)
    yield from guesses.counts(truth, sizes)
    yield from guesses.zero(truth)
    yield from guesses.unary(truth)
    yield from guesses.factors(truth)
    yield from guesses.multiple(answer, truth)
