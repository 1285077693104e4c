"""`diff`: two graphs or two runs side by side, and the first place where they part."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Literal, get_args

import numpy as np

from ..autograd import Tensor, enable_grad, watch
from ..autograd.graph import is_output
from .align import align
from .captured import result_of
from .dot import paint_dot
from .forward_run import unchanged
from .local import Traced, trace
from .model import Absent, Node, Overlay, Picture
from .naming import Names
from .numbers import format_count, format_number, format_pair, format_shape
from .report import Report
from .sensitivity import UNKNOWN
from .svg import paint_svg
from .tables import html_table, text_table
from .theme import ThemeName, find_theme
from .wording import quantity_text

Kind = Literal["added", "removed", "operation", "shape", "dtype", "value", "gradient"]
_NUMBERS: tuple[Kind, ...] = ("value", "gradient")
_ROWS, _DRAWN = 40, 60
_RIGHT = (False, False, False, False, False, True)
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_OVERLAY = Overlay("value in a", "value in b", "a", "b", alike=True)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same: `a` and `b` say it in words; `gap` is the largest distance.

    `node` and `other` are the keys in the pictures of a and of b.
    """

    kind: Kind
    name: str
    made_by: str
    a: str
    b: str
    node: int | None = None
    other: int | None = None
    gap: float | None = None


