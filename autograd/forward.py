"""Forward mode: tangents sent along a recorded graph, from inputs to results.

A tangent is the derivative of a value in one direction. For each node, oldest first, the tangents
of its inputs become the tangent of its result. No operation declares how; it follows from the rule
that it declares for the way back:

- elementwise: the Jacobian is diagonal, so the local derivative multiplies a tangent as it
  multiplies a gradient;
- linear: the operation itself, applied to the tangent;
- any other: the rule is a linear map g → gᵀJ. The derivative of that map with respect to g, applied
  backwards to the tangent t, is J t ("forward mode is reverse mode twice").

A user's ``Function`` may bring its own ``jvp``. Nodes are told apart by identity, so that nested
derivatives of one variable are never mixed up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import modes, views
from .dispatch import apply
from .dtypes import BY_NP
from .fitting import fit
from .graph import OUTPUT, Leaf, between, toposort
from .handle import Handle, make, scalar_of
from .op import Op
from .ops.shape import expand
from .saved import freed, narrowed, saved_tensors, unpacked
from .walker import walk

# Linear in each of these alone: the tangent is the sum of the results with one of them replaced.
# (That follows from the rules too, by the general way, at three times the products.)
MULTILINEAR = {"matmul": ("input", "other"), "linear": ("input", "weight")}

alias: Op = Op(
    "alias",
    lambda input: input,
    ("input",),
    {"input": 1},
    promote="keep",
    linear_in=("input",),
    onnx="Identity",
    samples=lambda s: [(s(2, 3),), (s(),), (s(0, 2),), (s(1),)],
    doc="The same value under another node: a variable of its own for a nested derivative.",
)
alias.call = lambda input: apply(alias, (input,))


class Probe(Leaf):
    """The stand-in for a gradient when a rule is differentiated with respect to it."""


def push(outputs: Sequence[Any], tangents: Mapping[Any, Any], *, recorded: bool) -> list[Any]:
    """The tangents of the nodes ``outputs``, given those of some of the nodes they come from.

    Tangents are raw data, or Tensors where the derivative is itself to be ``recorded``; None stands
    for zero. Raises RuntimeError where the graph was freed, or a value it saved was edited since.
    """
    roots = [node for node in outputs if node is not None]
    order = between(toposort(roots), set(tangents))
    checking = views.edited_since(order)
    flow: dict[Any, Any] = dict(tangents)
    with modes.enable_grad() if recorded else modes.no_grad():
        for node in reversed(order):
            if node not in flow:
                if checking and node.saved:
                    views.check_saved(node)
                flow[node] = _step(node, [flow.get(i) for i in node.inputs], recorded)
    return [flow.get(node) for node in outputs]


def _step(node: Any, given: list[Any], recorded: bool) -> Any:
    """The tangent of one node's result (a list of tangents where it has several)."""
    op = node.plan.op
    if node.saved is None:
        raise freed(node)
    if op.name == OUTPUT:
        return given[0][node.params[0]]
    saved = node.saved if node.extra is None else unpacked(node.saved)
    own = getattr(node.plan, "jvp", None)
    if own is not None:
        return _own(node, own, given, recorded)
    if "ctx" in node.plan.saves or op.outputs != 1 or node.dtype.kind == "c":
        return _transposed(node, given, saved, recorded)
    if op.partial:
        return _diagonal(node, given, saved, recorded)
    out = NotImplemented
    if op.linear_in:
        out = _linear(node, given, saved, recorded)
    elif op.name in MULTILINEAR:
        out = _multilinear(node, given, saved, recorded)
    return _transposed(node, given, saved, recorded) if out is NotImplemented else out


