"""`wiggle`: nudge one value, and see predicted beside true changes at every node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np

from ..autograd import Tensor, enable_grad, forward
from ..autograd.graph import is_output
from ..autograd.handle import make, scalar_of
from .captured import result_of
from .html import page
from .layout import Direction
from .local import Traced, trace
from .model import Absent, Node, Overlay, Picture, Quantity, Summary
from .naming import Names
from .numbers import format_number
from .quantities import summary
from .report import FORM, colours
from .svg import paint_svg
from .tables import html_table, text_table
from .theme import ThemeName, find_theme
from .view import View
from .wording import quantity_text

_ROUNDING = 1e-7  # relative; a smaller difference is not worth more digits in the picture
_UNITS = 8  # in the last place of the values: what a few roundings may come to
_NONE = "≈ 0"
_KEY = f"{_NONE}: the two differ by no more than the rounding of float64"
_RIGHT = (False, False, True, True, True, True)
_OVERLAY = Overlay("true change", "predicted change", "Δ", "≈")


@dataclass(frozen=True, slots=True)
class Change:
    """How far a node moved (`true`), and how far its derivative says it should (`predicted`).

    Both are float64, in the node's shape. A difference up to `rounding` is that of float64.
    """

    node: int
    name: str
    made_by: str
    value: Quantity
    true: Any
    predicted: Any
    rounding: Any = 0.0

    def rounded(self) -> bool:
        """Whether the two differ, and by no more than float64 rounds the values they come from."""
        gap = np.abs(np.asarray(self.true) - np.asarray(self.predicted))
        return bool(np.any(gap > 0) and np.all(gap <= self.rounding))

    def error(self) -> float:
        """The largest difference of the two over all elements."""
        gap = np.abs(np.asarray(self.true) - np.asarray(self.predicted))
        return float(np.max(gap, initial=0.0))


class Wiggle(View):
    """Predicted and true changes; `print` the table, show it in a notebook, or `save` it."""

    def __init__(
        self,
        picture: Picture,
        changes: tuple[Change, ...],
        heading: str,
        *,
        theme: str | None = None,
        direction: Direction | None = None,
    ) -> None:
        super().__init__(picture, theme=theme, direction=direction)
        self.changes, self.heading = changes, heading

    def rows(self) -> list[tuple[str, ...]]:
        """The table, its heads first: one row for each node that the nudge reaches."""
        heads = ("node", "made by", "value", "true change", "predicted", "difference")
        return [heads, *map(_row, self.changes)]

    def text(self) -> str:
        """What was nudged, and the table."""
        key = f"\n{_KEY}\n" if any(change.rounded() for change in self.changes) else ""
        return f"{self.heading}\n\n{text_table(self.rows(), _RIGHT)}\n{key}"

    def svg(self) -> str:
        """The graph: the true change above each wire, the predicted one below."""
        return paint_svg(self.picture, theme=self.theme, direction=self.direction)

    def html(self) -> str:
        """One page that opens offline: the figure and the table."""
        theme = find_theme(self.theme)
        style = [FORM, colours(theme.base)]
        if theme.dark is not None:
            style.append(f"@media (prefers-color-scheme:dark){{{colours(theme.dark)}}}")
        body = f"<figure>\n{self.svg()}</figure>\n{self._table()}"
        return page(self.heading, f"<main>\n{body}</main>\n", theme, "\n".join(style))

    def _table(self) -> str:
        key = f"<p>{_KEY}</p>\n" if any(change.rounded() for change in self.changes) else ""
        return f"<p>{escape(self.heading)}</p>\n{html_table(self.rows(), _RIGHT)}{key}"

    def _repr_html_(self) -> str:
        return f"{super()._repr_html_()}<style>{FORM}</style>{self._table()}"


def wiggle(
    y: Any,
    x: Any,
    h: Any = 1e-3,
    *inputs: Any,
    names: Names = None,
    theme: ThemeName | None = None,
    direction: Direction | None = None,
) -> Wiggle:
    """Nudge x by h: at each node, the predicted change (derivative · h) beside the true one.

    The true change is the graph computed again at x + h, the predicted one a tangent sent forward
    from x; both in float64. `h` is a number, which moves every element, or an array of x's shape.
    Of a captured Graph with its `inputs`, x is the position of the input. Raises ValueError when x
    is not part of the graph of y, or its shape is not h's.

    >>> import chainrule as cr
    >>> x = cr.tensor(3.0, requires_grad=True)
    >>> y = x * x
    >>> print(cr.viz.wiggle(y, x, 0.5, names={"x": x, "y": y}).text())
    x moves by 0.5
    <BLANKLINE>
    node   made by   value   true change   predicted   difference
    x      input         3           0.5         0.5            0
    y      x·x           9          3.25           3         0.25
    <BLANKLINE>
    """
    find_theme(theme)
    if not isinstance(y, Tensor):
        x, inputs = _nudged(x, inputs)
    tensor, names = result_of(y, inputs, names, "wiggle")
    traced = trace((tensor,), names=names, fold_constants=False)
    node = x._node if isinstance(x, Tensor) else None
    if node is None or node not in traced.keys:
        raise ValueError(
            "wiggle(): x is not part of the graph of y: y was not computed from it, or it was "
            "computed from a copy, by detach() or under no_grad()"
        )
    with np.errstate(all="ignore"):
        changes = tuple(_changes(traced, node, _step(h, node)))
    said = quantity_text(_quantity(_step(h, node), node.shape))
    each = "each element of " if node.shape and np.ndim(_plain(h)) == 0 else ""
    moved = format_number(float(_plain(h))) if each else said
    heading = f"{each}{traced.names[node]} moves by {moved}"
    picture = _overlaid(traced.picture, changes, heading)
    return Wiggle(picture, changes, heading, theme=theme, direction=direction)


def _nudged(x: Any, inputs: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """The input to nudge as a tensor with gradient, and the inputs with it in its place."""
    if isinstance(x, Tensor) or not inputs:
        return x, inputs
    if not isinstance(x, int) or not 0 <= x < len(inputs):
        raise ValueError(f"wiggle(): x is a position among {len(inputs)} inputs, got {x!r}")
    given = inputs[x]
    data = given._data if isinstance(given, Tensor) else given
    leaf = make(scalar_of(np.array(data, np.float64)[()])).requires_grad_()
    return leaf, (*inputs[:x], leaf, *inputs[x + 1 :])


def _plain(h: Any) -> Any:
    return h._data if isinstance(h, Tensor) else h


def _step(h: Any, node: Any) -> Any:
    """The nudge in the shape of x, in float64."""
    step = np.asarray(_plain(h), np.float64)
    if step.shape and step.shape != tuple(node.shape):
        raise ValueError(
            f"wiggle(): h has shape {list(step.shape)}, x has {list(node.shape)}: give a number, "
            "or an array of x's shape"
        )
    return np.broadcast_to(step, tuple(node.shape)).copy()


def _changes(traced: Traced, node: Any, step: Any) -> Iterator[Change]:
    start = traced.values.found.get(node)
    if start is None or np.iscomplexobj(start) or np.asarray(start).dtype.kind not in "f":
        why = traced.values.missing.get(node, "it is no real floating number")
        raise ValueError(f"wiggle(): x cannot be nudged: {why}")
    point = np.asarray(start, np.float64)
    here = _run_again(traced, node, point)
    there = _run_again(traced, node, point + step)
    moved = list(here)
    with enable_grad():
        tangents = forward.push(
            [here[n]._node for n in moved], {here[node]._node: scalar_of(step[()])}, recorded=False
        )
    nodes = traced.picture.by_key()
    for n, tangent in zip(moved, tangents, strict=True):
        if n not in traced.keys:
            continue
        shown = nodes[traced.keys[n]]
        before, after = (np.asarray(run[n]._data, np.float64) for run in (here, there))
        true = after - before
        predicted = np.zeros(true.shape) if tangent is None else np.asarray(tangent, np.float64)
        made_by = shown.expression or shown.op or shown.kind
        noise = _UNITS * np.finfo(np.float64).eps * np.maximum(np.abs(before), np.abs(after))
        yield Change(shown.key, shown.name, made_by, shown.value, true, predicted, noise)


def _run_again(traced: Traced, start: Any, data: Any) -> dict[Any, Any]:
    """Compute, recorded and in float64, all that depends on `start`, from `data` there."""
    found: dict[Any, Any] = {start: make(scalar_of(data[()])).requires_grad_()}
    with enable_grad():
        for node in traced.order:
            operands = node.operands()
            if node in found or not any(o in found for o in operands if hasattr(o, "serial")):
                continue
            args = [found[o] if o in found else _constant(o, traced) for o in operands]
            op = node.plan.op
            if is_output(node):
                found[node] = args[0][node.params[0]]
                continue
            result = op.call(args, *node.params) if op.variadic else op.call(*args, *node.params)
            found[node] = result[0] if op.aux else result
    return {node: t for node, t in found.items() if isinstance(t, Tensor) and _real(t)}


def _real(tensor: Tensor) -> bool:
    return tensor._node is not None and tensor.dtype.np.kind == "f"


def _constant(operand: Any, traced: Traced) -> Any:
    """What an operation is given where the nudge does not reach; floating data in float64."""
    if not hasattr(operand, "serial"):
        return operand
    data = traced.values.found.get(operand)
    if data is None:
        why = traced.values.missing.get(operand, "not kept")
        raise ValueError(f"wiggle(): {traced.names.get(operand, 'a value')} is needed, but {why}")
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind == "f":
        data = scalar_of(np.asarray(data, np.float64)[()])
    return make(data)


def _quantity(data: Any, shape: Sequence[int]) -> Quantity:
    if not tuple(shape):
        return float(data)
    found = summary(np.asarray(data))
    # every element moved alike: what is left of the spread is rounding
    return replace(found, std=0.0) if found.std <= 1e-12 * abs(found.mean) else found


def _overlaid(picture: Picture, changes: Sequence[Change], heading: str) -> Picture:
    """The picture with changes in place of values and gradients."""
    by_key = {change.node: change for change in changes}

    def turned(node: Node) -> Node:
        change = by_key.get(node.key)
        if change is None:
            return replace(node, value=Absent.NO_ROUTE, grad=Absent.NO_ROUTE, notes=())
        true = _quantity(change.true, change.true.shape)
        predicted = _quantity(change.predicted, change.true.shape)
        return replace(node, value=true, grad=predicted, notes=())

    nodes = tuple(n if n.kind == "constant" else turned(n) for n in picture.nodes)
    title = f"{picture.title}; {heading}" if picture.title else heading
    precision = max((_precision(change) for change in changes), default=4)
    return replace(picture, nodes=nodes, title=title, overlay=_OVERLAY, precision=precision)


def _precision(change: Change) -> int:
    """As many digits as tell the two numbers apart, if they differ by more than rounding."""
    return 4 if change.true.shape else _digits(float(change.true), float(change.predicted))


def _digits(a: float, b: float) -> int:
    digits = 4
    if abs(a - b) > _ROUNDING * max(abs(a), abs(b)):
        while f"{a:.{digits - 1}e}" == f"{b:.{digits - 1}e}" and digits < 8:
            digits += 1
    return digits


def _row(change: Change) -> tuple[str, ...]:
    shape = change.true.shape
    true, predicted = _quantity(change.true, shape), _quantity(change.predicted, shape)
    if isinstance(true, Summary):
        said = (quantity_text(true), quantity_text(predicted))
        gap = format_number(change.error(), 2)
    else:
        a, b = float(change.true), float(change.predicted)
        digits = _digits(a, b)
        said = (format_number(a, digits), format_number(b, digits))
        gap = format_number(a - b, 2 if abs(a - b) <= _ROUNDING * abs(a) else 4)
    gap = _NONE if change.rounded() else gap
    return (change.name, change.made_by, quantity_text(change.value), *said, gap)
