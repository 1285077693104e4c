"""Why the numbers of a gradient are zero, nan, tiny or huge: the operations that made them so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from ..autograd.graph import is_output
from .numbers import format_number
from .replay import Values
from .sensitivity import UNKNOWN, contributions

TINY, HUGE = 1e-7, 1e4
_FLAT = {"floor", "ceil", "round", "round_decimals", "trunc", "sign", "sgn", "floor_divide"}
_CHOICE = {"maximum", "minimum", "amax", "amin", "max_dim", "min_dim", "max_pool", "fmax", "fmin"}
_MASKS = {"where", "masked_fill", "masked_select", "masked_scatter"}
_CLIPS = {"clamp", "hardtanh", "bounded", "hardsigmoid", "relu6"}
_CLOSED = {"relu", "threshold", "hardshrink", "softshrink", "leaky_relu", "elu", "hardswish"}
_PRODUCTS = {"mul", "matmul", "linear", "convolution", "einsum", "addcmul"}
_CORNERED = {"abs", "norm", "cdist", "sgn", "hypot"}
_PICKS = {"get_index", "select", "narrow", "index_select", "gather", "take", "topk", "kthvalue"}
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
    """What a node's backward gives each input of the operation behind it."""
    g = grads.get(node)
    if g is None or g is UNKNOWN or isinstance(g, list):
        return []
    with np.errstate(all="ignore"):
        parts = contributions(node, g, values)
    inputs = behind(node).inputs
    pairs = zip(inputs, parts, strict=True)
    return [(operand, p) for operand, p in pairs if p is not None and p is not UNKNOWN]


def behind(node: Any) -> Any:
    """The operation that made a node; one of several results stands for all of them."""
    return node.operands()[0] if is_output(node) else node


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
    x: Any,
    order: Sequence[Any],
    grads: Mapping[Any, Any],
    values: Values,
    names: Mapping[Any, str] = MappingProxyType({}),
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
            if operand in inside and all_zero(part):
                made = behind(node)
                said = _why_zero(made, operand, values, g, names)
                found.append(Finding(made.plan.op.name, said, line_of(node)))
                break
    return found


def cancelled(
    x: Any, order: Sequence[Any], grads: Mapping[Any, Any], values: Values, names: Mapping[Any, str]
) -> str:
    """Where gradients arrive that are not zero, but add up to exactly zero; "" if nowhere."""
    on_way = routes(x, order)
    inside = {x, *on_way}
    arrived: dict[Any, list[Any]] = {}
    for node in on_way:
        for operand, part in parts_of(node, grads, values):
            if operand in inside and not all_zero(part):
                arrived.setdefault(operand, []).append(part)
    for node in [*reversed(on_way), x]:
        if len(arrived.get(node, ())) > 1 and all_zero(grads.get(node, 1)):
            name = names.get(node, "a value on the way")
            parts = arrived[node]
            if np.ndim(parts[0]) == 0:
                shown = [format_number(float(np.real(p)), 3) for p in parts]
                sums = " + ".join(f"({t})" if t.startswith("−") else t for t in shown)
                return f"{len(parts)} gradients arrive at {name} and cancel: {sums} = 0"
            return f"{len(parts)} gradients arrive at {name} and cancel each other"
    return ""


def _why_zero(node: Any, operand: Any, values: Values, g: Any, names: Mapping[Any, str]) -> str:
    op = node.plan.op.name
    data = values.get(operand)
    if op in _FLAT:
        return f"{op} is a staircase: its derivative is 0 everywhere"
    if op in _CLOSED:
        return f"{op} is closed: {_all_of(data)} where its slope is 0"
    if op in _CHOICE:
        return f"{op} chose another of its inputs every time: the one not chosen gets 0"
    if op in _CLIPS:
        return f"{op} clips: {_all_of(data)} beyond its limits, where it is flat"
    if op in _MASKS:
        return f"{op} masks it out: the other values were taken everywhere"
    if op in _PRODUCTS:
        operands = node.operands()
        at = next(k for k, o in enumerate(operands) if o is operand)
        for other in operands[:at] + operands[at + 1 :]:
            value = values.get(other)
            if value is not None and all_zero(value):
                named = f" ({names[other]})" if other in names else ""
                return f"{op} multiplies by zero: the other factor{named} is exactly 0"
    if op in _SATURATING:
        return f"{op} is saturated: at {_range(data)} its slope rounds to exactly 0"
    if op == "pow":
        return f"the power's derivative is exactly 0 at {_range(data)}"
    if op in _CORNERED and data is not None and all_zero(data):
        return f"{op} has a corner at 0, where no slope is right: 0 is taken"
    if op in _PICKS:
        return f"{op} took other elements: those left out get 0"
    return f"{op} passes on exactly 0 (it was given a gradient of size {format_number(size(g), 3)})"


