"""Views and in-place edits: who shares memory with whom, and what was edited when.

*Edits.* Memory that has been written in place is remembered with the serial number of its last
edit. Nodes carry serial numbers too, so a saved value was edited after it was saved exactly when
its memory's number is the higher one. A program that edits nothing pays nothing.

*Views.* A view knows its base tensor and the operations that lead there. Writing into a view
rewrites the base's history (``assign_view``) and renews the nodes of all views of that base.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from . import modes
from .dispatch import apply, raw
from .dtypes import can_cast, of
from .errors import ShapeError
from .graph import Leaf, Node, extra_of, next_serial
from .handle import Handle, cast, make, scalar_of
from .op import Op

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
        if type(value) is ndarray:
            edit = edits.get(id(owner_of(value)))
            if edit is not None and edit.serial > node.serial:
                raise edited_error(node, name, value, edit.op, edit.line)
        elif name == "out" or name in inputs:
            origin = node if name == "out" else node.operands()[inputs.index(name)]
            extra = getattr(origin, "extra", None)
            if extra is not None and extra.edited > node.serial:
                raise edited_error(node, name, value, "an in-place operation", None)


def edited_error(node: Any, name: str, value: Any, op: str, line: str | None) -> RuntimeError:
    """The error for a saved value that was edited: who saved it, who edited it, and where."""
    saved_at = node.extra.line if node.extra is not None else None
    what = "its result" if name == "out" else f"its argument {name!r}"
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


# -- views --------------------------------------------------------------------------------------


class View:
    """A view's base tensor and the operations that lead from it to the view.

    ``sealed`` views (one of several that a function returned, or made under capture) may not be
    edited; they follow the edits of their base like any other.
    """

    __slots__ = ("base", "chain", "sealed")

    def __init__(self, base: Any, chain: tuple[Any, ...], sealed: bool) -> None:
        self.base, self.chain, self.sealed = base, chain, sealed


def shares(out: Any, data: Any) -> bool:
    """Whether ``out`` looks into the memory of ``data`` (both as a view operation made them)."""
    return type(out) is ndarray and type(data) is ndarray and owner_of(out) is owner_of(data)


def link(result: Any, source: Any, op: Op, params: tuple[Any, ...], *, sealed: bool = False) -> Any:
    """Note that ``result`` is a view of ``source``, made by ``op``."""
    view = source._view
    base, chain = (source, ()) if view is None else (view.base, view.chain)
    sealed = sealed or (view is not None and view.sealed)
    result._view = View(base, (*chain, (op, params)), sealed)
    views = base.__dict__.setdefault("_views", [])
    views.append(weakref.ref(result))
    n = len(views)
    if n > 8 and not n & (n - 1):  # at powers of two: forget the dead ones
        views[:] = [r for r in views if r() is not None]
    return result


def view_call(op: Op, source: Any, params: tuple[Any, ...]) -> Any:
    """Apply a view operation; the result shares memory where the kernel could share it."""
    if not isinstance(source, Handle):
        return raw(op, (source,), params)
    data = as_array(source)
    result = apply(op, (source,), params)
    if modes.tracing and hasattr(type(result._data), "_apply"):
        return link(result, source, op, params, sealed=True)
    return link(result, source, op, params) if shares(result._data, data) else result


def as_array(t: Any) -> Any:
    """The data of ``t`` as an array that may be shared: a scalar gets a memory of its own."""
    if type(t._data) is float or isinstance(t._data, np.generic):
        set_data(t, np.asarray(t._data))
    return t._data


def real_array(t: Any) -> Any:
    """``as_array`` for a use outside the graph, which a capture must refuse."""
    data = as_array(t)
    return data if type(data) is ndarray else data._refuse()


def set_data(t: Any, data: Any) -> None:
    """Put other data under a tensor; its leaf follows."""
    t._data = data
    if type(t._node) is Leaf:
        t._node.value = data


def chain_read(value: Any, chain: tuple[Any, ...]) -> Any:
    """The view that ``chain`` leads to: raw data stays raw, Tensors are recorded."""
    for op, params in chain:
        value = apply(op, (value,), params)
    return value


def _assign(base: Any, value: Any, chain: tuple[Any, ...]) -> Any:
    out = np.array(base)
    chain_read(out, chain)[...] = value
    return out


assign_view: Op = Op(
    "assign_view",
    _assign,
    ("base", "value"),
    {
        "base": lambda g, chain: apply(assign_view, (g, 0.0), (chain,)),
        "value": lambda g, chain: chain_read(g, chain),
    },
    params=("chain",),
    promote="keep",
    symbol="view ←",
    doc="A copy of ``base`` in which the view at ``chain`` holds ``value``.",
)


# -- in-place -----------------------------------------------------------------------------------


def check_inplace(t: Any) -> None:
    """Raise where an edit of ``t`` could not be recorded rightly."""
    if not modes.recording():
        return
    if type(t._node) is Leaf and t._node.requires_grad:
        raise RuntimeError(
            "a leaf Variable that requires grad is being used in an in-place operation. "
            "Edit it under chainrule.no_grad(), or write the result to a new name."
        )
    if t._view is None:
        return
    node = t._view.base._node
    if type(node) is Leaf and node.requires_grad:
        raise RuntimeError(
            "a view of a leaf Variable that requires grad is being used in an in-place operation. "
            "Edit it under chainrule.no_grad(), or edit a clone of the leaf."
        )
    if t._view.sealed:
        raise RuntimeError(
            "This view is one of several that one function returned (split, unbind, chunk). Such "
            "functions do not allow the output views to be modified inplace: you should replace "
            "the inplace operation by an out-of-place one."
        )


def write(t: Any, result: Any, op: str) -> Any:
    """Make ``t`` hold ``result`` (an out-of-place result): values, version, history."""
    check_inplace(t)
    if result.shape != t.shape:
        raise ShapeError(
            f"output with shape {list(t.shape)} doesn't match the broadcast shape "
            f"{list(result.shape)}: {op} writes into its first argument, which cannot grow"
        )
    have, want = of(result._data), of(t._data)
    if have is not want:
        if not can_cast(have, want):
            raise RuntimeError(
                f"result type {type_word(have)} can't be cast to the desired output type "
                f"{type_word(want)}: {op} would lose information; use the out-of-place form"
            )
        result = result.to(want)
    node = result._node
    if type(node) is Node and node.saved and type(t._data) is ndarray:
        keep_saved(node, owner_of(t._data))
    store(t, result._data, op)
    if type(node) is Node and type(t._data) is not ndarray:
        node.serial = next_serial()  # it saved a number, which no edit reaches
    if modes.recording():
        rebase(t, node)
    return t


def keep_saved(node: Any, owner: Any) -> None:
    """Copy what an in-place operation saved of its own argument, before that is overwritten."""
    node.saved = tuple(
        [v.copy() if type(v) is ndarray and owner_of(v) is owner else v for v in node.saved]
    )


def type_word(d: Any) -> str:
    """PyTorch's word for a dtype in messages: Float, Long, Bool."""
    words = {"float32": "Float", "float64": "Double", "float16": "Half", "int64": "Long"}
    words |= {"int32": "Int", "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool"}
    words |= {"bfloat16": "BFloat16", "complex64": "ComplexFloat", "complex128": "ComplexDouble"}
    return words.get(d.name, str(d.name))


