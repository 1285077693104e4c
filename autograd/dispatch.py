"""Calling an operation: run the kernel, save what the rules name, make the node.

``unary`` and ``binary`` are the short ways for elementwise operations on floats and on arrays of
one floating type; ``apply`` is the general way, which promotes dtypes and takes any operation. All
three end in the same Node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import dtypes, handle, modes
from .dtypes import F32, F64
from .errors import explain
from .graph import OUTPUT, Node, Piece
from .handle import Handle, cast, leaf_of, make, new, scalar_of
from .op import Op

ndarray, float32 = np.ndarray, np.float32
BFLOAT16 = dtypes.bfloat16.np


def unary(op: Op) -> Callable[[Any], Any]:
    """The short way for an elementwise operation of one argument."""
    kernel, scalar, differentiable = op.kernel, op.scalar, op.differentiable
    plan = op.plan(1 if differentiable else 0)
    save = plan.save

    def call(input: Any) -> Any:
        if not isinstance(input, Handle):
            return raw(op, (input,), ())
        x = input._data
        kind = type(x)
        if modes.watching:
            return apply(op, (input,))
        if kind is ndarray:
            dtype = x.dtype
            if dtype is not F32 and dtype is not F64:
                return apply(op, (input,))
            out = kernel(x)
            if type(out) is not ndarray:
                out = scalar_of(out)
            shape = out.shape if type(out) is ndarray else ()
        elif scalar is None or (kind is not float and kind is not float32):
            return apply(op, (input,))
        else:
            try:
                out = scalar(x)
            except (ArithmeticError, ValueError):  # NumPy answers inf or nan instead
                return apply(op, (input,))
            dtype, shape = F64, ()
            if kind is float32:
                out, dtype = float32(out), F32
        result = new(handle.tensor_class)
        result._data = out
        result._node = None
        node = input._node
        if node is None or not node.requires_grad or not differentiable:
            return result
        if modes.paused and not modes.local.grad:
            return result
        saved = save((x,), out, ())
        value = None if shape else out
        result._node = Node(plan, (node,), (), saved, (), shape, dtype, value)
        return result

    return call


def binary(op: Op) -> Callable[[Any, Any], Any]:
    """The short way for an elementwise operation of two arguments."""
    kernel, scalar = op.kernel, op.scalar or op.kernel
    left, right, both = op.plan(1), op.plan(2), op.plan(3)
    save_left, save_right, save_both = left.save, right.save, both.save

    def call(input: Any, other: Any) -> Any:
        if not isinstance(input, Handle) or modes.watching:
            return apply(op, (input, other))
        x = input._data
        if isinstance(other, Handle):
            y, b = other._data, other._node
            number = False
        else:
            y = b = other
            number = True
        kind, kind2 = type(x), type(y)
        if kind is float and (kind2 is float or (number and kind2 is int)):
            try:
                out = scalar(x, y)
            except (ArithmeticError, ValueError):  # NumPy answers inf or nan instead
                return apply(op, (input, other))
            dtype, shape = F64, ()
        elif kind is ndarray:
            dtype = x.dtype
            if dtype is not F32 and dtype is not F64:
                return apply(op, (input, other))
            if kind2 is ndarray:
                if y.dtype is not dtype:
                    return apply(op, (input, other))
            elif not number or (kind2 is not float and kind2 is not int):
                return apply(op, (input, other))
            try:
                out = kernel(x, y)
            except ValueError as error:
                raise explain(op, (x, y), error) from None
            if type(out) is ndarray:
                shape = out.shape
            else:
                out, shape = scalar_of(out), ()
        elif kind is float32 and (kind2 is float32 or (number and kind2 is float)):
            out = scalar(x, y)
            dtype, shape = F32, ()
        else:
            return apply(op, (input, other))
        result = new(handle.tensor_class)
        result._data = out
        result._node = None
        if modes.paused and not modes.local.grad:
            return result
        a = input._node
        inputs: tuple[Any, ...]
        constants: tuple[Any, ...]
        if a is not None and a.requires_grad:
            if number:
                plan, saved = left, save_left((x, y), out, ())
                inputs, constants = (a,), (other,)
            elif b is not None and b.requires_grad:
                plan, saved = both, save_both((x, y), out, ())
                inputs, constants = (a, b), ()
            else:
                plan, saved = left, save_left((x, y), out, ())
                inputs, constants = (a,), (leaf_of(other),)
        elif number or b is None or not b.requires_grad:
            return result
        else:
            plan, saved = right, save_right((x, y), out, ())
            inputs, constants = (b,), (leaf_of(input),)
        value = None if shape else out
        result._node = Node(plan, inputs, constants, saved, (), shape, dtype, value)
        return result

    return call


def raw(op: Op, values: Sequence[Any], params: tuple[Any, ...]) -> Any:
    """An operation named inside a rule: on arrays the kernel, on Sym and Tracer their reading."""
    for v in values:
        reading = getattr(type(v), "_apply", None)
        if reading is not None:
            return reading(op, values, params)
    if op.variadic:
        return op.kernel(values, *params)
    if op.scalar is not None and all([type(v) is float for v in values]):
        return op.scalar(*values)
    return op.kernel(*values, *params)


def promoted(op: Op, inputs: Sequence[Any], raws: list[Any]) -> list[Any]:
    """The inputs' data in the dtype in which they meet."""
    tensors, numbers = [], []
    skip = len(op.untyped)
    for i, r in zip(inputs[skip:], raws[skip:], strict=True):
        if isinstance(i, Handle):
            tensors.append(r)
        elif type(i) in dtypes.PYTHON and op.numbers:
            numbers.append(i)
        elif i is not None:
            what = f"the number {i!r}" if type(i) in dtypes.PYTHON else f"{type(i).__name__}"
            raise TypeError(
                f"{op.name}(): argument {op.inputs[min(len(tensors), len(op.inputs) - 1)]!r} must "
                f"be Tensor, not {what}: make a tensor of it first (tensor, from_numpy)"
            )
    target = dtypes.result_type(tensors, numbers)
    if op.promote == "float" and target.category < 2:
        target = dtypes.get_default_dtype()
    typed = [cast(r, target) if r is not None else None for r in raws[skip:]]
    return [*raws[:skip], *typed]


