"""Formulas, numbers and nodes as words, for a screen reader."""

from __future__ import annotations

import math
import re

from .model import Absent, Node, Picture, Quantity, Summary
from .numbers import format_number
from .wording import quantity_text

_SIGNS = (
    ("·", " times "), ("+", " plus "), ("/", " over "), ("−", " minus "), ("=", " equals "),
    ("²", " squared "), ("∂", "d "), ("Σ", " sum "), ("√", " root "), ("³", " cubed "),
    ("ᵀ", " transposed "), ("…", " to "), ("∞", " infinity "),
)  # fmt: skip
_POWER = re.compile(r"×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
_PLAIN = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "−0123456789")
_LONGEST = 120  # characters of a formula: beyond, nobody listens


def spoken(text: str) -> str:
    """A formula or number as words.

    >>> spoken("x·y + 2"), spoken("−4"), spoken("1.2×10⁻⁷")
    ('x times y plus 2', 'minus 4', '1.2 times 10 to the minus 7')
    """
    text = _POWER.sub(lambda m: f" times 10 to the {m[1].translate(_PLAIN)}", text)
    for sign, word in _SIGNS:
        text = text.replace(sign, word)
    return " ".join(text.split()).replace("( ", "(").replace(" )", ")")


def spoken_node(node: Node, picture: Picture) -> str:
    """What a node is and its two numbers: q equals x plus y, value 3, gradient minus 4."""
    formula = f"{node.name} = {node.expression}" if node.expression else f"{node.name}, {node.kind}"
    if len(formula) > _LONGEST:
        formula = formula[:_LONGEST].rstrip() + " and so on"
    said = [spoken(formula)]
    if node.shape:
        said.append("shape " + " by ".join(map(str, node.shape)))
    over, precision = picture.overlay, picture.precision
    if "value" in picture.show:
        word = over.above if over else "value"
        said.append(_words(word, node.value, precision, over.unit if over else ""))
    if "grad" in picture.show and over:
        said.append(_words(over.below, node.grad, precision, over.unit))
    elif "grad" in picture.show and node.kind != "constant":
        said.append(_gradient(node.grad, precision))
    return ", ".join(filter(None, said))


def _words(what: str, quantity: Quantity, precision: int, unit: str) -> str:
    """A quantity after its name: a number, the elements, or mean and range."""
    if isinstance(quantity, Absent):
        return f"{what} {quantity.value}"
    if not isinstance(quantity, Summary):
        return f"{what} {spoken(quantity_text(quantity, precision))}{unit}"
    if quantity.elements is not None:
        return f"{what} {_elements(quantity, precision)}{unit}"
    if quantity.not_finite == math.prod(quantity.shape):
        return f"{what} {spoken(quantity_text(quantity, precision))}"
    low, high = (format_number(x, precision) for x in (quantity.minimum, quantity.maximum))
    mean = format_number(quantity.mean, precision)
    return spoken(f"{what.removeprefix('value')} mean {mean}, range {low} … {high}") + unit


def _gradient(quantity: Quantity, precision: int) -> str:
    if quantity is Absent.NO_ROUTE:
        return "no gradient"
    if isinstance(quantity, Summary) and quantity.elements is None:
        return spoken(f"gradient norm {format_number(quantity.norm, precision)}")
    return _words("gradient", quantity, precision, "")


def _elements(summary: Summary, precision: int) -> str:
    """A few elements, one after the other."""
    return spoken(", ".join(format_number(x, precision) for x in summary.elements or ()))
