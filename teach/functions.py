"""A learner's function against the true one: at each argument, and the mistake behind them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from itertools import chain
from typing import Any

import numpy as np

from ..autograd import Leaf, Tensor
from . import guesses
from .answers import Answer, Unreadable, Unsolved, called, numbers, read, said, unsolved
from .compare import difference, right, shape_words
from .guesses import Guess
from .judging import Judged, capital, known, one, usual

_ARRAY = "an array of shape"


@dataclass(frozen=True)
class _Place:
    """What both functions give at some arguments."""

    args: tuple[Any, ...]
    mine: Any
    truth: Any


def compared(
    mine: Any, of: Any, at: Sequence[Any], tol: float | None, mistakes: Mapping[str, Any]
) -> Judged:
    """Two functions at some arguments: the first place where they differ is shown.

    Raises Unsolved and Unreadable for the learner's function, TypeError where `of` is none.
    """
    if not callable(of):
        raise TypeError("check.value(): with at=, of= must be a function")
    if unsolved(mine):
        raise Unsolved
    if not callable(mine):
        raise Unreadable("Your answer is no function, and one is asked for")
    places = [_place(mine, of, item if isinstance(item, tuple) else (item,)) for item in at]
    for place in places:
        verdict, words, mistake = one(place.mine, place.truth, tol, {})
        if verdict == "right":
            continue
        named = _everywhere(places, mistakes)
        if named:
            words, mistake = guesses.sentence(named), guesses.words(named)
        elif named is not None:  # what fits at this place only is chance
            words, mistake = _plainly(place, tol), None
        gives = _shown(place.mine)
        if _ARRAY in gives:  # its numbers say more than its shape
            return verdict, f"{words} {_plainly(place, tol)}" if named else words, mistake
        given = _arguments(mine, place.args)
        where = "Your function" if _ARRAY in given else f"At {given} your function"
        return verdict, f"{where} gives {gives}. {words}", mistake
    return "right", f"Compared at {len(at)} argument{'s' if len(at) > 1 else ''}.", None


def _place(mine: Any, of: Callable[..., Any], args: tuple[Any, ...]) -> _Place:
    truth = of(*fresh(args))
    try:
        return _Place(args, called(mine, *fresh(args)), truth)
    except Unreadable as problem:
        raise Unreadable(f"{problem}, at {_arguments(mine, args)}") from problem


def fresh(value: Any) -> Any:
    """Arguments that a function may write into, or go backward from: arrays and leaves copied."""
    if isinstance(value, (tuple, list)) and type(value) in (tuple, list):
        return type(value)([fresh(v) for v in value])
    if isinstance(value, dict):
        return {k: fresh(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) is Tensor and (value._node is None or isinstance(value._node, Leaf)):
        return value.detach().clone().requires_grad_(value.requires_grad)
    return value


def _everywhere(places: Sequence[_Place], mistakes: Mapping[str, Any]) -> list[Guess] | None:
    """The guesses that fit at all the arguments together; None where they cannot be tried."""
    try:
        pairs = [(numbers(p.mine), numbers(p.truth)) for p in places]
    except Exception:
        return None
    if any(a.shape != b.shape for a, b in pairs):
        return None
    mine = np.concatenate([a.ravel() for a, _ in pairs])
    truth = np.concatenate([b.ravel() for _, b in pairs])
    if mine.size == 0:
        return None
    answer = Answer(mine, np.zeros(mine.shape))
    each = "element" if any(b.shape for _, b in pairs) else "result"
    turned = np.concatenate([b.T.ravel() for _, b in pairs])
    flipped = Guess("transposed", "It is the right answer transposed", turned)
    return guesses.find(
        answer,
        truth,
        chain(_own(places, mistakes), [flipped], usual(answer, truth, _sizes(places), each)),
    )


def _own(places: Sequence[_Place], mistakes: Mapping[str, Any]) -> list[Guess]:
    """The teacher's guesses, computed at all the arguments."""
    found = []
    for words, wrong in mistakes.items():
        if callable(wrong):
            parts = [numbers(wrong(*fresh(p.args))).ravel() for p in places]
            found.append(Guess(words, capital(words), np.concatenate(parts), own=True))
    return found


def _sizes(places: Sequence[_Place]) -> list[int]:
    """The sizes of the results and of the arguments."""
    shapes = []
    for place in places:
        for v in (place.truth, *place.args):
            try:
                shapes.append(numbers(v).shape)
            except Exception:
                continue
    return sorted({n for shape in shapes for n in (*shape, int(np.prod(shape)))})


def _plainly(place: _Place, tol: float | None) -> str:
    """How far off it is at one place, with no mistake named."""
    answer, truth = read(place.mine), known(place.truth)
    if answer.array.shape != truth.shape:
        return shape_words(answer.array.shape, truth.shape)[1] + "."
    return difference(answer, truth, right(answer, truth, tol)) + "."


def _arguments(mine: Callable[..., Any], args: tuple[Any, ...]) -> str:
    """The arguments of a call, with the names that a function has for several: x = 3, h = 0.5."""
    try:
        given = signature(mine).bind(*args).arguments
    except (TypeError, ValueError):
        given = {}
    if len(args) < 2 or len(given) != len(args):
        return ", ".join(map(_shown, args))
    return ", ".join(f"{name} = {_shown(value)}" for name, value in given.items())


def _shown(value: Any) -> str:
    """An argument or a result, in short."""
    if callable(value) and hasattr(value, "__name__"):
        return "a function" if value.__name__ == "<lambda>" else str(value.__name__)
    try:
        return said(numbers(value))
    except Exception:
        pass
    if isinstance(value, (list, tuple)) and len(value) <= 6:
        return f"[{', '.join(map(_shown, value))}]"
    text = repr(value)
    return text if len(text) <= 40 and " at 0x" not in text else f"a {type(value).__name__}"
