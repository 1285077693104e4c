"""`profile`: where the time goes, by operation, line and module, and on the drawing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter_ns
from typing import Any, Literal, get_args

import numpy as np

from ..autograd import Graph, Tensor, grad
from ..autograd.graph import Leaf, ancestors, is_output
from ..autograd.handle import Handle, make, scalar_of, variable
from ..autograd.op import Op
from ..autograd.profiling import Event, Recorder
from .captured import result_of, results_of
from .dot import paint_dot
from .forward_run import unchanged
from .local import trace
from .model import Absent, Node, Overlay, Picture
from .naming import Names
from .numbers import format_count, format_number
from .report import Report
from .svg import paint_svg
from .tables import Bar, bar_chart, html_table, short_line, text_table
from .theme import ThemeName, find_theme

By = Literal["op", "line", "module"]
_ROWS = 20
_DRAWN = 60  # nodes of a drawing that carries the times
_RIGHT = (False, True, True, True, True, True, True)
_UNKNOWN = {"op": "?", "line": "outside of the user's lines", "module": "outside of modules"}
_BETWEEN = "between operations: Python, the walk back, and the clock itself"
_OVERLAY = Overlay("forward time", "backward time", "→", "←", " µs")


@dataclass(frozen=True, slots=True)
class Cost:
    """One operation that ran: its own nanoseconds, without those of operations inside it."""

    op: str
    line: str
    module: str
    backward: bool
    ns: int
    flops: int = 0


class Profile(Report):
    """Times of one run; `print` the table, show it in a notebook, or `save` it.

    `costs` lists what ran in order, `wall` is the whole time in nanoseconds.
    """

    heading = "Profile"
    _said = "profile is a table of times"

    def __init__(
        self,
        costs: tuple[Cost, ...],
        wall: int,
        by: By = "op",
        picture: Picture | None = None,
        theme: str | None = None,
    ) -> None:
        super().__init__(theme=theme)
        self.costs, self.wall, self.by, self.picture = costs, wall, by, picture

    @property
    def python(self) -> int:
        """Nanoseconds between operations: the user's Python, the walk, the clock itself."""
        return self.wall - sum(cost.ns for cost in self.costs)

    def rows(self, by: By | None = None) -> list[tuple[str, int, int, int, int]]:
        """(who, calls, forward ns, backward ns, flops), the longest first."""
        by = by or self.by
        groups: dict[str, list[Cost]] = {}
        for cost in self.costs:
            groups.setdefault(getattr(cost, by) or _UNKNOWN[by], []).append(cost)
        found = [
            (
                who,
                sum(not cost.backward for cost in mine),
                sum(cost.ns for cost in mine if not cost.backward),
                sum(cost.ns for cost in mine if cost.backward),
                sum(cost.flops for cost in mine),
            )
            for who, mine in groups.items()
        ]
        return sorted(found, key=lambda row: -(row[2] + row[3]))

    def text(self) -> str:
        """The sum and the table."""
        return f"{self._title()}\n\n{text_table(self._table(), _RIGHT)}\n\n{_BETWEEN}\n"

    def data(self) -> Mapping[str, Any]:
        """What ran, in order, in nanoseconds."""
        costs = [replace(cost, line=short_line(cost.line)) for cost in self.costs]
        return {"by": self.by, "wall": self.wall, "between": self.python, "costs": costs}

    def dot(self) -> str:
        """The drawing with the times on it, as Graphviz source. Raises as `drawing` does."""
        return paint_dot(self._overlaid(), theme=self.theme)

    def svg(self) -> str:
        """Bars of the table: forward, then backward."""
        bars = [
            Bar(short_line(who), forward, time_text(forward + back), back)
            for who, _, forward, back, _ in self.rows()[:_ROWS]
        ]
        bars.append(Bar("between operations", self.python, time_text(self.python)))
        legend = [("bar", "forward")]
        if any(cost.backward for cost in self.costs):
            legend.append(("more", "backward, behind it"))
        return bar_chart(self._title(), bars, self.text(), self.theme, legend=legend)

    def drawing(self) -> str:
        """The graph with the times on it, as SVG.

        Raises ValueError where there is none: no recorded result, or more than 60 nodes.
        """
        return paint_svg(self._overlaid(), theme=self.theme)

    def _overlaid(self) -> Picture:
        if self.picture is None:
            raise ValueError(
                f"profile(): there is no drawing: nothing was recorded, or it has more than "
                f"{_DRAWN} nodes. The table has all times: text, svg, html, json, png and pdf"
            )
        return self.picture

    def body(self) -> str:
        """The chart, the table, and the drawing where it is small."""
        figure = "<figure>\n{}</figure>\n"
        note = f'<p class="cr-muted">{_BETWEEN}</p>\n'
        parts = [figure.format(self.svg()), html_table(self._table(), _RIGHT), note]
        if self.picture is not None:
            parts.append(figure.format(self.drawing()))
        return f'<div class="cr-report">\n{"".join(parts)}</div>\n'

    def _title(self) -> str:
        calls = sum(not cost.backward for cost in self.costs)
        words = "1 operation" if calls == 1 else f"{format_count(calls)} operations"
        return f"{time_text(self.wall)} for {words}"

    def _table(self) -> list[tuple[str, ...]]:
        whole = self.wall or 1
        rows = self.rows()
        table: list[tuple[str, ...]] = [
            (self.by, "calls", "forward", "backward", "together", "share", "flops")
        ]
        table += [_cells(row, whole) for row in rows[:_ROWS]]
        if rest := rows[_ROWS:]:
            columns = list(zip(*[row[1:] for row in rest], strict=True))
            table.append(_cells((f"{len(rest)} more", *map(sum, columns)), whole))
        share = f"{format_number(100 * self.python / whole, 3)} %"
        table.append(("between operations", "", "", "", time_text(self.python), share, ""))
        return table