def check_writable(t: Any, op: str) -> None:
    """Raise where the memory of ``t`` cannot be written element by element."""
    if type(t._data) is ndarray and not t._data.flags.writeable:
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            f"single memory location (an expanded tensor, or read-only memory). {op} needs memory "
            "of its own: clone() the tensor before performing the operation."
        )


def store(t: Any, data: Any, op: str) -> None:
    """Write values into the memory of ``t`` and note the edit."""
    if modes.tracing and modes.local.capture is not None:
        if t._view is not None or t.__dict__.get("_views"):
            raise RuntimeError(f"{op}: an in-place edit of a view cannot be captured")
        modes.local.capture.wrote(t, data)
        return
    check_writable(t, op)
    bump(t, op)
    if type(t._data) is ndarray:
        np.copyto(t._data, data, casting="unsafe")
    else:
        set_data(t, scalar_of(cast(data[()] if type(data) is ndarray else data, of(t._data))))


def rebase(t: Any, node: Node | None) -> None:
    """Give an edited tensor its new history, and renew the views that share its memory."""
    flows = node is not None and node.requires_grad
    if t._view is None:
        if flows or type(t._node) is Node:
            t._node = node
            renew(t)
        return
    base, chain = t._view.base, t._view.chain
    had = base._node is not None and base._node.requires_grad
    mask = had | flows << 1
    if not mask:
        return
    inputs = tuple([n for n, on in ((base._node, had), (node, flows)) if on])
    constants = tuple([None for on in (had, flows) if not on])
    plan = assign_view.plan(mask)
    saved = plan.save((None, None), None, (chain,))
    shape, dtype = base._data.shape, base._data.dtype
    base._node = Node(plan, inputs, constants, saved, (chain,), shape, dtype, None)
    renew(base)


def renew(base: Any) -> None:
    """New nodes for the live views of an edited base."""
    node = base._node
    for ref in base.__dict__.get("_views", ()):
        v = ref()
        if v is None:
            continue
        flows = node is not None and node.requires_grad
        v._node = chain_read(make(base._data, node), v._view.chain)._node if flows else None
