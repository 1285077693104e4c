"""``chainrule.multiprocessing``: Python's own module, and ``spawn``.

Tensors travel between processes by pickling, as copies.

>>> import chainrule as cr
>>> cr.multiprocessing.get_sharing_strategy()
'file_descriptor'
"""

from __future__ import annotations

import multiprocessing as _own
from collections.abc import Callable, Sequence
from multiprocessing import *  # noqa: F403 (PyTorch's module is Python's, with a few names more)
from multiprocessing.connection import wait
from typing import Any

_strategy = "file_descriptor"


class ProcessRaisedException(Exception):
    """A process that ``spawn`` started ended with an error."""


def spawn(
    fn: Callable[..., Any],
    args: Sequence[Any] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> Any:
    """Run ``fn(i, *args)`` in processes i = 0 … nprocs - 1, and wait for them.

    Returns None, or with ``join=False`` the processes. Raises ProcessRaisedException when one ends
    with an error; the others are then stopped.

    >>> import chainrule as cr
    >>> def work():
    ...     cr.multiprocessing.spawn(print, args=("hello",), nprocs=2)
    """
    context = _own.get_context(start_method)
    processes: list[Any] = []
    for i in range(nprocs):
        process = context.Process(target=fn, args=(i, *args), daemon=daemon)  # type: ignore[attr-defined]
        process.start()
        processes.append(process)
    if not join:
        return processes
    running = {process.sentinel: i for i, process in enumerate(processes)}
    while running:
        for ended in wait(list(running)):
            i = running.pop(ended)
            processes[i].join()
            if processes[i].exitcode:
                for other in processes:
                    other.terminate()
                raise ProcessRaisedException(
                    f"process {i} ended with exit code {processes[i].exitcode}"
                )
    return None


def get_sharing_strategy() -> str:
    """The remembered strategy.

    >>> import chainrule as cr
    >>> cr.multiprocessing.get_sharing_strategy()
    'file_descriptor'
    """
    return _strategy


def set_sharing_strategy(new_strategy: str) -> None:
    """Remember a strategy: tensors are copied between processes whatever it is.

    >>> import chainrule as cr
    >>> cr.multiprocessing.set_sharing_strategy("file_descriptor")
    """
    global _strategy
    if new_strategy not in ("file_descriptor", "file_system"):
        raise ValueError(f"unknown sharing strategy {new_strategy!r}")
    _strategy = new_strategy


def get_all_sharing_strategies() -> set[str]:
    """The names that are accepted.

    >>> import chainrule as cr
    >>> sorted(cr.multiprocessing.get_all_sharing_strategies())
    ['file_descriptor', 'file_system']
    """
    return {"file_descriptor", "file_system"}
