"""The node of a user's ``Function``: its context, its plan, and what becomes of its results."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import modes, views
from .dispatch import pick
from .graph import Leaf, Node
from .handle import Handle, leaf_of, make
from .saved import FREED, Packed, given, packed


class Kept:
    """What a Function saved for ``backward`` and for ``jvp``: data, node and version of each."""

    __slots__ = ("__weakref__", "ahead", "back")

    def __init__(self) -> None:
        self.back: list[Any] = []
        self.ahead: list[Any] = []


class Context:
    """What ``forward`` hands to ``backward``: saved tensors and whatever attributes it sets."""

    def __init__(self) -> None:
        self.needs_input_grad: tuple[bool, ...] = ()
        self._saved: tuple[Any, ...] = ()
        self._ahead: tuple[Any, ...] = ()  # what save_for_forward was given
        self._kept: weakref.ref[Kept] | None = None  # the node's: it goes when backward is through
        self._forward = False  # whether jvp is running, which reads the latter
        self._dirty: tuple[Any, ...] = ()
        self._plain: tuple[Any, ...] = ()
        self._materialize = True

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep inputs or outputs for ``backward`` (in-place edits of them are noticed there)."""
        self._saved = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Keep inputs or outputs for ``jvp``, where they are ``ctx.saved_tensors``."""
        self._ahead = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What ``save_for_backward`` kept; inside ``jvp``, what ``save_for_forward`` kept."""
        made: list[Any] = []
        kept = self._kept() if self._kept is not None else Kept()
        if kept is None:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved "
                f"tensors after they have already been freed). {FREED}"
            )
        for origin in kept.ahead if self._forward else kept.back:
            if origin is None:
                made.append(None)
                continue
            data, node, at = origin
            if type(data) is Packed:
                made.append(make(data.data(), node))
                continue
            if views.version(make(data)) != at:
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an "
                    "inplace operation: a tensor saved by save_for_backward (shape "
                    f"{list(data.shape) if hasattr(data, 'shape') else []}). Save a clone, or "
                    "write the edit out of place."
                )
            made.append(make(data) if node is None else given(data, node))
        return tuple(made)

    def mark_non_differentiable(self, *outputs: Any) -> None:
        """These outputs carry no gradient."""
        self._plain = outputs

    def mark_dirty(self, *inputs: Any) -> None:
        """These inputs were edited in place by ``forward``."""
        self._dirty = inputs

    def set_materialize_grads(self, value: bool) -> None:
        """Whether missing output gradients arrive as zeros (the default) or as None."""
        self._materialize = value


class _CustomOp:
    """The face of a user's Function where a node expects its operation."""

    several = variadic = view = partial = False
    inputs: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    aux: tuple[str, ...] = ()
    onnx = None

    def __init__(self, name: str, several: bool) -> None:
        self.name = self.symbol = name
        self.tex = rf"\operatorname{{{{{name}}}}}"
        self.several = several


class FunctionNode(Node):
    """The node of a user's Function: it answers with the attributes of the context."""

    __slots__ = ()

    def name(self) -> str:
        """PyTorch's name of the node: ``CubeBackward``."""
        return f"{self.plan.op.name}Backward"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # a protocol's question
            raise AttributeError(name)
        return getattr(self.plan.ctx, name)  # type: ignore[attr-defined]  # a CustomPlan


class CustomPlan:
    """A user's backward in the form the walker calls."""

    frees = True
    saves = ("ctx",)
    source = ""

    def __init__(self, cls: Any, ctx: Context, args: Sequence[Any], several: bool) -> None:
        needs = ctx.needs_input_grad
        self.op = _CustomOp(cls.__name__, several)
        self.cls, self.ctx = cls, ctx
        self.mask = sum(1 << k for k, need in enumerate(needs) if need)
        self.wanted = tuple(k for k, need in enumerate(needs) if need)
        self.count = len(args)
        self.shapes = [tuple(a.shape) if isinstance(a, Handle) else () for a in args]  # type: ignore[attr-defined]
        self.materialize = ctx._materialize

    def backward(self, g: Any, saved: Any) -> tuple[Any, ...]:
        """Call the user's ``backward`` and check what it returns."""
        every = g if self.op.several else [g]
        recorded = any(isinstance(x, Handle) for x in every)
        arrived = [x if recorded or x is None else make(x) for x in every]
        grads = self.cls._reverse()(self.ctx, *arrived)
        grads = grads if isinstance(grads, tuple) else (grads,)
        if len(grads) > self.count and all(x is None for x in grads[self.count :]):
            grads = grads[: self.count]
        if len(grads) != self.count:
            raise RuntimeError(
                f"function {self.cls.__name__}Backward returned an incorrect number of gradients "
                f"(expected {self.count}, got {len(grads)})"
            )
        out = []
        for k in self.wanted:
            x = grads[k]
            if x is not None and not isinstance(x, Handle):
                raise RuntimeError(
                    f"expected Variable or None (got {type(x).__name__}): "
                    f"{self.cls.__name__}.backward must return a tensor or None for input {k}"
                )
            self._check(x, k)
            out.append(x if x is None or recorded else x._data)
        return tuple(out)

    @property
    def jvp(self) -> Callable[..., tuple[Any, ...]] | None:
        """The user's ``jvp`` as a function of the tangents, or None where there is none."""
        return self._tangents if self.cls._has_jvp() else None

    def _tangents(self, *tangents: Any) -> tuple[Any, ...]:
        self.ctx._forward = True
        try:
            outs = self.cls.jvp(self.ctx, *tangents)
        finally:
            self.ctx._forward = False
        return outs if isinstance(outs, tuple) else (outs,)

    def _check(self, grad: Any, k: int) -> None:
        """Refuse a gradient that cannot be summed to its input's shape."""
        if grad is None:
            return
        shape, expected = tuple(grad.shape), self.shapes[k]
        lead = len(shape) - len(expected)
        pairs = zip(shape[max(lead, 0) :], expected, strict=False)
        if shape and (lead < 0 or any(m != 1 and n != m for n, m in pairs)):
            raise RuntimeError(
                f"Function {self.cls.__name__}Backward returned an invalid gradient at index {k} - "
                f"got {list(shape)} but expected shape compatible with {list(expected)}"
            )


