"""The usual mistakes with a gradient, each computed from the recorded graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Leaf
from . import guesses
from .answers import numbers
from .case import Case, ones
from .compare import differs, fits
from .guesses import Guess
from .local_guesses import local_mistakes, times_a_value
from .route_guesses import routes
from .sum_guesses import not_summed, wrong_axis
from .twin import Flow

troubles: list[Exception] = []
"""What went wrong while guesses were made; the tests see to it that nothing does."""


def same_shape(case: Case) -> Iterator[Guess]:
    """Guesses at an answer of the right shape, the most telling first."""
    yield from guesses.rounding(case.answer, case.truth)
    yield from _old_gradient(case)
    yield from guesses.sign(case.answer, case.truth)
    yield from _zero(case)
    flow = case.flow
    if flow is not None:
        try:
            if case.affordable():
                yield from routes(case)
            yield from _upstream(case)
            yield from wrong_axis(case)
            yield from _own_values(case)
            yield from _batch(case)
            yield from _twice(case)
            yield from _transposed(case)
            if case.affordable():
                yield from local_mistakes(case)
                yield from _chain(case)
                yield from _others(case)
                yield from times_a_value(case)
        except Exception as error:  # a guess that cannot be made is no reason to stop a learner
            troubles.append(error)
    yield from _twice(case)
    yield from _transposed(case)
    yield from guesses.unary(case.truth)
    yield from _step(case)
    yield from (guess for guess in guesses.factors(case.truth) if guess.words != "×100")
    yield from guesses.multiple(case.answer, case.truth)


def _old_gradient(case: Case) -> Iterator[Guess]:
    """More than one backward in `.grad`."""
    node = case.labels.wrt_node
    held = node.grad if type(node) is Leaf else node.extra and node.extra.grad
    if held is None:
        return
    inside = numbers(getattr(held, "_data", held))
    said = "It holds more than this backward: the old gradient was added"
    words = "the old gradient was added"
    if inside.shape == np.shape(case.truth):
        if fits(case.answer, inside) and differs(inside, case.truth) and _more(inside, case.truth):
            times = guesses.ratio(case.answer, case.truth)
            if times is not None and times > 1.5 and abs(times - round(times)) < 1e-3:
                said = f"backward ran {_times(round(times))}, and {words}"
                said = f"It is {round(times)} times the gradient: {said}"
            yield Guess(words, said, anyway=True)
        yield Guess(words, said, case.truth + inside)


def _more(inside: Any, truth: Any) -> bool:
    """Whether what `.grad` holds may be the gradient and something older."""
    return bool(np.any(inside)) and bool(np.any(truth))


def _times(n: int) -> str:
    return "twice" if n == 2 else f"{n} times"


def _zero(case: Case) -> Iterator[Guess]:
    said = "Your answer is zero, and the gradient is not"
    yield Guess("zero", said, np.zeros(np.shape(case.truth)))


def _twice(case: Case) -> Iterator[Guess]:
    said = "It is too large by a factor 2: something was counted twice, or backward ran twice"
    yield Guess("factor 2", said, 2 * case.truth)
    said = "It is too small by a factor ½: a factor 2 was left out"
    yield Guess("factor ½", said, case.truth / 2)


def _step(case: Case) -> Iterator[Guess]:
    """The change of the result, where the change divided by the step is asked for."""
    for digits in range(1, 7):
        step = 10.0**-digits
        said = f"It is {step:g} times the gradient: divide the change by the step"
        yield Guess("divide the change by the step", said, step * case.truth, vague=True)


def _transposed(case: Case) -> Iterator[Guess]:
    yield from guesses.transposed(case.answer, case.truth, "gradient")


def _upstream(case: Case) -> Iterator[Guess]:
    """The local derivative without what arrives from above."""
    flow = case.flow
    assert flow is not None
    every: dict[Any, Any] = {}
    for node, k in flow.edges():
        if node.inputs[k] is not flow.wrt or node is flow.root or node.plan.op.several:
            continue
        part = numbers(flow.send(node, ones(node))[k])
        every[node] = every.get(node, 0.0) + part
    words = "the local derivative only"
    for node, part in every.items():
        said = f"It is {words}: the upstream gradient {case.by(flow.root, node)} was left out"
        yield Guess(words, said, part, beside=("wrong sign",))
    if len(every) > 1:
        said = f"It is the sum of the local derivatives, {words}: the upstream gradients were left "
        yield Guess(words, f"{said}out", sum(every.values()), beside=("wrong sign",))


def _own_values(case: Case) -> Iterator[Guess]:
    """A value in place of a derivative."""
    flow = case.flow
    assert flow is not None
    name = case.label(flow.wrt)
    value, words = flow.value(flow.wrt), f"the value of {name}"
    if value is not None:
        yield Guess(words, f"It is {words} itself, not a derivative", numbers(value))


def _batch(case: Case) -> Iterator[Guess]:
    """A factor that is the size of a dimension: a mean and a sum confused."""
    flow = case.flow
    assert flow is not None
    times = guesses.ratio(case.answer, case.truth)
    if times is None:
        return
    for n, what in _sizes(flow).items():
        if n > 1 and abs(abs(times) - n) <= 1e-4 * n:
            said = f"It is {n} times too large: the division by {n} is missing ({what})"
            turned = ", and the sign is wrong" if times < 0 else ""
            yield Guess(what, f"{said}{turned}", anyway=True)
        if n > 1 and abs(times * n - 1) <= 1e-4:
            said = f"It is {n} times too small: it was divided by {n} once too often ({what})"
            yield Guess(what, said, anyway=True)


def _sizes(flow: Flow) -> dict[int, str]:
    """The sizes of a graph: those that a mean divides by and those of first axes, then others."""
    found: dict[int, str] = {}
    for node in reversed(flow.order):
        if node.plan is not None and ("mean" in node.plan.op.name or "loss" in node.plan.op.name):
            for operand in node.operands():
                whole = int(np.prod(getattr(operand, "shape", ())))
                found.setdefault(whole // max(1, int(np.prod(node.shape))), "the batch mean")
    for node in flow.order:  # not the sizes of the parameters: these are features
        if node.shape and (node.plan is not None or not node.requires_grad):
            found.setdefault(node.shape[0], "the batch mean")
    for node in flow.order:
        for n in {*node.shape, int(np.prod(node.shape))} - {2}:  # a factor 2 has other reasons
            found.setdefault(n, "a mean where the sum is asked for, or the other way round")
    return found


def _chain(case: Case) -> Iterator[Guess]:
    """The chain rule stopped half-way, or began too late."""
    flow = case.flow
    assert flow is not None
    for node in flow.order:
        if node in (flow.wrt, flow.root) or node not in flow.on_way or node.plan.op.several:
            continue
        reached = flow.carry(node, ones(node))
        name = case.label(node)
        factor = case.by(flow.root, node)
        said = f"It is {case.by(node, flow.wrt)}: the chain stops at {name}, and the factor "
        said += f"{factor} was left out"
        words, vague = f"the chain stops at {name}", not case.named(node)
        same = (factor, "wrong sign", "the chain stops", "the local derivative only")
        yield Guess(words, said, numbers(reached), vague=vague, beside=same)


def _others(case: Case) -> Iterator[Guess]:
    """The gradient of another value, or another value."""
    flow = case.flow
    assert flow is not None
    every = flow.walk_all()
    for node, g in every.items():
        if node is not flow.wrt and not isinstance(g, list) and node is not flow.root:
            what = case.by(flow.root, node)
            said = f"It is {what}, the gradient of another value"
            same: tuple[str, ...] = ("wrong sign",)
            if node in flow.on_way:  # what is missing then has another name too
                same += (case.by(node, flow.wrt), "left out", "without the route")
            if any(node in user.inputs for user in flow.users(flow.wrt)):  # the other operand
                same += ("the derivative by",)
            yield Guess(what, said, numbers(g), vague=not case.named(node), beside=same)
    for node in reversed(flow.order):
        value = flow.value(node)
        if value is None or node is flow.wrt or isinstance(value, tuple):
            continue
        name = case.label(node)
        words = f"the value of {name}"
        if node is flow.root:
            said = f"It is {words}, not a derivative"
            yield Guess(words, said, numbers(value), beside=("wrong sign",))
        elif case.named(node):
            said = f"It is {words}: the gradient of {case.labels.wrt} is something else"
            yield Guess(words, said, numbers(value), vague=True)


def other_shape(case: Case) -> Iterator[Guess]:
    """Guesses at an answer whose shape is wrong."""
    yield from guesses.transposed(case.answer, case.truth, "gradient")
    flow = case.flow
    if flow is None:
        return
    try:
        yield from not_summed(case)
    except Exception as error:
        troubles.append(error)
    yield Guess(
        "summed over all elements",
        "It was summed over all elements: the gradient has one "
        f"number for each element of {case.labels.wrt}",
        numbers(np.sum(case.truth)),
    )
    yield Guess(
        "The mean was taken over all elements",
        "The mean was taken over all elements: the gradient has "
        f"one number for each element of {case.labels.wrt}",
        numbers(np.mean(case.truth)),
    )
