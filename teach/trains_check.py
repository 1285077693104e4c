"""`check.trains`: do these losses fall as those of a model that learns?"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..viz.numbers import format_number
from .answers import Unreadable, Unsolved, called, numbers, open_hole, unsolved
from .judging import Judged
from .result import Result, show

_FEWEST = 3  # losses that a judgement needs
_STILL = 1e-6  # relative: less than this is no movement
_FALLS = 0.95  # the end must be below this part of the beginning, where no bound is given


def trains(
    losses: Any, below: float | None = None, model: Any = None, name: str | None = None
) -> Result:
    """Check that training works: the losses are finite, fall, and end `below` a bound.

    `losses` is a list of numbers or tensors, or a function that trains and returns one. Without a
    bound the last tenth must lie below 0.95 of the first tenth. `model` (anything with
    `parameters()`) is looked at where the losses do not move.

    >>> from chainrule.teach import check
    >>> _ = check.trains([1.0, 0.5, 0.25, 0.125], below=0.2)
    ✓ right: training. The loss falls from 1 to 0.125, below 0.2.
    >>> _ = check.trains([1.0, 8.0, 64.0, float("inf")])
    ✗ not right: training. It diverged: loss number 4 is ∞. The learning rate is too large.
    """
    called_it = name or "training"
    try:
        if unsolved(losses):
            raise Unsolved
        if callable(losses):
            losses = called(losses)
        verdict, words, mistake = _judged(_read(losses), below, model)
    except Unsolved as state:
        return show(Result("not yet", called_it, open_hole(state)))
    except Unreadable as problem:
        return show(Result("not right", called_it, f"{problem}."))
    return show(Result(verdict, called_it, words, mistake))


def _read(losses: Any) -> Any:
    if unsolved(losses):
        raise Unsolved
    try:
        array = numbers(list(losses)).reshape(len(losses), -1) if len(losses) else np.zeros((0, 1))
    except Exception as error:
        raise Unreadable("A list of losses is asked for, one number for each step") from error
    if array.shape[0] and array.shape[1] != 1:
        raise Unreadable("Each loss must be one number: take the mean over the batch")
    if array.size < _FEWEST:
        raise Unreadable(f"There are {array.size} losses: train for a few more steps")
    return array.ravel()


def _judged(y: Any, below: float | None, model: Any) -> Judged:
    finite = np.isfinite(y)
    if below is not None and below > 0 > float(y[-1]):  # the bound says that it cannot be so low
        words = "below zero"
        said = f"The loss falls {words}, to {format_number(float(y[-1]))}: a loss that should end "
        said += (
            f"below {format_number(below)} is never negative. Look at its sign, and whether the "
        )
        return "not right", f"{said}errors are squared.", words
    if not np.all(finite):
        k = int(np.argmin(finite))
        what = format_number(float(y[k]))
        if k == 0:
            words = "not finite"
            said = f"The first loss is {what}, {words}: look at the data and the start values"
            return "not right", f"{said}.", words
        said = f"It diverged: loss number {k + 1} is {what}. The learning rate is too large"
        return "not right", f"{said}.", "diverged"
    if float(np.ptp(y)) <= _STILL * max(float(np.max(np.abs(y))), 1e-300):
        return _still(y, model)
    first, last = _ends(y)
    burst = float(np.max(y)) > 2 * float(y[0])  # then the first losses are no measure
    if last >= (float(y[0]) if burst else first):
        return _rises(y)
    n = format_number
    fell = f"The loss falls from {n(float(y[0]))} to {n(float(y[-1]))}"
    if below is None:
        if first > 0 and last > _FALLS * first:
            return _hardly(fell)
        return "right", f"{fell}.", None
    if float(y[-1]) < below or last < below:
        return "right", f"{fell}, below {n(below)}.", None
    return _stops(y, below, fell)


def _ends(y: Any) -> tuple[float, float]:
    """The mean of the first and of the last tenth."""
    k = max(1, len(y) // 10)
    return float(np.mean(y[:k])), float(np.mean(y[-k:]))


def _still(y: Any, model: Any) -> Judged:
    words = "does not move"
    said = f"The loss {words}: it is {format_number(float(y[0]))} at every step. "
    return "not right", said + _why_still(model), words


def _why_still(model: Any) -> str:
    parameters = list(model.parameters()) if hasattr(model, "parameters") else []
    if parameters and all(p.grad is None for p in parameters):
        said = "All gradients are None: backward() was not called, or zero_grad() stands between "
        return f"{said}backward() and step()."
    if parameters and not any(np.any(numbers(p.grad)) for p in parameters if p.grad is not None):
        return "All gradients are zero: they were zeroed between backward() and step()."
    if parameters:
        said = "The gradients are there: call step() after backward(), with a learning rate that "
        return f"{said}is not zero."
    return "Is there a step() after backward()? Is the learning rate zero? Are the gradients None?"


def _hardly(fell: str) -> Judged:
    words = "hardly falls"
    said = f"It {words}: the learning rate is too small, or too few steps were taken"
    return "not right", f"{fell}. {said}.", words


def _turns(y: Any) -> float:
    """The part of the steps at which the losses turn round: near 1 for a zig-zag."""
    steps = np.diff(y)
    return float(np.mean(steps[1:] * steps[:-1] < 0)) if len(steps) > 1 else 0.0


def _rises(y: Any) -> Judged:
    n = format_number
    low, steps = int(np.argmin(y)), np.diff(y)
    begin = f"The loss rises, from {n(float(y[0]))} to {n(float(y[-1]))}. "
    if np.all(steps > 0):
        said = "It rises at every step: the step goes up the slope (wrong sign)"
        if len(y) > 3 and float(steps[-1]) > 2 * float(steps[0]):
            said = "It rises faster and faster: the step goes up the slope (wrong sign), or the "
            said += "learning rate is too large"
        return "not right", f"{begin}{said}.", "wrong sign"
    if float(y[-1]) > 2 * float(y[0]) or float(np.max(y)) > 10 * float(y[0]):
        return "not right", f"{begin}It diverged: the learning rate is too large.", "diverged"
    if _turns(y) > 0.5:
        said = "It jumps to and fro (zig-zag): the learning rate is too large."
        return "not right", begin + said, "zig-zag"
    if 0 < low < len(y) - 1 and y[low] < 0.7 * y[0]:
        said = f"The loss falls until step {low + 1}, then rises: the old gradient was added at "
        said += "each step (gradients not zeroed), or the learning rate is too large."
        return "not right", said, "gradients not zeroed"
    said = "Gradients not zeroed, or the learning rate too large?"
    return "not right", begin + said, "rises"


def _stops(y: Any, below: float, fell: str) -> Judged:
    begin = f"{fell}, and should end below {format_number(below)}. "
    later = y[len(y) // 2 :]
    if _turns(later) > 0.6:
        said = "It jumps to and fro (zig-zag): a smaller learning rate, or zero the gradients."
        return "not right", begin + said, "zig-zag"
    waves = int(np.sum(np.diff(np.sign(np.diff(y))) != 0))
    if (
        1 <= waves <= len(y) // 2
        and float(np.ptp(later)) > 0.1 * float(np.ptp(y))
        and (float(later[-1]) > float(np.min(y)) + 0.05 * float(np.ptp(y)) or waves > 1)
    ):
        said = "It falls and rises in waves: the old gradient was added at each step (gradients "
        return "not right", f"{begin}{said}not zeroed).", "gradients not zeroed"
    if float(y[0] - y[-1]) < 0.1 * float(y[0] - below):
        return _hardly(begin.rstrip(". "))
    if float(later[0] - later[-1]) > 0.02 * float(y[0] - y[-1]):
        said = "It stops above that, still falling: train longer."
        return "not right", begin + said, "stops above"
    said = "It stops above that and falls no more: a larger model or another learning rate."
    return "not right", begin + said, "stops above"
