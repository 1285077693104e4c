"""What a learner is asked before a step, and what each likely wrong answer tells about it.

Every wrong answer is computed from the numbers of the step itself, so the diagnosis fits them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .numbers import format_number
from .wording import derivative

CLOSE = 0.005  # answers within half a percent count as the same: three digits are enough


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong answer, and the words that say how one comes to it."""

    value: float
    words: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before a step: its answer, and the mistakes that are likely."""

    prompt: str
    answer: float
    hint: str
    mistakes: tuple[Mistake, ...] = ()

    def judge(self, number: float) -> Verdict:
        """Whether a number is the answer, else the likely mistake behind it.

        >>> Question("2·3?", 6.0, "multiply", (Mistake(5.0, "that is 2 + 3"),)).judge(5).words
        'that is 2 + 3'
        """
        if near(number, self.answer):
            return Verdict(True, "Right.")
        for mistake in self.mistakes:
            if near(number, mistake.value):
                return Verdict(False, mistake.words)
        return Verdict(False, f"Not that. {self.hint}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the player answers to a number."""

    right: bool
    words: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """The numbers of one backward step, single numbers all: `gradient`·`local` onto `before`."""

    source: str
    target: str
    of: str
    gradient: float
    local: float
    product: float
    rule: str
    before: float | None = None
    siblings: tuple[tuple[str, float], ...] = ()
    elsewhere: float | None = None  # the local derivative taken at another point
    point: str = ""

    @property
    def after(self) -> float:
        """The gradient of `source` after this step."""
        return self.product if self.before is None else self.before + self.product


def near(a: float, b: float) -> bool:
    """Whether two answers count as the same.

    >>> near(0.3333, 1 / 3), near(0.33, 1 / 3), near(0.0, 1e-13)
    (True, False, True)
    """
    return abs(a - b) <= max(CLOSE * max(abs(a), abs(b)), 1e-12)


def ask_backward(a: Arrival) -> Question | None:
    """The question before a gradient arrives; None where there is no finite number to ask for."""
    d_source, d_target = derivative(a.of, a.source), derivative(a.of, a.target)
    local = derivative(a.target, a.source)
    prompt = f"{a.target} sends its gradient along the edge to {a.source}. What is {d_source} then?"
    hint = f"Multiply {d_target} by the local derivative {local}"
    hint += "." if a.before is None else f", and add that to what {a.source} has already."
    return _question(prompt, a.after, hint, _backward_mistakes(a, d_target, local))


def _backward_mistakes(a: Arrival, d_target: str, local: str) -> Iterable[Mistake]:
    """Wrong ways to form gradient·local and to add it, the most telling first."""
    n = format_number
    old = 0.0 if a.before is None else a.before
    rule = f"{local} = {n(a.local)}" if a.rule in {"", n(a.local)} else (
        f"{local} = {a.rule} = {n(a.local)}")  # fmt: skip
    if a.before is not None:
        add = f"{a.source} had {n(a.before)} from another route: routes add, {_sum(a)}."
        yield Mistake(a.product, f"That is what arrives on this route alone. {add}")
    forgot = f"The local derivative is missing: multiply {d_target} = {n(a.gradient)} by {rule}."
    yield Mistake(old + a.gradient, forgot)
    if a.before is not None:
        yield Mistake(a.gradient, f"{forgot} And {a.source} had {n(a.before)} already: routes add.")
    for name, value in a.siblings:
        words = f"That uses the other operand's derivative, {derivative(a.target, name)} = "
        words += f"{n(value)}. For {a.source} it is {rule}."
        yield from _both(a, a.gradient * value, words)
    if a.elsewhere is not None:
        words = f"The derivative was taken at the wrong point: take it at {a.point}; {rule}."
        yield from _both(a, a.gradient * a.elsewhere, words)
    words = f"The sign is wrong: ({n(a.gradient)})·({n(a.local)}) = {n(a.product)}."
    yield from _both(a, -a.product, words)
    yield Mistake(-a.after, "The size is right, the sign is not.")
    words = f"That is the local derivative alone: multiply it by {d_target} = {n(a.gradient)}."
    yield from _both(a, a.local, words)
    words = "Along a route the factors multiply; only the routes add."
    yield from _both(a, a.gradient + a.local, words)
    if a.local:
        yield from _both(
            a, a.gradient / a.local, "Multiply by the local derivative, do not divide."
        )
    if a.before is not None:
        words = f"Routes add, they do not multiply: {_sum(a)}."
        yield Mistake(a.before * a.product, words)
        yield Mistake(a.before, f"That is what {a.source} had; now {n(a.product)} arrives too.")


