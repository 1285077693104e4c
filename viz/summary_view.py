"""`summary`: a model as a table: layers, shapes, parameters, multiply-adds, memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from html import escape
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from ..autograd import Graph, Tensor
from ..autograd.dtypes import dtype as Dtype
from ..autograd.dtypes import float32
from ..autograd.ops.creation import tensor
from .blocks import short_count
from .costs import cost_of
from .forward_run import Call, Run, run_forward
from .numbers import format_count
from .program import homes_by_call
from .report import Report
from .saved_bytes import buffers_of, saved_by
from .summary_graph import count_graph
from .summary_rows import Row, Totals

Column: TypeAlias = Literal[
    "kernel_size", "input_size", "output_size", "num_params", "params_percent", "trainable",
    "mult_adds", "saved",
]  # fmt: skip
_HEADS = {
    "kernel_size": "kernel", "input_size": "input", "output_size": "output",
    "num_params": "parameters", "params_percent": "share", "trainable": "trainable",
    "mult_adds": "multiply-adds", "saved": "saved for backward",
}  # fmt: skip
_DEFAULT: tuple[Column, ...] = ("kernel_size", "output_size", "num_params", "mult_adds", "saved")
_LEFT = {"kernel_size", "input_size", "output_size", "trainable"}


class ModelSummary(Report):
    """The table of a model; `rows` and `totals` hold its numbers."""

    _said = "summary is a table of layers"
    _graph = "viz.graph(model, input) draws them and writes DOT"

    def __init__(
        self, title: str, rows: list[Row], totals: Totals, columns: tuple[Column, ...],
        note: str, theme: str | None,
    ) -> None:  # fmt: skip
        super().__init__(theme=theme)
        self.heading = title
        self.rows, self.totals, self.columns, self.note = rows, totals, columns, note

    def _cells(self, row: Row) -> list[str]:
        values = {
            "kernel_size": _kernel(row.module),
            "input_size": _shapes(row.inputs),
            "output_size": _shapes(row.outputs) if row.called else "not called",
            "num_params": "(counted above)" if row.again else _count(row.parameters),
            "params_percent": _percent(row.parameters, self.totals.parameters, row.again),
            "trainable": _trainable(row.module),
            "mult_adds": _count(row.mult_adds),
            "saved": _bytes(row.saved) if row.saved else "—",
        }
        return [values[column] for column in self.columns]

    def _facts(self) -> list[str]:
        t = self.totals
        frozen = t.parameters - t.trainable
        size = _bytes(t.input_bytes + t.parameter_bytes + t.saved)
        said = [
            f"parameters: {format_count(t.parameters)} ({format_count(t.trainable)} trainable, "
            f"{format_count(frozen)} not)",
            f"multiply-adds: {format_count(t.mult_adds)} ({short_count(t.mult_adds)})",
            f"input {_bytes(t.input_bytes)}, parameters {_bytes(t.parameter_bytes)}, "
            f"results of layers {_bytes(t.output_bytes)}",
            f"kept for backward, as measured: {_bytes(t.saved)} (with input and parameters {size})",
        ]
        return [*said, self.note] if self.note else said

    def text(self) -> str:
        """The table as aligned text, with the totals below."""
        heads = ["layer", *(_HEADS[c] for c in self.columns)]
        names = _tree(self.rows)
        cells = [self._cells(row) for row in self.rows]
        table = [heads] + [[name, *line] for name, line in zip(names, cells, strict=True)]
        widths = [max(len(line[k]) for line in table) for k in range(len(heads))]
        left = [True, *(c in _LEFT for c in self.columns)]
        lines = [
            "   ".join(
                cell.ljust(w) if on_left else cell.rjust(w)
                for cell, w, on_left in zip(line, widths, left, strict=True)
            ).rstrip()
            for line in table
        ]
        rule = "─" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:], rule, *self._facts()]) + "\n"

    def data(self) -> Mapping[str, Any]:
        """Rows and totals; a module is called by its class."""
        rows = [
            {f.name: getattr(row, f.name) for f in fields(row) if f.name != "module"}
            for row in self.rows
        ]
        totals = {f.name: getattr(self.totals, f.name) for f in fields(Totals) if f.name != "rows"}
        return {"model": self.heading, "rows": rows, "totals": totals, "note": self.note}

    def body(self) -> str:
        """The table as HTML."""
        side = ["", *("" if c in _LEFT else ' class="cr-number"' for c in self.columns)]
        heads = ["layer", *(_HEADS[c] for c in self.columns)]
        top = "".join(
            f'<th scope="col"{s}>{escape(h)}</th>' for h, s in zip(heads, side, strict=True)
        )
        lines = []
        for row in self.rows:
            indent = f' style="padding-left:{18 * row.level}px"'
            name = f'{escape(row.name)} <span class="cr-muted">{escape(row.kind)}</span>'
            cells = "".join(
                f"<td{s}>{escape(cell)}</td>"
                for cell, s in zip(self._cells(row), side[1:], strict=True)
            )
            lines.append(f"<tr><td{indent}>{name}</td>{cells}</tr>")
        facts = "".join(f"<li>{escape(fact)}</li>" for fact in self._facts())
        return (
            f'<div class="cr-report"><h1>{escape(self.heading)}</h1>\n<table class="cr-table">'
            f"<thead><tr>{top}</tr></thead>\n<tbody>\n{chr(10).join(lines)}\n</tbody></table>\n"
            f'<ul class="cr-facts">{facts}</ul></div>\n'
        )


def summary(
    model: Any,
    input: Any = None,
    *,
    input_size: Sequence[Any] | None = None,
    dtype: Dtype | None = None,
    depth: int = 3,
    col_names: Iterable[Column] = _DEFAULT,
    theme: str | None = None,
    **options: Any,
) -> ModelSummary:
    """A table of a model's layers, from one forward pass on `input` (a tensor or a tuple of them).

    `input_size` makes tensors of zeros instead (one shape or several, batch included); `options` go
    to `forward`. "saved for backward" is measured: bytes of the arrays that the recorded graph
    keeps, parameters apart, each buffer where it is first kept. Of a Tensor or a captured Graph
    (its `input` is zeros unless given) the rows are operations. Raises ValueError for unknown
    columns or a missing input, RuntimeError where the forward pass fails.

    >>> import chainrule as cr
    >>> model = cr.nn.Sequential(cr.nn.Linear(4, 8), cr.nn.Tanh())
    >>> print(cr.viz.summary(model, input_size=(2, 4), col_names=["output_size", "saved"]).text())
    layer           output   saved for backward
    ───────────────────────────────────────────
    Sequential      2×8                       —
    ├─ 0 (Linear)   2×8                    32 B
    └─ 1 (Tanh)     2×8                    64 B
    ───────────────────────────────────────────
    parameters: 40 (40 trainable, 0 not)
    multiply-adds: 64 (64)
    input 32 B, parameters 160 B, results of layers 128 B
    kept for backward, as measured: 96 B (with input and parameters 288 B)
    <BLANKLINE>
    """
    columns = tuple(col_names)
    if unknown := [c for c in columns if c not in get_args(Column)]:
        raise ValueError(f"col_names knows {', '.join(get_args(Column))}; got {unknown[0]!r}")
    if depth < 0:
        raise ValueError(f"depth is 0 (the model alone) or more, got {depth}")
    if isinstance(model, (Tensor, Graph)):
        given = () if input is None else input if isinstance(input, (tuple, list)) else (input,)
        title, rows, totals = count_graph(model, tuple(given))
        return ModelSummary(title, rows, totals, columns, "", theme)
    if not hasattr(model, "named_modules"):
        raise TypeError(
            "summary() takes a module with its input, a Tensor, or a captured Graph, got "
            f"{type(model).__name__}"
        )
    inputs = _inputs(model, input, input_size, dtype)
    run = run_forward(model, inputs, options, see_through=False)
    if run.failure is not None:
        raise RuntimeError(
            f"summary(): the forward pass stopped at {run.failure.op}: {run.failure.sentence}. "
            "viz.graph(model, input) draws what there is up to there"
        )
    rows, totals = _count_all(model, run, inputs, depth)
    note = "" if any(n.requires_grad for n in run.roots) else (
        "nothing requires grad here, so nothing is kept for backward"
    )  # fmt: skip
    return ModelSummary(type(model).__name__, rows, totals, columns, note, theme)


def _inputs(
    model: Any, given: Any, sizes: Sequence[Any] | None, dtype: Dtype | None
) -> tuple[Any, ...]:
    if given is not None and sizes is not None:
        raise ValueError("summary() takes an input or input_size, not both")
    if given is not None:
        return tuple(given) if isinstance(given, (tuple, list)) else (given,)
    if sizes is None:
        raise ValueError("summary() needs an input, or input_size=(batch, ...)")
    shapes = [sizes] if all(isinstance(n, int) for n in sizes) else list(sizes)
    kinds = [p.dtype for p in model.parameters() if p.dtype.is_floating_point]
    dtype = dtype or (kinds[0] if kinds else None)
    return tuple(tensor(np.zeros(shape), dtype=dtype or float32) for shape in shapes)


def _count_all(model: Any, run: Run, inputs: Sequence[Any], depth: int) -> tuple[list[Row], Totals]:
    levels: dict[int, int] = {}
    for call in run.calls:
        levels[call.index] = 0 if call.parent is None else levels[call.parent] + 1
    shown = {call.index for call in run.calls if levels[call.index] <= depth}
    rows = {call.index: _row(call, run.calls, levels, shown) for call in run.calls}
    nodes = [n for n in run.order if n.plan is not None]
    homes = homes_by_call((n.serial for n in nodes), run.calls)
    parts = [*model.parameters(), *model.buffers()]
    kept = saved_by(nodes, buffers_of(parts))
    totals = Totals(saved=sum(kept.values()))
    for node in nodes:
        shapes = [tuple(getattr(o, "shape", ())) for o in node.operands()]
        several = node.plan.op.several and node.value
        out = tuple(node.value[0][0] if several else node.shape)
        params = dict(zip(node.plan.op.params, node.params, strict=False))
        cost = cost_of(node.plan.op.name, shapes, out, params).multiply_adds
        totals.mult_adds += cost
        at = homes.get(node.serial)
        while at is not None and at not in shown:
            at = run.calls[at].parent
        if at is not None:
            rows[at].mult_adds += cost
            rows[at].saved += kept.get(node, 0)
    seen: set[int] = set()
    for call in run.calls:
        if call.index in shown:
            _own_parameters(rows[call.index], call, run.calls, levels, depth, seen)
    every = {id(p): p for p in model.parameters()}.values()
    totals.parameters = sum(p.numel() for p in every)
    totals.trainable = sum(p.numel() for p in every if p.requires_grad)
    totals.parameter_bytes = sum(p.numel() * p.element_size() for p in every)
    totals.input_bytes = sum(t.numel() * t.element_size() for t in inputs if isinstance(t, Tensor))
    parents = {call.parent for call in run.calls}
    leaves = [call for call in run.calls if call.index not in parents]
    totals.output_bytes = sum(
        int(np.prod(n.shape)) * n.dtype.itemsize for call in leaves for n in call.results
    )
    table = _with_uncalled(model, [rows[k] for k in sorted(shown)], run.calls, depth)
    totals.rows = table
    return table, totals


def _row(call: Call, calls: Sequence[Call], levels: dict[int, int], shown: set[int]) -> Row:
    outer = calls[call.parent].path if call.parent is not None else ""
    name = call.path.removeprefix(outer + ".") if outer else call.path
    kind = type(call.module).__name__
    return Row(name or kind, kind if name else "", levels[call.index], call.module, call.inputs,
               call.outputs)  # fmt: skip


def _own_parameters(
    row: Row,
    call: Call,
    calls: Sequence[Call],
    levels: dict[int, int],
    depth: int,
    seen: set[int],
) -> None:
    """The parameters that no row below counts, each where it is first met."""
    module = call.module
    row.again = id(module) in seen
    seen.add(id(module))
    direct = levels[call.index] < depth and any(other.parent == call.index for other in calls)
    fresh = [p for p in module.parameters(recurse=not direct) if id(p) not in seen]
    seen.update(map(id, fresh))
    row.parameters = sum(p.numel() for p in fresh)


def _with_uncalled(model: Any, rows: list[Row], calls: Sequence[Call], depth: int) -> list[Row]:
    """Rows for modules that forward never called, at the end."""
    called = {id(call.module) for call in calls}
    extra = []
    for path, module in model.named_modules():
        above = path.rpartition(".")[0]
        parts = path.count(".") + 1
        outer = model.get_submodule(above) if above else model
        if path and id(module) not in called and parts <= depth and (
            id(outer) in called or outer is model
        ) and type(module).__name__ not in {"ModuleList", "ModuleDict"}:  # fmt: skip
            row = Row(path, type(module).__name__, 1, module, called=False)
            row.parameters = sum(p.numel() for p in module.parameters())
            extra.append(row)
    return rows + extra


def _tree(rows: Sequence[Row]) -> list[str]:
    """The rows' names with branches before them: ├─ where another one of its level follows."""
    labels, going_on = [], set[int]()
    for row in reversed(rows):
        label = f"{row.name} ({row.kind})" if row.kind else row.name
        if row.level:
            stems = ["│  " if level in going_on else "   " for level in range(1, row.level)]
            label = f"{''.join(stems)}{'├─' if row.level in going_on else '└─'} {label}"
        labels.append(label)
        going_on = {level for level in going_on if level < row.level} | {row.level}
    return labels[::-1]


def _shapes(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join("×".join(map(str, s)) if s else "scalar" for s in shapes) or "—"


def _kernel(module: Any) -> str:
    size = getattr(module, "kernel_size", None)
    if size is None:
        return "—"
    return "×".join(map(str, size)) if isinstance(size, (tuple, list)) else str(size)


def _trainable(module: Any) -> str:
    if not hasattr(module, "parameters"):
        return "—"
    flags = {p.requires_grad for p in module.parameters()}
    return "—" if not flags else "partly" if len(flags) == 2 else "yes" if True in flags else "no"


def _percent(part: int, whole: int, again: bool) -> str:
    return f"{100 * part / whole:.1f} %" if part and whole and not again else "—"


def _count(number: int) -> str:
    return format_count(number) if number else "—"


def _bytes(count: int) -> str:
    """Bytes in powers of 1000, as torchinfo's MB: 32 B, 1.2 MB."""
    for size, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count} B"
