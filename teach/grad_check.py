"""`check.grad`: a gradient against autograd and finite differences, and the usual mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..autograd import Tensor
from . import guesses
from .answers import (
    Answer,
    Unreadable,
    Unsolved,
    called,
    numbers,
    open_hole,
    read,
    said,
    shape_text,
    unsolved,
)
from .case import Case
from .compare import difference, right, shape_words, to_the_digits
from .gradient_guesses import other_shape, same_shape
from .labels import Labels
from .result import Result, Verdict, show
from .truth import Truth

_FIRST = "What is differentiated is not there yet: fill in the hole above."


def grad(
    mine: Any,
    of: Any,
    wrt: Any,
    name: str | None = None,
    *,
    grad: Any = None,
    tol: float | None = None,
) -> Result:
    """Check the gradient of `of` by `wrt` against autograd and central differences.

    `mine` is a number, array, tensor or nested list; of a list of tensors `wrt`, a list of these.
    `of` is one number, or `grad` gives the gradient that arrives at it. Where the answer is wrong,
    the usual mistakes are computed from the recorded graph, and the one that gives the same answer
    is named. `tol` is relative (1e-4 where none is given; what was typed with three digits or more
    needs to be right to these). Raises TypeError and ValueError where nothing can be
    differentiated.

    >>> import chainrule as cr
    >>> from chainrule.teach import check
    >>> q = cr.tensor(3.0, requires_grad=True, name="q")
    >>> f = q * cr.tensor(-4.0)
    >>> f.name = "f"
    >>> _ = check.grad(-4.0, of=f, wrt=q)
    ✓ right: ∂f/∂q = −4. It agrees with autograd and with finite differences.
    >>> _ = check.grad(4.0, of=f, wrt=q)
    ✗ not right: ∂f/∂q. Your 4 has the right size and the wrong sign.
    """
    if unsolved(of) or unsolved(wrt):
        return show(Result("not yet", name or "the gradient", _FIRST))
    if isinstance(wrt, (list, tuple)):
        return show(_several(mine, of, list(wrt), name, grad, tol))
    return show(_one(mine, of, wrt, name, grad, tol))


def _one(mine: Any, of: Any, wrt: Any, name: str | None, grad: Any, tol: float | None) -> Result:
    """One gradient's result."""
    _teacher(of, wrt, grad)
    labels = Labels(of, wrt)
    called_it = name or labels.gradient()
    try:
        if callable(mine) and not isinstance(mine, (Tensor, np.ndarray)):
            mine = called(mine)
        answer = read(mine)
    except Unsolved as state:
        return Result("not yet", called_it, open_hole(state))
    except Unreadable as problem:
        return Result("not right", called_it, f"{problem}.")
    with np.errstate(all="ignore"):
        return _judged(answer, Truth.by(of, wrt, grad), labels, called_it, tol)


def _several(
    mine: Any, of: Any, wrt: list[Any], name: str | None, grad: Any, tol: float | None
) -> Result:
    """The gradients by several tensors in one result."""
    for tensor in wrt:
        _teacher(of, tensor, grad)
    called_it = name or "the gradients"
    if callable(mine) and not isinstance(mine, Tensor):
        try:
            mine = called(mine)
        except Unsolved as state:
            return Result("not yet", called_it, open_hole(state))
        except Unreadable as problem:
            return Result("not right", called_it, f"{problem}.")
    if unsolved(mine):
        return Result("not yet", called_it, open_hole(Unsolved()))
    mine = list(mine.values()) if isinstance(mine, Mapping) else mine
    if not isinstance(mine, (list, tuple)) or len(mine) != len(wrt):
        return Result("not right", called_it, f"A list of {len(wrt)} gradients is asked for.")
    results = [
        _one(answer, of, tensor, None, grad, tol) for answer, tensor in zip(mine, wrt, strict=True)
    ]
    order: list[Verdict] = ["not right", "not yet", "right"]
    worst = min((r.verdict for r in results), key=order.index)
    shown = results if worst == "right" else [r for r in results if r.verdict == worst]
    words = " ".join(r.text.partition(": ")[2] for r in shown)
    return Result(worst, called_it, words, next((r.mistake for r in shown if r.mistake), None))


def _teacher(of: Any, wrt: Any, grad: Any) -> None:
    """Raise for what no gradient can be taken of."""
    for what, tensor in (("of", of), ("wrt", wrt)):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"check.grad(): {what}= is a tensor, got {type(tensor).__name__}")
        if tensor._node is None or not tensor._node.requires_grad:
            raise ValueError(
                f"check.grad(): {what}= (shape {list(tensor.shape)}) carries no gradient: nothing "
                "in it requires grad, or it was computed under no_grad"
            )
    if grad is None and of.numel() != 1:
        raise ValueError(
            f"check.grad(): of= has shape {list(of.shape)}: reduce it to one number, or give the "
            "gradient that arrives at it, grad="
        )
    if grad is not None and tuple(np.shape(numbers(grad))) != tuple(of.shape):
        raise ValueError(f"check.grad(): grad= must have the shape of of=, {list(of.shape)}")


def _judged(
    answer: Answer, truth: Truth, labels: Labels, called_it: str, tol: float | None
) -> Result:
    exact, case = truth.exact, Case(answer, truth.exact, truth.flow, truth.twin, labels)
    if answer.array.shape != exact.shape:
        found = guesses.find(answer, exact, other_shape(case))
        if not found:
            shape = shape_text(exact.shape) if exact.shape else "one number"
            rule = f"the gradient has the shape of {labels.wrt}: {shape}"
            words, sentence = shape_words(answer.array.shape, exact.shape, rule)
            return Result("not right", called_it, f"{sentence}.", words or None)
    else:
        good = right(answer, exact, tol, truth.floor)
        if np.all(good):
            return _right(answer, truth, called_it)
        found = guesses.find(answer, exact, same_shape(case))
        if not found:
            return Result("not right", called_it, f"{difference(answer, exact, good)}.")
    return Result("not right", called_it, guesses.sentence(found), guesses.words(found))


def _right(answer: Answer, truth: Truth, called_it: str) -> Result:
    """The words of a right answer: its value or shape, and what it was compared with."""
    exact = truth.exact
    value = f", shape {shape_text(exact.shape)}" if exact.shape else f" = {said(exact)}"
    rounded = "is right to the digits you gave, and it " if to_the_digits(answer, exact) else ""
    judges = "autograd and with finite differences" if truth.agrees else "autograd"
    return Result("right", f"{called_it}{value}", f"It {rounded}agrees with {judges}.")
