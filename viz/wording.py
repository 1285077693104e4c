"""The words on a picture: values, gradients and local derivatives as short texts."""

from __future__ import annotations

import math
import re

from .array_words import elements_text, odd_text, picture_lines, range_text, spread_text
from .model import Absent, Local, Node, Overlay, Picture, Quantity, Summary
from .numbers import NONE, NOT_COMPUTED, format_number, format_shape

_USUAL_DTYPE = "float32"
_DTYPE_SHORT = {"float64": "f64", "float16": "f16", "bfloat16": "bf16", "int64": "i64"}
_DTYPE_SHORT |= {"int32": "i32", "int16": "i16", "int8": "i8", "uint8": "u8"}
_SYMBOL = re.compile(r"[^\W\d_][\d′']*|[^\W\d_]_\w")
_LONGEST_RULE = 22
_ROOM = 2_000  # bytes of a tooltip for the numbers of arrays
_CELL = re.compile(
    r"(?:.*[\\/]ipykernel_\d+[\\/]\d+\.py|<ipython-input-[^>]*>):(\d+.*)$", re.DOTALL
)


def is_symbol(name: str) -> bool:
    """Whether a name is set as a mathematical symbol: one letter, perhaps with an index.

    >>> is_symbol("x"), is_symbol("w_2"), is_symbol("weight")
    (True, True, False)
    """
    return _SYMBOL.fullmatch(name) is not None


def quantity_text(quantity: Quantity, precision: int = 4) -> str:
    """Write a quantity on one line: a number, up to four elements, or mean ± spread.

    >>> quantity_text(Absent.NOT_COMPUTED), quantity_text(-4.0)
    ('·', '−4')
    """
    if isinstance(quantity, Absent):
        return {Absent.NOT_COMPUTED: NOT_COMPUTED, Absent.NO_ROUTE: NONE}.get(quantity, "not kept")
    if not isinstance(quantity, Summary):
        return format_number(quantity, precision)
    if quantity.elements is not None:
        return elements_text(quantity.elements, quantity.shape, precision)
    return spread_text(quantity, precision)


def norm_text(quantity: Quantity, precision: int = 4) -> str:
    """Write a gradient on one line: a number, up to four elements, or its Euclidean norm."""
    if isinstance(quantity, Summary) and quantity.elements is None:
        size = math.prod(quantity.shape)
        if size > quantity.not_finite:
            odd = odd_text(quantity)
            norm = format_number(quantity.norm, precision)
            return f"‖∂‖ {norm}" + (f", {odd}" if odd else "")
    return f"∂ {quantity_text(quantity, precision)}"


def value_words(node: Node, picture: Picture) -> tuple[str, str]:
    """The number above a node's wire: its sign ("" for a value) and its text."""
    text = quantity_text(node.value, picture.precision)
    over = picture.overlay
    return ("", text) if over is None else (over.sign_above, _with_unit(text, node.value, over))


def grad_words(node: Node, picture: Picture) -> tuple[str, str]:
    """The number below a node's wire: its sign (∂ or ‖∂‖ for a gradient) and its text."""
    over = picture.overlay
    if over is None:
        sign, _, text = norm_text(node.grad, picture.precision).partition(" ")
        return sign, text
    text = quantity_text(node.grad, picture.precision)
    return over.sign_below, _with_unit(text, node.grad, over)


def _with_unit(text: str, quantity: Quantity, overlay: Overlay) -> str:
    return text if isinstance(quantity, Absent) else text + overlay.unit


def shape_text(node: Node) -> str:
    """Write shape, and dtype when unusual: `32×10`, `7 f64`; empty for a 0-d node."""
    if not node.shape:
        return ""
    dtype = "" if node.dtype in {"", _USUAL_DTYPE} else _DTYPE_SHORT.get(node.dtype, node.dtype)
    return " ".join(filter(None, (format_shape(node.shape), dtype)))


def rule_says_number(local: Local, precision: int = 4) -> bool:
    """Whether the rule is nothing but its number (or empty), so that writing both is noise."""
    return local.rule.replace("-", "−") in {"", quantity_text(local.number, precision)}


def local_text(local: Local, precision: int = 4, longest: int = _LONGEST_RULE) -> str:
    """Write a local derivative: `z = −4`, `× −4` when the rule is the number, or the rule alone.

    >>> local_text(Local("z", number=-4.0)), local_text(Local("1", number=1.0))
    ('z = −4', '× 1')
    """
    rule = local.rule if len(local.rule) <= longest else local.rule[: longest - 1].rstrip() + "…"
    if isinstance(local.number, Absent) or (isinstance(local.number, Summary) and rule):
        return rule or quantity_text(local.number, precision)
    number = quantity_text(local.number, precision)
    return f"× {number}" if rule_says_number(local, precision) else f"{rule} = {number}"


def is_zero(quantity: Quantity) -> bool:
    """Whether a number is exactly zero, or an array is all zeros."""
    if isinstance(quantity, Summary):
        return quantity.norm == 0
    return not isinstance(quantity, Absent) and quantity == 0


def is_broken(quantity: Quantity) -> bool:
    """Whether a number is NaN or infinite, or an array holds such elements."""
    if isinstance(quantity, Summary):
        return quantity.not_finite > 0
    return not isinstance(quantity, Absent) and not abs(quantity) < float("inf")


def derivative(of: str, by: str) -> str:
    """Write ∂f/∂x."""
    return f"∂{of}/∂{by}"


def tooltip(node: Node, picture: Picture, room: int = _ROOM) -> str:
    """Say all there is to say about a node, a fact a line; first numbers as `room` bytes hold."""
    lines = [f"{node.name} = {node.expression}" if node.expression else f"{node.name}: {node.kind}"]
    if node.shape:
        lines.append(f"shape {format_shape(node.shape)}, {node.dtype}")
    over = picture.overlay
    if "value" in picture.show:
        said = value_words(node, picture)[1]
        lines.append(f"{over.above if over else 'value'} {said}")
        lines += [] if over else _more(node.value, picture, room // 2)
    if "grad" in picture.show and over is not None:
        lines.append(f"{over.below} {grad_words(node, picture)[1]}")
    elif "grad" in picture.show and node.kind != "constant":
        grad = quantity_text(node.grad, picture.precision)
        what = derivative(picture.of, node.name) if picture.of else "gradient"
        norm = norm_text(node.grad, picture.precision)
        lines.append(f"{what} {grad}" + (f", {norm}" if norm.startswith("‖") else ""))
        lines += _more(node.grad, picture, room // 2)
    return "\n".join([*lines, *filter(None, [node.line]), *node.notes])


def _more(quantity: Quantity, picture: Picture, room: int) -> list[str]:
    """Of an array: its range, what its thumbnail shows, and its first numbers."""
    if not isinstance(quantity, Summary):
        return []
    reach = range_text(quantity, picture.precision)
    return [*filter(None, [reach]), *picture_lines(quantity, room)]


def short_line(line: str | None) -> str:
    """``file:line: code`` without the file's folders: the same picture on every machine.

    >>> short_line("/home/ada/net.py:12: y = model(x)")
    'net.py:12: y = model(x)'
    """
    cell = _CELL.match(line or "")
    if cell:  # a notebook's cell goes by a number of this run
        return f"cell:{cell[1]}"
    match = re.match(r"(?:.*[\\/])?([^\\/:]+:\d+.*)$", line or "", re.DOTALL)
    return match.group(1) if match else line or ""
