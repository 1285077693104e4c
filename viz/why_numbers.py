"""Why the numbers of a gradient are zero, nan, tiny or huge: the operations that made them so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import no_grad
from ..autograd.fitting import fit
from ..autograd.graph import Piece, is_output
from .numbers import format_number
from .replay import Values, saved_of
from .sensitivity import UNKNOWN

TINY, HUGE = 1e-7, 1e4
_FLAT = {"floor", "ceil", "round", "round_decimals", "trunc", "sign", "sgn", "floor_divide"}
_CHOICE = {"maximum", "minimum", "amax", "amin", "max_dim", "min_dim", "max_pool", "fmax", "fmin"}
_MASKS = {"where", "masked_fill", "masked_select", "masked_scatter"}
_CLIPS = {"clamp", "hardtanh", "bounded", "hardsigmoid"}
_CLOSED = {"relu", "threshold", "hardshrink", "softshrink", "leaky_relu", "elu", "hardswish"}
_SATURATING = {"tanh", "sigmoid", "erf", "softmax", "log_softmax", "logsigmoid"}


@dataclass(frozen=True, slots=True)
class Finding:
    """An operation, what it did to the gradient in words, and the user's line where known."""

    op: str
    said: str
    line: str


def size(data: Any) -> float:
    """The root mean square of finite elements."""
    array = np.abs(np.asarray(data)).astype(np.float64).ravel()
    array = array[np.isfinite(array)]
    return float(np.sqrt(np.mean(array * array))) if array.size else 0.0


def all_zero(data: Any) -> bool:
    """Whether every element is exactly zero."""
    return bool(np.all(np.asarray(data) == 0))


def line_of(node: Any) -> str:
    """The user's line that recorded a node, where `watch()` or anomaly detection wrote it down."""
    return (node.extra.line or "") if node.extra is not None else ""


def parts_of(node: Any, grads: Mapping[Any, Any], values: Values) -> list[tuple[Any, Any]]:
    """What a node's backward gives each of its inputs."""
    g = grads.get(node)
    if g is None or g is UNKNOWN or isinstance(g, list):
        return []
    saved = saved_of(node, values)
    if saved is None:
        return []
    with no_grad(), np.errstate(all="ignore"):
        try:
            parts = node.plan.backward(g, saved)
        except ArithmeticError:
            return []
    return [
        (operand, p if type(p) is Piece else fit(p, operand))
        for operand, p in zip(node.inputs, parts, strict=True)
        if p is not None
    ]


def routes(x: Any, order: Sequence[Any]) -> list[Any]:
    """The nodes between x and the outputs along which gradient flows, oldest first."""
    useful = {x}
    found = []
    for node in order:
        if node.plan is not None and any(o in useful for o in node.inputs):
            useful.add(node)
            found.append(node)
    return found


def zero_makers(
    x: Any, order: Sequence[Any], grads: Mapping[Any, Any], values: Values
) -> list[Finding]:
    """The operations on the way to x that are given a gradient and pass on exact zeros."""
    on_way = routes(x, order)
    inside = {x, *on_way}
    found = []
    for node in reversed(on_way):
        g = grads.get(node)
        if g is None or g is UNKNOWN or isinstance(g, list) or all_zero(g):
            continue
        for operand, part in parts_of(node, grads, values):
            if operand in inside and not isinstance(part, Piece) and all_zero(part):
                found.append(
                    Finding(node.plan.op.name, _why_zero(node, operand, values, g), line_of(node))
                )
                break
    return found


def _why_zero(node: Any, operand: Any, values: Values, g: Any) -> str:
    op = node.plan.op.name
    data = values.get(operand)
    if op in _FLAT:
        return f"{op} is a staircase: its derivative is 0 everywhere"
    if op in _CLOSED:
        return f"{op} is closed: all of its {_count(data)} inputs are where its slope is 0"
    if op in _CHOICE:
        return f"{op} chose another of its inputs every time: the one not chosen gets 0"
    if op in _CLIPS:
        return (
            f"{op} clips: all of its {_count(data)} inputs lie beyond its limits, where it is flat"
        )
    if op in _MASKS:
        return f"{op} masks it out: the other values were taken everywhere"
    if op in {"mul", "matmul", "linear", "convolution"}:
        others = [o for o in node.operands() if o is not operand]
        for other in others:
            value = values.get(other)
            if value is not None and all_zero(value):
                return f"{op} multiplies by zero: the other factor is exactly 0"
    if op in _SATURATING:
        return f"{op} is saturated: at {_range(data)} its slope rounds to exactly 0"
    if op == "pow":
        return f"the power's derivative is exactly 0 at {_range(data)}"
    return f"{op} passes on exactly 0 (it was given a gradient of size {format_number(size(g), 3)})"