def _all_of(data: Any) -> str:
    """How many elements it is about: "all of its 2 inputs are"."""
    count = np.asarray(data).size if data is not None else 0
    return (
        "its input is" if count == 1 else f"all of its {count or ''} inputs are".replace("  ", " ")
    )


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
    source: Any = None  # the node that it is a factor of the gradient of


def saturation(factor: Factor, values: Values) -> str:
    """Why one operation makes a gradient small, where its input tells; else ""."""
    data = values.get(factor.source) if factor.source is not None else None
    if factor.op in _SATURATING and data is not None and factor.factor < 1e-2:
        slope = format_number(factor.factor, 2)
        return f"{factor.op} is saturated: its input is {_range(data)}, and its slope there {slope}"
    return ""


def main_route(
    x: Any, order: Sequence[Any], grads: Mapping[Any, Any], values: Values
) -> list[Factor]:
    """The route that brings x most of its gradient, from the output on, with its factors."""
    inside = {x, *routes(x, order)}
    best: dict[Any, tuple[float, Any]] = {}
    for node in order:
        if node in inside and node.plan is not None:
            for operand, part in parts_of(node, grads, values):
                amount = size(part)
                if operand in inside and (operand not in best or amount > best[operand][0]):
                    best[operand] = (amount, node)
    factors, here = [], x
    while here in best:
        amount, node = best[here]
        given, made = size(grads[node]), behind(node)
        extra = node.extra or made.extra
        module = (extra.module or "") if extra is not None else ""
        ratio = amount / given if given else 0.0
        factors.append(Factor(made.plan.op.name, ratio, module, line_of(node), here))
        here = node
    return factors[::-1]


def by_module(factors: Sequence[Factor]) -> list[Factor]:
    """Neighbouring operations of one module as one factor."""
    found: list[Factor] = []
    for factor in factors:
        if found and factor.module and found[-1].module == factor.module:
            last = found.pop()
            product = last.factor * factor.factor
            line = last.line or factor.line
            found.append(Factor(factor.op, product, factor.module, line, factor.source))
        else:
            found.append(factor)
    return found


def first_broken_value(
    order: Sequence[Any], values: Values, names: Mapping[Any, str]
) -> Finding | None:
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
            known = names.get(node, "an input")
            said = f"{known} holds {what} ({share}), before any operation"
            return Finding("input", said, "")
        given = [f"{_element(values.get(o), at)}" for o in node.operands()]
        said = f"{node.plan.op.name} made {what} ({share}) of {', '.join(filter(None, given))}"
        return Finding(node.plan.op.name, said, line_of(node))
    return None


def first_broken_gradient(
    order: Sequence[Any], grads: Mapping[Any, Any], values: Values
) -> list[Finding]:
    """The first operations of the backward pass that made inf, and nan, of a gradient without."""
    found: list[Finding] = []
    for broken, word in ((np.isinf, "∞"), (np.isnan, "nan")):
        for node in reversed(order):
            g = grads.get(node)
            if node.plan is None or g is None or g is UNKNOWN or isinstance(g, list):
                continue
            if np.any(broken(np.asarray(g))):
                break
            made = _broken_part(node, g, word, broken, grads, values)
            if made is not None:
                found.append(made)
                break
    return found


def _broken_part(
    node: Any, g: Any, word: str, broken: Any, grads: Mapping[Any, Any], values: Values
) -> Finding | None:
    """What a node's backward says when it breaks a gradient."""
    for operand, part in parts_of(node, grads, values):
        bad = broken(np.asarray(part))
        if not np.any(bad):
            continue
        at = tuple(int(k) for k in np.argwhere(bad)[0]) if bad.ndim else ()
        what = format_number(float(np.real(np.asarray(part)[at])))
        op, value = behind(node).plan.op.name, _element(values.get(operand), at)
        said = f"going back through {op} makes {what}"
        said += f": its input there is {value}" if value else ""
        if word == "nan" and np.any(np.isinf(np.asarray(g))):
            said += ", and the gradient that arrives ∞"
        return Finding(op, said, line_of(node))
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
