"""Views and in-place edits: who shares memory with whom, and what a write does to the history.

A view knows its base tensor and the operations that lead there. Writing into a view
rewrites the base's history (``assign_view``); the views of that base find their new nodes when they
are next asked for them, so that a thousand writes beside a thousand views stay a thousand steps.
"""

from __future__ import annotations

import functools
import weakref
from typing import Any

import numpy as np

from . import modes
from .batched import Batched
from .dispatch import apply, raw
from .dtypes import can_cast, of
from .errors import ShapeError
from .graph import Leaf, Node, extra_of, is_output, next_serial
from .handle import Handle, cast, make, scalar_of
from .op import Op
from .versions import bump as bump
from .versions import check_saved as check_saved
from .versions import edited_since as edited_since
from .versions import edits as edits
from .versions import owner_of as owner_of
from .versions import version as version

ndarray = np.ndarray


class View:
    """A view's base tensor and the operations that lead from it to the view.

    ``sealed`` views (one of several that a function returned, or made under capture) may not be
    edited; they follow the edits of their base like any other. The chain of a view that a user's
    Function made is unknown (None).
    """

    __slots__ = ("base", "chain", "sealed")

    def __init__(self, base: Any, chain: tuple[Any, ...] | None, sealed: bool) -> None:
        self.base, self.chain, self.sealed = base, chain, sealed


def shares(out: Any, data: Any) -> bool:
    """Whether ``out`` looks into the memory of ``data`` (both as a view operation made them)."""
    return type(out) is ndarray and type(data) is ndarray and owner_of(out) is owner_of(data)


def link(result: Any, source: Any, op: Op, params: tuple[Any, ...], *, sealed: bool = False) -> Any:
    """Note that ``result`` is a view of ``source``, made by ``op``."""
    view = source._view
    base, chain = (source, ()) if view is None else (view.base, view.chain)
    sealed = sealed or (view is not None and view.sealed)
    result._view = View(base, None if chain is None else (*chain, (op, params)), sealed)
    _list(base, result)
    if type(result._data) is Batched:  # whose values follow the base's, as its node does
        base.__dict__.setdefault("_followers", weakref.WeakSet()).add(result)
    return result


def alias(result: Any, source: Any) -> None:
    """Note that a user's Function gave back memory of an argument: nobody knows the way there."""
    base = source if source._view is None else source._view.base
    result._view = View(base, None, True)
    _list(base, result)


def _list(base: Any, view: Any) -> None:
    """List a view whose node is that of the base's present history."""
    views = base.__dict__.setdefault("_views", [])
    views.append(weakref.ref(view))
    n = len(views)
    if n > 8 and not n & (n - 1):  # at powers of two: forget the dead ones
        views[:] = [r for r in views if r() is not None]


def view_call(op: Op, source: Any, params: tuple[Any, ...]) -> Any:
    """Apply a view operation; the result shares memory where the kernel could share it."""
    if not isinstance(source, Handle):
        return raw(op, (source,), params)
    data = as_array(source)
    result = apply(op, (source,), params)
    if modes.tracing and hasattr(type(result._data), "_apply"):
        return link(result, source, op, params, sealed=True)
    if type(data) is Batched:
        return link(result, source, op, params) if _views_example(op, data, params) else result
    return link(result, source, op, params) if shares(result._data, data) else result


def _views_example(op: Op, data: Batched, params: tuple[Any, ...]) -> bool:
    """Whether a view operation shares the memory of one example: then writes reach its source."""
    steps = data.value.strides[len(data.levels) :]
    one = np.lib.stride_tricks.as_strided(data.value, data.shape, steps)
    return not one.size or shares(op.kernel(one, *params), one)


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
    if t._view.chain is None:
        if t.requires_grad or (node is not None and node.requires_grad):
            raise edited_alias(t)
        return
    if t._view.sealed:
        raise RuntimeError(
            "This view is one of several that one function returned (split, unbind, chunk). Such "
            "functions do not allow the output views to be modified inplace: you should replace "
            "the inplace operation by an out-of-place one."
        )