def _count(data: Any) -> str:
    return str(np.asarray(data).size) if data is not None else ""


def _range(data: Any) -> str:
    if data is None:
        return "its input"
    array = np.asarray(data)
    low, high = format_number(float(array.min()), 3), format_number(float(array.max()), 3)
    return f"{low}" if low == high else f"{low} … {high}"


@dataclass(frozen=True, slots=True)
class Factor:
    """By how much one operation on the main route changes the size of the gradient."""

    op: str
    factor: float
    module: str
    line: str


def main_route(
    x: Any, order: Sequence[Any], grads: Mapping[Any, Any], values: Values
) -> list[Factor]:
    """The route that brings x most of its gradient, from the output on, with its factors."""
    inside = {x, *routes(x, order)}
    best: dict[Any, tuple[float, Any]] = {}
    for node in order:
        if node in inside and node.plan is not None:
            for operand, part in parts_of(node, grads, values):
                if operand in inside and not isinstance(part, Piece):
                    amount = size(part)
                    if operand not in best or amount > best[operand][0]:
                        best[operand] = (amount, node)
                elif isinstance(part, Piece) and operand in inside:
                    best.setdefault(operand, (size(part.value), node))
    factors, here = [], x
    while here in best:
        amount, node = best[here]
        g = grads.get(node)
        given = (
            size(g) if g is not None and g is not UNKNOWN and not isinstance(g, list) else amount
        )
        module = (node.extra.module or "") if node.extra is not None else ""
        if not is_output(node):
            ratio = amount / given if given else 0.0
            factors.append(Factor(node.plan.op.name, ratio, module, line_of(node)))
        here = node
    return factors[::-1]


def by_module(factors: Sequence[Factor]) -> list[Factor]:
    """Neighbouring operations of one module as one factor."""
    found: list[Factor] = []
    for factor in factors:
        if found and factor.module and found[-1].module == factor.module:
            last = found.pop()
            product = last.factor * factor.factor
            found.append(Factor(factor.op, product, factor.module, last.line or factor.line))
        else:
            found.append(factor)
    return found


def first_broken_value(order: Sequence[Any], values: Values) -> Finding | None:
    """The first operation of the forward pass that made nan or inf of finite inputs."""
    for node in order:
        data = values.found.get(node)
        if data is None or np.asarray(data).dtype.kind not in "fc" or np.all(np.isfinite(data)):
            continue
        bad = ~np.isfinite(np.asarray(data))
        at = tuple(int(k) for k in np.argwhere(bad)[0]) if bad.ndim else ()
        what = format_number(float(np.real(np.asarray(data)[at])))
        share = f"{int(bad.sum())} of {bad.size} elements" if bad.size > 1 else "its only element"
        if node.plan is None:
            return Finding("input", f"an input holds {what} ({share}), before any operation", "")
        given = [f"{_element(values.get(o), at)}" for o in node.operands()]
        said = f"{node.plan.op.name} made {what} ({share}) of {', '.join(filter(None, given))}"
        return Finding(node.plan.op.name, said, line_of(node))
    return None


def first_broken_gradient(
    order: Sequence[Any], grads: Mapping[Any, Any], values: Values
) -> Finding | None:
    """The first operation of the backward pass that made nan or inf of a finite gradient."""
    for node in reversed(order):
        g = grads.get(node)
        if node.plan is None or g is None or g is UNKNOWN or isinstance(g, list):
            continue
        if not np.all(np.isfinite(np.asarray(g))):
            continue
        for operand, part in parts_of(node, grads, values):
            if isinstance(part, Piece) or np.all(np.isfinite(np.asarray(part))):
                continue
            bad = ~np.isfinite(np.asarray(part))
            at = tuple(int(k) for k in np.argwhere(bad)[0]) if bad.ndim else ()
            what = format_number(float(np.real(np.asarray(part)[at])))
            value = _element(values.get(operand), at)
            said = f"going back through {node.plan.op.name} makes {what}"
            said += f": its input there is {value}" if value else ""
            return Finding(node.plan.op.name, said, line_of(node))
    return None


def _element(data: Any, at: tuple[int, ...]) -> str:
    """The element at a place, where the array has such a place; else its range."""
    if data is None:
        return ""
    array = np.asarray(data)
    if array.dtype.kind not in "fiub":
        return ""
    if array.shape == () or array.ndim == len(at):
        at = tuple(min(k, n - 1) for k, n in zip(at, array.shape, strict=False))
        return format_number(float(array[at]))
    return _range(array) if array.size else ""
