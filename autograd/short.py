"""The short ways into an operation: elementwise, on floats and on arrays of one floating type.

Everything here could go through ``dispatch.apply`` and would end in the same Node; small graphs
spend their time on the way in, so the common cases are written out. What does not fit (other
dtypes, promotion, captures) is handed to ``apply``. ``watching`` counts who looks at operations;
where that is only this thread's ``watch()``, the short way is taken and the node annotated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import handle, modes
from .dispatch import apply, raw
from .dtypes import F32, F64
from .errors import explain
from .graph import Node
from .handle import Handle, leaf_of, new, scalar_of
from .op import Op

ndarray, float32 = np.ndarray, np.float32


def unary(op: Op) -> Callable[[Any], Any]:
    """The short way for an elementwise operation of one argument."""
    kernel, scalar, differentiable = op.kernel, op.scalar, op.differentiable
    plan = op.plan(1 if differentiable else 0)
    keep = plan.keep

    def call(input: Any) -> Any:
        if not isinstance(input, Handle):  # inside a rule
            return kernel(input) if type(input) is ndarray else raw(op, (input,), ())
        watching = modes.watching
        if watching and watching != modes.local.watch:
            return apply(op, (input,))
        x = input._data
        kind = type(x)
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
            return apply(op, (input,)) if watching else result
        if modes.paused and not modes.local.grad:
            return result
        saved = keep(x, out) if keep else ()
        value = None if shape else out
        result._node = Node(plan, (node,), (), saved, (), shape, dtype, value)
        if watching:
            modes.annotate(result._node, out)
        return result

    return call


def binary(op: Op) -> Callable[[Any, Any], Any]:
    """The short way for an elementwise operation of two arguments, one of which may be a number."""
    kernel, scalar = op.kernel, op.scalar or op.kernel
    left, right, both = op.plan(1), op.plan(2), op.plan(3)
    keep_left, keep_right, keep_both = left.keep, right.keep, both.keep

    def call(input: Any, other: Any) -> Any:
        watching = modes.watching
        if watching and watching != modes.local.watch:
            return apply(op, (input, other))
        if isinstance(input, Handle):
            x, a, typed = input._data, input._node, input._data
            kind = type(x)
            if isinstance(other, Handle):
                y, b = other._data, other._node
                kind2 = type(y)
                if kind2 is ndarray and kind is ndarray and x.dtype is not y.dtype:
                    return apply(op, (input, other))
            else:
                y, b, kind2 = other, None, type(other)
                if kind2 is float or kind2 is int:  # a number takes the tensor's dtype
                    kind2 = kind
        elif isinstance(other, Handle):
            x, a, kind = input, None, type(input)
            y, b, typed = other._data, other._node, other._data
            kind2 = type(y)
            if kind is float or kind is int:
                kind = kind2
        else:  # inside a rule
            return raw(op, (input, other), ())
        if kind is not kind2:  # 0-d data may be an array too, where its memory was shared
            if kind is ndarray and not x.ndim:
                x = typed = scalar_of(x[()])
                kind = type(x)
            elif kind2 is ndarray and not y.ndim:
                y = scalar_of(y[()])
                kind2 = type(y)
            if kind is not kind2:
                return apply(op, (input, other))
        try:
            if kind is float:
                out, dtype, shape = scalar(x, y), F64, ()
                if type(out) is not float:
                    out = float(out)
            elif kind is ndarray:
                dtype = typed.dtype
                if dtype is not F32 and dtype is not F64:
                    return apply(op, (input, other))
                out = kernel(x, y)
                if type(out) is ndarray:
                    shape = out.shape
                else:
                    out, shape = scalar_of(out), ()
            elif kind is float32:
                out, dtype, shape = scalar(x, y), F32, ()
                if type(out) is not float32:
                    out = float32(out)
            else:
                return apply(op, (input, other))
        except ArithmeticError:  # NumPy answers inf or nan instead
            return apply(op, (input, other))
        except ValueError as error:
            if kind is ndarray:
                raise explain(op, (x, y), error) from None
            return apply(op, (input, other))
        result = new(handle.tensor_class)
        result._data = out
        result._node = None
        if modes.paused and not modes.local.grad:
            return result
        inputs: tuple[Any, ...]
        constants: tuple[Any, ...]
        if a is not None and a.requires_grad:
            if b is not None and b.requires_grad:
                plan, saved = both, keep_both(x, y, out) if keep_both else ()
                inputs, constants = (a, b), ()
            else:
                plan, saved = left, keep_left(x, y, out) if keep_left else ()
                inputs, constants = (a,), (leaf_of(other),)
        elif b is not None and b.requires_grad:
            plan, saved = right, keep_right(x, y, out) if keep_right else ()
            inputs, constants = (b,), (leaf_of(input),)
        else:
            return apply(op, (input, other)) if watching else result
        value = None if shape else out
        result._node = Node(plan, inputs, constants, saved, (), shape, dtype, value)
        if watching:
            modes.annotate(result._node, out)
        return result

    return call
