"""Anomaly detection: the line of the forward pass whose backward failed or gave nan.

Off, it costs nothing: the nodes are made the short way, and the walk asks one flag. On, every
operation notes the user's line that called it, and every gradient is searched for nan.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import modes
from .graph import Piece
from .handle import Handle

SWITCH = "Run the forward pass under detect_anomaly() too, to see the line that recorded it."


def _switch(on: bool, check_nan: bool) -> None:
    if on != modes.anomaly:
        modes.count("watching", 1 if on else -1)  # keeps the short ways out
    modes.anomaly, modes.check_nan = on, check_nan


def is_anomaly_enabled() -> bool:
    """Whether anomaly detection is on (in all threads).

    >>> import chainrule as cr
    >>> cr.autograd.is_anomaly_enabled()
    False
    """
    return modes.anomaly


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly detection searches the gradients for nan.

    >>> import chainrule as cr
    >>> cr.autograd.is_anomaly_check_nan_enabled()
    True
    """
    return modes.check_nan


class set_detect_anomaly:
    """Switch anomaly detection on or off, at once; as a context manager, until its end.

    >>> import chainrule as cr
    >>> with cr.autograd.set_detect_anomaly(True): cr.autograd.is_anomaly_enabled()
    True
    >>> cr.autograd.is_anomaly_enabled()
    False
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = (modes.anomaly, modes.check_nan)
        _switch(bool(mode), bool(check_nan))

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        _switch(*self._before)


class detect_anomaly:
    """Inside the block, say which line of the forward pass made a nan in backward, or failed there.

    Raises RuntimeError when an operation's backward returns nan (``check_nan=False``: does not
    look): the message has the operation, its shapes, the first bad element and the line.

    >>> import chainrule as cr
    >>> import warnings; warnings.simplefilter("ignore")
    >>> x = cr.tensor([0.0, 1.0], requires_grad=True)
    >>> with cr.autograd.detect_anomaly():
    ...     (x.sqrt() * 0).sum().backward()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output. ...
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan
        self._before: list[tuple[bool, bool]] = []
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging.",
            stacklevel=2,
        )

    def __enter__(self) -> None:
        self._before.append((modes.anomaly, modes.check_nan))
        _switch(True, self.check_nan)

    def __exit__(self, *exc: object) -> None:
        _switch(*self._before.pop())


# -- in the walk --------------------------------------------------------------------------------


def _data(g: Any) -> Any:
    return np.asarray(g._data if isinstance(g, Handle) else g)


def _nan(data: Any) -> Any:
    return np.isnan(data) if data.dtype.kind in "fcV" else np.zeros(data.shape, bool)


def check(node: Any, inputs: Sequence[Any], grads: Sequence[Any], g: Any) -> None:
    """Raise where a node's backward has returned nan."""
    for gi, inp in zip(grads, inputs, strict=True):
        if gi is None:
            continue
        data = _data(gi.value if type(gi) is Piece else gi)
        bad = _nan(data)
        if not bad.any():
            continue
        tensors = [o for o in node.operands() if hasattr(o, "serial")]
        place = next(k for k, o in enumerate(tensors) if o is inp)
        at = [int(k) for k in np.argwhere(bad)[0]]
        raise RuntimeError(
            f"Function '{node.name()}' returned nan values in its {place}th output. {_where(node)} "
            f"The gradient of its input of shape {list(inp.shape)} is nan in {int(bad.sum())} of "
            f"{bad.size} elements, first at {at}{_there(node, inp, g, tuple(at))}."
        )


def _there(node: Any, inp: Any, g: Any, at: tuple[int, ...]) -> str:
    """What stood at the bad element: the incoming gradient and the saved values of its shape."""
    seen = []
    if type(g) is not list and _data(g).shape == inp.shape:
        seen.append(f"the gradient that came in is {_data(g)[at]}")
    for name, value in zip(node.plan.saves, node.saved or (), strict=False):
        data = value if type(value) is np.ndarray else None
        if type(value) is float or isinstance(value, np.generic):
            data = np.asarray(value)
        if data is not None and data.shape == inp.shape:
            word = "its result" if name == "out" else f"its argument {name!r}"
            seen.append(f"{word} is {data[at]}")
    return f", where {' and '.join(seen)}" if seen else ""


def _where(node: Any) -> str:
    """The line of the forward pass that recorded a node."""
    line = node.extra.line if node.extra is not None else None
    name = node.plan.op.name
    if line is None:
        return f"Nothing is known of the line that called {name}. {SWITCH}"
    return f"{name} (result of shape {list(node.shape)}) was called at {line}."


def blame(error: Exception, node: Any) -> None:
    """Add to an error that came up in a walk which operation was being gone through."""
    if node is not None and node.plan is not None and "was called at" not in str(error):
        error.add_note(f"While going back through {node.name()}: {_where(node)}")
