"""`flow`: is the gradient healthy, layer by layer, now and over training?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..autograd import Graph, Tensor, enable_grad, grad
from .captured import results_of
from .flow_graph import step_of
from .flow_paint import paint_flow
from .flow_record import FlowHistory, FlowStep, Layer, Weight
from .forward_run import tensors_in, unchanged
from .naming import Names
from .numbers import format_number
from .report import Report
from .theme import ThemeName

FALL = 10.0  # the gradient of one layer over that of the one before it: worth a mark


@dataclass(frozen=True, slots=True)
class FlowRow:
    """A layer, or one of its parameters (`level` 1): sizes are root mean squares.

    `fall` is how many times smaller the gradient is than in the layer after, where that is 10 or
    more; the `…_course` are the same numbers over the steps of a history.
    """

    name: str
    kind: str
    level: int
    size: float | None
    gradient: float | None
    update: float | None = None
    saturated: float | None = None
    dead: float | None = None
    fall: float | None = None
    gradient_course: tuple[float | None, ...] = ()
    update_course: tuple[float | None, ...] = ()


class Flow(Report):
    """The chart of a step; `rows` are its numbers."""

    _said = "flow is a chart of layers"

    def __init__(
        self, rows: tuple[FlowRow, ...], title: str, steps: int, advice: tuple[str, ...],
        theme: str | None,
    ) -> None:  # fmt: skip
        super().__init__(theme=theme)
        self.rows, self.heading, self.steps, self.advice = rows, title, steps, advice

    def text(self) -> str:
        """The numbers as a table, then what strikes the eye."""
        heads = ["layer", "size", "gradient", "update/size", "saturated", "dead", ""]
        table = [heads]
        for row in self.rows:
            name = "  " * row.level + row.name + (f" ({row.kind})" if row.kind else "")
            numbers = [_number(v) for v in (row.size, row.gradient, row.update)]
            shares = [_share(v) for v in (row.saturated, row.dead)]
            table.append([name, *numbers, *shares, _fall(row)])
        widths = [max(len(line[k]) for line in table) for k in range(len(heads))]
        lines = [
            "   ".join(
                cell.ljust(w) if k in {0, 6} else cell.rjust(w)
                for k, (cell, w) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in table
        ]
        below = ["", *self.advice] if self.advice else []
        return "\n".join([self.heading, "", *lines, *below]) + "\n"

    def data(self) -> Mapping[str, Any]:
        """The rows, their courses over the steps too."""
        return {
            "title": self.heading, "steps": self.steps, "rows": self.rows, "advice": self.advice
        }  # fmt: skip

    def svg(self) -> str:
        """The chart: one row a layer, all bars on one logarithmic axis."""
        return paint_flow(self.rows, self.heading, self.advice, self.text(), self.theme)

    def body(self) -> str:
        """The chart, and the same as text."""
        return f'<div class="cr-report">\n<figure>\n{self.svg()}</figure>\n</div>\n'


def flow(
    model: Any,
    *batch: Any,
    loss_fn: Callable[..., Any] | None = None,
    lr: float = 0.0,
    history: FlowHistory | None = None,
    names: Names = None,
    theme: ThemeName | None = None,
) -> Flow:
    """How large activations, gradients and updates are in each layer, on one logarithmic axis.

    With a batch, one forward and backward pass is run: `loss_fn(model(x), *rest)` for
    `flow(model, x, *rest)`, or the sum of the results; `.grad` and buffers stay as they are, and
    `lr` gives the update ratio of plain gradient descent, lr·|gradient|/|parameter|. A `history`
    shows the last step of a training run, with sparklines; without both, the parameters' `.grad`.
    Of a Tensor, or a captured Graph with its inputs, the history is shown, operation by operation.
    Raises ValueError when a history holds no step, TypeError for what is none of these.

    >>> import chainrule as cr
    >>> model = cr.nn.Sequential(cr.nn.Linear(1, 1, bias=False), cr.nn.Tanh())
    >>> model[0].weight.data.fill_(9.0)
    tensor([[9.]])
    >>> report = cr.viz.flow(model, cr.ones(4, 1))
    >>> [(row.name, row.saturated) for row in report.rows]
    [('0', None), ('weight', None), ('1', 1.0)]
    """
    steps, heading = _steps(model, batch, loss_fn, lr, history, names)
    rows = _rows(steps)
    return Flow(rows, heading, len(steps), _advice(rows), theme)


def _steps(
    model: Any,
    batch: tuple[Any, ...],
    loss_fn: Callable[..., Any] | None,
    lr: float,
    history: FlowHistory | None,
    names: Names,
) -> tuple[list[FlowStep], str]:
    """What the rows are made of, and the chart's title."""
    title = type(model).__name__
    if history is not None:
        if not history.steps:
            raise ValueError("flow(): the history holds no step; train inside `with history:`")
        done = len(history.steps) * history.every
        return history.steps, f"{title}: step {done} of training"
    if isinstance(model, (Tensor, Graph)):
        if isinstance(model, Tensor) and batch:
            raise TypeError("flow(y) takes one tensor; a batch is for a model or a captured Graph")
        with enable_grad():
            results, names = results_of(model, batch, names, "flow")
        step, said = step_of(results, names)
        return [step], said
    if not hasattr(model, "named_parameters"):
        raise TypeError(
            "flow() takes a module, alone or with a batch, a Tensor, or a captured Graph with its "
            f"inputs, got {title}"
        )
    if batch:
        return [_one_step(model, batch, loss_fn, lr)], f"{title}: one step"
    probe = FlowHistory(model)
    probe.finish(lr=lr)
    return probe.steps, f"{title}: gradients as they stand in .grad"


