"""``chainrule.autograd.profiler``: the older form of ``chainrule.profiler``.

>>> import chainrule as cr
>>> from chainrule.autograd import profiler
>>> with profiler.profile() as prof:
...     y = cr.ones(2) * 3
>>> [row.key for row in prof.key_averages()]
['mul']
"""

from __future__ import annotations

from typing import Any

from ..autograd.profiling import Recorder
from .profile_table import EventList, FunctionEventAvg
from .profiler import record_function

__all__ = ["EventList", "profile", "record_function"]


class profile:
    """Record each operation of this thread while entered; printing it gives the table.

    >>> import chainrule as cr
    >>> with cr.autograd.profiler.profile() as prof: y = cr.ones(2) * 3
    >>> "mul" in str(prof), prof.total_average().count
    (True, 1)
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cuda: bool = False,
        use_device: str | None = None,
        record_shapes: bool = False,
        with_flops: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_modules: bool = False,
        **more: Any,
    ) -> None:
        self.enabled = enabled
        self.options = {
            "shapes": record_shapes, "stack": with_stack, "memory": profile_memory,
            "flops": with_flops, "modules": with_modules,
        }  # fmt: skip
        self._recorder = Recorder(**self.options)
        self._done = False

    def __enter__(self) -> profile:
        if self.enabled:
            self._recorder.enter()
        return self

    def __exit__(self, *exc: object) -> None:
        if self.enabled:
            self._recorder.leave()
        self._done = True

    @property
    def function_events(self) -> EventList:
        """Every event, in the order in which they began."""
        if not self._done:
            raise RuntimeError("Profiler didn't finish running")
        return EventList(self._recorder.events, events=self._recorder.events, **self.options)

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0,
                     group_by_overload_name: bool = False) -> EventList:  # fmt: skip
        """The events summed by name."""
        return self.function_events.key_averages(group_by_input_shape, group_by_stack_n)

    def table(self, sort_by: str | None = None, row_limit: int = 100, **options: Any) -> str:
        """The table of ``key_averages``."""
        return self.key_averages().table(sort_by, row_limit, **options)

    def total_average(self) -> FunctionEventAvg:
        """All events as one."""
        return self.function_events.total_average()

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all events."""
        return self.function_events.self_cpu_time_total

    def export_chrome_trace(self, path: Any) -> None:
        """Write JSON that chrome://tracing opens."""
        self.function_events.export_chrome_trace(path)

    def __repr__(self) -> str:
        return self.table() if self._done else "<unfinished profile>"