def _diagonal(node: Any, given: list[Any], saved: tuple[Any, ...], recorded: bool) -> Any:
    """Elementwise: each local derivative times its tangent."""
    total: Any = None
    for k, (at, t) in enumerate(zip(node.plan.wanted, given, strict=True)):
        if t is None:
            continue
        if node.inputs[k].dtype.kind == "c":  # a real result: the rule is no plain product
            return _transposed(node, given, saved, recorded)
        plan = node.plan.op.plan(1 << at)
        part = tuple([saved[node.plan.saves.index(name)] for name in plan.saves])
        g = _stretched(t, node, recorded)
        if recorded:
            out = plan.backward(g, saved_tensors(node, plan, part))[0]
        else:
            try:
                out = plan.backward(g, part)[0]
            except ArithmeticError:  # a Python float divided by zero: NumPy answers inf or nan
                out = plan.backward(*_numpy((g, part)))[0]
        out = _fitted(out, node.shape, node.dtype, recorded)
        total = out if total is None else total + out
    return total


def _numpy(value: Any) -> Any:
    """Python floats as NumPy's, which divide by zero."""
    if type(value) is tuple:
        return tuple(map(_numpy, value))
    return np.float64(value) if type(value) is float else value


def _linear(node: Any, given: list[Any], saved: tuple[Any, ...], recorded: bool) -> Any:
    """Linear in all its inputs together: the operation applied to the tangents."""
    op, plan = node.plan.op, node.plan
    operands = node.operands()
    tangents = iter(given)
    flows = [plan.mask >> k & 1 for k in range(len(operands))]
    args = []
    for k, (operand, flow) in enumerate(zip(operands, flows, strict=True)):
        name = op.inputs[0] if op.variadic else op.inputs[k]
        if name in op.linear_in:
            t = next(tangents) if flow else None
            args.append(_zeros(operand) if t is None else _tensor(t))
        elif flow or (not callable(op.rules) and name in op.rules):
            return NotImplemented  # linear in one argument while another varies too
        elif operand is None or not hasattr(operand, "serial"):
            args.append(operand)
        elif name in plan.saves:  # a mask, an index
            args.append(make(saved[plan.saves.index(name)]))
        else:
            return NotImplemented
    out = apply(op, args, node.params)
    return _fitted(out if recorded else out._data, node.shape, node.dtype, recorded)


def _multilinear(node: Any, given: list[Any], saved: tuple[Any, ...], recorded: bool) -> Any:
    """Linear in each input: the sum of the operation with one input replaced by its tangent."""
    op, plan = node.plan.op, node.plan
    factors = MULTILINEAR[op.name]
    known = saved_tensors(node, plan, saved)
    if not recorded:
        known = _plain(known)
    total: Any = None
    for at, t in zip(plan.wanted, given, strict=True):
        if t is None:
            continue
        if op.inputs[at] in factors:
            args: list[Any] = [None] * len(op.inputs)  # without the bias
            for k, name in enumerate(op.inputs):
                if name in factors:
                    args[k] = _tensor(t) if k == at else known[plan.saves.index(name)]
            out = apply(op, args, node.params)
        else:  # a bias
            out = expand(_tensor(t), node.shape)
        total = out if total is None else total + out
    return _fitted(total if recorded else total._data, node.shape, node.dtype, recorded)


def _transposed(node: Any, given: list[Any], saved: tuple[Any, ...], recorded: bool) -> Any:
    """The general case: the rule g → gᵀJ is linear; its own backward, at t, is J t."""
    op = node.plan.op
    plan, inputs = node.plan, node.inputs
    if any([t is None for t in given]):
        useful = {i for i, t in zip(inputs, given, strict=True) if t is not None}
        plan, saved, inputs = narrowed(node, useful, saved)
    with modes.enable_grad():
        metas = node.value if op.several else [(node.shape, node.dtype)]
        probes = [_probe(shape, dtype) for shape, dtype in metas]
        known = saved_tensors(node, plan, saved)
        if not recorded:
            known = _plain(known)
        grads = plan.backward(probes if op.several else probes[0], known)
        tangent = dict(zip(node.inputs, given, strict=True))
        seeds = []
        for inp, g in zip(inputs, grads, strict=True):
            t = tangent[inp]
            if t is None or not isinstance(g, Handle):
                continue
            g = fit(g, inp)
            if g._node is not None and g._node.requires_grad:
                seeds.append((g._node, t))
            elif "ctx" in plan.saves and np.any(views.as_array(g)):
                raise RuntimeError(
                    f"Trying to use forward AD with {op.name}, whose backward cannot itself be "
                    "differentiated and which has no jvp: give the Function a jvp staticmethod."
                )
    places = [p._node for p in probes]
    found = walk(seeds, set(places), keep=True, recorded=recorded, into_leaves=False)
    outs = [found.get(p) for p in places]
    return outs if op.several else outs[0]