def profile(
    f: Any,
    *args: Any,
    by: By = "op",
    backward: bool = True,
    warmup: int = 1,
    names: Names = None,
    theme: ThemeName | None = None,
) -> Profile:
    """Time f(*args), and the gradient of its result: by operation, line and module.

    A captured Graph runs on its inputs, a Tensor's history runs again. f runs `warmup` times before
    it is timed; a model's buffers and the random numbers are put back. Times are each operation's
    own; the gradient is that of the sum of the result's elements, leaves every `.grad` alone, and
    is left out where f went backward itself or with `backward=False`. Up to 60 nodes the drawing
    carries the times.

    >>> import chainrule as cr
    >>> x = cr.ones(3, requires_grad=True)
    >>> report = cr.viz.profile(lambda x: (x.exp() * 2).sum(), x)
    >>> sorted(row[:2] for row in report.rows())
    [('exp', 1), ('mul', 1), ('sum', 1)]
    >>> sum(row[2] + row[3] for row in report.rows()) + report.python == report.wall
    True
    """
    find_theme(theme)
    if by not in get_args(By):
        raise ValueError(f"by= is one of {', '.join(get_args(By))}; got {by!r}")
    f, args = _called(f, args)
    if not callable(f):
        raise TypeError(
            "profile() takes a function or model to call, a captured Graph or a Tensor, got "
            f"{type(f).__name__}"
        )
    recorder = _Clock()
    with unchanged(f):
        for _ in range(warmup):
            _run(f, args, backward)
        recorder.enter()
        start = perf_counter_ns()
        try:
            result = _run(f, args, backward)
        finally:
            wall = perf_counter_ns() - start
            recorder.leave()
    costs = tuple(recorder.cost(e) for e in recorder.events if e.kind != "user_annotation")
    return Profile(costs, wall, by, _drawn(result, recorder, names), theme)