class Diff(Report):
    """What differs between two graphs; `print` it, show it in a notebook, or `save` it.

    `differences` are in the order of the graph; `first_value` is where values part first, going
    forward, `first_gradient` where gradients do, going back. It is true when anything differs.
    """

    heading = "Two graphs compared"

    def __init__(
        self,
        differences: tuple[Difference, ...],
        matched: int,
        tol: float,
        picture: Picture | None = None,
        *,
        inputs_agree: bool = False,
        theme: str | None = None,
    ) -> None:
        super().__init__(theme=theme)
        self.differences, self.matched, self.tol = differences, matched, tol
        self.picture, self.inputs_agree = picture, inputs_agree

    def __bool__(self) -> bool:
        return bool(self.differences)

    def of_kind(self, kind: Kind) -> list[Difference]:
        """The differences of one kind."""
        return [d for d in self.differences if d.kind == kind]

    @property
    def first_value(self) -> Difference | None:
        """Where values part first, going forward."""
        return next(iter(self.of_kind("value")), None)

    @property
    def first_gradient(self) -> Difference | None:
        """Where gradients part first, going back."""
        return next(reversed(self.of_kind("gradient")), None)

    def text(self) -> str:
        """What is the same, where the two part, and the table."""
        lines = self._words()
        if self.differences:
            lines += ["", text_table(self._table(), _RIGHT)]
        return "\n".join(lines) + "\n"

    def data(self) -> Mapping[str, Any]:
        """The differences, and the first of them."""
        return {
            "matched": self.matched, "tol": self.tol, "differences": self.differences,
            "first value": self.first_value and self.first_value.name,
            "first gradient": self.first_gradient and self.first_gradient.name,
        }  # fmt: skip

    def dot(self) -> str:
        """The same drawing as Graphviz source. Raises ValueError above 60 nodes."""
        return paint_dot(self._overlaid(), theme=self.theme)

    def svg(self) -> str:
        """The graph of a, where values differ with both of them.

        Raises ValueError above 60 nodes.
        """
        return paint_svg(self._overlaid(), theme=self.theme)

    def _overlaid(self) -> Picture:
        if self.picture is None:
            raise ValueError(
                f"diff() draws graphs of up to {_DRAWN} nodes; the table has them all: text, html "
                "and json"
            )
        return self.picture

    def body(self) -> str:
        """The words, the table, and the drawing where it is small."""
        parts = [f"<p>{escape(line)}</p>\n" for line in self._words()]
        if self.differences:
            parts.append(html_table(self._table(), _RIGHT))
        if self.picture is not None and self.of_kind("value"):
            parts.append(f"<figure>\n{self.svg()}</figure>\n")
        return f'<div class="cr-report">\n{"".join(parts)}</div>\n'

    def _words(self) -> list[str]:
        same = f"{format_count(self.matched)} nodes are in both"
        if not self.differences:
            return [f"{same}; nothing differs by more than {format_number(self.tol)}"]
        counts = {kind: len(self.of_kind(kind)) for kind in get_args(Kind)}
        said = ", ".join(f"{kind}: {count}" for kind, count in counts.items() if count)
        lines = [f"{same}; {said}"]
        value, gradient = self.first_value, self.first_gradient
        if value is not None:
            lines.append(f"values part first at {value.name} ({value.made_by}): {_gap(value)}")
            if self.inputs_agree:
                lines.append("  what it is computed from agrees: the operation is the difference")
        if gradient is not None:
            lines.append(
                f"gradients part first, going back, at {gradient.name} ({gradient.made_by}): "
                f"{_gap(gradient)}"
            )
        return lines

    def _table(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [
            (d.kind, d.name, d.made_by, d.a, d.b, "" if d.gap is None else format_number(d.gap))
            for d in self.differences[:_ROWS]
        ]
        table = [("differs", "node", "made by", "a", "b", "largest gap"), *rows]
        if len(self.differences) > _ROWS:
            table.append((f"{len(self.differences) - _ROWS} more", "", "", "", "", ""))
        return table


def diff(
    a: Any,
    b: Any,
    *inputs: Any,
    tol: float = 1e-5,
    names: Names = None,
    theme: ThemeName | None = None,
) -> Diff:
    """Compare two graphs, or two runs: nodes added, removed, and changed; the first that parts.

    a and b are tensors; or models, functions or captured Graphs, which are run on the same
    `inputs` and random numbers. Nodes are matched by module path, then by operation and order.
    Numbers differ when |a − b| > tol·(1 + |b|) for some element; nan is equal to nan. Raises
    ValueError for tol < 0.

    >>> import chainrule as cr
    >>> x = cr.tensor(2.0, requires_grad=True)
    >>> report = cr.viz.diff(lambda x: (x * 3).sin(), lambda x: (x * 4).sin(), x, names={"x": x})
    >>> print("\\n".join(report.text().splitlines()[:3]))
    3 nodes are in both; operation: 1, value: 2, gradient: 2
    values part first at v1 (x·3): 6 and 8
      what it is computed from agrees: the operation is the difference
    """
    find_theme(theme)
    if not tol >= 0:
        raise ValueError(f"tol is 0 or more, got {tol}")
    first, second = (_traced(y, inputs, names) for y in (a, b))
    pairs = align(_shown(first), _shown(second), [_leaves(first), _leaves(second)])
    with np.errstate(all="ignore"):
        found = tuple(_differences(first, second, pairs, tol))
    value = next((d for d in found if d.kind == "value"), None)
    agree = value is not None and _inputs_agree(first, value, found)
    matched = sum(node in first.keys for node in pairs)
    picture = _overlaid(first, second, found)
    return Diff(found, matched, tol, picture, inputs_agree=agree, theme=theme)


def _traced(y: Any, inputs: tuple[Any, ...], names: Names) -> Traced:
    if isinstance(y, Tensor):
        return trace((y,), names=names, fold_constants=False)
    with unchanged(y), enable_grad(), watch():
        tensor, named = result_of(y, inputs, names, "diff")
    return trace((tensor,), names=named, fold_constants=False)


def _shown(traced: Traced) -> list[Any]:
    return [node for node in traced.order if node in traced.keys]


def _leaves(traced: Traced) -> dict[str, Any]:
    """Leaves by name, those with a name of their own."""
    nodes = traced.picture.by_key()
    return {
        nodes[key].name: node
        for node, key in traced.keys.items()
        if node.plan is None and not nodes[key].auto_name
    }


def _differences(
    first: Traced, second: Traced, pairs: dict[Any, Any], tol: float
) -> Iterator[Difference]:
    """All differences in the order of the first graph; what only the second has comes last."""
    nodes, others = first.picture.by_key(), second.picture.by_key()
    for node in _shown(first):
        mine = nodes[first.keys[node]]
        if node not in pairs:
            if mine.kind != "constant":
                yield Difference("removed", mine.name, _made_by(mine), "there", "—", mine.key)
            continue
        other = pairs[node]
        theirs = others[second.keys[other]]
        start = (mine.name, _made_by(mine))
        keys = (mine.key, theirs.key)
        for kind, left, right in _facts(node, other, mine, theirs):
            yield Difference(kind, *start, left, right, *keys)
        for quantity in _NUMBERS:
            data = _data(quantity, first, node), _data(quantity, second, other)
            yield from _number(quantity, data, (mine, theirs), tol)
    taken = set(pairs.values())
    for node in _shown(second):
        theirs = others[second.keys[node]]
        if node not in taken and theirs.kind != "constant":
            yield Difference("added", theirs.name, _made_by(theirs), "—", "there", None, theirs.key)


def _facts(node: Any, other: Any, mine: Node, theirs: Node) -> Iterator[tuple[Kind, str, str]]:
    """What differs before any number is looked at."""
    if node.plan is not None and _setting(node) != _setting(other):
        yield "operation", mine.expression or mine.op, theirs.expression or theirs.op
    if tuple(node.shape) != tuple(other.shape):
        yield "shape", format_shape(node.shape), format_shape(other.shape)
    if node.dtype != other.dtype:
        yield "dtype", str(node.dtype), str(other.dtype)


def _setting(node: Any) -> str:
    """An operation's parameters and plain numbers."""
    made = node.operands()[0] if is_output(node) else node
    numbers = [None if hasattr(o, "serial") else o for o in made.operands()]
    plain = [p for p in made.params if not isinstance(p, (np.ndarray, Tensor))]
    return _ADDRESS.sub("", repr((plain, numbers)))


def _data(kind: str, traced: Traced, node: Any) -> Any:
    return traced.values.found.get(node) if kind == "value" else traced.grads.get(node)


def _number(
    kind: Kind, data: tuple[Any, Any], nodes: tuple[Node, Node], tol: float
) -> Iterator[Difference]:
    """The difference of two values, or of two gradients, where there is one."""
    (a, b), (mine, theirs) = data, nodes
    shown = (mine.value, theirs.value) if kind == "value" else (mine.grad, theirs.grad)
    if kind == "gradient" and mine.kind == theirs.kind == "constant":
        return
    if a is UNKNOWN or b is UNKNOWN or (a is None and b is None):
        return
    keys = (mine.key, theirs.key)
    start = (mine.name, _made_by(mine))
    if a is None or b is None:
        if kind == "gradient":
            left, right = map(quantity_text, shown)
            yield Difference(kind, *start, left, right, *keys)
        return
    x, y = np.asarray(a), np.asarray(b)
    if x.shape != y.shape:
        return  # that is said already
    gap = _largest(x, y, tol)
    if gap is None:
        return
    left, right = map(quantity_text, shown)
    if not x.shape and x.dtype.kind in "fiub" and y.dtype.kind in "fiub":
        left, right = format_pair(float(x), float(y))
    yield Difference(kind, *start, left, right, *keys, gap)


def _largest(a: Any, b: Any, tol: float) -> float | None:
    """The largest |a − b|, where some element differs by more than allowed; else None."""
    wide = np.complex128 if "c" in (a.dtype.kind, b.dtype.kind) else np.float64
    a, b = a.astype(wide), b.astype(wide)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    gap = np.where(same, 0.0, np.abs(a - b))
    if not np.any(~same & (~(gap <= tol * (1 + np.abs(b))) | np.isinf(gap))):
        return None
    return float(np.max(gap))


def _inputs_agree(first: Traced, value: Difference, found: Sequence[Difference]) -> bool:
    """Whether all that goes into the first node that parts is the same on both sides."""
    bad = {d.node for d in found if d.kind in {"value", "shape", "removed"}}
    sources = [edge.source for edge in first.picture.edges if edge.target == value.node]
    numbers = {n.key for n in first.picture.nodes if n.kind == "constant"}
    return bool(set(sources) - numbers) and not any(source in bad for source in sources)


def _overlaid(first: Traced, second: Traced, found: Sequence[Difference]) -> Picture | None:
    """The graph of a with both values where they differ."""
    if len(first.picture.nodes) > _DRAWN:
        return None
    others = second.picture.by_key()
    parted = {d.node: d.other for d in found if d.kind in {"value", "shape"}}
    notes = {d.node: d for d in found if d.kind == "removed"}

    def turned(node: Node) -> Node:
        if node.key in notes:
            return replace(node, value=Absent.NO_ROUTE, grad=Absent.NO_ROUTE, notes=("not in b",))
        other = parted.get(node.key)
        grad = node.value if other is None else others[other].value
        return replace(node, grad=grad, notes=())

    nodes = tuple(map(turned, first.picture.nodes))
    return replace(first.picture, nodes=nodes, overlay=_OVERLAY, show=("value", "grad"))


def _made_by(node: Node) -> str:
    return node.expression or node.op or node.kind


def _gap(difference: Difference) -> str:
    said = f"{difference.a} and {difference.b}"
    if difference.gap is None or ("±" not in said and "[" not in said):
        return said
    return f"{said}, largest difference {format_number(difference.gap)}"