def edited_alias(t: Any) -> RuntimeError:
    """The error for an edit of memory that a user's Function gave back from an argument."""
    node = t._node.inputs[0] if t._node is not None and is_output(t._node) else t._node
    name = "a custom Function" if node is None else node.plan.op.name
    return RuntimeError(
        f"Output {t.output_nr} of {name} is a view and is being modified inplace. This view was "
        "created inside a custom Function (or because an input was returned as-is): an edit of it "
        "would override the custom backward. You can fix this by cloning the output of the custom "
        "Function."
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
    if isinstance(node, Node) and node.saved and type(t._data) is ndarray:
        keep_saved(node, owner_of(t._data))
    store(t, result._data, op)
    if isinstance(node, Node) and type(t._data) is not ndarray:
        node.serial = next_serial()  # it saved a number, which no edit reaches
    if modes.recording():
        rebase(t, node)
    return t


def keep_saved(node: Any, owner: Any) -> None:
    """Copy what an in-place operation saved of its own argument, before that is overwritten."""

    def apart(v: Any) -> Any:
        if type(v) is ndarray:
            return v.copy() if owner_of(v) is owner else v
        return v.apart(owner) if hasattr(v, "apart") else v  # packed by the user's hooks

    node.saved = tuple([apart(v) for v in node.saved])


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
        if t._view is not None or "_views" in t.__dict__:
            raise RuntimeError(f"{op}: an in-place edit of a view cannot be captured")
        modes.local.capture.wrote(t, data)
        return
    if type(data) is Batched or type(t._data) is Batched:
        _store_batched(t, data, op)
        return
    check_writable(t, op)
    bump(t, op)
    if type(t._data) is ndarray:
        np.copyto(t._data, data, casting="unsafe")
    else:
        set_data(t, scalar_of(cast(data[()] if type(data) is ndarray else data, of(t._data))))


def _store_batched(t: Any, data: Any, op: str) -> None:
    """Give a tensor inside ``vmap`` new values; its base and the views of that follow."""
    base = t if t._view is None else t._view.base
    levels = data.levels if type(data) is Batched else ()
    if type(base._data) is not Batched or not set(levels) <= set(base._data.levels):
        raise RuntimeError(
            f"vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a "
            f"Tensor `other` in extra_args that has more elements than `self`. This happened due "
            f"to `other` being vmapped over but `self` not being vmapped over in a vmap. {op} "
            "writes into its first argument, which is the same for all examples: make it one of "
            "each example's own (x.new_zeros, zeros_like), or use the out-of-place operation."
        )
    bump(t, op)
    chain = () if t._view is None else t._view.chain
    base._data = raw(assign_view, (base._data, cast(data, of(base._data))), (chain,))
    for v in base.__dict__.get("_followers", ()):
        v._data = chain_read(base._data, v._view.chain)


def rebase(t: Any, node: Node | None) -> None:
    """Give an edited tensor its new history, and renew the views that share its memory."""
    flows = node is not None and node.requires_grad
    if t._view is None:
        if flows or isinstance(t._node, Node):
            _keep_retaining(t._node, node)
            t._node = node
            renew(t)
        return
    base, chain = t._view.base, t._view.chain
    had = base._node is not None and base._node.requires_grad
    mask = had | flows << 1
    if not mask:
        return
    if chain is None:
        raise edited_alias(t)
    inputs = tuple([n for n, on in ((base._node, had), (node, flows)) if on])
    constants = tuple([None for on in (had, flows) if not on])
    plan = assign_view.plan(mask)
    saved = plan.save((None, None), None, (chain,))
    shape, dtype = base._data.shape, base._data.dtype
    value = scalar_of(base._data[()]) if type(base._data) is ndarray and not shape else None
    made = Node(plan, inputs, constants, saved, (chain,), shape, dtype, value)
    if modes.watching and modes.local.watch:
        modes.annotate(made, base._data)
    _keep_retaining(base._node, made)
    base._node = made
    renew(base)


def _keep_retaining(old: Any, new: Any) -> None:
    """``retain_grad`` is the tensor's: it goes over to the node of the edited value."""
    if isinstance(old, Node) and new is not None and old.extra is not None and old.extra.retain:
        extra_of(new).retain = True
        old.extra.retain = bool(modes.local.watch)


def renew(base: Any) -> None:
    """The views of an edited base: each will find its new node when it is next asked for it."""
    listed = base.__dict__.get("_views")
    if listed:
        base.__dict__["_views"] = []
        for ref in listed:
            v = ref()
            if v is not None:
                v.__class__ = _late(type(v))  # type: ignore[arg-type]  # a class is hashable


@functools.cache
def _late(cls: type) -> type:
    """``cls`` for a view whose base was edited since: asked for its node, it is ``cls`` again."""

    def settle(v: Any, node: Any) -> None:
        v.__class__ = cls
        v._node = node
        _list(v._view.base, v)

    def find(v: Any) -> Any:
        settle(v, current(v._view))
        return v._node

    facts = {"__slots__": (), "_node": property(find, settle), "__module__": cls.__module__}
    return type(cls.__name__, (cls,), facts)


def current(view: View) -> Any:
    """The node of a view in the present history of its base."""
    node = view.base._node
    if node is None or not node.requires_grad:
        return None
    if view.chain is None:
        raise RuntimeError(
            "This view was created inside a custom Function (or because an input was returned "
            "as-is), and its base or another view of its base has been modified inplace since. "
            "Clone the output of the custom Function, or write the edit out of place."
        )
    local = modes.local
    outer, before = (local.capture, local.levels), modes.record(True)
    local.capture, local.levels = None, ()  # whoever asks: it is the base's history
    try:
        return chain_read(make(view.base._data, node), view.chain)._node
    finally:
        local.capture, local.levels = outer
        modes.record(before)
