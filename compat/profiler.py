"""``chainrule.profiler``: where the time goes, operation by operation, forward and backward.

>>> import chainrule as cr
>>> from chainrule.profiler import profile, record_function
>>> with profile() as prof:
...     with record_function("my range"):
...         y = cr.ones(2, 2) @ cr.ones(2, 2)
>>> sorted(row.key for row in prof.key_averages())
['matmul', 'my range']
"""

from __future__ import annotations

import functools
import json
import os
import socket
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import ContextDecorator
from enum import Enum
from typing import Any

from ..autograd import modes
from ..autograd.profiling import Event, Recorder
from .profile_table import EventList, write_trace

__all__ = [
    "ProfilerAction",
    "ProfilerActivity",
    "kineto_available",
    "profile",
    "record_function",
    "schedule",
    "supported_activities",
    "tensorboard_trace_handler",
]


class ProfilerActivity(Enum):
    """What a profile can look at: here, the CPU."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3


class ProfilerAction(Enum):
    """What a profile does in a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


RECORDING = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)


def schedule(
    *,
    wait: int,
    warmup: int,
    active: int,
    repeat: int = 0,
    skip_first: int = 0,
    skip_first_wait: int = 0,
) -> Callable[[int], ProfilerAction]:
    """Which steps to record: skip some, then cycles of waiting, warming up and recording.

    ``repeat=0`` goes on to the end; the last recorded step of a cycle hands the trace over.

    >>> import chainrule as cr
    >>> plan = cr.profiler.schedule(wait=1, warmup=1, active=2, repeat=1)
    >>> [plan(step).name for step in range(5)]
    ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE', 'NONE']
    """
    if wait < 0 or warmup < 0 or active <= 0 or repeat < 0 or skip_first < 0:
        raise AssertionError("Invalid profiler schedule arguments")

    def plan(step: int) -> ProfilerAction:
        step -= skip_first
        if step < 0:
            return ProfilerAction.NONE
        if skip_first_wait:
            step += wait  # the first cycle does not wait
        cycle = wait + warmup + active
        if repeat and step >= repeat * cycle:
            return ProfilerAction.NONE
        at = step % cycle
        if at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD_AND_SAVE if at == cycle - 1 else ProfilerAction.RECORD

    return plan


