"""What a profile found: events, their sums by name, the table, and the trace for a browser."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Sequence
from typing import Any

from ..autograd.profiling import Event

US = 1000.0  # nanoseconds in a microsecond, the unit of PyTorch's numbers


class FunctionEventAvg:
    """All events of one name (and shape, and source line, where asked for); times in µs.

    ``count``, ``cpu_time_total``, ``self_cpu_time_total``, ``cpu_time`` (a call),
    ``cpu_memory_usage``, ``self_cpu_memory_usage`` (bytes), ``input_shapes``, ``stack``, ``flops``.
    """

    is_async = is_remote = False
    device_time_total = self_device_time_total = device_time = 0.0

    def __init__(self, first: Event) -> None:
        self.key, self.input_shapes = first.name, first.shapes
        self.stack = [first.line] if first.line else []
        self.is_user_annotation = first.kind == "user_annotation"
        self.count = self.cpu_memory_usage = self.self_cpu_memory_usage = self.flops = 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.top_level = first.depth == 0

    def add(self, event: Event) -> None:
        """Count one more event."""
        self.count += 1
        self.cpu_time_total += event.total / US
        self.self_cpu_time_total += event.own / US
        self.cpu_memory_usage += event.memory
        self.self_cpu_memory_usage += event.memory - event.inner_memory
        self.flops += event.flops

    @property
    def cpu_time(self) -> float:
        """Microseconds a call."""
        return self.cpu_time_total / self.count if self.count else 0.0

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={time_text(self.self_cpu_time_total)} "
            f"cpu_time={time_text(self.cpu_time)} count={self.count}>"
        )


class EventList(list[Any]):
    """Events or averages, with PyTorch's ``table`` and ``export_chrome_trace``."""

    def __init__(self, items: Iterable[Any] = (), **facts: Any) -> None:
        super().__init__(items)
        self.facts = facts  # events, shapes, stack, memory, flops: what was recorded

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all events, each counted once."""
        return float(sum(event.own for event in self.facts["events"])) / US

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0, **more: Any
    ) -> EventList:
        """The events summed by name, and by shape or source line where asked for."""
        found: dict[Any, FunctionEventAvg] = {}
        for event in self.facts["events"]:
            shape = str(event.shapes) if group_by_input_shape else ""
            line = event.line if group_by_stack_n else ""
            key = (event.name, shape, line)
            if key not in found:
                found[key] = FunctionEventAvg(event)
                if not group_by_input_shape:
                    found[key].input_shapes = []
                if not group_by_stack_n:
                    found[key].stack = []
            found[key].add(event)
        facts = {**self.facts, "shapes": group_by_input_shape, "stack": bool(group_by_stack_n)}
        return EventList(found.values(), **facts)

    def total_average(self) -> FunctionEventAvg:
        """All events as one."""
        total = FunctionEventAvg(Event("Total", "cpu_op", 0))
        for event in self.facts["events"]:
            total.add(event)
        return total

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int = 75,
        max_name_column_width: int = 55,
        max_shapes_column_width: int = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
        time_unit: str | None = None,
    ) -> str:
        """A table, the rows sorted by ``self_cpu_time_total``, ``cpu_time_total``, ``count``, …"""
        rows = self if self and isinstance(self[0], FunctionEventAvg) else self.key_averages()
        if sort_by is not None:
            attribute = sort_by.replace("cuda_", "device_")
            rows = EventList(
                sorted(rows, key=lambda r: getattr(r, attribute), reverse=True), **self.facts
            )
        if top_level_events_only:
            rows = EventList([r for r in rows if r.top_level], **self.facts)
        total = self.self_cpu_time_total
        columns: list[tuple[str, list[str]]] = [
            ("Name", [cut(r.key, max_name_column_width) for r in rows]),
            ("Self CPU %", [percent(r.self_cpu_time_total, total) for r in rows]),
            ("Self CPU", [time_text(r.self_cpu_time_total, time_unit) for r in rows]),
            ("CPU total %", [percent(r.cpu_time_total, total) for r in rows]),
            ("CPU total", [time_text(r.cpu_time_total, time_unit) for r in rows]),
            ("CPU time avg", [time_text(r.cpu_time, time_unit) for r in rows]),
        ]
        if self.facts["memory"]:
            columns.append(("CPU Mem", [memory_text(r.cpu_memory_usage) for r in rows]))
            columns.append(("Self CPU Mem", [memory_text(r.self_cpu_memory_usage) for r in rows]))
        columns.append(("# of Calls", [str(r.count) for r in rows]))
        if self.facts["shapes"]:
            texts = [cut(str(r.input_shapes), max_shapes_column_width) for r in rows]
            columns.append(("Input Shapes", texts))
        if self.facts["stack"]:
            texts = [cut((r.stack or [""])[0], max_src_column_width) for r in rows]
            columns.append(("Source Location", texts))
        if self.facts["flops"]:
            columns.append(("Total FLOPs", [str(r.flops or "--") for r in rows]))
        text = painted(columns, row_limit, header)
        return f"{text}Self CPU time total: {time_text(total, time_unit)}\n"

    def export_chrome_trace(self, path: Any) -> None:
        """Write the events as JSON that chrome://tracing and ui.perfetto.dev open."""
        write_trace(self.facts["events"], path)

    def __str__(self) -> str:
        return self.table()