def _one_step(
    model: Any, batch: tuple[Any, ...], loss_fn: Callable[..., Any] | None, lr: float
) -> FlowStep:
    with unchanged(model), FlowHistory(model) as probe:
        result = model(batch[0])
        loss = loss_fn(result, *batch[1:]) if loss_fn is not None else _total(result)
        named = [(path, p) for path, p in model.named_parameters() if p.requires_grad]
        grads = grad(loss, [p for _, p in named], allow_unused=True)
    found = {path: g for (path, _), g in zip(named, grads, strict=True) if g is not None}
    probe.finish(found.items(), lr)
    return probe.steps[0]


def _total(result: Any) -> Any:
    total: Any = 0.0
    for tensor in tensors_in(result):
        if tensor.requires_grad:
            total = total + tensor.sum()
    return total


def _rows(steps: list[FlowStep]) -> tuple[FlowRow, ...]:
    last = steps[-1]
    falls = _falls(list(last.layers.values()))
    rows: list[FlowRow] = []
    placed: set[str] = set()
    for key, layer in last.layers.items():
        course = tuple(s.layers[key].gradient if key in s.layers else None for s in steps)
        rows.append(
            FlowRow(
                key,
                layer.kind,
                0,
                layer.activation,
                layer.gradient,
                saturated=layer.saturated,
                dead=layer.dead,
                fall=falls.get(key),
                gradient_course=course,
            )
        )
        for path, weight in last.weights.items():
            if path not in placed and path.rpartition(".")[0] in {key, ""} and (
                path.startswith(f"{key}.") or ("." not in path and len(last.layers) == 1)
            ):  # fmt: skip
                placed.add(path)
                rows.append(_weight_row(weight, path.rpartition(".")[2], 1, steps))
    for path, weight in last.weights.items():
        if path not in placed:
            rows.append(_weight_row(weight, path, 0, steps))
    return tuple(rows)


def _weight_row(weight: Weight, name: str, level: int, steps: list[FlowStep]) -> FlowRow:
    seen = [step.weights.get(weight.path) for step in steps]
    return FlowRow(
        name, "", level, weight.size, weight.gradient, weight.update,
        gradient_course=tuple(w.gradient if w else None for w in seen),
        update_course=tuple(w.update if w else None for w in seen),
    )  # fmt: skip


def _falls(layers: list[Layer]) -> dict[str, float]:
    """Where the gradient, on its way back, becomes 10 times smaller from one layer to the next."""
    found: dict[str, float] = {}
    known = [layer for layer in layers if layer.gradient is not None]
    for layer, after in pairwise(known):
        now, later = layer.gradient or 0.0, after.gradient or 0.0
        if later > 0 and now * FALL <= later:
            found[layer.path] = later / now if now else float("inf")
    return found


def _advice(rows: tuple[FlowRow, ...]) -> tuple[str, ...]:
    """What a reader should look at first, in words."""
    said = []
    layer = ""
    for row in rows:
        layer = layer if row.level else row.name
        name = f"{layer}.{row.name}" if row.level else row.name
        if row.fall:
            times = "to 0" if row.fall == float("inf") else f"{format_number(row.fall, 2)} times"
            said.append(f"{name}: the gradient falls {times} on its way back into this layer")
        if row.saturated is not None and row.saturated > 0.2:
            said.append(f"{name}: {_share(row.saturated)} saturated, slopes there are near 0")
        if row.dead is not None and row.dead > 0.2:
            said.append(f"{name}: {_share(row.dead)} of the units were 0 for the whole batch")
        if row.update is not None and row.update > 0.1:
            said.append(f"{name}: one step moves it by {_share(row.update)} of its size")
    return tuple(said[:8])


def _number(value: float | None) -> str:
    return "—" if value is None else format_number(value, 3)


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f} %"


def _fall(row: FlowRow) -> str:
    if row.fall is None:
        return ""
    return "▼ to 0" if row.fall == float("inf") else f"▼ {format_number(row.fall, 2)}×"