def _own(node: Any, rule: Any, given: list[Any], recorded: bool) -> Any:
    """A user's Function with a ``jvp`` of its own."""
    op, plan = node.plan.op, node.plan
    flowing = iter(given)
    args: list[Any] = []
    for k, operand in enumerate(node.operands()):
        t = next(flowing) if plan.mask >> k & 1 else None
        if t is None and plan.materialize and hasattr(operand, "serial"):
            t = _zeros(operand)
        args.append(None if t is None else _tensor(t))
    outs = rule(*args)
    metas = node.value if op.several else [(node.shape, node.dtype)]
    if len(outs) != len(metas):
        raise RuntimeError(
            f"{op.name}.jvp returned {len(outs)} tangents for the {len(metas)} results of forward"
        )
    made: list[Any] = []
    for k, (out, (shape, dtype)) in enumerate(zip(outs, metas, strict=True)):
        if out is not None and tuple(out.shape) != tuple(shape):
            raise RuntimeError(
                f"{op.name}.jvp returned a tangent of shape {list(out.shape)} for result {k}, of "
                f"shape {list(shape)}"
            )
        data = out if out is None or recorded else out._data
        made.append(None if out is None else _fitted(data, shape, dtype, recorded))
    return made if op.several else made[0]


# -- small things ---------------------------------------------------------------------------------


class _Place:
    """A shape and a dtype, where ``fit`` expects a node."""

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape, self.dtype = tuple(shape), dtype


def _stretched(t: Any, node: Any, recorded: bool) -> Any:
    """A tangent broadcast to the shape of a node's result, in its dtype."""
    if tuple(getattr(t, "shape", ())) != node.shape:
        t = expand(t, node.shape)
    return _fitted(t, node.shape, node.dtype, recorded)


def _fitted(t: Any, shape: tuple[int, ...], dtype: Any, recorded: bool) -> Any:
    """A tangent in the shape and dtype of its value."""
    if recorded and not isinstance(t, Handle):
        t = make(t)
    same = tuple(getattr(t, "shape", ())) == tuple(shape)
    if same and (t.dtype.np if recorded else getattr(t, "dtype", _FLOAT)) == dtype:
        return t
    return fit(t, _Place(shape, dtype))


_FLOAT = np.dtype(np.float64)


def _probe(shape: tuple[int, ...], dtype: Any) -> Any:
    """A gradient of ones to differentiate a rule with respect to (any value would do)."""
    data = scalar_of(np.ones(shape, dtype)[()])
    return make(data, Probe(data, dtype.kind in "fc" or BY_NP[dtype].category >= 2))


def _tensor(t: Any) -> Any:
    return t if isinstance(t, Handle) else make(t)


def _zeros(operand: Any) -> Any:
    """A zero tangent for an operand: a number for a number, None for one that was left out."""
    if operand is None:
        return None
    if not hasattr(operand, "serial"):
        return 0.0
    return make(scalar_of(np.zeros(operand.shape, operand.dtype)[()]))


def _plain(saved: Any) -> Any:
    """Saved values as Tensors without history."""
    if type(saved) is tuple:  # subclasses are parameters
        return tuple(map(_plain, saved))
    return make(saved._data) if isinstance(saved, Handle) else saved