def _both(a: Arrival, product: float, words: str) -> Iterable[Mistake]:
    """A wrong product, with and without the sum over routes."""
    yield Mistake((a.before or 0.0) + product, words)
    if a.before is not None:
        yield Mistake(product, f"{words} And the routes add: {a.source} had {number(a.before)}.")


def ask_forward(
    name: str,
    expression: str,
    op: str,
    arguments: Sequence[float],
    answer: float,
    swapped: float | None = None,
) -> Question | None:
    """The question before an operation; `swapped` is its result with the operands exchanged."""
    prompt = f"What is {name} = {expression}?"
    hint = f"Put the values into {expression}."
    return _question(prompt, answer, hint, _forward_mistakes(op, arguments, answer, swapped))


def ask_seed(name: str, value: float | None) -> Question | None:
    """The question at which backward begins: the derivative of a value by itself."""
    d = derivative(name, name)
    hint = f"How much does {name} change when {name} changes by 1?"
    wrong = [Mistake(0.0, f"A zero would stop here: {name} changes by as much as {name} does.")]
    if value is not None:
        wrong.append(Mistake(value, f"That is the value of {name}, not its derivative."))
    return _question(f"Backward begins at {name}. What is {d}?", 1.0, hint, wrong)


_ARITHMETIC = {"add": "the sum", "sub": "the difference", "mul": "the product", "div": "the ratio"}


def _forward_mistakes(
    op: str, arguments: Sequence[float], answer: float, swapped: float | None
) -> Iterable[Mistake]:
    if swapped is not None:
        yield Mistake(swapped, "The order of the operands is exchanged.")
    if op in _ARITHMETIC and len(arguments) == 2:
        a, b = arguments
        results = {"add": a + b, "sub": a - b, "mul": a * b, "div": a / b if b else math.nan}
        for other, value in results.items():
            if other != op:
                words = f"That is {_ARITHMETIC[other]}; {_ARITHMETIC[op]} is asked for."
                yield Mistake(value, words)
    if op == "pow" and len(arguments) == 2:
        words = "That multiplies by the exponent: a power multiplies the base by itself."
        yield Mistake(arguments[0] * arguments[1], words)
    yield Mistake(-answer, "The size is right, the sign is not.")
    if len(arguments) == 1:
        yield Mistake(arguments[0], f"That is the argument itself: apply {op} to it.")


def _question(
    prompt: str, answer: float, hint: str, mistakes: Iterable[Mistake]
) -> Question | None:
    """Keep the mistakes that differ from the answer and from those before them."""
    if not math.isfinite(answer):
        return None
    kept: list[Mistake] = []
    for mistake in mistakes:
        if not math.isfinite(mistake.value) or near(mistake.value, answer):
            continue
        if not any(near(mistake.value, other.value) for other in kept):
            kept.append(mistake)
    return Question(prompt, answer, hint, tuple(kept))


def _sum(a: Arrival) -> str:
    return f"{number(a.before or 0.0)} + {signed(a.product)} = {number(a.after)}"


def number(value: float) -> str:
    """A number as pictures write it."""
    return format_number(value)


def signed(value: float) -> str:
    """A number as a second operand: negative ones in parentheses.

    >>> signed(-2.0), signed(2.0)
    ('(−2)', '2')
    """
    text = format_number(value)
    return f"({text})" if text.startswith("−") else text