def finish(cls: Any, ctx: Context, args: tuple[Any, ...], outs: tuple[Any, ...]) -> list[Any]:
    """A Function's results as its caller gets them: recorded, aliases and edits taken care of."""
    _check_lists(ctx, outs)
    flows = [
        isinstance(o, Handle) and o.dtype.category >= 2 and not _among(o, ctx._plain)  # type: ignore[attr-defined]
        for o in outs
    ]
    node = None
    if any(ctx.needs_input_grad) and modes.recording() and any(flows):
        node = _node(cls, ctx, args, outs, flows)
    several = len(outs) > 1
    made: dict[int, Any] = {}
    for k, (o, flow) in enumerate(zip(outs, flows, strict=True)):
        if isinstance(o, Handle) and id(o) not in made:
            own = None if node is None or not flow else node
            if own is not None and several:
                own = pick(own, k, o._data)
            made[id(o)] = _result(cls, o, own, ctx, args)
    results = [made.get(id(o), o) for o in outs]
    if node is not None:
        kept = node.saved[0] if node.saved else Kept()
        kept.back = [_origin(t, outs, results) for t in ctx._saved]
        kept.ahead = [_origin(t, outs, results) for t in ctx._ahead]
    ctx._saved = ctx._ahead = ()
    return results


def _among(t: Any, tensors: Sequence[Any]) -> bool:
    return any(t is o for o in tensors)


def _check_lists(ctx: Context, outs: Sequence[Any]) -> None:
    for k, t in enumerate(ctx._saved):
        if t is not None and not isinstance(t, Handle):
            raise TypeError(
                f"save_for_backward can only save variables, but argument {k} is of type "
                f"{type(t).__name__}: keep other things as attributes, ctx.name = value"
            )
    for t in ctx._dirty:
        if not _among(t, outs):
            raise RuntimeError(
                "Some elements marked as dirty during the forward method were not returned as "
                "output. The inputs that are modified inplace must all be outputs of the Function."
            )
        if modes.recording() and type(t._node) is Leaf and t._node.requires_grad:
            raise RuntimeError(
                "a leaf Variable that requires grad has been used in an in-place operation."
            )


def _node(
    cls: Any, ctx: Context, args: tuple[Any, ...], outs: Sequence[Any], flows: Sequence[bool]
) -> Node:
    several = len(outs) > 1
    needs = ctx.needs_input_grad
    plan: Any = CustomPlan(cls, ctx, args, several)
    inputs = tuple([a._node for a, need in zip(args, needs, strict=True) if need])
    constants = tuple([leaf_of(a) for a, need in zip(args, needs, strict=True) if not need])
    first = outs[flows.index(True)]
    shape, dtype = tuple(first.shape), first.dtype.np
    value: Any = first._data if first.ndim == 0 else None
    if several:  # what the gradient of an unused result looks like
        value = tuple(
            [(tuple(o.shape), o.dtype.np) if isinstance(o, Handle) else None for o in outs]  # type: ignore[attr-defined]
        )
    kept = Kept()
    ctx._kept = weakref.ref(kept)
    node = FunctionNode(plan, inputs, constants, (kept,), (), shape, dtype, value)
    if modes.watching:
        modes.observe(node, first._data)
    return node


def _result(cls: Any, o: Any, node: Any, ctx: Context, args: tuple[Any, ...]) -> Any:
    """One result: an edited input itself, a view where it shares memory with an input."""
    if _among(o, ctx._dirty):
        views.bump(o, f"{cls.__name__} (mark_dirty)")
        if node is not None:
            views.rebase(o, node)
        return o
    source = next((a for a in args if isinstance(a, Handle) and _shares(o, a)), None)
    if source is None and node is None:
        return o
    result = make(o._data, node)
    if source is not None and type(o._data) is np.ndarray:
        views.alias(result, source)
    return result


def _shares(o: Any, a: Any) -> bool:
    return o is a or views.shares(o._data, a._data)


def _origin(t: Any, outs: Sequence[Any], made: Sequence[Any]) -> Any:
    """A saved tensor's data, node and version: no Tensor, which would close a circle."""
    if t is None:
        return None
    t = next((m for o, m in zip(outs, made, strict=True) if o is t), t)
    packers = modes.local.packers
    if packers:
        hooks = (packers[-1].pack_hook, packers[-1].unpack_hook)
        return packed(t._data, leaf_of(t), hooks), t._node, 0
    return t._data, t._node, views.version(make(t._data))
