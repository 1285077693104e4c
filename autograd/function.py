"""``Function``: operations that users write themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import modes, views
from .dispatch import pick
from .graph import Node
from .handle import Handle, leaf_of, make


class Context:
    """What ``forward`` hands to ``backward``: saved tensors and whatever attributes it sets."""

    def __init__(self) -> None:
        self.needs_input_grad: tuple[bool, ...] = ()
        self._saved: tuple[Any, ...] = ()
        self._origins: list[tuple[Any, Any, int]] = []
        self._dirty: tuple[Any, ...] = ()
        self._plain: tuple[Any, ...] = ()
        self._materialize = True
        self._freed = False

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep inputs or outputs for ``backward`` (in-place edits of them are noticed there)."""
        self._saved = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What ``save_for_backward`` kept."""
        if self._freed:
            raise RuntimeError(
                "Trying to backward through the graph a second time: the tensors saved by this "
                "Function were freed. Say retain_graph=True the first time."
            )
        made: list[Any] = []
        for t, (data, node, at) in zip(self._saved, self._origins, strict=True):
            if t is None:
                made.append(None)
                continue
            if views.version(make(data)) != at:
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an "
                    "inplace operation: a tensor saved by save_for_backward (shape "
                    f"{list(data.shape) if hasattr(data, 'shape') else []})"
                )
            made.append(make(data, node))
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

    several = variadic = view = False
    inputs: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    aux: tuple[str, ...] = ()
    onnx = None

    def __init__(self, name: str, several: bool) -> None:
        self.name = self.symbol = name
        self.tex = rf"\operatorname{{{{{name}}}}}"
        self.several = several


class _CustomPlan:
    """A user's backward in the form the walker calls."""

    frees = True
    saves = ("ctx",)
    source = ""

    def __init__(self, cls: Any, ctx: Context, mask: int, n: int, several: bool) -> None:
        self.op = _CustomOp(cls.__name__, several)
        self.cls, self.ctx, self.mask = cls, ctx, mask
        self.wanted = tuple(k for k in range(n) if mask >> k & 1)
        self.count = n
        self.shapes: list[tuple[int, ...]] = []

    def backward(self, g: Any, saved: Any) -> tuple[Any, ...]:
        """Call the user's ``backward`` and check what it returns."""
        several = self.op.several
        recorded = any(isinstance(x, Handle) for x in (g if several else [g]))
        every = g if several else [g]
        given = [x if recorded or x is None else make(x) for x in every]
        grads = self.cls.backward(self.ctx, *given)
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
                raise TypeError(
                    f"{self.cls.__name__}.backward must return tensors or None, got "
                    f"{type(x).__name__} for input {k}"
                )
            self._check(x, k)
            out.append(x if x is None or recorded else x._data)
        return tuple(out)

    @property
    def materialize(self) -> bool:
        """Whether results that got no gradient count as zeros."""
        return self.ctx._materialize

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


class Function:
    """An operation of the user's own: ``forward`` and ``backward`` as static methods.

    ``forward(ctx, *args)`` computes with ``ctx.save_for_backward(...)``; or ``forward(*args)`` with
    ``setup_context(ctx, inputs, output)``. ``backward(ctx, *grads)`` returns one gradient (or None)
    for each argument of ``forward``. Call it as ``MyFunction.apply(...)``.

    >>> import chainrule as cr
    >>> class Cube(cr.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x ** 3
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x ** 2
    >>> x = cr.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward(); x.grad
    tensor(12.)
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the result from the arguments."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep what ``backward`` needs, where ``forward`` takes no ``ctx``."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """One gradient for each argument of ``forward``."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run ``forward`` and record it."""
        ctx = Context()
        needs = tuple([isinstance(a, Handle) and a.requires_grad for a in args])  # type: ignore[attr-defined]
        ctx.needs_input_grad = needs
        with modes.no_grad():
            if cls.setup_context is not Function.setup_context:
                result = cls.forward(*args)
                cls.setup_context(ctx, args, result)
            else:
                result = cls.forward(ctx, *args)
        outs = result if isinstance(result, tuple) else (result,)
        if not any(needs) or not modes.recording():
            return result
        made = _record(cls, ctx, args, outs)
        return made if isinstance(result, tuple) else made[0]


def _record(
    cls: Any, ctx: Context, args: tuple[Any, ...], outs: tuple[Any, ...]
) -> tuple[Any, ...]:
    """Give the outputs of a user's Function their node."""
    mask = sum(1 << k for k, need in enumerate(ctx.needs_input_grad) if need)
    several = len(outs) > 1
    plan: Any = _CustomPlan(cls, ctx, mask, len(args), several)
    plan.shapes = [tuple(a.shape) if isinstance(a, Handle) else () for a in args]  # type: ignore[attr-defined]
    inputs = tuple([a._node for a, need in zip(args, ctx.needs_input_grad, strict=True) if need])
    constants = tuple(
        [leaf_of(a) for a, need in zip(args, ctx.needs_input_grad, strict=True) if not need]
    )
    first = outs[0]
    metas = tuple([(tuple(o.shape), o.dtype.np) for o in outs]) if several else None
    value = metas or (first._data if first.ndim == 0 else None)
    node = Node(plan, inputs, constants, (ctx,), (), tuple(first.shape), first.dtype.np, value)
    made: list[Any] = []
    for k, o in enumerate(outs):
        if any(o is p for p in ctx._plain) or o.dtype.category < 2:
            made.append(o)
        elif any(o is d for d in ctx._dirty):
            views.rebase(o, pick(node, k, o._data) if several else node)
            made.append(o)
        else:
            made.append(make(o._data, pick(node, k, o._data) if several else node))
    for t in ctx._saved:
        if t is None:
            ctx._origins.append((None, None, 0))
            continue
        match = next((m for o, m in zip(outs, made, strict=True) if o is t), t)
        ctx._origins.append((t._data, match._node, views.version(make(t._data))))
    ctx._saved = tuple(None if t is None else True for t in ctx._saved)
    return tuple(made)


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a ``backward`` that cannot itself be differentiated."""

    def wrapper(ctx: Any, *grads: Any) -> Any:
        with modes.no_grad():
            return fn(ctx, *[g.detach() if isinstance(g, Handle) else g for g in grads])  # type: ignore[attr-defined]

    return wrapper


__all__ = ["Context", "Function", "once_differentiable"]
