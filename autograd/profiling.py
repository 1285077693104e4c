"""Timing operations: what ``chainrule.profiler`` and ``autograd.profiler`` record.

While a profile is entered it stands around every operation of its thread (around.py), and the
reverse walk asks it for a timed form of each plan. Outside, nothing is paid.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from time import perf_counter_ns
from typing import Any

import numpy as np

from . import modes
from .around import Around
from .handle import Handle
from .op import Op


class Event:
    """One stretch of time: an operation, a node's backward, or a range that the user named.

    Times are nanoseconds of ``time.perf_counter_ns``; ``inner`` is what ranges inside it took.
    """

    __slots__ = (
        "depth", "end", "flops", "inner", "inner_memory", "kind", "line", "memory", "module",
        "name", "shapes", "start", "thread",
    )  # fmt: skip

    def __init__(self, name: str, kind: str, depth: int) -> None:
        self.name, self.kind, self.depth = name, kind, depth
        self.start = self.end = self.inner = 0
        self.memory = self.inner_memory = self.flops = 0
        self.thread = threading.get_ident()
        self.shapes: list[Any] = []
        self.line: str | None = None
        self.module: str | None = None

    @property
    def total(self) -> int:
        """Nanoseconds from begin to end."""
        return self.end - self.start

    @property
    def own(self) -> int:
        """Nanoseconds without the events inside."""
        return self.total - self.inner


class Recorder(Around):
    """Records the events of the thread that entered it."""

    def __init__(
        self, shapes: bool = False, stack: bool = False, memory: bool = False,
        flops: bool = False, modules: bool = False,
    ) -> None:  # fmt: skip
        self.shapes, self.stack, self.memory = shapes, stack, memory
        self.flops, self.modules = flops, modules
        self.events: list[Event] = []
        self.open: list[Event] = []
        self._timing: Any = None

    def enter(self) -> None:
        """Begin to record."""
        super().enter()
        self._timing, modes.local.timing = modes.local.timing, self

    def leave(self) -> None:
        """Record no more."""
        while self.open:
            self.end(self.open[-1])
        modes.local.timing = self._timing
        super().leave()

    def begin(self, name: str, kind: str = "user_annotation") -> Event:
        """Open an event."""
        event = Event(name, kind, len(self.open))
        if self.stack:
            event.line = modes.user_line()
        if self.modules:
            event.module = modes.local.module or None
        self.open.append(event)
        self.events.append(event)
        event.start = perf_counter_ns()
        return event

    def end(self, event: Event) -> None:
        """Close an event, and whatever was left open inside it."""
        now = perf_counter_ns()
        while self.open:
            last = self.open.pop()
            last.end = now
            if self.open:
                self.open[-1].inner += last.total
                self.open[-1].memory += last.memory
                self.open[-1].inner_memory += last.memory
            if last is event:
                return

    def call(self, op: Op, inputs: Sequence[Any], params: tuple[Any, ...]) -> Any:
        """Run an operation and note what it took."""
        event = self.begin(op.name, "cpu_op")
        if self.shapes:
            event.shapes = [shape_of(i) for i in inputs]
        try:
            out = self.proceed(op, inputs, params)
            if self.memory and not op.view:
                event.memory += sum([size_of(o) for o in (out if type(out) is tuple else (out,))])
            if self.flops and isinstance(out, Handle):
                event.flops = flops_of(op.name, inputs, out)
        finally:
            self.end(event)
        return out

    def timed(self, node: Any, plan: Any) -> Any:
        """The plan of a node, its backward timed."""
        return TimedPlan(self, node, plan)


class TimedPlan:
    """A plan that notes how long its backward takes."""

    __slots__ = ("node", "plan", "recorder")

    def __init__(self, recorder: Recorder, node: Any, plan: Any) -> None:
        self.recorder, self.node, self.plan = recorder, node, plan

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plan, name)

    def backward(self, g: Any, saved: Any) -> Any:
        """The plan's backward."""
        event = self.recorder.begin(self.node.name(), "cpu_op")
        if self.recorder.shapes:
            event.shapes = [shape_of(g)]
        try:
            grads = self.plan.backward(g, saved)
            if self.recorder.memory:
                event.memory += sum([size_of(x) for x in grads])
        finally:
            self.recorder.end(event)
        return grads


def shape_of(value: Any) -> list[int]:
    """The shape of an operand; a number has none."""
    data = value._data if isinstance(value, Handle) else value
    return list(getattr(data, "shape", ()))


def size_of(value: Any) -> int:
    """Bytes that a result took; 0 for one that shares memory."""
    data = value._data if isinstance(value, Handle) else value
    if type(data) is float:
        return 8
    if isinstance(data, np.ndarray):
        return int(data.nbytes) if data.base is None else 0
    return int(getattr(data, "nbytes", 0))


def flops_of(name: str, inputs: Sequence[Any], out: Any) -> int:
    """Multiplications and additions of the products; 0 for other operations."""
    if name in ("matmul", "linear"):
        return int(2 * out.numel() * inputs[0].shape[-1])
    if name == "convolution":
        weight = inputs[1]
        return int(2 * out.numel() * (weight.numel() // max(weight.shape[0], 1)))
    return int(out.numel()) if name in ("add", "sub", "mul", "div") else 0