def _called(f: Any, args: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """A captured program, or the history of a tensor, as a function that runs it again."""
    if isinstance(f, Tensor):
        if f._node is None or f._node.plan is None:
            raise RuntimeError(
                "profile(): nothing was recorded for this tensor, so it cannot be computed again: "
                "set requires_grad=True on an input, or give a function with its arguments"
            )
        return _called(Graph.of(f), args)
    if isinstance(f, Graph):
        results_of(f, args, {}, "profile")  # inputs that do not fit are refused before the clock
        return (lambda *inputs: result_of(f, inputs, {}, "profile")[0]), args
    return f, args


def _run(f: Callable[..., Any], args: tuple[Any, ...], backward: bool) -> Any:
    result = f(*args)
    if backward and isinstance(result, Tensor) and result.requires_grad:
        order = ancestors([result._node])
        freed = any(node.plan is not None and node.saved is None for node in order)
        leaves = [variable(n) for n in order if type(n) is Leaf and n.requires_grad]
        if leaves and not freed:
            ones = make(scalar_of(np.ones(tuple(result.shape), result.dtype.np)[()]))
            grad([result], leaves, [ones], retain_graph=True)
    return result


class _Clock(Recorder):
    """A recorder that knows which node each event belongs to, forward and backward."""

    def __init__(self) -> None:
        super().__init__(stack=True, modules=True, flops=True)
        self.made: dict[Any, Event] = {}  # the forward event of a node
        self.back: dict[Any, list[Event]] = {}

    def call(self, op: Op, inputs: Sequence[Any], params: tuple[Any, ...]) -> Any:
        if any(event.kind == "backward" for event in self.open):
            return self.proceed(op, inputs, params)  # part of the rule that calls it
        at = len(self.events)
        out = super().call(op, inputs, params)
        for part in out if isinstance(out, tuple) else (out,):
            node = part._node if isinstance(part, Handle) else None
            if node is not None and node.plan is not None:
                self.made[node] = self.events[at]
                if is_output(node):
                    self.made[node.operands()[0]] = self.events[at]
        return out

    def timed(self, node: Any, plan: Any) -> Any:
        return _TimedBackward(self, node, plan)

    def cost(self, event: Event) -> Cost:
        """An event as plain data."""
        place = (event.line or "", event.module or "")
        return Cost(event.name, *place, event.kind == "backward", event.own, event.flops)


class _TimedBackward:
    """A node's plan whose backward is timed, under the line and module of its forward."""

    __slots__ = ("clock", "node", "plan")

    def __init__(self, clock: _Clock, node: Any, plan: Any) -> None:
        self.clock, self.node, self.plan = clock, node, plan

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plan, name)

    def backward(self, g: Any, saved: Any) -> Any:
        """The plan's backward."""
        event = self.clock.begin(self.node.plan.op.name, "backward")
        origin = self.clock.made.get(self.node)
        if origin is not None:
            event.line, event.module = origin.line, origin.module
        self.clock.back.setdefault(self.node, []).append(event)
        try:
            return self.plan.backward(g, saved)
        finally:
            self.clock.end(event)


def _drawn(result: Any, clock: _Clock, names: Names) -> Picture | None:
    """The graph of the result with times in place of values and gradients, where it is small."""
    if not isinstance(result, Tensor) or result._node is None or result._node.plan is None:
        return None
    if len(ancestors([result._node])) > _DRAWN:
        return None
    traced = trace((result,), names=names)
    of_key = {key: node for node, key in traced.keys.items()}

    def turned(node: Node) -> Node:
        engine = of_key.get(node.key)
        event, back = clock.made.get(engine), clock.back.get(engine, [])
        forward = event.own / 1000 if event is not None else Absent.NOT_COMPUTED
        gone = sum(e.own for e in back) / 1000 if back else Absent.NOT_COMPUTED
        return replace(node, value=forward, grad=gone, notes=())

    nodes = tuple(turned(n) if n.kind != "constant" else n for n in traced.picture.nodes)
    title = f"{traced.picture.title}: own time"
    return replace(
        traced.picture, nodes=nodes, title=title, overlay=_OVERLAY, precision=3,
        show=("value", "grad"),
    )  # fmt: skip


def _cells(row: tuple[Any, ...], whole: int) -> tuple[str, ...]:
    who, calls, forward, back, flops = row
    share = f"{format_number(100 * (forward + back) / whole, 3)} %"
    together = time_text(forward + back)
    gone = time_text(back) if back else ""
    flop = format_count(flops) if flops else ""
    ahead = time_text(forward) if calls else ""
    return (short_line(who), str(calls), ahead, gone, together, share, flop)


def time_text(ns: int) -> str:
    """Nanoseconds for a reader, three digits: 12.3 µs, 1.25 ms.

    >>> time_text(12_340), time_text(1_250_000)
    ('12.3 µs', '1.25 ms')
    """
    for size, unit in ((10**9, "s"), (10**6, "ms"), (10**3, "µs")):
        if abs(ns) >= size:
            return f"{format_number(ns / size, 3)} {unit}"
    return f"{ns} ns"
