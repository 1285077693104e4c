"""Who edited which memory in place, and when: versions, and the check of what was saved.

Memory that has been written in place is remembered with the serial number of its last edit. Nodes
carry serial numbers too, so a saved value was edited after it was saved exactly when its memory's
number is the higher one. A program that edits nothing pays nothing.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from . import modes
from .batched import Batched
from .graph import extra_of, next_serial

ndarray = np.ndarray


class Edit:
    """The last in-place edit of a piece of memory."""

    __slots__ = ("count", "line", "op", "owner", "serial")

    def __init__(self, owner: weakref.ref[Any]) -> None:
        self.owner = owner
        self.count = 0
        self.serial = 0
        self.op = ""
        self.line: str | None = None


edits: dict[int, Edit] = {}  # by id of the array that owns the memory
latest = 0  # serial of the last edit anywhere


def owner_of(data: Any) -> Any:
    """The array that owns the memory of ``data``."""
    while isinstance(data.base, ndarray):
        data = data.base
    return data


def bump(t: Any, op: str = "an in-place operation") -> None:
    """Note an in-place edit of ``t``."""
    global latest
    if t.__dict__.get("_silent"):  # made by ``.data``: edits go unnoticed, as in PyTorch
        return
    serial = latest = next_serial()
    if type(t._data) is not ndarray:
        t.__dict__["_edits"] = t.__dict__.get("_edits", 0) + 1
        if t._node is not None:
            extra_of(t._node).edited = serial
        return
    owner = owner_of(t._data)
    key = id(owner)
    edit = edits.get(key)
    if edit is None:
        edit = edits[key] = Edit(weakref.ref(owner, lambda _: edits.pop(key, None)))
    edit.count += 1
    edit.serial, edit.op = serial, op
    edit.line = modes.user_line() if modes.watching else None


def version(t: Any) -> int:
    """How often the memory of ``t`` has been edited in place."""
    if type(t._data) is not ndarray:
        return int(t.__dict__.get("_edits", 0))
    edit = edits.get(id(owner_of(t._data)))
    return int(t.__dict__.get("_edits", 0)) + (edit.count if edit is not None else 0)


def edited_since(order: list[Any]) -> bool:
    """Whether anything was edited after the oldest operation of ``order`` was recorded."""
    if latest:
        for node in reversed(order):
            if node.plan is not None:
                return bool(latest > node.serial)
    return False


def check_saved(node: Any) -> None:
    """Raise when a value that ``node`` saved was edited afterwards."""
    inputs = node.plan.op.inputs
    for name, value in zip(node.plan.saves, node.saved, strict=True):
        if isinstance(value, (tuple, list)) and name in ("out", "inputs"):
            operands = node.operands() if name == "inputs" else (node,) * len(value)
            for v, origin in zip(value, operands, strict=True):
                _check(node, name, v, origin)
        elif name == "out":
            _check(node, name, value, node)
        elif name in inputs:
            _check(node, name, value, node.operands()[inputs.index(name)])
        else:
            _check(node, name, value, None)


def _check(node: Any, name: str, value: Any, origin: Any) -> None:
    if type(value) is Batched:
        value = value.value
    if type(value) is ndarray:
        edit = edits.get(id(owner_of(value)))
        if edit is not None and edit.serial > node.serial:
            raise edited_error(node, name, value, edit.op, edit.line)
    elif isinstance(value, (float, np.generic)):
        extra = getattr(origin, "extra", None)
        if extra is not None and extra.edited > node.serial:
            raise edited_error(node, name, value, "an in-place operation", None)


def edited_error(node: Any, name: str, value: Any, op: str, line: str | None) -> RuntimeError:
    """The error for a saved value that was edited: who saved it, who edited it, and where."""
    saved_at = node.extra.line if node.extra is not None else None
    words = {"out": "its result", "inputs": "one of its arguments"}
    what = words.get(name, f"its argument {name!r}")
    text = (
        "one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: {node.plan.op.name} saved {what}, of shape "
        f"{list(getattr(value, 'shape', ()))}, and it was edited afterwards by {op}."
    )
    if saved_at:
        text += f"\n  saved at   {saved_at}\n  edited at  {line or 'an unwatched line'}"
    else:
        text += " Run the forward pass under chainrule.watch() to see both lines."
    return RuntimeError(text + "\nWrite the edit out of place (y = y + 1), or edit a .clone().")
