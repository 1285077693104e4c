"""Standing around every operation of a thread: what autocast and the profiler are made of.

While one is entered, ``dispatch.apply`` hands each call to it; it may change the inputs or look at
the clock, and passes the call on with ``proceed``. Outside, nothing is paid: the counter
``modes.watching`` that closes the short ways is the one that is read anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import modes
from .dispatch import apply
from .op import Op


class Around:
    """A context in which ``call`` sees every operation of this thread; the inner one first."""

    _outer: Any = None

    def enter(self) -> None:
        """Begin to see this thread's operations."""
        modes.count("watching", 1)
        self._outer = modes.local.around
        modes.local.around = self.call

    def leave(self) -> None:
        """See no more of them."""
        modes.local.around = self._outer
        modes.count("watching", -1)

    def call(self, op: Op, inputs: Sequence[Any], params: tuple[Any, ...]) -> Any:
        """What happens in place of an operation."""
        return self.proceed(op, inputs, params)

    def proceed(self, op: Op, inputs: Sequence[Any], params: tuple[Any, ...]) -> Any:
        """The operation itself, seen by those further out."""
        here = modes.local.around
        modes.local.around = self._outer
        try:
            return apply(op, inputs, params)
        finally:
            modes.local.around = here