def painted(columns: Sequence[tuple[str, list[str]]], limit: int, header: str | None) -> str:
    """Columns set right, with rules above and below the heads."""
    texts = [(head, cells if limit < 0 else cells[:limit]) for head, cells in columns]
    widths = [max(len(head), 12, *map(len, cells), 0) for head, cells in texts]
    rule = "  ".join("-" * w for w in widths) + "  \n"
    heads = "  ".join(h.rjust(w) for (h, _), w in zip(texts, widths, strict=True)) + "  \n"
    rows = [
        "  ".join(c.rjust(w) for c, w in zip(cells, widths, strict=True)) + "  \n"
        for cells in zip(*[cells for _, cells in texts], strict=True)
    ]
    top = [] if header is None else ["=" * (len(rule) - 1) + "\n", header + "\n"]
    return "".join([*top, rule, heads, rule, *rows, rule])


def cut(text: str, width: int) -> str:
    """Text no wider than a column."""
    return text if len(text) <= width else text[: width - 3] + "..."


def percent(part: float, whole: float) -> str:
    """A share of the time."""
    return f"{100 * part / whole:.2f}%" if whole else "0.00%"


def time_text(us: float, unit: str | None = None) -> str:
    """Microseconds as seconds, milliseconds or microseconds."""
    if unit == "s" or (unit is None and us >= 1e6):
        return f"{us / 1e6:.3f}s"
    if unit == "ms" or (unit is None and us >= 1e3):
        return f"{us / 1e3:.3f}ms"
    return f"{us:.3f}us"


def memory_text(n: int) -> str:
    """Bytes in the unit that fits."""
    for unit, size in (("GB", 2**30), ("MB", 2**20), ("KB", 2**10)):
        if abs(n) >= size:
            return f"{n / size:.2f} {unit}"
    return f"{n} B"


def write_trace(events: Sequence[Event], path: Any, metadata: dict[str, Any] | None = None) -> None:
    """Write Chrome's trace format; a path that ends in .gz is compressed."""
    process = os.getpid()
    names = {"name": "process_name", "ph": "M", "pid": process, "tid": 0, "ts": 0}
    records: list[dict[str, Any]] = [{**names, "args": {"name": "chainrule"}}]
    for event in events:
        facts: dict[str, Any] = {}
        if event.shapes:
            facts["Input Dims"] = event.shapes
        if event.line:
            facts["Call stack"] = event.line
        if event.module:
            facts["Module Hierarchy"] = event.module
        records.append({
            "ph": "X", "cat": event.kind, "name": event.name, "pid": process, "tid": event.thread,
            "ts": event.start / US, "dur": event.total / US, "args": facts,
        })  # fmt: skip
    trace = {"schemaVersion": 1, "displayTimeUnit": "ms", **(metadata or {})}
    text = json.dumps({**trace, "traceEvents": records})
    path = os.fspath(path)
    if str(path).endswith(".gz"):
        with gzip.open(path, "wt", encoding="utf-8") as file:
            file.write(text)
    else:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
