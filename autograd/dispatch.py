"""Calling an operation: run the kernel, save what the rules name, make the node.

``apply`` is the general way, which promotes dtypes and takes any operation; short.py has the short
ways of elementwise operations on floats and on arrays of one floating type. All end in the same
Node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import batched, dtypes, modes
from .batched import Batched
from .dtypes import F32, F64
from .errors import explain
from .graph import OUTPUT, Node, Piece
from .handle import Handle, cast, leaf_of, make, scalar_of
from .op import ALL, REFUSED, Op

ndarray = np.ndarray
SCALARS = (float, np.float32)  # 0-d data that is kept out of NumPy
BFLOAT16 = dtypes.bfloat16.np


def raw(op: Op, values: Sequence[Any], params: tuple[Any, ...]) -> Any:
    """An operation named inside a rule: on arrays the kernel, on Sym and Tracer their reading."""
    for v in values:
        reading = getattr(type(v), "_apply", None)
        if reading is not None:
            return reading(op, values, params)
    if op.variadic:
        return op.kernel(values, *params)
    kind = type(values[0])
    if op.scalar is not None and kind in SCALARS and all([type(v) is kind for v in values]):
        try:
            return kind(op.scalar(*values))
        except (ArithmeticError, ValueError):  # NumPy answers inf or nan instead
            return scalar_of(op.kernel(*[np.asarray(v)[()] for v in values]))
    return op.kernel(*values, *params)


def alike(inputs: Sequence[Any], raws: list[Any]) -> bool:
    """Whether all are tensors of one floating type with dimensions: nothing to promote."""
    first = raws[0]
    if type(first) is not ndarray or (first.dtype is not F32 and first.dtype is not F64):
        return False
    for i, r in zip(inputs, raws, strict=True):
        if r is not None and (r is i or type(r) is not ndarray or r.dtype is not first.dtype):
            return False
    return True


def promoted(op: Op, inputs: Sequence[Any], raws: list[Any]) -> list[Any]:
    """The inputs' data in the dtype in which they meet."""
    if alike(inputs, raws):
        return raws
    tensors, numbers = [], []
    skip = len(op.untyped)
    for i, r in zip(inputs[skip:], raws[skip:], strict=True):
        if isinstance(i, (Handle, np.ndarray)):  # an array counts as a tensor without history
            tensors.append(r)
        elif op.numbers and (type(i) in dtypes.PYTHON or isinstance(i, np.generic)):
            numbers.append(i.item() if isinstance(i, np.generic) else i)
        elif i is not None or op.numbers:
            what = f"the number {i!r}" if type(i) in dtypes.PYTHON else f"{type(i).__name__}"
            raise TypeError(
                f"{op.name}(): argument {op.inputs[min(len(tensors), len(op.inputs) - 1)]!r} must "
                f"be Tensor, not {what}: make a tensor of it first (tensor, from_numpy)"
            )
    target = dtypes.result_type(tensors, numbers)
    if target.category == 3 and op.complex_rules is REFUSED:
        raise NotImplementedError(
            f'"{op.name}" not implemented for {target}: take .abs() or .real of it first'
        )
    if op.promote == "float" and target.category < 2:
        target = dtypes.get_default_dtype()
    typed = [cast(r, target) if r is not None else None for r in raws[skip:]]
    return [*raws[:skip], *typed]


def apply(op: Op, inputs: Sequence[Any], params: tuple[Any, ...] = ()) -> Any:
    """Run any operation on tensors, numbers and None, and record it."""
    if modes.watching and modes.local.around is not None:
        return modes.local.around(op, inputs, params)
    raws = [i._data if isinstance(i, Handle) else i for i in inputs]
    if not any([isinstance(i, Handle) for i in inputs]):
        return raw(op, inputs, params)
    many = False  # whether this is an operation on examples of a vmap
    if modes.batching:
        if modes.local.levels and not op.lifts and modes.recording():
            inputs = batched.admit(inputs)
        many = any([type(r) is Batched for r in raws])
    capture = modes.local.capture if modes.tracing else None
    if capture is not None:
        raws = [capture.lift(i) if isinstance(i, Handle) else i for i in inputs]
    if op.promote != "keep":
        raws = promoted(op, inputs, raws)
    if capture is not None:
        out = raw(op, raws, params)
    else:
        try:
            if many:
                out = raw(op, raws, params)
            else:
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
    bits, edges, constants = [], [], []
    dtype = F64 if type(first) is float else first.dtype
    flows = op.differentiable and (dtype.kind in "fc" or dtype is BFLOAT16)
    for k, i in enumerate(inputs):
        node = i._node if isinstance(i, Handle) else None
        if node is not None and node.requires_grad and flows:
            edges.append(node)
            bits.append(k)
        else:
            constants.append(i)
    if not edges and not watched:
        return None
    mask = ALL if op.variadic and not constants else sum([1 << k for k in bits])
    own = op.complex_rules is not None and any([node.dtype.kind == "c" for node in edges])
    plan = op.complex_plan(mask) if own or dtype.kind == "c" else op.plan(mask)
    shape = () if type(first) is float else first.shape
    saved = plan.save(raws, out, params) if mask else ()
    kept = tuple([leaf_of(i) for i in constants])
    value: Any = None if shape else _number(first)
    if op.several:  # what the gradient of an unused result looks like
        value = tuple([(getattr(o, "shape", ()), getattr(o, "dtype", F64)) for o in out])
    made = Node(plan, tuple(edges), kept, saved, params, shape, dtype, value)
    made.requires_grad = bool(mask)
    if modes.watching:
        modes.observe(made, first)
    return made


def _number(out: Any) -> Any:
    """A 0-d result by itself, where it is a view that shares memory with others."""
    return scalar_of(out[()]) if type(out) is ndarray else out


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
    value = None if shape else _number(out)
    made = Node(_output.plan(1), (node,), (), (k,), (k,), shape, dtype, value)
    made.requires_grad = node.requires_grad
    if modes.watching and modes.local.watch:
        modes.annotate(made, out)
    return made
