"""Slips that belong to one operation: half a rule, or the rule of another function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .answers import numbers


@dataclass(frozen=True)
class Slip:
    """A wrong local derivative: short words, a sentence that holds them, and what is sent back."""

    words: str
    sentence: str
    part: Any


# op: (words, sentence, local derivative of (x, out))
_UNARY: dict[str, tuple[tuple[str, str, Callable[[Any, Any], Any]], ...]] = {
    "tanh": (
        ("the square", "The square is missing: the derivative of tanh is 1 − tanh²",
         lambda x, out: 1 - out),
        ("the derivative of σ", "That is the derivative of σ; the derivative of tanh is 1 − tanh²",
         lambda x, out: out * (1 - out)),
    ),
    "sigmoid": (
        ("the factor 1 − σ", "At σ, the factor 1 − σ is missing", lambda x, out: out),
        ("the factor σ", "At σ, the factor σ is missing: the derivative is σ(1 − σ)",
         lambda x, out: 1 - out),
        ("the derivative of tanh", "That is the derivative of tanh; the derivative of σ is "
         "σ(1 − σ)", lambda x, out: 1 - out * out),
    ),
    "exp": (
        ("the power rule", "The power rule is for powers: the derivative of exp is exp",
         lambda x, out: x * np.exp(x - 1)),
    ),
    "sqrt": (
        ("the factor ½", "At the square root, the factor ½ is missing", lambda x, out: 1 / out),
        ("the exponent", "At the square root, the exponent goes down by one: ½·x^(−½)",
         lambda x, out: out / 2),
    ),
    "relu": (
        ("the other side", "relu lets gradient through where its input is positive, and this is "
         "the other side", lambda x, out: np.asarray(x) <= 0),
    ),
    "sin": (("was used itself", "sin was used itself, not its derivative cos",
             lambda x, out: out),),
    "cos": (("was used itself", "cos was used itself, not its derivative −sin",
             lambda x, out: out),),
    "log": (("was used itself", "log was used itself, not its derivative 1/x",
             lambda x, out: out),),
}  # fmt: skip


def slips(op: str, inputs: list[Any], out: Any, slot: int, g: Any, params: Any) -> Iterator[Slip]:
    """The slips of an operation: what each sends to the input number `slot`.

    `inputs` and `out` are what went in and came out, `g` is the gradient of the result.
    """
    with np.errstate(all="ignore"):
        for words, sentence, local in _UNARY.get(op, ()):
            yield Slip(words, sentence, g * local(numbers(inputs[0]), numbers(out)))
        if op in {"pow", "square"} and slot == 0:
            yield from _power(inputs[0], inputs[1] if len(inputs) > 1 else 2.0, g)
        elif op == "div" and slot == 1:
            yield from _quotient(inputs[0], inputs[1], g)
        elif op in {"mean", "sum", "amax", "amin"}:
            yield from _reduction(op, numbers(inputs[0]), numbers(g), params)
        elif op == "log_softmax":
            yield from _log_softmax(numbers(inputs[0]), numbers(out), numbers(g), *params)
        elif op == "normalization" and slot == 0:
            yield from _normalization(inputs[0], inputs[1], numbers(g), params)
        elif op == "softmax":
            yield from _softmax(numbers(out), numbers(g))
        elif op == "logistic_loss" and slot == 0:
            said = "The target was not subtracted: the derivative by the score is σ(z) − t"
            yield Slip("the target", said, g / (1 + np.exp(-numbers(inputs[0]))))


def _power(x: Any, n: Any, g: Any) -> Iterator[Slip]:
    x, n = numbers(x), numbers(n)
    if n.shape:
        return
    exponent = f"the exponent {float(n):g}"
    said = f"the factor n is missing, {exponent} must come down as a factor"
    wrong = [(said, x ** (n - 1))]
    wrong += [(f"{exponent} stays, and must go down by one", n * x**n)]
    wrong += [(f"{exponent} goes up, and must go down by one", n * x ** (n + 1))]
    wrong += [(f"the factor is {exponent} itself, not one less", (n - 1) * x ** (n - 1))]
    wrong += [(f"x is missing, with {exponent} lowered by one", n)]
    for said, local in wrong:
        yield Slip("the exponent", f"The power rule: {said}", g * local)
    yield Slip("was used itself", "The power was used itself, not its derivative", g * x**n)


def _quotient(a: Any, b: Any, g: Any) -> Iterator[Slip]:
    a, b = numbers(a), numbers(b)
    said = "For the denominator of a/b: the numerator is missing, the derivative is −a/b²"
    yield Slip("the numerator", said, -g / (b * b))
    said = "For the denominator of a/b: the square is missing, the derivative is −a/b²"
    yield Slip("the square", said, -g * a / b)


def _reduction(op: str, x: Any, g: Any, params: Any) -> Iterator[Slip]:
    """A mean taken for a sum, a sum for a mean, a maximum for either."""
    dim, keepdim = params
    if g.shape and not keepdim and dim is not None:
        g = np.expand_dims(g, dim)
    spread, n = np.broadcast_to(g, x.shape), x.size // max(1, g.size)
    if op == "mean":
        yield Slip("of the mean", f"The division by {n} of the mean was left out", spread)
    elif op == "sum":
        said = f"A sum passes its gradient on as it is: no division by {n}, as of a mean"
        yield Slip("no division", said, spread / n)
    else:
        said = f"At {op}, only the element that was chosen gets gradient"
        yield Slip("only the element that was chosen", said, spread)


def _softmax(p: Any, g: Any) -> Iterator[Slip]:
    """The elements of softmax taken for independent."""
    said = "At softmax, each result depends on every score, not on its own only"
    yield Slip("depends on every score", said, g * p * (1 - p))
    yield Slip("depends on every score", said, g * p)


def _normalization(x: Any, weight: Any, g: Any, params: Any) -> Iterator[Slip]:
    """(ĝ − mean ĝ − x̂·mean(ĝ·x̂)) / s with one of its parts left out."""
    dims, shape, eps, centred = params
    if not centred:
        return
    x, w = numbers(x), 1.0 if weight is None else numbers(weight).reshape(shape)
    s = np.sqrt(np.var(x, dims, keepdims=True) + eps)
    xhat, g = (x - np.mean(x, dims, keepdims=True)) / s, g * w
    shift = np.mean(g, dims, keepdims=True)
    stretch = xhat * np.mean(g * xhat, dims, keepdims=True)
    whole = g - shift - stretch
    for words, part in (
        ("the part along x̂ was not removed", (g - shift) / s),
        ("the mean of the gradient was not removed", (g - stretch) / s),
        ("neither the mean nor the part along x̂ was removed", g / s),
        ("the division by s was left out", whole),
        ("the factor γ was left out", whole / s / w),
    ):
        yield Slip(words, f"At the normalisation, {words}", part)


def _log_softmax(x: Any, out: Any, g: Any, dim: int) -> Iterator[Slip]:
    """Softmax of the scores without the one at the target, or along another axis."""
    if np.count_nonzero(g) != out.size // out.shape[dim]:
        return  # not one target a row
    words = "the 1 at the target"
    said = f"At cross-entropy, {words} was not subtracted: it is softmax − one-hot"
    part = -np.exp(out) * np.sum(g, axis=dim, keepdims=True)
    yield Slip(words, said, part)
    yield Slip(words, said, part * (out.size // out.shape[dim]))
    for axis in range(x.ndim):
        wrong = np.exp(x - np.max(x, axis, keepdims=True))
        wrong = wrong / np.sum(wrong, axis, keepdims=True)
        said = f"The softmax was taken along axis {axis} instead of axis {dim % x.ndim}"
        yield Slip("the softmax", said, g - wrong * np.sum(g, axis=dim, keepdims=True))
    said = "The softmax was left out: it is softmax − one-hot, and not the scores themselves"
    yield Slip("the softmax", said, g - x * np.sum(g, axis=dim, keepdims=True))