def apply(op: Op, inputs: Sequence[Any], params: tuple[Any, ...] = ()) -> Any:
    """Run any operation on tensors, numbers and None, and record it."""
    raws = [i._data if isinstance(i, Handle) else i for i in inputs]
    if not any([isinstance(i, Handle) for i in inputs]):
        return raw(op, inputs, params)
    capture = modes.local.capture if modes.tracing else None
    if capture is not None:
        raws = [capture.lift(i) if isinstance(i, Handle) else i for i in inputs]
    if op.promote != "keep":
        raws = promoted(op, inputs, raws)
    if capture is not None:
        out = raw(op, raws, params)
    else:
        try:
            out = op.kernel(raws, *params) if op.variadic else op.kernel(*raws, *params)
        except (ValueError, TypeError) as error:
            raise explain(op, raws, error) from None
    if op.outputs == 1:
        out = scalar_of(out)
        return make(out, record(op, inputs, raws, out, params, out))
    out = [scalar_of(o) for o in out]
    node = record(op, inputs, raws, out, params, out[0] if out else 0.0)
    if op.aux:  # one differentiable result and what came with it
        return (make(out[0], node), *[make(o) for o in out[1:]])
    return tuple([make(o, pick(node, k, o)) for k, o in enumerate(out)])


def record(
    op: Op, inputs: Sequence[Any], raws: Any, out: Any, params: tuple[Any, ...], first: Any
) -> Any:
    """The node of a call, or None where nothing is to be recorded."""
    if modes.paused and not modes.local.grad:
        return None
    watched = modes.watching and modes.local.watch
    mask, edges, constants = 0, [], []
    dtype = F64 if type(first) is float else first.dtype
    flows = op.differentiable and (dtype.kind in "fc" or dtype is BFLOAT16)
    for k, i in enumerate(inputs):
        node = i._node if isinstance(i, Handle) else None
        if node is not None and node.requires_grad and flows:
            mask |= 1 << k
            edges.append(node)
        else:
            constants.append(i)
    if not mask and not watched:
        return None
    plan = op.plan(mask)
    shape = () if type(first) is float else first.shape
    saved = plan.save(raws, out, params) if mask else ()
    kept = tuple([leaf_of(i) for i in constants])
    value: Any = None if shape else first
    if op.several:  # what the gradient of an unused result looks like
        value = tuple([(getattr(o, "shape", ()), getattr(o, "dtype", F64)) for o in out])
    made = Node(plan, tuple(edges), kept, saved, params, shape, dtype, value)
    made.requires_grad = bool(mask)
    if watched and not op.several:
        modes.annotate(made, first)
    return made


_output = Op(
    OUTPUT,
    lambda input, k: input[k],
    ("input",),
    {"input": lambda g, k: Piece(k, g)},
    params=("k",),
    doc="The k-th result of an operation that has several.",
)


def pick(node: Any, k: int, out: Any) -> Any:
    """The node of the k-th result of an operation that has several."""
    if node is None:
        return None
    dtype = F64 if type(out) is float else out.dtype
    shape = () if type(out) is float else out.shape
    value = None if shape else out
    made = Node(_output.plan(1), (node,), (), (k,), (k,), shape, dtype, value)
    made.requires_grad = node.requires_grad
    return made