class record_function:
    """Name a stretch of code in the profile; context manager and decorator.

    >>> import chainrule as cr
    >>> with cr.profiler.record_function("loss"):
    ...     pass
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args
        self._open: list[tuple[Recorder, Event] | None] = []

    def __enter__(self) -> record_function:
        recorder = modes.local.timing if modes.watching else None
        self._open.append(None if recorder is None else (recorder, recorder.begin(self.name)))
        return self

    def __exit__(self, *exc: object) -> None:
        opened = self._open.pop()
        if opened is not None and opened[1] in opened[0].open:
            opened[0].end(opened[1])

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(func)
        def inner(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name, self.args):
                return func(*args, **kwargs)

        return inner


def supported_activities() -> set[ProfilerActivity]:
    """The CPU.

    >>> import chainrule as cr
    >>> cr.profiler.supported_activities()
    {<ProfilerActivity.CPU: 0>}
    """
    return {ProfilerActivity.CPU}


def kineto_available() -> bool:
    """False: the events are recorded by chainrule itself.

    >>> import chainrule as cr
    >>> cr.profiler.kineto_available()
    False
    """
    return False


class profile(ContextDecorator):
    """Record each operation of this thread, and each node's backward, with its time.

    ``record_shapes``, ``with_stack`` (the user's line), ``profile_memory``, ``with_flops`` and
    ``with_modules`` add columns or facts; ``schedule`` says which steps to record, ``step()`` ends
    one, ``on_trace_ready(prof)`` is called when a cycle is recorded. Context manager and decorator.

    >>> import chainrule as cr
    >>> x = cr.ones(2, 2, requires_grad=True)
    >>> with cr.profiler.profile(record_shapes=True) as prof:
    ...     (x @ x).sum().backward()
    >>> [row.key for row in prof.key_averages()]
    ['matmul', 'sum', 'SumBackward0', 'spread', 'MmBackward0']
    >>> print(prof.key_averages().table(sort_by="cpu_time_total", row_limit=3).split()[1:4])
    ['------------', '------------', '------------']
    """

    def __init__(
        self,
        *,
        activities: Iterable[Any] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[..., Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: Any = None,
        execution_trace_observer: Any = None,
        acc_events: bool = False,
        use_cuda: bool | None = None,
        custom_trace_id_callback: Callable[[], str] | None = None,
        post_processing_timeout_s: float | None = None,
    ) -> None:
        self.activities = set(activities) if activities is not None else supported_activities()
        if ProfilerActivity.CUDA in self.activities or use_cuda:
            warnings.warn("CUDA is not available, disabling CUDA profiling", stacklevel=2)
        self.schedule, self.on_trace_ready = schedule, on_trace_ready
        self.options = {
            "shapes": record_shapes, "stack": with_stack, "memory": profile_memory,
            "flops": with_flops, "modules": with_modules,
        }  # fmt: skip
        self.accumulate = acc_events
        self.step_num = 0
        self.current_action = self._planned()
        self._recorder: Recorder | None = None
        self._events: list[Event] = []
        self._step: record_function | None = None
        self._metadata: dict[str, Any] = {}

    def _planned(self) -> ProfilerAction:
        return ProfilerAction.RECORD if self.schedule is None else self.schedule(self.step_num)

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin; ``with`` does this."""
        self._follow(ProfilerAction.NONE, self.current_action)
        self._name_step()

    def stop(self) -> None:
        """End; a recorded cycle that is not handed over yet is."""
        self._end_step()
        recorded = self._recorder is not None
        self._finish()
        if recorded and self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def step(self) -> None:
        """End one step of the schedule and begin the next."""
        self._end_step()
        before = self.current_action
        self.step_num += 1
        self.current_action = self._planned()
        self._follow(before, self.current_action)
        self._name_step()

    def _follow(self, before: ProfilerAction, now: ProfilerAction) -> None:
        """Begin or end recording where the schedule says so."""
        if before is ProfilerAction.RECORD_AND_SAVE or (
            before is ProfilerAction.RECORD and now not in RECORDING
        ):
            self._finish()
            if self.on_trace_ready is not None:
                self.on_trace_ready(self)
        if now in RECORDING and self._recorder is None:
            self._recorder = Recorder(**self.options)
            self._recorder.enter()

    def _finish(self) -> None:
        if self._recorder is not None:
            self._recorder.leave()
            found = self._recorder.events
            self._events = [*self._events, *found] if self.accumulate else found
            self._recorder = None

    def _name_step(self) -> None:
        if self.schedule is not None:
            self._step = record_function(f"ProfilerStep#{self.step_num}")
            self._step.__enter__()

    def _end_step(self) -> None:
        if self._step is not None:
            self._step.__exit__()
            self._step = None

    def events(self) -> EventList:
        """Every event of the last recorded cycle, in the order in which they began."""
        if self._recorder is not None:
            raise AssertionError("profile: end the recording first; its events are not complete")
        return EventList(self._events, events=self._events, **self.options)

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:  # fmt: skip
        """The events summed by name, and by shape or source line where asked for."""
        return self.events().key_averages(group_by_input_shape, group_by_stack_n)

    def export_chrome_trace(self, path: Any) -> None:
        """Write JSON that chrome://tracing and ui.perfetto.dev open (.gz: compressed)."""
        write_trace(self.events(), path, self._metadata)

    def export_stacks(self, path: Any, metric: str = "self_cpu_time_total") -> None:
        """Write ``line microseconds`` for each source line, as flame-graph programs read it."""
        if not self.options["stack"]:
            raise AssertionError("export_stacks() needs profile(with_stack=True)")
        totals: dict[str, float] = {}
        for row in self.key_averages(group_by_stack_n=1):
            place = ";".join([*(s.replace(" ", "_") for s in row.stack), row.key])
            totals[place] = totals.get(place, 0.0) + getattr(row, metric)
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{place} {int(value)}\n" for place, value in totals.items())

    def add_metadata(self, key: str, value: str) -> None:
        """Write a text into the trace."""
        self._metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """Write JSON into the trace."""
        self._metadata[key] = json.loads(value)


def tensorboard_trace_handler(
    dir_name: str,
    worker_name: str | None = None,
    use_gzip: bool = False,
    use_python_export: bool = False,
) -> Callable[[profile], None]:
    """An ``on_trace_ready`` that writes each trace as a file ``*.pt.trace.json`` into a folder.

    >>> import chainrule as cr
    >>> ready = cr.profiler.tensorboard_trace_handler("traces")
    >>> with cr.profiler.profile(on_trace_ready=ready): _ = cr.ones(2) + 1
    """

    def handler(prof: profile) -> None:
        os.makedirs(dir_name, exist_ok=True)
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        end = ".pt.trace.json" + (".gz" if use_gzip else "")
        prof.export_chrome_trace(os.path.join(dir_name, f"{worker}.{time.time_ns()}{end}"))

    return handler
